package io.troupe.group;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;

import io.troupe.group.GroupService.Caller;
import io.troupe.group.assignor.TopicRegexes;
import io.troupe.metadata.MetadataEvent;
import io.troupe.metadata.MetadataImage;
import io.troupe.metadata.PartitionImage;
import io.troupe.metadata.TopicImage;
import io.troupe.model.Refusal;
import io.troupe.partition.LocalReplicas;
import io.troupe.partition.LogView;
import io.troupe.partition.Replica;
import io.troupe.record.BatchHeader;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.Assignment;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.Subscription;
import org.apache.kafka.clients.consumer.internals.ConsumerProtocol;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.ConsumerGroupHeartbeatRequestData;
import org.apache.kafka.common.message.ConsumerGroupHeartbeatResponseData;
import org.apache.kafka.common.message.HeartbeatRequestData;
import org.apache.kafka.common.message.HeartbeatResponseData;
import org.apache.kafka.common.message.JoinGroupRequestData;
import org.apache.kafka.common.message.JoinGroupRequestData.JoinGroupRequestProtocol;
import org.apache.kafka.common.message.JoinGroupResponseData;
import org.apache.kafka.common.message.SyncGroupRequestData;
import org.apache.kafka.common.message.SyncGroupRequestData.SyncGroupRequestAssignment;
import org.apache.kafka.common.message.SyncGroupResponseData;
import org.apache.kafka.common.protocol.Errors;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/** A group of the consumer protocol in its actor, over a partition that the test plays. */
class ConsumerGroupActorTest {
    private static final ActorTestKit KIT = ActorTestKit.create();
    private static final PartitionImage P =
            new PartitionImage(0, List.of(1), 1, 1, 1, List.of(1), List.of(), List.of());

    private final TestProbe<Replica.Command> replica = KIT.createTestProbe();
    private final TestProbe<GroupCoordinator.Command> coordinator = KIT.createTestProbe();
    private final AtomicInteger members = new AtomicInteger();
    private final List<String> typesWhenLooking = new CopyOnWriteArrayList<>();
    private MetadataImage image = MetadataImage.empty()
            .apply(0, new MetadataEvent.TopicCreated(new TopicImage("t", Uuid.randomUuid(), List.of(P), Map.of())));
    private final LocalReplicas.Leader leader = new LocalReplicas.Leader(replica.ref(), view(0));
    private final GroupCell cell = new GroupCell(CommittedGroup.empty("g"));
    private final ActorRef<Group.Command> group = KIT.spawn(Group.create(
            new GroupContext(
                    GroupFixture.config(0, 100),
                    name -> image.topic(name).map(TopicImage::topicId).orElse(null),
                    leader,
                    1,
                    new SteadyClock(),
                    this::look,
                    members,
                    new TopicRegexes()),
            cell,
            coordinator.ref()));

    @AfterAll
    static void stopSystem() {
        KIT.shutdownTestKit();
    }

    private MetadataImage look() {
        typesWhenLooking.add(cell.groupType);
        return image;
    }

    private static LogView view(long highWatermark) {
        return new LogView(
                new TopicIdPartition(Uuid.ONE_UUID, 0, "__consumer_offsets"),
                1,
                0,
                highWatermark,
                highWatermark,
                highWatermark,
                true,
                List.of(),
                null);
    }

    private <T> CompletableFuture<T> ask(Function<Reply<T>, GroupRequest> request) {
        CompletableFuture<T> answer = new CompletableFuture<>();
        group.tell(new Group.Ask(request.apply(answer::complete)));
        return answer;
    }

    private CompletableFuture<ConsumerGroupHeartbeatResponseData> heartbeat(ConsumerGroupHeartbeatRequestData data) {
        return ask(r -> new GroupRequest.ConsumerHeartbeat(new Caller("c", "/h", (short) 1), data.setGroupId("g"), r));
    }

    private CompletableFuture<ConsumerGroupHeartbeatResponseData> join(String memberId) {
        return heartbeat(ConsumerGroupFixture.joining(memberId).setSubscribedTopicNames(List.of("t")));
    }

    private CompletableFuture<ConsumerGroupHeartbeatResponseData> say(String memberId, int epoch) {
        return heartbeat(
                new ConsumerGroupHeartbeatRequestData().setMemberId(memberId).setMemberEpoch(epoch));
    }

    private static <T> T get(CompletableFuture<T> answer) {
        try {
            return answer.get(60, TimeUnit.SECONDS);
        } catch (Exception e) {
            throw new AssertionError("no answer", e);
        }
    }

    private Replica.Append appended() {
        Replica.Append append = replica.expectMessageClass(Replica.Append.class);
        append.reply().appended(0, 0, -1, 0, 1);
        return append;
    }

    private void refused(Errors error) {
        Replica.Append append = replica.expectMessageClass(Replica.Append.class);
        BatchHeader.stamp(append.batch(), 0, 0, 1);
        append.reply().refused(Refusal.of(error), 0);
    }

    @Test
    void aHeartbeatIsAnsweredOnceItIsStored() {
        var joined = join("a");
        Replica.Append append = replica.expectMessageClass(Replica.Append.class);
        assertFalse(joined.isDone());
        // It rests on what is not stored yet, though it stores nothing itself.
        var again = join("a");
        append.reply().appended(0, 0, -1, 0, 1);
        assertEquals(1, get(joined).memberEpoch());
        assertEquals(1, get(again).memberEpoch());
        replica.expectNoMessage();
        assertEquals(1, members.get());
        assertEquals("consumer", cell.groupType);
        assertEquals("Stable", cell.state);
    }

    @Test
    void afterARefusedAppendTheGroupStandsWhereTheLogDoes() {
        var a = join("a");
        Replica.Append first = replica.expectMessageClass(Replica.Append.class);
        var b = join("b");
        first.reply().appended(0, 0, -1, 0, 1);
        assertEquals(1, get(a).memberEpoch());
        refused(Errors.NOT_ENOUGH_REPLICAS);
        assertEquals(Errors.COORDINATOR_NOT_AVAILABLE.code(), get(b).errorCode());
        assertEquals(Errors.UNKNOWN_MEMBER_ID.code(), get(say("b", 2)).errorCode());
        assertEquals(Errors.NONE.code(), get(say("a", 1)).errorCode());
        assertEquals(1, members.get());
    }

    @Test
    void whileNobodyKnowsWhetherAnAppendStaysNothingIsDecided() {
        var a = join("a");
        refused(Errors.NOT_ENOUGH_REPLICAS_AFTER_APPEND);
        Replica.AwaitData wait = replica.expectMessageClass(Replica.AwaitData.class);
        assertEquals(Errors.COORDINATOR_NOT_AVAILABLE.code(), get(a).errorCode());
        assertEquals(Errors.COORDINATOR_NOT_AVAILABLE.code(), get(join("a")).errorCode());
        leader.publish(view(100));
        wait.waiter().dataMayBeThere();
        KIT.<Boolean>createTestProbe().awaitAssert(Duration.ofSeconds(60), () -> {
            assertEquals(Errors.NONE.code(), get(say("a", 1)).errorCode());
            return true;
        });
    }

    private CompletableFuture<JoinGroupResponseData> joinClassic() {
        JoinGroupRequestData data = new JoinGroupRequestData()
                .setGroupId("g")
                .setGroupInstanceId("i")
                .setSessionTimeoutMs(600_000)
                .setRebalanceTimeoutMs(600_000)
                .setProtocolType("consumer");
        data.protocols().add(new JoinGroupRequestProtocol().setName("range").setMetadata(new byte[0]));
        return ask(r -> new GroupRequest.Join(new Caller("c", "/h", (short) 9), data, r));
    }

    @Test // KIP-848, "Migration Plan": an empty group takes the protocol of whoever comes
    void anEmptyGroupTakesEitherProtocol() {
        var a = join("a");
        appended();
        assertEquals(1, get(a).memberEpoch());
        assertEquals(
                Errors.INCONSISTENT_GROUP_PROTOCOL.code(), get(joinClassic()).errorCode());

        var left = say("a", -1);
        Replica.Append leaving = replica.expectMessageClass(Replica.Append.class);
        // That nobody is in the group is not stored yet.
        assertEquals(Errors.COORDINATOR_NOT_AVAILABLE.code(), get(joinClassic()).errorCode());
        leaving.reply().appended(0, 0, -1, 0, 1);
        assertEquals(Errors.NONE.code(), get(left).errorCode());
        var classic = joinClassic();
        appended();
        assertEquals(Errors.NONE.code(), get(classic).errorCode());
        KIT.<Boolean>createTestProbe().awaitAssert(Duration.ofSeconds(60), () -> {
            assertNull(cell.committed.consumers());
            assertEquals("classic", cell.groupType);
            return true;
        });
        assertEquals(0, members.get());
        // Who has what is not settled yet.
        assertEquals(Errors.COORDINATOR_NOT_AVAILABLE.code(), get(join("a")).errorCode());
    }

    private static final byte[] WORDS = bytes(ConsumerProtocol.serializeSubscription(new Subscription(List.of("t"))));

    private static byte[] bytes(ByteBuffer b) {
        byte[] bytes = new byte[b.remaining()];
        b.get(bytes);
        return bytes;
    }

    private CompletableFuture<JoinGroupResponseData> joinWithWords(String memberId) {
        JoinGroupRequestData data = new JoinGroupRequestData()
                .setGroupId("g")
                .setMemberId(memberId)
                .setSessionTimeoutMs(600_000)
                .setRebalanceTimeoutMs(600_000)
                .setProtocolType("consumer");
        data.protocols().add(new JoinGroupRequestProtocol().setName("range").setMetadata(WORDS));
        return ask(r -> new GroupRequest.Join(new Caller("c", "/h", (short) 9), data, r));
    }

    private CompletableFuture<SyncGroupResponseData> syncGroup(String memberId, int generation) {
        SyncGroupRequestData data =
                new SyncGroupRequestData().setGroupId("g").setMemberId(memberId).setGenerationId(generation);
        data.assignments()
                .add(new SyncGroupRequestAssignment()
                        .setMemberId(memberId)
                        .setAssignment(bytes(ConsumerProtocol.serializeAssignment(
                                new Assignment(List.of(new TopicPartition("t", 0)))))));
        return ask(r -> new GroupRequest.Sync(new Caller("c", "/h", (short) 5), data, AnswerHold.never(), r));
    }

    private Errors beat(String memberId, int generation) {
        HeartbeatRequestData data =
                new HeartbeatRequestData().setGroupId("g").setMemberId(memberId).setGenerationId(generation);
        return Errors.forCode(
                get(this.<HeartbeatResponseData>ask(r -> new GroupRequest.Heartbeat(data, AnswerHold.never(), r)))
                        .errorCode());
    }

    /** A classic group's only member, in generation 1. */
    private String aloneInAClassicGroup() {
        String id = get(joinWithWords("")).memberId();
        assertEquals(1, get(joinWithWords(id)).generationId());
        var synced = syncGroup(id, 1);
        appended();
        assertEquals(Errors.NONE.code(), get(synced).errorCode());
        return id;
    }

    @Test // KIP-848, "Migrating to the new protocol"
    void aClassicGroupTakesInAMemberOfTheConsumerProtocolAndBecomesClassicAgainWhenItLeaves() {
        String id = aloneInAClassicGroup();
        var joined = join("c");
        appended();
        assertEquals(2, get(joined).memberEpoch());
        assertEquals("consumer", cell.groupType);
        assertNull(cell.committed.metadata());
        assertEquals(2, members.get());
        assertEquals(Errors.REBALANCE_IN_PROGRESS, beat(id, 1));
        var rejoined = joinWithWords(id);
        appended();
        assertEquals(2, get(rejoined).generationId());
        assertEquals(Errors.NONE.code(), get(syncGroup(id, 2)).errorCode());

        var left = say("c", -1);
        appended();
        assertEquals(Errors.NONE.code(), get(left).errorCode());
        appended();
        assertEquals(Errors.REBALANCE_IN_PROGRESS, beat(id, 2));
        var inClassic = joinWithWords(id);
        assertEquals(3, get(inClassic).generationId());
        assertEquals("classic", cell.groupType);
        assertNull(cell.committed.consumers());
        assertEquals(0, members.get());
    }

    @Test
    void aChangeToTheConsumerProtocolThatIsNotStoredDoesTheClassicGroupNoHarm() {
        String id = aloneInAClassicGroup();
        var joined = join("c");
        refused(Errors.NOT_ENOUGH_REPLICAS);
        assertEquals(Errors.COORDINATOR_NOT_AVAILABLE.code(), get(joined).errorCode());
        assertEquals(Errors.NONE, beat(id, 1));
        assertEquals("classic", cell.groupType);
        assertEquals(0, members.get());
    }

    @Test
    void aChangeToTheClassicProtocolThatIsNotStoredLeavesTheGroupAsItWas() {
        String id = aloneInAClassicGroup();
        join("c");
        appended();
        var rejoined = joinWithWords(id);
        appended();
        assertEquals(2, get(rejoined).generationId());
        say("c", -1);
        appended();
        Replica.Append change = replica.expectMessageClass(Replica.Append.class);
        var early = joinWithWords(id);
        assertEquals(3, get(early).generationId(), "the joins are answered ahead of the log");
        var synced = syncGroup(id, 3);
        change.reply().refused(Refusal.of(Errors.NOT_ENOUGH_REPLICAS), 0);
        assertFalse(get(synced).errorCode() == Errors.NONE.code(), "but no assignment is");
        assertEquals(Errors.ILLEGAL_GENERATION, beat(id, 3));
        assertEquals(Errors.REBALANCE_IN_PROGRESS, beat(id, 2));
        assertEquals("consumer", cell.groupType);
    }

    @Test
    void untilItIsStoredThatNobodyIsInItAGroupKeepsItsProtocol() {
        var a = join("a");
        appended();
        assertEquals(1, get(a).memberEpoch());
        var left = say("a", -1);
        appended();
        assertEquals(Errors.NONE.code(), get(left).errorCode());
        joinClassic();
        refused(Errors.NOT_ENOUGH_REPLICAS);
        KIT.<Boolean>createTestProbe().awaitAssert(Duration.ofSeconds(60), () -> {
            assertEquals("consumer", cell.groupType);
            return true;
        });
        // The tombstones are tried again.
        var classic = joinClassic();
        appended();
        assertEquals(Errors.NONE.code(), get(classic).errorCode());
    }

    /** Else a topic that comes between its look at the topics and its first being told of changes would be missed. */
    @Test
    void aGroupCountsAsOneThatHearsOfTopicsBeforeItLooksAtThem() {
        var a = join("a");
        appended();
        assertEquals(1, get(a).memberEpoch());
        assertFalse(typesWhenLooking.isEmpty());
        assertFalse(typesWhenLooking.contains("classic"));
    }

    @Test
    void aNewTopicReachesMembersByTheirHeartbeats() {
        var a = heartbeat(ConsumerGroupFixture.joining("a").setSubscribedTopicRegex(".*"));
        appended();
        assertEquals(1, get(a).assignment().topicPartitions().size());
        image = image.apply(
                1, new MetadataEvent.TopicCreated(new TopicImage("u", Uuid.randomUuid(), List.of(P), Map.of())));
        group.tell(Group.TopicsChanged.CHANGED);
        appended();
        var told = say("a", 1);
        appended();
        assertNotNull(get(told).assignment());
        assertEquals(2, get(told).assignment().topicPartitions().size());
        assertEquals(2, get(told).memberEpoch());
    }
}
