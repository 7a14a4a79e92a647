package io.troupe.group;

import io.troupe.metadata.MetadataImage;
import io.troupe.metadata.TopicImage;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
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

/**
 * Between requests, which name topics by name or from v10 on by id (KIP-848), and groups, which know names only. What does
 * not exist is sorted out here. Pure.
 */
final class TopicNames {
    /** First version of OffsetCommit and OffsetFetch with topic ids. */
    static final short FIRST_VERSION_WITH_IDS = 10;

    private TopicNames() {}

    /** The part of a commit that a group may see, and the answers to the rest. */
    record Split(OffsetCommitRequestData known, List<OffsetCommitResponseTopic> refused) {
        /** Adds the refused partitions to the group's answer. */
        OffsetCommitResponseData complete(OffsetCommitResponseData response) {
            for (OffsetCommitResponseTopic topic : refused) {
                Optional<OffsetCommitResponseTopic> same = response.topics().stream()
                        .filter(t ->
                                t.name().equals(topic.name()) && t.topicId().equals(topic.topicId()))
                        .findFirst();
                if (same.isPresent()) {
                    same.get().partitions().addAll(topic.partitions());
                } else {
                    response.topics().add(topic);
                }
            }
            return response;
        }
    }

    /** Completes a request's topics by their names or ids, and takes out of it what does not exist. */
    static Split split(OffsetCommitRequestData request, short version, MetadataImage image) {
        boolean ids = version >= FIRST_VERSION_WITH_IDS;
        List<OffsetCommitRequestTopic> known = new ArrayList<>(request.topics().size());
        List<OffsetCommitResponseTopic> refused = List.of();
        for (OffsetCommitRequestTopic topic : request.topics()) {
            TopicImage exists = (ids ? image.topic(topic.topicId()) : image.topic(topic.name())).orElse(null);
            if (exists != null) {
                topic.setName(exists.name()).setTopicId(exists.topicId());
            }
            OffsetCommitResponseTopic missing = takeMissing(topic, exists, ids);
            if (!topic.partitions().isEmpty()) {
                known.add(topic);
            }
            if (missing != null) {
                refused = refused.isEmpty() ? new ArrayList<>() : refused;
                refused.add(missing);
            }
        }
        return new Split(request.setTopics(known), refused);
    }

    /** Null where all partitions exist, as nearly always. */
    private static OffsetCommitResponseTopic takeMissing(
            OffsetCommitRequestTopic topic, TopicImage exists, boolean ids) {
        int partitions = exists == null ? 0 : exists.partitions().size();
        Predicate<OffsetCommitRequestPartition> isThere =
                p -> p.partitionIndex() >= 0 && p.partitionIndex() < partitions;
        if (topic.partitions().stream().allMatch(isThere)) {
            return null;
        }
        Errors unknown = ids && exists == null ? Errors.UNKNOWN_TOPIC_ID : Errors.UNKNOWN_TOPIC_OR_PARTITION;
        OffsetCommitResponseTopic missing =
                new OffsetCommitResponseTopic().setName(topic.name()).setTopicId(topic.topicId());
        List<OffsetCommitRequestPartition> there = new ArrayList<>();
        for (OffsetCommitRequestPartition p : topic.partitions()) {
            if (isThere.test(p)) {
                there.add(p);
            } else {
                missing.partitions()
                        .add(new OffsetCommitResponsePartition()
                                .setPartitionIndex(p.partitionIndex())
                                .setErrorCode(unknown.code()));
            }
        }
        topic.setPartitions(there);
        return missing;
    }

    /** The part of a fetch that a group may see, and the answers to the rest. */
    record FetchSplit(OffsetFetchRequestGroup known, List<OffsetFetchResponseTopics> refused) {
        /** Adds ids and refused topics; drops what belongs to topics that are no more. */
        OffsetFetchResponseGroup complete(OffsetFetchResponseGroup response, short version, MetadataImage image) {
            if (known.topics() == null) {
                response.topics().removeIf(t -> image.topic(t.name()).isEmpty());
                if (version >= FIRST_VERSION_WITH_IDS) {
                    response.topics()
                            .forEach(t -> image.topic(t.name()).ifPresent(topic -> t.setTopicId(topic.topicId())));
                }
            }
            if (response.errorCode() == Errors.NONE.code()) {
                response.topics().addAll(refused);
            }
            return response;
        }
    }

    static FetchSplit split(OffsetFetchRequestGroup request, short version, MetadataImage image) {
        if (request.topics() == null || version < FIRST_VERSION_WITH_IDS) {
            return new FetchSplit(request, List.of());
        }
        OffsetFetchRequestGroup known = request.duplicate();
        known.setTopics(new ArrayList<>());
        List<OffsetFetchResponseTopics> refused = new ArrayList<>();
        for (OffsetFetchRequestTopics topic : request.topics()) {
            Optional<TopicImage> exists = image.topic(topic.topicId());
            if (exists.isPresent()) {
                known.topics()
                        .add(new OffsetFetchRequestTopics()
                                .setName(exists.get().name())
                                .setTopicId(topic.topicId())
                                .setPartitionIndexes(topic.partitionIndexes()));
            } else {
                refused.add(refused(topic, Errors.UNKNOWN_TOPIC_ID));
            }
        }
        return new FetchSplit(known, refused);
    }

    private static OffsetFetchResponseTopics refused(OffsetFetchRequestTopics topic, Errors error) {
        OffsetFetchResponseTopics answer =
                new OffsetFetchResponseTopics().setName(topic.name()).setTopicId(topic.topicId());
        for (int partition : topic.partitionIndexes()) {
            answer.partitions()
                    .add(new OffsetFetchResponsePartitions()
                            .setPartitionIndex(partition)
                            .setCommittedOffset(GroupOffsets.NO_OFFSET)
                            .setMetadata("")
                            .setErrorCode(error.code()));
        }
        return answer;
    }
}
