package io.troupe.partition;

import org.apache.kafka.common.TopicIdPartition;

/**
 * What the coordinators of internal topics hear of leaderships on this broker, in order for each partition. Each is a
 * message to the actor that subscribed with the partition starter.
 */
public sealed interface Leadership {
    TopicIdPartition partition();

    /** This broker leads the partition in {@code leaderEpoch}; the log's records below {@code epochStartOffset} are what to load. */
    record Elected(TopicIdPartition partition, int leaderEpoch, long epochStartOffset, LocalReplicas.Leader leader)
            implements Leadership {}

    record Resigned(TopicIdPartition partition, int leaderEpoch) implements Leadership {}
}
