package io.troupe.group;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.config.ConsumerGroupConfig;
import io.troupe.config.GroupMigrationPolicy;
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
import org.apache.kafka.common.message.ConsumerGroupHeartbeatRequestData;
import org.apache.kafka.common.message.ConsumerGroupHeartbeatResponseData;
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
import org.junit.jupiter.api.Test;

/** A group with members in it changes its protocol (KIP-848, "Migrating to the new protocol"). */
class GroupMigrationTest {
    private static final int SESSION_MS = 10_000;
    private static final int REBALANCE_MS = 60_000;

    private final ConsumerGroupFixture f = new ConsumerGroupFixture();
    private final GroupFixture classic = new GroupFixture(0);
    /** Of the classic group, generation 2: the first leads, and has t-0 and t-1. */
    private String a;
    /** Has t-2 and t-3. */
    private String b;

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

    private static byte[] bytes(ByteBuffer b) {
        byte[] bytes = new byte[b.remaining()];
        b.get(bytes);
        return bytes;
    }

    private static List<TopicPartition> t(int... partitions) {
        return IntStream.of(partitions)
                .mapToObj(p -> new TopicPartition("t", p))
                .toList();
    }

    /** A subscription to t by one who owns some of it. */
    private static byte[] words(int... owned) {
        return bytes(ConsumerProtocol.serializeSubscription(new Subscription(List.of("t"), null, t(owned))));
    }

    private static byte[] given(int... partitions) {
        return bytes(ConsumerProtocol.serializeAssignment(new Assignment(t(partitions))));
    }

    private JoinGroupResponseData join(String id, String instance, byte[] words, String... protocols) {
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
    private int join(String id, int... owned) {
        JoinGroupResponseData answer = join(id, null, words(owned), "range");
        assertEquals(Errors.NONE, Errors.forCode(answer.errorCode()));
        return answer.generationId();
    }

    private SyncGroupResponseData sync(String id, int generation) {
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
    private List<Integer> part(String id, int generation) {
        SyncGroupResponseData answer = sync(id, generation);
        assertEquals(Errors.NONE, Errors.forCode(answer.errorCode()));
        List<Integer> part = new ArrayList<>();
        ConsumerProtocol.deserializeAssignment(ByteBuffer.wrap(answer.assignment()))
                .partitions()
                .forEach(tp -> part.add(tp.partition()));
        return part;
    }

    private Errors beat(String id, int generation) {
        HeartbeatRequestData data =
                new HeartbeatRequestData().setGroupId("g").setMemberId(id).setGenerationId(generation);
        return Errors.forCode(f.<HeartbeatResponseData>ask(r -> new GroupRequest.Heartbeat(data, AnswerHold.never(), r))
                .now()
                .errorCode());
    }

    private Errors leave(String id) {
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

    private Client upgraded() {
        f.upgrade(classic.group);
        return f.join("c", "t");
    }

    @Test
    void membersKeepWhatTheirLeaderGaveThem() {
        f.upgrade(classic.group);
        assertEquals(2, f.group.epoch());
        assertEquals(2, f.group.current(a).memberEpoch());
        assertEquals("[0, 1]", f.book(new Client(a)));
        assertEquals("[2, 3]", f.book(new Client(b)));
    }

    @Test
    void theChangeIsOneAppendWithTheFirstMembersJoin() {
        f.holdAppends = true;
        f.upgrade(classic.group);
        Asked<?> joined = f.send(ConsumerGroupFixture.joining("c").setSubscribedTopicNames(List.of("t")));
        assertEquals(1, f.appends.size());
        assertTrue(joined.parked());
        assertTrue(f.appends.peek().records().get(0) instanceof GroupRecord.GroupRemoved);
        CommittedGroup stored = classic.group.committed().with(f.appends.peek().records());
        assertNull(stored.metadata());
        assertEquals(3, stored.consumers().members().size());
        assertEquals(3, stored.consumers().epoch());
    }

    @Test
    void aRefusedNewcomerLeavesNothingThatIsNotAppended() {
        f.holdAppends = true;
        f.upgrade(classic.group);
        assertEquals(
                Errors.UNKNOWN_MEMBER_ID,
                f.error(f.heartbeat(new Client("nobody")).setMemberEpoch(7)));
        assertEquals(1, f.appends.size());
    }

    @Test
    void commitsThatWereUnderWayAreAnswered() {
        classic.holdAppends = true;
        var commit = classic.commit(a, 2, "t", 0, 7, "");
        Effect.Append underWay = classic.appends.poll();
        f.upgrade(classic.group);
        f.run(f.group.appended(underWay, Errors.NONE, f.nowMs));
        assertEquals(
                Errors.NONE.code(),
                commit.now().topics().get(0).partitions().get(0).errorCode());
        assertEquals(7, f.group.committed().offset("t", 0).offset());
    }

    @Test
    void onlyASettledGroupKnowsWhoHasWhat() {
        assertTrue(classic.group.isSettled());
        classic.join(a, null, words(), "range");
        assertFalse(classic.group.isSettled());
    }

    @Test
    void whatOnlyTheAssignorUnderstandsIsNotCarriedOn() {
        classic.join(b, null, words(), "range");
        classic.join(a, null, words(), "range");
        // b's join was answered as it is when nothing changed, and a's begins a rebalance.
        classic.join(b, null, words(), "range");
        byte[] withUserData =
                bytes(ConsumerProtocol.serializeAssignment(new Assignment(t(0), ByteBuffer.wrap(new byte[] {1}))));
        classic.syncBytes(a, 3, Map.of(a, withUserData, b, given(2, 3)));
        classic.syncBytes(b, 3, Map.of());
        assertTrue(classic.group.isSettled());
        assertTrue(classic.group.upgrade(f.image).isEmpty());
    }

    @Test // as when a cooperative rebalance has come half way: nobody may get what a member may still have
    void whatAMemberSaidToHaveAndIsNotToKeepItGivesUpFirst() {
        classic.join(b, null, words(2, 3), "range");
        classic.join(a, null, words(0, 1), "range");
        classic.join(b, null, words(2, 3), "range");
        classic.syncBytes(a, 3, Map.of(a, given(0), b, given(2)));
        classic.syncBytes(b, 3, Map.of());
        f.upgrade(classic.group);
        assertEquals(
                CurrentAssignment.State.UNREVOKED_PARTITIONS, f.group.current(a).state());
        Client c = f.join("c", "t");
        assertEquals(Map.of(), c.assigned);
        assertEquals(Errors.REBALANCE_IN_PROGRESS, beat(a, 3));
        assertEquals(4, join(a, 0));
        f.confirm(c);
        assertEquals(List.of(1), c.assigned.get("t"));
    }

    @Test
    void aPartitionThatALeaderGaveTwiceIsWithOneOfThem() {
        classic.join(b, null, words(2, 3), "range");
        classic.join(a, null, words(0, 1), "range");
        classic.join(b, null, words(2, 3), "range");
        classic.syncBytes(a, 3, Map.of(a, given(0, 2), b, given(2, 3)));
        classic.syncBytes(b, 3, Map.of());
        f.upgrade(classic.group);
        List<String> books = new ArrayList<>(List.of(f.book(new Client(a)), f.book(new Client(b))));
        assertTrue(books.contains("[0, 2]") != books.contains("[2, 3]"), books.toString());
    }

    @Test // who missed the last generation may have what the book gives to others
    void aNewCoordinatorSettlesBeforeTheGroupChanges() {
        GroupFixture elsewhere = new GroupFixture(0);
        elsewhere.log.addAll(classic.log);
        elsewhere.failOver(f.config);
        assertEquals(ClassicGroup.State.STABLE, elsewhere.group.state());
        assertFalse(elsewhere.group.isSettled());
        elsewhere.run(elsewhere.group.settle(elsewhere.nowMs));
        assertEquals(Errors.REBALANCE_IN_PROGRESS, elsewhere.heartbeat(a, 2));
        var joining = elsewhere.join(a, null, words(0, 1), "range");
        elsewhere.join(b, null, words(2, 3), "range");
        assertEquals(3, joining.now().generationId());
        elsewhere.syncBytes(a, 3, Map.of(a, given(0, 1), b, given(2, 3)));
        assertFalse(elsewhere.group.isSettled());
        elsewhere.syncBytes(b, 3, Map.of());
        assertTrue(elsewhere.group.isSettled());
    }

    @Test
    void whoComesBackAfterTheGroupBecameClassicIsToComeAnew() {
        ConsumerGroupHeartbeatRequestData late =
                new ConsumerGroupHeartbeatRequestData().setMemberId("c").setMemberEpoch(3);
        assertEquals(
                Errors.UNKNOWN_MEMBER_ID.code(),
                classic.<ConsumerGroupHeartbeatResponseData>ask(r -> new GroupRequest.ConsumerHeartbeat(
                                new Caller("c", "/h", (short) 1), late.setGroupId("g"), r))
                        .now()
                        .errorCode());
    }

    @Test
    void wordsThatCannotBeReadAreNotCarriedOn() {
        GroupFixture other = new GroupFixture(0);
        other.stablePair();
        assertTrue(other.group.isSettled());
        assertTrue(other.group.upgrade(f.image).isEmpty());
    }

    private static GroupFixture withPolicy(GroupMigrationPolicy policy, int maxSize, String protocolType) {
        ConsumerGroupConfig d = ConsumerGroupConfig.DEFAULTS;
        GroupFixture fixture = new GroupFixture(GroupFixture.config(
                0,
                Integer.MAX_VALUE,
                new ConsumerGroupConfig(
                        d.sessionTimeoutMs(), d.heartbeatIntervalMs(), d.bounds(), maxSize, d.assignors(), policy)));
        fixture.protocolType = protocolType;
        fixture.stablePair();
        return fixture;
    }

    @Test
    void whetherAGroupMayChangeIsForPolicySizeAndTypeToSay() {
        assertTrue(withPolicy(GroupMigrationPolicy.BIDIRECTIONAL, 3, "consumer")
                .group
                .mayBeUpgraded(null));
        assertTrue(withPolicy(GroupMigrationPolicy.UPGRADE, 3, "consumer").group.mayBeUpgraded(null));
        assertFalse(
                withPolicy(GroupMigrationPolicy.DOWNGRADE, 3, "consumer").group.mayBeUpgraded(null));
        assertFalse(
                withPolicy(GroupMigrationPolicy.DISABLED, 3, "consumer").group.mayBeUpgraded(null));
        assertFalse(
                withPolicy(GroupMigrationPolicy.UPGRADE, 2, "consumer").group.mayBeUpgraded(null));
        assertFalse(withPolicy(GroupMigrationPolicy.UPGRADE, 3, "connect").group.mayBeUpgraded(null));
    }

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

    /** The classic group that follows when the last member of the consumer protocol has gone. */
    private GroupFixture downgraded() {
        List<GroupRecord> records = f.group.downgrade(f.nowMs).orElseThrow();
        CommittedGroup stored = f.group.committed().with(records);
        assertNull(stored.consumers());
        GroupFixture after = new GroupFixture(0);
        after.group = new ClassicGroup(stored, f.config, prefix -> prefix + "-new", f.nowMs);
        after.run(after.group.downgraded(records, f.nowMs));
        return after;
    }

    @Test
    void whenOnlyClassicMembersAreLeftTheGroupIsClassicAgain() {
        Client c = upgraded();
        part(a, join(a));
        part(b, join(b));
        f.settle(c);
        assertTrue(f.group.downgrade(f.nowMs).isEmpty());
        f.send(f.heartbeat(c).setMemberEpoch(-1));
        GroupFixture after = downgraded();
        assertEquals(ClassicGroup.State.PREPARING_REBALANCE, after.group.state());
        assertEquals(Errors.REBALANCE_IN_PROGRESS, after.heartbeat(a, 3));
        assertEquals(Errors.NONE, after.commit(a, 3, 9));
        var joining = after.join(a, null, words(), "range");
        assertTrue(joining.parked());
        var other = after.join(b, null, words(), "range");
        assertEquals(4, joining.now().generationId());
        assertEquals(2, joining.now().members().size() + other.now().members().size(), "one of them leads");
    }

    @Test
    void aCoordinatorThatReadsTheChangeRebalances() {
        Client c = upgraded();
        part(a, join(a));
        f.send(f.heartbeat(c).setMemberEpoch(-1));
        CommittedGroup stored = downgraded().group.committed();
        ClassicGroup elsewhere = new ClassicGroup(stored, f.config, prefix -> prefix, f.nowMs);
        assertEquals(ClassicGroup.State.PREPARING_REBALANCE, elsewhere.state());
        assertEquals(3, elsewhere.generation());
    }

    @Test
    void theChangeWaitsUntilAllIsStored() {
        Client c = upgraded();
        f.holdAppends = true;
        f.send(f.heartbeat(c).setMemberEpoch(-1));
        assertTrue(f.group.downgrade(f.nowMs).isEmpty());
        f.decideAppends();
        assertTrue(f.group.downgrade(f.nowMs).isPresent());
    }

    @Test
    void aChangeThatFailedIsTriedAgainLater() {
        f.log.addAll(classic.log);
        Client c = upgraded();
        f.send(f.heartbeat(c).setMemberEpoch(-1));
        f.failOver();
        assertTrue(f.group.downgrade(f.nowMs).isEmpty());
        assertTrue(f.group.nextDeadlineMs() <= f.nowMs + 5000);
        f.pass(5000);
        assertTrue(f.group.downgrade(f.nowMs).isPresent());
    }

    @Test
    void policyMayKeepTheGroupAsItIs() {
        ConsumerGroupConfig d = ConsumerGroupConfig.DEFAULTS;
        ConsumerGroupFixture only = new ConsumerGroupFixture(new ConsumerGroupConfig(
                d.sessionTimeoutMs(),
                d.heartbeatIntervalMs(),
                d.bounds(),
                9,
                d.assignors(),
                GroupMigrationPolicy.UPGRADE));
        only.image = f.image;
        only.upgrade(classic.group);
        Client c = only.join("c", "t");
        only.send(only.heartbeat(c).setMemberEpoch(-1));
        assertEquals(2, only.group.size());
        assertTrue(only.group.downgrade(only.nowMs).isEmpty());
    }

    @Test
    void anAnswerHasTheVersionOfTheMembersSubscription() {
        byte[] v0 = bytes(ConsumerProtocol.serializeSubscription(new Subscription(List.of("t")), (short) 0));
        f.join("c", "t");
        JoinGroupResponseData joined = join("x", null, v0, "range");
        byte[] part = sync("x", joined.generationId()).assignment();
        assertArrayEquals(new byte[] {0, 0}, new byte[] {part[0], part[1]});
    }
}
