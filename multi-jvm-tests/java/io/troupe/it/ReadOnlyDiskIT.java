package io.troupe.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.LogDirDescription;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.KafkaStorageException;
import org.apache.kafka.common.message.ListOffsetsRequestData;
import org.apache.kafka.common.message.ListOffsetsRequestData.ListOffsetsPartition;
import org.apache.kafka.common.message.ListOffsetsRequestData.ListOffsetsTopic;
import org.apache.kafka.common.message.ListOffsetsResponseData;
import org.apache.kafka.common.message.ProduceRequestData;
import org.apache.kafka.common.message.ProduceRequestData.PartitionProduceData;
import org.apache.kafka.common.message.ProduceRequestData.TopicProduceData;
import org.apache.kafka.common.message.ProduceRequestData.TopicProduceDataCollection;
import org.apache.kafka.common.message.ProduceResponseData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Log dirs that cannot be written, from the start or from some moment on. Needs the right to mount a tmpfs, and an ext4 from a file: only
 * a file system that gives up turns read-only while files are open.
 */
@Timeout(600)
class ReadOnlyDiskIT {
    private static final Duration LIMIT = Duration.ofSeconds(120);
    private static final int EXIT_REFUSED = 1;
    private static final String TOPIC = "firm";
    private static final int PARTITIONS = 4;
    private static final int RECORDS = 30;

    @Test
    void aDirThatIsReadOnlyAtTheStartIsNamedAndLeftAsItIs() throws Exception {
        Need.troupe();
        try (BrokerProcess broker = BrokerProcess.create("read-only-start", Map.of())) {
            SmallDisk.mount(broker.data(), "32m");
            try {
                broker.start();
                broker.terminate();
                int from = broker.output().length();
                SmallDisk.makeReadOnly(broker.data());
                broker.launch();
                assertEquals(EXIT_REFUSED, broker.awaitExit(LIMIT), "not the code that asks for another start");
                String output = broker.output().substring(from);
                assertTrue(output.contains("log.dirs: " + broker.data()), output);
                assertTrue(output.contains("Read-only file system"), output);
                assertFalse(output.contains("\tat io.troupe"), () -> "a person sees a stack trace:\n" + output);
                SmallDisk.makeWritable(broker.data());
                broker.start();
            } finally {
                if (broker.isAlive()) {
                    broker.kill();
                }
                SmallDisk.unmount(broker.data());
            }
        }
    }

    @Test
    void aDirThatTurnsReadOnlyGoesOfflineAloneAndKeepsAllThatWasAcknowledged() throws Exception {
        Need.troupe();
        try (BrokerProcess broker = BrokerProcess.create("turns-read-only", Map.of())) {
            Path sound = broker.dir().resolve("data").resolve("a");
            Path failing = broker.dir().resolve("data").resolve("b");
            Path image = broker.dir().resolve("b.img");
            SmallDisk.mountExt4(failing, image);
            try {
                broker.set("log.dirs", sound + "," + failing);
                broker.start();
                // Acknowledged means forced: a file system that gives up keeps nothing else.
                new Clients(broker).topic(TOPIC, PARTITIONS, Map.of("flush.messages", "1"));
                Clients.await(
                        "each partition has a directory",
                        () -> in(failing).size() + in(sound).size() == PARTITIONS);
                List<Integer> inFailing = in(failing);
                List<Integer> inSound = in(sound);
                assertEquals(2, inFailing.size(), "partitions in " + failing);
                assertEquals(2, inSound.size(), "partitions in " + sound);
                write(broker, 0, RECORDS, inFailing);
                write(broker, 0, RECORDS, inSound);

                turnReadOnly(broker, failing, inFailing.get(0));
                for (int partition : inFailing) {
                    Clients.await(
                            "partition " + partition + " answers that its log dir has failed",
                            () -> listOffsets(broker, partition) == Errors.KAFKA_STORAGE_ERROR);
                    assertEquals(Errors.KAFKA_STORAGE_ERROR, produce(broker, partition));
                }
                assertDescribed(broker, sound, failing, inSound);
                write(broker, RECORDS, RECORDS + 10, inSound);
                for (int partition : inSound) {
                    assertEquals(values(RECORDS + 10), read(broker, partition));
                }

                broker.terminate();
                SmallDisk.unmount(failing);
                SmallDisk.mountImage(failing, image);
                broker.start();
                for (int partition : inFailing) {
                    assertEquals(values(RECORDS), read(broker, partition), "each acknowledged once, and nothing else");
                }
                for (int partition : inSound) {
                    assertEquals(values(RECORDS + 10), read(broker, partition));
                }
                write(broker, RECORDS, RECORDS + 1, inFailing);
            } finally {
                if (broker.isAlive()) {
                    broker.kill();
                }
                SmallDisk.unmount(failing);
                Files.deleteIfExists(image);
            }
        }
    }

    /** Refused is what meets it first; the other partition of the dir is not written to. */
    private static void turnReadOnly(BrokerProcess broker, Path failing, int partition) {
        try (KafkaProducer<String, String> producer = producer(broker)) {
            producer.partitionsFor(TOPIC);
            SmallDisk.abort(failing);
            ExecutionException refused =
                    assertThrows(ExecutionException.class, () -> send(producer, partition, "refused"));
            assertInstanceOf(KafkaStorageException.class, refused.getCause());
        }
        // What it prints and what it answers come by different ways.
        broker.awaitOutput("Log dir " + failing + " goes offline", 0);
        broker.awaitOutput("Read-only file system", 0);
    }

    private static void assertDescribed(BrokerProcess broker, Path sound, Path failing, List<Integer> inSound) {
        try (Admin admin = new Clients(broker).admin()) {
            Map<String, LogDirDescription> dirs = Clients.get(
                            admin.describeLogDirs(List.of(1)).allDescriptions())
                    .get(1);
            assertInstanceOf(
                    KafkaStorageException.class, dirs.get(failing.toString()).error());
            assertTrue(dirs.get(failing.toString()).replicaInfos().isEmpty());
            assertNull(dirs.get(sound.toString()).error());
            assertEquals(
                    inSound,
                    dirs.get(sound.toString()).replicaInfos().keySet().stream()
                            .filter(partition -> partition.topic().equals(TOPIC))
                            .map(TopicPartition::partition)
                            .sorted()
                            .toList());
        }
    }

    private static List<Integer> in(Path dir) {
        List<Integer> found = new ArrayList<>();
        for (int p = 0; p < PARTITIONS; p++) {
            if (Files.exists(dir.resolve(TOPIC + "-" + p))) {
                found.add(p);
            }
        }
        return found;
    }

    /** Without retries: what the broker answers is what the test sees. */
    private static KafkaProducer<String, String> producer(BrokerProcess broker) {
        return new Clients(broker)
                .producer("acks", "all", "enable.idempotence", "false", "retries", "0", "linger.ms", "0");
    }

    private static void write(BrokerProcess broker, int from, int to, List<Integer> partitions) throws Exception {
        try (KafkaProducer<String, String> producer = producer(broker)) {
            for (int i = from; i < to; i++) {
                for (int partition : partitions) {
                    send(producer, partition, "" + i);
                }
            }
        }
    }

    private static void send(KafkaProducer<String, String> producer, int partition, String value) throws Exception {
        producer.send(new ProducerRecord<>(TOPIC, partition, value, value)).get(60, TimeUnit.SECONDS);
    }

    private static List<String> values(int count) {
        return IntStream.range(0, count).mapToObj(Integer::toString).toList();
    }

    private static List<String> read(BrokerProcess broker, int partition) {
        TopicPartition from = new TopicPartition(TOPIC, partition);
        try (KafkaConsumer<String, String> consumer = new Clients(broker).consumer()) {
            consumer.assign(List.of(from));
            consumer.seekToBeginning(List.of(from));
            long end = consumer.endOffsets(List.of(from)).get(from);
            return Clients.read(consumer, (int) end).stream()
                    .map(ConsumerRecord::value)
                    .toList();
        }
    }

    private static Errors listOffsets(BrokerProcess broker, int partition) throws IOException {
        int version = 7;
        try (RawConnection connection = new RawConnection(broker)) {
            connection.send(RawConnection.request(
                    ApiKeys.LIST_OFFSETS,
                    version,
                    1,
                    new ListOffsetsRequestData()
                            .setReplicaId(-1)
                            .setTopics(List.of(new ListOffsetsTopic()
                                    .setName(TOPIC)
                                    .setPartitions(List.of(new ListOffsetsPartition()
                                            .setPartitionIndex(partition)
                                            .setTimestamp(-1)))))));
            var body = RawConnection.body(
                    ApiKeys.LIST_OFFSETS, version, connection.receive().orElseThrow());
            return Errors.forCode(new ListOffsetsResponseData(body, (short) version)
                    .topics()
                    .get(0)
                    .partitions()
                    .get(0)
                    .errorCode());
        }
    }

    /** Of no records: the partition is looked for before they are looked at. */
    private static Errors produce(BrokerProcess broker, int partition) throws IOException {
        int version = 9;
        try (RawConnection connection = new RawConnection(broker)) {
            TopicProduceData topic = new TopicProduceData()
                    .setName(TOPIC)
                    .setPartitionData(List.of(
                            new PartitionProduceData().setIndex(partition).setRecords(MemoryRecords.EMPTY)));
            connection.send(RawConnection.request(
                    ApiKeys.PRODUCE,
                    version,
                    1,
                    new ProduceRequestData()
                            .setAcks((short) -1)
                            .setTimeoutMs(10_000)
                            .setTopicData(new TopicProduceDataCollection(
                                    List.of(topic).iterator()))));
            var body = RawConnection.body(
                    ApiKeys.PRODUCE, version, connection.receive().orElseThrow());
            return Errors.forCode(new ProduceResponseData(body, (short) version)
                    .responses()
                    .iterator()
                    .next()
                    .partitionResponses()
                    .get(0)
                    .errorCode());
        }
    }
}
