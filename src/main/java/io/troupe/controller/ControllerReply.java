package io.troupe.controller;

import io.troupe.metadata.PartitionImage;
import io.troupe.model.Refusal;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.common.Uuid;

/** The controller's answers. */
public sealed interface ControllerReply {
    /**
     * What became of one topic.
     *
     * @param name null when an unknown id was asked for
     * @param refusal empty on success
     */
    record TopicResult(
            String name,
            Uuid topicId,
            int partitions,
            short replicationFactor,
            Map<String, String> configs,
            Optional<Refusal> refusal) {}

    /** In the order asked. */
    record Topics(List<TopicResult> results) implements ControllerReply {}

    /** What became of one partition; the refusal is empty on success. */
    record PartitionResult(String topic, int partition, Optional<Refusal> refusal) {}

    /** In the order asked. */
    record Partitions(List<PartitionResult> results) implements ControllerReply {}

    /** What became of the settings of one broker or group; the refusal is empty on success. */
    record ResourceResult(String name, Optional<Refusal> refusal) {}

    /** In the order asked. */
    record Resources(List<ResourceResult> results) implements ControllerReply {}

    record Registered(long brokerEpoch) implements ControllerReply {}

    record PartitionAltered(PartitionImage partition) implements ControllerReply {}

    /** Producer ids [firstProducerId, firstProducerId + count). */
    record ProducerIds(long firstProducerId, int count) implements ControllerReply {}

    /**
     * A voter, or a broker that is none.
     *
     * @param disk of a voter that was heard from
     * @param logEndOffset index after the last that it is known to have
     * @param heardMs when it was last heard from, caught up or not, or its node came; wall clock, -1 for never
     * @param caughtUpMs when it was last known to have everything; wall clock, -1 for never
     */
    record QuorumReplica(int nodeId, Optional<Uuid> disk, long logEndOffset, long heardMs, long caughtUpMs) {}

    /**
     * The metadata quorum as its leader sees it.
     *
     * @param highWatermark index after the last that is committed
     */
    record QuorumState(
            int leaderId,
            int leaderEpoch,
            long highWatermark,
            List<QuorumReplica> voters,
            List<QuorumReplica> observers)
            implements ControllerReply {}

    enum Done implements ControllerReply {
        DONE
    }

    /** Nothing was changed; NOT_CONTROLLER and REQUEST_TIMED_OUT may be tried again with the same command id. */
    record Refused(Refusal refusal) implements ControllerReply {}
}
