package io.troupe.partition;

import java.util.Collection;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.Uuid;
import org.apache.pekko.actor.typed.ActorRef;

/**
 * The replicas that this broker leads, and those that it follows, at the moment: how handlers on any thread find one without a
 * message. A partition stands here as led from the moment its Replica may accept writes in its leader epoch until it resigns, as followed
 * while its log is open and another broker leads, or nobody.
 */
public final class LocalReplicas {

    /** A replica that may be read from: its actor and what may be read of it. */
    public abstract static sealed class Readable {
        private final ActorRef<Replica.Command> replica;
        private volatile LogView view;

        private Readable(ActorRef<Replica.Command> replica, LogView view) {
            this.replica = replica;
            this.view = view;
        }

        public ActorRef<Replica.Command> replica() {
            return replica;
        }

        public LogView view() {
            return view;
        }

        /** Only the Replica itself calls this. */
        public void publish(LogView newer) {
            view = newer;
        }
    }

    public static final class Leader extends Readable {
        public Leader(ActorRef<Replica.Command> replica, LogView view) {
            super(replica, view);
        }
    }

    public static final class Follower extends Readable {
        public Follower(ActorRef<Replica.Command> replica, LogView view) {
            super(replica, view);
        }
    }

    private final ConcurrentHashMap<PartitionKey, Leader> leaders = new ConcurrentHashMap<>();
    private final ConcurrentHashMap<PartitionKey, Follower> followers = new ConcurrentHashMap<>();
    private final Set<Await> awaiting = ConcurrentHashMap.newKeySet();

    /** Null when this broker does not lead the partition (now). */
    public Leader leader(Uuid topicId, int partition) {
        return leaders.get(new PartitionKey(topicId, partition));
    }

    /** Null when this broker does not follow the partition (now). */
    public Follower follower(Uuid topicId, int partition) {
        return followers.get(new PartitionKey(topicId, partition));
    }

    /** Only a Replica that follows calls this. */
    public void follow(TopicIdPartition partition, Follower follower) {
        followers.put(PartitionKey.of(partition), follower);
    }

    /** Only the Replica that follows calls this; a newer one that already stands there stays. */
    public void unfollow(TopicIdPartition partition, Follower follower) {
        followers.remove(PartitionKey.of(partition), follower);
    }

    /** The leaders. */
    public Collection<Leader> all() {
        return leaders.values();
    }

    /** Only a Replica that has become leader calls this. */
    public void lead(TopicIdPartition partition, Leader leader) {
        PartitionKey key = PartitionKey.of(partition);
        leaders.put(key, leader);
        // Only this one: a start waits for all partitions at once, and looking at each of them each time takes its
        // square.
        awaiting.forEach(await -> await.led(key));
    }

    /**
     * Waits, without a thread, until this broker leads all of them.
     *
     * @return completed then, or when the time is up, whichever comes first; never fails
     */
    public CompletionStage<Void> awaitLed(Collection<TopicIdPartition> partitions, long timeoutMs) {
        Await await = new Await(partitions);
        // Stands in the set before it looks, so that no leader between the two is missed.
        awaiting.add(await);
        await.done.completeOnTimeout(null, timeoutMs, TimeUnit.MILLISECONDS);
        await.done.whenComplete((done, failure) -> awaiting.remove(await));
        await.look();
        return await.done;
    }

    private final class Await {
        final Set<PartitionKey> missing = ConcurrentHashMap.newKeySet();
        final CompletableFuture<Void> done = new CompletableFuture<>();

        Await(Collection<TopicIdPartition> partitions) {
            partitions.forEach(p -> missing.add(PartitionKey.of(p)));
        }

        void look() {
            missing.removeIf(leaders::containsKey);
            completeWhenAllLed();
        }

        void led(PartitionKey key) {
            missing.remove(key);
            completeWhenAllLed();
        }

        private void completeWhenAllLed() {
            if (missing.isEmpty()) {
                done.complete(null);
            }
        }
    }

    /** Only the Replica that leads calls this; a newer leader that already stands there stays. */
    public void resign(TopicIdPartition partition, Leader leader) {
        leaders.remove(PartitionKey.of(partition), leader);
    }
}
