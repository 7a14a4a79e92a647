package io.troupe.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewPartitionReassignment;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InvalidReplicaAssignmentException;
import org.apache.kafka.common.errors.NoReassignmentInProgressException;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Kafka's own tools for moving replicas and electing leaders, on a cluster that is written to meanwhile. */
@Timeout(1200)
class ReassignmentToolIT {
    private static final int PARTITIONS = 3;
    private static final String TOPIC = "reassigned";
    private static final Duration LIMIT = Duration.ofSeconds(180);

    @BeforeEach
    void onlyTroupe() {
        Need.troupe();
    }

    @Test
    void kafkasToolsGrowMoveCancelAndElectUnderLoad() throws Exception {
        try (ClusterProcess cluster = ClusterProcess.startThree("reassign", ClusterProcess.LONG_SESSIONS);
                Admin admin = cluster.clients().admin()) {
            Placed placed = new Placed(cluster.clients(), admin, TOPIC);
            placed.create(PARTITIONS, 1, Map.of());
            try (NumberedWriter writer = NumberedWriter.start(cluster.clients(), TOPIC, PARTITIONS)) {
                writer.awaitProgress();
                reassign(cluster, "--execute", 1, 2, 3).orFail();
                placed.awaitInSync(3);
                verified(cluster, 1, 2, 3);
                writer.awaitProgress();

                // Another order of the same replicas copies nothing; only an election makes the first one lead.
                reassign(cluster, "--execute", 2, 1, 3).orFail();
                verified(cluster, 2, 1, 3);
                tool(cluster, "kafka-leader-election.sh", "--election-type", "preferred", "--all-topic-partitions")
                        .orFail();
                Clients.await("broker 2 leads all", () -> placed.ledBy(2) == PARTITIONS);
                writer.awaitProgress();

                // Away from two brokers, one of which is down and keeps what it had until it comes back.
                cluster.kill(1);
                // Until then the tool would ask it for its log dirs, for a minute.
                cluster.awaitBrokers(2, 3);
                reassign(cluster, "--execute", 3).orFail();
                placed.awaitInSync(1);
                verified(cluster, 3);
                Clients.await("broker 3 leads all", () -> placed.ledBy(3) == PARTITIONS);
                writer.awaitProgress();

                refusesUnknownBrokers(cluster, admin);
                cancels(cluster, admin, placed);
                writer.awaitProgress();
                assertEquals(PARTITIONS, placed.directories(cluster.broker(1)).size());
                cluster.start(1);
                Clients.await("what moved away from broker 1 is gone", () -> placed.directories(cluster.broker(1))
                        .isEmpty());
                writer.stop();
                writer.verify(cluster.clients());
            }
        }
    }

    /**
     * Broker 1, which is down, keeps a reassignment from ending, so it can be cancelled. The tool itself would not begin one with a broker
     * that it does not see.
     */
    private static void cancels(ClusterProcess cluster, Admin admin, Placed placed) {
        Clients.get(admin.alterPartitionReassignments(IntStream.range(0, PARTITIONS)
                        .boxed()
                        .collect(Collectors.toMap(
                                p -> new TopicPartition(TOPIC, p),
                                p -> Optional.of(new NewPartitionReassignment(List.of(1, 2))))))
                .all());
        Clients.await("broker 2 is in sync, 1 is not", () -> IntStream.range(0, PARTITIONS)
                .allMatch(p -> placed.inSync(p).containsAll(List.of(2, 3))));
        String verify = reassign(cluster, "--verify", 1, 2).stdout();
        assertTrue(verify.contains("Reassignment of partition " + TOPIC + "-0 is still in progress"), verify);
        Run.Result second = reassign(cluster, "--execute", 2);
        assertTrue(
                second.exitCode() != 0 && (second.stdout() + second.stderr()).contains("--additional"),
                second.toString());
        reassign(cluster, "--cancel", 1, 2).orFail();
        Clients.await(
                "all is as it was",
                () -> Clients.get(admin.listPartitionReassignments().reassignments())
                                .isEmpty()
                        && IntStream.range(0, PARTITIONS)
                                .allMatch(p -> placed.replicas(p).equals(List.of(3))));
        assertThrows(
                NoReassignmentInProgressException.class,
                () -> Clients.get(
                        admin.alterPartitionReassignments(Map.of(new TopicPartition(TOPIC, 0), Optional.empty()))
                                .all()));
    }

    private static void refusesUnknownBrokers(ClusterProcess cluster, Admin admin) {
        Run.Result refused = reassign(cluster, "--execute", 3, 77);
        assertNotEquals(0, refused.exitCode());
        assertTrue((refused.stdout() + refused.stderr()).contains("77"), refused.toString());
        String message = assertThrows(
                        InvalidReplicaAssignmentException.class,
                        () -> Clients.get(admin.alterPartitionReassignments(Map.of(
                                        new TopicPartition(TOPIC, 0),
                                        Optional.of(new NewPartitionReassignment(List.of(3, 77)))))
                                .all()))
                .getMessage();
        assertTrue(message.contains("broker 77, which is unknown"), message);
        Clients.await("nothing is moved", () -> Clients.get(
                        admin.listPartitionReassignments().reassignments())
                .isEmpty());
    }

    private static void verified(ClusterProcess cluster, int... replicas) {
        Clients.await("the tool finds the reassignment completed", () -> {
            Run.Result result = reassign(cluster, "--verify", replicas).orFail();
            return IntStream.range(0, PARTITIONS).allMatch(p -> result.stdout()
                    .contains("Reassignment of partition " + TOPIC + "-" + p + " is completed."));
        });
    }

    /** @param replicas of every partition, the preferred leader first */
    private static Run.Result reassign(ClusterProcess cluster, String action, int... replicas) {
        String ids = IntStream.of(replicas).mapToObj(String::valueOf).collect(Collectors.joining(","));
        String json = IntStream.range(0, PARTITIONS)
                .mapToObj(p -> "{\"topic\":\"" + TOPIC + "\",\"partition\":" + p + ",\"replicas\":[" + ids + "]}")
                .collect(Collectors.joining(",", "{\"version\":1,\"partitions\":[", "]}"));
        try {
            Path file = Files.writeString(cluster.broker(2).dir().resolve("reassignment.json"), json);
            List<String> arguments = new ArrayList<>(List.of("--reassignment-json-file", file.toString(), action));
            if (action.equals("--cancel")) {
                // Else the tool would ask the broker that is down to forget its throttle, and wait a minute for it.
                arguments.add("--preserve-throttles");
            }
            return tool(cluster, "kafka-reassign-partitions.sh", arguments.toArray(String[]::new));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Run.Result tool(ClusterProcess cluster, String script, String... arguments) {
        List<String> command = Run.script(Path.of("bin", script));
        command.addAll(List.of("--bootstrap-server", cluster.bootstrap()));
        command.addAll(List.of(arguments));
        return Run.command(command, null, LIMIT);
    }
}
