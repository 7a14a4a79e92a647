package io.troupe.group;

import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.protocol.Errors;
import org.apache.pekko.actor.typed.ActorRef;

/**
 * A led partition of {@code __consumer_offsets} and the requests under way in it, so that none is left without an answer
 * when its coordinator goes, whatever mailbox it is in then. Any thread.
 */
final class LedPartition {
    /** The answer to one request. */
    static final class Pending<T> implements Reply<T> {
        final CompletableFuture<T> stage = new CompletableFuture<>();
        private GroupRequest request;
        private volatile LedPartition at;

        @Override
        public void answer(T response) {
            LedPartition partition = at;
            if (partition != null) {
                partition.open.remove(this);
            }
            stage.complete(response);
        }

        @Override
        public void forgo() {
            LedPartition partition = at;
            if (partition != null) {
                partition.open.remove(this);
            }
        }
    }

    private final TopicIdPartition partition;
    private final ActorRef<GroupCoordinator.Command> coordinator;
    private final Set<Pending<?>> open = ConcurrentHashMap.newKeySet();
    private volatile boolean closed;

    LedPartition(TopicIdPartition partition, ActorRef<GroupCoordinator.Command> coordinator) {
        this.partition = partition;
        this.coordinator = coordinator;
    }

    TopicIdPartition partition() {
        return partition;
    }

    ActorRef<GroupCoordinator.Command> coordinator() {
        return coordinator;
    }

    void send(GroupRequest request, Pending<?> pending) {
        pending.request = request;
        pending.at = this;
        open.add(pending);
        if (closed) {
            // close() may have looked before this one was there.
            open.remove(pending);
            request.refuse(Errors.NOT_COORDINATOR);
        } else {
            coordinator.tell(new GroupCoordinator.Ask(request));
        }
    }

    /** Answers all that is under way, and all that still comes, with NOT_COORDINATOR. */
    void close() {
        closed = true;
        for (Pending<?> pending : open) {
            pending.request.refuse(Errors.NOT_COORDINATOR);
        }
    }
}
