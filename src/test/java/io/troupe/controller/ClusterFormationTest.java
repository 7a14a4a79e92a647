package io.troupe.controller;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.troupe.config.BrokerConfig;
import io.troupe.config.ServerProperties;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.pekko.actor.ActorRef;
import org.apache.pekko.actor.Address;
import org.apache.pekko.actor.ExtendedActorSystem;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.cluster.MemberStatus;
import org.apache.pekko.cluster.typed.Cluster;
import org.apache.pekko.cluster.typed.Down;
import org.apache.pekko.remote.UniqueAddress;
import org.apache.pekko.remote.artery.ThisActorSystemQuarantinedEvent;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Three voters' nodes in one JVM, and how one of them goes. No heartbeat is ever missed long enough to matter. */
@Timeout(600)
class ClusterFormationTest {
    @TempDir
    Path dir;

    private final List<Node> nodes = new ArrayList<>();

    private final class Node {
        final Queue<String> told = new ConcurrentLinkedQueue<>();
        final ActorSystem<Void> system;
        final Cluster cluster;

        Node(int id, int port, String voters) {
            BrokerConfig config = ServerProperties.parse(Map.of(
                            "node.id",
                            String.valueOf(id),
                            "listeners",
                            "PLAINTEXT://127.0.0.1:9092",
                            "troupe.actor.listener",
                            "127.0.0.1:" + port,
                            "controller.quorum.voters",
                            voters,
                            "log.dirs",
                            dir.resolve(String.valueOf(id)).toString()))
                    .config();
            Config settings = ConfigFactory.parseString("pekko.remote.artery.canonical.hostname = 127.0.0.1\n"
                            + "pekko.remote.artery.canonical.port = " + port + "\n"
                            + "pekko.cluster.roles = [voter]\n"
                            + "pekko.cluster.failure-detector.acceptable-heartbeat-pause = 1 h\n")
                    .withFallback(ConfigFactory.parseResources("troupe.conf"))
                    .withFallback(ConfigFactory.load())
                    .resolve();
            system = ActorSystem.create(
                    Behaviors.setup(context -> {
                        context.spawn(
                                ClusterFormation.create(config, Optional::empty, outcome()), ClusterFormation.NAME);
                        return Behaviors.empty();
                    }),
                    "troupe",
                    settings);
            cluster = Cluster.get(system);
        }

        private ClusterFormation.Outcome outcome() {
            return new ClusterFormation.Outcome() {
                @Override
                public void refused(String reason) {
                    told.add("refused: " + reason);
                }

                @Override
                public void rejoin(String reason) {
                    told.add("rejoin: " + reason);
                }
            };
        }

        Address address() {
            return cluster.selfMember().address();
        }

        UniqueAddress incarnation() {
            return new UniqueAddress(
                    address(), cluster.selfMember().uniqueAddress().longUid());
        }

        /** Addresses of those that it counts as members. */
        Set<Address> up() {
            Set<Address> up = new HashSet<>();
            cluster.state().getMembers().forEach(m -> {
                if (m.status() == MemberStatus.up() || m.status() == MemberStatus.down()) {
                    up.add(m.address());
                }
            });
            return up;
        }
    }

    @BeforeEach
    void form() throws Exception {
        List<Integer> ports = freePorts();
        String voters = IntStream.rangeClosed(1, 3)
                .mapToObj(id -> id + "@127.0.0.1:" + ports.get(id - 1))
                .collect(Collectors.joining(","));
        for (int id = 1; id <= 3; id++) {
            nodes.add(new Node(id, ports.get(id - 1), voters));
        }
        await(() -> nodes.stream().allMatch(n -> n.up().size() == 3));
    }

    @AfterEach
    void stop() {
        nodes.forEach(n -> n.system.terminate());
        nodes.forEach(n -> n.system
                .getWhenTerminated()
                .toCompletableFuture()
                .orTimeout(60, TimeUnit.SECONDS)
                .join());
    }

    /** As one that came back at that very moment. Until it is gone it is the oldest, if it was: no other node begins a controller. */
    @Test
    void aMemberThatWasTakenOutGoesThoughItCanBeReached() throws Exception {
        Node out = nodes.get(2);
        nodes.get(0).cluster.manager().tell(new Down(out.address()));
        Set<Address> rest = Set.of(nodes.get(0).address(), nodes.get(1).address());
        await(() -> nodes.subList(0, 2).stream().allMatch(n -> n.up().equals(rest)));
    }

    /** Nobody misses a heartbeat in this test. */
    @Test
    void aMemberWhoseProcessEndsIsTakenOutAtOnce() throws Exception {
        String lifeline =
                "lifeline-127.0.0.1:" + nodes.get(2).address().getPort().orElseThrow();
        await(() -> held(lifeline) == 2);
        ((ExtendedActorSystem) nodes.get(2).system.classicSystem()).finalTerminate();
        Set<Address> rest = Set.of(nodes.get(0).address(), nodes.get(1).address());
        await(() -> nodes.subList(0, 2).stream().allMatch(n -> n.up().equals(rest)));
    }

    /** Nobody is left who could confirm that it leaves. */
    @Test
    void aNodeThatStopsHearsThatNoMajorityIsLeft() throws Exception {
        CompletableFuture<Void> alone = new CompletableFuture<>();
        nodes.get(2)
                .system
                .classicSystem()
                .actorSelection("/user/" + ClusterFormation.NAME)
                .tell(new ClusterFormation.Stopping(alone), ActorRef.noSender());
        nodes.subList(0, 2).forEach(n -> ((ExtendedActorSystem) n.system.classicSystem()).finalTerminate());
        alone.get(120, TimeUnit.SECONDS);
    }

    /** As often as it sends something, it is told. */
    @Test
    void aNodeThatIsToldThatItIsOutSaysSoOnce() throws Exception {
        Node out = nodes.get(2);
        for (int again = 0; again < 3; again++) {
            for (Node by : nodes.subList(0, 2)) {
                out.system
                        .classicSystem()
                        .eventStream()
                        .publish(new ThisActorSystemQuarantinedEvent(out.incarnation(), by.incarnation()));
            }
        }
        await(() -> !out.told.isEmpty());
        assertEquals(1, out.told.size(), out.told::toString);
    }

    /** Those that are connected: only what was is missed at once. */
    private static long held(String lifeline) {
        return Thread.getAllStackTraces().entrySet().stream()
                .filter(thread -> thread.getKey().getName().equals(lifeline))
                .filter(thread -> Stream.of(thread.getValue())
                        .anyMatch(frame -> frame.getClassName().equals(Lifeline.class.getName())
                                && frame.getMethodName().equals("await")))
                .count();
    }

    private static List<Integer> freePorts() throws Exception {
        List<ServerSocket> held = new ArrayList<>();
        try {
            for (int i = 0; i < 3; i++) {
                held.add(new ServerSocket(0, 1, InetAddress.getLoopbackAddress()));
            }
            return held.stream().map(ServerSocket::getLocalPort).toList();
        } finally {
            for (ServerSocket socket : held) {
                socket.close();
            }
        }
    }

    private static void await(BooleanSupplier condition) throws InterruptedException {
        long deadlineNs = System.nanoTime() + TimeUnit.SECONDS.toNanos(120);
        while (!condition.getAsBoolean()) {
            assertEquals(true, System.nanoTime() < deadlineNs, "not within 120 s");
            TimeUnit.MILLISECONDS.sleep(20);
        }
    }
}
