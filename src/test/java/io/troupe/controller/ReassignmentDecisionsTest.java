package io.troupe.controller;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.controller.ControllerCommand.AlterReassignments;
import io.troupe.controller.ControllerCommand.Reassignment;
import io.troupe.metadata.PartitionImage;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.common.protocol.Errors;
import org.junit.jupiter.api.Test;

/** KIP-455, and SAFETY 1.1 and 1.10 while replicas move. */
class ReassignmentDecisionsTest {
    private static final Map<String, String> MIN_ISR_2 = Map.of("min.insync.replicas", "2");
    private final TestCluster cluster = TestCluster.of(6);
    private final ReassignmentDecisions reassignments = new ReassignmentDecisions(cluster.elections);

    private Errors to(Integer... target) {
        return alter(true, new Reassignment("t", 0, Optional.of(List.of(target))))
                .get(0);
    }

    private Errors cancel() {
        return alter(true, new Reassignment("t", 0, Optional.empty())).get(0);
    }

    private List<Errors> alter(boolean factorChange, Reassignment... wanted) {
        return TestCluster.errors(cluster.take(
                reassignments.alter(cluster.image, new AlterReassignments(List.of(wanted), factorChange))));
    }

    private void is(List<Integer> replicas, List<Integer> adding, List<Integer> removing, List<Integer> isr) {
        PartitionImage p = cluster.t(0);
        assertEquals(replicas, p.replicas(), "replicas");
        assertEquals(adding, p.adding(), "adding");
        assertEquals(removing, p.removing(), "removing");
        assertEquals(isr, p.isr(), "isr");
    }

    @Test
    void newReplicasComeFirstAndOldOnesGoWhenAllNewAreInSync() {
        cluster.create(Map.of(), List.of(List.of(1, 2, 3)));
        assertEquals(Errors.NONE, to(4, 1, 5));
        is(List.of(4, 1, 5, 2, 3), List.of(4, 5), List.of(2, 3), List.of(1, 2, 3));
        assertEquals(1, cluster.t(0).leader());
        assertEquals(Errors.NONE, cluster.isr(0, 1, 2, 3, 4));
        is(List.of(4, 1, 5, 2, 3), List.of(4, 5), List.of(2, 3), List.of(1, 2, 3, 4));
        int epoch = cluster.t(0).leaderEpoch();
        assertEquals(Errors.NONE, cluster.isr(0, 1, 2, 3, 4, 5));
        is(List.of(4, 1, 5), List.of(), List.of(), List.of(1, 4, 5));
        assertEquals(1, cluster.t(0).leader(), "a live leader that stays goes on");
        assertEquals(epoch + 1, cluster.t(0).leaderEpoch(), "rule 1.1: replicas were removed");
    }

    @Test
    void aLeaderThatLeavesIsFollowedByTheFirstOfTheNewOnes() {
        cluster.create(Map.of(), List.of(List.of(1, 2)));
        assertEquals(Errors.NONE, to(5, 4));
        assertEquals(Errors.NONE, cluster.isr(0, 1, 2, 4, 5));
        is(List.of(5, 4), List.of(), List.of(), List.of(4, 5));
        assertEquals(5, cluster.t(0).leader());
        assertEquals(Errors.NO_REASSIGNMENT_IN_PROGRESS, cancel());
    }

    @Test
    void aMoveThatEndsIsNoUncleanElection() {
        cluster.create(Map.of(), List.of(List.of(1, 2)));
        assertEquals(Errors.NONE, to(5, 4));
        PartitionImage before = cluster.t(0);
        assertEquals(Errors.NONE, cluster.isr(0, 1, 2, 4, 5));
        assertFalse(Elections.risky(before, cluster.t(0)));
        // One that was never proposed as in sync.
        PartitionImage unclean =
                before.withIsr(List.of(5), List.of(), List.of()).ledBy(5);
        assertTrue(Elections.risky(before, unclean));
    }

    @Test
    void cancellingPutsEverythingBack() {
        cluster.create(Map.of(), List.of(List.of(1, 2)));
        assertEquals(Errors.NONE, to(4, 5));
        assertEquals(Errors.NONE, cluster.isr(0, 1, 2, 4));
        int epoch = cluster.t(0).leaderEpoch();
        assertEquals(Errors.NONE, cancel());
        // The order is the one that the reassignment gave; nothing tells the old one any more.
        is(List.of(1, 2), List.of(), List.of(), List.of(1, 2));
        assertEquals(epoch + 1, cluster.t(0).leaderEpoch());
    }

    @Test
    void whatIsOnlyOnTheNewReplicasIsNotCancelledAway() {
        cluster.create(Map.of(), List.of(List.of(1)));
        assertEquals(Errors.NONE, to(4, 5));
        assertEquals(Errors.NONE, cluster.isr(0, 1, 4));
        cluster.fence(1);
        assertEquals(4, cluster.t(0).leader());
        assertEquals(Errors.INVALID_REPLICA_ASSIGNMENT, cancel());
        is(List.of(4, 5, 1), List.of(4, 5), List.of(1), List.of(4));
    }

    /** A replica that is down holds what it holds: eligible, or, after an unclean end, last known. */
    @Test
    void whatOnlyNewReplicasThatAreDownHoldIsNotCancelledAway() {
        cluster.create(Map.of(), List.of(List.of(1, 2)));
        assertEquals(Errors.NONE, to(4, 5));
        assertEquals(Errors.NONE, cluster.isr(0, 1, 2, 4));
        cluster.fence(1);
        cluster.fence(2);
        assertEquals(4, cluster.t(0).leader());
        cluster.fence(4);
        assertEquals(List.of(4), cluster.t(0).elr());
        cluster.start(1, false);
        cluster.start(2, false);
        assertEquals(Errors.INVALID_REPLICA_ASSIGNMENT, cancel());
        assertEquals(Errors.INVALID_REPLICA_ASSIGNMENT, to(5, 6), "drops 4 as well");

        cluster.register(4, -1, false);
        assertEquals(List.of(4), cluster.t(0).lastKnown());
        assertEquals(Errors.INVALID_REPLICA_ASSIGNMENT, cancel());
        assertFalse(cluster.t(0).hasLeader());
        is(List.of(4, 5, 1, 2), List.of(4, 5), List.of(1, 2), List.of());

        cluster.heartbeat(4, false);
        assertEquals(4, cluster.t(0).leader());
        assertEquals(Errors.NONE, cluster.isr(0, 4, 1));
        assertEquals(Errors.NONE, cancel());
        is(List.of(1, 2), List.of(), List.of(), List.of(1));
        assertEquals(1, cluster.t(0).leader());
    }

    /** Which of them has the most nobody can tell before all have reported. */
    @Test
    void noneOfTheLastKnownIsCancelledAway() {
        cluster.create(MIN_ISR_2, List.of(List.of(1, 2)));
        assertEquals(Errors.NONE, to(4, 5));
        assertEquals(Errors.NONE, cluster.isr(0, 1, 2, 4));
        for (int id : List.of(1, 2, 4)) {
            cluster.register(id, -1, false);
        }
        assertEquals(List.of(4, 2), cluster.t(0).lastKnown());
        assertEquals(Errors.INVALID_REPLICA_ASSIGNMENT, cancel());
    }

    @Test
    void aSecondReassignmentReplacesTheFirst() {
        cluster.create(Map.of(), List.of(List.of(1, 2)));
        assertEquals(Errors.NONE, to(3, 4));
        assertEquals(Errors.NONE, cluster.isr(0, 1, 2, 3));
        assertEquals(Errors.NONE, to(4, 5));
        is(List.of(4, 5, 1, 2), List.of(4, 5), List.of(1, 2), List.of(1, 2));
        assertEquals(Errors.NONE, cancel());
        is(List.of(1, 2), List.of(), List.of(), List.of(1, 2));
    }

    @Test
    void theFactorGrowsAndShrinksOnlyWhereTheRequestAllowsIt() {
        cluster.create(Map.of(), List.of(List.of(1, 2)));
        Reassignment grown = new Reassignment("t", 0, Optional.of(List.of(1, 2, 3)));
        assertEquals(List.of(Errors.INVALID_REPLICATION_FACTOR), alter(false, grown));
        assertEquals(List.of(Errors.NONE), alter(true, grown));
        is(List.of(1, 2, 3), List.of(3), List.of(), List.of(1, 2));
        assertEquals(Errors.NONE, cluster.isr(0, 1, 2, 3));
        is(List.of(1, 2, 3), List.of(), List.of(), List.of(1, 2, 3));
        // Nothing has to be copied first, so fewer replicas come at once.
        assertEquals(Errors.NONE, to(3));
        is(List.of(3), List.of(), List.of(), List.of(3));
        assertEquals(3, cluster.t(0).leader());
    }

    @Test
    void replicasStayWhileTooFewOfTheOthersAreInSync() {
        cluster.create(MIN_ISR_2, List.of(List.of(1, 2, 3)));
        cluster.fence(2);
        assertEquals(Errors.NONE, to(1, 2));
        is(List.of(1, 2, 3), List.of(), List.of(3), List.of(1, 3));
        cluster.start(2, true);
        assertEquals(Errors.NONE, cluster.isr(0, 1, 2, 3));
        is(List.of(1, 2), List.of(), List.of(), List.of(1, 2));
    }

    @Test
    void rule1_10WhoIsRemovedIsEligibleNoMore() {
        cluster.create(Map.of(), List.of(List.of(1, 2)));
        assertEquals(Errors.NONE, to(1));
        cluster.fence(1);
        assertEquals(List.of(1), cluster.t(0).elr());
        assertFalse(cluster.t(0).hasLeader());
    }

    @Test
    void anotherOrderNeedsNoMove() {
        cluster.create(Map.of(), List.of(List.of(1, 2, 3)));
        int epoch = cluster.t(0).leaderEpoch();
        assertEquals(Errors.NONE, to(3, 1, 2));
        is(List.of(3, 1, 2), List.of(), List.of(), List.of(1, 2, 3));
        assertEquals(1, cluster.t(0).leader());
        assertEquals(epoch, cluster.t(0).leaderEpoch());
        int partitionEpoch = cluster.t(0).partitionEpoch();
        assertEquals(Errors.NONE, to(3, 1, 2));
        assertEquals(partitionEpoch, cluster.t(0).partitionEpoch(), "nothing has changed");
    }

    @Test
    void badTargetsAreRefusedEachByItself() {
        cluster.create(Map.of(), List.of(List.of(1, 2), List.of(2, 3)));
        assertEquals(Errors.INVALID_REPLICA_ASSIGNMENT, to());
        assertEquals(Errors.INVALID_REPLICA_ASSIGNMENT, to(1, 1));
        assertEquals(Errors.INVALID_REPLICA_ASSIGNMENT, to(1, 9));
        assertEquals(Errors.INVALID_REPLICA_ASSIGNMENT, to(1, -2));
        assertEquals(
                List.of(Errors.UNKNOWN_TOPIC_OR_PARTITION, Errors.NONE, Errors.UNKNOWN_TOPIC_OR_PARTITION),
                alter(
                        true,
                        new Reassignment("t", 2, Optional.of(List.of(1))),
                        new Reassignment("t", 1, Optional.of(List.of(2, 4))),
                        new Reassignment("none", 0, Optional.empty())));
        is(List.of(1, 2), List.of(), List.of(), List.of(1, 2));
        assertEquals(List.of(4), cluster.t(1).adding());
    }

    @Test
    void brokersComeAndGoWhileReplicasMove() {
        cluster.create(MIN_ISR_2, List.of(List.of(1, 2, 3)));
        assertEquals(Errors.NONE, to(4, 5, 6));
        for (int id : List.of(1, 2, 3)) {
            cluster.fence(id);
            assertTrue(cluster.t(0).reassigning());
        }
        assertFalse(cluster.t(0).hasLeader());
        assertEquals(List.of(2, 3), cluster.t(0).elr(), "1 left while two others were in sync");
        cluster.start(3, true);
        assertEquals(3, cluster.t(0).leader());
        assertEquals(Errors.NONE, cluster.isr(0, 3, 4, 5, 6));
        is(List.of(4, 5, 6), List.of(), List.of(), List.of(4, 5, 6));
        assertEquals(4, cluster.t(0).leader());
    }
}
