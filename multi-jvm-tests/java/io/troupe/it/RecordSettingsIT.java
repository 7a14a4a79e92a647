package io.troupe.it;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.DataOutputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ListOffsetsResult.ListOffsetsResultInfo;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.InvalidTimestampException;
import org.apache.kafka.common.message.ProduceRequestData;
import org.apache.kafka.common.message.ProduceResponseData;
import org.apache.kafka.common.message.ProduceResponseData.PartitionProduceResponse;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.FileRecords;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.RecordBatch;
import org.apache.kafka.common.record.internal.SimpleRecord;
import org.apache.kafka.common.utils.internals.ByteBufferOutputStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Topic settings that say what a broker does to records: compression.type and the message.timestamp.* ones. */
@Timeout(600)
class RecordSettingsIT {
    private static final List<String> CODECS = List.of("none", "gzip", "snappy", "lz4", "zstd");
    private static final int EACH = 200;
    private static final Duration RUN_LIMIT = Duration.ofSeconds(180);

    private static BrokerProcess broker;
    private static Clients clients;

    @BeforeAll
    static void start() {
        broker = BrokerProcess.start("record-settings", Map.of());
        clients = new Clients(broker);
    }

    @AfterAll
    static void stop() {
        broker.close();
    }

    @ParameterizedTest
    @ValueSource(strings = {"uncompressed", "gzip", "snappy", "lz4", "zstd"})
    void whateverProducersSendIsStoredInTheTopicsCodecAndReadByAll(String target) throws Exception {
        String topic = topic("repack", "compression.type", target);
        List<String> expected = new ArrayList<>();
        for (String codec : CODECS) {
            List<Future<RecordMetadata>> sent = new ArrayList<>();
            try (var producer = clients.producer("compression.type", codec, "batch.size", "5000")) {
                for (int i = 0; i < EACH; i++) {
                    String value = i % 50 == 7 ? null : codec + " " + i + " value".repeat(i % 40);
                    var record = new ProducerRecord<>(topic, 0, 1_000L + i, i % 3 == 0 ? null : "k" + i, value);
                    record.headers().add("h", new byte[] {(byte) i}).add("null", null);
                    sent.add(producer.send(record));
                    expected.add(value);
                }
            }
            for (int i = 0; i < EACH; i++) {
                long first = expected.size() - EACH;
                assertEquals(first + i, sent.get(i).get(30, TimeUnit.SECONDS).offset());
            }
        }
        String stored = target.equals("uncompressed") ? "none" : target;
        assertEquals(List.of(stored), codecsStored(topic));
        int all = EACH * CODECS.size();
        List<ConsumerRecord<String, String>> records = readAll(topic, all);
        for (int i = 0; i < all; i++) {
            ConsumerRecord<String, String> record = records.get(i);
            int n = i % EACH;
            assertEquals(expected.get(i), record.value());
            assertEquals(n % 3 == 0 ? null : "k" + n, record.key());
            assertEquals(1_000L + n, record.timestamp());
            assertArrayEquals(
                    new byte[] {(byte) n}, record.headers().lastHeader("h").value());
            assertNull(record.headers().lastHeader("null").value());
        }
        readByKcat(topic, expected);
        readByKafkajs(topic, stored, expected);
    }

    private static void readByKcat(String topic, List<String> expected) {
        Need.program("kcat");
        List<String> command = List.of("kcat", "-C", "-b", broker.bootstrap(), "-t", topic, "-e", "-q", "-Z");
        List<String> lines = new ArrayList<>();
        Run.command(command, null, RUN_LIMIT).orFail().stdout().lines().forEach(lines::add);
        assertEquals(expected.stream().map(v -> v == null ? "NULL" : v).toList(), lines);
    }

    private static void readByKafkajs(String topic, String codec, List<String> expected) {
        String script = KafkaInstall.resource("kafkajs-consumer.js").toString();
        List<String> command = List.of(
                "node", script, Need.kafkajs(codec).toString(), broker.bootstrap(), topic, codec, "" + expected.size());
        assertEquals(
                expected.stream().map(v -> v == null ? "null" : v).toList(),
                Run.command(command, null, RUN_LIMIT).orFail().stdout().lines().toList());
    }

    @Test
    void aChangedSettingHoldsFromTheNextBatchOn() throws Exception {
        String topic = topic("alter");
        try (var producer = clients.producer("compression.type", "gzip")) {
            producer.send(new ProducerRecord<>(topic, "as it comes")).get(30, TimeUnit.SECONDS);
            alter(topic, "compression.type", "zstd");
            Clients.await("a batch in zstd", () -> {
                producer.send(new ProducerRecord<>(topic, "packed anew")).get(30, TimeUnit.SECONDS);
                return codecsStored(topic).equals(List.of("gzip", "zstd"));
            });
            alter(topic, "message.timestamp.type", "LogAppendTime");
            Clients.await(
                    "a batch with the broker's time",
                    () -> producer.send(new ProducerRecord<>(topic, null, 5L, null, "late"))
                                    .get(30, TimeUnit.SECONDS)
                                    .timestamp()
                            != 5L);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"none", "lz4"})
    void logAppendTimeIsToldToProducersConsumersAndThoseWhoAskForOffsets(String codec) throws Exception {
        String topic = topic("append-time", "message.timestamp.type", "LogAppendTime");
        long before = System.currentTimeMillis();
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        try (var producer = clients.producer("compression.type", codec, "linger.ms", "30000", "batch.size", "100000")) {
            for (int i = 0; i < 10; i++) {
                sent.add(producer.send(new ProducerRecord<>(topic, 0, 42L, null, "first " + i)));
            }
            producer.flush();
            while (System.currentTimeMillis() <= sent.get(9).get().timestamp()) {
                Thread.onSpinWait(); // the next batch's time is a later one
            }
            for (int i = 0; i < 10; i++) {
                sent.add(producer.send(new ProducerRecord<>(topic, 0, 42L, null, "second " + i)));
            }
        }
        List<ConsumerRecord<String, String>> records = readAll(topic, 20);
        for (int i = 0; i < 20; i++) {
            assertTrue(records.get(i).timestamp() >= before);
            assertEquals(TimestampType.LOG_APPEND_TIME, records.get(i).timestampType());
            assertEquals(sent.get(i).get().timestamp(), records.get(i).timestamp());
        }
        long second = records.get(19).timestamp();
        assertTrue(second > records.get(0).timestamp());
        assertEquals(0, offset(topic, OffsetSpec.forTimestamp(before)).offset());
        assertEquals(10, offset(topic, OffsetSpec.forTimestamp(second)).offset());
        assertEquals(-1, offset(topic, OffsetSpec.forTimestamp(second + 1)).offset());
        ListOffsetsResultInfo greatest = offset(topic, OffsetSpec.maxTimestamp());
        assertEquals(10, greatest.offset());
        assertEquals(second, greatest.timestamp());
    }

    @ParameterizedTest
    @ValueSource(strings = {"none", "gzip", "snappy", "lz4", "zstd"})
    void offsetsByTimeAreExactWithinABatch(String codec) throws Exception {
        String topic = topic("by-time");
        long[] times = {5_000, 1_000, 9_000, 9_000, 3_000, 9_000};
        try (var producer = clients.producer("compression.type", codec, "linger.ms", "30000", "batch.size", "100000")) {
            for (long time : times) {
                producer.send(new ProducerRecord<>(topic, 0, time, null, "v"));
            }
        }
        assertEquals(0, offset(topic, OffsetSpec.forTimestamp(1_000)).offset());
        assertEquals(2, offset(topic, OffsetSpec.forTimestamp(5_001)).offset());
        assertEquals(2, offset(topic, OffsetSpec.forTimestamp(9_000)).offset());
        assertEquals(9_000, offset(topic, OffsetSpec.forTimestamp(5_001)).timestamp());
        assertEquals(-1, offset(topic, OffsetSpec.forTimestamp(9_001)).offset());
        assertEquals(2, offset(topic, OffsetSpec.maxTimestamp()).offset());
        assertEquals(0, offset(topic, OffsetSpec.earliestLocal()).offset());
    }

    @ParameterizedTest
    @ValueSource(strings = {"none", "zstd"})
    void recordsOutsideTheTimestampLimitsAreRefusedByName(String codec) throws Exception {
        String topic = topic(
                "limits", "message.timestamp.before.max.ms", "600000", "message.timestamp.after.max.ms", "600000");
        long now = System.currentTimeMillis();
        try (var producer = clients.producer(
                "compression.type",
                codec,
                "linger.ms",
                "30000",
                "batch.size",
                "100000",
                "enable.idempotence",
                "false")) {
            List<Future<RecordMetadata>> sent = new ArrayList<>();
            for (long time : new long[] {now, now - 3_600_000, now}) {
                sent.add(producer.send(new ProducerRecord<>(topic, 0, time, null, "v")));
            }
            producer.flush();
            ExecutionException bad = assertThrows(ExecutionException.class, sent.get(1)::get);
            assertInstanceOf(InvalidTimestampException.class, bad.getCause());
            assertTrue(bad.getCause().getMessage().contains("" + (now - 3_600_000)), bad.getMessage());
            // The others went down with it, and are told so.
            assertThrows(ExecutionException.class, sent.get(0)::get);
            Future<RecordMetadata> late = producer.send(new ProducerRecord<>(topic, 0, now + 3_600_000, null, "v"));
            producer.flush();
            assertInstanceOf(
                    InvalidTimestampException.class,
                    assertThrows(ExecutionException.class, late::get).getCause());
            producer.send(new ProducerRecord<>(topic, 0, now, null, "good"));
        }
        assertEquals("good", readAll(topic, 1).get(0).value());
    }

    @ParameterizedTest
    @ValueSource(strings = {"gzip", "uncompressed"})
    void aBombIsRefusedAndOthersGoOn(String target) throws Exception {
        Need.troupe();
        String topic = topic("bomb", "compression.type", target);
        PartitionProduceResponse refused = produce(topic, bomb(1 << 30));
        // In gzip it would pass what the request may unpack to, unpacked the topic's max.message.bytes.
        assertEquals(
                target.equals("gzip") ? Errors.INVALID_RECORD : Errors.MESSAGE_TOO_LARGE,
                Errors.forCode(refused.errorCode()));
        assertTrue(refused.errorMessage().contains("bytes"), refused.errorMessage());
        try (var producer = clients.producer()) {
            assertEquals(
                    0,
                    producer.send(new ProducerRecord<>(topic, "small"))
                            .get(30, TimeUnit.SECONDS)
                            .offset());
        }
    }

    /** One record of zeros in zstd, written as it unpacks. */
    private static MemoryRecords bomb(int valueBytes) throws Exception {
        int header = 61;
        ByteBufferOutputStream bytes = new ByteBufferOutputStream(1 << 17);
        bytes.position(header);
        try (DataOutputStream out =
                new DataOutputStream(Compression.zstd().build().wrapForOutput(bytes, RecordBatch.MAGIC_VALUE_V2))) {
            varint(out, valueBytes + 10L);
            out.write(new byte[] {0, 0, 0, 1});
            varint(out, valueBytes);
            byte[] zeros = new byte[1 << 20];
            for (int written = 0; written < valueBytes; written += zeros.length) {
                out.write(zeros);
            }
            out.write(0);
        }
        ByteBuffer batch = bytes.buffer();
        int end = batch.position();
        ByteBuffer like = MemoryRecords.withRecords(
                        Compression.zstd().build(), new SimpleRecord(System.currentTimeMillis(), "v".getBytes()))
                .buffer();
        batch.put(0, like, 0, header).limit(end).position(0);
        batch.putInt(8, end - 12);
        java.util.zip.CRC32C crc = new java.util.zip.CRC32C();
        crc.update(batch.duplicate().position(21));
        batch.putInt(17, (int) crc.getValue());
        return MemoryRecords.readableRecords(batch);
    }

    private static void varint(DataOutputStream out, long value) throws Exception {
        long left = value << 1;
        while ((left & ~0x7FL) != 0) {
            out.writeByte((int) (left & 0x7F) | 0x80);
            left >>>= 7;
        }
        out.writeByte((int) left);
    }

    private static PartitionProduceResponse produce(String topic, MemoryRecords records) throws Exception {
        ProduceRequestData produce = new ProduceRequestData().setAcks((short) 1).setTimeoutMs(30_000);
        produce.topicData()
                .add(new ProduceRequestData.TopicProduceData()
                        .setName(topic)
                        .setPartitionData(List.of(new ProduceRequestData.PartitionProduceData()
                                .setIndex(0)
                                .setRecords(records))));
        try (RawConnection connection = new RawConnection(broker)) {
            connection.send(RawConnection.request(ApiKeys.PRODUCE, 12, 1, produce));
            ByteBuffer answer = connection.receive(60_000).orElseThrow();
            var response = new ProduceResponseData(RawConnection.body(ApiKeys.PRODUCE, 12, answer), (short) 12);
            return response.responses().iterator().next().partitionResponses().get(0);
        }
    }

    /** A topic that keeps records of long ago. */
    private static String topic(String name, String... settings) {
        Map<String, String> configs = new HashMap<>(Map.of("retention.ms", "-1"));
        for (int i = 0; i < settings.length; i += 2) {
            configs.put(settings[i], settings[i + 1]);
        }
        return clients.topic(Clients.unique(name), 1, configs);
    }

    private static List<ConsumerRecord<String, String>> readAll(String topic, int count) {
        try (var consumer = clients.consumer()) {
            consumer.assign(List.of(new TopicPartition(topic, 0)));
            consumer.seekToBeginning(consumer.assignment());
            return Clients.read(consumer, count);
        }
    }

    private static ListOffsetsResultInfo offset(String topic, OffsetSpec spec) {
        TopicPartition partition = new TopicPartition(topic, 0);
        try (Admin admin = clients.admin()) {
            return Clients.get(admin.listOffsets(Map.of(partition, spec)).partitionResult(partition));
        }
    }

    private static void alter(String topic, String key, String value) {
        try (Admin admin = clients.admin()) {
            Clients.get(admin.incrementalAlterConfigs(Map.of(
                            new ConfigResource(ConfigResource.Type.TOPIC, topic),
                            List.of(new AlterConfigOp(new ConfigEntry(key, value), AlterConfigOp.OpType.SET))))
                    .all());
        }
    }

    /** The codecs of a topic's batches on disk, in order, each once in a row. */
    private static List<String> codecsStored(String topic) throws Exception {
        List<String> codecs = new ArrayList<>();
        try (Stream<Path> files = Files.list(broker.data().resolve(topic + "-0"))) {
            for (Path file :
                    files.filter(f -> f.toString().endsWith(".log")).sorted().toList()) {
                try (FileRecords records = FileRecords.open(file.toFile(), false)) {
                    for (RecordBatch batch : records.batches()) {
                        batch.ensureValid();
                        String codec = batch.compressionType().name;
                        if (codecs.isEmpty() || !codecs.get(codecs.size() - 1).equals(codec)) {
                            codecs.add(codec);
                        }
                    }
                }
            }
        }
        return codecs;
    }
}
