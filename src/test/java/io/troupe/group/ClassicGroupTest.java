package io.troupe.group;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.group.ClassicGroup.State;
import io.troupe.group.GroupFixture.Asked;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.message.JoinGroupResponseData;
import org.apache.kafka.common.message.LeaveGroupRequestData;
import org.apache.kafka.common.message.SyncGroupResponseData;
import org.apache.kafka.common.protocol.Errors;
import org.junit.jupiter.api.Test;

/** The rules of the classic protocol for membership and rebalances, one test each. See also {@link ClassicStaticMembersTest} and {@link ClassicOffsetsTest}. */
class ClassicGroupTest {
    private GroupFixture f = new GroupFixture(0);

    @Test
    void aNewMemberOfV4IsToldItsIdFirst_KIP394() {
        JoinGroupResponseData refused = f.join("").now();
        assertEquals(Errors.MEMBER_ID_REQUIRED.code(), refused.errorCode());
        assertTrue(refused.memberId().startsWith("c-"));
        assertEquals(State.EMPTY, f.group.state());
        assertEquals(Errors.NONE, GroupFixture.error(f.join(refused.memberId())));
    }

    @Test
    void anOldClientJoinsAtOnce_KIP394() {
        f.version = 3;
        JoinGroupResponseData joined = f.join("").now();
        assertEquals(Errors.NONE.code(), joined.errorCode());
        assertEquals(1, joined.generationId());
        assertEquals(joined.memberId(), joined.leader());
    }

    @Test
    void anUnknownMemberIdIsRefused_KIP394() {
        assertEquals(Errors.UNKNOWN_MEMBER_ID, GroupFixture.error(f.join("nobody")));
        assertTrue(f.forgotten);
    }

    @Test
    void aPendingIdLapsesAfterItsSession_KIP394() {
        String id = f.newId();
        f.pass(10_001);
        assertEquals(Errors.UNKNOWN_MEMBER_ID, GroupFixture.error(f.join(id)));
    }

    @Test
    void aRebalanceWaitsForPendingMembersUntilTheyLapse_KIP394() {
        String a = f.stableAlone();
        f.newId();
        Asked<JoinGroupResponseData> changed = f.join(a, null, "other", "range");
        assertTrue(changed.parked());
        f.pass(10_001);
        assertEquals(2, changed.now().generationId());
    }

    @Test
    void sessionTimeoutsOutsideTheBoundsAreRefused() {
        f.sessionTimeoutMs = 5999;
        assertEquals(Errors.INVALID_SESSION_TIMEOUT, GroupFixture.error(f.join("")));
        f.sessionTimeoutMs = 1_800_001;
        assertEquals(Errors.INVALID_SESSION_TIMEOUT, GroupFixture.error(f.join("")));
    }

    @Test
    void whatIsTooLargeToBeStoredForAMemberIsRefused() {
        String tooMuch = "m".repeat(ClassicGroup.MAX_MEMBER_BYTES + 1);
        assertEquals(Errors.UNKNOWN_SERVER_ERROR, GroupFixture.error(f.join("", null, tooMuch, "range")));
        assertEquals(
                Errors.UNKNOWN_SERVER_ERROR,
                GroupFixture.error(f.join("", null, tooMuch.substring(tooMuch.length() / 2), "range", "roundrobin")));
        JoinGroupResponseData joined = f.joinNew().now();
        String id = joined.memberId();
        assertEquals(
                Errors.UNKNOWN_SERVER_ERROR.code(),
                f.sync(id, joined.generationId(), Map.of(id, tooMuch)).now().errorCode());
        assertEquals(
                Errors.NONE.code(),
                f.sync(id, joined.generationId(), Map.of(id, "all")).now().errorCode());
    }

    @Test
    void theFirstRebalanceWaitsAndJoinersExtendIt_KIP134() {
        f = new GroupFixture(3000);
        f.rebalanceTimeoutMs = 7000;
        Asked<JoinGroupResponseData> a = f.joinNew();
        f.pass(2000);
        Asked<JoinGroupResponseData> b = f.joinNew();
        f.pass(1500);
        assertTrue(a.parked());
        // The second delay runs 3000..6000; nobody came in it, so it is the last.
        f.pass(2501);
        assertEquals(1, a.now().generationId());
        assertEquals(1, b.now().generationId());
        assertEquals(2, a.now().members().size());
        assertEquals(0, b.now().members().size());
    }

    @Test
    void theInitialDelayNeverExceedsTheRebalanceTimeout_KIP134() {
        f = new GroupFixture(3000);
        f.rebalanceTimeoutMs = 7000;
        Asked<JoinGroupResponseData> first = f.joinNew();
        for (int i = 0; i < 7; i++) {
            assertTrue(first.parked());
            f.pass(999);
            f.joinNew();
        }
        f.pass(8);
        assertEquals(1, first.now().generationId());
    }

    @Test
    void theProtocolThatMostPreferAmongThoseAllSupportIsChosen() {
        f = new GroupFixture(3000);
        Asked<JoinGroupResponseData> a = f.join(f.newId(), null, "m", "only-a", "range", "sticky");
        f.join(f.newId(), null, "m", "sticky", "range");
        f.join(f.newId(), null, "m", "sticky", "range");
        f.pass(7000);
        assertEquals("sticky", a.now().protocolName());
    }

    @Test
    void aMemberWithNothingInCommonIsRefused() {
        f.stableAlone();
        assertEquals(Errors.INCONSISTENT_GROUP_PROTOCOL, GroupFixture.error(f.join("", null, "m", "sticky")));
        f.protocolType = "connect";
        assertEquals(Errors.INCONSISTENT_GROUP_PROTOCOL, GroupFixture.error(f.join("")));
    }

    @Test
    void theAssignmentIsGivenOutOnlyOnceStored() {
        JoinGroupResponseData joined = f.joinNew().now();
        f.holdAppends = true;
        Asked<SyncGroupResponseData> sync = f.sync(joined.memberId(), 1, Map.of(joined.memberId(), "p0"));
        assertTrue(sync.parked());
        f.decideAppends();
        assertArrayEquals("p0".getBytes(), sync.now().assignment());
        assertEquals("range", f.group.committed().metadata().protocol());
    }

    @Test
    void aFailedStoreOfTheAssignmentRebalances() {
        JoinGroupResponseData joined = f.joinNew().now();
        f.appendError = Errors.COORDINATOR_NOT_AVAILABLE;
        Asked<SyncGroupResponseData> sync = f.sync(joined.memberId(), 1, Map.of(joined.memberId(), "p0"));
        assertEquals(Errors.COORDINATOR_NOT_AVAILABLE.code(), sync.now().errorCode());
        assertEquals(State.PREPARING_REBALANCE, f.group.state());
    }

    @Test
    void anAssignmentStoredForAnOlderGenerationChangesNothing() {
        JoinGroupResponseData joined = f.joinNew().now();
        f.holdAppends = true;
        f.sync(joined.memberId(), 1, Map.of(joined.memberId(), "old"));
        Asked<JoinGroupResponseData> again = f.join(joined.memberId(), null, "new", "range");
        assertEquals(2, again.now().generationId());
        f.decideAppends();
        assertEquals(State.COMPLETING_REBALANCE, f.group.state());
    }

    @Test
    void aLateSyncGetsTheSameAssignmentAgain() {
        String[] ids = f.stablePair();
        assertArrayEquals("pb".getBytes(), f.sync(ids[1], 2, Map.of()).now().assignment());
        assertArrayEquals(
                "pb".getBytes(), f.sync(ids[1], 2, Map.of(ids[1], "x")).now().assignment());
        assertEquals(
                Errors.ILLEGAL_GENERATION.code(),
                f.sync(ids[1], 1, Map.of()).now().errorCode());
        assertEquals(
                Errors.UNKNOWN_MEMBER_ID.code(),
                f.sync("nobody", 2, Map.of()).now().errorCode());
    }

    @Test
    void aRepeatedSyncReplacesTheParkedOneWhichIsAnsweredToo() {
        Asked<JoinGroupResponseData> a = f.joinNew();
        Asked<JoinGroupResponseData> b = f.joinNew();
        a = f.join(a.now().memberId());
        String bId = b.now().memberId();
        Asked<SyncGroupResponseData> first = f.sync(bId, 2, Map.of());
        Asked<SyncGroupResponseData> second = f.sync(bId, 2, Map.of());
        assertEquals(Errors.REBALANCE_IN_PROGRESS.code(), first.now().errorCode());
        f.sync(a.now().memberId(), 2, Map.of(bId, "pb"));
        assertArrayEquals("pb".getBytes(), second.now().assignment());
    }

    @Test
    void aFollowersUnchangedRejoinInStableReturnsTheGeneration() {
        String[] ids = f.stablePair();
        assertEquals(2, f.join(ids[1]).now().generationId());
        assertEquals(State.STABLE, f.group.state());
    }

    @Test
    void theLeadersRejoinInStableRebalances() {
        String[] ids = f.stablePair();
        assertTrue(f.join(ids[0]).parked());
        assertEquals(State.PREPARING_REBALANCE, f.group.state());
        assertEquals(Errors.REBALANCE_IN_PROGRESS, f.heartbeat(ids[1], 2));
    }

    @Test
    void aLostJoinAnswerIsGivenAgainInCompletingRebalance() {
        JoinGroupResponseData joined = f.joinNew().now();
        JoinGroupResponseData again = f.join(joined.memberId()).now();
        assertEquals(joined, again);
        assertEquals(1, again.members().size());
    }

    @Test
    void aNewMemberInCompletingRebalanceSendsParkedSyncsAway() {
        String a = f.joinNew().now().memberId();
        Asked<JoinGroupResponseData> b = f.joinNew();
        f.join(a).now();
        Asked<SyncGroupResponseData> sync = f.sync(b.now().memberId(), 2, Map.of());
        f.joinNew();
        assertEquals(Errors.REBALANCE_IN_PROGRESS.code(), sync.now().errorCode());
    }

    @Test
    void heartbeatsInEachState() {
        assertEquals(Errors.UNKNOWN_MEMBER_ID, f.heartbeat("x", 0));
        JoinGroupResponseData joined = f.joinNew().now();
        String a = joined.memberId();
        assertEquals(Errors.NONE, f.heartbeat(a, 1));
        f.sync(a, 1, Map.of());
        assertEquals(Errors.NONE, f.heartbeat(a, 1));
        assertEquals(Errors.ILLEGAL_GENERATION, f.heartbeat(a, 0));
        f.joinNew();
        assertEquals(Errors.REBALANCE_IN_PROGRESS, f.heartbeat(a, 1));
    }

    @Test
    void aSilentMembersSessionEndsAndTheGroupRebalances() {
        String[] ids = f.stablePair();
        f.pass(9000);
        assertEquals(Errors.NONE, f.heartbeat(ids[0], 2));
        f.pass(1001);
        assertEquals(Errors.REBALANCE_IN_PROGRESS, f.heartbeat(ids[0], 2));
        assertEquals(Errors.UNKNOWN_MEMBER_ID, f.heartbeat(ids[1], 2));
        assertEquals(1, f.join(ids[0]).now().members().size());
    }

    @Test
    void aMemberThatWaitsInAJoinKeepsItsSession() {
        String[] ids = f.stablePair();
        f.sessionTimeoutMs = 100_000;
        Asked<JoinGroupResponseData> late = f.joinNew();
        f.sessionTimeoutMs = 10_000;
        Asked<JoinGroupResponseData> parked = f.join(ids[0]);
        for (int i = 0; i < 6; i++) {
            f.pass(9000);
            f.heartbeat(ids[1], 2);
        }
        assertTrue(parked.parked());
        f.pass(7000);
        assertEquals(3, parked.now().generationId());
        assertEquals(2, parked.now().members().size());
        assertEquals(3, late.now().generationId());
    }

    @Test
    void membersThatDoNotSyncWithinTheRebalanceTimeoutAreRemoved_KIP862() {
        Asked<JoinGroupResponseData> a = f.joinNew();
        Asked<JoinGroupResponseData> b = f.joinNew();
        a = f.join(a.now().memberId());
        String aId = a.now().memberId();
        f.sync(aId, 2, Map.of(aId, "x"));
        for (int i = 0; i < 6; i++) {
            f.pass(9000);
            f.heartbeat(b.now().memberId(), 2);
            f.heartbeat(aId, 2);
        }
        assertEquals(State.STABLE, f.group.state());
        f.pass(6001);
        assertEquals(State.PREPARING_REBALANCE, f.group.state());
        assertEquals(Errors.UNKNOWN_MEMBER_ID, f.heartbeat(b.now().memberId(), 2));
    }

    @Test
    void theGroupHasItsMostMembers_KIP389() {
        f = new GroupFixture(GroupFixture.config(0, 1));
        String a = f.stableAlone();
        assertEquals(Errors.GROUP_MAX_SIZE_REACHED, GroupFixture.error(f.join("")));
        assertEquals(Errors.NONE, GroupFixture.error(f.join(a)));
    }

    /** Anyone may ask for ids and never use them. */
    @Test
    void idsThatNobodyComesBackWithAreBoundedAndKeepNobodyOut_KIP394() {
        String first = f.newId();
        for (int i = 0; i < 3 * ClassicGroup.MAX_PENDING_MEMBERS; i++) {
            f.newId();
        }
        assertEquals(Errors.UNKNOWN_MEMBER_ID, GroupFixture.error(f.join(first)));
        Asked<JoinGroupResponseData> joined = f.join(f.newId());
        // The others hold up the rebalance for their session at most.
        f.pass(f.sessionTimeoutMs);
        assertEquals(Errors.NONE, GroupFixture.error(joined));
    }

    @Test
    void leavingRebalancesAndAnEmptyGroupIsStored() {
        String[] ids = f.stablePair();
        assertEquals(Errors.NONE.code(), f.leave(ids[0], null).members().get(0).errorCode());
        assertEquals(State.PREPARING_REBALANCE, f.group.state());
        f.leave(ids[1], null);
        assertEquals(State.EMPTY, f.group.state());
        assertEquals(3, f.group.generation());
        assertEquals(0, f.group.committed().metadata().members().size());
        assertFalse(f.forgotten);
    }

    @Test
    void leavesOfV3ComeInBatchesWithAnErrorEach_KIP345() {
        String[] ids = f.stablePair();
        var left = f.leave(new LeaveGroupRequestData()
                .setMembers(List.of(
                        new LeaveGroupRequestData.MemberIdentity().setMemberId("nobody"),
                        new LeaveGroupRequestData.MemberIdentity().setMemberId(ids[1]),
                        new LeaveGroupRequestData.MemberIdentity()
                                .setMemberId("")
                                .setGroupInstanceId("i"))));
        assertEquals(Errors.UNKNOWN_MEMBER_ID.code(), left.members().get(0).errorCode());
        assertEquals(Errors.NONE.code(), left.members().get(1).errorCode());
        assertEquals(Errors.UNKNOWN_MEMBER_ID.code(), left.members().get(2).errorCode());
        assertEquals(Errors.NONE.code(), left.errorCode());
        f.version = 1;
        assertEquals(
                Errors.UNKNOWN_MEMBER_ID.code(),
                f.leave(new LeaveGroupRequestData().setMemberId(ids[1])).errorCode());
    }

    @Test
    void aGroupReadFromTheLogGoesOnWhereItStood() {
        String[] ids = f.stablePair();
        f.commit(ids[0], 2, 42);
        f.failOver(GroupFixture.config(0, Integer.MAX_VALUE));
        assertEquals(State.STABLE, f.group.state());
        assertEquals(Errors.NONE, f.heartbeat(ids[1], 2));
        assertEquals(42, f.committed("t", 0));
        assertArrayEquals("pb".getBytes(), f.sync(ids[1], 2, Map.of()).now().assignment());
        assertEquals(2, f.join(ids[1]).now().generationId());
        f.pass(10_001);
        assertEquals(State.EMPTY, f.group.state());
    }

    @Test
    void onlyAnEmptyGroupIsDeleted() {
        String a = f.stableAlone();
        assertEquals(Errors.NON_EMPTY_GROUP, delete());
        f.commit(a, 1, 5);
        f.leave(a, null);
        assertEquals(Errors.NONE, delete());
        assertTrue(f.forgotten);
        assertTrue(CommittedGroup.empty(GroupFixture.ID).with(f.log).isVoid());
        assertEquals(Errors.GROUP_ID_NOT_FOUND, delete());
    }

    private Errors delete() {
        return f.<Errors>ask(r -> new GroupRequest.Delete(GroupFixture.ID, r)).now();
    }

    @Test
    void everyParkedRequestIsAnsweredWhenTheMachineEnds() {
        f = new GroupFixture(3000);
        Asked<JoinGroupResponseData> parked = f.joinNew();
        f.run(f.group.end(Errors.NOT_COORDINATOR));
        assertEquals(Errors.NOT_COORDINATOR, GroupFixture.error(parked));
    }
}
