package io.troupe.controller;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.controller.ControllerCommand.LogReport;
import io.troupe.controller.ControllerCommand.ReportLogs;
import io.troupe.metadata.PartitionImage;
import io.troupe.metadata.TopicImage;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.protocol.Errors;
import org.junit.jupiter.api.Test;

/** Rule 1.11: all last known replicas report, the greatest (last epoch, log end offset) leads. */
class RecoveryElectionsTest {
    private final TestCluster cluster = TestCluster.of(3);
    private final RecoveryElections recovery = new RecoveryElections(cluster.elections);

    /** All three are killed at once, and come back without proof. */
    private void loseAll() {
        cluster.create(Map.of("min.insync.replicas", "3"), List.of(List.of(1, 2, 3)));
        for (int id : List.of(1, 2, 3)) {
            cluster.fence(id);
        }
        assertEquals(List.of(1, 2, 3), cluster.t(0).elr());
        for (int id : List.of(1, 2, 3)) {
            cluster.start(id, false);
        }
        assertEquals(List.of(), cluster.t(0).elr());
        assertEquals(
                List.of(1, 2, 3), cluster.t(0).lastKnown().stream().sorted().toList());
        assertTrue(cluster.t(0).asksForLogs());
    }

    private ControllerReply report(int broker, int lastEpoch, long endOffset) {
        return report(broker, cluster.broker(broker).brokerEpoch(), cluster.t(0).leaderEpoch(), lastEpoch, endOffset);
    }

    private ControllerReply report(int broker, long brokerEpoch, int leaderEpoch, int lastEpoch, long endOffset) {
        TopicImage topic = cluster.image.topic("t").orElseThrow();
        return cluster.take(recovery.report(
                cluster.image,
                new ReportLogs(
                        broker,
                        brokerEpoch,
                        List.of(
                                new LogReport(Uuid.randomUuid(), 0, leaderEpoch, 9, 9),
                                new LogReport(topic.topicId(), 7, leaderEpoch, 9, 9),
                                new LogReport(topic.topicId(), 0, leaderEpoch, lastEpoch, endOffset)))));
    }

    @Test
    void theLastEpochCountsBeforeTheLengthAndNobodyIsElectedBeforeAllHaveReported() {
        loseAll();
        int epoch = cluster.t(0).leaderEpoch();
        report(1, 4, 100);
        report(2, 5, 10);
        assertFalse(cluster.t(0).hasLeader());
        report(3, 5, 9);
        PartitionImage p = cluster.t(0);
        assertEquals(2, p.leader());
        assertEquals(epoch + 1, p.leaderEpoch());
        assertEquals(List.of(2), p.isr());
        assertEquals(List.of(1, 3), p.lastKnown(), "until the ISR has m members again");
        long index = cluster.image.index();
        report(3, 5, 9);
        assertEquals(index, cluster.image.index(), "a late report changes nothing");
    }

    @Test
    void ofEqualLogsThePreferredLeads() {
        loseAll();
        report(3, 5, 9);
        report(2, 5, 9);
        report(1, 5, 9);
        assertEquals(1, cluster.t(0).leader());
    }

    @Test
    void aReportOfAnEarlierBrokerOrLeaderEpochDoesNotCount() {
        loseAll();
        report(2, 5, 100);
        cluster.start(2, false);
        report(1, 5, 10);
        report(3, 5, 11);
        assertFalse(cluster.t(0).hasLeader(), "2 may have lost what it reported before it started anew");
        ControllerReply stale =
                report(2, cluster.broker(2).brokerEpoch() - 1, cluster.t(0).leaderEpoch(), 5, 100);
        assertEquals(
                Errors.STALE_BROKER_EPOCH,
                ((ControllerReply.Refused) stale).refusal().error());
        report(2, cluster.broker(2).brokerEpoch(), cluster.t(0).leaderEpoch() - 1, 5, 100);
        assertFalse(cluster.t(0).hasLeader());
        report(2, 5, 1);
        assertEquals(3, cluster.t(0).leader());
    }

    @Test
    void theLongestLogIsWaitedForWhenItsBrokerIsAwayAgain() {
        loseAll();
        report(2, 5, 100);
        cluster.fence(2);
        report(1, 5, 10);
        report(3, 5, 11);
        assertFalse(cluster.t(0).hasLeader());
        cluster.heartbeat(2, false);
        assertFalse(cluster.t(0).hasLeader());
        report(2, 5, 100);
        assertEquals(2, cluster.t(0).leader());
    }

    @Test
    void partitionsThatAskForNothingAreLeftAlone() {
        cluster.create(Map.of(), List.of(List.of(1, 2, 3)));
        long index = cluster.image.index();
        for (int id : List.of(1, 2, 3)) {
            report(id, 5, 10);
        }
        assertEquals(index, cluster.image.index());
    }
}
