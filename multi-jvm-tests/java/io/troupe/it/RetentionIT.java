package io.troupe.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.OffsetOutOfRangeException;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.InvalidTopicException;
import org.apache.kafka.common.errors.PolicyViolationException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Old records go by age, by size and when a client asks; what is left is all there, and the log start survives. */
@Timeout(600)
class RetentionIT {
    private static final int SEGMENT_BYTES = 1 << 20;
    private static final String VALUE = "x".repeat(10_000);

    private static BrokerProcess broker;
    private static Clients clients;

    @BeforeAll
    static void start() {
        broker = BrokerProcess.start(
                "retention",
                Map.of(
                        "log.retention.check.interval.ms", "200",
                        "log.segment.delete.delay.ms", "1000",
                        "log.initial.task.delay.ms", "0"));
        clients = new Clients(broker);
    }

    @AfterAll
    static void stop() {
        broker.close();
    }

    /** @return the offset after the last */
    private static long send(String topic, int count, long timestampMs) throws Exception {
        Future<RecordMetadata> last = null;
        try (Producer<String, String> producer = clients.producer("acks", "all", "batch.size", "16384")) {
            for (int i = 0; i < count; i++) {
                last = producer.send(new ProducerRecord<>(topic, 0, timestampMs, "k" + i, VALUE));
            }
            producer.flush();
            return last.get(30, TimeUnit.SECONDS).offset() + 1;
        }
    }

    private static long offset(Admin admin, String topic, OffsetSpec spec) {
        TopicPartition partition = new TopicPartition(topic, 0);
        return Clients.get(admin.listOffsets(Map.of(partition, spec)).partitionResult(partition))
                .offset();
    }

    private static List<String> files(String topic, String suffix) throws IOException {
        try (Stream<Path> files = Files.list(broker.data().resolve(topic + "-0"))) {
            return files.map(file -> file.getFileName().toString())
                    .filter(name -> name.endsWith(suffix))
                    .sorted()
                    .toList();
        }
    }

    private static void alter(Admin admin, String topic, String key, String value) {
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        Clients.get(admin.incrementalAlterConfigs(Map.of(
                        resource, List.of(new AlterConfigOp(new ConfigEntry(key, value), AlterConfigOp.OpType.SET))))
                .all());
    }

    @Test
    void expiredRecordsGoWithTheirFilesAndTheOffsetsGoOn() throws Exception {
        String topic = clients.topic(
                Clients.unique("aged"), 1, Map.of("segment.bytes", "" + SEGMENT_BYTES, "retention.ms", "3600000"));
        long now = System.currentTimeMillis();
        try (Admin admin = clients.admin()) {
            long oldEnd = send(topic, 250, now - 7_200_000);
            // All of it has expired, the active segment too.
            Clients.await("all old records gone", () -> offset(admin, topic, OffsetSpec.earliest()) == oldEnd);
            Clients.await(
                    "old files gone",
                    () -> files(topic, ".log").size() == 1
                            && files(topic, ".deleted").isEmpty());
            assertEquals(oldEnd, offset(admin, topic, OffsetSpec.latest()));
            long end = send(topic, 250, now);
            assertEquals(oldEnd + 250, end);
            assertTrue(files(topic, ".log").size() > 2, "several segments");
            assertEquals(oldEnd, offset(admin, topic, OffsetSpec.earliest()), "young records stay");
            // A changed setting counts from the next look on.
            alter(admin, topic, "retention.bytes", "" + SEGMENT_BYTES);
            Clients.await(
                    "shrunk",
                    () -> files(topic, ".log").size() == 2
                            && files(topic, ".deleted").isEmpty());
            long start = offset(admin, topic, OffsetSpec.earliest());
            assertTrue(start > oldEnd && start < end, oldEnd + " < " + start + " < " + end);
            readsFrom(topic, start, end);
        }
    }

    /** A consumer whose offset is gone is told, or begins where its reset policy says; then it reads all that is left. */
    private static void readsFrom(String topic, long start, long end) {
        TopicPartition partition = new TopicPartition(topic, 0);
        try (KafkaConsumer<String, String> consumer = clients.consumer("auto.offset.reset", "none")) {
            consumer.assign(List.of(partition));
            consumer.seek(partition, start - 1);
            OffsetOutOfRangeException told = assertThrows(OffsetOutOfRangeException.class, () -> {
                for (int i = 0; i < 300; i++) {
                    consumer.poll(Duration.ofMillis(200));
                }
            });
            assertEquals(Map.of(partition, start - 1), told.offsetOutOfRangePartitions());
        }
        try (KafkaConsumer<String, String> consumer = clients.consumer("auto.offset.reset", "earliest")) {
            consumer.assign(List.of(partition));
            consumer.seek(partition, 0);
            var records = Clients.read(consumer, (int) (end - start));
            for (int i = 0; i < records.size(); i++) {
                assertEquals(start + i, records.get(i).offset());
            }
        }
    }

    @Test
    void deletedRecordsStayDeletedThroughRestartsAndKills() throws Exception {
        String topic = clients.topic(Clients.unique("cut"), 1, Map.of("segment.bytes", "" + SEGMENT_BYTES));
        TopicPartition partition = new TopicPartition(topic, 0);
        long end = send(topic, 300, System.currentTimeMillis());
        try (Admin admin = clients.admin();
                var consumer = clients.consumer("group.id", "cut-readers")) {
            consumer.assign(List.of(partition));
            consumer.commitSync(Map.of(partition, new OffsetAndMetadata(5)));
            assertEquals(150, deleteBefore(admin, partition, 150));
            assertEquals(150, offset(admin, topic, OffsetSpec.earliest()));
            assertEquals(150, deleteBefore(admin, partition, 10), "below the log start nothing happens");
            assertOutOfRange(admin, partition, end + 1);
            assertOutOfRange(admin, partition, -7);
            Clients.await(
                    "files below gone",
                    () -> files(topic, ".log").size() < 3
                            && files(topic, ".deleted").isEmpty());
            readsFrom(topic, 150, end);
        }
        // Kafka forgets what it answered within the last minute when it is killed.
        if (BrokerProcess.KIND == BrokerProcess.Kind.TROUPE) {
            broker.kill();
        } else {
            broker.terminate();
        }
        broker.start();
        try (Admin admin = clients.admin()) {
            assertEquals(150, offset(admin, topic, OffsetSpec.earliest()));
            readsFrom(topic, 150, end);
            assertEquals(end, deleteBefore(admin, partition, -1), "-1 is the high watermark");
            broker.terminate();
            broker.start();
            assertEquals(end, offset(admin, topic, OffsetSpec.earliest()));
            assertEquals(end, offset(admin, topic, OffsetSpec.latest()));
            assertEquals(end + 1, send(topic, 1, System.currentTimeMillis()));
            readsFrom(topic, end, end + 1);
        }
    }

    private static long deleteBefore(Admin admin, TopicPartition partition, long offset) {
        return Clients.get(admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(offset)))
                        .lowWatermarks()
                        .get(partition))
                .lowWatermark();
    }

    private static void assertOutOfRange(Admin admin, TopicPartition partition, long offset) {
        assertThrows(
                org.apache.kafka.common.errors.OffsetOutOfRangeException.class,
                () -> deleteBefore(admin, partition, offset));
    }

    @Test
    void whatMayNotBeDeletedIsRefused() throws Exception {
        String compacted = clients.topic(Clients.unique("compacted"), 1, Map.of("cleanup.policy", "compact"));
        String both = clients.topic(Clients.unique("both"), 1, Map.of("cleanup.policy", "compact,delete"));
        try (Admin admin = clients.admin();
                var consumer = clients.consumer("group.id", "any")) {
            assertThrows(
                    PolicyViolationException.class, () -> deleteBefore(admin, new TopicPartition(compacted, 0), -1));
            assertEquals(0, deleteBefore(admin, new TopicPartition(both, 0), -1));
            consumer.committed(java.util.Set.of(new TopicPartition(both, 0)));
            assertThrows(
                    InvalidTopicException.class,
                    () -> deleteBefore(admin, new TopicPartition("__consumer_offsets", 0), 0));
            // The client itself retries an unknown topic until its time is up.
            ExecutionException unknown = assertThrows(ExecutionException.class, () -> admin.deleteRecords(
                            Map.of(new TopicPartition("nowhere", 0), RecordsToDelete.beforeOffset(0)),
                            new org.apache.kafka.clients.admin.DeleteRecordsOptions().timeoutMs(2_000))
                    .all()
                    .get(30, TimeUnit.SECONDS));
            assertTrue(
                    unknown.getCause() instanceof UnknownTopicOrPartitionException
                            || unknown.getCause() instanceof org.apache.kafka.common.errors.TimeoutException,
                    unknown.getCause().toString());
        }
    }
}
