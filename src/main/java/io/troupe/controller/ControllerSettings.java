package io.troupe.controller;

import io.troupe.config.BrokerConfig;
import io.troupe.config.ConsumerGroupConfig;
import io.troupe.config.LeaderBalanceConfig;
import io.troupe.config.LogConfig;
import io.troupe.config.TopicConfigs;
import java.util.Map;
import java.util.function.Function;

/**
 * What decisions need to know of the configuration.
 *
 * @param effective a topic's settings, given its overrides
 */
public record ControllerSettings(
        int numPartitions,
        short defaultReplicationFactor,
        boolean deleteTopicEnable,
        int brokerSessionTimeoutMs,
        LeaderBalanceConfig leaderBalance,
        ConsumerGroupConfig consumerGroups,
        Function<Map<String, String>, LogConfig> effective) {

    public static ControllerSettings of(BrokerConfig config) {
        return new ControllerSettings(
                config.numPartitions(),
                config.defaultReplicationFactor(),
                config.deleteTopicEnable(),
                config.brokerSessionTimeoutMs(),
                config.leaderBalance(),
                config.group().consumer(),
                overrides -> TopicConfigs.effective(config, overrides));
    }
}
