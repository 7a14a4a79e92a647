package io.troupe.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.admin.Admin;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Records of 100 MB between three brokers of 512 MiB heap and 64 MiB direct memory, which end at the first lack of either. */
@Timeout(1200)
class LargeReplicaIT {
    private static final int LARGE = 100 << 20;
    private static final String LIMIT = "" + (LARGE + (1 << 20));
    private static final String TOPIC = "large-replicated";

    @BeforeEach
    void onlyTroupe() {
        Need.troupe();
    }

    @Test
    void aRecordOf100MbIsOnEveryReplicaBeforeItIsAcknowledgedAndOutlivesItsLeader() throws Exception {
        Map<String, String> takesLarge = new HashMap<>(ClusterProcess.LONG_SESSIONS);
        takesLarge.put("socket.request.max.bytes", "" + (LARGE + (2 << 20)));
        try (ClusterProcess cluster = ClusterProcess.create("large-replica", 3, 3, takesLarge)) {
            for (int id = 1; id <= 3; id++) {
                cluster.broker(id)
                        .jvm("-Xmx512m", "-XX:MaxDirectMemorySize=64m", "-XX:+UseG1GC", "-XX:+ExitOnOutOfMemoryError");
            }
            cluster.start(1, 2, 3);
            try (Admin admin = cluster.clients().admin()) {
                Placed placed = new Placed(cluster.clients(), admin, TOPIC);
                placed.createOn(List.of(1, 2, 3), Map.of("min.insync.replicas", "3", "max.message.bytes", LIMIT));
                String sum = LargeClient.sum(LargeClient.value(7, LARGE));
                String[] produce = {"produce", cluster.bootstrap(), TOPIC, "2", "7", "" + LARGE, "acks=all"};
                assertEquals(List.of("sent 0 " + sum, "sent 1 " + sum), run(produce));
                for (int id = 1; id <= 3; id++) {
                    assertTrue(cluster.broker(id).isAlive(), cluster.broker(id).output());
                }
                assertEquals(Set.of(1, 2, 3), Set.copyOf(placed.inSync(0)), "nobody fell behind");
                placed.awaitSameBytes(cluster, 1, 2, 3);
                cluster.kill(1);
                assertEquals(
                        List.of("read 0 " + sum, "read 1 " + sum),
                        run("consume", cluster.bootstrap(), TOPIC, "2", "-"));
            }
        }
    }

    private static List<String> run(String... arguments) {
        return Run.command(LargeClient.command(arguments), null, Duration.ofSeconds(300))
                .orFail()
                .stdout()
                .lines()
                .filter(line -> line.matches("(sent|read|failed) .*"))
                .toList();
    }
}
