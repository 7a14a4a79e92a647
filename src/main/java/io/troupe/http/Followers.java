package io.troupe.http;

import io.troupe.api.FollowersTag;
import io.troupe.metadata.PartitionImage;
import io.troupe.metadata.TopicImage;
import io.troupe.partition.Replica.FollowerStanding;
import io.troupe.protocol.BrokerCalls;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.kafka.common.message.ListOffsetsRequestData;
import org.apache.kafka.common.message.ListOffsetsRequestData.ListOffsetsPartition;
import org.apache.kafka.common.message.ListOffsetsRequestData.ListOffsetsTopic;
import org.apache.kafka.common.message.ListOffsetsResponseData;

/** How far the followers of a topic's partitions have come, asked of their leaders. Any thread. */
final class Followers {
    private static final int LIST_OFFSETS_VERSION = 7;
    private static final int PATIENCE_MS = 5000;

    private final Topics topics;
    private final BrokerCalls calls;

    Followers(Topics topics, BrokerCalls calls) {
        this.topics = topics;
        this.calls = calls;
    }

    /** Of each partition, by its number; without those that nobody told of. Never fails. */
    CompletionStage<Map<Integer, List<FollowerStanding>>> of(TopicImage topic, List<PartitionImage> partitions) {
        Map<Integer, List<ListOffsetsPartition>> byLeader = new TreeMap<>();
        for (PartitionImage partition : partitions) {
            topics.leader(topic, partition.partition()).ifPresent(leader -> {
                ListOffsetsPartition asked = new ListOffsetsPartition()
                        .setPartitionIndex(partition.partition())
                        .setTimestamp(RecordReading.EARLIEST);
                asked.unknownTaggedFields().add(FollowersTag.ask());
                byLeader.computeIfAbsent(leader, id -> new ArrayList<>()).add(asked);
            });
        }
        Map<Integer, List<FollowerStanding>> told = new ConcurrentHashMap<>();
        List<CompletableFuture<?>> all = new ArrayList<>();
        byLeader.forEach((leader, asked) -> {
            ListOffsetsRequestData request = new ListOffsetsRequestData()
                    .setReplicaId(-1)
                    .setTopics(
                            List.of(new ListOffsetsTopic().setName(topic.name()).setPartitions(asked)));
            all.add(calls.call(leader, LIST_OFFSETS_VERSION, request, 0, PATIENCE_MS)
                    .handle((answer, failure) -> {
                        if (failure == null) {
                            ((ListOffsetsResponseData) answer).topics().forEach(t -> t.partitions()
                                    .forEach(p ->
                                            told.put(p.partitionIndex(), FollowersTag.in(p.unknownTaggedFields()))));
                        }
                        return null;
                    })
                    .toCompletableFuture());
        });
        return CompletableFuture.allOf(all.toArray(CompletableFuture[]::new)).thenApply(done -> told);
    }
}
