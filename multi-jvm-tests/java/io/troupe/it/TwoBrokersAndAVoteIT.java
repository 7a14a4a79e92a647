package io.troupe.it;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
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
            try (CheckedTopic topic = CheckedTopic.create(cluster, "either-dies", List.of(1, 2), List.of(1, 2), 1)) {
                for (int victim : new int[] {1, 2, cluster.controller() == 1 ? 1 : 2}) {
                    // With an ISR of one a partition would have to wait for its only member.
                    topic.awaitInSync();
                    cluster.kill(victim);
                    topic.awaitWrites(50);
                    cluster.start(victim);
                }
                topic.awaitInSync();
                cluster.restart(3);
                topic.awaitWrites(50);
                topic.check();
            }
        }
    }
}
