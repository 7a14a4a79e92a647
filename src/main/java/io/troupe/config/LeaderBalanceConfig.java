package io.troupe.config;

/**
 * How leaderships go back to preferred replicas by themselves.
 *
 * @param enabled {@code auto.leader.rebalance.enable}
 * @param checkIntervalMs {@code leader.imbalance.check.interval.seconds}
 * @param perBrokerPercentage {@code leader.imbalance.per.broker.percentage}
 */
public record LeaderBalanceConfig(boolean enabled, long checkIntervalMs, int perBrokerPercentage) {}
