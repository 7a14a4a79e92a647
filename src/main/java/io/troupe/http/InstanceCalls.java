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
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.ConsumerGroupHeartbeatRequestData;
import org.apache.kafka.common.message.ConsumerGroupHeartbeatResponseData;
import org.apache.kafka.common.message.OffsetCommitRequestData;
import org.apache.kafka.common.message.OffsetCommitRequestData.OffsetCommitRequestPartition;
import org.apache.kafka.common.message.OffsetCommitRequestData.OffsetCommitRequestTopic;
import org.apache.kafka.common.message.OffsetCommitResponseData.OffsetCommitResponsePartition;
import org.apache.kafka.common.message.OffsetCommitResponseData.OffsetCommitResponseTopic;
import org.apache.kafka.common.protocol.Errors;

/** What consumer instances ask of brokers: their groups' coordinators, leaders, the record of instances. Any thread. */
final class InstanceCalls implements ConsumerInstance.KnownTopics {
    private static final int HEARTBEAT_VERSION = 1;
    /** The first with topic ids: what was read of a topic says nothing of another one of its name. */
    private static final int COMMIT_VERSION = 10;

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

    @Override
    public String name(Uuid id) {
        return topics.image().topic(id).map(TopicImage::name).orElse(null);
    }

    @Override
    public Uuid id(String name) {
        return topics.image().topic(name).map(TopicImage::topicId).orElse(null);
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
     * @return fails with HttpFailure unless all is committed; with 40401 when only topics that are gone are not
     */
    CompletionStage<Void> commit(String group, String memberId, int memberEpoch, List<Place> offsets) {
        Map<Uuid, OffsetCommitRequestTopic> byTopic = new LinkedHashMap<>();
        Map<Uuid, String> names = new HashMap<>();
        for (Place place : offsets) {
            Uuid topic = place.partition().topicId();
            names.put(topic, place.partition().topic());
            byTopic.computeIfAbsent(
                            topic,
                            id -> new OffsetCommitRequestTopic().setTopicId(id).setPartitions(new ArrayList<>()))
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
        return groups.commit(request, COMMIT_VERSION).thenAccept(answer -> {
            HttpFailure gone = null;
            for (OffsetCommitResponseTopic topic : answer.topics()) {
                for (OffsetCommitResponsePartition partition : topic.partitions()) {
                    Errors error = Errors.forCode(partition.errorCode());
                    if (error != Errors.NONE) {
                        HttpFailure failure = commitFailure(
                                error,
                                topic.topicId(),
                                new TopicPartition(names.get(topic.topicId()), partition.partitionIndex()));
                        if (failure.errorCode() != HttpFailure.UNKNOWN_TOPIC) {
                            throw failure;
                        }
                        gone = failure;
                    }
                }
            }
            if (gone != null) {
                throw gone;
            }
        });
    }

    private HttpFailure commitFailure(Errors error, Uuid topic, TopicPartition partition) {
        return error == Errors.UNKNOWN_TOPIC_ID && topics.image().topic(topic).isPresent()
                ? HttpFailure.tryAgain("The group's coordinator does not know topic " + partition.topic() + " yet.")
                : InstanceCommits.failure(error, partition);
    }

    /** @param where below 0: what {@link InstanceAction} names; BY_POLICY goes to the committed offset if there is one */
    CompletionStage<Located> locate(String group, InstanceDefinition.Reset policy, Map<TopicIdPartition, Long> where) {
        List<TopicIdPartition> byPolicy = where.keySet().stream()
                .filter(partition -> where.get(partition) == InstanceAction.BY_POLICY)
                .toList();
        CompletionStage<Map<TopicPartition, Long>> committed =
                byPolicy.isEmpty() ? CompletableFuture.completedFuture(Map.of()) : groups.committed(group, byPolicy);
        return committed.thenCompose(known -> {
            Map<TopicPartition, Long> offsets = new HashMap<>();
            Map<TopicPartition, Long> ends = new HashMap<>();
            Map<TopicPartition, Long> beginnings = new HashMap<>();
            where.forEach((identified, place) -> {
                TopicPartition partition = identified.topicPartition();
                boolean isByPolicy = place == InstanceAction.BY_POLICY;
                if (isByPolicy && known.getOrDefault(partition, -1L) >= 0) {
                    offsets.put(partition, known.get(partition));
                } else if (topics.image().topic(identified.topicId()).isEmpty()
                        || isByPolicy && !known.containsKey(partition)) {
                    return; // Nobody can tell: it is gone, or not known yet.
                } else if (isByPolicy && policy == InstanceDefinition.Reset.NONE) {
                    offsets.put(partition, InstancePositions.NOWHERE);
                } else {
                    boolean end =
                            place == InstanceAction.END || isByPolicy && policy == InstanceDefinition.Reset.LATEST;
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
