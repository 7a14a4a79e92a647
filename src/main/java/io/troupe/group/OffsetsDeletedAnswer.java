package io.troupe.group;

import java.util.List;
import java.util.function.Predicate;
import org.apache.kafka.common.message.OffsetDeleteResponseData;
import org.apache.kafka.common.message.OffsetDeleteResponseData.OffsetDeleteResponsePartition;
import org.apache.kafka.common.message.OffsetDeleteResponseData.OffsetDeleteResponseTopic;
import org.apache.kafka.common.protocol.Errors;

/** A group's answer to a deletion of offsets, as Kafka's message says it. */
final class OffsetsDeletedAnswer {
    private OffsetsDeletedAnswer() {}

    /** @param exists whether there is such a topic; offsets of one that is no more are deleted, but that is an error */
    static OffsetDeleteResponseData of(
            GroupRequest.OffsetsDeleted deleted,
            List<GroupRequest.Partition> asked,
            Predicate<GroupRequest.Partition> exists) {
        OffsetDeleteResponseData response =
                new OffsetDeleteResponseData().setErrorCode(deleted.error().code());
        if (deleted.error() != Errors.NONE) {
            return response;
        }
        for (int i = 0; i < asked.size(); i++) {
            OffsetDeleteResponseTopic topic =
                    response.topics().find(asked.get(i).topic());
            if (topic == null) {
                topic = new OffsetDeleteResponseTopic().setName(asked.get(i).topic());
                response.topics().add(topic);
            }
            Errors error = exists.test(asked.get(i)) ? deleted.partitions().get(i) : Errors.UNKNOWN_TOPIC_OR_PARTITION;
            topic.partitions()
                    .add(new OffsetDeleteResponsePartition()
                            .setPartitionIndex(asked.get(i).partition())
                            .setErrorCode(error.code()));
        }
        return response;
    }
}
