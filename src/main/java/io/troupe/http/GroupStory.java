package io.troupe.http;

import io.troupe.api.EventsTag;
import io.troupe.protocol.BrokerCalls;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletionStage;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor;
import org.apache.kafka.clients.consumer.internals.ConsumerProtocol;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.message.ConsumerGroupDescribeRequestData;
import org.apache.kafka.common.message.ConsumerGroupDescribeResponseData;
import org.apache.kafka.common.message.DescribeGroupsRequestData;
import org.apache.kafka.common.message.DescribeGroupsResponseData;
import org.apache.kafka.common.message.DescribeGroupsResponseData.DescribedGroup;
import org.apache.kafka.common.protocol.Errors;

/** What a coordinator says of one group: its members, and what happened to it. Any thread. */
final class GroupStory {
    private static final int DESCRIBE_VERSION = 5;
    private static final int CONSUMER_DESCRIBE_VERSION = 1;
    /** In a line that a coordinator sends: time, kind, epoch, member, milliseconds taken, text. */
    private static final int FIELDS = 6;

    /**
     * A member.
     *
     * @param instanceId null for none
     * @param epoch -1 where members have none
     * @param owns partitions that it has, by topic
     * @param target partitions that it is to have; null where that is not told
     */
    record Member(
            String memberId,
            String instanceId,
            String clientId,
            String host,
            int epoch,
            Map<String, List<Integer>> owns,
            Map<String, List<Integer>> target) {}

    /**
     * Something that happened.
     *
     * @param member empty for the group as a whole
     * @param tookMs -1 where that means nothing
     */
    record Event(long timeMs, String kind, int epoch, String member, long tookMs, String text) {}

    /** @param assignor empty when there is none (yet) */
    record Told(String assignor, List<Member> members, List<Event> events) {}

    private final BrokerCalls calls;
    private final int timeoutMs;

    GroupStory(BrokerCalls calls, int timeoutMs) {
        this.calls = calls;
        this.timeoutMs = timeoutMs;
    }

    CompletionStage<Told> of(Groups.Listed group) {
        DescribeGroupsRequestData request = new DescribeGroupsRequestData().setGroups(List.of(group.groupId()));
        request.unknownTaggedFields().add(EventsTag.ask());
        CompletionStage<Told> classic = calls.call(group.coordinator(), DESCRIBE_VERSION, request, 0, timeoutMs)
                .thenApply(answer ->
                        told(((DescribeGroupsResponseData) answer).groups().get(0)));
        return group.type().equalsIgnoreCase("consumer")
                ? classic.thenCombine(
                        members(group),
                        (events, members) -> new Told(members.assignor(), members.members(), events.events()))
                : classic;
    }

    private static Told told(DescribedGroup group) {
        List<Member> members = group.members().stream()
                .map(m -> new Member(
                        m.memberId(),
                        m.groupInstanceId(),
                        m.clientId(),
                        m.clientHost(),
                        -1,
                        assignment(m.memberAssignment()),
                        null))
                .toList();
        return new Told(group.protocolData(), members, events(EventsTag.in(group.unknownTaggedFields())));
    }

    /** What a leader of a classic group wrote; members of other kinds of groups write something else. */
    private static Map<String, List<Integer>> assignment(byte[] written) {
        Map<String, List<Integer>> byTopic = new TreeMap<>();
        if (written.length == 0) {
            return byTopic;
        }
        try {
            ConsumerPartitionAssignor.Assignment assignment =
                    ConsumerProtocol.deserializeAssignment(ByteBuffer.wrap(written));
            for (TopicPartition p : assignment.partitions()) {
                byTopic.computeIfAbsent(p.topic(), t -> new ArrayList<>()).add(p.partition());
            }
        } catch (RuntimeException e) {
            return Map.of();
        }
        return byTopic;
    }

    static List<Event> events(String lines) {
        List<Event> events = new ArrayList<>();
        lines.lines().forEach(line -> {
            String[] e = line.split("\t", -1);
            if (e.length >= FIELDS) {
                events.add(new Event(
                        Long.parseLong(e[0]), e[1], Integer.parseInt(e[2]), e[3], Long.parseLong(e[4]), e[5]));
            }
        });
        return events;
    }

    /** Without events. */
    private CompletionStage<Told> members(Groups.Listed group) {
        ConsumerGroupDescribeRequestData request =
                new ConsumerGroupDescribeRequestData().setGroupIds(List.of(group.groupId()));
        return calls.call(group.coordinator(), CONSUMER_DESCRIBE_VERSION, request, 0, timeoutMs)
                .thenApply(answer -> {
                    var described = ((ConsumerGroupDescribeResponseData) answer)
                            .groups()
                            .get(0);
                    Errors error = Errors.forCode(described.errorCode());
                    // It may have become a classic one in between; then the next look tells.
                    if (error != Errors.NONE && error != Errors.GROUP_ID_NOT_FOUND) {
                        throw HttpFailure.of(error, described.errorMessage(), "Group " + group.groupId());
                    }
                    List<Member> members = described.members().stream()
                            .map(m -> new Member(
                                    m.memberId(),
                                    m.instanceId(),
                                    m.clientId(),
                                    m.clientHost(),
                                    m.memberEpoch(),
                                    assignment(m.assignment()),
                                    assignment(m.targetAssignment())))
                            .toList();
                    return new Told(described.assignorName(), members, List.of());
                });
    }

    private static Map<String, List<Integer>> assignment(ConsumerGroupDescribeResponseData.Assignment assignment) {
        Map<String, List<Integer>> byTopic = new TreeMap<>();
        assignment.topicPartitions().forEach(topic -> byTopic.put(topic.topicName(), topic.partitions()));
        return byTopic;
    }
}
