package io.troupe.server;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.troupe.config.BrokerConfig;
import io.troupe.config.ServerProperties;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The life of a whole broker inside this JVM. */
@Timeout(600)
class BrokerTest {

    @TempDir
    private Path dir;

    /** The end of the actor system is a reason to rejoin only when nobody asked for it; a supervisor starts the process again on that code. */
    @Test
    void anOrderlyStopEndsWithZeroAndTheSameDataServesAgain() {
        String clusterId = null;
        for (int start = 0; start < 2; start++) {
            Broker broker = Broker.start(config());
            if (clusterId != null) {
                assertEquals(clusterId, broker.clusterId());
            }
            clusterId = broker.clusterId();
            broker.close();
            assertEquals(0, broker.awaitStopped());
        }
    }

    private BrokerConfig config() {
        return ServerProperties.parse(Map.of(
                        "node.id", "1",
                        "listeners", "PLAINTEXT://127.0.0.1:0",
                        "log.dirs", dir.toString(),
                        "group.initial.rebalance.delay.ms", "0"))
                .config();
    }
}
