package io.troupe.http;

import io.troupe.metadata.MetadataImage;
import io.troupe.metadata.TopicImage;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.ConsumerGroupHeartbeatRequestData;
import org.apache.kafka.common.message.ConsumerGroupHeartbeatResponseData;
import org.apache.kafka.common.message.ConsumerGroupHeartbeatResponseData.Assignment;
import org.apache.kafka.common.message.ConsumerGroupHeartbeatResponseData.TopicPartitions;
import org.apache.kafka.common.message.OffsetCommitRequestData;
import org.apache.kafka.common.message.OffsetCommitResponseData;
import org.apache.kafka.common.message.OffsetCommitResponseData.OffsetCommitResponsePartition;
import org.apache.kafka.common.message.OffsetCommitResponseData.OffsetCommitResponseTopic;
import org.apache.kafka.common.message.OffsetFetchRequestData;
import org.apache.kafka.common.message.OffsetFetchResponseData;
import org.apache.kafka.common.message.OffsetFetchResponseData.OffsetFetchResponseGroup;
import org.apache.kafka.common.message.OffsetFetchResponseData.OffsetFetchResponsePartitions;
import org.apache.kafka.common.message.OffsetFetchResponseData.OffsetFetchResponseTopics;
import org.apache.kafka.common.protocol.Errors;

/** Groups as their coordinator has them, without its care: each of n members has every nth partition at once. */
final class FakeGroups {
    private record Key(String group, TopicPartition partition) {}

    private final Map<Key, Long> committed = new HashMap<>();
    private final Map<String, TreeMap<String, List<String>>> members = new HashMap<>();
    private int epoch = 1;

    FakeGroups() {
        committed.put(new Key("g", new TopicPartition(FakeCluster.TOPIC, 0)), 1L);
    }

    synchronized Long committed(String group, int partition) {
        return committed.get(new Key(group, new TopicPartition(FakeCluster.TOPIC, partition)));
    }

    synchronized void commit(String group, int partition, long offset) {
        committed.put(new Key(group, new TopicPartition(FakeCluster.TOPIC, partition)), offset);
    }

    /** As when it is deleted. */
    synchronized void forget(String topic) {
        committed.keySet().removeIf(key -> key.partition().topic().equals(topic));
    }

    synchronized int members(String group) {
        return members.getOrDefault(group, new TreeMap<>()).size();
    }

    synchronized OffsetFetchResponseData fetch(OffsetFetchRequestData wanted, MetadataImage image) {
        var asked = wanted.groups().get(0);
        OffsetFetchResponseGroup group = new OffsetFetchResponseGroup().setGroupId(asked.groupId());
        if (asked.topics() == null) {
            committed.forEach((key, offset) -> {
                if (key.group().equals(asked.groupId())) {
                    group.topics()
                            .add(new OffsetFetchResponseTopics()
                                    .setName(key.partition().topic())
                                    .setPartitions(List.of(told(key.partition().partition(), offset))));
                }
            });
        } else {
            asked.topics().forEach(topic -> group.topics()
                    .add(new OffsetFetchResponseTopics()
                            .setTopicId(topic.topicId())
                            .setPartitions(topic.partitionIndexes().stream()
                                    .map(p -> told(
                                            p,
                                            committed.getOrDefault(
                                                    key(asked.groupId(), image, topic.topicId(), p), -1L)))
                                    .toList())));
        }
        return new OffsetFetchResponseData().setGroups(List.of(group));
    }

    private static OffsetFetchResponsePartitions told(int partition, long offset) {
        return new OffsetFetchResponsePartitions()
                .setPartitionIndex(partition)
                .setCommittedOffset(offset)
                .setMetadata("");
    }

    private static Key key(String group, MetadataImage image, Uuid topicId, int partition) {
        return new Key(
                group, new TopicPartition(image.topic(topicId).orElseThrow().name(), partition));
    }

    synchronized OffsetCommitResponseData commit(OffsetCommitRequestData commit, MetadataImage image) {
        boolean stranger = commit.generationIdOrMemberEpoch() >= 0
                && !members.getOrDefault(commit.groupId(), new TreeMap<>()).containsKey(commit.memberId());
        OffsetCommitResponseData answer = new OffsetCommitResponseData();
        commit.topics().forEach(topic -> {
            OffsetCommitResponseTopic answered = new OffsetCommitResponseTopic().setTopicId(topic.topicId());
            boolean gone = image.topic(topic.topicId()).isEmpty();
            Errors error = gone ? Errors.UNKNOWN_TOPIC_ID : stranger ? Errors.UNKNOWN_MEMBER_ID : Errors.NONE;
            topic.partitions().forEach(p -> {
                if (error == Errors.NONE) {
                    committed.put(
                            key(commit.groupId(), image, topic.topicId(), p.partitionIndex()), p.committedOffset());
                }
                answered.partitions()
                        .add(new OffsetCommitResponsePartition()
                                .setPartitionIndex(p.partitionIndex())
                                .setErrorCode(error.code()));
            });
            answer.topics().add(answered);
        });
        return answer;
    }

    synchronized ConsumerGroupHeartbeatResponseData heartbeat(
            ConsumerGroupHeartbeatRequestData heartbeat, MetadataImage image) {
        TreeMap<String, List<String>> group = members.computeIfAbsent(heartbeat.groupId(), id -> new TreeMap<>());
        ConsumerGroupHeartbeatResponseData answer =
                new ConsumerGroupHeartbeatResponseData().setMemberId(heartbeat.memberId());
        if (heartbeat.memberEpoch() < 0) {
            group.remove(heartbeat.memberId());
            epoch++;
            return answer.setMemberEpoch(-1);
        }
        if (heartbeat.memberEpoch() > 0 && !group.containsKey(heartbeat.memberId())) {
            return answer.setErrorCode(Errors.UNKNOWN_MEMBER_ID.code());
        }
        if (heartbeat.subscribedTopicNames() != null || heartbeat.subscribedTopicRegex() != null) {
            epoch += group.containsKey(heartbeat.memberId()) ? 0 : 1;
            group.put(
                    heartbeat.memberId(),
                    heartbeat.subscribedTopicNames() != null
                            ? heartbeat.subscribedTopicNames()
                            : image.topics().keySet().stream()
                                    .filter(name -> name.matches(heartbeat.subscribedTopicRegex()))
                                    .toList());
        }
        int place = group.headMap(heartbeat.memberId()).size();
        Assignment assignment = new Assignment();
        for (String name : group.get(heartbeat.memberId())) {
            image.topic(name).ifPresent(topic -> assignment.topicPartitions().add(nth(topic, place, group.size())));
        }
        return answer.setMemberEpoch(epoch).setHeartbeatIntervalMs(20).setAssignment(assignment);
    }

    private static TopicPartitions nth(TopicImage topic, int place, int members) {
        List<Integer> partitions = new ArrayList<>();
        for (int p = place; p < topic.partitions().size(); p += members) {
            partitions.add(p);
        }
        return new TopicPartitions().setTopicId(topic.topicId()).setPartitions(partitions);
    }
}
