package io.troupe.config;

import java.util.List;

/**
 * What groups of the consumer protocol (KIP-848) need to know of the broker's configuration; names and defaults are Kafka's, but
 * for the heartbeat interval.
 *
 * @param sessionTimeoutMs {@code group.consumer.session.timeout.ms}
 * @param heartbeatIntervalMs {@code group.consumer.heartbeat.interval.ms}; {@link #CHOSEN_BY_LOAD} when it is not set
 * @param maxSize members a group may have ({@code group.consumer.max.size})
 * @param assignors names in {@code group.consumer.assignors}, not empty; the first is the default
 * @param migrationPolicy {@code group.consumer.migration.policy}
 */
public record ConsumerGroupConfig(
        int sessionTimeoutMs,
        int heartbeatIntervalMs,
        int maxSize,
        List<String> assignors,
        GroupMigrationPolicy migrationPolicy) {
    /** The coordinator chooses heartbeat intervals by whether a group is settled, and by how many members it has in all. */
    public static final int CHOSEN_BY_LOAD = -1;

    public static final ConsumerGroupConfig DEFAULTS = new ConsumerGroupConfig(
            45_000, CHOSEN_BY_LOAD, Integer.MAX_VALUE, List.of("uniform", "range"), GroupMigrationPolicy.BIDIRECTIONAL);

    public ConsumerGroupConfig {
        assignors = List.copyOf(assignors);
    }
}
