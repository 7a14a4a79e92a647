package io.troupe.partition;

import io.troupe.model.ReplicaId;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Props;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.apache.pekko.cluster.sharding.typed.ClusterShardingSettings;
import org.apache.pekko.cluster.sharding.typed.ShardingEnvelope;
import org.apache.pekko.cluster.sharding.typed.ShardingMessageExtractor;
import org.apache.pekko.cluster.sharding.typed.javadsl.ClusterSharding;
import org.apache.pekko.cluster.sharding.typed.javadsl.Entity;
import org.apache.pekko.cluster.sharding.typed.javadsl.EntityTypeKey;

/**
 * Replicas as Cluster Sharding entities: entity id {@link ReplicaId#entityId}, shard id the broker's id. Sharding starts
 * and finds them; what is hot goes by direct reference ({@link LocalReplicas}). They never passivate.
 */
public final class ReplicaSharding {
    public static final EntityTypeKey<Replica.Command> TYPE_KEY =
            EntityTypeKey.create(Replica.Command.class, "replica");

    private ReplicaSharding() {}

    /** The cluster role that a broker's node must carry; without it none of its replicas ever starts. */
    public static String role(int brokerId) {
        return BrokerShardAllocation.role(String.valueOf(brokerId));
    }

    /**
     * Starts this node's region. Once per actor system.
     *
     * @param entityProps the dispatcher of the Replicas
     * @return the region: what {@link ReplicaStarter} sends through
     */
    public static ActorRef<ShardingEnvelope<Replica.Command>> start(
            ActorSystem<?> system, ReplicaSettings settings, Props entityProps) {
        return ClusterSharding.get(system)
                .init(Entity.of(
                                TYPE_KEY,
                                entity -> ReplicaActor.create(ReplicaId.parse(entity.getEntityId()), settings))
                        .withMessageExtractor(new ByBroker())
                        .withEntityProps(entityProps)
                        .withSettings(ClusterShardingSettings.create(system).withNoPassivationStrategy())
                        .withAllocationStrategy(new BrokerShardAllocation(Adapter.toClassic(system)))
                        .withStopMessage(ReplicaActor.ShardStop.SHARD_STOP));
    }

    /** Reads the shard from the entity id: what stands behind the {@code @}. */
    static final class ByBroker extends ShardingMessageExtractor<ShardingEnvelope<Replica.Command>, Replica.Command> {
        @Override
        public String entityId(ShardingEnvelope<Replica.Command> envelope) {
            return envelope.entityId();
        }

        @Override
        public String shardId(String entityId) {
            return entityId.substring(entityId.lastIndexOf('@') + 1);
        }

        @Override
        public Replica.Command unwrapMessage(ShardingEnvelope<Replica.Command> envelope) {
            return envelope.message();
        }
    }

    /** A broker's replica of a partition, from any node. */
    static ShardingEnvelope<Replica.Command> to(ReplicaId replica, Replica.Command command) {
        return new ShardingEnvelope<>(replica.entityId(), command);
    }
}
