package io.troupe.group;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.group.ConsumerGroupFixture.Client;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.message.JoinGroupResponseData;
import org.apache.kafka.common.protocol.Errors;
import org.junit.jupiter.api.Test;

/** Members of the classic protocol in a group of the consumer protocol (KIP-848, "Migrating to the new protocol"). */
class MixedGroupTest extends OnMigratingGroup {
    @Test
    void anEagerMemberIsToldToRejoinAndThenHearsItsPart() {
        Client c = upgraded();
        assertEquals(Map.of(), c.assigned);
        assertEquals(Errors.REBALANCE_IN_PROGRESS, beat(a, 2));
        // It gave everything up before it joined, so what it loses is free at once.
        assertEquals(3, join(a));
        List<Integer> part = part(a, 3);
        assertEquals(Errors.NONE, beat(a, 3));
        assertEquals(3, join(b));
        part.addAll(part(b, 3));
        f.confirm(c);
        part.addAll(c.assigned.get("t"));
        assertEquals(List.of(0, 1, 2, 3), part.stream().sorted().toList());
        assertEquals("Stable", f.group.stateText());
    }

    @Test
    void nobodyLeadsClassicMembers() {
        upgraded();
        JoinGroupResponseData answer = join(a, null, words(), "range");
        assertEquals("", answer.leader());
        assertTrue(answer.members().isEmpty());
        assertEquals("range", answer.protocolName());
    }

    @Test
    void aCooperativeMemberGivesUpBeforeTheNewcomerGets() {
        Client c = upgraded();
        int generationOfA = join(a, 0, 1);
        List<Integer> keptByA = part(a, generationOfA);
        int generationOfB = join(b, 2, 3);
        List<Integer> keptByB = part(b, generationOfB);
        // Of four partitions one member may keep two; the other stays in its epoch until it has given one up.
        assertEquals(3, keptByA.size() + keptByB.size());
        assertEquals(2 + 3, generationOfA + generationOfB);
        f.confirm(c);
        assertEquals(Map.of(), c.assigned);
        boolean fromA = keptByA.size() == 1;
        String loser = fromA ? a : b;
        int kept = (fromA ? keptByA : keptByB).get(0);
        assertEquals(Errors.REBALANCE_IN_PROGRESS, beat(loser, 2));
        assertEquals(3, join(loser, kept));
        assertEquals(List.of(kept), part(loser, 3));
        assertEquals(Errors.NONE, beat(loser, 3));
        f.confirm(c);
        assertEquals(1, c.assigned.get("t").size());
    }

    @Test
    void whoWaitsForPartitionsRejoinsOnceAllAreFree() {
        Client c = upgraded();
        assertEquals(3, join(a));
        part(a, 3);
        assertEquals(3, join(b));
        part(b, 3);
        f.settle(c);
        f.send(f.heartbeat(c).setMemberEpoch(-1));
        // Nobody has what c had; a is to have it, and finds it free.
        assertEquals(Errors.REBALANCE_IN_PROGRESS, beat(a, 3));
        assertEquals(4, join(a));
        assertEquals(4, join(b));
        assertEquals(4, part(a, 4).size() + part(b, 4).size());
    }

    @Test
    void aClassicMemberWaitsForWhatAConsumerHasYetToGiveUp() {
        Client c = upgraded();
        part(a, join(a));
        assertEquals(Errors.NONE, leave(b));
        int epoch = join(a);
        part(a, epoch);
        f.settle(c);
        assertEquals(2, c.assigned.get("t").size());
        // A second topic's worth of newcomers: d takes from c, which does not say that it gave anything up.
        String d = join("", null, words(), "range").memberId();
        int joined = join(d);
        List<Integer> first = part(d, joined);
        assertEquals(Errors.NONE, beat(d, joined), "what it waits for is not free");
        part(a, join(a));
        f.settle(c);
        if (first.isEmpty()) {
            assertEquals(Errors.REBALANCE_IN_PROGRESS, beat(d, joined));
        }
        assertEquals(1, part(d, join(d)).size());
    }

    @Test
    void theGenerationIsTheMembersOwnEpoch() {
        upgraded();
        assertEquals(Errors.ILLEGAL_GENERATION, beat(a, 1));
        assertEquals(Errors.ILLEGAL_GENERATION.code(), sync(a, 3).errorCode());
        assertEquals(Errors.REBALANCE_IN_PROGRESS.code(), sync(a, 2).errorCode());
        assertEquals(Errors.UNKNOWN_MEMBER_ID, beat("c", 3), "c does not speak classic");
        assertEquals(Errors.NONE, f.commit((short) 8, a, 2, "t", 0, 5));
        assertEquals(Errors.ILLEGAL_GENERATION, f.commit((short) 8, a, 1, "t", 0, 5));
    }

    @Test
    void sessionsEndByTheMembersOwnTimeOut() {
        Client c = upgraded();
        f.pass(SESSION_MS - 1);
        assertEquals(Errors.REBALANCE_IN_PROGRESS, beat(a, 2));
        f.pass(1);
        assertNull(f.group.current(b));
        assertNotNull(f.group.current(a));
        assertNotNull(f.group.current(c.id));
    }

    @Test
    void whoIsToldToRejoinHasItsRebalanceTimeOut() {
        upgraded();
        for (int ms = 0; ms < REBALANCE_MS; ms += 5000) {
            assertEquals(Errors.REBALANCE_IN_PROGRESS, beat(a, 2));
            f.pass(5000);
        }
        assertNull(f.group.current(a));
    }

    @Test
    void whoRejoinedHasItsRebalanceTimeOutToSynchronize() {
        upgraded();
        assertEquals(3, join(a));
        for (int ms = 0; ms < REBALANCE_MS; ms += 5000) {
            assertNotNull(f.group.current(a));
            beat(a, 3);
            f.pass(5000);
        }
        assertNull(f.group.current(a));
    }

    @Test
    void aClassicMemberMayComeNew() {
        f.join("c", "t");
        JoinGroupResponseData first = join("", null, words(), "range");
        assertEquals(Errors.MEMBER_ID_REQUIRED.code(), first.errorCode());
        int generation = join(first.memberId());
        assertEquals(2, generation);
        assertEquals(2, f.group.size());
    }

    @Test
    void whoComesNewMustSpeakWhatTheOthersSpeak() {
        upgraded();
        assertEquals(
                Errors.INCONSISTENT_GROUP_PROTOCOL.code(),
                join("x", null, words(), "sticky").errorCode());
        assertEquals(
                Errors.INCONSISTENT_GROUP_PROTOCOL.code(),
                join("x", null, new byte[] {1}, "range").errorCode());
        assertEquals(
                Errors.NONE.code(), join("x", null, words(), "sticky", "range").errorCode());
    }

    @Test // or it could commit what others have by now
    void whoWasRemovedLosesWhatItHasBeforeItComesAgain() {
        upgraded();
        assertEquals(
                Errors.UNKNOWN_MEMBER_ID.code(),
                join("gone", null, words(0), "range").errorCode());
    }

    @Test
    void aStaticMemberChangesItsProtocolInItsPlace() {
        upgraded();
        JoinGroupResponseData joined = join("", "i", words(), "range");
        assertEquals(Errors.NONE.code(), joined.errorCode());
        Client successor = f.joinStatic("s", "i", "t");
        assertNull(f.group.current(joined.memberId()));
        assertEquals(joined.generationId(), successor.epoch, "nothing else moved");
        JoinGroupResponseData back = join("", "i", words(), "range");
        assertEquals(joined.generationId(), back.generationId());
        assertNull(f.group.current("s"));
        assertEquals(
                Errors.FENCED_INSTANCE_ID.code(),
                join("s", "i", words(), "range").errorCode());
    }

    @Test
    void aFailoverFindsTheMixedGroup() {
        f.log.addAll(classic.log);
        Client c = upgraded();
        f.failOver();
        assertEquals(3, f.group.size());
        assertEquals(Errors.REBALANCE_IN_PROGRESS, beat(a, 2));
        assertEquals(3, join(a));
        f.confirm(c);
        assertTrue(f.group.downgrade(f.nowMs).isEmpty());
    }
}
