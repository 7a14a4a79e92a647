package io.troupe.api;

import io.troupe.metadata.BrokerImage;
import io.troupe.metadata.MetadataCache;
import io.troupe.metadata.MetadataImage;
import io.troupe.metadata.PartitionImage;
import io.troupe.metadata.TopicImage;
import io.troupe.protocol.ApiHandler;
import io.troupe.protocol.RequestContext;
import java.util.Optional;
import java.util.TreeSet;
import org.apache.kafka.common.errors.InvalidTopicException;
import org.apache.kafka.common.internals.Topic;
import org.apache.kafka.common.message.DescribeTopicPartitionsRequestData;
import org.apache.kafka.common.message.DescribeTopicPartitionsResponseData;
import org.apache.kafka.common.message.DescribeTopicPartitionsResponseData.Cursor;
import org.apache.kafka.common.message.DescribeTopicPartitionsResponseData.DescribeTopicPartitionsResponsePartition;
import org.apache.kafka.common.message.DescribeTopicPartitionsResponseData.DescribeTopicPartitionsResponseTopic;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;

/**
 * DescribeTopicPartitions, version 0 (KIP-966): partitions with their eligible and last known leader replicas, topics by
 * name. An answer holds at most {@link #MOST_PARTITIONS} partitions and a cursor where the next goes on; topics that came up
 * meanwhile before the cursor are missed. Authorized operations are not told.
 */
public final class DescribeTopicPartitionsHandler implements ApiHandler<DescribeTopicPartitionsRequestData> {
    /** Kafka's default of {@code max.request.partition.size.limit}. */
    static final int MOST_PARTITIONS = 2000;

    private final MetadataCache metadata;

    public DescribeTopicPartitionsHandler(MetadataCache metadata) {
        this.metadata = metadata;
    }

    @Override
    public ApiKeys apiKey() {
        return ApiKeys.DESCRIBE_TOPIC_PARTITIONS;
    }

    @Override
    public short minVersion() {
        return 0;
    }

    @Override
    public short maxVersion() {
        return 0;
    }

    @Override
    public void handle(RequestContext context, DescribeTopicPartitionsRequestData request) {
        MetadataImage image = metadata.current();
        boolean all = request.topics().isEmpty();
        String from = request.cursor() == null ? "" : request.cursor().topicName();
        int first = request.cursor() == null ? 0 : Math.max(0, request.cursor().partitionIndex());
        TreeSet<String> names = new TreeSet<>();
        if (all) {
            names.addAll(image.topics().keySet());
        } else {
            request.topics().forEach(topic -> names.add(topic.name()));
        }
        int room = Math.max(1, Math.min(MOST_PARTITIONS, request.responsePartitionLimit()));
        DescribeTopicPartitionsResponseData response = new DescribeTopicPartitionsResponseData();
        for (String name : names.tailSet(from)) {
            Optional<TopicImage> topic = image.topic(name);
            if (topic.isEmpty()) {
                response.topics().add(absent(name));
                continue;
            }
            int size = topic.get().partitions().size();
            int begin = Math.min(name.equals(from) ? first : 0, size);
            if (room == 0) {
                response.setNextCursor(new Cursor().setTopicName(name).setPartitionIndex(begin));
                break;
            }
            int end = Math.min(size, begin + room);
            response.topics().add(topic(context, image, topic.get(), begin, end));
            room -= end - begin;
            if (end < size) {
                response.setNextCursor(new Cursor().setTopicName(name).setPartitionIndex(end));
                break;
            }
        }
        context.respond(response);
    }

    private static DescribeTopicPartitionsResponseTopic absent(String name) {
        Errors error = Errors.UNKNOWN_TOPIC_OR_PARTITION;
        try {
            Topic.validate(name);
        } catch (InvalidTopicException e) {
            error = Errors.INVALID_TOPIC_EXCEPTION;
        }
        return new DescribeTopicPartitionsResponseTopic()
                .setName(name)
                .setErrorCode(error.code())
                .setIsInternal(TopicImage.isInternal(name));
    }

    private static DescribeTopicPartitionsResponseTopic topic(
            RequestContext context, MetadataImage image, TopicImage topic, int begin, int end) {
        DescribeTopicPartitionsResponseTopic answer = new DescribeTopicPartitionsResponseTopic()
                .setName(topic.name())
                .setTopicId(topic.topicId())
                .setIsInternal(topic.internal());
        for (PartitionImage p : topic.partitions().subList(begin, end)) {
            answer.partitions().add(partition(context, image, p));
        }
        return answer;
    }

    private static DescribeTopicPartitionsResponsePartition partition(
            RequestContext context, MetadataImage image, PartitionImage p) {
        Optional<BrokerImage> leader = image.broker(p.leader()).filter(b -> !b.fenced());
        boolean reachable =
                leader.flatMap(b -> Endpoints.of(b, context.listener())).isPresent();
        Errors unreachable = leader.isPresent() ? Errors.LISTENER_NOT_FOUND : Errors.LEADER_NOT_AVAILABLE;
        DescribeTopicPartitionsResponsePartition told = new DescribeTopicPartitionsResponsePartition()
                .setErrorCode((reachable ? Errors.NONE : unreachable).code())
                .setPartitionIndex(p.partition())
                .setLeaderId(reachable ? p.leader() : PartitionImage.NO_LEADER)
                .setLeaderEpoch(p.leaderEpoch())
                .setReplicaNodes(p.replicas())
                .setIsrNodes(p.isr())
                .setEligibleLeaderReplicas(p.elr())
                .setLastKnownElr(p.lastKnown())
                .setOfflineReplicas(p.replicas().stream()
                        .filter(id -> p.offline().contains(id)
                                || image.broker(id).map(BrokerImage::fenced).orElse(true))
                        .toList());
        told.unknownTaggedFields().add(EpochTag.ofPartition(p.partitionEpoch()));
        return told;
    }
}
