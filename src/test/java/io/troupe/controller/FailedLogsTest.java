package io.troupe.controller;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import io.troupe.controller.ControllerCommand.FailLogs;
import io.troupe.controller.ControllerCommand.LogRef;
import io.troupe.metadata.PartitionImage;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.common.ElectionType;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.protocol.Errors;
import org.junit.jupiter.api.Test;

/** A broker that lives on while a log dir of it has failed: others lead what stood there (rules 1.1, 1.10, 1.11). */
class FailedLogsTest {
    private final TestCluster cluster = TestCluster.of(3);

    private Errors fail(int broker, Integer... partitions) {
        Uuid topic = cluster.image.topic("t").orElseThrow().topicId();
        List<LogRef> logs =
                List.of(partitions).stream().map(p -> new LogRef(topic, p)).toList();
        ControllerReply reply = cluster.take(cluster.brokers.failLogs(
                cluster.image, new FailLogs(broker, cluster.broker(broker).brokerEpoch(), logs)));
        return reply instanceof ControllerReply.Refused r ? r.refusal().error() : Errors.NONE;
    }

    @Test
    void anotherInSyncReplicaLeadsAtOnceAndWhoFailedIsInSyncNoMore() {
        cluster.create(Map.of("min.insync.replicas", "2"), List.of(List.of(1, 2, 3), List.of(1, 2, 3)));
        PartitionImage before = cluster.t(0);
        PartitionImage untouched = cluster.t(1);
        assertEquals(Errors.NONE, fail(1, 0));
        PartitionImage p = cluster.t(0);
        assertEquals(2, p.leader());
        assertEquals(before.leaderEpoch() + 1, p.leaderEpoch());
        assertEquals(before.partitionEpoch() + 1, p.partitionEpoch());
        assertEquals(List.of(2, 3), p.isr());
        assertEquals(List.of(), p.elr());
        assertEquals(List.of(1), p.offline());
        assertEquals(untouched, cluster.t(1), "what stands in another log dir");
        long index = cluster.image.index();
        assertEquals(Errors.NONE, fail(1, 0, 7));
        assertEquals(
                index, cluster.image.index(), "told again, nothing changes; nor for a partition that is not there");
    }

    @Test
    void aFollowerThatFailedLeavesTheIsrAndTheLeaderStays() {
        cluster.create(Map.of(), List.of(List.of(1, 2, 3)));
        fail(3, 0);
        assertEquals(1, cluster.t(0).leader());
        assertEquals(List.of(1, 2), cluster.t(0).isr());
        assertEquals(Errors.INELIGIBLE_REPLICA, cluster.isr(0, 1, 2, 3));
    }

    @Test
    void withoutAnotherItStaysEligibleButLeadsNothingUntilItStartsAnew() {
        cluster.create(Map.of("unclean.leader.election.enable", "true"), List.of(List.of(1)));
        fail(1, 0);
        assertFalse(cluster.t(0).hasLeader());
        assertEquals(List.of(1), cluster.t(0).elr());
        cluster.fence(2);
        cluster.heartbeat(2, false);
        assertFalse(cluster.t(0).hasLeader(), "not even uncleanly");
        // Its logs were not closed in order: last known, and the only one.
        cluster.start(1, false);
        assertEquals(1, cluster.t(0).leader());
        assertEquals(List.of(), cluster.t(0).offline());
    }

    @Test
    void isPreferredLeaderAgainOnlyOnceItIsInSyncAgain() {
        cluster.create(Map.of(), List.of(List.of(1, 2, 3)));
        fail(1, 0);
        LeaderDecisions leaders = new LeaderDecisions(cluster.elections);
        ControllerCommand.ElectLeaders preferred = new ControllerCommand.ElectLeaders(
                ElectionType.PREFERRED, Optional.of(List.of(new TopicPartition("t", 0))));
        assertEquals(
                List.of(Errors.PREFERRED_LEADER_NOT_AVAILABLE),
                TestCluster.errors(cluster.take(leaders.elect(cluster.image, preferred))));
        cluster.start(1, false);
        assertEquals(Errors.NONE, cluster.isr(0, 1, 2, 3));
        assertEquals(List.of(Errors.NONE), TestCluster.errors(cluster.take(leaders.elect(cluster.image, preferred))));
        assertEquals(1, cluster.t(0).leader());
    }

    @Test
    void aWordOfAnEarlierBrokerEpochIsRefused() {
        cluster.create(Map.of(), List.of(List.of(1, 2, 3)));
        Decision stale = cluster.brokers.failLogs(
                cluster.image, new FailLogs(1, cluster.broker(1).brokerEpoch() - 1, List.of()));
        assertEquals(
                Errors.STALE_BROKER_EPOCH,
                ((ControllerReply.Refused) stale.reply()).refusal().error());
        Decision unknown = cluster.brokers.failLogs(cluster.image, new FailLogs(9, 1, List.of()));
        assertEquals(
                Errors.BROKER_ID_NOT_REGISTERED,
                ((ControllerReply.Refused) unknown.reply()).refusal().error());
    }
}
