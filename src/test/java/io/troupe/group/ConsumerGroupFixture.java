package io.troupe.group;

import io.troupe.config.ConsumerGroupConfig;
import io.troupe.config.GroupConfig;
import io.troupe.group.GroupFixture.Asked;
import io.troupe.group.GroupService.Caller;
import io.troupe.group.assignor.TopicRegexes;
import io.troupe.metadata.BrokerImage;
import io.troupe.metadata.MetadataEvent;
import io.troupe.metadata.MetadataImage;
import io.troupe.metadata.PartitionImage;
import io.troupe.metadata.TopicImage;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
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
final class ConsumerGroupFixture extends CoreFixture<ConsumerGroup> {
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

    short version = 1;
    MetadataImage image = MetadataImage.empty();
    int otherMembers;
    private int ids;
    final GroupConfig config;

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
        group.upgraded(records, List.of(), nowMs);
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

    /** A broker comes, or comes back, maybe in another rack. */
    void broker(int id, String rack) {
        change(new MetadataEvent.BrokerRegistered(
                new BrokerImage(id, 1, List.of(), Optional.ofNullable(rack), true, false), true));
    }

    /** All partitions of a topic get these replicas, the first of which leads. */
    void move(String name, Integer... replicas) {
        TopicImage topic = image.topic(name).orElseThrow();
        List<Integer> ids = List.of(replicas);
        change(new MetadataEvent.PartitionsChanged(
                topic.topicId(),
                topic.partitions().stream()
                        .map(p -> new PartitionImage(p.partition(), ids, ids.get(0), 2, 2, ids, List.of(), List.of()))
                        .toList()));
    }

    /** The group's own settings, all of them. */
    void configs(Map<String, String> configs) {
        change(new MetadataEvent.GroupConfigsChanged(ID, configs));
    }

    private void change(MetadataEvent event) {
        MetadataImage before = image;
        image = image.apply(image.index() + 1, event);
        if (MetadataHash.mayDiffer(before, image)) {
            run(group.topicsChanged(nowMs));
        }
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
