package io.troupe.group;

import io.troupe.config.GroupConfig;
import io.troupe.group.assignor.TopicRegexes;
import io.troupe.metadata.MetadataImage;
import io.troupe.partition.LocalReplicas;
import io.troupe.partition.Replica;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.apache.kafka.common.protocol.Errors;
import org.apache.pekko.actor.typed.ActorRef;

/**
 * What all groups of one coordinator have in common.
 *
 * @param leader of the partition that holds them
 * @param leaderEpoch every append is bound to it
 * @param clockMs milliseconds since 1970 that never go back
 * @param image the newest metadata
 * @param consumers members of all groups of the consumer protocol that this broker coordinates, other partitions' included
 * @param regexes shared by all groups of this broker
 */
record GroupContext(
        GroupConfig config,
        TopicIds topics,
        LocalReplicas.Leader leader,
        int leaderEpoch,
        LongSupplier clockMs,
        Supplier<MetadataImage> image,
        AtomicInteger consumers,
        TopicRegexes regexes) {
    /** Kafka's offsets.commit.timeout.ms. */
    static final int APPEND_TIMEOUT_MS = 5000;

    ActorRef<Replica.Command> replica() {
        return leader.replica();
    }

    /** Whether records that were refused so may be in the log nevertheless, and be committed later. */
    static boolean mayStillBeCommitted(Errors fromPartition) {
        return fromPartition == Errors.REQUEST_TIMED_OUT || fromPartition == Errors.NOT_ENOUGH_REPLICAS_AFTER_APPEND;
    }

    /** What a client of a group hears when the partition refuses an append: codes that it knows how to act upon. */
    static Errors toClients(Errors fromPartition) {
        return switch (fromPartition) {
            case UNKNOWN_TOPIC_OR_PARTITION, NOT_ENOUGH_REPLICAS, NOT_ENOUGH_REPLICAS_AFTER_APPEND, REQUEST_TIMED_OUT ->
                Errors.COORDINATOR_NOT_AVAILABLE;
            case NOT_LEADER_OR_FOLLOWER, FENCED_LEADER_EPOCH, UNKNOWN_LEADER_EPOCH, KAFKA_STORAGE_ERROR ->
                Errors.NOT_COORDINATOR;
            case MESSAGE_TOO_LARGE, RECORD_LIST_TOO_LARGE, INVALID_FETCH_SIZE -> Errors.UNKNOWN_SERVER_ERROR;
            default -> fromPartition;
        };
    }
}
