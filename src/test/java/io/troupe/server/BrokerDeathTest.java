package io.troupe.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.typesafe.config.ConfigFactory;
import io.troupe.config.BrokerConfig;
import io.troupe.config.ServerProperties;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.pekko.actor.AbstractActor;
import org.apache.pekko.actor.AbstractExtensionId;
import org.apache.pekko.actor.ActorRef;
import org.apache.pekko.actor.ExtendedActorSystem;
import org.apache.pekko.actor.Extension;
import org.apache.pekko.actor.ExtensionIdProvider;
import org.apache.pekko.actor.PoisonPill;
import org.apache.pekko.actor.Props;
import org.apache.pekko.cluster.Cluster;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What a broker cannot live without ends: it tells the code by which a supervisor starts the process again, stops in
 * bounded time, and its data serves again. The test reaches into the actor system as an extension that configuration names.
 */
@Timeout(600)
class BrokerDeathTest {
    private static final String EXTENSION = "pekko.extensions.0";
    /** Three steps of a stop may wait for what is dead, and the machine may be slow. */
    private static final long STOP_LIMIT_MS = 40_000;

    private static final AtomicReference<ExtendedActorSystem> SYSTEM = new AtomicReference<>();

    @TempDir
    private Path dir;

    /** Pekko makes one of each actor system. */
    public static final class Reach extends AbstractExtensionId<Reach.Nothing> implements ExtensionIdProvider {
        static final class Nothing implements Extension {}

        @Override
        public Nothing createExtension(ExtendedActorSystem system) {
            SYSTEM.set(system);
            return new Nothing();
        }

        @Override
        public Reach lookup() {
            return this;
        }
    }

    /** Its class path is broken, as it were. */
    private static final class Fatal extends AbstractActor {
        @Override
        public Receive createReceive() {
            return receiveBuilder()
                    .matchAny(any -> {
                        throw new NoClassDefFoundError("of a test");
                    })
                    .build();
        }
    }

    @BeforeEach
    void reach() {
        System.setProperty(EXTENSION, Reach.class.getName());
        ConfigFactory.invalidateCaches();
    }

    @AfterEach
    void letGo() {
        System.clearProperty(EXTENSION);
        ConfigFactory.invalidateCaches();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "metadata-voter",
                "cluster-formation",
                "broker-metadata",
                "controller-requests",
                "group-coordinators",
                "replica-starter"
            })
    void anActorThatTheNodeNeeds(String name) throws Exception {
        endsBecauseOf(
                () -> SYSTEM.get().actorSelection("/user/" + name).tell(PoisonPill.getInstance(), ActorRef.noSender()));
    }

    @Test
    void anErrorThatNoActorSurvives() throws Exception {
        endsBecauseOf(() -> SYSTEM.get()
                .systemActorOf(Props.create(Fatal.class, Fatal::new), "fatal")
                .tell("go", ActorRef.noSender()));
    }

    @Test
    void removalFromTheCluster() throws Exception {
        endsBecauseOf(() -> {
            Cluster cluster = Cluster.get(SYSTEM.get());
            cluster.down(cluster.selfAddress());
        });
    }

    private void endsBecauseOf(Runnable death) throws Exception {
        Broker broker = Broker.start(config());
        String clusterId = broker.clusterId();
        try {
            death.run();
            assertEquals(
                    Main.EXIT_REJOIN,
                    CompletableFuture.supplyAsync(broker::awaitStopped).get(60, TimeUnit.SECONDS));
        } finally {
            long before = System.nanoTime();
            broker.close();
            long tookMs = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - before);
            assertTrue(tookMs < STOP_LIMIT_MS, "the stop took " + tookMs + " ms");
        }
        try (Broker again = Broker.start(config())) {
            assertEquals(clusterId, again.clusterId());
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
