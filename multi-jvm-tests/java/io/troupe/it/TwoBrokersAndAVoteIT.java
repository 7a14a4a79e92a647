package io.troupe.it;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.common.Node;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Two brokers hold the data and a third node only votes: either broker may die, and the other one serves all of it. */
@Timeout(1200)
class TwoBrokersAndAVoteIT {
    @BeforeEach
    void onlyTroupe() {
        Need.troupe();
    }

    @Test
    void eitherBrokerServesAlone() {
        Map<String, String> two = new HashMap<>(ClusterProcess.LONG_SESSIONS);
        two.putAll(Map.of("default.replication.factor", "2", "offsets.topic.replication.factor", "2"));
        try (ClusterProcess cluster = ClusterProcess.create("two-and-a-vote", 3, 3, two)) {
            cluster.broker(3).set("process.roles", "controller");
            cluster.jvm("-Xmx192m", "-XX:TieredStopAtLevel=1");
            cluster.start(1, 2, 3);
            assertTrue(cluster.broker(3).output().contains("Troupe controller 3 is ready, voting"));
            awaitBothKnown(cluster);
            try (CheckedTopic topic = CheckedTopic.create(cluster, "either-dies", List.of(1, 2), List.of(1, 2), 1)) {
                for (int victim : new int[] {1, 2, cluster.controller() == 1 ? 1 : 2}) {
                    // With an ISR of one a partition would have to wait for its only member.
                    topic.awaitInSync();
                    cluster.kill(victim);
                    topic.awaitWrites(50);
                    // Whoever is left is enough to decide, too.
                    Clients survivor =
                            new Clients(cluster.broker(victim % 2 + 1).bootstrap());
                    survivor.create(new NewTopic(Clients.unique("goes-on"), 1, (short) 1));
                    cluster.start(victim);
                }
                topic.awaitInSync();
                cluster.restart(3);
                awaitBothKnown(cluster);
                topic.awaitWrites(50);
                topic.check();
            }
        }
    }

    /** The third node has no data and no Kafka port, and is nobody to clients. */
    private static void awaitBothKnown(ClusterProcess cluster) {
        try (Admin admin = new Clients(cluster.broker(1).bootstrap()).admin()) {
            Clients.await(
                    "brokers 1 and 2 are known",
                    () -> Clients.get(admin.describeCluster().nodes()).stream()
                            .map(Node::id)
                            .collect(Collectors.toSet())
                            .equals(Set.of(1, 2)));
        }
    }
}
