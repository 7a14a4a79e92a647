package io.troupe.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.Node;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A cluster that grows by a broker and shrinks again while a producer writes, all of it by the scripts that an operator has. */
@Timeout(1200)
class NodesComeAndGoIT {
    private static final int PARTITIONS = 12;
    private static final Duration LIMIT = Duration.ofSeconds(180);

    @BeforeEach
    void onlyTroupe() {
        Need.troupe();
    }

    @Test
    void aBrokerIsAddedGetsItsShareIsDrainedAndForgottenUnderLoad() throws Exception {
        try (ClusterProcess cluster = ClusterProcess.startThree("come-and-go", ClusterProcess.LONG_SESSIONS);
                Admin admin = cluster.clients().admin()) {
            String topic = "moving";
            Placed placed = new Placed(cluster.clients(), admin, topic);
            placed.create(PARTITIONS, 3, Map.of("min.insync.replicas", "2"));
            try (NumberedWriter writer = NumberedWriter.start(cluster.clients(), topic, PARTITIONS)) {
                writer.awaitProgress();
                cluster.add(4, Map.of());
                cluster.start(4);
                // Whom a tool asks must have heard of it.
                cluster.awaitBrokers(1, 2, 3, 4);
                assertEquals(0, placed.heldBy(4), "a new broker holds nothing");

                String preview = script(cluster, "rebalance").orFail().stdout();
                assertTrue(preview.contains("9 replicas are to be copied"), preview);
                assertEquals(0, placed.heldBy(4), "a preview moves nothing");
                String moved =
                        script(cluster, "rebalance", "--execute").orFail().stdout();
                assertTrue(moved.contains("Done."), moved);
                // Whom the tool has asked knows it, another broker hears of it.
                for (int broker = 1; broker <= 4; broker++) {
                    int id = broker;
                    Clients.await(
                            "9 replicas on broker " + id + ", 3 of them led\n" + moved,
                            () -> placed.heldBy(id) == 9 && placed.ledBy(id) == 3);
                }
                assertTrue(script(cluster, "rebalance").orFail().stdout().contains("There is nothing to move."));
                awaitWell(cluster);
                writer.awaitProgress();

                String drained =
                        script(cluster, "drain", "4", "--execute").orFail().stdout();
                assertTrue(drained.contains("Broker 4 holds nothing."), drained);
                Clients.await("broker 4 holds nothing", () -> placed.heldBy(4) == 0);
                placed.awaitInSync(3);
                writer.awaitProgress();
                Clients.await("what broker 4 held is gone", () -> placed.directories(cluster.broker(4))
                        .isEmpty());

                cluster.terminate(4);
                cluster.remove(4);
                script(cluster, "unregister", "--id", "4").orFail();
                Clients.await(
                        "broker 4 is forgotten",
                        () -> Clients.get(admin.describeCluster().nodes()).stream()
                                .map(Node::id)
                                .collect(Collectors.toSet())
                                .equals(Set.of(1, 2, 3)));
                awaitWell(cluster);
                Run.Result again = script(cluster, "unregister", "--id", "4");
                assertTrue(again.exitCode() != 0 && (again.stdout() + again.stderr()).contains("4"), again.toString());
                writer.awaitProgress();
                writer.stop();
                writer.verify(cluster.clients());
            }
            placed.awaitSameBytes(cluster, 1, 2, 3);
            for (int broker = 1; broker <= 3; broker++) {
                String log = cluster.broker(broker).output();
                assertFalse(log.contains("UNCLEAN ELECTION") || log.contains("Recovery election"), log);
            }
        }
    }

    /** Nothing is left that somebody would have to do. */
    private static void awaitWell(ClusterProcess cluster) {
        Clients.await("all is well, by status", () -> {
            Run.Result status = script(cluster, "status");
            boolean well = status.exitCode() == 0 && status.stdout().contains("all is well");
            if (!well) {
                System.out.println("NodesComeAndGoIT: not well yet: " + status);
            }
            return well;
        });
    }

    private static Run.Result script(ClusterProcess cluster, String... arguments) {
        List<String> command = Run.script(Path.of("bin", "troupe-cluster.sh"));
        command.add(arguments[0]);
        command.addAll(List.of("--bootstrap-server", cluster.bootstrap()));
        command.addAll(new ArrayList<>(Arrays.asList(arguments).subList(1, arguments.length)));
        return Run.command(command, null, LIMIT);
    }
}
