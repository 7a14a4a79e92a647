package io.troupe.group;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.config.ConsumerGroupConfig;
import io.troupe.config.GroupMigrationPolicy;
import io.troupe.group.ConsumerGroupFixture.Client;
import java.util.List;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.Subscription;
import org.apache.kafka.clients.consumer.internals.ConsumerProtocol;
import org.apache.kafka.common.message.JoinGroupResponseData;
import org.apache.kafka.common.protocol.Errors;
import org.junit.jupiter.api.Test;

/** A group becomes classic again when only classic members are left (KIP-848, "Migrating to the new protocol"). */
class GroupDowngradeTest extends OnMigratingGroup {
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
