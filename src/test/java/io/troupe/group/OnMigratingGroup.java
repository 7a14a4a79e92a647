package io.troupe.group;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.troupe.group.ConsumerGroupFixture.Client;
import io.troupe.group.GroupFixture.Asked;
import io.troupe.group.GroupService.Caller;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.Assignment;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.Subscription;
import org.apache.kafka.clients.consumer.internals.ConsumerProtocol;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.message.HeartbeatRequestData;
import org.apache.kafka.common.message.HeartbeatResponseData;
import org.apache.kafka.common.message.JoinGroupRequestData;
import org.apache.kafka.common.message.JoinGroupRequestData.JoinGroupRequestProtocol;
import org.apache.kafka.common.message.JoinGroupResponseData;
import org.apache.kafka.common.message.LeaveGroupRequestData;
import org.apache.kafka.common.message.LeaveGroupResponseData;
import org.apache.kafka.common.message.SyncGroupRequestData;
import org.apache.kafka.common.message.SyncGroupResponseData;
import org.apache.kafka.common.protocol.Errors;
import org.junit.jupiter.api.BeforeEach;

/** Two classic members of one topic with four partitions, whose group is about to change its protocol (KIP-848, "Migrating to the new protocol"). */
abstract class OnMigratingGroup {
    static final int SESSION_MS = 10_000;
    static final int REBALANCE_MS = 60_000;

    final ConsumerGroupFixture f = new ConsumerGroupFixture();
    final GroupFixture classic = new GroupFixture(0);
    /** Of the classic group, generation 2: the first leads, and has t-0 and t-1. */
    String a;
    /** Has t-2 and t-3. */
    String b;

    @BeforeEach
    void twoClassicMembersOfOneTopic() {
        f.topic("t", 4);
        a = classic.join(classic.newId(), null, words(), "range").now().memberId();
        classic.syncBytes(a, 1, Map.of(a, given(0, 1, 2, 3)));
        String id = classic.newId();
        Asked<JoinGroupResponseData> second = classic.join(id, null, words(), "range");
        assertEquals(2, classic.join(a, null, words(), "range").now().generationId());
        b = second.now().memberId();
        classic.syncBytes(a, 2, Map.of(a, given(0, 1), b, given(2, 3)));
        classic.syncBytes(b, 2, Map.of());
    }

    static byte[] bytes(ByteBuffer b) {
        byte[] bytes = new byte[b.remaining()];
        b.get(bytes);
        return bytes;
    }

    static List<TopicPartition> t(int... partitions) {
        return IntStream.of(partitions)
                .mapToObj(p -> new TopicPartition("t", p))
                .toList();
    }

    /** A subscription to t by one who owns some of it. */
    static byte[] words(int... owned) {
        return bytes(ConsumerProtocol.serializeSubscription(new Subscription(List.of("t"), null, t(owned))));
    }

    static byte[] given(int... partitions) {
        return bytes(ConsumerProtocol.serializeAssignment(new Assignment(t(partitions))));
    }

    JoinGroupResponseData join(String id, String instance, byte[] words, String... protocols) {
        JoinGroupRequestData data = new JoinGroupRequestData()
                .setGroupId("g")
                .setMemberId(id)
                .setGroupInstanceId(instance)
                .setSessionTimeoutMs(SESSION_MS)
                .setRebalanceTimeoutMs(REBALANCE_MS)
                .setProtocolType("consumer");
        for (String p : protocols) {
            data.protocols().add(new JoinGroupRequestProtocol().setName(p).setMetadata(words));
        }
        return f.<JoinGroupResponseData>ask(r -> new GroupRequest.Join(new Caller("c", "/h", (short) 9), data, r))
                .now();
    }

    /** What the answer to a join that must succeed says is its generation. */
    int join(String id, int... owned) {
        JoinGroupResponseData answer = join(id, null, words(owned), "range");
        assertEquals(Errors.NONE, Errors.forCode(answer.errorCode()));
        return answer.generationId();
    }

    SyncGroupResponseData sync(String id, int generation) {
        SyncGroupRequestData data = new SyncGroupRequestData()
                .setGroupId("g")
                .setMemberId(id)
                .setGenerationId(generation)
                .setProtocolType("consumer")
                .setProtocolName("range");
        return f.<SyncGroupResponseData>ask(
                        r -> new GroupRequest.Sync(new Caller("c", "/h", (short) 5), data, AnswerHold.never(), r))
                .now();
    }

    /** Partitions of t that a member hears it has, in order. */
    List<Integer> part(String id, int generation) {
        SyncGroupResponseData answer = sync(id, generation);
        assertEquals(Errors.NONE, Errors.forCode(answer.errorCode()));
        List<Integer> part = new ArrayList<>();
        ConsumerProtocol.deserializeAssignment(ByteBuffer.wrap(answer.assignment()))
                .partitions()
                .forEach(tp -> part.add(tp.partition()));
        return part;
    }

    Errors beat(String id, int generation) {
        HeartbeatRequestData data =
                new HeartbeatRequestData().setGroupId("g").setMemberId(id).setGenerationId(generation);
        return Errors.forCode(f.<HeartbeatResponseData>ask(r -> new GroupRequest.Heartbeat(data, AnswerHold.never(), r))
                .now()
                .errorCode());
    }

    Errors leave(String id) {
        LeaveGroupRequestData data = new LeaveGroupRequestData()
                .setGroupId("g")
                .setMembers(List.of(new LeaveGroupRequestData.MemberIdentity().setMemberId(id)));
        return Errors.forCode(
                f.<LeaveGroupResponseData>ask(r -> new GroupRequest.Leave(new Caller("c", "/h", (short) 5), data, r))
                        .now()
                        .members()
                        .get(0)
                        .errorCode());
    }

    Client upgraded() {
        f.upgrade(classic.group);
        return f.join("c", "t");
    }
}
