package io.troupe.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.errors.TimeoutException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.Timeout;

/**
 * Three brokers, each partition on all of them and acknowledged by two at least, lose one or two of their processes in every way that a
 * process goes. Whatever acks=all was told is there afterwards, once and in order, and the copies are the same, byte for byte.
 *
 * <p>One cluster goes through all cases, each with a {@link CheckedTopic} of its own; the last one looks at all of them again.
 */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(1200)
class BrokerFailuresIT {
    private static final List<Integer> ALL = List.of(1, 2, 3);
    private static final Duration PAUSE = Duration.ofSeconds(20);

    private final List<CheckedTopic> checked = new ArrayList<>();
    private ClusterProcess cluster;

    /** What befalls the cluster, and how it is healed. */
    private interface Outage {
        void befall(CheckedTopic topic) throws Exception;
    }

    @BeforeAll
    void start() {
        Need.troupe();
        cluster = ClusterProcess.create("failures", 3, 3, Map.of("num.recovery.threads.per.data.dir", "2"));
        cluster.jvm("-Xmx192m", "-XX:TieredStopAtLevel=1").supervised();
        cluster.start(1, 2, 3);
    }

    @AfterAll
    void stop() {
        checked.forEach(CheckedTopic::close);
        if (cluster != null) {
            cluster.close();
        }
    }

    /** A case that failed leaves the next one what it needs. */
    @BeforeEach
    void allServe() {
        cluster.heal();
    }

    @Test
    @Order(1)
    void aLeaderIsKilled() throws Exception {
        during("leader-killed", topic -> {
            int victim = leaderThatIsNotController(topic);
            cluster.kill(victim);
            topic.awaitWrites(50);
            cluster.start(victim);
        });
    }

    @Test
    @Order(2)
    void theControllerIsKilledThatLeadsNothing() throws Exception {
        int victim = cluster.controller();
        during("controller-killed", others(victim), topic -> {
            topic.awaitLeads(victim, false);
            cluster.kill(victim);
            topic.awaitWrites(50);
            cluster.start(victim);
        });
    }

    @Test
    @Order(3)
    void aNodeIsKilledThatIsLeaderAndController() throws Exception {
        during("both-killed", topic -> {
            int victim = leadingController(topic);
            cluster.kill(victim);
            topic.awaitWrites(50);
            cluster.start(victim);
        });
    }

    @Test
    @Order(4)
    void aLeaderStandsStillForAWhile() throws Exception {
        during("leader-paused", topic -> pause(leaderThatIsNotController(topic), topic));
    }

    @Test
    @Order(5)
    void aNodeStandsStillThatIsLeaderAndController() throws Exception {
        during("both-paused", topic -> pause(leadingController(topic), topic));
    }

    /** Stopped in order, so that its epoch would prove its logs complete, if there were any. */
    @Test
    @Order(6)
    void theDiskOfAStoppedBrokerIsEmptied() throws Exception {
        during("stopped-and-wiped", topic -> {
            int victim = leaderThatIsNotController(topic);
            cluster.terminate(victim);
            topic.awaitWrites(50);
            cluster.wipe(victim);
            cluster.start(victim);
        });
    }

    @Test
    @Order(7)
    void theDiskOfAKilledControllerIsEmptied() throws Exception {
        during("controller-wiped", topic -> {
            int victim = leadingController(topic);
            cluster.kill(victim);
            cluster.wipe(victim);
            topic.awaitWrites(50);
            cluster.start(victim);
        });
    }

    /** The second time nobody waits until the last one is in sync. */
    @Test
    @Order(8)
    void allAreRestartedOneAfterTheOtherTwice() throws Exception {
        during("rolling-restart", topic -> {
            for (int round = 0; round < 2; round++) {
                for (int id = 1; id <= 3; id++) {
                    assertEquals(143, cluster.broker(id).terminate(), "stopped in order");
                    cluster.start(id);
                    if (round == 0) {
                        topic.awaitInSync();
                    }
                }
            }
        });
    }

    @Test
    @Order(9)
    void twoOfThreeAreAway() throws Exception {
        during("two-away", topic -> {
            int survivor = cluster.controller();
            topic.awaitLeads(survivor, true);
            List<Integer> led = topic.ledBy(survivor);
            int[] others = others(survivor).stream().mapToInt(id -> id).toArray();
            int from = cluster.broker(survivor).output().length();
            cluster.kill(others);
            long killedNs = System.nanoTime();
            Clients alone = cluster.clients();
            // What the others had taken before may still be told: only what is begun from now on is judged.
            List<Integer> begun = topic.begun();
            topic.awaitBegun(begun, 50);
            assertNotWritten(alone, topic, led.get(0));
            topic.checkValues(alone, led);
            assertNotDecided(alone);
            sleepUntil(killedNs, PAUSE);
            topic.checkValues(alone, led);
            assertNotWritten(alone, topic, led.get(0));
            assertEquals(List.of(), topic.acknowledgedSince(begun), "acknowledged by one of three");
            assertFalse(
                    cluster.broker(survivor).output().substring(from).contains("Controller of cluster"),
                    "a controller without a majority");
            cluster.start(others);
        });
    }

    @Test
    @Order(10)
    void allStopAndStartInAnotherOrder() throws Exception {
        during("full-stop", topic -> {
            cluster.terminateTogether(1, 2, 3);
            cluster.launch(3);
            cluster.start(1, 2);
            cluster.broker(3).awaitReady();
        });
    }

    /** At rest the copies are the same at once, not only in the end; and nothing that earlier cases were told is gone. */
    @Test
    @Order(11)
    void everythingIsStillThereAfterAnotherFullStop() throws Exception {
        cluster.terminateTogether(1, 2, 3);
        List<String> differences = new ArrayList<>();
        for (CheckedTopic topic : checked) {
            differences.addAll(topic.differences());
        }
        assertEquals(List.of(), differences);
        cluster.start(2, 3, 1);
        List<Integer> all = IntStream.range(0, CheckedTopic.PARTITIONS).boxed().toList();
        for (CheckedTopic topic : checked) {
            topic.awaitInSync();
            topic.checkValues(cluster.clients(), all);
        }
    }

    private void during(String name, Outage outage) throws Exception {
        during(name, ALL, outage);
    }

    private void during(String name, List<Integer> leaders, Outage outage) throws Exception {
        CheckedTopic topic = CheckedTopic.create(cluster, name, ALL, leaders, 2);
        try {
            outage.befall(topic);
            topic.awaitInSync();
            topic.awaitWrites(50);
            topic.check();
            checked.add(topic);
        } finally {
            topic.close();
        }
    }

    private void pause(int victim, CheckedTopic topic) throws Exception {
        cluster.pause(victim);
        long pausedNs = System.nanoTime();
        topic.awaitWrites(50);
        sleepUntil(pausedNs, PAUSE);
        cluster.awaitTakenOut(victim);
        int from = cluster.broker(victim).output().length();
        cluster.resume(victim);
        // The others went on without it; only a new process of it can be one of them.
        Clients.await(
                "broker " + victim + " is back",
                Duration.ofSeconds(240),
                () -> cluster.broker(victim).output().substring(from).contains(" is ready"));
        String told = cluster.broker(victim).output().substring(from).split(" begins as node ")[0];
        assertEquals(2, told.split("The broker cannot go on", -1).length, "said once: " + told);
        for (String idle : List.of("quarantined this node", "Taking pekko://", "controlled shutdown was not done")) {
            assertFalse(told.contains(idle), () -> idle + ": " + told);
        }
    }

    private int leaderThatIsNotController(CheckedTopic topic) {
        int victim = cluster.controller() % 3 + 1;
        topic.awaitLeads(victim, true);
        return victim;
    }

    private static List<Integer> others(int broker) {
        return ALL.stream().filter(id -> id != broker).toList();
    }

    private int leadingController(CheckedTopic topic) {
        int victim = cluster.controller();
        topic.awaitLeads(victim, true);
        return victim;
    }

    private static void assertNotWritten(Clients clients, CheckedTopic topic, int partition) {
        try (KafkaProducer<String, String> producer = clients.producer(
                "acks",
                "all",
                "retries",
                "0",
                "enable.idempotence",
                "false",
                "request.timeout.ms",
                "2000",
                "delivery.timeout.ms",
                "3000",
                "max.block.ms",
                "3000")) {
            ExecutionException e = assertThrows(ExecutionException.class, () -> producer.send(
                            new ProducerRecord<>(topic.name(), partition, "", "probe"))
                    .get(60, TimeUnit.SECONDS));
            System.out.println(topic.name() + ": acks=all is answered " + e.getCause());
            assertTrue(e.getCause() instanceof TimeoutException, e::toString);
        }
    }

    private static void assertNotDecided(Clients clients) {
        try (Admin admin = clients.admin("request.timeout.ms", "3000", "default.api.timeout.ms", "5000")) {
            ExecutionException e = assertThrows(
                    ExecutionException.class, () -> admin.createTopics(List.of(new NewTopic("not-now", 1, (short) 1)))
                            .all()
                            .get(60, TimeUnit.SECONDS));
            System.out.println("without a majority a topic's creation is answered " + e.getCause());
            assertTrue(e.getCause() instanceof TimeoutException, e::toString);
        }
    }

    /** The length of an outage is the case here. */
    private static void sleepUntil(long beganNs, Duration length) throws InterruptedException {
        TimeUnit.NANOSECONDS.sleep(length.toNanos() - (System.nanoTime() - beganNs));
    }
}
