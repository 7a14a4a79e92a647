package io.troupe.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.DescribeClusterOptions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.common.Node;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Three and more brokers become one cluster, however they are started and whatever happens to one of them; and never two. */
@Timeout(1200)
class ClusterFormationIT {
    private static final Map<String, String> ONE_REPLICA =
            Map.of("default.replication.factor", "1", "offsets.topic.replication.factor", "1");

    @BeforeEach
    void onlyTroupe() {
        Need.troupe();
    }

    @Test
    void threeFormOneClusterAndAgainInAnotherOrderAfterAFullStop() {
        try (ClusterProcess cluster = ClusterProcess.create("form", 3, 3, ONE_REPLICA)) {
            cluster.launch(3);
            // One alone of three waits, and says for whom.
            cluster.broker(3).awaitOutput("a majority of the voters, 2 of [1, 2, 3]: not heard from [1, 2]", 0);
            assertFalse(cluster.broker(3).output().contains("Forming"));
            cluster.start(1, 2);
            cluster.broker(3).awaitReady();
            String clusterId = assertOneCluster(cluster, 1, 2, 3);
            create(cluster, "before-the-stop");
            cluster.terminateTogether(1, 2, 3);
            cluster.start(2, 1, 3);
            assertEquals(clusterId, assertOneCluster(cluster, 1, 2, 3));
            assertTopics(cluster, Set.of("before-the-stop"));
            cluster.kill(1, 2, 3);
            // A majority is enough from now on.
            cluster.start(3, 2);
            assertEquals(clusterId, assertOneCluster(cluster, 2, 3));
            create(cluster, "by-a-majority");
            cluster.start(1);
            assertEquals(clusterId, assertOneCluster(cluster, 1, 2, 3));
            assertTopics(cluster, Set.of("before-the-stop", "by-a-majority"));
        }
    }

    @Test
    void aBrokerBeyondTheVotersJoinsWithTheVoterListAlone() {
        try (ClusterProcess cluster = ClusterProcess.create("beyond", 3, 4, ONE_REPLICA)) {
            cluster.start(4, 3, 2, 1);
            assertOneCluster(cluster, 1, 2, 3, 4);
            cluster.terminate(4);
            cluster.start(4);
            assertOneCluster(cluster, 1, 2, 3, 4);
        }
    }

    @Test
    void metadataOperationsGoOnWhenTheControllerIsKilled() {
        try (ClusterProcess cluster = ClusterProcess.startThree("controller-killed", ONE_REPLICA)) {
            create(cluster, "first");
            for (int round = 0; round < 2; round++) {
                int controller = awaitController(cluster, Node.noNode().id());
                cluster.kill(controller);
                create(cluster, "while-" + round);
                awaitController(cluster, controller);
                cluster.start(controller);
                assertOneCluster(cluster, 1, 2, 3);
            }
            assertTopics(cluster, Set.of("first", "while-0", "while-1"));
        }
    }

    /** It stood still until the others went on without it: it ends, its start script starts it, and it joins them. */
    @Test
    void aBrokerThatWasPausedOutRejoinsByItself() throws Exception {
        try (ClusterProcess cluster = ClusterProcess.create("paused", 3, 3, ONE_REPLICA)) {
            cluster.broker(1).supervised();
            cluster.start(1, 2, 3);
            long before = cluster.broker(1).pid();
            int from = cluster.broker(1).output().length();
            cluster.pause(1);
            String others = cluster.bootstrap();
            Clients.await("the others are the cluster", () -> ids(others).equals(Set.of(2, 3)));
            cluster.awaitTakenOut(1);
            cluster.resume(1);
            cluster.broker(1).awaitOutput("asked to be started again", from);
            cluster.broker(1).awaitOutput(" is ready", from);
            assertNotEquals(before, cluster.broker(1).pid());
            assertOneCluster(cluster, 1, 2, 3);
            assertEquals(143, cluster.broker(1).terminate(), "the script passes the stop on");
        }
    }

    @Test
    void anotherVoterListIsRefusedByTheCluster() {
        try (ClusterProcess cluster = ClusterProcess.startThree("other-list", ONE_REPLICA)) {
            String list = cluster.voterList().split(",")[0];
            BrokerProcess wrong = cluster.add(4, Map.of("controller.quorum.voters", list));
            wrong.launch();
            assertEquals(1, wrong.awaitExit(Duration.ofSeconds(240)));
            assertTrue(wrong.output().contains("controller.quorum.voters is " + list + " on this node, node 4"));
            assertTrue(wrong.output().contains(cluster.voterList() + " on voter 1"), wrong::output);
            assertOneCluster(cluster, 1, 2, 3);
        }
    }

    @Test
    void logDirsOfAnotherClusterAreRefused() {
        try (ClusterProcess cluster = ClusterProcess.create("other-cluster", 3, 4, ONE_REPLICA);
                BrokerProcess alone = BrokerProcess.start("alone", Map.of("broker.id", "4"))) {
            alone.terminate();
            cluster.start(1, 2, 3);
            BrokerProcess wrong = cluster.add(4, Map.of("log.dirs", alone.data().toString()));
            wrong.launch();
            assertEquals(1, wrong.awaitExit(Duration.ofSeconds(240)));
            assertTrue(wrong.output().contains("the log dirs of this node, node 4, belong to cluster "), wrong::output);
            assertOneCluster(cluster, 1, 2, 3);
        }
    }

    @Test
    void aSecondLiveBrokerOfOneIdIsRefused() {
        // By the controller's word the first one lives, though it stand still for a while; how long the second one asks
        // is its own.
        Map<String, String> patient = new HashMap<>(ONE_REPLICA);
        patient.putAll(ClusterProcess.LONG_SESSIONS);
        Map<String, String> brief = Map.of("broker.session.timeout.ms", "3000");
        try (ClusterProcess cluster = ClusterProcess.startThree("two-of-one-id", patient)) {
            BrokerProcess first = cluster.add(4, brief);
            cluster.start(4);
            BrokerProcess second = cluster.add(4, brief);
            second.launch();
            assertEquals(1, second.awaitExit(Duration.ofSeconds(240)));
            assertTrue(second.output().contains("broker 4"), second::output);
            assertTrue(second.output().contains(first.bootstrap()), second::output);
            assertTrue(first.isAlive());
            awaitBrokers(cluster.broker(1).bootstrap(), 1, 2, 3, 4);
            first.close();
        }
    }

    /** Two brokers and a vote: the third node has no data and no Kafka port. */
    @Test
    void aControllerWithoutDataIsTheThirdVote() {
        try (ClusterProcess cluster = ClusterProcess.create("third-vote", 3, 3, ONE_REPLICA)) {
            cluster.broker(3).set("process.roles", "controller");
            cluster.start(1, 2, 3);
            awaitBrokers(cluster.broker(1).bootstrap(), 1, 2);
            assertTrue(cluster.broker(3).output().contains("Troupe controller 3 is ready, voting"));
            cluster.kill(1);
            new Clients(cluster.broker(2).bootstrap()).create(new NewTopic("goes-on", 1, (short) 1));
            cluster.start(1);
            cluster.restart(3);
            awaitBrokers(cluster.broker(1).bootstrap(), 1, 2);
        }
    }

    private static void create(ClusterProcess cluster, String topic) {
        cluster.clients().create(new NewTopic(topic, 3, (short) 1));
    }

    private static void assertTopics(ClusterProcess cluster, Set<String> topics) {
        for (String bootstrap : cluster.bootstrap().split(",")) {
            try (Admin admin = new Clients(bootstrap).admin()) {
                Clients.await(
                        bootstrap + " knows of the topics " + topics,
                        () -> Clients.get(admin.listTopics().names()).equals(topics));
            }
        }
    }

    /** Every broker knows the same id, controller and brokers. @return the cluster's id */
    private static String assertOneCluster(ClusterProcess cluster, Integer... ids) {
        Set<String> clusterIds = new java.util.HashSet<>();
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

    /** Waits until another node than the former controller is named. */
    private static int awaitController(ClusterProcess cluster, int former) {
        int[] named = {former};
        Clients.await("another controller than " + former, () -> {
            try (Admin admin = cluster.clients().admin()) {
                Node controller = Clients.get(admin.describeCluster().controller());
                named[0] = controller == null ? former : controller.id();
            }
            return named[0] != former;
        });
        return named[0];
    }
}
