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

    record Registered(long brokerEpoch) implements ControllerReply {}

    record PartitionAltered(PartitionImage partition) implements ControllerReply {}

    /** Producer ids [firstProducerId, firstProducerId + count). */
    record ProducerIds(long firstProducerId, int count) implements ControllerReply {}

    enum Done implements ControllerReply {
        DONE
    }

    /** Nothing was changed; NOT_CONTROLLER and REQUEST_TIMED_OUT may be tried again with the same command id. */
    record Refused(Refusal refusal) implements ControllerReply {}
}
