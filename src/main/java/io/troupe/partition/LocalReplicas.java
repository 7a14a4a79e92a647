package io.troupe.partition;

import java.util.Collection;
import java.util.concurrent.ConcurrentHashMap;
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

    private record Key(Uuid topicId, int partition) {}

    private final ConcurrentHashMap<Key, Leader> leaders = new ConcurrentHashMap<>();

    /** Null when this broker does not lead the partition (now). */
    public Leader leader(Uuid topicId, int partition) {
        return leaders.get(new Key(topicId, partition));
    }

    public Collection<Leader> all() {
        return leaders.values();
    }

    /** Only a Replica that has become leader calls this. */
    public void lead(TopicIdPartition partition, Leader leader) {
        leaders.put(new Key(partition.topicId(), partition.partition()), leader);
    }

    /** Only the Replica that leads calls this; a newer leader that already stands there stays. */
    public void resign(TopicIdPartition partition, Leader leader) {
        leaders.remove(new Key(partition.topicId(), partition.partition()), leader);
    }
}
