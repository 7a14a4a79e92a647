package io.troupe.group;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.metadata.MetadataEvent;
import io.troupe.metadata.MetadataImage;
import io.troupe.metadata.PartitionImage;
import io.troupe.metadata.TopicImage;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.OffsetCommitRequestData;
import org.apache.kafka.common.message.OffsetCommitRequestData.OffsetCommitRequestPartition;
import org.apache.kafka.common.message.OffsetCommitRequestData.OffsetCommitRequestTopic;
import org.apache.kafka.common.message.OffsetCommitResponseData.OffsetCommitResponseTopic;
import org.apache.kafka.common.protocol.Errors;
import org.junit.jupiter.api.Test;

/** Commits name topics by name, or by id from version 10 on (KIP-848). */
class TopicNamesTest {
    private static final Uuid ID = Uuid.randomUuid();
    private static final MetadataImage IMAGE = MetadataImage.empty()
            .apply(
                    0,
                    new MetadataEvent.TopicCreated(new TopicImage(
                            "t",
                            ID,
                            List.of(new PartitionImage(0, List.of(1), 1, 1, 1, List.of(1), List.of(), List.of())),
                            Map.of())));

    private static OffsetCommitRequestTopic topic(String name, Uuid id, int... partitions) {
        OffsetCommitRequestTopic topic =
                new OffsetCommitRequestTopic().setName(name).setTopicId(id);
        for (int partition : partitions) {
            topic.partitions().add(new OffsetCommitRequestPartition().setPartitionIndex(partition));
        }
        return topic;
    }

    private static TopicNames.Split split(int version, OffsetCommitRequestTopic... topics) {
        return TopicNames.split(
                new OffsetCommitRequestData().setGroupId("g").setTopics(List.of(topics)), (short) version, IMAGE);
    }

    @Test
    void aGroupSeesNameAndIdWhicheverWasSent() {
        for (TopicNames.Split split : List.of(split(9, topic("t", Uuid.ZERO_UUID, 0)), split(10, topic("", ID, 0)))) {
            assertEquals(List.of(topic("t", ID, 0)), split.known().topics());
            assertTrue(split.refused().isEmpty());
        }
    }

    @Test
    void partitionsThatDoNotExistAreRefusedAlone() {
        TopicNames.Split split = split(9, topic("t", Uuid.ZERO_UUID, -1, 0, 1));
        assertEquals(List.of(topic("t", ID, 0)), split.known().topics());
        OffsetCommitResponseTopic refused = split.refused().get(0);
        assertEquals("t", refused.name());
        assertEquals(
                List.of(-1, 1),
                refused.partitions().stream().map(p -> p.partitionIndex()).toList());
        refused.partitions().forEach(p -> assertEquals(Errors.UNKNOWN_TOPIC_OR_PARTITION.code(), p.errorCode()));
    }

    @Test
    void aTopicThatDoesNotExistIsRefusedByWhatWasSent() {
        Uuid other = Uuid.randomUuid();
        for (TopicNames.Split split :
                List.of(split(9, topic("u", Uuid.ZERO_UUID, 0)), split(10, topic("", other, 0)))) {
            assertTrue(split.known().topics().isEmpty());
            assertEquals(1, split.refused().size());
        }
        OffsetCommitResponseTopic byName =
                split(9, topic("u", Uuid.ZERO_UUID, 0)).refused().get(0);
        assertEquals("u", byName.name());
        assertEquals(
                Errors.UNKNOWN_TOPIC_OR_PARTITION.code(),
                byName.partitions().get(0).errorCode());
        OffsetCommitResponseTopic byId =
                split(10, topic("", other, 0)).refused().get(0);
        assertEquals(other, byId.topicId());
        assertEquals(Errors.UNKNOWN_TOPIC_ID.code(), byId.partitions().get(0).errorCode());
    }
}
