package io.troupe.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.CreateTopicsOptions;
import org.apache.kafka.clients.admin.CreateTopicsResult;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.config.TopicConfig;
import org.apache.kafka.common.errors.InvalidConfigurationException;
import org.apache.kafka.common.errors.InvalidPartitionsException;
import org.apache.kafka.common.errors.InvalidReplicationFactorException;
import org.apache.kafka.common.errors.InvalidTopicException;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What the Java producer, consumer and admin client of today expect of one broker. */
@Timeout(600)
class ClientConformanceIT {
    /** For records of 1970: half a minute after its start, and then now and then, a broker looks for old ones. */
    private static final Map<String, String> KEEPS_ALL = Map.of("retention.ms", "-1");

    private static BrokerProcess broker;
    private static Clients clients;

    @BeforeAll
    static void start() {
        broker = BrokerProcess.start("conformance", Map.of("num.partitions", "2"));
        clients = new Clients(broker);
    }

    @AfterAll
    static void stop() {
        broker.close();
    }

    @ParameterizedTest
    @CsvSource({"0,false", "1,false", "all,false", "all,true"})
    void everyAckModeKeepsOrderAndLosesNothing(String acks, boolean idempotent) throws Exception {
        String topic = clients.topic(Clients.unique("acks"), 1, Map.of());
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        try (var producer =
                clients.producer("acks", acks, "enable.idempotence", "" + idempotent, "batch.size", "500")) {
            for (int i = 0; i < 500; i++) {
                sent.add(producer.send(new ProducerRecord<>(topic, "v" + i)));
            }
        }
        for (int i = 0; i < sent.size(); i++) {
            // acks=0 has no answer, so no offset.
            assertEquals(
                    acks.equals("0") ? -1 : i,
                    sent.get(i).get(30, TimeUnit.SECONDS).offset());
        }
        assertEquals(numbered("v", 500), values(readAll(topic, 1, 500)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"none", "gzip", "snappy", "lz4", "zstd"})
    void recordsComeBackByteForByteWithEveryCodec(String codec) throws Exception {
        String topic = clients.topic(Clients.unique("codec"), 1, KEEPS_ALL);
        try (var producer = clients.producer("compression.type", codec)) {
            for (int i = 0; i < 300; i++) {
                ProducerRecord<String, String> record =
                        new ProducerRecord<>(topic, null, 1000L + i, "k" + i, "value ".repeat(i));
                record.headers().add("h", new byte[] {(byte) i}).add("null", null);
                producer.send(record);
            }
            producer.send(new ProducerRecord<>(topic, null, null)).get(30, TimeUnit.SECONDS);
        }
        List<ConsumerRecord<String, String>> records = readAll(topic, 1, 301);
        for (int i = 0; i < 300; i++) {
            ConsumerRecord<String, String> record = records.get(i);
            assertEquals("k" + i, record.key());
            assertEquals("value ".repeat(i), record.value());
            assertEquals(1000L + i, record.timestamp());
            assertEquals((byte) i, record.headers().lastHeader("h").value()[0]);
            assertNull(record.headers().lastHeader("null").value());
        }
        assertNull(records.get(300).key());
        assertNull(records.get(300).value());
    }

    @Test
    void producingToAnAbsentTopicCreatesItWithTheBrokersPartitions() throws Exception {
        String topic = Clients.unique("auto");
        try (var producer = clients.producer()) {
            producer.send(new ProducerRecord<>(topic, "first")).get(30, TimeUnit.SECONDS);
        }
        try (Admin admin = clients.admin()) {
            assertEquals(2, describe(admin, topic).partitions().size());
        }
        assertEquals(List.of("first"), values(readAll(topic, 2, 1)));
    }

    @Test
    void aRecordAboveTheTopicsLimitIsRefusedAndTheNextOneIsTaken() throws Exception {
        String topic = clients.topic(Clients.unique("large"), 1, Map.of(TopicConfig.MAX_MESSAGE_BYTES_CONFIG, "2000"));
        try (var producer = clients.producer()) {
            ExecutionException refused = assertThrows(
                    ExecutionException.class, () -> producer.send(new ProducerRecord<>(topic, "x".repeat(5000)))
                            .get(30, TimeUnit.SECONDS));
            assertInstanceOf(RecordTooLargeException.class, refused.getCause());
            assertEquals(
                    0,
                    producer.send(new ProducerRecord<>(topic, "small"))
                            .get(30, TimeUnit.SECONDS)
                            .offset());
        }
    }

    @Test
    void aWaitingFetchIsAnsweredAsSoonAsARecordArrives() throws Exception {
        String topic = clients.topic(Clients.unique("poll"), 1, Map.of());
        TopicPartition partition = new TopicPartition(topic, 0);
        try (var consumer = clients.consumer("fetch.max.wait.ms", "90000", "request.timeout.ms", "120000");
                var producer = clients.producer("linger.ms", "0")) {
            producer.partitionsFor(topic);
            consumer.assign(List.of(partition));
            consumer.seek(partition, 0);
            assertTrue(consumer.poll(Duration.ofMillis(1000)).isEmpty());
            long sentNs = System.nanoTime();
            producer.send(new ProducerRecord<>(topic, "wake")).get(30, TimeUnit.SECONDS);
            assertEquals(1, consumer.poll(Duration.ofSeconds(120)).count());
            long waitedMs = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - sentNs);
            assertTrue(waitedMs < 80_000, "woken after " + waitedMs + " ms");
            // Else the consumer would wait for its next fetch as it closes.
            producer.send(new ProducerRecord<>(topic, "let go"));
        }
    }

    @Test
    void aFetchShortOfMinBytesIsAnsweredAfterMaxWait() throws Exception {
        String topic = clients.topic(Clients.unique("minbytes"), 1, Map.of());
        send(topic, numbered("v", 3));
        TopicPartition partition = new TopicPartition(topic, 0);
        try (var consumer = clients.consumer("fetch.max.wait.ms", "1500", "fetch.min.bytes", "1000000")) {
            consumer.assign(List.of(partition));
            consumer.seek(partition, 0);
            consumer.partitionsFor(topic);
            long startNs = System.nanoTime();
            assertEquals(3, Clients.read(consumer, 3).size());
            long waitedMs = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - startNs);
            assertTrue(waitedMs >= 1200 && waitedMs < 25_000, "answered after " + waitedMs + " ms");
        }
    }

    @Test
    void aBatchLargerThanTheFetchLimitsIsStillReturned() throws Exception {
        String topic = clients.topic(Clients.unique("oversize"), 1, Map.of());
        send(topic, List.of("x".repeat(200_000), "y".repeat(200_000)));
        TopicPartition partition = new TopicPartition(topic, 0);
        try (var consumer = clients.consumer("max.partition.fetch.bytes", "1000", "fetch.max.bytes", "1000")) {
            consumer.assign(List.of(partition));
            consumer.seekToBeginning(List.of(partition));
            assertEquals(List.of("x".repeat(200_000), "y".repeat(200_000)), values(Clients.read(consumer, 2)));
        }
    }

    @Test
    void offsetsAreFoundByBeginningEndPositionAndTime() throws Exception {
        String topic = clients.topic(Clients.unique("offsets"), 1, KEEPS_ALL);
        TopicPartition partition = new TopicPartition(topic, 0);
        try (var producer = clients.producer("batch.size", "1")) {
            for (int i = 0; i < 50; i++) {
                producer.send(new ProducerRecord<>(topic, 0, 1_000_000L + i * 1000, null, "v" + i));
            }
        }
        try (var consumer = clients.consumer();
                Admin admin = clients.admin()) {
            consumer.assign(List.of(partition));
            assertEquals(Map.of(partition, 0L), consumer.beginningOffsets(List.of(partition)));
            assertEquals(Map.of(partition, 50L), consumer.endOffsets(List.of(partition)));
            OffsetAndTimestamp between =
                    consumer.offsetsForTimes(Map.of(partition, 1_010_500L)).get(partition);
            assertEquals(11, between.offset());
            assertEquals(1_011_000L, between.timestamp());
            assertEquals(
                    0,
                    consumer.offsetsForTimes(Map.of(partition, 5L))
                            .get(partition)
                            .offset());
            assertNull(consumer.offsetsForTimes(Map.of(partition, 9_000_000L)).get(partition));
            assertEquals(
                    49,
                    Clients.get(admin.listOffsets(Map.of(partition, OffsetSpec.maxTimestamp()))
                                    .partitionResult(partition))
                            .offset());
            consumer.seek(partition, 30);
            assertEquals("v30", Clients.read(consumer, 1).get(0).value());
            consumer.seekToEnd(List.of(partition));
            assertEquals(50, consumer.position(partition));
            consumer.seekToBeginning(List.of(partition));
            assertEquals("v0", Clients.read(consumer, 1).get(0).value());
        }
    }

    @Test
    void aFetchBeyondTheLogResetsToWhereThePolicySays() throws Exception {
        String topic = clients.topic(Clients.unique("reset"), 1, Map.of());
        send(topic, numbered("v", 10));
        TopicPartition partition = new TopicPartition(topic, 0);
        try (var consumer = clients.consumer("auto.offset.reset", "earliest")) {
            consumer.assign(List.of(partition));
            consumer.seek(partition, 5000);
            assertEquals(numbered("v", 10), values(Clients.read(consumer, 10)));
        }
    }

    @Test
    void theClusterDescribesItself() {
        try (Admin admin = clients.admin()) {
            var cluster = admin.describeCluster();
            assertEquals(22, Clients.get(cluster.clusterId()).length());
            assertEquals(1, Clients.get(cluster.nodes()).size());
            assertEquals(
                    broker.port(),
                    Clients.get(cluster.nodes()).iterator().next().port());
            assertEquals(1, Clients.get(cluster.controller()).id());
        }
    }

    @Test
    void topicsCarryTheConfigsTheyWereGivenAndTakeChanges() {
        String topic = clients.topic(Clients.unique("configs"), 3, Map.of("retention.ms", "123456"));
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        try (Admin admin = clients.admin()) {
            assertEquals(3, describe(admin, topic).partitions().size());
            Config before = configs(admin, resource);
            assertEquals("123456", before.get("retention.ms").value());
            assertEquals(
                    ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG,
                    before.get("retention.ms").source());
            assertEquals("delete", before.get("cleanup.policy").value());
            assertTrue(before.get("cleanup.policy").isDefault());

            Clients.get(admin.incrementalAlterConfigs(
                            Map.of(resource, List.of(set("segment.bytes", "2000000"), delete("retention.ms"))))
                    .all());
            Clients.await(
                    "changed configs are seen",
                    () -> configs(admin, resource).get("segment.bytes").value().equals("2000000"));
            assertEquals(
                    "604800000", configs(admin, resource).get("retention.ms").value());

            assertThrows(
                    InvalidConfigurationException.class,
                    () -> Clients.get(
                            admin.incrementalAlterConfigs(Map.of(resource, List.of(set("retention.ms", "soon"))))
                                    .all()));
            assertThrows(
                    InvalidConfigurationException.class,
                    () -> Clients.get(
                            admin.incrementalAlterConfigs(Map.of(resource, List.of(set("no.such.config", "1"))))
                                    .all()));
            ConfigResource absent = new ConfigResource(ConfigResource.Type.TOPIC, "absent-topic");
            assertThrows(UnknownTopicOrPartitionException.class, () -> configs(admin, absent));
        }
    }

    @Test
    void theBrokersOwnConfigsCanBeRead() {
        try (Admin admin = clients.admin()) {
            Config config = configs(admin, new ConfigResource(ConfigResource.Type.BROKER, "1"));
            assertEquals("2", config.get("num.partitions").value());
        }
    }

    @Test
    void wrongTopicsAreRefusedEachWithItsError() {
        try (Admin admin = clients.admin()) {
            String topic = clients.topic(Clients.unique("exists"), 1, Map.of());
            refused(admin, TopicExistsException.class, new NewTopic(topic, 1, (short) 1));
            for (String illegal : List.of("a b", "a/b", "..", ".", "ümlaut", "x".repeat(250))) {
                refused(admin, InvalidTopicException.class, new NewTopic(illegal, 1, (short) 1));
            }
            refused(admin, InvalidPartitionsException.class, new NewTopic("negative-partitions", -5, (short) 1));
            refused(admin, InvalidPartitionsException.class, new NewTopic("no-partitions", 0, (short) 1));
            refused(admin, InvalidReplicationFactorException.class, new NewTopic("too-many-copies", 1, (short) 2));
            refused(
                    admin,
                    InvalidConfigurationException.class,
                    new NewTopic("bad-config", 1, (short) 1).configs(Map.of("cleanup.policy", "burn")));
            assertThrows(
                    UnknownTopicOrPartitionException.class,
                    () -> Clients.get(admin.deleteTopics(List.of("never-was")).all()));
            Collection<String> names = Clients.get(admin.listTopics().names());
            assertTrue(names.stream().noneMatch(n -> n.equals("bad-config") || n.contains("partitions")), "" + names);
        }
    }

    @Test
    void validateOnlyChecksAndCreatesNothing() {
        String topic = Clients.unique("validate");
        try (Admin admin = clients.admin()) {
            CreateTopicsResult result = admin.createTopics(
                    List.of(new NewTopic(topic, 4, (short) 1)), new CreateTopicsOptions().validateOnly(true));
            assertEquals(4, Clients.get(result.numPartitions(topic)));
            assertTrue(!Clients.get(admin.listTopics().names()).contains(topic));
        }
    }

    @Test
    void aTopicDeletedAndCreatedAgainHoldsNoOldData() throws Exception {
        String topic = clients.topic(Clients.unique("again"), 2, Map.of());
        for (int round = 0; round < 5; round++) {
            String value = "round" + round;
            send(topic, numbered(value + "-", 200));
            try (Admin admin = clients.admin()) {
                var firstId = describe(admin, topic).topicId();
                Clients.get(admin.deleteTopics(List.of(topic)).all());
                createWhenGone(admin, topic);
                assertNotEquals(firstId, describe(admin, topic).topicId());
            }
            send(topic, List.of("new" + round));
            List<String> seen = values(readAll(topic, 2, 1));
            assertEquals(List.of("new" + round), seen);
        }
    }

    @Test
    void aHundredTopicsAreCreatedUsedAndDeleted() throws Exception {
        List<String> names = IntStream.range(0, 100).mapToObj(i -> "many-" + i).toList();
        try (Admin admin = clients.admin();
                var producer = clients.producer();
                var consumer = clients.consumer()) {
            Clients.get(admin.createTopics(names.stream()
                            .map(n -> new NewTopic(n, 1, (short) 1))
                            .toList())
                    .all());
            names.forEach(name -> producer.send(new ProducerRecord<>(name, "to " + name)));
            producer.flush();
            consumer.assign(names.stream().map(n -> new TopicPartition(n, 0)).toList());
            Clients.read(consumer, 100).forEach(r -> assertEquals("to " + r.topic(), r.value()));
            Clients.get(admin.deleteTopics(names).all());
            Clients.await(
                    "deleted topics are gone",
                    () -> Clients.get(admin.listTopics().names()).stream().noneMatch(names::contains));
        }
    }

    private static void createWhenGone(Admin admin, String topic) {
        Clients.await("the topic can be created again", () -> {
            try {
                Clients.get(admin.createTopics(List.of(new NewTopic(topic, 2, (short) 1)))
                        .all());
                return true;
            } catch (TopicExistsException e) {
                return false;
            }
        });
    }

    private static void refused(Admin admin, Class<? extends RuntimeException> error, NewTopic topic) {
        assertThrows(error, () -> Clients.get(admin.createTopics(List.of(topic)).all()), "" + topic);
    }

    private static TopicDescription describe(Admin admin, String topic) {
        return Clients.get(admin.describeTopics(List.of(topic)).allTopicNames()).get(topic);
    }

    private static Config configs(Admin admin, ConfigResource resource) {
        return Clients.get(admin.describeConfigs(List.of(resource)).all()).get(resource);
    }

    private static AlterConfigOp set(String key, String value) {
        return new AlterConfigOp(new ConfigEntry(key, value), AlterConfigOp.OpType.SET);
    }

    private static AlterConfigOp delete(String key) {
        return new AlterConfigOp(new ConfigEntry(key, ""), AlterConfigOp.OpType.DELETE);
    }

    private static void send(String topic, List<String> values) throws Exception {
        try (KafkaProducer<String, String> producer = clients.producer()) {
            List<Future<RecordMetadata>> sent = new ArrayList<>();
            values.forEach(value -> sent.add(producer.send(new ProducerRecord<>(topic, value))));
            for (Future<RecordMetadata> future : sent) {
                future.get(30, TimeUnit.SECONDS);
            }
        }
    }

    /** All of a topic, of which that many records are expected; more fail. */
    private static List<ConsumerRecord<String, String>> readAll(String topic, int partitions, int count) {
        try (KafkaConsumer<String, String> consumer = clients.consumer()) {
            List<TopicPartition> all = IntStream.range(0, partitions)
                    .mapToObj(i -> new TopicPartition(topic, i))
                    .toList();
            consumer.assign(all);
            consumer.seekToBeginning(all);
            List<ConsumerRecord<String, String>> records = Clients.read(consumer, count);
            assertEquals(0, consumer.poll(Duration.ofMillis(100)).count(), "more records than expected");
            return records;
        }
    }

    private static List<String> values(List<ConsumerRecord<String, String>> records) {
        return records.stream().map(ConsumerRecord::value).toList();
    }

    private static List<String> numbered(String prefix, int count) {
        return IntStream.range(0, count).mapToObj(i -> prefix + i).toList();
    }
}
