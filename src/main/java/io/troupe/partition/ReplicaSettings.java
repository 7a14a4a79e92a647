package io.troupe.partition;

import io.troupe.journal.Journals;
import java.util.function.Function;
import java.util.function.LongSupplier;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.pekko.actor.ActorRef;
import org.apache.pekko.actor.ActorSystem;

/**
 * What all Replicas of a broker share.
 *
 * @param brokerId this broker
 * @param localReplicas where leaders stand
 * @param leadership hears of elections and resignations of internal topics' partitions
 * @param pluginFor the journal plugin id where a partition's log lives
 * @param journalFor the journal's actor of a plugin id
 * @param nowMs wall clock
 * @param producerIdExpirationMs after which a silent producer is forgotten
 * @param checkpointIntervalMs how long a changed HW may go unremembered
 * @param retentionIntervalMs between two looks at what retention lets go
 * @param maxGroupBytes bytes that are persisted at once, save for one larger batch
 * @param peers the other brokers
 */
public record ReplicaSettings(
        int brokerId,
        LocalReplicas localReplicas,
        org.apache.pekko.actor.typed.ActorRef<Leadership> leadership,
        Function<TopicIdPartition, String> pluginFor,
        Function<String, ActorRef> journalFor,
        LongSupplier nowMs,
        long producerIdExpirationMs,
        long checkpointIntervalMs,
        long retentionIntervalMs,
        int maxGroupBytes,
        LeaderEpochClaims claims,
        ReplicationPeers peers) {
    private static final long CHECKPOINT_INTERVAL_MS = 5_000;
    private static final int MAX_GROUP_BYTES = 8 << 20;

    /** The settings of a real broker. */
    public static ReplicaSettings of(
            int brokerId,
            ActorSystem system,
            Journals journals,
            LocalReplicas localReplicas,
            org.apache.pekko.actor.typed.ActorRef<Leadership> leadership,
            long producerIdExpirationMs,
            long retentionIntervalMs,
            ReplicationPeers peers) {
        return new ReplicaSettings(
                brokerId,
                localReplicas,
                leadership,
                journals::pluginFor,
                plugin -> Journals.journalFor(system, plugin),
                System::currentTimeMillis,
                producerIdExpirationMs,
                CHECKPOINT_INTERVAL_MS,
                retentionIntervalMs,
                MAX_GROUP_BYTES,
                new LeaderEpochClaims(),
                peers);
    }
}
