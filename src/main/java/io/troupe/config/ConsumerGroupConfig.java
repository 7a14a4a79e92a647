package io.troupe.config;

import java.util.List;

/**
 * What groups of the consumer protocol (KIP-848) need to know of the broker's configuration; names and defaults are Kafka's, but
 * for the heartbeat interval. A single group may have its own ({@link GroupConfigs}).
 *
 * @param sessionTimeoutMs {@code group.consumer.session.timeout.ms}
 * @param heartbeatIntervalMs {@code group.consumer.heartbeat.interval.ms}; {@link #CHOSEN_BY_LOAD} when it is not set
 * @param bounds of what a group may have of these two
 * @param maxSize members a group may have ({@code group.consumer.max.size})
 * @param assignors names in {@code group.consumer.assignors}, not empty; the first is the default
 * @param migrationPolicy {@code group.consumer.migration.policy}
 */
public record ConsumerGroupConfig(
        int sessionTimeoutMs,
        int heartbeatIntervalMs,
        Bounds bounds,
        int maxSize,
        List<String> assignors,
        GroupMigrationPolicy migrationPolicy) {
    /** The coordinator chooses heartbeat intervals by whether a group is settled, and by how many members it has in all. */
    public static final int CHOSEN_BY_LOAD = -1;

    /** What it chooses for a settled group, unless it has very many members. */
    public static final int CHOSEN_WHEN_SETTLED_MS = 500;

    public static final ConsumerGroupConfig DEFAULTS = new ConsumerGroupConfig(
            45_000,
            CHOSEN_BY_LOAD,
            new Bounds(45_000, 60_000, 5000, 15_000),
            Integer.MAX_VALUE,
            List.of("uniform", "range"),
            GroupMigrationPolicy.BIDIRECTIONAL);

    /**
     * The least and the most, both allowed.
     *
     * @param minSessionTimeoutMs {@code group.consumer.min.session.timeout.ms}
     * @param maxSessionTimeoutMs {@code group.consumer.max.session.timeout.ms}
     * @param minHeartbeatIntervalMs {@code group.consumer.min.heartbeat.interval.ms}
     * @param maxHeartbeatIntervalMs {@code group.consumer.max.heartbeat.interval.ms}
     */
    public record Bounds(
            int minSessionTimeoutMs, int maxSessionTimeoutMs, int minHeartbeatIntervalMs, int maxHeartbeatIntervalMs) {}

    public ConsumerGroupConfig {
        assignors = List.copyOf(assignors);
    }

    /** The same with other times. */
    public ConsumerGroupConfig with(int sessionTimeout, int heartbeatInterval) {
        return new ConsumerGroupConfig(sessionTimeout, heartbeatInterval, bounds, maxSize, assignors, migrationPolicy);
    }
}
