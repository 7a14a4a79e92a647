package io.troupe.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.message.FetchRequestData;
import org.apache.kafka.common.message.ProduceRequestData;
import org.apache.kafka.common.message.ProduceResponseData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.SimpleRecord;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Records of 100 MB and a broker of 512 MiB heap and 64 MiB direct memory, which ends at the first lack of either. */
@Timeout(1800)
class LargeRecordIT {
    private static final int LARGE = 100 << 20;
    private static final String LIMIT = "" + (LARGE + (1 << 20));
    private static final Map<String, String> TAKES_LARGE = Map.of("max.message.bytes", LIMIT);
    private static final Duration RUN_LIMIT = Duration.ofSeconds(400);
    private static final int STEPS = 20;

    private static BrokerProcess broker;
    private static Clients clients;
    private final ExecutorService background = Executors.newCachedThreadPool();

    @BeforeAll
    static void start() {
        broker = BrokerProcess.create(
                        "large", Map.of("socket.request.max.bytes", "" + (LARGE + (2 << 20)), "num.io.threads", "8"))
                .jvm("-Xmx512m", "-XX:MaxDirectMemorySize=64m", "-XX:+UseG1GC", "-XX:+ExitOnOutOfMemoryError")
                .start();
        clients = new Clients(broker);
    }

    @AfterAll
    static void stop() {
        broker.close();
    }

    @AfterEach
    void serves() {
        background.shutdownNow();
        assertTrue(broker.isAlive(), broker.output());
    }

    @ParameterizedTest
    @ValueSource(strings = {"none", "zstd"})
    void aRecordOf100MbComesBackByteForByteWhileSmallOnesGoOn(String codec) throws Exception {
        String topic = clients.topic(Clients.unique("large"), 1, TAKES_LARGE);
        try (Small small = new Small()) {
            Future<Run.Result> sent =
                    background.submit(() -> run("produce", topic, "1", "7", "" + LARGE, "compression.type=" + codec));
            small.goesOn();
            String sum = LargeClient.sum(LargeClient.value(7, LARGE));
            assertEquals(List.of("sent 0 " + sum), lines(sent.get()));
            // Its default fetch.max.bytes and max.partition.fetch.bytes are far below: the first batch comes all the
            // same.
            assertEquals(List.of("read 0 " + sum), lines(run("consume", topic, "1", "-")));
            assertEquals(List.of("read 0 " + sum), lines(run("consume", topic, "1", topic + "-group")));
            small.goesOn();
        }
        try (Admin admin = clients.admin()) {
            TopicPartition partition = new TopicPartition(topic, 0);
            for (OffsetSpec spec : List.of(OffsetSpec.maxTimestamp(), OffsetSpec.forTimestamp(1))) {
                assertEquals(
                        0,
                        Clients.get(admin.listOffsets(Map.of(partition, spec)).partitionResult(partition))
                                .offset());
            }
        }
    }

    @Test
    void manyLargeOnesAtOnceNeitherEndTheBrokerNorStopSmallOnes() throws Exception {
        int many = 3;
        List<String> topics = new ArrayList<>();
        for (int i = 0; i < many; i++) {
            topics.add(clients.topic(Clients.unique("many"), 1, TAKES_LARGE));
        }
        try (Small small = new Small()) {
            List<Future<Run.Result>> producers = new ArrayList<>();
            for (int i = 0; i < many; i++) {
                String[] args = {"produce", topics.get(i), "1", "" + (100 + i), "" + LARGE, "acks=all"};
                producers.add(background.submit(() -> run(args)));
            }
            small.goesOn();
            for (int i = 0; i < many; i++) {
                assertTrue(lines(producers.get(i).get()).get(0).startsWith("sent 0"));
            }
            List<Future<Run.Result>> consumers = new ArrayList<>();
            for (String topic : topics) {
                String most = "" + Integer.MAX_VALUE;
                String[] args = {
                    "consume", topic, "1", "-", "fetch.max.bytes=" + most, "max.partition.fetch.bytes=" + most
                };
                consumers.add(background.submit(() -> run(args)));
            }
            small.goesOn();
            for (int i = 0; i < many; i++) {
                String sum = LargeClient.sum(LargeClient.value(100 + i, LARGE));
                assertEquals(List.of("read 0 " + sum), lines(consumers.get(i).get()));
            }
        }
    }

    @Test
    void aClientThatVanishesInTheMiddleOfALargeRecordLeavesNoFileOpen() throws Exception {
        Need.troupe();
        String topic =
                clients.topic(Clients.unique("vanish"), 1, Map.of("max.message.bytes", LIMIT, "segment.bytes", LIMIT));
        // The second record rolls, so that only readers keep the first segment open.
        run("produce", topic, "2", "7", "" + LARGE);
        Path segment = broker.data().resolve(topic + "-0").resolve("00000000000000000000.log");
        Clients.await("the writer has closed it", () -> broker.descriptors(segment) == 0);
        FetchRequestData fetch = new FetchRequestData()
                .setMinBytes(1)
                .setMaxWaitMs(500)
                .setMaxBytes(1)
                .setSessionEpoch(-1)
                .setTopics(List.of(new FetchRequestData.FetchTopic()
                        .setTopic(topic)
                        .setPartitions(List.of(new FetchRequestData.FetchPartition()
                                .setPartition(0)
                                .setPartitionMaxBytes(1)))));
        for (int i = 0; i < 5; i++) {
            try (RawConnection connection = new RawConnection(broker)) {
                connection.send(RawConnection.request(ApiKeys.FETCH, 12, 1, fetch));
                connection.skip(LARGE / 10);
                assertTrue(broker.descriptors(segment) > 0, "it is sent from its file");
            }
        }
        Clients.await("nobody has it open", () -> broker.descriptors(segment) == 0);
    }

    @Test
    void aLargeFrameThatComesSlowlyHoldsUpNobody() throws Exception {
        String topic = clients.topic(Clients.unique("slow"), 1, TAKES_LARGE);
        byte[] value = LargeClient.value(3, LARGE / 2);
        ProduceRequestData produce = new ProduceRequestData().setAcks((short) 1).setTimeoutMs(30_000);
        produce.topicData()
                .add(new ProduceRequestData.TopicProduceData()
                        .setName(topic)
                        .setPartitionData(List.of(new ProduceRequestData.PartitionProduceData()
                                .setIndex(0)
                                .setRecords(MemoryRecords.withRecords(Compression.NONE, new SimpleRecord(value))))));
        byte[] frame = RawConnection.request(ApiKeys.PRODUCE, 12, 1, produce);
        try (RawConnection slow = new RawConnection(broker);
                Small small = new Small()) {
            int half = frame.length / 2;
            slow.sendBytes(ByteBuffer.allocate(4).putInt(frame.length).array());
            slow.sendBytes(Arrays.copyOf(frame, half));
            small.goesOn();
            slow.sendBytes(Arrays.copyOfRange(frame, half, frame.length));
            var answer = slow.receive(60_000).orElseThrow();
            var response = new ProduceResponseData(RawConnection.body(ApiKeys.PRODUCE, 12, answer), (short) 12);
            var part =
                    response.responses().iterator().next().partitionResponses().get(0);
            assertEquals(Errors.NONE, Errors.forCode(part.errorCode()));
        }
    }

    @Test
    void aRecordAboveTheTopicsLimitIsRefusedAndTheNextOneTaken() throws Exception {
        String topic = clients.topic(Clients.unique("limit"), 1, Map.of("max.message.bytes", "" + (LARGE - 1000)));
        try (Small small = new Small()) {
            assertEquals(List.of("failed RecordTooLargeException"), lines(run("produce", topic, "1", "5", "" + LARGE)));
            Run.Result next = run("produce", topic, "1", "5", "" + (LARGE - 2000));
            assertTrue(lines(next).get(0).startsWith("sent 0 "), next.stdout());
            small.goesOn();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"zstd", "uncompressed"})
    void largeOnesArePackedAnewOneAfterTheOther(String target) throws Exception {
        Need.troupe();
        String topic = clients.topic(
                Clients.unique("repack"), 1, Map.of("max.message.bytes", LIMIT, "compression.type", target));
        // 100 MB in a frame of a fraction of it; or 100 MB that no codec makes smaller.
        boolean unpacks = target.equals("uncompressed");
        String seed = unpacks ? "0" : "9";
        String codec = "compression.type=" + (unpacks ? "zstd" : "none");
        try (Small small = new Small()) {
            List<Future<Run.Result>> producers = new ArrayList<>();
            for (int i = 0; i < 2; i++) {
                String[] args = {"produce", topic, "1", seed, "" + LARGE, codec};
                producers.add(background.submit(() -> run(args)));
            }
            small.goesOn();
            String sum = LargeClient.sum(LargeClient.value(Long.parseLong(seed), LARGE));
            for (Future<Run.Result> producer : producers) {
                assertTrue(lines(producer.get()).get(0).endsWith(sum));
            }
            assertEquals(List.of("read 0 " + sum, "read 1 " + sum), lines(run("consume", topic, "2", "-")));
        }
    }

    /** @param args of {@link LargeClient}, without the broker's address */
    private static Run.Result run(String... args) {
        List<String> all = new ArrayList<>(List.of(args));
        all.add(1, broker.bootstrap());
        return Run.command(LargeClient.command(all.toArray(String[]::new)), null, RUN_LIMIT)
                .orFail();
    }

    private static List<String> lines(Run.Result result) {
        return result.stdout()
                .lines()
                .filter(line -> line.matches("(sent|read|failed) .*"))
                .toList();
    }

    /** A client of records of 1 KB and of 300 KB, each produced and consumed before the next; counts them. */
    private static final class Small implements AutoCloseable {
        private final AtomicInteger done = new AtomicInteger();
        private final Thread thread = new Thread(this::run, "small-records");
        private volatile boolean stopping;
        private volatile Throwable failure;

        Small() {
            thread.start();
        }

        private void run() {
            try {
                String topic = clients.topic(Clients.unique("small"), 1, Map.of());
                try (var producer = clients.producer("linger.ms", "0");
                        var consumer = clients.consumer()) {
                    consumer.assign(List.of(new TopicPartition(topic, 0)));
                    consumer.seekToBeginning(consumer.assignment());
                    while (!stopping) {
                        String value = done.get() + "-" + "v".repeat(done.get() % 5 != 0 ? 1000 : 300_000);
                        producer.send(new ProducerRecord<>(topic, value)).get(60, TimeUnit.SECONDS);
                        assertEquals(value, Clients.read(consumer, 1).get(0).value());
                        done.incrementAndGet();
                    }
                }
            } catch (Throwable e) {
                failure = e;
            }
        }

        /** Waits until more of them have come through from now on. */
        void goesOn() {
            int wanted = done.get() + STEPS;
            Clients.await("more small records", () -> done.get() >= wanted || failure != null);
            if (failure != null) {
                throw new AssertionError("small records stopped", failure);
            }
        }

        @Override
        public void close() {
            stopping = true;
            try {
                thread.join(TimeUnit.SECONDS.toMillis(300));
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            if (failure != null) {
                throw new AssertionError("small records stopped", failure);
            }
        }
    }
}
