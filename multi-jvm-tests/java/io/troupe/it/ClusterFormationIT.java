package io.troupe.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.DescribeClusterOptions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.QuorumInfo;
import org.apache.kafka.common.Node;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.Timeout;

/**
 * Three and more brokers become one cluster, however they are started and whatever happens to one of them; and never two. One cluster
 * goes through all cases.
 */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(1200)
class ClusterFormationIT {
    private final Set<String> topics = new HashSet<>();
    private ClusterProcess cluster;

    /** Sessions are long so that a live broker which stands still for a while is one by the controller's word all the same. */
    @BeforeAll
    void create() {
        Need.troupe();
        Map<String, String> settings = new HashMap<>(ClusterProcess.LONG_SESSIONS);
        settings.putAll(Map.of("default.replication.factor", "1", "offsets.topic.replication.factor", "1"));
        cluster = ClusterProcess.create("formation", 3, 4, settings);
    }

    @AfterAll
    void end() {
        if (cluster != null) {
            cluster.close();
        }
    }

    /** The fourth, which has no vote, joins with the voter list alone. */
    @Test
    @Order(1)
    void threeVotersAndABrokerFormOneClusterAndAgainInAnotherOrderAfterAFullStop() {
        cluster.launch(4, 3);
        // One alone of three waits, and says for whom.
        cluster.broker(3).awaitOutput("a majority of the voters, 2 of [1, 2, 3]: not heard from [1, 2]", 0);
        assertFalse(cluster.broker(3).output().contains("Forming"));
        cluster.start(1, 2);
        cluster.broker(3).awaitReady();
        cluster.broker(4).awaitReady();
        String clusterId = assertOneCluster(1, 2, 3, 4);
        cluster.terminate(4);
        cluster.start(4);
        assertEquals(clusterId, assertOneCluster(1, 2, 3, 4));
        createTopic("before-the-stop");
        // In time for the controller to let it go.
        cluster.terminate(4);
        cluster.terminateTogether(1, 2, 3);
        cluster.start(2, 1, 3);
        assertEquals(clusterId, assertOneCluster(1, 2, 3));
        assertTopics();
        cluster.kill(1, 2, 3);
        // A majority is enough from now on.
        cluster.start(3, 2);
        assertEquals(clusterId, assertOneCluster(2, 3));
        createTopic("by-a-majority");
        cluster.start(1);
        assertEquals(clusterId, assertOneCluster(1, 2, 3));
        assertTopics();
    }

    /** What is shown of the controller's epoch rises with each. */
    @Test
    @Order(2)
    void metadataOperationsGoOnWhenTheControllerIsKilled() {
        cluster.heal(1, 2, 3);
        createTopic("first");
        for (int round = 0; round < 2; round++) {
            QuorumInfo before = quorum();
            int killed = before.leaderId();
            cluster.kill(killed);
            createTopic("while-" + round);
            awaitControllerOtherThan(killed);
            QuorumInfo after = quorum();
            assertTrue(after.leaderEpoch() > before.leaderEpoch(), before + ", then " + after);
            cluster.start(killed);
            assertOneCluster(1, 2, 3);
        }
        assertTopics();
    }

    @Test
    @Order(3)
    void anotherVoterListIsRefusedByTheCluster() {
        cluster.heal(1, 2, 3);
        String list = cluster.voterList().split(",")[0];
        try (BrokerProcess wrong = cluster.another(5, Map.of("controller.quorum.voters", list))) {
            wrong.launch();
            assertEquals(1, wrong.awaitExit(Duration.ofSeconds(240)));
            assertTrue(wrong.output().contains("controller.quorum.voters is " + list + " on this node, node 5"));
            assertTrue(wrong.output().contains(cluster.voterList() + " on voter 1"), wrong::output);
        }
        assertOneCluster(1, 2, 3);
    }

    @Test
    @Order(4)
    void logDirsOfAnotherClusterAreRefused() {
        cluster.heal(1, 2, 3);
        try (BrokerProcess alone = BrokerProcess.start("alone", Map.of("broker.id", "6"));
                BrokerProcess wrong =
                        cluster.another(6, Map.of("log.dirs", alone.data().toString()))) {
            alone.terminate();
            wrong.launch();
            assertEquals(1, wrong.awaitExit(Duration.ofSeconds(240)));
            assertTrue(wrong.output().contains("the log dirs of this node, node 6, belong to cluster "), wrong::output);
        }
        assertOneCluster(1, 2, 3);
    }

    /** For how long the second one asks, four sessions, is its own to say. */
    @Test
    @Order(5)
    void aSecondLiveBrokerOfOneIdIsRefused() {
        cluster.heal(1, 2, 3);
        BrokerProcess first = cluster.broker(4).start();
        try (BrokerProcess second = cluster.another(4, Map.of("broker.session.timeout.ms", "1000"))) {
            second.launch();
            assertEquals(1, second.awaitExit(Duration.ofSeconds(240)));
            assertTrue(second.output().contains("broker 4"), second::output);
            assertTrue(second.output().contains(first.bootstrap()), second::output);
        }
        assertTrue(first.isAlive());
        assertOneCluster(1, 2, 3, 4);
        cluster.terminate(4);
    }

    /** It stood still until the others went on without it: it ends, its start script starts it, and it joins them. */
    @Test
    @Order(6)
    void aBrokerThatWasPausedOutRejoinsByItself() {
        cluster.heal(1, 2, 3);
        BrokerProcess broker = cluster.broker(1);
        broker.terminate();
        broker.supervised().start();
        assertOneCluster(1, 2, 3);
        long before = broker.pid();
        int from = broker.output().length();
        cluster.pause(1);
        String others = cluster.bootstrap();
        Clients.await("the others are the cluster", () -> ids(others).equals(Set.of(2, 3)));
        cluster.awaitTakenOut(1);
        cluster.resume(1);
        broker.awaitOutput("asked to be started again", from);
        broker.awaitOutput(" is ready", from);
        assertNotEquals(before, broker.pid());
        assertOneCluster(1, 2, 3);
        assertEquals(143, broker.terminate(), "the script passes the stop on");
    }

    private QuorumInfo quorum() {
        try (Admin admin = cluster.clients().admin()) {
            return Clients.get(admin.describeMetadataQuorum().quorumInfo());
        }
    }

    private void createTopic(String topic) {
        cluster.clients().create(new NewTopic(topic, 3, (short) 1));
        topics.add(topic);
    }

    /** Every broker knows all topics that were made. */
    private void assertTopics() {
        for (String bootstrap : cluster.bootstrap().split(",")) {
            try (Admin admin = new Clients(bootstrap).admin()) {
                Clients.await(
                        bootstrap + " knows of the topics " + topics,
                        () -> Clients.get(admin.listTopics().names()).equals(topics));
            }
        }
    }

    /** Every broker knows the same id, controller and brokers. @return the cluster's id */
    private String assertOneCluster(Integer... ids) {
        Set<String> clusterIds = new HashSet<>();
        for (String bootstrap : cluster.bootstrap().split(",")) {
            try (Admin admin = new Clients(bootstrap).admin()) {
                clusterIds.add(Clients.get(admin.describeCluster().clusterId()));
            }
            awaitBrokers(bootstrap, ids);
        }
        assertEquals(1, clusterIds.size(), clusterIds::toString);
        return clusterIds.iterator().next();
    }

    private static void awaitBrokers(String bootstrap, Integer... ids) {
        Clients.await(bootstrap + " knows of brokers " + List.of(ids), () -> ids(bootstrap)
                .equals(Set.of(ids)));
    }

    /** What the cluster's brokers are, or nothing when a broker that stands still was asked. */
    private static Set<Integer> ids(String bootstrap) {
        Admin admin = new Clients(bootstrap).admin();
        try {
            return admin.describeCluster(new DescribeClusterOptions().timeoutMs(5000)).nodes().get().stream()
                    .map(Node::id)
                    .collect(Collectors.toSet());
        } catch (ExecutionException e) {
            return Set.of();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        } finally {
            admin.close(Duration.ZERO);
        }
    }

    /** Waits until the brokers name another one. */
    private void awaitControllerOtherThan(int former) {
        Clients.await("another controller than " + former, () -> {
            try (Admin admin = cluster.clients().admin()) {
                Node controller = Clients.get(admin.describeCluster().controller());
                return controller != null && controller.id() != former;
            }
        });
    }
}
