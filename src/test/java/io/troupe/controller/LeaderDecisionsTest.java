package io.troupe.controller;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.controller.ControllerCommand.ElectLeaders;
import io.troupe.metadata.PartitionImage;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.common.ElectionType;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.protocol.Errors;
import org.junit.jupiter.api.Test;

/** Elections on request, balancing, brokers that leave; SAFETY 1.10 and 1.11. */
class LeaderDecisionsTest {
    private final TestCluster cluster = TestCluster.of(3);
    private final LeaderDecisions leaders = new LeaderDecisions(cluster.elections);

    private List<Errors> elect(ElectionType type, Integer... partitions) {
        List<TopicPartition> wanted = new ArrayList<>();
        for (int p : partitions) {
            wanted.add(new TopicPartition("t", p));
        }
        return TestCluster.errors(
                cluster.take(leaders.elect(cluster.image, new ElectLeaders(type, Optional.of(wanted)))));
    }

    private List<Errors> electAll(ElectionType type) {
        return TestCluster.errors(cluster.take(leaders.elect(cluster.image, new ElectLeaders(type, Optional.empty()))));
    }

    @Test
    void thePreferredReplicaLeadsAgainWhenItIsInSync() {
        cluster.create(Map.of(), List.of(List.of(1, 2), List.of(2, 3), List.of(3, 1)));
        cluster.fence(1);
        assertEquals(2, cluster.t(0).leader());
        assertEquals(
                List.of(Errors.PREFERRED_LEADER_NOT_AVAILABLE, Errors.ELECTION_NOT_NEEDED),
                elect(ElectionType.PREFERRED, 0, 1));
        cluster.start(1, true);
        assertEquals(List.of(Errors.PREFERRED_LEADER_NOT_AVAILABLE), elect(ElectionType.PREFERRED, 0));
        assertEquals(Errors.NONE, cluster.isr(0, 2, 1));
        int epoch = cluster.t(0).leaderEpoch();
        assertEquals(List.of(Errors.NONE), electAll(ElectionType.PREFERRED), "the others need none and are not told");
        assertEquals(1, cluster.t(0).leader());
        assertEquals(epoch + 1, cluster.t(0).leaderEpoch());
        assertEquals(
                List.of(Errors.UNKNOWN_TOPIC_OR_PARTITION, Errors.UNKNOWN_TOPIC_OR_PARTITION),
                elect(ElectionType.PREFERRED, 7, -1));
    }

    @Test
    void rule1_11UncleanElectionNeedsTheOperatorsWordOrTheTopicsPermission() {
        cluster.create(Map.of(), List.of(List.of(1, 2)));
        cluster.fence(2);
        cluster.fence(1);
        cluster.start(2, true);
        assertFalse(cluster.t(0).hasLeader());
        assertEquals(List.of(Errors.NONE), elect(ElectionType.UNCLEAN, 0));
        assertEquals(2, cluster.t(0).leader());
        assertEquals(List.of(2), cluster.t(0).isr());
        assertEquals(List.of(), cluster.t(0).elr());
        assertEquals(List.of(), cluster.t(0).lastKnown());
        assertEquals(List.of(Errors.ELECTION_NOT_NEEDED), elect(ElectionType.UNCLEAN, 0));
        cluster.fence(2);
        assertEquals(List.of(Errors.ELIGIBLE_LEADERS_NOT_AVAILABLE), elect(ElectionType.UNCLEAN, 0));
    }

    @Test
    void balancingBringsLeadershipsBackOnlyAboveThePercentage() {
        cluster.create(Map.of(), List.of(List.of(1, 2), List.of(1, 3), List.of(1, 2), List.of(1, 3), List.of(2, 3)));
        cluster.fence(1);
        cluster.start(1, true);
        cluster.take(leaders.balance(cluster.image, 10));
        assertEquals(2, cluster.t(0).leader(), "not in sync yet");
        for (int p = 0; p < 4; p++) {
            assertEquals(Errors.NONE, cluster.isr(p, cluster.t(p).leader(), 1));
        }
        cluster.take(leaders.balance(cluster.image, 100));
        assertEquals(2, cluster.t(0).leader());
        cluster.take(leaders.balance(cluster.image, 99));
        for (int p = 0; p < 4; p++) {
            assertEquals(1, cluster.t(p).leader());
        }
        assertTrue(leaders.balance(cluster.image, 0).events().isEmpty());
    }

    @Test
    void aBrokerThatWantsToLeaveServesOnWithoutLeadingAndMayComeBack() {
        cluster.create(Map.of(), List.of(List.of(1, 2), List.of(2, 1), List.of(1, 3)));
        assertEquals(Errors.NONE, cluster.isr(2, 1));
        cluster.heartbeat(1, true);
        assertFalse(cluster.broker(1).fenced());
        assertTrue(cluster.broker(1).inControlledShutdown());
        assertEquals(2, cluster.t(0).leader());
        assertEquals(List.of(2), cluster.t(0).isr());
        assertEquals(List.of(2), cluster.t(1).isr());
        assertEquals(PartitionImage.NO_LEADER, cluster.t(2).leader());
        assertEquals(List.of(1), cluster.t(2).elr());
        assertEquals(Errors.INELIGIBLE_REPLICA, cluster.isr(0, 2, 1));
        long index = cluster.image.index();
        cluster.heartbeat(1, true);
        assertEquals(index, cluster.image.index(), "asked again, nothing is left to do");
        cluster.fence(1);
        assertTrue(cluster.broker(1).fenced());
        cluster.start(1, true);
        assertFalse(cluster.broker(1).inControlledShutdown());
        assertEquals(1, cluster.t(2).leader());
    }

    @Test
    void rule1_9WhatAFollowerHeldInAnEarlierBrokerEpochCountsNoMore() {
        cluster.create(Map.of(), List.of(List.of(1, 2)));
        cluster.fence(2);
        long before = cluster.broker(2).brokerEpoch();
        cluster.start(2, false);
        PartitionImage p = cluster.t(0);
        ControllerReply reply = cluster.take(cluster.brokers.alterPartition(
                cluster.image,
                new ControllerCommand.AlterPartition(
                        1,
                        cluster.broker(1).brokerEpoch(),
                        cluster.id(0),
                        p.leaderEpoch(),
                        p.partitionEpoch(),
                        List.of(1, 2),
                        List.of(cluster.broker(1).brokerEpoch(), before))));
        assertEquals(
                Errors.INELIGIBLE_REPLICA,
                ((ControllerReply.Refused) reply).refusal().error());
        assertEquals(Errors.NONE, cluster.isr(0, 1, 2));
    }

    @Test
    void rule1_13OnlyTheMarkerOfTheLastBrokerEpochIsAProof() {
        cluster.create(Map.of("min.insync.replicas", "2"), List.of(List.of(1, 2)));
        cluster.fence(2);
        long old = cluster.broker(2).brokerEpoch();
        cluster.start(2, true);
        assertEquals(List.of(2), cluster.t(0).elr());
        cluster.start(2, old, false);
        assertEquals(List.of(), cluster.t(0).elr(), "the disk is of an earlier time");
        assertEquals(List.of(2), cluster.t(0).lastKnown());
    }

    @Test
    void rule1_13ARegistrationWhoseAnswerCameTooLateMayBeRepeated() {
        cluster.create(Map.of("min.insync.replicas", "2"), List.of(List.of(1, 2)));
        cluster.fence(2);
        ControllerCommand.RegisterBroker command = new ControllerCommand.RegisterBroker(
                2,
                Uuid.randomUuid(),
                List.of(),
                Optional.empty(),
                cluster.broker(2).brokerEpoch(),
                false,
                false);
        cluster.take(cluster.brokers.register(cluster.image, command, false, false));
        cluster.take(cluster.brokers.register(cluster.image, command, false, true));
        assertEquals(List.of(2), cluster.t(0).elr());
    }

    @Test
    void rule1_14AWipedReplicaLeadsOnlyWhereThereNeverWasAnother() {
        cluster.create(Map.of(), List.of(List.of(1, 2)));
        cluster.fence(2);
        cluster.fence(1);
        assertEquals(List.of(1), cluster.t(0).elr());
        cluster.start(1, -1, true);
        assertEquals(PartitionImage.NO_LEADER, cluster.t(0).leader(), "2 has older records, which must not be deleted");
        assertEquals(List.of(), cluster.t(0).lastKnown());
        cluster.start(2, true);
        assertEquals(PartitionImage.NO_LEADER, cluster.t(0).leader());
        assertEquals(List.of(Errors.NONE), elect(ElectionType.UNCLEAN, 0));
    }

    @Test
    void rule1_14AWipedSoleReplicaBeginsAnew() {
        cluster.create(Map.of(), List.of(List.of(1)));
        cluster.fence(1);
        cluster.start(1, -1, true);
        assertEquals(1, cluster.t(0).leader());
    }

    @Test
    void rule1_10AnUncleanReturnThatLeavesEnoughInSyncIsRememberedByNobody() {
        cluster.create(Map.of("min.insync.replicas", "2"), List.of(List.of(1, 2, 3)));
        cluster.start(3, false);
        assertEquals(List.of(1, 2), cluster.t(0).isr());
        assertEquals(List.of(), cluster.t(0).lastKnown());
    }

    @Test
    void aForgottenBrokerLeadsNothingAndCanRegisterAnew() {
        cluster.create(Map.of(), List.of(List.of(1, 2)));
        cluster.fence(1);
        cluster.take(cluster.brokers.unregister(cluster.image, new ControllerCommand.UnregisterBroker(1)));
        assertTrue(cluster.image.broker(1).isEmpty());
        assertEquals(2, cluster.t(0).leader());
        assertEquals(List.of(1, 2), cluster.t(0).replicas());
        ControllerReply again =
                cluster.take(cluster.brokers.unregister(cluster.image, new ControllerCommand.UnregisterBroker(1)));
        assertEquals(
                Errors.BROKER_ID_NOT_REGISTERED,
                ((ControllerReply.Refused) again).refusal().error());
        cluster.start(1, true);
        assertEquals(Errors.NONE, cluster.isr(0, 2, 1));
    }

    /** It would be back in a moment, with its logs unproven. */
    @Test
    void aBrokerThatRunsIsNotForgotten() {
        cluster.create(Map.of(), List.of(List.of(1, 2)));
        ControllerReply.Refused refused = (ControllerReply.Refused)
                cluster.take(cluster.brokers.unregister(cluster.image, new ControllerCommand.UnregisterBroker(1)));
        assertEquals(Errors.INVALID_REQUEST, refused.refusal().error());
        assertTrue(refused.refusal().message().contains("--node-id 1"), refused.refusal()::message);
        assertEquals(1, cluster.t(0).leader());
    }

    /** Its process may still be there for a moment: it leads nothing any more. */
    @Test
    void aBrokerThatStopsMayBeForgotten() {
        cluster.create(Map.of(), List.of(List.of(1, 2)));
        cluster.heartbeat(1, true);
        cluster.take(cluster.brokers.unregister(cluster.image, new ControllerCommand.UnregisterBroker(1)));
        assertTrue(cluster.image.broker(1).isEmpty());
        assertEquals(2, cluster.t(0).leader());
    }
}
