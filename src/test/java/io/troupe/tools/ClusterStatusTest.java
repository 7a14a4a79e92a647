package io.troupe.tools;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.kafka.clients.admin.PartitionReassignment;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.junit.jupiter.api.Test;

/** The verdict, its ten lines, and that what is wrong comes with something to do. */
class ClusterStatusTest {
    private static final long NOW = 1_700_000_000_000L;
    private static final Uuid TOPIC = Uuid.randomUuid();
    private final Map<Integer, Node> brokers = new TreeMap<>();
    private final Map<TopicPartition, ClusterView.Partition> partitions = new TreeMap<>(ClusterView.BY_NAME);
    private Optional<QuorumView> quorum = Optional.empty();
    private boolean decides = true;
    private Set<Integer> silent = Set.of();
    private Map<TopicPartition, PartitionReassignment> moving = Map.of();
    private Set<Integer> throttledBrokers = Set.of();
    private Set<String> throttledTopics = Set.of();

    ClusterStatusTest() {
        for (int id = 1; id <= 3; id++) {
            broker(id, false);
        }
        partition(0, 1, List.of(1, 2, 3), List.of());
    }

    private void broker(int id, boolean fenced) {
        brokers.put(id, new Node(id, "host" + id, 9092, null, fenced));
    }

    private void partition(int number, int leader, List<Integer> isr, List<Integer> elr) {
        partitions.put(
                new TopicPartition("t", number),
                new ClusterView.Partition(TOPIC, leader, List.of(1, 2, 3), isr, elr, List.of(), 2));
    }

    private ClusterStatus.Report report() {
        return ClusterStatus.of(new ClusterView(
                "c",
                Optional.of(2),
                quorum,
                decides,
                silent,
                brokers,
                partitions,
                moving,
                throttledBrokers,
                throttledTopics));
    }

    private void isNotWell(String... words) {
        ClusterStatus.Report report = report();
        assertFalse(report.well());
        assertTrue(report.lines().get(0).contains("NOT WELL"));
        String advice =
                String.join("\n", report.lines().subList(10, report.lines().size()));
        for (String word : words) {
            assertTrue(advice.contains(word), word + " in " + advice);
        }
    }

    @Test
    void aHealthyClusterHasTenLinesAndNothingToDo() {
        ClusterStatus.Report report = report();
        assertTrue(report.well());
        assertEquals(10, report.lines().size());
        assertEquals("Cluster c: all is well", report.lines().get(0));
    }

    @Test
    void oneIsNotCountedAsSeveral() {
        assertTrue(report().lines().toString().contains("1 of 1 topic, 3 replicas;"), report()::toString);
        partitions.clear();
        assertTrue(report().lines().toString().contains("0 of 0 topics, 0 replicas;"), report()::toString);
    }

    @Test
    void aFencedBrokerIsNamed() {
        broker(3, true);
        partition(0, 1, List.of(1, 2), List.of());
        isNotWell("Broker 3 is not heard from");
    }

    @Test
    void severalBrokersAreSpokenOfAsSeveral() {
        silent = new TreeSet<>(Set.of(1, 3));
        isNotWell("Brokers 1, 3 do not answer");
        silent = Set.of();
        broker(1, true);
        broker(3, true);
        partition(0, -1, List.of(), List.of(1, 3));
        isNotWell("Brokers 1, 3 are not heard from", "come back with brokers 1, 3, which hold all");
    }

    @Test
    void aBrokerThatDoesNotAnswerAndAControllerThatCannotDecideAreTold() {
        silent = Set.of(2);
        decides = false;
        isNotWell("Broker 2 does not answer", "controller does not answer", "controller.quorum.voters");
        assertTrue(
                report().lines().get(4).contains("NO MAJORITY"),
                report().lines().get(4));
    }

    @Test
    void aPartitionWithoutALeaderNamesTheBrokerThatHoldsAll() {
        broker(3, true);
        partition(0, -1, List.of(), List.of(3));
        isNotWell("t-0) come back with broker 3", "unclean");
    }

    @Test
    void tooFewInSyncAndReplicasThatCatchUpAreTold() {
        partition(0, 1, List.of(1), List.of());
        isNotWell("acks=all are refused by t-0", "Replicas catch up");
    }

    @Test
    void replicasOnBrokersThatNobodyKnowsAreToBeMoved() {
        brokers.remove(3);
        partition(0, 1, List.of(1, 2), List.of());
        isNotWell("no longer exist", "rebalance");
    }

    @Test
    void throttlesThatAMoveLeftBehindAreTold() {
        throttledBrokers = Set.of(2);
        throttledTopics = Set.of("t");
        ClusterStatus.Report report = report();
        assertTrue(report.well(), "nothing is wrong yet");
        String advice = report.lines().get(10);
        assertTrue(advice.contains("rate on broker 2") && advice.contains("replicas of topic t"), advice);
        moving = Map.of(new TopicPartition("t", 0), new PartitionReassignment(List.of(1), List.of(2), List.of()));
        assertEquals(10, report().lines().size(), "a move wants its throttle");
    }

    @Test
    void anotherLeaderThanThePreferredIsNoTrouble() {
        partition(1, 2, List.of(1, 2, 3), List.of());
        assertTrue(report().well());
    }

    /** All brokers are up: that of the voter was unregistered, or there never was one. */
    @Test
    void aVoterThatIsAwayIsNamedWhateverItsBrokerIs() {
        quorum(voter(1, 100, NOW - 700), voter(2, 100, NOW), voter(4, 95, NOW - 75_000));
        isNotWell(
                "Voter 4 (host4:19094) is away: not heard from for 75 s, 5 entries behind",
                "If one more voter is lost",
                "start its successor");
        assertTrue(report().lines().get(4).contains("3 voters: 1, 2, 4; missing: 4"), report()::toString);
        // Nothing was committed since it went, and a new controller does not know when that was.
        quorum(voter(1, 100, NOW - 700), voter(2, 100, NOW), voter(4, 100, NOW - 75_000));
        isNotWell("Voter 4 (host4:19094) is away: not heard from for 75 s, 0 entries behind");
        quorum(voter(1, 100, NOW - 700), voter(2, 100, NOW), voter(4, 0, -1));
        isNotWell("never heard from it");
    }

    @Test
    void ofFiveVotersOneMoreMayGo() {
        quorum(voter(1, 9, NOW), voter(2, 9, NOW), voter(3, 9, NOW), voter(4, 9, NOW), voter(5, 9, NOW - 20_000));
        isNotWell("Voter 5", "survives the loss of 1 more voter");
    }

    @Test
    void aVoterThatIsHeardFromIsWellWhileEntriesAreUnderWayToIt() {
        quorum(voter(1, 97, NOW - 900), voter(2, 100, NOW), new QuorumView.Voter(3, "", 60, NOW - 3000, NOW - 4000));
        assertTrue(report().well(), report()::toString);
        assertTrue(report().lines().get(4).endsWith("3 voters: 1, 2, 3"), report()::toString);
    }

    @Test
    void aVoterThatAnswersAndNeverCatchesUpIsTold() {
        quorum(voter(1, 100, NOW), voter(2, 100, NOW), new QuorumView.Voter(3, "", 60, NOW - 500, NOW - 20_000));
        isNotWell("Voter 3 is there, but does not catch up: 40 entries behind");
    }

    private void quorum(QuorumView.Voter... voters) {
        quorum = Optional.of(new QuorumView(2, 7, 100, List.of(voters)));
    }

    private static QuorumView.Voter voter(int id, long endOffset, long heardMs) {
        return new QuorumView.Voter(id, "host" + id + ":1909" + id, endOffset, heardMs, heardMs);
    }
}
