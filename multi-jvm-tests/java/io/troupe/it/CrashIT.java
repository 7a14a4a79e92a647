package io.troupe.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * A broker that is killed again and again under load, often in the middle of a roll, and started on what it left: each
 * acknowledged value is there exactly once, offsets have no hole. Between a kill and the next start the index is deleted,
 * or a file gets a torn tail, now and then.
 *
 * <p>{@code -Dtroupe.it.crash.rounds=30} makes it long; {@code -Dseed=} chooses moments and damage, not the threads' course.
 */
@Timeout(1800)
class CrashIT {
    private static final int ROUNDS = Integer.getInteger("troupe.it.crash.rounds", 4);
    private static final int PARTITIONS = 5;
    /** Of each producer, at once. */
    private static final int IN_FLIGHT = 400;

    private final long seed = Long.getLong("seed", 1);
    private final Random random = new Random(seed);

    /** Sends numbered values until told to stop, and remembers what became of each. */
    private static final class Writer {
        final KafkaProducer<String, String> producer;
        final String name;
        final Set<String> acknowledged = ConcurrentHashMap.newKeySet();
        final ConcurrentLinkedQueue<String> failed = new ConcurrentLinkedQueue<>();
        final Semaphore room = new Semaphore(IN_FLIGHT);
        int next;

        Writer(String name, KafkaProducer<String, String> producer) {
            this.name = name;
            this.producer = producer;
        }

        CompletableFuture<Void> run(String topic, AtomicBoolean stop) {
            return CompletableFuture.runAsync(() -> {
                String filling = "x".repeat(300);
                while (!stop.get()) {
                    room.acquireUninterruptibly();
                    String value = name + ":" + next;
                    int partition = next++ % PARTITIONS;
                    producer.send(new ProducerRecord<>(topic, partition, filling, value), (metadata, e) -> {
                        room.release();
                        if (e == null) {
                            acknowledged.add(value);
                        } else {
                            failed.add(value + ": " + e);
                        }
                    });
                }
            });
        }
    }

    @Test
    void everythingAcknowledgedIsThereOnceAfterEachKill() throws Exception {
        try (BrokerProcess broker = BrokerProcess.start("crash", Map.of())) {
            Clients clients = new Clients(broker);
            String topic = clients.topic("crash", PARTITIONS, Map.of("segment.bytes", "100000"));
            try (var once = clients.producer("acks", "all", "delivery.timeout.ms", "300000");
                    var quick = clients.producer(
                            "acks", "1", "enable.idempotence", "false", "retries", "0", "linger.ms", "1")) {
                List<Writer> writers = List.of(new Writer("all", once), new Writer("one", quick));
                for (int round = 0; round < ROUNDS; round++) {
                    String damage = round(broker, topic, writers, round);
                    String where = "seed " + seed + ", round " + round + ", " + damage;
                    try {
                        assertEquals(List.of(), List.copyOf(writers.get(0).failed), "an idempotent write failed");
                        verify(clients, topic, writers);
                    } catch (AssertionError e) {
                        throw new AssertionError(where + ": " + e.getMessage(), e);
                    }
                }
                writers.forEach(
                        writer -> assertTrue(writer.acknowledged.size() > ROUNDS * 10, writer.name + " hardly wrote"));
            }
        }
    }

    /** Writes, kills, damages, starts; returns what was damaged. */
    private String round(BrokerProcess broker, String topic, List<Writer> writers, int round) throws Exception {
        AtomicBoolean stop = new AtomicBoolean();
        List<CompletableFuture<Void>> running =
                writers.stream().map(writer -> writer.run(topic, stop)).toList();
        if (round == 0) {
            Clients.await("each has written", () -> writers.stream()
                    .allMatch(writer -> writer.acknowledged.size() > ROUNDS * 10));
        }
        // The moment of the kill is what this test is about: any wait for a sign would make it less random.
        TimeUnit.MILLISECONDS.sleep(200 + random.nextInt(1300));
        broker.kill();
        stop.set(true);
        String damage = damage(broker.data(), topic, round);
        broker.start();
        for (CompletableFuture<Void> run : running) {
            run.get(300, TimeUnit.SECONDS);
        }
        writers.forEach(writer -> writer.producer.flush());
        return damage;
    }

    private String damage(Path data, String topic, int round) throws IOException {
        StringBuilder done = new StringBuilder();
        if (round % 3 == 1) {
            delete(data.resolve(".index"));
            done.append("index deleted ");
        }
        if (round % 2 == 1) {
            byte[] noise = new byte[1 + random.nextInt(600)];
            random.nextBytes(noise);
            Path segment = lastSegment(data.resolve(topic + "-" + random.nextInt(PARTITIONS)));
            Files.write(segment, noise, StandardOpenOption.APPEND);
            done.append(noise.length).append(" bytes of noise behind ").append(segment.getFileName());
            tear(lastSegment(data.resolve(topic + "-" + random.nextInt(PARTITIONS))));
            tear(lastSegment(data.resolve("__cluster_metadata-0")));
            Files.write(data.resolve("meta.log"), new byte[] {0, 0, 0, 60, 1, 2, 3}, StandardOpenOption.APPEND);
        }
        return done.toString();
    }

    /** Begins a batch at the end, as a write does that was cut short. */
    private void tear(Path segment) throws IOException {
        byte[] bytes = Files.readAllBytes(segment);
        if (bytes.length > 61) {
            Files.write(segment, Arrays.copyOf(bytes, 1 + random.nextInt(60)), StandardOpenOption.APPEND);
        }
    }

    private static Path lastSegment(Path log) throws IOException {
        try (Stream<Path> files = Files.list(log)) {
            return files.filter(f -> f.toString().endsWith(".log"))
                    .max(Comparator.comparing(Path::getFileName))
                    .orElseThrow();
        }
    }

    private static void delete(Path tree) throws IOException {
        try (Stream<Path> paths = Files.walk(tree)) {
            for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        }
    }

    private static void verify(Clients clients, String topic, List<Writer> writers) {
        Set<String> found = new HashSet<>();
        List<String> problems = new ArrayList<>();
        try (KafkaConsumer<String, String> consumer = clients.consumer("fetch.max.wait.ms", "20")) {
            List<TopicPartition> all = new ArrayList<>();
            for (int i = 0; i < PARTITIONS; i++) {
                all.add(new TopicPartition(topic, i));
            }
            consumer.assign(all);
            consumer.seekToBeginning(all);
            Map<TopicPartition, Long> ends = consumer.endOffsets(all);
            Map<TopicPartition, Long> next = new HashMap<>();
            Map<String, Integer> last = new HashMap<>();
            long limit = System.nanoTime() + TimeUnit.SECONDS.toNanos(180);
            while (all.stream().anyMatch(p -> consumer.position(p) < ends.get(p))) {
                assertTrue(System.nanoTime() < limit, "not read within 180 s, ends are " + ends);
                for (ConsumerRecord<String, String> r : consumer.poll(Duration.ofMillis(200))) {
                    TopicPartition partition = new TopicPartition(r.topic(), r.partition());
                    long due = next.getOrDefault(partition, 0L);
                    if (r.offset() != due) {
                        problems.add(partition + " has offset " + r.offset() + " where " + due + " is due");
                    }
                    next.put(partition, r.offset() + 1);
                    if (!found.add(r.value())) {
                        problems.add(r.value() + " twice");
                    }
                    String[] parts = r.value().split(":");
                    Integer before = last.put(parts[0] + partition, Integer.valueOf(parts[1]));
                    if (parts[0].equals("all") && before != null && before >= Integer.parseInt(parts[1])) {
                        problems.add(r.value() + " behind " + before);
                    }
                }
            }
        }
        for (Writer writer : writers) {
            writer.acknowledged.stream()
                    .filter(value -> !found.contains(value))
                    .forEach(value -> problems.add(value + " is lost"));
        }
        assertTrue(
                problems.isEmpty(),
                () -> problems.size() + " problems: " + problems.subList(0, Math.min(20, problems.size())));
    }
}
