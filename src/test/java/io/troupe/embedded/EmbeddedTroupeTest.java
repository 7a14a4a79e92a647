package io.troupe.embedded;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.config.ConfigurationException;
import io.troupe.journal.LogDirException;
import io.troupe.server.StartException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** One embedded broker: its life, its settings, and what is said of a use that cannot be. */
@Timeout(600)
class EmbeddedTroupeTest {
    @TempDir
    private Path dir;

    private static Set<String> topics(EmbeddedTroupe troupe) throws Exception {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", troupe.bootstrapServers()))) {
            return admin.listTopics().names().get(60, TimeUnit.SECONDS);
        }
    }

    private static void makeTopic(EmbeddedTroupe troupe, String name) throws Exception {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", troupe.bootstrapServers()))) {
            admin.createTopics(List.of(new NewTopic(name, 1, (short) 1))).all().get(60, TimeUnit.SECONDS);
        }
    }

    private static <T extends Exception> String refusal(Class<T> type, int brokers, Map<String, String> settings) {
        return assertThrows(type, () -> EmbeddedTroupe.start(brokers, settings).close())
                .getMessage();
    }

    @Test
    void severalClustersLiveSideBySide() throws Exception {
        try (EmbeddedTroupe one = EmbeddedTroupe.start();
                EmbeddedTroupe other = EmbeddedTroupe.start()) {
            assertNotEquals(one.bootstrapServers(), other.bootstrapServers());
            makeTopic(one, "of-one");
            makeTopic(other, "of-other");
            assertEquals(Set.of("of-one"), topics(one));
            assertEquals(Set.of("of-other"), topics(other));
        }
    }

    /** Killed or stopped in order, it comes back where it was, with what it had. */
    @Test
    void aBrokerComesBackOnItsPortsWithItsData() throws Exception {
        try (EmbeddedTroupe troupe = EmbeddedTroupe.start()) {
            String servers = troupe.bootstrapServers();
            makeTopic(troupe, "kept");
            troupe.kill(1);
            troupe.kill(1);
            assertEquals(servers, troupe.bootstrapServers());
            troupe.restart(1);
            assertEquals(Set.of("kept"), topics(troupe));
            troupe.restart(1);
            assertEquals(servers, troupe.bootstrapServers());
            assertEquals(Set.of("kept"), topics(troupe));
        }
    }

    @Test
    void resetStartsWhatIsDownAndDeletesTheTopics() throws Exception {
        try (EmbeddedTroupe troupe = EmbeddedTroupe.start()) {
            makeTopic(troupe, "gone");
            troupe.kill(1);
            troupe.reset();
            assertEquals(Set.of(), topics(troupe));
        }
    }

    @Test
    void settingsAreKafkasKeysAndDataInLogDirsStays() throws Exception {
        Map<String, String> settings = Map.of("log.dirs", dir.toString(), "num.partitions", "3");
        try (EmbeddedTroupe troupe = EmbeddedTroupe.start(1, settings)) {
            try (Admin admin = Admin.create(Map.of("bootstrap.servers", troupe.bootstrapServers()))) {
                admin.createTopics(List.of(new NewTopic("t", Optional.empty(), Optional.empty())))
                        .all()
                        .get(60, TimeUnit.SECONDS);
                assertEquals(
                        3,
                        admin.describeTopics(List.of("t"))
                                .allTopicNames()
                                .get(60, TimeUnit.SECONDS)
                                .get("t")
                                .partitions()
                                .size());
            }
            String inUse = refusal(LogDirException.class, 1, settings);
            assertTrue(inUse.contains(dir.toString()) && inUse.contains("in use"), inUse);
        }
        try (EmbeddedTroupe again = EmbeddedTroupe.start(1, settings)) {
            assertEquals(Set.of("t"), topics(again));
        }
        assertTrue(Files.exists(dir.resolve("t-2")));
    }

    @Test
    void whatIsClosedSaysSo() {
        EmbeddedTroupe troupe = EmbeddedTroupe.start();
        troupe.close();
        troupe.close();
        for (Runnable use : List.<Runnable>of(
                () -> troupe.restart(1), () -> troupe.kill(1), troupe::reset, troupe::bootstrapServers)) {
            String message = assertThrows(IllegalStateException.class, use::run).getMessage();
            assertTrue(message.contains("closed") && message.contains("EmbeddedTroupe.start()"), message);
        }
    }

    /** As a test leaves it that its time limit ended: what it closes must be closed, and what it starts must say why it is not. */
    @Test
    void anInterruptedThreadKillsAndClosesAllTheSame() throws Exception {
        Map<String, String> settings = Map.of("log.dirs", dir.toString());
        assertInterrupted(() -> EmbeddedTroupe.start(1, settings).close());
        try (EmbeddedTroupe troupe = EmbeddedTroupe.start(1, settings)) {
            makeTopic(troupe, "kept");
            Thread.currentThread().interrupt();
            troupe.kill(1);
            assertTrue(Thread.interrupted());
            // On the same ports and log dir, which are free only once it has ended.
            troupe.restart(1);
            assertEquals(Set.of("kept"), topics(troupe));
            assertInterrupted(() -> troupe.restart(1));
            troupe.restart(1);
            Thread.currentThread().interrupt();
        }
        assertTrue(Thread.interrupted());
        try (EmbeddedTroupe again = EmbeddedTroupe.start(1, settings)) {
            assertEquals(Set.of("kept"), topics(again));
        }
    }

    private static void assertInterrupted(Runnable start) {
        Thread.currentThread().interrupt();
        String message = assertThrows(IllegalStateException.class, start::run).getMessage();
        assertTrue(Thread.interrupted());
        assertTrue(message.contains("interrupted"), message);
    }

    @Test
    void thereAreOneBrokerOrThree() {
        for (int brokers : new int[] {-1, 0, 2, 4}) {
            String message = refusal(IllegalArgumentException.class, brokers, Map.of());
            assertTrue(message.contains("brokers=" + brokers) && message.contains("1 or 3"), message);
        }
    }

    @Test
    void aBrokerThatIsNotOfTheClusterIsNamed() {
        try (EmbeddedTroupe troupe = EmbeddedTroupe.start()) {
            assertEquals(List.of(1), troupe.brokers());
            String message = assertThrows(IllegalArgumentException.class, () -> troupe.kill(2))
                    .getMessage();
            assertTrue(message.contains("broker 2") && message.contains("[1]"), message);
        }
    }

    @Test
    void unknownKeysBadValuesAndWhatIsNotToBeSetAreNamed() {
        String unknown = refusal(ConfigurationException.class, 1, Map.of("num.partition", "2"));
        assertTrue(unknown.contains("num.partition=2") && unknown.contains("num.partitions"), unknown);
        String bad = refusal(ConfigurationException.class, 3, Map.of("num.partitions", "many"));
        assertTrue(bad.contains("num.partitions=many"), bad);
        String node = refusal(IllegalArgumentException.class, 1, Map.of("node.id", "7"));
        assertTrue(node.contains("node.id=7"), node);
        String three = refusal(IllegalArgumentException.class, 3, Map.of("listeners", "PLAINTEXT://127.0.0.1:0"));
        assertTrue(three.contains("listeners=") && three.contains("3 brokers"), three);
    }

    @Test
    void aPortInUseThatIsAskedForIsNamed() throws Exception {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
            String address = "127.0.0.1:" + taken.getLocalPort();
            String message = refusal(StartException.class, 1, Map.of("listeners", "PLAINTEXT://" + address));
            assertTrue(message.contains("listeners") && message.contains(address), message);
        }
    }

    @Test
    void aPortThatIsAskedForIsUsed() throws Exception {
        int port;
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
            port = free.getLocalPort();
        }
        try (EmbeddedTroupe troupe = EmbeddedTroupe.start(1, Map.of("listeners", "PLAINTEXT://127.0.0.1:" + port))) {
            assertEquals("127.0.0.1:" + port, troupe.bootstrapServers());
            assertEquals(Set.of(), topics(troupe));
        }
    }

    /** A container's is often too small for a test's data, and another system's is not there. */
    @Test
    void memoryIsUsedOnlyWhereItHasRoom() {
        assertFalse(WorkDir.hasRoom(dir.resolve("missing")));
        WorkDir made = WorkDir.create();
        assertTrue(Files.isDirectory(made.path()));
        made.delete();
        assertFalse(Files.exists(made.path()));
        made.delete();
    }
}
