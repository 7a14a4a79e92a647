package io.troupe.group;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.config.ConsumerGroupConfig;
import io.troupe.group.ConsumerGroupFixture.Client;
import io.troupe.group.GroupFixture.Asked;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.message.ConsumerGroupHeartbeatRequestData;
import org.apache.kafka.common.message.ConsumerGroupHeartbeatResponseData;
import org.apache.kafka.common.message.LeaveGroupRequestData;
import org.apache.kafka.common.message.LeaveGroupRequestData.MemberIdentity;
import org.apache.kafka.common.message.LeaveGroupResponseData;
import org.apache.kafka.common.protocol.Errors;
import org.junit.jupiter.api.Test;

/** The rules of KIP-848 for groups, their members and what these are told; sections of the KIP in each test's words. */
class ConsumerGroupTest {
    private final ConsumerGroupFixture f = new ConsumerGroupFixture();

    @Test // "Joining the group": epoch 0 joins, and the answer has epoch, interval and all partitions
    void theFirstMemberGetsEverything() {
        f.topic("t", 4);
        ConsumerGroupHeartbeatResponseData answer = f.send(
                        ConsumerGroupFixture.joining("a").setSubscribedTopicNames(List.of("t")))
                .now();
        assertEquals("a", answer.memberId());
        assertEquals(1, answer.memberEpoch());
        assertEquals(Map.of("t", List.of(0, 1, 2, 3)), f.byName(answer));
        assertEquals(HeartbeatInterval.UNSETTLED_MS, answer.heartbeatIntervalMs());
    }

    @Test // "Group Epoch", "Member Epoch": a member keeps its epoch while it has something to give up
    void partitionsAreGivenUpBeforeTheyAreGiven() {
        f.topic("t", 4);
        Client a = f.join("a", "t");
        Client b = f.join("b", "t");
        assertEquals(Map.of(), b.assigned);
        assertEquals(2, b.epoch);
        assertEquals("Reconciling", f.group.stateText());

        f.beat(a);
        assertEquals(1, a.epoch);
        assertEquals(2, a.assigned.get("t").size());
        f.beat(b);
        assertEquals(Map.of(), b.assigned);

        f.confirm(a);
        assertEquals(2, a.epoch);
        f.beat(b);
        assertEquals(2, b.assigned.get("t").size());
        assertEquals("Stable", f.group.stateText());
    }

    @Test // "Member Reconciliation": what a member does not say it has given up, it has
    void aHeartbeatThatDoesNotTellWhatItOwnsGivesNothingUp() {
        f.topic("t", 2);
        Client a = f.join("a", "t");
        Client b = f.join("b", "t");
        f.beat(a);
        f.beat(a);
        assertEquals(1, a.epoch);
        f.beat(b);
        assertEquals(Map.of(), b.assigned);
    }

    @Test // "Heartbeat": the assignment is told when it changed, and whenever a member tells all about itself
    void theAssignmentIsToldOnceAndWhenAllIsAsked() {
        f.topic("t", 1);
        Client a = f.join("a", "t");
        assertNull(f.beat(a).assignment());
        assertNull(f.confirm(a).assignment());
        ConsumerGroupHeartbeatRequestData all = f.heartbeat(a)
                .setRebalanceTimeoutMs(1000)
                .setSubscribedTopicNames(List.of("t"))
                .setTopicPartitions(f.owned(a.assigned));
        assertNotNull(f.beat(a, all).assignment());
    }

    @Test // "Rebalance timeout": who does not give up in time is out
    void whoDoesNotGiveUpInTimeIsRemoved() {
        f.topic("t", 2);
        Client a = f.join("a", "t");
        Client b = f.join("b", "t");
        f.beat(a);
        for (int i = 0; i < 3; i++) {
            f.pass(ConsumerGroupFixture.REBALANCE_TIMEOUT_MS / 4);
            f.beat(a);
            f.beat(b);
        }
        f.pass(ConsumerGroupFixture.REBALANCE_TIMEOUT_MS / 4);
        assertEquals(Errors.UNKNOWN_MEMBER_ID, f.error(a));
        f.beat(b);
        assertEquals(List.of(0, 1), b.assigned.get("t"));
    }

    @Test // "Session timeout"
    void whoIsSilentIsRemoved() {
        f.topic("t", 2);
        Client a = f.join("a", "t");
        Client b = f.join("b", "t");
        f.settle(a, b);
        f.pass(30_000);
        f.beat(b);
        f.pass(15_000);
        assertEquals(1, f.group.size());
        assertEquals(Errors.UNKNOWN_MEMBER_ID, f.error(a));
        f.beat(b);
        assertEquals(List.of(0, 1), b.assigned.get("t"));
    }

    @Test // "Leaving the group": epoch -1
    void whoLeavesFreesItsPartitions() {
        f.topic("t", 2);
        Client a = f.join("a", "t");
        Client b = f.join("b", "t");
        f.settle(a, b);
        ConsumerGroupHeartbeatResponseData left =
                f.send(f.heartbeat(a).setMemberEpoch(-1)).now();
        assertEquals(Errors.NONE.code(), left.errorCode());
        assertEquals(-1, left.memberEpoch());
        f.beat(b);
        assertEquals(List.of(0, 1), b.assigned.get("t"));
        assertEquals(Errors.UNKNOWN_MEMBER_ID, f.error(f.heartbeat(a).setMemberEpoch(-1)));
    }

    @Test // "Fencing": an epoch that the coordinator does not know yet, or that is long over
    void otherEpochsAreFenced() {
        f.topic("t", 2);
        Client a = f.join("a", "t");
        for (int i = 0; i < 3; i++) {
            f.send(f.heartbeat(f.join("b" + i, "t")).setMemberEpoch(-1));
            f.confirm(a);
        }
        assertEquals(Errors.FENCED_MEMBER_EPOCH, f.error(f.heartbeat(a).setMemberEpoch(a.epoch + 1)));
        assertEquals(Errors.FENCED_MEMBER_EPOCH, f.error(f.heartbeat(a).setMemberEpoch(1)));
    }

    @Test // "Fencing": the answer with a new epoch may have been lost
    void theEpochBeforeIsTakenFromWhoOwnsNoMoreThanItWasGiven() {
        f.topic("t", 2);
        Client a = f.join("a", "t");
        Client b = f.join("b", "t");
        f.beat(a);
        int before = a.epoch;
        Map<String, List<Integer>> kept = a.assigned;
        f.confirm(a);
        assertTrue(before < a.epoch);
        ConsumerGroupHeartbeatRequestData late = f.heartbeat(a).setMemberEpoch(before);
        assertEquals(Errors.FENCED_MEMBER_EPOCH, f.error(late.duplicate()));
        assertEquals(
                Errors.FENCED_MEMBER_EPOCH,
                f.error(late.duplicate().setTopicPartitions(f.owned(Map.of("t", List.of(0, 1))))));
        assertEquals(
                a.epoch,
                f.send(late.duplicate().setTopicPartitions(f.owned(kept))).now().memberEpoch());
        f.beat(b);
    }

    @Test // "Joining the group": a member that lost everything joins under its own id and has what it is to have
    void aMemberMayRejoin() {
        f.topic("t", 2);
        Client a = f.join("a", "t");
        int epoch = a.epoch;
        f.join(a, ConsumerGroupFixture.joining("a").setSubscribedTopicNames(List.of("t")));
        assertEquals(epoch, a.epoch);
        assertEquals(List.of(0, 1), a.assigned.get("t"));
    }

    @Test // "Joining the group": a rejoining member owns nothing, so what it had to give up is free
    void aMemberThatRejoinsHasGivenUp() {
        f.topic("t", 2);
        Client a = f.join("a", "t");
        Client b = f.join("b", "t");
        f.beat(a);
        f.join(a, ConsumerGroupFixture.joining("a").setSubscribedTopicNames(List.of("t")));
        assertEquals(2, a.epoch);
        f.beat(b);
        assertEquals(1, b.assigned.get("t").size());
    }

    @Test // KIP-1082: before v1 the coordinator makes the id
    void beforeVersionOneTheCoordinatorMakesTheId() {
        f.version = 0;
        ConsumerGroupHeartbeatResponseData answer = f.send(
                        ConsumerGroupFixture.joining("").setSubscribedTopicNames(List.of("t")))
                .now();
        assertEquals(Errors.NONE.code(), answer.errorCode());
        assertFalse(answer.memberId().isEmpty());
        f.version = 1;
        assertEquals(
                Errors.INVALID_REQUEST,
                f.error(ConsumerGroupFixture.joining("").setSubscribedTopicNames(List.of("t"))));
    }

    @Test // "ConsumerGroupHeartbeat API", request validation
    void malformedRequestsAreRefused() {
        ConsumerGroupHeartbeatRequestData ok = ConsumerGroupFixture.joining("a").setSubscribedTopicNames(List.of("t"));
        assertEquals(Errors.INVALID_REQUEST, f.error(ok.duplicate().setMemberEpoch(-3)));
        assertEquals(Errors.INVALID_REQUEST, f.error(ok.duplicate().setRackId("")));
        assertEquals(Errors.INVALID_REQUEST, f.error(ok.duplicate().setInstanceId("")));
        assertEquals(Errors.INVALID_REQUEST, f.error(ok.duplicate().setRebalanceTimeoutMs(-1)));
        assertEquals(Errors.INVALID_REQUEST, f.error(ok.duplicate().setTopicPartitions(null)));
        assertEquals(Errors.INVALID_REQUEST, f.error(ok.duplicate().setSubscribedTopicNames(null)));
        assertEquals(Errors.INVALID_REQUEST, f.error(ok.duplicate().setMemberEpoch(-2)));
        assertEquals(Errors.INVALID_REQUEST, f.error(ok.duplicate().setMemberId("x".repeat(40_000))));
        assertEquals(
                Errors.INVALID_REQUEST,
                f.error(ok.duplicate().setSubscribedTopicNames(Collections.nCopies(5000, "t".repeat(249)))));
        assertEquals(Errors.UNSUPPORTED_ASSIGNOR, f.error(ok.duplicate().setServerAssignor("mine")));
        assertEquals(Errors.INVALID_REGULAR_EXPRESSION, f.error(ok.duplicate().setSubscribedTopicRegex("t[")));
        assertEquals(0, f.group.size());
        assertTrue(f.log.isEmpty());
    }

    @Test // "ConsumerGroupHeartbeat API": nobody but who is in the group speaks in it
    void whoIsNoMemberIsToldSo() {
        assertEquals(
                Errors.UNKNOWN_MEMBER_ID, f.error(f.heartbeat(new Client("a")).setMemberEpoch(1)));
        assertEquals(
                Errors.UNKNOWN_MEMBER_ID, f.error(f.heartbeat(new Client("a")).setMemberEpoch(-1)));
    }

    @Test // group.consumer.max.size
    void aFullGroupTakesNobodyElse() {
        ConsumerGroupConfig d = ConsumerGroupConfig.DEFAULTS;
        ConsumerGroupFixture small = new ConsumerGroupFixture(
                new ConsumerGroupConfig(d.sessionTimeoutMs(), 7000, d.bounds(), 1, d.assignors(), d.migrationPolicy()));
        Client a = small.join("a", "t");
        assertEquals(
                Errors.GROUP_MAX_SIZE_REACHED,
                small.error(ConsumerGroupFixture.joining("b").setSubscribedTopicNames(List.of("t"))));
        small.join(a, ConsumerGroupFixture.joining("a").setSubscribedTopicNames(List.of("t")));
        // group.consumer.heartbeat.interval.ms, where it is set, is what members are told.
        assertEquals(7000, small.beat(a).heartbeatIntervalMs());
    }

    @Test // "Group Epoch": another subscription begins an epoch, the same in other words does not
    void aChangedSubscriptionBeginsAnEpoch() {
        f.topic("t", 1);
        f.topic("u", 1);
        Client a = f.join("a", "t");
        f.beat(a, f.heartbeat(a).setSubscribedTopicNames(List.of("t", "t")));
        assertEquals(1, f.group.epoch());
        f.beat(a, f.heartbeat(a).setSubscribedTopicNames(List.of("u")));
        assertEquals(Map.of(), a.assigned);
        f.confirm(a);
        assertEquals(2, f.group.epoch());
        assertEquals(Map.of("u", List.of(0)), a.assigned);
    }

    @Test // "Metadata changes": partitions added, topics made and deleted
    void changedTopicsBeginAnEpoch() {
        Client a = f.join("a", "t");
        assertEquals(Map.of(), a.assigned);
        f.topic("other", 1);
        assertEquals(1, f.group.epoch());
        f.topic("t", 1);
        f.beat(a);
        assertEquals(Map.of("t", List.of(0)), a.assigned);
        f.topic("t", 2);
        f.beat(a);
        assertEquals(Map.of("t", List.of(0, 1)), a.assigned);
        f.deleteTopic("t");
        f.beat(a);
        f.confirm(a);
        assertEquals(4, a.epoch);
        assertEquals(
                "[]",
                f.describe().members().get(0).assignment().topicPartitions().toString());
    }

    @Test // SubscribedTopicRegex: new topics that match come by themselves, names and expression add up
    void aRegularExpressionFollowsTheTopics() {
        f.topic("t1", 1);
        f.topic("u", 1);
        Client a = f.join(
                new Client("a"),
                ConsumerGroupFixture.joining("a").setSubscribedTopicRegex("t.*").setSubscribedTopicNames(List.of("u")));
        assertEquals(Map.of("t1", List.of(0), "u", List.of(0)), a.assigned);
        f.topic("t2", 1);
        f.beat(a);
        assertEquals(3, a.assigned.size());
        f.beat(a, f.heartbeat(a).setSubscribedTopicRegex(""));
        f.confirm(a);
        assertEquals(Map.of("u", List.of(0)), a.assigned);
        assertTrue(CommittedGroup.empty("g").with(f.log).consumers().regexes().isEmpty());
    }

    @Test // "Server-side assignors": the one that most ask for
    void theAssignorThatMostAskForIsTaken() {
        f.join(new Client("a"), ConsumerGroupFixture.joining("a").setSubscribedTopicNames(List.of("t")));
        assertEquals("uniform", f.describe().assignorName());
        f.join(
                new Client("b"),
                ConsumerGroupFixture.joining("b")
                        .setSubscribedTopicNames(List.of("t"))
                        .setServerAssignor("range"));
        assertEquals("range", f.describe().assignorName());
    }

    @Test // Heartbeat interval: as short as the group is on the move, longer the more members there are
    void theIntervalIsChosen() {
        f.topic("t", 1);
        Client a = f.join("a", "t");
        f.pass(ConsumerHeartbeats.UNSETTLED_FOR_MS);
        assertEquals(HeartbeatInterval.SETTLED_MS, f.beat(a).heartbeatIntervalMs());
        f.otherMembers = 1999;
        assertEquals(2000, f.beat(a).heartbeatIntervalMs());
        f.otherMembers = 1_000_000;
        assertEquals(HeartbeatInterval.LONGEST_MS, f.beat(a).heartbeatIntervalMs());
    }

    @Test // "Persistence": another coordinator goes on where this one stood, and sessions begin anew
    void aFailoverIsNotNoticed() {
        f.topic("t", 4);
        Client a = f.join("a", "t");
        Client b = f.join("b", "t");
        f.beat(a);
        f.pass(20_000);
        f.failOver();
        assertNull(f.beat(b).assignment());
        f.confirm(a);
        f.beat(b);
        assertEquals(2, a.epoch);
        assertEquals(2, b.assigned.get("t").size());
        f.failOver();
        f.pass(44_999);
        assertEquals(2, f.group.size());
        f.pass(1);
        assertEquals(0, f.group.size());
    }

    @Test // "Persistence": what an answer tells is stored before
    void answersWaitForTheLog() {
        f.topic("t", 1);
        f.holdAppends = true;
        Asked<ConsumerGroupHeartbeatResponseData> joined =
                f.send(ConsumerGroupFixture.joining("a").setSubscribedTopicNames(List.of("t")));
        // The same again changes nothing, but rests on the first.
        Asked<ConsumerGroupHeartbeatResponseData> again =
                f.send(ConsumerGroupFixture.joining("a").setSubscribedTopicNames(List.of("t")));
        assertTrue(joined.parked() && again.parked());
        f.decideAppends();
        assertEquals(1, joined.now().memberEpoch());
        assertEquals(1, again.now().memberEpoch());
    }

    @Test // a machine that ran ahead of the log is worth nothing
    void aFailedAppendEndsTheMachine() {
        f.appendError = Errors.COORDINATOR_NOT_AVAILABLE;
        Asked<ConsumerGroupHeartbeatResponseData> joined =
                f.send(ConsumerGroupFixture.joining("a").setSubscribedTopicNames(List.of("t")));
        assertEquals(Errors.COORDINATOR_NOT_AVAILABLE.code(), joined.now().errorCode());
        assertTrue(f.renewed);
    }

    @Test // "ConsumerGroupDescribe API"
    void aGroupIsDescribed() {
        f.topic("t", 2);
        Client a = f.join("a", "t");
        f.join("b", "t");
        var described = f.describe();
        assertEquals("Reconciling", described.groupState());
        assertEquals(2, described.groupEpoch());
        assertEquals(2, described.assignmentEpoch());
        var first = described.members().stream()
                .filter(m -> m.memberId().equals(a.id))
                .findFirst()
                .orElseThrow();
        assertEquals(1, first.memberEpoch());
        assertEquals(List.of(0, 1), first.assignment().topicPartitions().get(0).partitions());
        assertEquals(
                1,
                first.targetAssignment().topicPartitions().get(0).partitions().size());
        assertEquals("t", first.targetAssignment().topicPartitions().get(0).topicName());
        assertEquals(1, first.memberType());
    }

    @Test // "LeaveGroup": an operator removes a static member by its instance; nobody leaves so by member id
    void anOperatorMayRemoveStaticMembers() {
        Client a = f.join("a", "t");
        f.joinStatic("s", "i", "t");
        f.version = 5;
        LeaveGroupRequestData leave = new LeaveGroupRequestData()
                .setGroupId("g")
                .setMembers(
                        List.of(new MemberIdentity().setGroupInstanceId("i"), new MemberIdentity().setMemberId(a.id)));
        LeaveGroupResponseData left = f.<LeaveGroupResponseData>ask(r -> new GroupRequest.Leave(f.caller(), leave, r))
                .now();
        assertEquals(Errors.NONE.code(), left.members().get(0).errorCode());
        assertEquals(Errors.UNKNOWN_MEMBER_ID.code(), left.members().get(1).errorCode());
        assertEquals(1, f.group.size());
    }
}
