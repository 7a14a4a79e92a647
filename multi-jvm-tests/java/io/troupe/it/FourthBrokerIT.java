package io.troupe.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewPartitionReassignment;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.message.FetchRequestData;
import org.apache.kafka.common.message.FetchResponseData;
import org.apache.kafka.common.message.ProduceRequestData;
import org.apache.kafka.common.message.ProduceResponseData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.SimpleRecord;
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
 * Three voters and a fourth broker that has no vote, on a small disk of its own: it is wiped, takes over from the controller's
 * broker, and loses its disk; two voters go. Needs the right to mount a small tmpfs.
 */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(1200)
class FourthBrokerIT {
    private static final Duration LIMIT = Duration.ofSeconds(180);
    /** For one answer on a machine that stands still now and then. */
    private static final int ANSWER_MS = 60_000;

    private ClusterProcess cluster;
    private Path small;

    @BeforeAll
    void start() throws Exception {
        Need.troupe();
        cluster = ClusterProcess.create("fourth", 3, 4, ClusterProcess.LONG_SESSIONS);
        small = cluster.broker(4).dir().resolve("small");
        SmallDisk.mount(small, "64m");
        cluster.broker(4).set("log.dirs", small.resolve("data").toString());
        cluster.start(1, 2, 3, 4);
    }

    /** A case that failed leaves the next one what it needs. */
    @BeforeEach
    void allServe() {
        cluster.heal();
    }

    @AfterAll
    void stop() {
        if (cluster != null) {
            cluster.close();
            SmallDisk.unmount(small);
        }
    }

    /** Stopped in order, so its epoch would prove its logs complete; it is no voter, so nobody else notices the empty disk. */
    @Test
    @Order(1)
    void theDiskOfAFollowerWithoutAVoteIsEmptied() throws Exception {
        try (CheckedTopic topic = CheckedTopic.create(cluster, "wiped", List.of(1, 2, 4), List.of(1, 2), 2)) {
            cluster.terminate(4);
            topic.awaitWrites(50);
            cluster.wipe(4);
            cluster.start(4);
            topic.awaitInSync();
            topic.check();
        }
    }

    /** It keeps its vote and goes on deciding, with nothing else to do; then another decides. */
    @Test
    @Order(2)
    void theControllersBrokerIsDrainedAndThenKilled() throws Exception {
        int controller = cluster.controller();
        List<Integer> voters = List.of(1, 2, 3);
        try (CheckedTopic topic = CheckedTopic.create(cluster, "drained", voters, List.of(controller), 2);
                Admin admin = cluster.clients().admin()) {
            script("drain", "" + controller, "--execute");
            Placed placed = new Placed(cluster.clients(), admin, "drained");
            Clients.await("it holds nothing", () -> placed.heldBy(controller) == 0);
            assertEquals(controller, cluster.controller(), "it still decides");
            topic.awaitWrites(50);
            cluster.kill(controller);
            topic.awaitWrites(50);
            assertNotEquals(controller, cluster.controller());
            cluster.start(controller);
            // Whom the script asks must have heard of it.
            cluster.awaitBrokers(1, 2, 3, 4);
            script("rebalance", "--execute");
            Clients.await("it has its share again", () -> placed.heldBy(controller) > 0);
            topic.check();
        }
    }

    /** The controller is among those that go. What a client that repeats nothing is answered: no acknowledgement, in the time that it gave, and no more read than is committed. */
    @Test
    @Order(3)
    void oneVoterOfThreeIsLeft() throws Exception {
        int controller = cluster.controller();
        int survivor = controller % 3 + 1;
        int other = survivor % 3 + 1;
        try (Admin admin = cluster.clients().admin()) {
            Placed placed = new Placed(cluster.clients(), admin, "minority");
            placed.createOn(List.of(survivor, other, controller), Map.of("min.insync.replicas", "2"));
        }
        BrokerProcess left = cluster.broker(survivor);
        assertEquals(Errors.NONE, produce(left, -1, ANSWER_MS, "before"));
        cluster.kill(controller, other, 4);
        long begunNs = System.nanoTime();
        assertEquals(Errors.REQUEST_TIMED_OUT, produce(left, -1, 2_000, "nobody else has it"));
        long tookMs = (System.nanoTime() - begunNs) / 1_000_000;
        // Not before its time; and how late is up to the machine, which may stand still for a while.
        assertTrue(tookMs >= 2_000 && tookMs < 30_000, tookMs + " ms");
        assertEquals(Errors.NONE, produce(left, 1, 2_000, "on its own"));
        FetchResponseData.PartitionData read = fetch(left);
        assertEquals(1, read.highWatermark());
        assertEquals(List.of("before"), values(read), "only what is committed is read");
        assertNothingIsDecided();
        cluster.start(controller, other, 4);
        Clients.await("all that its leader took is committed", () -> values(fetch(left))
                .equals(List.of("before", "nobody else has it", "on its own")));
    }

    private void assertNothingIsDecided() throws Exception {
        Run.Result status = cluster("status");
        assertEquals(2, status.exitCode(), status.toString());
        assertTrue(status.stdout().contains("the controller does not answer"), status.toString());
        try (Admin admin = cluster.clients().admin("request.timeout.ms", "2000", "default.api.timeout.ms", "3000")) {
            var moves = admin.alterPartitionReassignments(Map.of(
                    new TopicPartition("minority", 0), Optional.of(new NewPartitionReassignment(List.of(1, 2)))));
            assertThrows(TimeoutException.class, () -> Clients.get(moves.all()));
        }
    }

    /** As in Kafka: it ends with code 1, on which nobody starts it again, and others lead what it led. */
    @Test
    @Order(4)
    void aBrokerEndsWhenItsLastLogDirHasFailed() throws Exception {
        BrokerProcess broken = cluster.broker(4);
        try (Admin admin = cluster.clients().admin();
                KafkaProducer<String, String> producer = cluster.clients()
                        .producer("acks", "all", "linger.ms", "0", "max.in.flight.requests.per.connection", "1")) {
            Placed placed = new Placed(cluster.clients(), admin, "full");
            placed.createOn(List.of(4, 1, 2), Map.of("min.insync.replicas", "2"));
            int[] written = {0};
            Clients.await("the disk is full", LIMIT, () -> {
                for (int i = 0; i < 20; i++) {
                    producer.send(new ProducerRecord<>("full", 0, "k", written[0] + "-" + "x".repeat(500_000)))
                            .get();
                    written[0]++;
                }
                return broken.output().contains("goes offline");
            });
            assertEquals(1, broken.awaitExit(LIMIT));
            assertTrue(broken.output().contains("every directory in log.dirs has failed"));
            Clients.await(
                    "another leads",
                    () -> placed.leader(0).filter(id -> id != 4).isPresent()
                            && !placed.inSync(0).contains(4));

            SmallDisk.resize(small, "256m");
            cluster.start(4);
            placed.awaitInSync(3);
            try (var consumer = cluster.clients().consumer()) {
                consumer.assign(List.of(new TopicPartition("full", 0)));
                List<String> numbers = Clients.read(consumer, written[0]).stream()
                        .map(r -> r.value().substring(0, r.value().indexOf('-')))
                        .toList();
                assertEquals(
                        IntStream.range(0, written[0]).mapToObj(String::valueOf).toList(), numbers);
            }
        }
    }

    private void script(String... arguments) {
        cluster(arguments).orFail();
    }

    private Run.Result cluster(String... arguments) {
        List<String> command = Run.script(Path.of("bin", "troupe-cluster.sh"));
        command.add(arguments[0]);
        command.addAll(List.of("--bootstrap-server", cluster.bootstrap()));
        command.addAll(new ArrayList<>(List.of(arguments).subList(1, arguments.length)));
        return Run.command(command, null, LIMIT);
    }

    /** One record in a request of its own, whatever becomes of it. */
    private static Errors produce(BrokerProcess broker, int acks, int timeoutMs, String value) throws Exception {
        ProduceRequestData request =
                new ProduceRequestData().setAcks((short) acks).setTimeoutMs(timeoutMs);
        ProduceRequestData.PartitionProduceData partition = new ProduceRequestData.PartitionProduceData()
                .setIndex(0)
                .setRecords(MemoryRecords.withRecords(Compression.NONE, new SimpleRecord(value.getBytes())));
        request.topicData()
                .add(new ProduceRequestData.TopicProduceData()
                        .setName("minority")
                        .setPartitionData(List.of(partition)));
        try (RawConnection connection = new RawConnection(broker)) {
            connection.send(RawConnection.request(ApiKeys.PRODUCE, 9, 1, request));
            ProduceResponseData response = new ProduceResponseData(
                    RawConnection.body(
                            ApiKeys.PRODUCE,
                            9,
                            connection.receive(2 * ANSWER_MS).orElseThrow()),
                    (short) 9);
            return Errors.forCode(response.responses().stream()
                    .findFirst()
                    .orElseThrow()
                    .partitionResponses()
                    .get(0)
                    .errorCode());
        }
    }

    private static FetchResponseData.PartitionData fetch(BrokerProcess broker) throws Exception {
        FetchRequestData request = new FetchRequestData()
                .setMaxWaitMs(100)
                .setMinBytes(1)
                .setTopics(List.of(new FetchRequestData.FetchTopic()
                        .setTopic("minority")
                        .setPartitions(List.of(new FetchRequestData.FetchPartition()
                                .setPartition(0)
                                .setPartitionMaxBytes(1 << 20)))));
        try (RawConnection connection = new RawConnection(broker)) {
            connection.send(RawConnection.request(ApiKeys.FETCH, 12, 1, request));
            FetchResponseData response = new FetchResponseData(
                    RawConnection.body(
                            ApiKeys.FETCH, 12, connection.receive(2 * ANSWER_MS).orElseThrow()),
                    (short) 12);
            return response.responses().get(0).partitions().get(0);
        }
    }

    private static List<String> values(FetchResponseData.PartitionData read) {
        List<String> values = new ArrayList<>();
        if (read.records() == null) {
            return values; // led by nobody
        }
        ((MemoryRecords) read.records()).records().forEach(r -> {
            byte[] bytes = new byte[r.valueSize()];
            r.value().get(bytes);
            values.add(new String(bytes));
        });
        return values;
    }
}
