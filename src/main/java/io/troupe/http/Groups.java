package io.troupe.http;

import io.troupe.group.GroupService;
import io.troupe.metadata.TopicImage;
import io.troupe.protocol.BrokerCalls;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.internals.Topic;
import org.apache.kafka.common.message.DescribeGroupsRequestData;
import org.apache.kafka.common.message.DescribeGroupsResponseData;
import org.apache.kafka.common.message.FindCoordinatorRequestData;
import org.apache.kafka.common.message.ListGroupsRequestData;
import org.apache.kafka.common.message.ListGroupsResponseData;
import org.apache.kafka.common.message.OffsetCommitRequestData;
import org.apache.kafka.common.message.OffsetCommitResponseData;
import org.apache.kafka.common.message.OffsetFetchRequestData;
import org.apache.kafka.common.message.OffsetFetchRequestData.OffsetFetchRequestGroup;
import org.apache.kafka.common.message.OffsetFetchRequestData.OffsetFetchRequestTopics;
import org.apache.kafka.common.message.OffsetFetchResponseData;
import org.apache.kafka.common.message.OffsetFetchResponseData.OffsetFetchResponseGroup;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.Errors;

/** Consumer groups and how far behind they are, asked of their coordinators. Any thread. */
final class Groups {
    private static final int LIST_VERSION = 5;
    private static final int DESCRIBE_VERSION = 5;
    private static final int OFFSET_FETCH_VERSION = 8;
    private static final int FETCH_BY_TOPIC_ID_VERSION = 10;
    private static final int FIND_COORDINATOR_VERSION = 4;

    /** A group as its coordinator lists it. */
    record Listed(String groupId, String state, String type, int coordinator) {}

    /**
     * How far behind a group is in a partition.
     *
     * @param waitingMs how long its next record has been there; 0 when there is none
     */
    record Lag(TopicPartition partition, long committed, long end, long waitingMs) {
        long records() {
            return Math.max(0, end - committed);
        }
    }

    private final Topics topics;
    private final BrokerCalls calls;
    private final RecordReading reading;
    private final int timeoutMs;
    private final Executor executor;

    Groups(Topics topics, BrokerCalls calls, RecordReading reading, int timeoutMs, Executor executor) {
        this.topics = topics;
        this.calls = calls;
        this.reading = reading;
        this.timeoutMs = timeoutMs;
        this.executor = executor;
    }

    /** Of all coordinators, sorted by name. */
    CompletionStage<List<Listed>> all() {
        List<CompletableFuture<List<Listed>>> asked = new ArrayList<>();
        for (int broker : topics.brokers()) {
            asked.add(of(broker).toCompletableFuture());
        }
        return CompletableFuture.allOf(asked.toArray(CompletableFuture[]::new)).thenApply(done -> asked.stream()
                .flatMap(groups -> groups.join().stream())
                .sorted(Comparator.comparing(Listed::groupId))
                .toList());
    }

    /** Of one coordinator. */
    CompletionStage<List<Listed>> of(int broker) {
        return calls.call(broker, LIST_VERSION, new ListGroupsRequestData(), 0, timeoutMs)
                .thenApply(answer -> {
                    ListGroupsResponseData list = (ListGroupsResponseData) answer;
                    Errors error = Errors.forCode(list.errorCode());
                    if (error != Errors.NONE && error != Errors.COORDINATOR_NOT_AVAILABLE) {
                        throw HttpFailure.of(error, null, "Groups of broker " + broker);
                    }
                    return list.groups().stream()
                            .map(g -> new Listed(g.groupId(), g.groupState(), g.groupType(), broker))
                            .toList();
                });
    }

    /** @return fails with HttpFailure 404 when there is no such group */
    CompletionStage<Listed> one(String groupId) {
        Optional<Integer> coordinator = coordinator(groupId);
        if (coordinator.isEmpty()) {
            return CompletableFuture.failedFuture(unknown(groupId));
        }
        return of(coordinator.get()).thenApply(groups -> groups.stream()
                .filter(g -> g.groupId().equals(groupId))
                .findFirst()
                .orElseThrow(() -> unknown(groupId)));
    }

    /** The assignor that a classic group's members agreed on; empty for others. */
    CompletionStage<String> assignor(Listed group) {
        DescribeGroupsRequestData request = new DescribeGroupsRequestData().setGroups(List.of(group.groupId()));
        return calls.call(group.coordinator(), DESCRIBE_VERSION, request, 0, timeoutMs)
                .thenApply(answer ->
                        ((DescribeGroupsResponseData) answer).groups().get(0).protocolData());
    }

    private static HttpFailure unknown(String groupId) {
        return new HttpFailure(404, "Group " + HttpFailure.shown(groupId) + " does not exist.");
    }

    /** Who leads the group's partition of the offsets topic. */
    private Optional<Integer> coordinator(String groupId) {
        Optional<TopicImage> offsets = topics.image().topic(Topic.GROUP_METADATA_TOPIC_NAME);
        return offsets.flatMap(topic -> topics.leader(
                topic, GroupService.partitionFor(groupId, topic.partitions().size())));
    }

    /** Of each partition that the group has committed an offset of, sorted; fails with HttpFailure. */
    CompletionStage<List<Lag>> lags(String groupId) {
        return committed(groupId).thenCompose(all -> {
            Map<TopicPartition, Long> committed = new HashMap<>();
            all.forEach((partition, known) -> committed.put(partition, known.offset()));
            return lags(committed);
        });
    }

    private CompletionStage<List<Lag>> lags(Map<TopicPartition, Long> committed) {
        return reading.ends(committed, RecordReading.LATEST).thenApply(ends -> {
            long now = System.currentTimeMillis();
            List<Lag> lags = new ArrayList<>();
            ends.forEach((partition, end) -> lags.add(new Lag(
                    partition,
                    committed.get(partition),
                    end.offset(),
                    end.waitingSinceMs() < 0 ? 0 : Math.max(0, now - end.waitingSinceMs()))));
            lags.sort(Comparator.comparing((Lag lag) -> lag.partition().topic())
                    .thenComparing(lag -> lag.partition().partition()));
            return lags;
        });
    }

    /** What a group has committed of a partition. */
    record Committed(long offset, String metadata) {}

    /** Of each partition that the group has committed an offset of; fails with HttpFailure. */
    CompletionStage<Map<TopicPartition, Committed>> committed(String groupId) {
        return offsets(groupId, OFFSET_FETCH_VERSION, null).thenApply(group -> {
            Map<TopicPartition, Committed> committed = new HashMap<>();
            group.topics().forEach(topic -> topic.partitions().forEach(p -> {
                if (p.errorCode() == Errors.NONE.code() && p.committedOffset() >= 0) {
                    committed.put(
                            new TopicPartition(topic.name(), p.partitionIndex()),
                            new Committed(p.committedOffset(), p.metadata()));
                }
            }));
            return committed;
        });
    }

    /**
     * What a group has committed of these partitions of these very topics.
     *
     * @return -1 for nothing; without those whose topics the coordinator does not know. Fails with HttpFailure
     */
    CompletionStage<Map<TopicPartition, Long>> committed(String groupId, Collection<TopicIdPartition> partitions) {
        Map<Uuid, OffsetFetchRequestTopics> byTopic = new HashMap<>();
        Map<Uuid, String> names = new HashMap<>();
        for (TopicIdPartition partition : partitions) {
            names.put(partition.topicId(), partition.topic());
            byTopic.computeIfAbsent(
                            partition.topicId(),
                            id -> new OffsetFetchRequestTopics().setTopicId(id).setPartitionIndexes(new ArrayList<>()))
                    .partitionIndexes()
                    .add(partition.partition());
        }
        return offsets(groupId, FETCH_BY_TOPIC_ID_VERSION, List.copyOf(byTopic.values()))
                .thenApply(group -> {
                    Map<TopicPartition, Long> committed = new HashMap<>();
                    group.topics().forEach(topic -> topic.partitions().forEach(p -> {
                        if (p.errorCode() == Errors.NONE.code()) {
                            committed.put(
                                    new TopicPartition(names.get(topic.topicId()), p.partitionIndex()),
                                    p.committedOffset());
                        }
                    }));
                    return committed;
                });
    }

    /** @param topics null for all */
    private CompletionStage<OffsetFetchResponseGroup> offsets(
            String groupId, int version, List<OffsetFetchRequestTopics> topics) {
        OffsetFetchRequestData request = new OffsetFetchRequestData()
                .setGroups(List.of(
                        new OffsetFetchRequestGroup().setGroupId(groupId).setTopics(topics)));
        return settled(
                        groupId,
                        version,
                        request,
                        answer -> Errors.forCode(group(answer).errorCode()))
                .thenApply(answer -> {
                    Errors error = Errors.forCode(group(answer).errorCode());
                    if (error != Errors.NONE) {
                        throw HttpFailure.of(error, null, "Group " + groupId);
                    }
                    return group(answer);
                });
    }

    private static OffsetFetchResponseGroup group(ApiMessage answer) {
        return ((OffsetFetchResponseData) answer).groups().get(0);
    }

    /** Fails with HttpFailure unless the coordinator answered; each partition has its own error. */
    CompletionStage<OffsetCommitResponseData> commit(OffsetCommitRequestData request, int version) {
        return settled(
                        request.groupId(),
                        version,
                        request,
                        answer -> Errors.forCode(((OffsetCommitResponseData) answer)
                                .topics()
                                .get(0)
                                .partitions()
                                .get(0)
                                .errorCode()))
                .thenApply(answer -> (OffsetCommitResponseData) answer);
    }

    /** Asks a group's coordinator once. Without the topic of offsets there is none, so it is made. */
    CompletionStage<ApiMessage> ask(String groupId, int version, ApiMessage request) {
        Optional<Integer> coordinator = coordinator(groupId);
        if (coordinator.isPresent()) {
            return calls.call(coordinator.get(), version, request, 0, timeoutMs);
        }
        FindCoordinatorRequestData find = new FindCoordinatorRequestData().setCoordinatorKeys(List.of(groupId));
        return calls.call(topics.ownId(), FIND_COORDINATOR_VERSION, find, 0, timeoutMs)
                .thenCompose(found -> calls.call(
                        coordinator(groupId)
                                .orElseThrow(() -> HttpFailure.tryAgain("The coordinator of group "
                                        + HttpFailure.shown(groupId) + " is not there at the moment.")),
                        version,
                        request,
                        0,
                        timeoutMs));
    }

    private CompletionStage<ApiMessage> settled(
            String groupId, int version, ApiMessage request, Function<ApiMessage, Errors> errorOf) {
        return Retrying.whileLeaderMoves(
                () -> ask(groupId, version, request),
                errorOf,
                System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(timeoutMs),
                executor);
    }
}
