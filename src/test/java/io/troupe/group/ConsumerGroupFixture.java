package io.troupe.group;

import io.troupe.config.ConsumerGroupConfig;
import io.troupe.config.GroupConfig;
import io.troupe.group.GroupFixture.Asked;
import io.troupe.group.GroupService.Caller;
import io.troupe.group.assignor.TopicRegexes;
import io.troupe.metadata.MetadataEvent;
import io.troupe.metadata.MetadataImage;
import io.troupe.metadata.PartitionImage;
import io.troupe.metadata.TopicImage;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.ConsumerGroupDescribeResponseData;
import org.apache.kafka.common.message.ConsumerGroupHeartbeatRequestData;
import org.apache.kafka.common.message.ConsumerGroupHeartbeatResponseData;
import org.apache.kafka.common.message.OffsetCommitRequestData;
import org.apache.kafka.common.message.OffsetCommitRequestData.OffsetCommitRequestPartition;
import org.apache.kafka.common.message.OffsetCommitRequestData.OffsetCommitRequestTopic;
import org.apache.kafka.common.message.OffsetCommitResponseData;
import org.apache.kafka.common.message.OffsetFetchRequestData.OffsetFetchRequestGroup;
import org.apache.kafka.common.message.OffsetFetchRequestData.OffsetFetchRequestTopics;
import org.apache.kafka.common.message.OffsetFetchResponseData.OffsetFetchResponseGroup;
import org.apache.kafka.common.protocol.Errors;

/** Drives one ConsumerGroup by hand: time, topics, requests, and when appends are decided. */
final class ConsumerGroupFixture {
    static final String ID = "g";
    static final int REBALANCE_TIMEOUT_MS = 30_000;

    /** What a client remembers between its heartbeats. */
    static final class Client {
        final String id;
        String instance;
        int epoch;
        /** By topic name, as last told. */
        Map<String, List<Integer>> assigned = Map.of();

        Client(String id) {
            this.id = id;
        }
    }

    long nowMs = 1_000_000;
    short version = 1;
    MetadataImage image = MetadataImage.empty();
    boolean holdAppends;
    Errors appendError = Errors.NONE;
    boolean forgotten;
    boolean renewed;
    int otherMembers;
    private int ids;
    final Deque<Effect.Append> appends = new ArrayDeque<>();
    final List<GroupRecord> log = new ArrayList<>();
    final GroupConfig config;
    ConsumerGroup group;

    ConsumerGroupFixture() {
        this(ConsumerGroupConfig.DEFAULTS);
    }

    ConsumerGroupFixture(ConsumerGroupConfig consumer) {
        config = GroupFixture.config(0, Integer.MAX_VALUE, consumer);
        begin(CommittedGroup.empty(ID));
    }

    private void begin(CommittedGroup from) {
        group = new ConsumerGroup(
                from,
                config,
                new ConsumerGroup.Surroundings(
                        () -> image, () -> group.size() + otherMembers, new TopicRegexes(), () -> "given-" + ids++),
                0,
                GroupEvents.NONE,
                nowMs);
    }

    /** Takes the place of a classic group. */
    void upgrade(ClassicGroup classic) {
        List<GroupRecord> records = classic.upgrade(image).orElseThrow();
        begin(classic.committed().with(records));
        group.upgraded(records, nowMs);
    }

    /** A coordinator elsewhere takes over with what is in the log. */
    void failOver() {
        appends.clear();
        begin(CommittedGroup.empty(ID).with(log));
        run(group.topicsChanged(nowMs));
    }

    void topic(String name, int partitions) {
        TopicImage known = image.topic(name).orElse(null);
        image = image.apply(
                image.index() + 1,
                known == null
                        ? new MetadataEvent.TopicCreated(
                                new TopicImage(name, new Uuid(1, ids++), partitions(0, partitions), Map.of()))
                        : new MetadataEvent.PartitionsChanged(
                                known.topicId(), partitions(known.partitions().size(), partitions)));
        run(group.topicsChanged(nowMs));
    }

    void deleteTopic(String name) {
        image = image.apply(
                image.index() + 1,
                new MetadataEvent.TopicDeleted(image.topic(name).orElseThrow().topicId()));
        run(group.topicsChanged(nowMs));
    }

    private static List<PartitionImage> partitions(int from, int to) {
        return IntStream.range(from, to)
                .mapToObj(p -> new PartitionImage(p, List.of(1), 1, 1, 1, List.of(1), List.of(), List.of()))
                .toList();
    }

    void run(List<Effect> effects) {
        for (Effect effect : effects) {
            if (effect instanceof Effect.Answer<?> answer) {
                answer.give();
            } else if (effect instanceof Effect.Refuse refuse) {
                refuse.request().refuse(refuse.error());
            } else if (effect instanceof Effect.Append append) {
                appends.add(append);
            } else if (effect == Effect.Forget.FORGET) {
                forgotten = true;
            } else if (effect == Effect.Renew.RENEW) {
                renewed = true;
            }
        }
        if (!holdAppends) {
            decideAppends();
        }
    }

    void decideAppends() {
        while (!appends.isEmpty()) {
            Effect.Append append = appends.poll();
            if (appendError == Errors.NONE) {
                // Through bytes and back, as the log would do it.
                append.records().forEach(r -> log.add(GroupRecords.read(GroupRecords.key(r), GroupRecords.value(r))));
            }
            run(group.appended(append, appendError, nowMs));
        }
    }

    void pass(long ms) {
        long until = nowMs + ms;
        while (group.nextDeadlineMs() <= until) {
            nowMs = Math.max(nowMs, group.nextDeadlineMs());
            run(group.tick(nowMs));
        }
        nowMs = until;
    }

    <T> Asked<T> ask(Function<Asked<T>, GroupRequest> request) {
        Asked<T> asked = new Asked<>();
        run(group.handle(request.apply(asked), nowMs));
        return asked;
    }

    Caller caller() {
        return new Caller("c", "/127.0.0.1", version);
    }

    Asked<ConsumerGroupHeartbeatResponseData> send(ConsumerGroupHeartbeatRequestData data) {
        ConsumerHeartbeatCheck.Problem problem =
                ConsumerHeartbeatCheck.of(data.setGroupId(ID), version, config.consumer());
        if (problem != null) {
            Asked<ConsumerGroupHeartbeatResponseData> refused = new Asked<>();
            refused.answer(GroupRequest.ConsumerHeartbeat.refusal(problem));
            return refused;
        }
        return ask(r -> new GroupRequest.ConsumerHeartbeat(caller(), data, r));
    }

    /** All that a first heartbeat must say, and no subscription. */
    static ConsumerGroupHeartbeatRequestData joining(String memberId) {
        return new ConsumerGroupHeartbeatRequestData()
                .setMemberId(memberId)
                .setMemberEpoch(0)
                .setRebalanceTimeoutMs(REBALANCE_TIMEOUT_MS)
                .setTopicPartitions(List.of());
    }

    Client join(String memberId, String... topics) {
        return join(new Client(memberId), joining(memberId).setSubscribedTopicNames(List.of(topics)));
    }

    Client joinStatic(String memberId, String instance, String... topics) {
        Client client = new Client(memberId);
        client.instance = instance;
        return join(client, joining(memberId).setInstanceId(instance).setSubscribedTopicNames(List.of(topics)));
    }

    Client join(Client client, ConsumerGroupHeartbeatRequestData data) {
        heard(client, send(data).now());
        return client;
    }

    private void heard(Client client, ConsumerGroupHeartbeatResponseData answer) {
        if (answer.errorCode() != Errors.NONE.code()) {
            throw new AssertionError(answer);
        }
        client.epoch = answer.memberEpoch();
        if (answer.assignment() != null) {
            client.assigned = byName(answer);
        }
    }

    Map<String, List<Integer>> byName(ConsumerGroupHeartbeatResponseData answer) {
        Map<String, List<Integer>> assigned = new HashMap<>();
        answer.assignment()
                .topicPartitions()
                .forEach(t -> assigned.put(
                        image.topic(t.topicId()).map(TopicImage::name).orElse("deleted"), t.partitions()));
        return assigned;
    }

    /** Says nothing but that it is there. */
    ConsumerGroupHeartbeatResponseData beat(Client client) {
        return beat(client, heartbeat(client));
    }

    ConsumerGroupHeartbeatRequestData heartbeat(Client client) {
        return new ConsumerGroupHeartbeatRequestData()
                .setMemberId(client.id)
                .setInstanceId(client.instance)
                .setMemberEpoch(client.epoch);
    }

    ConsumerGroupHeartbeatResponseData beat(Client client, ConsumerGroupHeartbeatRequestData data) {
        ConsumerGroupHeartbeatResponseData answer = send(data).now();
        heard(client, answer);
        return answer;
    }

    /** Says that it owns what it was last told to, and so nothing else any more. */
    ConsumerGroupHeartbeatResponseData confirm(Client client) {
        return beat(client, heartbeat(client).setTopicPartitions(owned(client.assigned)));
    }

    List<ConsumerGroupHeartbeatRequestData.TopicPartitions> owned(Map<String, List<Integer>> assigned) {
        List<ConsumerGroupHeartbeatRequestData.TopicPartitions> owned = new ArrayList<>();
        assigned.forEach((name, partitions) -> image.topic(name)
                .ifPresent(topic -> owned.add(new ConsumerGroupHeartbeatRequestData.TopicPartitions()
                        .setTopicId(topic.topicId())
                        .setPartitions(partitions))));
        return owned;
    }

    /** Everybody comes, and gives up and takes what it is told, until nothing moves. */
    void settle(Client... clients) {
        for (int round = 0; round < 10; round++) {
            for (Client client : clients) {
                confirm(client);
            }
        }
    }

    Errors error(ConsumerGroupHeartbeatRequestData data) {
        return Errors.forCode(send(data).now().errorCode());
    }

    Errors error(Client client) {
        return error(heartbeat(client));
    }

    ConsumerGroupDescribeResponseData.DescribedGroup describe() {
        return this.<ConsumerGroupDescribeResponseData.DescribedGroup>ask(
                        r -> new GroupRequest.DescribeConsumers(ID, r))
                .now();
    }

    Errors commit(short apiVersion, String memberId, int epoch, String topic, int partition, long offset) {
        OffsetCommitRequestData data = new OffsetCommitRequestData()
                .setGroupId(ID)
                .setMemberId(memberId)
                .setGenerationIdOrMemberEpoch(epoch);
        data.topics()
                .add(new OffsetCommitRequestTopic()
                        .setName(topic)
                        .setTopicId(image.topic(topic).orElseThrow().topicId())
                        .setPartitions(List.of(new OffsetCommitRequestPartition()
                                .setPartitionIndex(partition)
                                .setCommittedOffset(offset))));
        OffsetCommitResponseData answer = this.<OffsetCommitResponseData>ask(
                        r -> new GroupRequest.CommitOffsets(apiVersion, data, r))
                .now();
        return Errors.forCode(answer.topics().get(0).partitions().get(0).errorCode());
    }

    Errors commit(Client client, String topic, int partition, long offset) {
        return commit((short) 10, client.id, client.epoch, topic, partition, offset);
    }

    OffsetFetchResponseGroup fetch(String memberId, int epoch, String topic) {
        OffsetFetchRequestGroup asked = new OffsetFetchRequestGroup()
                .setGroupId(ID)
                .setMemberId(memberId)
                .setMemberEpoch(epoch)
                .setTopics(List.of(new OffsetFetchRequestTopics().setName(topic).setPartitionIndexes(List.of(0))));
        return this.<OffsetFetchResponseGroup>ask(r -> new GroupRequest.FetchOffsets(
                        asked,
                        name -> image.topic(name).map(TopicImage::topicId).orElse(null),
                        r))
                .now();
    }

    /** Partitions of the first topic that a member has by the group's book, in order. */
    String book(Client client) {
        CurrentAssignment current = group.current(client.id);
        return Reconciliation.partitions(current.assigned()).values().stream()
                .map(TreeSet::new)
                .map(TreeSet::toString)
                .collect(Collectors.joining());
    }
}
