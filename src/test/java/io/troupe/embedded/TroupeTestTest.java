package io.troupe.embedded;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.GroupListing;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ParameterResolutionException;

/** The JUnit extension: what tests of one class are given, share, and find after each other. */
@Timeout(600)
@TroupeTest(config = {"num.partitions=2", "offsets.retention.minutes=60"})
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class TroupeTestTest {
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private static EmbeddedTroupe ofTheClass;
    private static KafkaConsumer<String, String> forgotten;
    private static Producer<String, String> injectedBefore;

    TroupeTestTest(EmbeddedTroupe troupe) {
        assertTrue(ofTheClass == null || ofTheClass == troupe);
        ofTheClass = troupe;
    }

    private static void settle(KafkaConsumer<String, String> consumer) {
        ConsumerRecords<String, String> records = ConsumerRecords.empty();
        long end = System.nanoTime() + PATIENCE.toNanos();
        while (records.isEmpty() && System.nanoTime() < end) {
            records = consumer.poll(Duration.ofMillis(100));
        }
        assertEquals("v", records.iterator().next().value());
        consumer.commitSync(PATIENCE);
    }

    /** It leaves a topic, an offset and, in a group, a consumer that it forgot to close. */
    @Test
    @Order(1)
    void aTestHasClientsOfTheTypesThatItAsksFor(
            Admin admin,
            KafkaProducer<String, String> producer,
            @ClientConfig("group.id=readers") KafkaConsumer<String, String> consumer,
            @BootstrapServers String servers)
            throws Exception {
        assertEquals(ofTheClass.bootstrapServers(), servers);
        assertEquals(
                2,
                producer.partitionsFor("t").size(),
                "partitions, which the annotation's config says of topics made by themselves");
        producer.send(new ProducerRecord<>("t", "k", "v")).get(60, TimeUnit.SECONDS);
        consumer.subscribe(List.of("t"));
        settle(consumer);
        forgotten = new KafkaConsumer<>(
                java.util.Map.of(
                        "bootstrap.servers", servers, "group.id", "forgotten", "auto.offset.reset", "earliest"),
                new org.apache.kafka.common.serialization.StringDeserializer(),
                new org.apache.kafka.common.serialization.StringDeserializer());
        forgotten.subscribe(List.of("t"));
        settle(forgotten);
        assertEquals(
                Set.of("readers", "forgotten"),
                admin.listGroups().all().get(60, TimeUnit.SECONDS).stream()
                        .map(GroupListing::groupId)
                        .collect(Collectors.toSet()));
        injectedBefore = producer;
    }

    @Test
    @Order(2)
    void theNextOneFindsNeitherTopicsNorGroupsNorTheOldClients(Admin admin, KafkaProducer<String, String> producer)
            throws Exception {
        assertEquals(Set.of(), admin.listTopics().names().get(60, TimeUnit.SECONDS));
        assertEquals(List.of(), List.copyOf(admin.listGroups().all().get(60, TimeUnit.SECONDS)));
        assertNotSame(injectedBefore, producer);
        assertThrows(IllegalStateException.class, () -> injectedBefore.send(new ProducerRecord<>("t", "late")));
        forgotten.close();
    }

    @Test
    @Order(3)
    void clientsAreOfAnyTypeThatKafkaHasSerializersFor(
            Producer<Long, byte[]> producer, Consumer<UUID, ByteBuffer> consumer, KafkaProducer<Integer, Double> other)
            throws Exception {
        producer.send(new ProducerRecord<>("bytes", 1L, new byte[3])).get(60, TimeUnit.SECONDS);
        assertNotNull(consumer.listTopics(PATIENCE).get("bytes"));
        assertNotNull(other.partitionsFor("bytes"));
    }

    @Test
    @Order(4)
    void aBrokerThatATestKillsIsUpForTheNext(EmbeddedTroupe troupe) {
        troupe.kill(1);
    }

    @Test
    @Order(5)
    void itIs(Admin admin) throws Exception {
        assertEquals(
                1, admin.describeCluster().nodes().get(60, TimeUnit.SECONDS).size());
    }

    void unknownTypes(KafkaProducer<String, Thread> producer) {}

    void noTypes(Consumer<?, ?> consumer) {}

    @Test
    void typesWithoutASerializerAreNamed() throws Exception {
        for (var method : List.of(
                TroupeTestTest.class.getDeclaredMethod("unknownTypes", KafkaProducer.class),
                TroupeTestTest.class.getDeclaredMethod("noTypes", Consumer.class))) {
            try (TestClients clients = new TestClients()) {
                String message = assertThrows(
                                ParameterResolutionException.class,
                                () -> clients.create(method.getParameters()[0], "127.0.0.1:1"))
                        .getMessage();
                assertTrue(message.contains("serializers") && message.contains("BootstrapServers"), message);
            }
        }
    }

    @Test
    void settingsAreKeyAndValue() {
        String message = assertThrows(
                        ParameterResolutionException.class,
                        () -> TestClients.entries("@ClientConfig", new String[] {"acks"}))
                .getMessage();
        assertTrue(message.contains("\"acks\" must be key=value"), message);
    }

    @Nested
    class InAClassOfItsOwn {
        @Test
        void theClusterIsThatOfTheOuterOne(EmbeddedTroupe troupe, Admin admin) throws Exception {
            assertSame(ofTheClass, troupe);
            admin.createTopics(List.of(new NewTopic("nested", 1, (short) 1)))
                    .all()
                    .get(60, TimeUnit.SECONDS);
        }
    }
}
