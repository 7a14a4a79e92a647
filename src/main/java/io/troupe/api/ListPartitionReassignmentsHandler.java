package io.troupe.api;

import io.troupe.metadata.MetadataCache;
import io.troupe.metadata.MetadataImage;
import io.troupe.metadata.PartitionImage;
import io.troupe.metadata.TopicImage;
import io.troupe.protocol.ApiHandler;
import io.troupe.protocol.RequestContext;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.apache.kafka.common.message.ListPartitionReassignmentsRequestData;
import org.apache.kafka.common.message.ListPartitionReassignmentsRequestData.ListPartitionReassignmentsTopics;
import org.apache.kafka.common.message.ListPartitionReassignmentsResponseData;
import org.apache.kafka.common.message.ListPartitionReassignmentsResponseData.OngoingPartitionReassignment;
import org.apache.kafka.common.message.ListPartitionReassignmentsResponseData.OngoingTopicReassignment;
import org.apache.kafka.common.protocol.ApiKeys;

/**
 * ListPartitionReassignments, version 0: the moves of replicas under way, as this broker's image shows them: all of them or
 * those among the partitions asked for. Partitions that are unknown or at rest are left out, as in Kafka.
 */
public final class ListPartitionReassignmentsHandler implements ApiHandler<ListPartitionReassignmentsRequestData> {
    private final MetadataCache metadata;

    public ListPartitionReassignmentsHandler(MetadataCache metadata) {
        this.metadata = metadata;
    }

    @Override
    public ApiKeys apiKey() {
        return ApiKeys.LIST_PARTITION_REASSIGNMENTS;
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
    public void handle(RequestContext context, ListPartitionReassignmentsRequestData request) {
        MetadataImage image = metadata.current();
        List<OngoingTopicReassignment> ongoing = new ArrayList<>();
        if (request.topics() == null) {
            for (TopicImage topic : image.topics().values()) {
                add(ongoing, topic, IntStream.range(0, topic.partitions().size()));
            }
        } else {
            for (ListPartitionReassignmentsTopics asked : request.topics()) {
                image.topic(asked.name())
                        .ifPresent(topic -> add(
                                ongoing,
                                topic,
                                asked.partitionIndexes().stream()
                                        .mapToInt(p -> p)
                                        .filter(p ->
                                                p >= 0 && p < topic.partitions().size())
                                        .distinct()));
            }
        }
        context.respond(new ListPartitionReassignmentsResponseData().setTopics(ongoing));
    }

    private static void add(List<OngoingTopicReassignment> ongoing, TopicImage topic, IntStream partitions) {
        List<OngoingPartitionReassignment> moving = partitions
                .mapToObj(topic.partitions()::get)
                .filter(PartitionImage::reassigning)
                .map(p -> new OngoingPartitionReassignment()
                        .setPartitionIndex(p.partition())
                        .setReplicas(p.replicas())
                        .setAddingReplicas(p.adding())
                        .setRemovingReplicas(p.removing()))
                .toList();
        if (!moving.isEmpty()) {
            ongoing.add(new OngoingTopicReassignment().setName(topic.name()).setPartitions(moving));
        }
    }
}
