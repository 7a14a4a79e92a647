package io.troupe.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.TopicPartitionInfo;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Three brokers, each partition on all of them: what was acknowledged to acks=all outlives the broker that acknowledged it,
 * and all copies become the same, byte for byte.
 */
@Timeout(600)
class ReplicationIT {
    private static final int PARTITIONS = 3;

    /** Brokers that form a cluster on this machine. */
    private static final class Three implements AutoCloseable {
        final List<BrokerProcess> brokers = new ArrayList<>();

        Three(String name, Map<String, String> settings) {
            StringBuilder voters = new StringBuilder();
            List<Integer> ports = new ArrayList<>();
            for (int id = 1; id <= 3; id++) {
                ports.add(Ports.free());
                voters.append(id == 1 ? "" : ",")
                        .append(id)
                        .append("@127.0.0.1:")
                        .append(ports.get(id - 1));
            }
            for (int id = 1; id <= 3; id++) {
                Map<String, String> own = new HashMap<>(settings);
                own.put("broker.id", "" + id);
                own.put("controller.quorum.voters", voters.toString());
                own.put("troupe.actor.listener", "127.0.0.1:" + ports.get(id - 1));
                brokers.add(BrokerProcess.create(name, own));
            }
            brokers.forEach(BrokerProcess::launch);
            brokers.forEach(BrokerProcess::awaitReady);
        }

        BrokerProcess broker(int id) {
            return brokers.get(id - 1);
        }

        Clients clients() {
            return new Clients(String.join(
                    ",", brokers.stream().map(BrokerProcess::bootstrap).toList()));
        }

        @Override
        public void close() {
            brokers.forEach(BrokerProcess::close);
        }
    }

    /** Sends numbered values until told to stop, and remembers what became of each. */
    private static final class Writer {
        final Set<String> acknowledged = ConcurrentHashMap.newKeySet();
        final ConcurrentLinkedQueue<String> failed = new ConcurrentLinkedQueue<>();
        final AtomicBoolean stop = new AtomicBoolean();
        private final Semaphore room = new Semaphore(200);
        private int next;

        CompletableFuture<Void> run(KafkaProducer<String, String> producer, String topic) {
            return CompletableFuture.runAsync(() -> {
                String filling = "x".repeat(300);
                while (!stop.get()) {
                    room.acquireUninterruptibly();
                    String value = "" + next;
                    producer.send(new ProducerRecord<>(topic, next++ % PARTITIONS, filling, value), (metadata, e) -> {
                        room.release();
                        if (e == null) {
                            acknowledged.add(value);
                        } else {
                            failed.add(value + ": " + e);
                        }
                    });
                }
                producer.flush();
            });
        }
    }

    @Test
    void whatWasAcknowledgedOutlivesTheLeaderAndAllCopiesBecomeTheSame() throws Exception {
        assumeTrue(BrokerProcess.KIND == BrokerProcess.Kind.TROUPE);
        try (Three cluster = new Three("replication", Map.of());
                Admin admin = cluster.clients().admin()) {
            String topic = "replicated";
            create(admin, topic, Map.of("min.insync.replicas", "2", "segment.bytes", "1048576"));
            Writer writer = new Writer();
            try (KafkaProducer<String, String> producer =
                    cluster.clients().producer("acks", "all", "delivery.timeout.ms", "60000")) {
                CompletableFuture<Void> running = writer.run(producer, topic);
                awaitAcknowledged(writer, 3_000);
                int leader = partition(admin, topic, 0).leader().id();
                cluster.broker(leader).kill();
                awaitAcknowledged(writer, writer.acknowledged.size() + 3_000);
                assertNotEquals(leader, partition(admin, topic, 0).leader().id());
                cluster.broker(leader).start();
                awaitInSync(admin, topic);
                awaitAcknowledged(writer, writer.acknowledged.size() + 500);
                writer.stop.set(true);
                running.get(60, TimeUnit.SECONDS);
            }
            assertEquals(List.of(), List.copyOf(writer.failed), "an idempotent write failed");
            verify(cluster, topic, writer);
            for (int partition = 0; partition < PARTITIONS; partition++) {
                awaitSameBytes(cluster, topic, partition);
            }
        }
    }

    private static void create(Admin admin, String topic, Map<String, String> configs) {
        Clients.get(admin.createTopics(List.of(new NewTopic(topic, PARTITIONS, (short) 3).configs(configs)))
                .all());
        awaitInSync(admin, topic);
    }

    private static void awaitAcknowledged(Writer writer, int count) {
        Clients.await(count + " acknowledged writes", () -> {
            assertTrue(writer.failed.isEmpty(), () -> "failed: " + writer.failed.peek());
            return writer.acknowledged.size() >= count;
        });
    }

    private static void awaitInSync(Admin admin, String topic) {
        Clients.await(
                "three replicas in sync of each partition",
                () -> Clients.get(admin.describeTopics(List.of(topic)).allTopicNames()).get(topic).partitions().stream()
                        .allMatch(p -> p.isr().size() == 3 && p.leader() != null));
    }

    private static TopicPartitionInfo partition(Admin admin, String topic, int partition) {
        return Clients.get(admin.describeTopics(List.of(topic)).allTopicNames())
                .get(topic)
                .partitions()
                .get(partition);
    }

    /** Each acknowledged value once, in the order sent. */
    private static void verify(Three cluster, String topic, Writer writer) {
        Map<Integer, Set<String>> read = new LinkedHashMap<>();
        try (KafkaConsumer<String, String> consumer = cluster.clients().consumer()) {
            List<TopicPartition> partitions = Stream.iterate(0, i -> i + 1)
                    .limit(PARTITIONS)
                    .map(i -> new TopicPartition(topic, i))
                    .toList();
            consumer.assign(partitions);
            long end = consumer.endOffsets(partitions).values().stream()
                    .mapToLong(Long::longValue)
                    .sum();
            for (ConsumerRecord<String, String> record : Clients.read(consumer, (int) end)) {
                Set<String> values = read.computeIfAbsent(record.partition(), p -> new LinkedHashSet<>());
                assertTrue(values.add(record.value()), () -> record.value() + " is there twice");
            }
        }
        Set<String> missing = new LinkedHashSet<>(writer.acknowledged);
        read.values().forEach(values -> {
            missing.removeAll(values);
            List<Integer> numbers = values.stream().map(Integer::valueOf).toList();
            assertEquals(numbers.stream().sorted().toList(), numbers, "order");
        });
        assertEquals(Set.of(), missing, "acknowledged and lost");
    }

    private static void awaitSameBytes(Three cluster, String topic, int partition) {
        Clients.await("the same bytes on each broker, partition " + partition, () -> {
            Set<String> contents = new LinkedHashSet<>();
            for (BrokerProcess broker : cluster.brokers) {
                contents.add(contents(broker.data().resolve(topic + "-" + partition)));
            }
            return contents.size() == 1;
        });
    }

    /** Size and hash of a partition's records, wherever segments begin. */
    private static String contents(Path directory) throws Exception {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (Stream<Path> files = Files.list(directory)) {
            for (Path file :
                    files.filter(f -> f.toString().endsWith(".log")).sorted().toList()) {
                bytes.write(Files.readAllBytes(file));
            }
        } catch (IOException e) {
            return directory + ": " + e;
        }
        byte[] hash = MessageDigest.getInstance("SHA-256").digest(bytes.toByteArray());
        return bytes.size() + " bytes " + HexFormat.of().formatHex(hash);
    }
}
