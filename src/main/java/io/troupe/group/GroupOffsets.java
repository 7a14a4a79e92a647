package io.troupe.group;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.message.OffsetCommitRequestData;
import org.apache.kafka.common.message.OffsetCommitRequestData.OffsetCommitRequestPartition;
import org.apache.kafka.common.message.OffsetCommitRequestData.OffsetCommitRequestTopic;
import org.apache.kafka.common.message.OffsetCommitResponseData;
import org.apache.kafka.common.message.OffsetCommitResponseData.OffsetCommitResponsePartition;
import org.apache.kafka.common.message.OffsetCommitResponseData.OffsetCommitResponseTopic;
import org.apache.kafka.common.message.OffsetFetchRequestData.OffsetFetchRequestGroup;
import org.apache.kafka.common.message.OffsetFetchRequestData.OffsetFetchRequestTopics;
import org.apache.kafka.common.message.OffsetFetchResponseData.OffsetFetchResponseGroup;
import org.apache.kafka.common.message.OffsetFetchResponseData.OffsetFetchResponsePartitions;
import org.apache.kafka.common.message.OffsetFetchResponseData.OffsetFetchResponseTopics;
import org.apache.kafka.common.protocol.Errors;

/** Offset commits and fetches as functions of a group's committed state; who may do so is decided elsewhere. */
final class GroupOffsets {
    /** What is answered where nothing was committed. */
    static final long NO_OFFSET = -1L;

    private GroupOffsets() {}

    /** The records of a commit, and its answer once they are stored. */
    record Commit(List<GroupRecord> records, OffsetCommitResponseData response) {}

    /**
     * A partition whose metadata is longer than {@code metadataMaxBytes} (counted in characters, as Kafka does) is
     * refused alone, the others are committed.
     */
    static Commit commit(OffsetCommitRequestData request, int metadataMaxBytes, long nowMs) {
        List<GroupRecord> records = new ArrayList<>();
        OffsetCommitResponseData response = new OffsetCommitResponseData();
        long expireTimestampMs = expireTimestampMs(request, nowMs);
        for (OffsetCommitRequestTopic topic : request.topics()) {
            OffsetCommitResponseTopic answered =
                    new OffsetCommitResponseTopic().setName(topic.name()).setTopicId(topic.topicId());
            response.topics().add(answered);
            for (OffsetCommitRequestPartition p : topic.partitions()) {
                String metadata = p.committedMetadata() == null ? "" : p.committedMetadata();
                Errors error = Errors.NONE;
                if (metadata.length() > metadataMaxBytes) {
                    error = Errors.OFFSET_METADATA_TOO_LARGE;
                } else {
                    records.add(new GroupRecord.OffsetStored(
                            request.groupId(),
                            topic.name(),
                            p.partitionIndex(),
                            new CommittedOffset(
                                    p.committedOffset(),
                                    p.committedLeaderEpoch(),
                                    metadata,
                                    nowMs,
                                    expireTimestampMs,
                                    topic.topicId())));
                }
                answered.partitions()
                        .add(new OffsetCommitResponsePartition()
                                .setPartitionIndex(p.partitionIndex())
                                .setErrorCode(error.code()));
            }
        }
        return new Commit(records, response);
    }

    /** Before v5 a client may say how long its offsets are to be kept (KIP-211). */
    private static long expireTimestampMs(OffsetCommitRequestData request, long nowMs) {
        return request.retentionTimeMs() < 0
                ? CommittedOffset.BY_RETENTION
                : nowMs + Math.min(request.retentionTimeMs(), Long.MAX_VALUE - nowMs);
    }

    static OffsetCommitResponseData commitRefused(OffsetCommitRequestData request, Errors error) {
        OffsetCommitResponseData response = new OffsetCommitResponseData();
        for (OffsetCommitRequestTopic topic : request.topics()) {
            OffsetCommitResponseTopic answered =
                    new OffsetCommitResponseTopic().setName(topic.name()).setTopicId(topic.topicId());
            response.topics().add(answered);
            for (OffsetCommitRequestPartition p : topic.partitions()) {
                answered.partitions()
                        .add(new OffsetCommitResponsePartition()
                                .setPartitionIndex(p.partitionIndex())
                                .setErrorCode(error.code()));
            }
        }
        return response;
    }

    /** What was committed of the partitions asked for, or of all; offsets of topics that are no more do not count. */
    static OffsetFetchResponseGroup fetch(CommittedGroup group, OffsetFetchRequestGroup asked, TopicIds topics) {
        OffsetFetchResponseGroup response = new OffsetFetchResponseGroup().setGroupId(group.groupId());
        if (asked.topics() == null) {
            for (Map.Entry<String, Map<Integer, CommittedOffset>> topic :
                    group.offsets().entrySet()) {
                OffsetFetchResponseTopics answered = new OffsetFetchResponseTopics().setName(topic.getKey());
                topic.getValue().forEach((partition, offset) -> {
                    if (topics.has(topic.getKey(), offset)) {
                        answered.partitions().add(answer(partition, offset));
                    }
                });
                if (!answered.partitions().isEmpty()) {
                    response.topics().add(answered);
                }
            }
            return response;
        }
        for (OffsetFetchRequestTopics topic : asked.topics()) {
            OffsetFetchResponseTopics answered =
                    new OffsetFetchResponseTopics().setName(topic.name()).setTopicId(topic.topicId());
            for (int partition : topic.partitionIndexes()) {
                CommittedOffset offset = group.offset(topic.name(), partition);
                boolean counts = offset != null && topics.has(topic.name(), offset);
                answered.partitions().add(answer(partition, counts ? offset : null));
            }
            response.topics().add(answered);
        }
        return response;
    }

    private static OffsetFetchResponsePartitions answer(int partition, CommittedOffset offset) {
        OffsetFetchResponsePartitions answer = new OffsetFetchResponsePartitions().setPartitionIndex(partition);
        return offset == null
                ? answer.setCommittedOffset(NO_OFFSET).setMetadata("")
                : answer.setCommittedOffset(offset.offset())
                        .setCommittedLeaderEpoch(offset.leaderEpoch())
                        .setMetadata(offset.metadata());
    }
}
