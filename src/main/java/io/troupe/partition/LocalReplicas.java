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
 * The replicas that this broker leads at the moment: how handlers on any thread find a leader without a message. A
 * partition stands here from the moment its Replica may accept writes in its leader epoch until it resigns.
 */
public final class LocalReplicas {

    /** A leader replica: its actor and what may be read of it. */
    public static final class Leader {
        private final ActorRef<Replica.Command> replica;
        private volatile LogView view;

        public Leader(ActorRef<Replica.Command> replica, LogView view) {
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

    private record Key(Uuid topicId, int partition) {
        // Asked for each partition of each request. A record's own go through method handles, which the interpreter
        // and the quick compiler call one by one.
        @Override
        public boolean equals(Object other) {
            return other instanceof Key key && partition == key.partition && topicId.equals(key.topicId);
        }

        @Override
        public int hashCode() {
            return 31 * topicId.hashCode() + partition;
        }
    }

    private final ConcurrentHashMap<Key, Leader> leaders = new ConcurrentHashMap<>();
    private final Set<Await> awaiting = ConcurrentHashMap.newKeySet();

    /** Null when this broker does not lead the partition (now). */
    public Leader leader(Uuid topicId, int partition) {
        return leaders.get(new Key(topicId, partition));
    }

    public Collection<Leader> all() {
        return leaders.values();
    }

    /** Only a Replica that has become leader calls this. */
    public void lead(TopicIdPartition partition, Leader leader) {
        Key key = new Key(partition.topicId(), partition.partition());
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
        final Set<Key> missing = ConcurrentHashMap.newKeySet();
        final CompletableFuture<Void> done = new CompletableFuture<>();

        Await(Collection<TopicIdPartition> partitions) {
            partitions.forEach(p -> missing.add(new Key(p.topicId(), p.partition())));
        }

        void look() {
            missing.removeIf(leaders::containsKey);
            completeWhenAllLed();
        }

        void led(Key key) {
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
        leaders.remove(new Key(partition.topicId(), partition.partition()), leader);
    }
}
