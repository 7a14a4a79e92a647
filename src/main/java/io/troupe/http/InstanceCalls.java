package io.troupe.http;

import io.troupe.http.InstanceAction.Place;
import io.troupe.metadata.TopicImage;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.ConsumerGroupHeartbeatRequestData;
import org.apache.kafka.common.message.ConsumerGroupHeartbeatResponseData;
import org.apache.kafka.common.message.OffsetCommitRequestData;
import org.apache.kafka.common.message.OffsetCommitRequestData.OffsetCommitRequestPartition;
import org.apache.kafka.common.message.OffsetCommitRequestData.OffsetCommitRequestTopic;
import org.apache.kafka.common.protocol.Errors;

/** What consumer instances ask of brokers: their groups' coordinators, leaders, the record of instances. Any thread. */
final class InstanceCalls {
    private static final int HEARTBEAT_VERSION = 1;
    private static final int COMMIT_VERSION = 9;

    /**
     * @param offsets of the partitions that were found; {@link InstancePositions#NOWHERE} for none
     * @param committed which of these the group knows
     */
    record Located(Map<TopicPartition, Long> offsets, Set<TopicPartition> committed) {
        static final Located NOTHING = new Located(Map.of(), Set.of());
    }

    private final Topics topics;
    private final Groups groups;
    private final RecordReading reading;
    private final InstanceRecords records;

    InstanceCalls(Topics topics, Groups groups, RecordReading reading, InstanceRecords records) {
        this.topics = topics;
        this.groups = groups;
        this.reading = reading;
        this.records = records;
    }

    /** Null for a topic that is not known. */
    String topicName(Uuid id) {
        return topics.image().topic(id).map(TopicImage::name).orElse(null);
    }

    /** @return null when there is none */
    CompletionStage<InstanceDefinition> load(InstanceId id) {
        return records.find(id);
    }

    /** @param definition null to forget it */
    CompletionStage<Void> store(InstanceId id, InstanceDefinition definition) {
        return records.store(id, definition);
    }

    /** The instances that this broker is to look after, alive or not. */
    CompletionStage<List<InstanceId>> ledHere() {
        return records.ledBy(topics.ownId());
    }

    CompletionStage<ConsumerGroupHeartbeatResponseData> heartbeat(ConsumerGroupHeartbeatRequestData request) {
        return groups.ask(request.groupId(), HEARTBEAT_VERSION, request)
                .thenApply(answer -> (ConsumerGroupHeartbeatResponseData) answer);
    }

    /**
     * @param memberEpoch -1 for a consumer that is no member
     * @return fails with HttpFailure unless all is committed
     */
    CompletionStage<Void> commit(String group, String memberId, int memberEpoch, List<Place> offsets) {
        Map<String, OffsetCommitRequestTopic> byTopic = new LinkedHashMap<>();
        for (Place place : offsets) {
            byTopic.computeIfAbsent(
                            place.partition().topic(),
                            name -> new OffsetCommitRequestTopic().setName(name).setPartitions(new ArrayList<>()))
                    .partitions()
                    .add(new OffsetCommitRequestPartition()
                            .setPartitionIndex(place.partition().partition())
                            .setCommittedOffset(place.offset())
                            .setCommittedMetadata(place.metadata()));
        }
        OffsetCommitRequestData request = new OffsetCommitRequestData()
                .setGroupId(group)
                .setMemberId(memberEpoch < 0 ? "" : memberId)
                .setGenerationIdOrMemberEpoch(memberEpoch)
                .setTopics(List.copyOf(byTopic.values()));
        return groups.commit(request, COMMIT_VERSION).thenAccept(answer -> answer.topics()
                .forEach(topic -> topic.partitions().forEach(partition -> {
                    Errors error = Errors.forCode(partition.errorCode());
                    if (error != Errors.NONE) {
                        throw ConsumerInstance.commitFailure(
                                error, new TopicPartition(topic.name(), partition.partitionIndex()));
                    }
                })));
    }

    /** @param where below 0: what {@link InstanceAction} names; BY_POLICY goes to the committed offset if there is one */
    CompletionStage<Located> locate(String group, InstanceDefinition.Reset policy, Map<TopicPartition, Long> where) {
        boolean needsCommitted = where.containsValue(InstanceAction.BY_POLICY);
        CompletionStage<Map<TopicPartition, Groups.Committed>> committed =
                needsCommitted ? groups.committed(group) : CompletableFuture.completedFuture(Map.of());
        return committed.thenCompose(known -> {
            Map<TopicPartition, Long> offsets = new HashMap<>();
            Map<TopicPartition, Long> ends = new HashMap<>();
            Map<TopicPartition, Long> beginnings = new HashMap<>();
            where.forEach((partition, place) -> {
                if (place == InstanceAction.BY_POLICY && known.containsKey(partition)) {
                    offsets.put(partition, known.get(partition).offset());
                } else if (place == InstanceAction.BY_POLICY && policy == InstanceDefinition.Reset.NONE) {
                    offsets.put(partition, InstancePositions.NOWHERE);
                } else {
                    boolean end = place == InstanceAction.END
                            || place == InstanceAction.BY_POLICY && policy == InstanceDefinition.Reset.LATEST;
                    (end ? ends : beginnings).put(partition, null);
                }
            });
            Set<TopicPartition> ofGroup = new HashSet<>(offsets.keySet());
            return reading.ends(ends, RecordReading.LATEST)
                    .thenCombine(reading.ends(beginnings, RecordReading.EARLIEST), (last, first) -> {
                        last.forEach((partition, end) -> offsets.put(partition, end.offset()));
                        first.forEach((partition, end) -> offsets.put(partition, end.offset()));
                        return new Located(offsets, ofGroup);
                    });
        });
    }
}
