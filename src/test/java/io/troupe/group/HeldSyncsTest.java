package io.troupe.group;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.group.GroupFixture.Asked;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.Assignment;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.Subscription;
import org.apache.kafka.clients.consumer.internals.ConsumerProtocol;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.message.JoinGroupResponseData;
import org.apache.kafka.common.message.SyncGroupResponseData;
import org.apache.kafka.common.protocol.Errors;
import org.junit.jupiter.api.Test;

/**
 * A cooperative rebalance has two generations (KIP-429): in the first partitions are given up, in the second they are given to
 * others. Who has nothing in the first waits for the second.
 */
class HeldSyncsTest {
    private final GroupFixture f = new GroupFixture(0);
    private String a;
    private String b;

    private static byte[] array(ByteBuffer buffer) {
        byte[] bytes = new byte[buffer.remaining()];
        buffer.get(bytes);
        return bytes;
    }

    private static List<TopicPartition> partitions(int... of) {
        return IntStream.of(of).mapToObj(p -> new TopicPartition("t", p)).toList();
    }

    private static byte[] part(int... of) {
        return array(ConsumerProtocol.serializeAssignment(new Assignment(partitions(of))));
    }

    private Asked<JoinGroupResponseData> join(String memberId, int... owned) {
        byte[] words = array(ConsumerProtocol.serializeSubscription(
                new Subscription(List.of("t"), null, partitions(owned), 1, Optional.empty())));
        return f.join(memberId, null, words, "range");
    }

    /** Both have joined generation 2, in which {@code a} leads. */
    private void joined(int... ownedByA) {
        a = join(join("").now().memberId()).now().memberId();
        f.syncBytes(a, 1, Map.of(a, part(ownedByA)));
        b = join("").now().memberId();
        Asked<JoinGroupResponseData> joining = join(b);
        join(a, ownedByA).now();
        assertEquals(2, joining.now().generationId());
    }

    @Test
    void whoHasNothingHearsAtOnceThatTheSecondGenerationBegins() {
        joined(0, 1);
        Late<SyncGroupResponseData> sync = f.lateSync(b, 2, Map.of());
        f.syncBytes(a, 2, Map.of(a, part(0), b, part())).now();
        assertTrue(sync.waits());
        assertEquals(GroupSyncs.MAX_HOLD_MS, sync.mostMs);
        join(a, 0);
        assertEquals(Errors.REBALANCE_IN_PROGRESS.code(), sync.answer.now().errorCode());
    }

    @Test
    void itMayAskAfterTheAssignmentWasStored() {
        joined(0, 1);
        f.syncBytes(a, 2, Map.of(a, part(0), b, part())).now();
        Late<SyncGroupResponseData> sync = f.lateSync(b, 2, Map.of());
        assertTrue(sync.waits());
        sync.letGo();
        assertArrayEquals(part(), sync.answer.now().assignment());
        assertEquals(Errors.NONE, f.heartbeat(b, 2));
    }

    @Test
    void whoHasPartitionsDoesNotWait() {
        joined(0, 1);
        Late<SyncGroupResponseData> sync = f.lateSync(b, 2, Map.of());
        Late<SyncGroupResponseData> leader = f.lateSync(a, 2, Map.of(a, part(0), b, part(2)));
        assertArrayEquals(part(2), sync.answer.now().assignment());
        assertArrayEquals(part(0), leader.answer.now().assignment());
    }

    @Test
    void nobodyWaitsWhereNobodyGivesUp() {
        joined(0, 1);
        Late<SyncGroupResponseData> sync = f.lateSync(b, 2, Map.of());
        f.syncBytes(a, 2, Map.of(a, part(0, 1), b, part())).now();
        assertFalse(sync.waits());
        assertArrayEquals(part(), sync.answer.now().assignment());
    }

    /** An eager member has given up all before it joins. */
    @Test
    void nobodyWaitsInAnEagerGroup() {
        joined();
        Late<SyncGroupResponseData> sync = f.lateSync(b, 2, Map.of());
        f.syncBytes(a, 2, Map.of(a, part(0, 1), b, part())).now();
        assertArrayEquals(part(), sync.answer.now().assignment());
    }

    @Test
    void wordsThatCannotBeReadKeepNobodyWaiting() {
        String[] pair = f.stablePair();
        f.pass(1000);
        Asked<JoinGroupResponseData> again = f.join(pair[0], null, "other", "range");
        f.join(pair[1]);
        int generation = again.now().generationId();
        Late<SyncGroupResponseData> sync = f.lateSync(pair[1], generation, Map.of());
        f.syncBytes(pair[0], generation, Map.of());
        assertEquals(Errors.NONE.code(), sync.answer.now().errorCode());
    }
}
