package io.troupe.group;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
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
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.Assignment;
import org.apache.kafka.clients.consumer.internals.ConsumerProtocol;
import org.apache.kafka.common.message.ConsumerGroupHeartbeatRequestData;
import org.apache.kafka.common.message.ConsumerGroupHeartbeatResponseData;
import org.apache.kafka.common.protocol.Errors;
import org.junit.jupiter.api.Test;

/** A classic group with members in it becomes one of the consumer protocol (KIP-848, "Migrating to the new protocol"). */
class GroupUpgradeTest extends OnMigratingGroup {
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
}
