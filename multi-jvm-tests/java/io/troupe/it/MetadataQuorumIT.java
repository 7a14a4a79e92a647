package io.troupe.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.QuorumInfo;
import org.apache.kafka.clients.admin.QuorumInfo.ReplicaState;
import org.apache.kafka.common.Uuid;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.Timeout;

/** The metadata quorum of three voters beside a broker without a vote, as clients see it, and what it keeps when a voter's disk is lost. */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(1200)
class MetadataQuorumIT {
    private ClusterProcess cluster;

    @BeforeAll
    void start() {
        Need.troupe();
        cluster = ClusterProcess.create(
                "quorum", 3, 4, Map.of("default.replication.factor", "1", "offsets.topic.replication.factor", "1"));
        cluster.start(1, 2, 3, 4);
    }

    @AfterAll
    void stop() {
        if (cluster != null) {
            cluster.close();
        }
    }

    @Test
    @Order(1)
    void everyBrokerDescribesTheQuorum() {
        for (int id = 1; id <= 4; id++) {
            String bootstrap = cluster.broker(id).bootstrap();
            Clients.await("broker " + id + " shows all voters caught up", () -> {
                QuorumInfo quorum = describe(bootstrap);
                return quorum.voters().stream()
                                .allMatch(v -> v.logEndOffset() >= quorum.highWatermark()
                                        && v.lastCaughtUpTimestamp().orElse(-1) > 0)
                        && quorum.observers().stream()
                                .map(ReplicaState::replicaId)
                                .toList()
                                .equals(List.of(4));
            });
            QuorumInfo quorum = describe(bootstrap);
            assertEquals(
                    Set.of(1, 2, 3),
                    quorum.voters().stream().map(ReplicaState::replicaId).collect(Collectors.toSet()));
            assertTrue(Set.of(1, 2, 3).contains(quorum.leaderId()));
            assertTrue(quorum.leaderEpoch() >= 1 && quorum.highWatermark() > 0, quorum::toString);
        }
        List<String> command = Run.script(Path.of("bin", "kafka-metadata-quorum.sh"));
        command.addAll(List.of("--bootstrap-server", cluster.broker(2).bootstrap(), "describe", "--status"));
        Run.Result tool = Run.command(command, null, Duration.ofSeconds(120));
        assertEquals(0, tool.exitCode(), tool.stderr());
        assertTrue(tool.stdout().contains("LeaderId:") && tool.stdout().contains("CurrentVoters:"), tool.stdout());
    }

    /** The rest of the quorum has what it acknowledged; it catches up and is let in again under another disk id. */
    @Test
    @Order(2)
    void aVoterWhoseDiskWasLostVotesOnlyOnceItHasCaughtUp() {
        create("kept");
        int victim = describe(cluster.bootstrap()).leaderId() % 3 + 1;
        Uuid before = disk(victim);
        int[] printed = IntStream.rangeClosed(0, 3)
                .map(id -> id == 0 ? 0 : cluster.broker(id).output().length())
                .toArray();
        cluster.kill(victim);
        cluster.wipe(victim);
        create("meanwhile");
        cluster.start(victim);
        Clients.await("voter " + victim + " has caught up", () -> {
            QuorumInfo quorum = describe(cluster.bootstrap());
            return voter(quorum, victim).logEndOffset() >= quorum.highWatermark();
        });
        assertNotEquals(before, disk(victim));
        int leader = describe(cluster.bootstrap()).leaderId();
        cluster.broker(leader).awaitOutput("Voter " + victim + " counts", printed[leader]);
        // With the other follower away its vote is needed, and heard.
        int other = 6 - victim - leader;
        cluster.kill(other);
        create("with-its-vote");
        try (Admin admin = cluster.clients().admin()) {
            Set<String> all = Set.of("kept", "meanwhile", "with-its-vote");
            Clients.await(
                    "all topics", () -> Clients.get(admin.listTopics().names()).equals(all));
        }
    }

    private static QuorumInfo describe(String bootstrap) {
        try (Admin admin = new Clients(bootstrap).admin()) {
            return Clients.get(admin.describeMetadataQuorum().quorumInfo());
        }
    }

    private static ReplicaState voter(QuorumInfo quorum, int id) {
        return quorum.voters().stream()
                .filter(v -> v.replicaId() == id)
                .findFirst()
                .orElseThrow();
    }

    private Uuid disk(int id) {
        return voter(describe(cluster.bootstrap()), id).replicaDirectoryId();
    }

    private void create(String topic) {
        cluster.clients().create(new NewTopic(topic, 3, (short) 1));
    }
}
