package io.troupe.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.config.BrokerConfig;
import io.troupe.config.ServerProperties;
import io.troupe.journal.Journals;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

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

    /** As a killed process: no proof of a clean stop, and the same data serves again. */
    @Test
    void whatIsKilledSaysSoAndLetsGoOfItsData() {
        Broker broker = Broker.start(config());
        String clusterId = broker.clusterId();
        broker.kill();
        broker.close();
        assertEquals(137, broker.awaitStopped());
        try (Journals journals = Journals.open(config())) {
            assertFalse(journals.cleanShutdown());
        }
        try (Broker again = Broker.start(config())) {
            assertEquals(clusterId, again.clusterId());
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void whatEndsWhileItStartsLeavesNothingBehind(boolean kill) throws Exception {
        for (int round = 0; round < 3; round++) {
            Broker broker = Broker.open(config());
            CompletableFuture<Void> serving = CompletableFuture.runAsync(broker::serve);
            if (kill) {
                broker.kill();
            } else {
                broker.close();
            }
            // It may have served before.
            Throwable failure = serving.handle((done, e) -> e).get(60, TimeUnit.SECONDS);
            assertTrue(failure == null || failure.getCause() instanceof StartException, "" + failure);
        }
        Broker.start(config()).close();
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
