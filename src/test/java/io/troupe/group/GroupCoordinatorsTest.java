package io.troupe.group;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.group.GroupService.Caller;
import io.troupe.model.Refusal;
import io.troupe.partition.Leadership;
import io.troupe.partition.Replica;
import io.troupe.record.BatchHeader;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.apache.kafka.common.message.ConsumerGroupHeartbeatRequestData;
import org.apache.kafka.common.message.HeartbeatRequestData;
import org.apache.kafka.common.message.HeartbeatResponseData;
import org.apache.kafka.common.message.JoinGroupRequestData;
import org.apache.kafka.common.message.ListGroupsRequestData;
import org.apache.kafka.common.message.OffsetFetchResponseData.OffsetFetchResponseGroup;
import org.apache.kafka.common.message.SyncGroupRequestData;
import org.apache.kafka.common.protocol.Errors;
import org.junit.jupiter.api.Test;

/** Groups and their coordinator: appends, crashes, heartbeats that wait, bounds. */
class GroupCoordinatorsTest extends OnCoordinator {
    @Test
    void aCommitIsAnsweredOnceAcknowledgedAndThoseThatComeMeanwhileShareABatch() {
        serve(3);
        var first = commit("g", 1);
        Replica.Append append = replica.expectMessageClass(Replica.Append.class);
        assertEquals(3, append.leaderEpoch());
        assertEquals(-1, append.requiredAcks());
        var second = commit("g", 2);
        var third = commit("g", 3);
        assertEquals(-1, fetched("g"));
        assertFalse(first.toCompletableFuture().isDone());
        append.reply().appended(0, 0, -1, 0, 3);
        assertEquals(Errors.NONE, error(first));
        assertEquals(
                Errors.UNKNOWN_TOPIC_OR_PARTITION.code(),
                get(first).topics().get(0).partitions().get(1).errorCode());
        assertEquals(2, BatchHeader.recordsCount(acknowledge().batch(), 0));
        assertEquals(Errors.NONE, error(second));
        assertEquals(Errors.NONE, error(third));
        assertEquals(3, fetched("g"));
    }

    @Test
    void aRefusedAppendIsToldInCodesThatGroupClientsKnow() {
        serve(1);
        var commit = commit("g", 1);
        replica.expectMessageClass(Replica.Append.class).reply().refused(Refusal.of(Errors.NOT_ENOUGH_REPLICAS), 0);
        assertEquals(Errors.COORDINATOR_NOT_AVAILABLE, error(commit));
        var again = commit("g", 1);
        replica.expectMessageClass(Replica.Append.class).reply().refused(Refusal.of(Errors.NOT_LEADER_OR_FOLLOWER), 0);
        assertEquals(Errors.NOT_COORDINATOR, error(again));
        assertEquals(-1, fetched("g"));
    }

    @Test
    void anAppendThatMayStillBeCommittedHoldsUpTheGroupUntilItsOutcomeIsKnown() {
        serve(1);
        var commit = commit("g", 7);
        var append = replica.expectMessageClass(Replica.Append.class);
        var queued = commit("g", 8);
        write(append.batch());
        append.reply().refused(Refusal.of(Errors.REQUEST_TIMED_OUT), 0);
        assertEquals(Errors.COORDINATOR_NOT_AVAILABLE, error(commit));
        assertEquals(Errors.COORDINATOR_NOT_AVAILABLE, error(queued));
        assertEquals(Errors.COORDINATOR_NOT_AVAILABLE, error(commit("g", 9)));
        Replica.AwaitData wait = replica.expectMessageClass(Replica.AwaitData.class);
        assertEquals(endOffset - 1, wait.endOffset());
        assertEquals(-1, fetched("g"));
        leader.publish(view(endOffset));
        wait.waiter().dataMayBeThere();
        kit.<Boolean>createTestProbe().awaitAssert(Duration.ofSeconds(30), () -> {
            assertEquals(7, fetched("g"), "memory says what the log says");
            return true;
        });
        var next = commit("g", 10);
        acknowledge();
        assertEquals(Errors.NONE, error(next));
    }

    @Test
    void aGroupThatCrashesWhileAnOutcomeIsOpenBeginsAgainOnceItIsKnown() {
        serve(1);
        var commit = commit("g", 7);
        var append = replica.expectMessageClass(Replica.Append.class);
        write(append.batch());
        append.reply().refused(Refusal.of(Errors.NOT_ENOUGH_REPLICAS_AFTER_APPEND), 0);
        assertEquals(Errors.COORDINATOR_NOT_AVAILABLE, error(commit));
        Replica.AwaitData wait = replica.expectMessageClass(Replica.AwaitData.class);
        get(groups.joinGroup(CALLER, join("g").setProtocols(null)));
        assertEquals(Errors.COORDINATOR_NOT_AVAILABLE, error(commit("g", 8)));
        leader.publish(view(endOffset));
        wait.waiter().dataMayBeThere();
        kit.<Boolean>createTestProbe().awaitAssert(Duration.ofSeconds(30), () -> {
            OffsetFetchResponseGroup answer = fetch("g");
            assertEquals(0, answer.errorCode());
            assertEquals(7, answer.topics().get(0).partitions().get(0).committedOffset());
            return true;
        });
    }

    @Test
    void aCrashedGroupGoesOnFromWhatIsCommittedAndOthersNoticeNothing() {
        serve(1);
        var joined = groups.joinGroup(CALLER, join("other"));
        assertEquals(0, get(joined).errorCode());
        var commit = commit("g", 7);
        acknowledge();
        assertEquals(Errors.NONE, error(commit));
        // One is in the log but not yet acknowledged, one is not even there.
        var underWay = commit("g", 8);
        Replica.Append append = replica.expectMessageClass(Replica.Append.class);
        var queued = commit("g", 9);
        var poison = groups.joinGroup(CALLER, join("g").setProtocols(null));
        assertEquals(Errors.UNKNOWN_SERVER_ERROR.code(), get(poison).errorCode());
        assertEquals(Errors.NOT_COORDINATOR, error(underWay));
        assertEquals(Errors.NOT_COORDINATOR, error(queued));
        append.reply().appended(1, 1, -1, 0, 1);
        assertEquals(8, fetched("g"));
        assertEquals(
                Errors.NONE.code(),
                get(groups.heartbeat(
                                CALLER,
                                new HeartbeatRequestData()
                                        .setGroupId("other")
                                        .setMemberId(get(joined).memberId())
                                        .setGenerationId(1),
                                AnswerHold.never()))
                        .errorCode());
    }

    /** A heartbeat of a settled member, sent again and again until its interval is seen, and its answer is kept. */
    private CompletionStage<HeartbeatResponseData> heldHeartbeat() {
        String id = get(groups.joinGroup(CALLER, join("g").setGroupInstanceId(null)))
                .memberId();
        get(groups.joinGroup(CALLER, join("g").setGroupInstanceId(null).setMemberId(id)));
        var sync = groups.syncGroup(
                CALLER,
                new SyncGroupRequestData().setGroupId("g").setMemberId(id).setGenerationId(1),
                AnswerHold.never());
        acknowledge();
        get(sync);
        return kit.<Boolean>createTestProbe().awaitAssert(Duration.ofSeconds(60), Duration.ofMillis(100), () -> {
            CompletableFuture<Integer> begun = new CompletableFuture<>();
            CompletionStage<HeartbeatResponseData> beat = groups.heartbeat(
                    CALLER,
                    new HeartbeatRequestData().setGroupId("g").setMemberId(id).setGenerationId(1),
                    new AnswerHold<>() {
                        @Override
                        public boolean isPossible() {
                            return true;
                        }

                        @Override
                        public void begin(HeartbeatResponseData answer, int mostMs) {
                            begun.complete(mostMs);
                        }

                        @Override
                        public boolean wasLost() {
                            return false;
                        }
                    });
            get(CompletableFuture.anyOf(begun, beat.toCompletableFuture()));
            assertTrue(begun.isDone());
            return beat;
        });
    }

    @Test
    void aHeartbeatThatWaitsHearsOfARebalance() {
        serve(1);
        var beat = heldHeartbeat();
        String id = get(groups.joinGroup(CALLER, join("g").setGroupInstanceId(null)))
                .memberId();
        groups.joinGroup(CALLER, join("g").setGroupInstanceId(null).setMemberId(id));
        assertEquals(Errors.REBALANCE_IN_PROGRESS.code(), get(beat).errorCode());
    }

    @Test
    void aHeartbeatThatWaitsHearsThatItsCoordinatorIsElsewhere() {
        serve(1);
        var beat = heldHeartbeat();
        leaderships.tell(new Leadership.Resigned(PARTITION, 1));
        assertEquals(Errors.NOT_COORDINATOR.code(), get(beat).errorCode());
    }

    @Test
    void whatHappenedToAGroupIsStillToldAfterItCrashed() {
        serve(1);
        assertEquals(GroupEvents.NONE, get(groups.groupEvents("g")));
        get(groups.joinGroup(CALLER, join("g")));
        List<GroupEvent> before = get(groups.groupEvents("g")).list();
        get(groups.joinGroup(CALLER, join("g").setProtocols(null)));
        List<GroupEvent> after = get(groups.groupEvents("g")).list();
        // The last of them says for whom it waits.
        int kept = before.size() - 1;
        assertEquals(before.subList(0, kept), after.subList(0, kept));
        assertEquals(
                List.of(GroupEvent.Kind.JOINED, GroupEvent.Kind.REBALANCING, GroupEvent.Kind.JOINED_ALL),
                before.subList(0, kept).stream().map(GroupEvent::kind).toList());
        assertEquals(GroupEvent.Kind.LOADED, after.get(kept).kind());
        assertEquals(
                "begins again after a fault, with 0 members", after.get(kept).text());
    }

    /** Each has no more than an id that was given out; those that are known are served all the same. */
    @Test
    void groupsOfWhichNothingIsStoredAreBounded() {
        serve(1);
        var stored = commit("g", 7);
        acknowledge();
        assertEquals(Errors.NONE, error(stored));
        Errors last = Errors.NONE;
        for (int i = 0; i <= GroupCoordinator.MAX_UNSTORED; i++) {
            JoinGroupRequestData first = join("group-" + i).setGroupInstanceId(null);
            last = Errors.forCode(get(groups.joinGroup(CALLER, first)).errorCode());
            assertEquals(
                    i < GroupCoordinator.MAX_UNSTORED ? Errors.MEMBER_ID_REQUIRED : Errors.COORDINATOR_NOT_AVAILABLE,
                    last);
        }
        assertEquals(7, fetched("g"));
    }

    private Errors heartbeat(ConsumerGroupHeartbeatRequestData data) {
        Caller caller = new Caller("c", "/h", (short) 1);
        return Errors.forCode(get(groups.consumerHeartbeat(caller, data)).errorCode());
    }

    @Test // KIP-848, "ConsumerGroupHeartbeat API", request validation
    void aMalformedHeartbeatIsRefusedWhateverGroupItIsFor() {
        serve(1);
        var stored = commit("g", 7);
        acknowledge();
        assertEquals(Errors.NONE, error(stored));
        ConsumerGroupHeartbeatRequestData ok = ConsumerGroupFixture.joining("m").setSubscribedTopicNames(List.of("t"));
        assertEquals(Errors.INVALID_REQUEST, heartbeat(ok.duplicate().setGroupId("")));
        assertEquals(
                Errors.INVALID_REQUEST,
                heartbeat(ok.duplicate().setGroupId("none").setMemberEpoch(-3)));
        assertEquals(
                Errors.INVALID_REQUEST,
                heartbeat(ok.duplicate().setGroupId("none").setMemberEpoch(-1).setMemberId("")));
        assertEquals(
                Errors.INVALID_REQUEST, heartbeat(ok.duplicate().setGroupId("g").setRebalanceTimeoutMs(-1)));
        // It would have made room for members of the other protocol.
        var listed = get(groups.listGroups(CALLER, new ListGroupsRequestData())).groups();
        assertEquals(List.of("classic"), listed.stream().map(g -> g.groupType()).toList());
    }

    @Test
    void groupsAreListedAndDescribed() {
        serve(1);
        var unknown = get(groups.describeGroup(new Caller("c", "h", (short) 5), "g"));
        assertEquals("Dead", unknown.groupState());
        assertEquals(0, unknown.errorCode());
        assertEquals(
                Errors.GROUP_ID_NOT_FOUND.code(),
                get(groups.describeGroup(new Caller("c", "h", (short) 6), "g")).errorCode());
        get(groups.joinGroup(CALLER, join("g")));
        assertEquals(
                "CompletingRebalance", get(groups.describeGroup(CALLER, "g")).groupState());
        var listed = get(groups.listGroups(CALLER, new ListGroupsRequestData().setStatesFilter(List.of("Stable"))));
        assertTrue(listed.groups().isEmpty());
        listed = get(groups.listGroups(CALLER, new ListGroupsRequestData()));
        assertEquals("g", listed.groups().get(0).groupId());
        assertEquals("consumer", listed.groups().get(0).protocolType());
    }
}
