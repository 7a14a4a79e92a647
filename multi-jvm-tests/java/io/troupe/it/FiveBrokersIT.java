package io.troupe.it;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.TopicPartitionInfo;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Five brokers, three of them voters: the voters' majority decides, whatever becomes of a partition's replicas. */
@Timeout(1200)
class FiveBrokersIT {

    @BeforeEach
    void onlyTroupe() {
        Need.troupe();
    }

    @Test
    void theLastOfThreeReplicasServesAloneAndTheOthersComeBack() {
        try (ClusterProcess cluster = ClusterProcess.create("five", 3, 5, ClusterProcess.LONG_SESSIONS)) {
            cluster.start(1, 2, 3, 4, 5);
            try (Admin admin = cluster.clients().admin()) {
                Placed placed = new Placed(cluster.clients(), admin, "last-one");
                placed.createOn(List.of(3, 4, 5), Map.of("min.insync.replicas", "1"));
                try (NumberedWriter writer = NumberedWriter.start(cluster.clients(), "last-one", 1)) {
                    writer.awaitProgress();
                    // Each time the leader, so that the next one must have all that was acknowledged.
                    int first = awaitLeaderWith(placed, 3);
                    cluster.kill(first);
                    awaitLeaderWith(placed, 2);
                    writer.awaitProgress();
                    int second = awaitLeaderWith(placed, 2);
                    cluster.kill(second);
                    int last = awaitLeaderWith(placed, 1);
                    assertEquals(Set.of(3, 4, 5), Set.of(first, second, last));
                    writer.awaitProgress();

                    cluster.start(second);
                    cluster.start(first);
                    placed.awaitInSync(3);
                    writer.awaitProgress();
                    writer.stop();
                    writer.verify(cluster.clients());
                }
                placed.awaitSameBytes(cluster, 3, 4, 5);
            }
        }
    }

    private static int awaitLeaderWith(Placed placed, int inSync) {
        TopicPartitionInfo[] seen = new TopicPartitionInfo[1];
        Clients.await("a leader and an ISR of " + inSync, () -> {
            seen[0] = placed.partitions().get(0);
            return seen[0].leader() != null
                    && seen[0].isr().size() == inSync
                    && seen[0].isr().contains(seen[0].leader());
        });
        return seen[0].leader().id();
    }
}
