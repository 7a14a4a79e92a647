package io.troupe.config;

/**
 * What consumer groups need to know of the broker's configuration; names and defaults are Kafka's.
 *
 * @param offsetsTopicPartitions {@code offsets.topic.num.partitions}
 * @param offsetsTopicReplicationFactor {@code offsets.topic.replication.factor}; -1 means min(3, brokers)
 * @param offsetsTopicSegmentBytes {@code offsets.topic.segment.bytes}
 * @param offsetMetadataMaxBytes {@code offset.metadata.max.bytes}
 * @param offsetsRetentionMs {@code offsets.retention.minutes}, in milliseconds
 * @param minSessionTimeoutMs {@code group.min.session.timeout.ms}
 * @param maxSessionTimeoutMs {@code group.max.session.timeout.ms}
 * @param initialRebalanceDelayMs {@code group.initial.rebalance.delay.ms}
 * @param heartbeatMaxHoldMs {@code group.heartbeat.max.hold.ms}, ours alone: the longest that the answer to a classic member's
 *     heartbeat waits for something to say; 0 for not at all, and for no answer to another request of it either
 * @param maxSize members a classic group may have ({@code group.max.size})
 * @param consumer groups of the consumer protocol
 */
public record GroupConfig(
        int offsetsTopicPartitions,
        short offsetsTopicReplicationFactor,
        int offsetsTopicSegmentBytes,
        int offsetMetadataMaxBytes,
        long offsetsRetentionMs,
        int minSessionTimeoutMs,
        int maxSessionTimeoutMs,
        int initialRebalanceDelayMs,
        int heartbeatMaxHoldMs,
        int maxSize,
        ConsumerGroupConfig consumer) {}
