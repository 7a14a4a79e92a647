package io.troupe.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Compacted topics with real clients, in segments of the least size that Kafka allows. */
@Timeout(600)
class CompactionIT {
    private static final String MIB = "1048576";
    private static final int KEYS = 300;
    private static final int RECORDS = 30_000;
    private static final Map<String, String> CLEANS_OFTEN =
            Map.of("log.cleaner.backoff.ms", "200", "log.cleaner.dedupe.buffer.size", "2097152");

    /** Settings of a broker that cleans often. */
    private static Map<String, String> cleansOften(Map<String, String> more) {
        Map<String, String> all = new HashMap<>(CLEANS_OFTEN);
        all.putAll(more);
        return all;
    }

    /** Settings of a topic that is cleaned whenever it can be. */
    private static Map<String, String> compacted(String policy, String retentionMs) {
        return Map.of(
                "cleanup.policy", policy,
                "segment.bytes", MIB,
                "retention.ms", retentionMs,
                "min.cleanable.dirty.ratio", "0.01",
                "delete.retention.ms", "0");
    }

    @Test
    void theLastValueOfEachKeySurvives() throws Exception {
        try (BrokerProcess broker = BrokerProcess.start("compaction", CLEANS_OFTEN)) {
            Clients clients = new Clients(broker);
            String topic = clients.topic("table", 1, compacted("compact", "-1"));
            TopicPartition partition = new TopicPartition(topic, 0);
            Map<String, String> model = new HashMap<>();
            Random random = new Random(3);
            try (var producer = clients.producer(
                            "linger.ms", "5", "compression.type", "lz4", "delivery.timeout.ms", "300000");
                    var tail = clients.consumer()) {
                tail.assign(List.of(partition));
                tail.seekToBeginning(List.of(partition));
                Follower follower = new Follower();
                for (int part = 0; part < 10; part++) {
                    send(producer, topic, part, random, model);
                    follower.read(tail);
                }
                Path log = broker.data().resolve(topic + "-0");
                Clients.await("the log is small", () -> bytes(log, ".log") < 3L << 20);
                check(clients, partition, model);
                broker.kill();
                broker.start();
                check(clients, partition, model);
                // The same producer goes on: its sequence is still known.
                send(producer, topic, 10, random, model);
                follower.read(tail);
                check(clients, partition, model);
                broker.terminate();
                assertFalse(left(log, ".cleaned") || left(log, ".swap"), "files of a cleaning are left");
                dump(log);
            }
        }
    }

    /** A consumer at the tail sees offsets and, for each key, versions ascend, whatever is cleaned meanwhile. */
    private static final class Follower {
        private final Map<String, Integer> versions = new HashMap<>();
        private long offset = -1;

        void read(KafkaConsumer<String, String> consumer) {
            for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(500))) {
                assertTrue(record.offset() > offset);
                offset = record.offset();
                if (record.value() != null) {
                    int version = Integer.parseInt(
                            record.value().substring(0, record.value().indexOf(' ')));
                    Integer before = versions.put(record.key(), version);
                    assertTrue(before == null || before < version);
                }
            }
        }
    }

    private static void send(
            Producer<String, String> producer, String topic, int part, Random random, Map<String, String> model)
            throws Exception {
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        for (int i = 0; i < RECORDS / 10; i++) {
            String key = "k" + random.nextInt(KEYS);
            StringBuilder filler = new StringBuilder();
            random.ints(200, 'a', 'z' + 1).forEach(c -> filler.append((char) c));
            String value = random.nextInt(8) == 0 ? null : (part * RECORDS + i) + " " + filler;
            sent.add(producer.send(new ProducerRecord<>(topic, key, value)));
            model.put(key, value);
        }
        for (Future<RecordMetadata> future : sent) {
            future.get(300, TimeUnit.SECONDS);
        }
    }

    private static void check(Clients clients, TopicPartition partition, Map<String, String> model) {
        Map<String, String> table = new HashMap<>();
        try (var consumer = clients.consumer()) {
            consumer.assign(List.of(partition));
            long end = consumer.endOffsets(List.of(partition)).get(partition);
            consumer.seekToBeginning(List.of(partition));
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(120);
            while (consumer.position(partition) < end) {
                for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(200))) {
                    table.put(record.key(), record.value());
                }
                assertTrue(System.nanoTime() < deadline, "the end is not reached");
            }
        }
        model.forEach((key, value) -> {
            if (value == null) {
                assertNull(table.get(key));
            } else {
                assertEquals(value, table.get(key));
            }
        });
    }

    /** The tool that prints segments finds every batch valid. */
    private static void dump(Path log) throws IOException {
        try (Stream<Path> files = Files.list(log)) {
            List<Path> segments =
                    files.filter(f -> f.toString().endsWith(".log")).toList();
            List<String> command = Run.script(Path.of("bin/troupe-dump-log.sh"));
            command.addAll(List.of("--deep-iteration", "--files"));
            command.add(segments.stream().map(Path::toString).collect(Collectors.joining(",")));
            String all =
                    Run.command(command, null, Duration.ofSeconds(180)).orFail().stdout();
            for (Path file : segments) {
                int from = all.indexOf("Dumping " + file);
                assertTrue(from >= 0, file + " is not dumped in " + all.substring(0, Math.min(500, all.length())));
                int to = all.indexOf("Dumping ", from + 1);
                String out = all.substring(from, to < 0 ? all.length() : to);
                assertTrue(out.contains("Log starting offset: "), out.substring(0, Math.min(500, out.length())));
                assertFalse(out.contains("isvalid: false"), file.toString());
                assertTrue(Files.size(file) == 0 || out.contains("isvalid: true"), file.toString());
            }
        }
    }

    /** Retention takes records that are too old although they are their keys' last values; what is left keeps each key's last value. */
    @Test
    void compactAndDeleteTogetherForgetByAgeAndByKey() throws Exception {
        Map<String, String> settings =
                cleansOften(Map.of("log.retention.check.interval.ms", "300", "log.initial.task.delay.ms", "300"));
        try (BrokerProcess broker = BrokerProcess.start("compaction-delete", settings)) {
            Clients clients = new Clients(broker);
            String topic = clients.topic("both", 1, compacted("compact,delete", "3600000"));
            TopicPartition partition = new TopicPartition(topic, 0);
            Map<String, String> model = new HashMap<>();
            Random random = new Random(4);
            int old = 6_000;
            try (var producer = clients.producer("linger.ms", "5")) {
                long twoHoursAgo = System.currentTimeMillis() - 7_200_000;
                List<Future<RecordMetadata>> sent = new ArrayList<>();
                for (int i = 0; i < old; i++) {
                    sent.add(producer.send(
                            new ProducerRecord<>(topic, 0, twoHoursAgo, "old-" + i, i + " " + "x".repeat(500))));
                }
                for (Future<RecordMetadata> future : sent) {
                    future.get(300, TimeUnit.SECONDS);
                }
                for (int part = 0; part < 8; part++) {
                    send(producer, topic, part, random, model);
                }
            }
            Path log = broker.data().resolve(topic + "-0");
            // All but those in the segment where new ones begin, of which compaction may leave old ones alone to go
            // later.
            Clients.await("most old records are gone", () -> start(clients, partition) > old / 2);
            Clients.await("the log is small", () -> bytes(log, ".log") < 3L << 20);
            long start = start(clients, partition);
            check(clients, partition, model);
            noneBelow(clients, partition, start);
            Object idle = broker.metric("kafka.log:type=LogCleanerManager,name=time-since-last-run-ms", "Value");
            assertTrue(((Number) idle).longValue() < 60_000, idle.toString());
            if (BrokerProcess.KIND == BrokerProcess.Kind.TROUPE) {
                Object cleanings = broker.metric("troupe.log:type=LogCleaner,name=Cleanings", "Count");
                assertTrue(((Number) cleanings).longValue() > 0, cleanings.toString());
                Object moved = broker.metric("troupe.log:type=LogCleaner,name=MovedBytes", "Count");
                assertTrue(((Number) moved).longValue() > 1 << 20, moved.toString());
            }
            broker.kill();
            broker.start();
            assertTrue(start(clients, partition) >= start);
            check(clients, partition, model);
            noneBelow(clients, partition, start);
        }
    }

    private static long start(Clients clients, TopicPartition partition) {
        try (var consumer = clients.consumer()) {
            return consumer.beginningOffsets(List.of(partition)).get(partition);
        }
    }

    /** What retention let go of does not come back. */
    private static void noneBelow(Clients clients, TopicPartition partition, long start) {
        try (var consumer = clients.consumer()) {
            consumer.assign(List.of(partition));
            consumer.seekToBeginning(List.of(partition));
            long first = Clients.read(consumer, 1).get(0).offset();
            assertTrue(first >= start, first + " below " + start);
        }
    }

    private static long bytes(Path directory, String suffix) {
        try (Stream<Path> files = Files.list(directory)) {
            return files.filter(f -> f.toString().endsWith(suffix))
                    .mapToLong(f -> f.toFile().length())
                    .sum();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static boolean left(Path directory, String suffix) {
        return bytes(directory, suffix) > 0;
    }

    @Test
    void committedOffsetsShrinkAndComeBack() throws Exception {
        Map<String, String> settings =
                cleansOften(Map.of("offsets.topic.segment.bytes", MIB, "offsets.topic.num.partitions", "1"));
        // Of some 200 bytes each, so several times what is left.
        int commits = 50_000;
        try (BrokerProcess broker = BrokerProcess.start("compaction-offsets", settings)) {
            Clients clients = new Clients(broker);
            String topic = clients.topic("source", 1, Map.of());
            TopicPartition partition = new TopicPartition(topic, 0);
            try (var consumer = clients.consumer("group.id", "one")) {
                consumer.assign(List.of(partition));
                // Finds its coordinator, and waits for it.
                consumer.commitSync(Map.of(partition, new OffsetAndMetadata(0)));
                AtomicInteger done = new AtomicInteger();
                AtomicReference<Exception> failed = new AtomicReference<>();
                long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(400);
                for (int i = 1; i <= commits; i++) {
                    consumer.commitAsync(Map.of(partition, new OffsetAndMetadata(i)), (offsets, e) -> {
                        done.incrementAndGet();
                        if (e != null) {
                            failed.set(e);
                        }
                    });
                    while (i - done.get() >= (i == commits ? 1 : 200)) {
                        consumer.poll(Duration.ofMillis(1));
                        assertTrue(System.nanoTime() < deadline, done + " commits only");
                    }
                }
                assertNull(failed.get());
            }
            Path log = broker.data().resolve("__consumer_offsets-0");
            Clients.await("the offsets are compacted", () -> bytes(log, ".log") < 3L << 20);
            broker.kill();
            broker.start();
            try (var consumer = clients.consumer("group.id", "one")) {
                assertEquals(
                        new OffsetAndMetadata(commits),
                        consumer.committed(Set.of(partition)).get(partition));
            }
        }
    }
}
