package io.troupe.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.http.ClusterHealth.Problem;
import io.troupe.http.ClusterHealth.Severity;
import io.troupe.metadata.MetadataEvent;
import io.troupe.metadata.PartitionImage;
import io.troupe.metadata.TopicImage;
import io.troupe.partition.Replica.FollowerStanding;
import java.util.List;
import java.util.Optional;
import org.apache.kafka.common.protocol.Errors;
import org.junit.jupiter.api.Test;

/** What is not as it should be is named, with the partitions that it is about and what to do. */
class ClusterHealthTest {
    private final FakeCluster cluster = new FakeCluster();

    private ClusterHealth health(int minIsr) {
        return ClusterHealth.of(cluster.metadata.current(), topic -> minIsr, QuorumHealth.of(cluster.quorum));
    }

    private PartitionImage partition(int index) {
        return topic().partitions().get(index);
    }

    private TopicImage topic() {
        return cluster.metadata.current().topic(FakeCluster.TOPIC).orElseThrow();
    }

    private void change(PartitionImage to) {
        cluster.apply(new MetadataEvent.PartitionsChanged(
                topic().topicId(), List.of(to.withPartitionEpoch(to.partitionEpoch() + 1))));
    }

    private void fence(int broker, boolean stopped) {
        long epoch = cluster.metadata.current().broker(broker).orElseThrow().brokerEpoch();
        cluster.apply(new MetadataEvent.BrokerFencingChanged(broker, epoch, true, stopped));
    }

    private Problem only(ClusterHealth health) {
        assertEquals(1, health.problems().size(), () -> health.problems().toString());
        return health.problems().get(0);
    }

    @Test
    void nothingIsTheMatterWhereAllReplicasAreInSync() {
        ClusterHealth health = health(2);
        assertTrue(health.well());
        assertEquals(List.of(), health.problems());
        assertEquals(new ClusterHealth.Totals(6, 12, 0, 0, 0, 0, 0, 2), health.totals());
        assertEquals(new ClusterHealth.Share(4, 6, 0), health.share(1));
    }

    @Test
    void aReplicaThatCatchesUpIsWorthALook() {
        change(partition(0).withIsr(List.of(1), List.of(), List.of(1)));
        ClusterHealth health = health(1);
        assertFalse(health.well());
        Problem problem = only(health);
        assertEquals(Severity.WARNING, problem.severity());
        assertEquals("t-0", problem.partitions().get(0).toString());
        assertEquals(1, health.totals().underReplicated());
    }

    @Test
    void tooFewInSyncMeansThatAcksAllIsRefused() {
        change(partition(0).withIsr(List.of(1), List.of(), List.of(1)));
        Problem worst = health(2).problems().get(0);
        assertEquals(Severity.BAD, worst.severity());
        assertTrue(worst.title().startsWith("1 partition is refusing acks=all"), worst.title());
        assertEquals(2, health(2).problems().size());
        // No more than there are replicas.
        assertEquals(0, ClusterHealth.of(topic(), 1).underMinIsr());
        assertEquals(1, ClusterHealth.of(topic(), 9).underMinIsr());
    }

    @Test
    void whoIsNotHeardFromIsNamedAndWhoWasStoppedToo() {
        change(partition(0).withIsr(List.of(1), List.of(), List.of(1)));
        fence(2, false);
        Problem problem = only(health(1));
        assertEquals("Broker 2 is not heard from", problem.title());
        assertEquals(1, problem.count());
        fence(2, true);
        assertEquals("Broker 2 was stopped", only(health(1)).title());
    }

    @Test
    void withoutALeaderItSaysWhoseReturnBringsItBack() {
        change(partition(2).withIsr(List.of(2), List.of(), List.of()).ledBy(PartitionImage.NO_LEADER));
        fence(2, false);
        ClusterHealth health = health(1);
        Problem offline = health.problems().get(1);
        assertEquals("1 partition is without a leader: nobody can read or write there", offline.title());
        assertTrue(offline.advice().startsWith("Start broker 2,"), offline.advice());
        assertEquals(1, health.totals().offline());
    }

    @Test
    void aLogDirThatFailedIsNamed() {
        change(partition(0).withIsr(List.of(1), List.of(), List.of()).withOffline(List.of(2)));
        Problem problem = only(health(1));
        assertEquals("A log dir failed on broker 2", problem.title());
        assertEquals(ReplicaState.LOG_FAILED, ReplicaState.of(cluster.metadata.current(), partition(0), 2));
    }

    @Test
    void aLogDirThatFailedWithAllOfAPartitionIsToBeMended() {
        change(partition(0)
                .withIsr(List.of(), List.of(2), List.of())
                .withOffline(List.of(2))
                .ledBy(PartitionImage.NO_LEADER));
        List<Problem> problems = health(1).problems();
        assertEquals(2, problems.size(), problems.toString());
        assertTrue(
                problems.get(0).advice().startsWith("Mend the log dir that failed on broker 2,"), problems.toString());
        assertEquals("A log dir failed on broker 2", problems.get(1).title());
    }

    @Test
    void aMoveHidesNothingThatFailed() {
        change(partition(0)
                .withReplicas(List.of(1, 2), List.of(2), List.of())
                .withIsr(List.of(1), List.of(), List.of())
                .withOffline(List.of(2)));
        assertEquals(
                List.of(Severity.BAD, Severity.NOTE),
                health(1).problems().stream().map(Problem::severity).toList());
    }

    @Test
    void aMoveAndASilentControllerAreTold() {
        PartitionImage moved = partition(0);
        change(moved.withReplicas(List.of(1, 2), List.of(2), List.of()).withIsr(List.of(1), List.of(), List.of()));
        assertEquals(Severity.NOTE, only(health(1)).severity());
        assertTrue(health(1).well());
        assertEquals(ReplicaState.ADDED, ReplicaState.of(cluster.metadata.current(), partition(0), 2));
        ClusterHealth silent = ClusterHealth.of(cluster.metadata.current(), topic -> 1, Optional.empty());
        assertEquals(
                "No controller answers this broker", silent.problems().get(0).title());
    }

    @Test
    void namesAreBoundedAndCountsAreNot() {
        cluster.make("wide", 100);
        TopicImage wide = cluster.metadata.current().topic("wide").orElseThrow();
        cluster.apply(new MetadataEvent.PartitionsChanged(
                wide.topicId(),
                wide.partitions().stream()
                        .map(p -> p.withIsr(List.of(p.leader()), List.of(), List.of())
                                .withPartitionEpoch(1))
                        .toList()));
        Problem problem = only(health(1));
        assertEquals(100, problem.count());
        assertEquals(ClusterHealth.NAMED, problem.partitions().size());
    }

    @Test
    void aReasonSaysHowFarBehind() {
        ReplicaState state = ReplicaState.CATCHING_UP;
        assertEquals(
                "Broker 2 is up and catches up: it lacks 40 records and has not come to where the log ended 12 s ago.",
                state.reason(2, new FollowerStanding(2, 60, 12_345), 100));
        assertEquals(
                "Broker 2 is up and catches up: the leader has not heard from it yet, for 3 min now.",
                state.reason(2, new FollowerStanding(2, -1, 200_000), 100));
        assertEquals(
                "Broker 2 is up and catches up: it has all and is about to join.",
                state.reason(2, new FollowerStanding(2, 100, 0), 100));
        assertEquals(
                "Broker 2 is up and catches up: the leader did not say how far it is.", state.reason(2, null, 100));
        assertEquals(null, ReplicaState.IN_SYNC.reason(2, null, 100));
    }

    /** Its node is no broker, or not any more, so nothing else would tell. */
    @Test
    void aVoterThatIsAwayIsNamedWhateverItsBrokerIs() {
        cluster.quorum = FakeCluster.quorum(12, 75_000);
        Problem problem = only(health(1));
        assertEquals(Severity.BAD, problem.severity());
        assertEquals(
                "1 of 3 voters cannot be counted on: voter 7 (host7:19092) is away: not heard from for 75 s, 12 entries behind",
                problem.title());
        assertTrue(problem.advice().startsWith("If one more is lost, nothing can be"), problem.advice());
        cluster.quorum = FakeCluster.quorum(0, 75_000);
        assertFalse(health(1).well(), "nothing was committed since it went");
    }

    @Test
    void aVoterThatIsHeardFromIsWellWhileEntriesAreUnderWayToIt() {
        cluster.quorum = FakeCluster.quorum(40, 2000);
        assertTrue(health(1).well());
    }

    @Test
    void aVoterThatAnswersAndNeverCatchesUpIsTold() {
        cluster.quorum = FakeCluster.quorum(40, 2000);
        var voter = cluster.quorum
                .topics()
                .get(0)
                .partitions()
                .get(0)
                .currentVoters()
                .get(2);
        voter.setLastCaughtUpTimestamp(voter.lastFetchTimestamp() - 20_000);
        assertTrue(only(health(1))
                .title()
                .endsWith("voter 7 (host7:19092) is there, but does not catch up: 40 entries behind"));
        voter.setLastFetchTimestamp(-1);
        assertTrue(only(health(1)).title().endsWith("is away: this controller has never heard from it"));
    }

    @Test
    void aControllerThatRefusesToTellDoesNotAnswer() {
        cluster.quorum.topics().get(0).partitions().get(0).setErrorCode(Errors.REQUEST_TIMED_OUT.code());
        assertEquals("No controller answers this broker", only(health(1)).title());
    }
}
