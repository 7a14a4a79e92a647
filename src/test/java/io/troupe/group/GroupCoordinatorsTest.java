package io.troupe.group;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.group.GroupService.Caller;
import io.troupe.journal.LogReader;
import io.troupe.metadata.MetadataCache;
import io.troupe.metadata.MetadataEvent;
import io.troupe.metadata.MetadataImage;
import io.troupe.metadata.PartitionImage;
import io.troupe.metadata.TopicImage;
import io.troupe.model.Refusal;
import io.troupe.partition.Leadership;
import io.troupe.partition.LocalReplicas;
import io.troupe.partition.LogView;
import io.troupe.partition.Replica;
import io.troupe.record.BatchHeader;
import io.troupe.record.Batches;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.ConsumerGroupHeartbeatRequestData;
import org.apache.kafka.common.message.HeartbeatRequestData;
import org.apache.kafka.common.message.HeartbeatResponseData;
import org.apache.kafka.common.message.JoinGroupRequestData;
import org.apache.kafka.common.message.JoinGroupRequestData.JoinGroupRequestProtocol;
import org.apache.kafka.common.message.ListGroupsRequestData;
import org.apache.kafka.common.message.OffsetCommitRequestData;
import org.apache.kafka.common.message.OffsetCommitRequestData.OffsetCommitRequestPartition;
import org.apache.kafka.common.message.OffsetCommitRequestData.OffsetCommitRequestTopic;
import org.apache.kafka.common.message.OffsetCommitResponseData;
import org.apache.kafka.common.message.OffsetFetchRequestData;
import org.apache.kafka.common.message.OffsetFetchRequestData.OffsetFetchRequestGroup;
import org.apache.kafka.common.message.OffsetFetchRequestData.OffsetFetchRequestTopics;
import org.apache.kafka.common.message.OffsetFetchResponseData.OffsetFetchResponseGroup;
import org.apache.kafka.common.message.SyncGroupRequestData;
import org.apache.kafka.common.protocol.Errors;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Coordinators and their groups over a Replica that the test plays. */
class GroupCoordinatorsTest {
    private static final Uuid T = Uuid.randomUuid();
    private static final TopicIdPartition PARTITION = new TopicIdPartition(Uuid.randomUuid(), 0, "__consumer_offsets");
    private static final Caller CALLER = new Caller("c", "/h", (short) 9);

    private static final ActorTestKit KIT = ActorTestKit.create();
    private final TestProbe<Replica.Command> replica = KIT.createTestProbe();
    private final List<ByteBuffer> log = new ArrayList<>();
    private long endOffset;
    private final MetadataCache metadata = new MetadataCache();
    private final GroupCoordinators groups =
            new GroupCoordinators(GroupFixture.config(0, 100), metadata, Runnable::run, new SteadyClock());
    private final ActorRef<Leadership> leaderships = KIT.spawn(groups.behavior());
    private LocalReplicas.Leader leader;

    GroupCoordinatorsTest() {
        PartitionImage p = new PartitionImage(0, List.of(1), 1, 1, 1, List.of(1), List.of(), List.of());
        metadata.publish(MetadataImage.empty()
                .apply(
                        0,
                        new MetadataEvent.TopicCreated(
                                new TopicImage("__consumer_offsets", PARTITION.topicId(), List.of(p), Map.of())))
                .apply(1, new MetadataEvent.TopicCreated(new TopicImage("t", T, List.of(p), Map.of()))));
    }

    /** Another topic takes the name. */
    private void recreate(long index) {
        PartitionImage p = new PartitionImage(0, List.of(1), 1, 1, 1, List.of(1), List.of(), List.of());
        metadata.publish(metadata.current()
                .apply(index, new MetadataEvent.TopicDeleted(T))
                .apply(
                        index + 1,
                        new MetadataEvent.TopicCreated(new TopicImage("t", Uuid.randomUuid(), List.of(p), Map.of()))));
    }

    @AfterEach
    void stopActor() {
        KIT.stop(leaderships);
    }

    @AfterAll
    static void stopSystem() {
        KIT.shutdownTestKit();
    }

    /** The log that the test keeps. */
    private final LogReader reader = new LogReader() {
        @Override
        public long logStartOffset() {
            return 0;
        }

        @Override
        public long logEndOffset() {
            return endOffset;
        }

        @Override
        public long sizeInBytes() {
            return 0;
        }

        @Override
        public List<SegmentInfo> segments() {
            return List.of();
        }

        @Override
        public ByteBuffer read(long startOffset, long end, int maxBytes, boolean minOneBatch) {
            for (ByteBuffer batch : log) {
                if (BatchHeader.lastOffset(batch, 0) >= startOffset && BatchHeader.lastOffset(batch, 0) < end) {
                    return batch.duplicate();
                }
            }
            return ByteBuffer.allocate(0);
        }

        @Override
        public Optional<TimestampedOffset> offsetForTimestamp(long timestampMs, long end) {
            return Optional.empty();
        }

        @Override
        public Optional<TimestampedOffset> firstRecord(long fromOffset, long until) {
            return Optional.empty();
        }

        @Override
        public Optional<TimestampedOffset> maxTimestamp(long end) {
            return Optional.empty();
        }
    };

    private void write(ByteBuffer batch) {
        BatchHeader.stamp(batch, 0, endOffset, 1);
        endOffset = BatchHeader.lastOffset(batch, 0) + 1;
        log.add(batch);
    }

    private LogView view(long highWatermark) {
        return new LogView(PARTITION, 1, 0, highWatermark, highWatermark, endOffset, true, List.of(), reader);
    }

    private Replica.AwaitData elect(int leaderEpoch, long highWatermark) {
        leader = new LocalReplicas.Leader(replica.ref(), view(highWatermark));
        leaderships.tell(new Leadership.Elected(PARTITION, leaderEpoch, endOffset, leader));
        Replica.AwaitData wait = replica.expectMessageClass(Replica.AwaitData.class);
        // The coordinator may have begun to load before requests are sent to it.
        awaitFetchError(Errors.COORDINATOR_LOAD_IN_PROGRESS);
        return wait;
    }

    private void serve(int leaderEpoch) {
        elect(leaderEpoch, endOffset).waiter().dataMayBeThere();
        awaitServing();
    }

    private void awaitServing() {
        awaitFetchError(Errors.NONE);
    }

    private void awaitFetchError(Errors error) {
        KIT.<Boolean>createTestProbe().awaitAssert(Duration.ofSeconds(30), () -> {
            assertEquals(error.code(), fetch("nobody").errorCode());
            return true;
        });
    }

    private Replica.Append acknowledge() {
        Replica.Append append = replica.expectMessageClass(Replica.Append.class);
        write(append.batch());
        append.reply().appended(BatchHeader.baseOffset(append.batch(), 0), endOffset - 1, -1, 0, append.leaderEpoch());
        return append;
    }

    private static <T> T get(CompletionStage<T> stage) {
        try {
            return stage.toCompletableFuture().get(30, TimeUnit.SECONDS);
        } catch (Exception e) {
            throw new AssertionError("no answer", e);
        }
    }

    private CompletionStage<OffsetCommitResponseData> commit(String group, long offset) {
        return groups.commitOffsets(
                CALLER,
                new OffsetCommitRequestData()
                        .setGroupId(group)
                        .setTopics(List.of(new OffsetCommitRequestTopic()
                                .setName("t")
                                .setPartitions(List.of(
                                        new OffsetCommitRequestPartition()
                                                .setPartitionIndex(0)
                                                .setCommittedOffset(offset),
                                        new OffsetCommitRequestPartition()
                                                .setPartitionIndex(7)
                                                .setCommittedOffset(offset))))));
    }

    private static Errors error(CompletionStage<OffsetCommitResponseData> commit) {
        return Errors.forCode(get(commit).topics().get(0).partitions().get(0).errorCode());
    }

    private OffsetFetchResponseGroup fetch(String group) {
        return get(groups.fetchOffsets(
                        CALLER,
                        new OffsetFetchRequestData()
                                .setGroups(List.of(new OffsetFetchRequestGroup()
                                        .setGroupId(group)
                                        .setTopics(List.of(new OffsetFetchRequestTopics()
                                                .setName("t")
                                                .setPartitionIndexes(List.of(0))))))))
                .groups()
                .get(0);
    }

    private long fetched(String group) {
        OffsetFetchResponseGroup answer = fetch(group);
        assertEquals(0, answer.errorCode());
        return answer.topics().get(0).partitions().get(0).committedOffset();
    }

    private JoinGroupRequestData join(String group) {
        JoinGroupRequestData data = new JoinGroupRequestData()
                .setGroupId(group)
                .setGroupInstanceId("i")
                // Time goes on as it does: nobody is to be left out while a test stands still.
                .setSessionTimeoutMs(600_000)
                .setRebalanceTimeoutMs(600_000)
                .setProtocolType("consumer");
        data.protocols().add(new JoinGroupRequestProtocol().setName("range").setMetadata(new byte[0]));
        return data;
    }

    @Test
    void withoutAPartitionTheAnswerIsNotCoordinator() {
        assertEquals(Errors.NOT_COORDINATOR, error(commit("g", 1)));
        metadata.publish(MetadataImage.empty());
        assertEquals(
                Errors.COORDINATOR_NOT_AVAILABLE.code(),
                get(groups.heartbeat(CALLER, new HeartbeatRequestData().setGroupId("g"), AnswerHold.never()))
                        .errorCode());
        assertEquals(
                Errors.INVALID_GROUP_ID.code(),
                get(groups.heartbeat(CALLER, new HeartbeatRequestData().setGroupId(""), AnswerHold.never()))
                        .errorCode());
    }

    @Test
    void whatStandsInTheLogIsServedOnceTheHighWatermarkHasReachedTheEpochsStart() {
        GroupRecord committed = new GroupRecord.OffsetStored("g", "t", 0, new CommittedOffset(42, -1, "m", 1, T));
        write(Batches.single(GroupRecords.key(committed).array(), bytes(GroupRecords.value(committed)), 1));
        write(Batches.single(new byte[] {0, 99}, new byte[] {1}, 1));
        Replica.AwaitData wait = elect(1, 0);
        assertEquals(1, wait.endOffset());
        assertEquals(Errors.COORDINATOR_LOAD_IN_PROGRESS.code(), fetch("g").errorCode());
        leader.publish(view(endOffset));
        wait.waiter().dataMayBeThere();
        awaitServing();
        assertEquals(42, fetched("g"));
        assertEquals(-1, fetched("other"));
    }

    /** As Kafka: members do not know the error that stands for this, and a consumer that is told it in a rebalance throws. */
    @Test
    void membersHearNothingOfTheLoading() {
        Replica.AwaitData wait = elect(1, 0);
        assertEquals(
                Errors.REBALANCE_IN_PROGRESS.code(),
                get(groups.syncGroup(
                                CALLER,
                                new SyncGroupRequestData().setGroupId("g").setMemberId("m"),
                                AnswerHold.never()))
                        .errorCode());
        assertEquals(
                Errors.NONE.code(),
                get(groups.heartbeat(
                                CALLER,
                                new HeartbeatRequestData().setGroupId("g").setMemberId("m"),
                                AnswerHold.never()))
                        .errorCode());
        leader.publish(view(endOffset));
        wait.waiter().dataMayBeThere();
        awaitServing();
        assertEquals(
                Errors.UNKNOWN_MEMBER_ID.code(),
                get(groups.heartbeat(
                                CALLER,
                                new HeartbeatRequestData().setGroupId("g").setMemberId("m"),
                                AnswerHold.never()))
                        .errorCode());
    }

    private static byte[] bytes(ByteBuffer buffer) {
        byte[] bytes = new byte[buffer.remaining()];
        buffer.get(bytes);
        return bytes;
    }

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
        KIT.<Boolean>createTestProbe().awaitAssert(Duration.ofSeconds(30), () -> {
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
        KIT.<Boolean>createTestProbe().awaitAssert(Duration.ofSeconds(30), () -> {
            OffsetFetchResponseGroup answer = fetch("g");
            assertEquals(0, answer.errorCode());
            assertEquals(7, answer.topics().get(0).partitions().get(0).committedOffset());
            return true;
        });
    }

    @Test
    void offsetsOfAFormerTopicOfTheSameNameDoNotCount() {
        serve(1);
        var commit = commit("g", 7);
        acknowledge();
        assertEquals(Errors.NONE, error(commit));
        MetadataImage before = metadata.current();
        recreate(2);
        assertEquals(-1, fetched("g"), "before anybody told the coordinator");
        groups.imageChanged(before, metadata.current());
        Replica.Append append = acknowledge();
        assertEquals(1, BatchHeader.recordsCount(append.batch(), 0));
        var again = commit("g", 2);
        acknowledge();
        assertEquals(Errors.NONE, error(again));
        assertEquals(2, fetched("g"));
    }

    @Test
    void offsetsOfATopicThatWasDeletedWhileNobodyCoordinatedGoAtTheLoad() {
        GroupRecord committed = new GroupRecord.OffsetStored("g", "t", 0, new CommittedOffset(42, -1, "m", 1, T));
        write(Batches.single(GroupRecords.key(committed).array(), bytes(GroupRecords.value(committed)), 1));
        recreate(2);
        serve(1);
        acknowledge();
        assertEquals(-1, fetched("g"));
        awaitFetchError(Errors.NONE);
        assertTrue(GroupRecordsTest.readAll(log).get(1) instanceof GroupRecord.OffsetRemoved);
    }

    @Test
    void theTombstoneOfAFormerTopicNeverMeetsACommitForTheNewOne() {
        serve(1);
        var commit = commit("g", 7);
        acknowledge();
        assertEquals(Errors.NONE, error(commit));
        MetadataImage before = metadata.current();
        recreate(2);
        var again = commit("g", 2);
        var append = replica.expectMessageClass(Replica.Append.class);
        groups.imageChanged(before, metadata.current());
        fetched("g");
        write(append.batch());
        append.reply().appended(1, 1, -1, 0, 1);
        assertEquals(Errors.NONE, error(again));
        assertEquals(2, fetched("g"));
        replica.expectNoMessage(Duration.ofMillis(100));
    }

    @Test
    void aResignedCoordinatorAnswersAllThatIsUnderWay() {
        serve(1);
        var commit = commit("g", 1);
        replica.expectMessageClass(Replica.Append.class);
        leaderships.tell(new Leadership.Resigned(PARTITION, 1));
        assertEquals(Errors.NOT_COORDINATOR, error(commit));
        assertEquals(Errors.NOT_COORDINATOR, error(commit("g", 1)));
    }

    @Test
    void theReplicaOfADeletedTopicStopsNoCoordinatorOfTheNewOne() {
        serve(1);
        leaderships.tell(new Leadership.Resigned(
                new TopicIdPartition(Uuid.randomUuid(), PARTITION.partition(), PARTITION.topic()), 9));
        // Heard in order: once this one's coordinator has begun, the resignation was dealt with.
        leaderships.tell(new Leadership.Elected(
                new TopicIdPartition(PARTITION.topicId(), 1, PARTITION.topic()), 1, endOffset, leader));
        replica.expectMessageClass(Replica.AwaitData.class);
        var commit = commit("g", 1);
        acknowledge();
        assertEquals(Errors.NONE, error(commit));
    }

    @Test
    void aNewEpochLoadsAgainWhatTheLastOneWrote() {
        serve(1);
        var commit = commit("g", 7);
        acknowledge();
        assertEquals(Errors.NONE, error(commit));
        leaderships.tell(new Leadership.Resigned(PARTITION, 1));
        serve(2);
        assertEquals(7, fetched("g"));
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
        return KIT.<Boolean>createTestProbe().awaitAssert(Duration.ofSeconds(60), Duration.ofMillis(100), () -> {
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
