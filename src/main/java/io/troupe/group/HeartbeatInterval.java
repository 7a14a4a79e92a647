package io.troupe.group;

import io.troupe.config.ConsumerGroupConfig;

/**
 * How soon a member of the consumer protocol is to come again. A member hears of its partitions by its own heartbeats only, so
 * the interval is what a rebalance waits for: it is short while a group is on the move, and no longer than needed to bound what
 * all members together cost this broker. Pure.
 */
final class HeartbeatInterval {
    static final int SETTLED_MS = ConsumerGroupConfig.CHOSEN_WHEN_SETTLED_MS;
    static final int UNSETTLED_MS = 100;
    /** Kafka's default; with more members than the bound is for, it is as with Kafka. */
    static final int LONGEST_MS = 5000;
    /** Heartbeats per second of settled members; while groups are on the move there may be this many more. */
    static final int PER_SECOND = 1000;

    private HeartbeatInterval() {}

    /**
     * @param config of the group: its own setting goes before the broker's, and either before what is chosen here
     * @param members that share this broker
     */
    static int ms(ConsumerGroupConfig config, boolean settled, int members) {
        if (config.heartbeatIntervalMs() != ConsumerGroupConfig.CHOSEN_BY_LOAD) {
            return config.heartbeatIntervalMs();
        }
        long spreadMs = members * 1000L / PER_SECOND;
        long chosenMs = settled ? Math.max(SETTLED_MS, spreadMs) : Math.max(UNSETTLED_MS, spreadMs / 2);
        // Two heartbeats may be lost before a session ends.
        int longestMs = Math.min(LONGEST_MS, config.sessionTimeoutMs() / 3);
        return (int) Math.max(1, Math.min(longestMs, chosenMs));
    }
}
