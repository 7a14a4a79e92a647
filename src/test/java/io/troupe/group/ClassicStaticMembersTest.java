package io.troupe.group;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.group.ClassicGroup.State;
import io.troupe.group.GroupFixture.Asked;
import java.util.Map;
import org.apache.kafka.common.message.JoinGroupResponseData;
import org.apache.kafka.common.protocol.Errors;
import org.junit.jupiter.api.Test;

/** The rules of static membership in the classic protocol, one test each. */
class ClassicStaticMembersTest {
    private GroupFixture f = new GroupFixture(0);

    @Test
    void aReturningStaticMemberTakesItsPlaceWithoutARebalance_KIP345() {
        JoinGroupResponseData first = f.join("", "i1", "m", "range").now();
        f.sync(first.memberId(), 1, Map.of(first.memberId(), "p"));
        JoinGroupResponseData again = f.join("", "i1", "m", "range").now();
        assertNotEquals(first.memberId(), again.memberId());
        assertEquals(1, again.generationId());
        assertEquals(State.STABLE, f.group.state());
        assertTrue(again.skipAssignment());
        assertEquals(again.memberId(), again.leader());
        assertArrayEquals(
                "p".getBytes(), f.sync(again.memberId(), 1, Map.of()).now().assignment());
        assertEquals(
                again.memberId(),
                f.group.committed().metadata().members().get(0).memberId());
    }

    @Test
    void anOlderStaticLeaderIsNotToldThatItLeads_KIP814() {
        f.version = 8;
        JoinGroupResponseData first = f.join("", "i1", "m", "range").now();
        f.sync(first.memberId(), 1, Map.of(first.memberId(), "p"));
        JoinGroupResponseData again = f.join("", "i1", "m", "range").now();
        assertFalse(again.skipAssignment());
        assertNotEquals(again.memberId(), again.leader());
        assertEquals(0, again.members().size());
    }

    @Test
    void theFormerSelfOfAStaticMemberIsFenced_KIP345() {
        JoinGroupResponseData first = f.join("", "i1", "m", "range").now();
        f.sync(first.memberId(), 1, Map.of());
        f.join("", "i1", "m", "range").now();
        assertEquals(Errors.FENCED_INSTANCE_ID, GroupFixture.error(f.join(first.memberId(), "i1", "m", "range")));
        assertEquals(Errors.UNKNOWN_MEMBER_ID, GroupFixture.error(f.join(first.memberId(), "i2", "m", "range")));
        assertEquals(
                Errors.FENCED_INSTANCE_ID.code(),
                f.leave(first.memberId(), "i1").members().get(0).errorCode());
    }

    @Test
    void aParkedRequestOfAFencedInstanceIsAnswered_KIP345() {
        f = new GroupFixture(3000);
        Asked<JoinGroupResponseData> first = f.join("", "i1", "m", "range");
        Asked<JoinGroupResponseData> second = f.join("", "i1", "m", "range");
        assertEquals(Errors.FENCED_INSTANCE_ID, GroupFixture.error(first));
        f.pass(7000);
        assertEquals(1, second.now().members().size());
    }

    @Test
    void anAbsentStaticMemberStaysInTheNextGeneration_KIP345() {
        f.sessionTimeoutMs = 300_000;
        JoinGroupResponseData i1 = f.join("", "i1", "m", "range").now();
        f.sync(i1.memberId(), 1, Map.of());
        Asked<JoinGroupResponseData> i2 = f.join("", "i2", "m", "range");
        f.pass(60_000);
        assertEquals(2, i2.now().members().size());
        assertEquals(i2.now().memberId(), i2.now().leader());
    }

    @Test
    void anOperatorRemovesAStaticMemberByInstance_KIP345() {
        f.join("", "i1", "m", "range").now();
        assertEquals(Errors.NONE.code(), f.leave("", "i1").members().get(0).errorCode());
        assertEquals(State.EMPTY, f.group.state());
    }
}
