package io.troupe.group;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.group.GroupFixture.Asked;
import java.util.Map;
import org.apache.kafka.common.message.JoinGroupResponseData;
import org.apache.kafka.common.message.SyncGroupResponseData;
import org.apache.kafka.common.protocol.Errors;
import org.junit.jupiter.api.Test;

/** Heartbeats of classic members (KIP-62) whose answers wait for something to say: whose, for how long, and what ends it. */
class HeldHeartbeatsTest {
    private GroupFixture f = new GroupFixture(0);

    private HeldBeat beatAfter(int ms, String member) {
        f.pass(ms);
        return f.beat(member, f.group.generation());
    }

    @Test
    void aMembersFirstHeartbeatTellsItsInterval_itCountsFromTheAnswerToItsJoin() {
        String a = f.stableAlone();
        assertEquals(1250, beatAfter(1000, a).mostMs, "an interval and a quarter: the next one lets it go before");
    }

    @Test
    void theShorterOfTheLastTwoGapsCounts() {
        String a = f.stableAlone();
        assertEquals(1250, beatAfter(1000, a).mostMs);
        assertEquals(1250, beatAfter(3000, a).mostMs);
        assertEquals((10_000 - 3000) / 2, beatAfter(3000, a).mostMs);
        assertEquals(500, beatAfter(400, a).mostMs);
        assertFalse(beatAfter(10, a).waits(), "not worth while");
    }

    @Test
    void afterAFailoverTheIntervalIsNotKnownBeforeTheSecond() {
        String a = f.stableAlone();
        f.failOver(GroupFixture.config(0, 100));
        HeldBeat first = beatAfter(1000, a);
        assertEquals(Errors.NONE, first.error());
        assertTrue(beatAfter(1000, a).waits());
    }

    /** A client counts its session from answers: interval and wait together must stay within it. */
    @Test
    void itIsHeldForHalfOfWhatTheSessionLeavesAtMost_andForWhatIsConfigured() {
        String a = f.stableAlone();
        assertEquals(1000, beatAfter(8000, a).mostMs);
        f = new GroupFixture(0);
        f.sessionTimeoutMs = 45_000;
        a = f.stableAlone();
        assertEquals(4000, beatAfter(10_000, a).mostMs);
    }

    @Test
    void aJoinThatBeginsARebalanceEndsIt() {
        String a = f.stableAlone();
        HeldBeat beat = beatAfter(1000, a);
        Asked<JoinGroupResponseData> other = f.joinNew();
        f.pass(GroupJoins.GATHER_MS);
        assertEquals(Errors.REBALANCE_IN_PROGRESS, beat.error());
        assertTrue(other.parked());
        assertEquals(Errors.REBALANCE_IN_PROGRESS, f.beat(a, 1).error(), "told at once from then on");
    }

    @Test
    void aLeaveEndsThoseOfTheOthers_andWhoeverIsRemovedHearsIt() {
        String[] pair = f.stablePair();
        f.pass(1000);
        HeldBeat a = f.beat(pair[0], 2);
        HeldBeat b = f.beat(pair[1], 2);
        assertTrue(a.waits() && b.waits());
        f.leave(pair[1], null);
        assertEquals(Errors.UNKNOWN_MEMBER_ID, b.error());
        f.pass(GroupJoins.GATHER_MS);
        assertEquals(Errors.REBALANCE_IN_PROGRESS, a.error());
    }

    @Test
    void thoseThatComeTogetherAreOneRebalance() {
        String a = f.stableAlone();
        HeldBeat beat = beatAfter(1000, a);
        f.joinNew();
        f.pass(GroupJoins.GATHER_MS - 1);
        f.joinNew();
        f.pass(GroupJoins.GATHER_MS - 1);
        assertTrue(beat.waits());
        f.pass(1);
        assertEquals(Errors.REBALANCE_IN_PROGRESS, beat.error());
    }

    @Test
    void whoeverAsksMeanwhileIsTold() {
        String a = f.stableAlone();
        HeldBeat beat = beatAfter(1000, a);
        f.joinNew();
        assertTrue(beat.waits());
        assertEquals(Errors.REBALANCE_IN_PROGRESS, f.beat(a, 1).error());
    }

    @Test
    void nobodyWaitsForEverMore() {
        String a = f.stableAlone();
        f.pass(1000);
        HeldBeat beat = f.beat(a, 1);
        for (int waitedMs = 0; waitedMs < GroupJoins.GATHER_MOST_MS; waitedMs += GroupJoins.GATHER_MS / 2) {
            assertTrue(beat.waits());
            f.joinNew();
            f.pass(GroupJoins.GATHER_MS / 2);
        }
        assertEquals(Errors.REBALANCE_IN_PROGRESS, beat.error());
    }

    /** As when a leader finds that topics have changed: there is nobody to come along. */
    @Test
    void aMemberThatRejoinsIsToldOfAtOnce() {
        String[] pair = f.stablePair();
        f.pass(1000);
        HeldBeat beat = f.beat(pair[1], 2);
        f.join(pair[0], null, "other", "range");
        assertEquals(Errors.REBALANCE_IN_PROGRESS, beat.error());
    }

    @Test
    void sessionsRunFromWhenAHeartbeatCame() {
        String[] pair = f.stablePair();
        f.pass(1000);
        HeldBeat silent = f.beat(pair[0], 2);
        f.pass(8000);
        HeldBeat other = f.beat(pair[1], 2);
        assertTrue(silent.waits());
        f.pass(2000);
        assertEquals(Errors.UNKNOWN_MEMBER_ID, silent.error());
        f.pass(GroupJoins.GATHER_MS);
        assertEquals(Errors.REBALANCE_IN_PROGRESS, other.error());
    }

    @Test
    void itEndsWithTheMachine() {
        String a = f.stableAlone();
        HeldBeat beat = beatAfter(1000, a);
        f.run(f.group.end(Errors.NOT_COORDINATOR));
        assertEquals(Errors.NOT_COORDINATOR, beat.error());
    }

    @Test
    void aNewHeartbeatTakesThePlaceOfTheLast() {
        String a = f.stableAlone();
        HeldBeat first = beatAfter(1000, a);
        first.letGo();
        HeldBeat second = beatAfter(1000, a);
        f.joinNew();
        f.pass(GroupJoins.GATHER_MS);
        assertEquals(Errors.NONE, first.error());
        assertEquals(1, first.answer.answers);
        assertEquals(Errors.REBALANCE_IN_PROGRESS, second.error());
    }

    @Test
    void aClientThatClosesItsConnectionMeanwhileIsNotKeptWaitingAgain() {
        String a = f.stableAlone();
        beatAfter(1000, a).lose();
        assertEquals(Errors.NONE, beatAfter(1000, a).error());
        assertEquals(Errors.NONE, beatAfter(1000, a).error());
    }

    @Test
    void nobodyIsHeldWhileTheGroupIsOnTheMove() {
        JoinGroupResponseData joined = f.joinNew().now();
        String a = joined.memberId();
        assertEquals(Errors.NONE, beatAfter(1000, a).error());
        f.holdAppends = true;
        Asked<SyncGroupResponseData> sync = f.sync(a, 1, Map.of(a, "p"));
        assertEquals(Errors.NONE, beatAfter(1000, a).error());
        f.holdAppends = false;
        f.decideAppends();
        assertFalse(sync.parked());
        assertTrue(beatAfter(1000, a).waits());
        assertEquals(Errors.ILLEGAL_GENERATION, f.beat(a, 2).error());
        assertEquals(Errors.UNKNOWN_MEMBER_ID, f.beat("nobody", 1).error());
    }

    @Test
    void whoHasNotAskedForItsPartIsNotHeld() {
        String a = f.stableAlone();
        Asked<JoinGroupResponseData> b = f.joinNew();
        int generation = f.join(a).now().generationId();
        f.sync(a, generation, Map.of(a, "p"));
        assertEquals(ClassicGroup.State.STABLE, f.group.state());
        assertEquals(Errors.NONE, beatAfter(1000, b.now().memberId()).error());
    }

    /** A client of a static member (KIP-345) does not leave as it closes, and would wait for the answer; nor does Kafka Streams. */
    @Test
    void whoDoesNotLeaveWhenItsClientClosesIsNotHeld() {
        JoinGroupResponseData joined = f.join("", "instance", "m", "range").now();
        f.sync(joined.memberId(), 1, Map.of(joined.memberId(), "p"));
        assertEquals(Errors.NONE, beatAfter(1000, joined.memberId()).error());
        f = new GroupFixture(0);
        f.protocol = "stream";
        String streams = f.stableAlone();
        assertEquals(Errors.NONE, beatAfter(1000, streams).error());
    }

    @Test
    void onlyConsumersAreHeld() {
        f.protocolType = "connect";
        String worker = f.stableAlone();
        assertEquals(Errors.NONE, beatAfter(1000, worker).error());
    }
}
