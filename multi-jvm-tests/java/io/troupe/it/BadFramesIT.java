package io.troupe.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.message.ApiVersionsRequestData;
import org.apache.kafka.common.message.ApiVersionsResponseData;
import org.apache.kafka.common.message.FetchRequestData;
import org.apache.kafka.common.message.FetchResponseData;
import org.apache.kafka.common.message.MetadataRequestData;
import org.apache.kafka.common.message.MetadataResponseData;
import org.apache.kafka.common.message.ProduceRequestData;
import org.apache.kafka.common.message.ProduceResponseData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.SimpleRecord;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Bytes that no good client sends. Each costs its own connection or gets Kafka's error code, and a producer that works all the while
 * never sees an error.
 */
@Timeout(600)
class BadFramesIT {
    private static final int PRODUCE = 9;

    private static BrokerProcess broker;
    private static Clients clients;
    private static String topic;

    private Bystander bystander;

    @BeforeAll
    static void start() {
        broker = BrokerProcess.start("bad-frames", Map.of());
        clients = new Clients(broker);
        topic = clients.topic("victim", 1, Map.of());
        clients.topic("bystander", 1, Map.of());
    }

    @AfterAll
    static void stop() {
        broker.close();
    }

    @BeforeEach
    void startBystander() {
        bystander = new Bystander();
    }

    @AfterEach
    void theBystanderWasNotDisturbed() throws Exception {
        bystander.stop();
        assertTrue(broker.isAlive());
    }

    /** A client that keeps producing with retries off, so that any disturbance shows. */
    private static final class Bystander {
        private final AtomicBoolean stopping = new AtomicBoolean();
        private final AtomicInteger acknowledged = new AtomicInteger();
        private final AtomicReference<Exception> failure = new AtomicReference<>();
        private final Thread thread = new Thread(this::run, "bystander");

        Bystander() {
            thread.start();
        }

        private void run() {
            try (var producer = clients.producer("retries", "0", "enable.idempotence", "false", "acks", "1")) {
                while (!stopping.get() || acknowledged.get() == 0) {
                    producer.send(new ProducerRecord<>("bystander", "x")).get();
                    acknowledged.incrementAndGet();
                }
            } catch (Exception e) {
                failure.set(e);
            }
        }

        void stop() throws InterruptedException {
            stopping.set(true);
            thread.join(120_000);
            assertEquals(null, failure.get());
            assertTrue(acknowledged.get() > 0);
        }
    }

    @ParameterizedTest
    @CsvSource({"999,0", "-1,0", "32767,0", "3,99", "3,-1", "0,32767", "1,99"})
    void anUnknownApiOrVersionClosesTheConnection(int apiKey, int version) throws IOException {
        try (RawConnection connection = new RawConnection(broker)) {
            connection.send(RawConnection.header(apiKey, version, 7));
            assertTrue(connection.receive().isEmpty());
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {99, 32767})
    void anUnknownApiVersionsVersionIsAnsweredInVersionZeroWithTheRangeThatWorks(int version) throws IOException {
        try (RawConnection connection = new RawConnection(broker)) {
            byte[] header = RawConnection.header(ApiKeys.API_VERSIONS.id, version, 42);
            // A header of version 2 ends with its tagged fields, here none; what follows is of a form nobody knows yet.
            connection.send(ByteBuffer.allocate(header.length + 4)
                    .put(header)
                    .put((byte) 0)
                    .put(new byte[] {9, 9, 9})
                    .array());
            ByteBuffer answer = connection.receive().orElseThrow();
            assertEquals(42, answer.duplicate().getInt());
            ApiVersionsResponseData data =
                    new ApiVersionsResponseData(RawConnection.body(ApiKeys.API_VERSIONS, 0, answer), (short) 0);
            assertEquals(Errors.UNSUPPORTED_VERSION.code(), data.errorCode());
            var range = data.apiKeys().find(ApiKeys.API_VERSIONS.id);
            assertEquals(0, range.minVersion());
            // The connection goes on with a version that works.
            connection.send(RawConnection.request(ApiKeys.API_VERSIONS, 0, 43, new ApiVersionsRequestData()));
            assertEquals(43, connection.receive().orElseThrow().getInt());
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {-1, Integer.MIN_VALUE, Integer.MAX_VALUE, 200 * 1024 * 1024})
    void aFrameLengthThatIsNegativeOrAboveTheLimitClosesTheConnection(int length) throws IOException {
        try (RawConnection connection = new RawConnection(broker)) {
            connection.sendBytes(ByteBuffer.allocate(20).putInt(length).array());
            assertTrue(connection.receive().isEmpty());
        }
    }

    @Test
    void aFrameCutShortIsNeverAnswered() throws IOException {
        byte[] whole = RawConnection.request(ApiKeys.METADATA, 9, 1, new MetadataRequestData());
        for (int sent = 0; sent < whole.length; sent += 3) {
            try (RawConnection connection = new RawConnection(broker)) {
                connection.sendBytes(ByteBuffer.allocate(4 + sent)
                        .putInt(whole.length)
                        .put(whole, 0, sent)
                        .array());
                connection.endOutput();
                assertTrue(connection.receive().isEmpty());
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {Integer.MAX_VALUE, 1_000_000_000, 100})
    void anArrayLongerThanItsFrameClosesTheConnectionBeforeMemoryIsTaken(int count) throws IOException {
        try (RawConnection connection = new RawConnection(broker)) {
            byte[] header = RawConnection.header(ApiKeys.METADATA.id, 1, 5);
            connection.send(ByteBuffer.allocate(header.length + 4)
                    .put(header)
                    .putInt(count)
                    .array());
            assertTrue(connection.receive().isEmpty());
        }
    }

    @Test
    void aStringLongerThanItsFrameClosesTheConnection() throws IOException {
        try (RawConnection connection = new RawConnection(broker)) {
            byte[] header = RawConnection.header(ApiKeys.METADATA.id, 1, 5);
            connection.send(ByteBuffer.allocate(header.length + 8)
                    .put(header)
                    .putInt(1)
                    .putShort((short) 3000)
                    .putShort((short) 0)
                    .array());
            assertTrue(connection.receive().isEmpty());
        }
    }

    @Test
    void anEmptyFrameClosesTheConnection() throws IOException {
        try (RawConnection connection = new RawConnection(broker)) {
            connection.send(new byte[0]);
            connection.send(new byte[3]);
            assertTrue(connection.receive().isEmpty());
        }
    }

    @Test
    void requestsSentAtOnceAreAnsweredInTheirOrder() throws IOException {
        try (RawConnection connection = new RawConnection(broker)) {
            for (int i = 0; i < 50; i++) {
                connection.send(
                        i % 2 == 0
                                ? RawConnection.request(ApiKeys.METADATA, 9, i, new MetadataRequestData())
                                : RawConnection.request(
                                        ApiKeys.PRODUCE, PRODUCE, i, produce(topic, 0, 1, records("order" + i))));
            }
            for (int i = 0; i < 50; i++) {
                assertEquals(i, connection.receive().orElseThrow().getInt());
            }
        }
    }

    /** Random bytes, and good requests with bytes changed; {@code -Dseed=} repeats a run, which prints its seed when it fails. */
    @Test
    void garbageDisturbsNobody() throws IOException {
        long seed = Long.getLong("seed", 20260101L);
        Random random = new Random(seed);
        List<byte[]> good = List.of(
                RawConnection.request(ApiKeys.METADATA, 9, 1, new MetadataRequestData()),
                RawConnection.request(ApiKeys.PRODUCE, PRODUCE, 1, produce(topic, 0, 1, records("fuzz"))),
                RawConnection.request(ApiKeys.FETCH, 11, 1, fetch(topic, 0, 0)),
                RawConnection.request(ApiKeys.API_VERSIONS, 3, 1, new ApiVersionsRequestData()));
        for (int i = 0; i < 400; i++) {
            byte[] frame;
            if (random.nextInt(3) == 0) {
                frame = new byte[random.nextInt(500)];
                random.nextBytes(frame);
            } else {
                frame = good.get(random.nextInt(good.size())).clone();
                // Key and version stay, so that the body's parser meets the damage; never an API that changes topics.
                for (int changes = 1 + random.nextInt(4); changes > 0; changes--) {
                    frame[8 + random.nextInt(frame.length - 8)] = (byte) random.nextInt();
                }
            }
            try (RawConnection connection = new RawConnection(broker)) {
                connection.send(frame);
                if (random.nextBoolean()) {
                    connection.endOutput();
                }
            }
            assertTrue(broker.isAlive(), "seed " + seed + ", frame " + i);
        }
        // The victim topic may have got a few of them; what it holds must still be readable.
        try (var consumer = clients.consumer()) {
            var partition = new TopicPartition(topic, 0);
            consumer.assign(List.of(partition));
            consumer.seekToBeginning(List.of(partition));
            long end = consumer.endOffsets(List.of(partition)).get(partition);
            Clients.await("seed " + seed + ": the topic is readable", () -> {
                consumer.poll(Duration.ofMillis(100));
                return consumer.position(partition) >= end;
            });
        }
    }

    @Test
    void aBatchWithAWrongChecksumIsRefusedAndNotStored() throws IOException {
        long before = produceOk(records("before"));
        byte[] damaged = bytes(records("damaged"));
        damaged[damaged.length - 1] ^= 1;
        assertEquals(
                Errors.CORRUPT_MESSAGE,
                produceError(topic, 0, 1, MemoryRecords.readableRecords(ByteBuffer.wrap(damaged))));
        assertEquals(before + 1, produceOk(records("after")));
    }

    @ParameterizedTest
    @ValueSource(ints = {Integer.MAX_VALUE, Integer.MIN_VALUE, -1, 0, 5, 1000})
    void aBatchWhoseLengthLiesIsRefusedOrClosesTheConnection(int length) throws IOException {
        byte[] bytes = bytes(records("lies"));
        // Bytes 8 to 11 of a batch are its length.
        ByteBuffer.wrap(bytes).putInt(8, length);
        Optional<Errors> error = tryProduce(topic, 0, 1, MemoryRecords.readableRecords(ByteBuffer.wrap(bytes)));
        assertTrue(error.isEmpty() || error.get() != Errors.NONE, "" + error);
    }

    @ParameterizedTest
    @CsvSource({"absent,0", "victim,1", "victim,-1", "victim,2147483647"})
    void anUnknownTopicOrPartitionHasItsError(String name, int partition) throws IOException {
        assertEquals(Errors.UNKNOWN_TOPIC_OR_PARTITION, produceError(name, partition, 1, records("x")));
        try (RawConnection connection = new RawConnection(broker)) {
            connection.send(RawConnection.request(ApiKeys.FETCH, 11, 1, fetch(name, partition, 0)));
            FetchResponseData data = new FetchResponseData(
                    RawConnection.body(ApiKeys.FETCH, 11, connection.receive().orElseThrow()), (short) 11);
            assertEquals(
                    Errors.UNKNOWN_TOPIC_OR_PARTITION.code(),
                    data.responses().get(0).partitions().get(0).errorCode());
        }
    }

    @Test
    void aFetchOutsideTheLogHasItsError() throws IOException {
        for (long offset : new long[] {-5, 1_000_000}) {
            try (RawConnection connection = new RawConnection(broker)) {
                connection.send(RawConnection.request(ApiKeys.FETCH, 11, 1, fetch(topic, 0, offset)));
                FetchResponseData data = new FetchResponseData(
                        RawConnection.body(
                                ApiKeys.FETCH, 11, connection.receive().orElseThrow()),
                        (short) 11);
                assertEquals(
                        Errors.OFFSET_OUT_OF_RANGE.code(),
                        data.responses().get(0).partitions().get(0).errorCode());
            }
        }
    }

    @ParameterizedTest
    @ValueSource(shorts = {2, -2, 100})
    void acksThatDoNotExistAreRefused(short acks) throws IOException {
        assertEquals(Errors.INVALID_REQUIRED_ACKS, produceError(topic, 0, acks, records("x")));
    }

    @Test
    void anErrorWithoutAcknowledgementsClosesTheConnection() throws IOException {
        try (RawConnection connection = new RawConnection(broker)) {
            connection.send(RawConnection.request(ApiKeys.PRODUCE, PRODUCE, 1, produce("absent", 0, 0, records("x"))));
            assertTrue(connection.receive().isEmpty());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"a b", "..", "a/b", ""})
    void anIllegalTopicNameIsRefusedByMetadata(String name) throws IOException {
        try (RawConnection connection = new RawConnection(broker)) {
            MetadataRequestData request = new MetadataRequestData()
                    .setAllowAutoTopicCreation(true)
                    .setTopics(List.of(new MetadataRequestData.MetadataRequestTopic().setName(name)));
            connection.send(RawConnection.request(ApiKeys.METADATA, 9, 1, request));
            MetadataResponseData data = new MetadataResponseData(
                    RawConnection.body(ApiKeys.METADATA, 9, connection.receive().orElseThrow()), (short) 9);
            assertEquals(
                    Errors.INVALID_TOPIC_EXCEPTION.code(),
                    data.topics().iterator().next().errorCode());
        }
    }

    @Test
    void manyConnectionsThatSayNothingLeaveRoomForOthers() throws Exception {
        List<RawConnection> silent = new ArrayList<>();
        try {
            for (int i = 0; i < 300; i++) {
                silent.add(new RawConnection(broker));
            }
            assertTrue(produceOk(records("still here")) >= 0);
        } finally {
            for (RawConnection connection : silent) {
                connection.close();
            }
        }
        assertFalse(silent.isEmpty());
    }

    private static MemoryRecords records(String value) {
        return MemoryRecords.withRecords(Compression.NONE, new SimpleRecord(1000L, value.getBytes()));
    }

    private static byte[] bytes(MemoryRecords records) {
        byte[] bytes = new byte[records.sizeInBytes()];
        records.buffer().duplicate().get(bytes);
        return bytes;
    }

    private static long produceOk(MemoryRecords records) throws IOException {
        var answer = exchange(topic, 0, 1, records).orElseThrow();
        assertEquals(Errors.NONE.code(), answer.errorCode());
        return answer.baseOffset();
    }

    private static Errors produceError(String name, int partition, int acks, MemoryRecords records) throws IOException {
        return tryProduce(name, partition, acks, records).orElseThrow();
    }

    private static Optional<Errors> tryProduce(String name, int partition, int acks, MemoryRecords records)
            throws IOException {
        return exchange(name, partition, acks, records).map(answer -> Errors.forCode(answer.errorCode()));
    }

    private static Optional<ProduceResponseData.PartitionProduceResponse> exchange(
            String name, int partition, int acks, MemoryRecords records) throws IOException {
        try (RawConnection connection = new RawConnection(broker)) {
            connection.send(
                    RawConnection.request(ApiKeys.PRODUCE, PRODUCE, 1, produce(name, partition, acks, records)));
            return connection.receive().map(answer -> new ProduceResponseData(
                            RawConnection.body(ApiKeys.PRODUCE, PRODUCE, answer), (short) PRODUCE)
                    .responses()
                    .iterator()
                    .next()
                    .partitionResponses()
                    .get(0));
        }
    }

    private static ProduceRequestData produce(String name, int partition, int acks, MemoryRecords records) {
        var topics = new ProduceRequestData.TopicProduceDataCollection();
        topics.add(new ProduceRequestData.TopicProduceData()
                .setName(name)
                .setPartitionData(List.of(new ProduceRequestData.PartitionProduceData()
                        .setIndex(partition)
                        .setRecords(records))));
        return new ProduceRequestData().setAcks((short) acks).setTimeoutMs(5000).setTopicData(topics);
    }

    private static FetchRequestData fetch(String name, int partition, long offset) {
        return new FetchRequestData()
                .setMaxWaitMs(100)
                .setMinBytes(1)
                .setMaxBytes(1_000_000)
                .setTopics(List.of(new FetchRequestData.FetchTopic()
                        .setTopic(name)
                        .setPartitions(List.of(new FetchRequestData.FetchPartition()
                                .setPartition(partition)
                                .setFetchOffset(offset)
                                .setPartitionMaxBytes(100_000)))));
    }
}
