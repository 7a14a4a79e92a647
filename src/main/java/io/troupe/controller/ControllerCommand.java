package io.troupe.controller;

import io.troupe.config.Listener;
import io.troupe.metadata.MetadataImage;
import io.troupe.metadata.PartitionImage;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.common.ElectionType;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;

/** What may be asked of the controller: each is decided on the image, committed by the quorum, then answered. */
public sealed interface ControllerCommand {

    /**
     * One topic to create.
     *
     * @param partitions -1 for the broker's default; with an assignment, -1
     * @param replicationFactor -1 for the broker's default; with an assignment, -1
     * @param assignment broker ids by partition; empty lets the controller place
     */
    record NewTopic(
            String name,
            int partitions,
            short replicationFactor,
            Map<Integer, List<Integer>> assignment,
            Map<String, String> configs) {}

    /** One change of one config key of a topic, broker or group. */
    record ConfigChange(String key, AlterConfigOp.OpType op, String value) {}

    /** Answered with {@link ControllerReply.Topics}; each topic succeeds or fails by itself. */
    record CreateTopics(List<NewTopic> topics, boolean validateOnly) implements ControllerCommand {}

    /** By name (topicId zero) or id (name null). Answered with {@link ControllerReply.Topics}. */
    record DeleteTopics(List<TopicRef> topics) implements ControllerCommand {}

    record TopicRef(String name, Uuid topicId) {}

    /**
     * One topic to have more partitions.
     *
     * @param count partitions it is to have in all
     * @param assignment broker ids of each new partition, in order; without it the controller places
     */
    record MorePartitions(String name, int count, Optional<List<List<Integer>>> assignment) {}

    /** Answered with {@link ControllerReply.Topics}; each topic succeeds or fails by itself. */
    record CreatePartitions(List<MorePartitions> topics, boolean validateOnly) implements ControllerCommand {}

    /** One partition to be moved; without replicas, its reassignment is to be cancelled. */
    record Reassignment(String topic, int partition, Optional<List<Integer>> replicas) {}

    /** Answered with {@link ControllerReply.Partitions}; each partition succeeds or fails by itself. */
    record AlterReassignments(List<Reassignment> partitions, boolean allowFactorChange) implements ControllerCommand {}

    /** Answered with {@link ControllerReply.Partitions}. Without partitions all are meant. */
    record ElectLeaders(ElectionType type, Optional<List<TopicPartition>> partitions) implements ControllerCommand {}

    /** An operator's word that a broker is gone for good. Answered with {@link ControllerReply.Done}. */
    record UnregisterBroker(int brokerId) implements ControllerCommand {}

    /** Answered with {@link ControllerReply.Topics}. {@code replaceAll}: the old AlterConfigs, which states the whole set. */
    record AlterTopicConfigs(Map<String, List<ConfigChange>> changes, boolean replaceAll, boolean validateOnly)
            implements ControllerCommand {}

    /**
     * By broker id, or {@link MetadataImage#ALL_BROKERS}. Answered with {@link ControllerReply.Resources}; each succeeds or fails by
     * itself. {@code replaceAll}: the old AlterConfigs, which states the whole set.
     */
    record AlterBrokerConfigs(Map<String, List<ConfigChange>> changes, boolean replaceAll, boolean validateOnly)
            implements ControllerCommand {}

    /** By group id. Answered with {@link ControllerReply.Resources}. {@code replaceAll}: as above. */
    record AlterGroupConfigs(Map<String, List<ConfigChange>> changes, boolean replaceAll, boolean validateOnly)
            implements ControllerCommand {}

    /**
     * Answered with {@link ControllerReply.Registered}.
     *
     * @param provenEpoch BE in which the broker's last process closed every log in order, -1 when that is not proven
     * @param lostDir whether a log dir is new or was wiped
     */
    record RegisterBroker(
            int brokerId,
            Uuid incarnationId,
            List<Listener> listeners,
            Optional<String> rack,
            long provenEpoch,
            boolean lostDir,
            boolean votersOnly)
            implements ControllerCommand {}

    /** The broker has applied metadata up to its own BE, or wants to leave. Answered with {@link ControllerReply.Done}. */
    record BrokerHeartbeat(int brokerId, long brokerEpoch, long appliedIndex, boolean wantShutdown)
            implements ControllerCommand {}

    /**
     * A leader's proposal of a new ISR. Answered with {@link ControllerReply.PartitionAltered}.
     *
     * @param isrEpochs each member's BE, in the same order: as it was when the leader heard from it
     */
    record AlterPartition(
            int brokerId,
            long brokerEpoch,
            TopicIdPartition partition,
            int leaderEpoch,
            int partitionEpoch,
            List<Integer> isr,
            List<Long> isrEpochs)
            implements ControllerCommand {}

    /**
     * How long one replica's log is.
     *
     * @param leaderEpoch of the partition as the broker knows it
     * @param lastEpoch of the last record, -1 when there is none
     */
    record LogReport(Uuid topicId, int partition, int leaderEpoch, int lastEpoch, long logEndOffset) {}

    /** For partitions that {@linkplain PartitionImage#asksForLogs() ask}. Answered with {@link ControllerReply.Done}. */
    record ReportLogs(int brokerId, long brokerEpoch, List<LogReport> logs) implements ControllerCommand {}

    /** One replica's log. */
    record LogRef(Uuid topicId, int partition) {}

    /** The broker's logs of these partitions can be used no more in this broker epoch. Answered with {@link ControllerReply.Done}. */
    record FailLogs(int brokerId, long brokerEpoch, List<LogRef> logs) implements ControllerCommand {}

    /** A block of producer ids. Answered with {@link ControllerReply.ProducerIds}. */
    record AllocateProducerIds(int brokerId, long brokerEpoch) implements ControllerCommand {}

    /** Who leads the metadata quorum and how far its voters and the brokers are. Answered with {@link ControllerReply.QuorumState}. */
    enum DescribeQuorum implements ControllerCommand {
        DESCRIBE_QUORUM
    }
}
