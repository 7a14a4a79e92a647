package io.troupe.config;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * A broker's validated configuration; immutable. Made only by {@link ServerProperties}.
 *
 * @param nodeId {@code node.id} / {@code broker.id}, 0 or greater
 * @param roles {@code process.roles}; both unless told otherwise, and a node that is no voter must be told
 * @param rack {@code broker.rack}
 * @param rackAwareReads {@code replica.selector.class}: whether consumers are sent to replicas of their rack
 * @param listeners where the Kafka port binds; at least one for a broker
 * @param advertisedListeners what clients are told, one for each listener
 * @param actorListener where Artery binds ({@code troupe.actor.listener})
 * @param httpListener where HTTP binds ({@code troupe.http.listener}); empty when switched off
 * @param http limits of the HTTP port
 * @param voters {@code controller.quorum.voters}, never empty: without the key, this node alone
 * @param logDirs {@code log.dirs}, absolute, at least one
 * @param recoveryThreadsPerDir {@code num.recovery.threads.per.data.dir}: logs of one log dir that open or close at a time
 * @param clusterId {@code cluster.id} when the operator fixes it; otherwise the first controller makes one
 * @param brokerSessionTimeoutMs {@code broker.session.timeout.ms}
 * @param leaderBalance how leaderships go back to preferred replicas
 * @param numPartitions {@code num.partitions}
 * @param defaultReplicationFactor {@code default.replication.factor}
 * @param autoCreateTopicsEnable {@code auto.create.topics.enable}
 * @param deleteTopicEnable {@code delete.topic.enable}
 * @param replicaLagTimeMaxMs {@code replica.lag.time.max.ms}
 * @param producerIdExpirationMs {@code producer.id.expiration.ms}
 * @param logRetentionCheckIntervalMs {@code log.retention.check.interval.ms}
 * @param fetchMaxBytes {@code fetch.max.bytes}: the most one fetch answer holds
 * @param network limits of the Kafka port
 * @param cleaner compaction of logs
 * @param group consumer groups
 * @param topicDefaults topic-level settings that the broker's {@code log.*} keys give, by topic config name
 * @param originals every key as the operator wrote it, overrides applied
 */
public record BrokerConfig(
        int nodeId,
        Set<Role> roles,
        Optional<String> rack,
        boolean rackAwareReads,
        List<Listener> listeners,
        List<Listener> advertisedListeners,
        HostPort actorListener,
        Optional<HostPort> httpListener,
        HttpConfig http,
        List<Voter> voters,
        List<Path> logDirs,
        int recoveryThreadsPerDir,
        Optional<String> clusterId,
        int brokerSessionTimeoutMs,
        LeaderBalanceConfig leaderBalance,
        int numPartitions,
        short defaultReplicationFactor,
        boolean autoCreateTopicsEnable,
        boolean deleteTopicEnable,
        long replicaLagTimeMaxMs,
        long producerIdExpirationMs,
        long logRetentionCheckIntervalMs,
        int fetchMaxBytes,
        NetworkConfig network,
        CleanerConfig cleaner,
        GroupConfig group,
        Map<String, String> topicDefaults,
        Map<String, String> originals) {

    /** What a process does: serve partitions, vote on metadata, or both. */
    public enum Role {
        BROKER,
        CONTROLLER
    }

    public boolean isVoter() {
        return voters.stream().anyMatch(v -> v.nodeId() == nodeId);
    }
}
