package io.troupe.it;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A foreign text through foreign clients: kcat, the console producer, kafkajs and the Java producer write it at the same time into one topic,
 * and kcat, the console consumer and the Java consumer read it back. {@code -Dlines=1000000 -Dit.heap=6g} takes the full text instead of the short form.
 */
@Timeout(1800)
class RealInputIT {
    private static final int LINES = Integer.getInteger("lines", 12_000);
    private static final Duration LIMIT = Duration.ofSeconds(400 + LINES / 1000);
    private static final String CONSOLE_PRODUCER = "org.apache.kafka.tools.ConsoleProducer";
    private static final String CONSOLE_CONSUMER = "org.apache.kafka.tools.consumer.ConsoleConsumer";

    private static BrokerProcess broker;
    private static Clients clients;
    private static List<String> lines;

    @BeforeAll
    static void start() {
        lines = RealText.lines(LINES);
        broker = BrokerProcess.start("real-input", Map.of());
        clients = new Clients(broker);
    }

    @AfterAll
    static void stop() {
        broker.close();
    }

    @ParameterizedTest
    @ValueSource(strings = {"none", "gzip", "snappy", "lz4", "zstd"})
    void whatForeignClientsWriteForeignClientsRead(String codec) throws Exception {
        Need.program("kcat");
        Path modules = Need.kafkajs(codec);
        String topic = clients.topic(Clients.unique("text"), 3, Map.of());

        long startNs = System.nanoTime();
        Map<String, CompletableFuture<Void>> writing = write(modules, topic, codec, new CountDownLatch(0));
        await(writing);
        long writtenNs = System.nanoTime();
        readBack(topic, List.copyOf(writing.keySet()));
        System.out.printf(
                "%s: %d lines each by %s written in %d s, read by three readers in %d s%n",
                codec,
                LINES,
                writing.keySet(),
                TimeUnit.NANOSECONDS.toSeconds(writtenNs - startNs),
                TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - writtenNs));
    }

    /** Every one of them is idempotent here; kcat and kafkajs must be told, the Java producers are by default. */
    @ParameterizedTest
    @ValueSource(strings = {"none", "gzip", "snappy", "lz4", "zstd"})
    void foreignClientsFindTheBrokerAgainAfterAKillAndWriteEachLineOnce(String codec) throws Exception {
        Need.program("kcat");
        Path modules = Need.kafkajs(codec);
        String topic = clients.topic(Clients.unique("killed-foreign"), 3, Map.of());
        CountDownLatch killed = new CountDownLatch(1);
        Map<String, CompletableFuture<Void>> writing = write(modules, topic, codec, killed);
        awaitRecords(topic, (long) writing.size() * LINES / 2);
        List<String> atWork = writing.keySet().stream()
                .filter(name -> !writing.get(name).isDone())
                .toList();
        broker.kill();
        killed.countDown();
        System.out.println(codec + ": killed half-way with " + atWork + " still writing");
        assertTrue(!atWork.isEmpty(), "all was written before the kill");
        broker.start();
        await(writing);
        readBack(topic, List.copyOf(writing.keySet()));
    }

    @Test
    void aBrokerKilledHalfWayKeepsEachAcknowledgedLineOnceAndInOrder() throws Exception {
        String topic = clients.topic(Clients.unique("killed"), 3, Map.of());
        AtomicInteger acknowledged = new AtomicInteger();
        CountDownLatch half = new CountDownLatch(1);
        List<Exception> failures = new CopyOnWriteArrayList<>();
        CompletableFuture<Void> kill = inBackground(() -> {
            assertTrue(half.await(LIMIT.toSeconds(), TimeUnit.SECONDS));
            broker.kill();
            broker.start();
        });
        // Small batches, so that the kill finds many of them on the way.
        try (var producer = clients.producer(
                "enable.idempotence",
                "true",
                "batch.size",
                "2000",
                "delivery.timeout.ms",
                "300000",
                "linger.ms",
                "0")) {
            for (int i = 0; i < LINES; i++) {
                producer.send(
                        new ProducerRecord<>(topic, "k" + i % 97, LineCheck.value("java", i, lines.get(i))), (m, e) -> {
                            if (e != null) {
                                failures.add(e);
                            } else if (acknowledged.incrementAndGet() == LINES / 2) {
                                half.countDown();
                            }
                        });
                if (i == LINES / 2 + 2000) {
                    // Let the first half be acknowledged while the second still flows.
                    assertTrue(half.await(LIMIT.toSeconds(), TimeUnit.SECONDS));
                }
            }
        }
        kill.get(LIMIT.toSeconds(), TimeUnit.SECONDS);
        assertTrue(failures.isEmpty(), "" + failures);
        readByJava(topic, LINES).complete(List.of("java"));
    }

    /** @param secondHalf before it is down one of them, kcat, writes no more than half of its lines */
    private static Map<String, CompletableFuture<Void>> write(
            Path modules, String topic, String codec, CountDownLatch secondHalf) {
        Map<String, CompletableFuture<Void>> writing = new LinkedHashMap<>();
        writing.put("kcat", inBackground(() -> kcat(topic, codec, secondHalf)));
        writing.put("console", inBackground(() -> console(topic, codec)));
        writing.put("java", inBackground(() -> java(topic, codec)));
        writing.put("kafkajs", inBackground(() -> kafkajs(modules, topic, codec)));
        return writing;
    }

    private static void await(Map<String, CompletableFuture<Void>> writing) throws Exception {
        for (CompletableFuture<Void> done : writing.values()) {
            done.get(LIMIT.toSeconds() + 30, TimeUnit.SECONDS);
        }
    }

    /** Waits until the topic's three partitions hold that many records together. */
    private static void awaitRecords(String topic, long count) throws InterruptedException {
        List<TopicPartition> partitions = IntStream.range(0, 3)
                .mapToObj(i -> new TopicPartition(topic, i))
                .toList();
        long end = System.nanoTime() + LIMIT.toNanos();
        try (var consumer = clients.consumer()) {
            while (consumer.endOffsets(partitions).values().stream()
                            .mapToLong(Long::longValue)
                            .sum()
                    < count) {
                assertTrue(System.nanoTime() < end, "fewer than " + count + " records within " + LIMIT);
                TimeUnit.MILLISECONDS.sleep(20);
            }
        }
    }

    /** All of a topic by each reader: every producer's lines, once and in order. */
    private static void readBack(String topic, List<String> producers) {
        readByKcat(topic).complete(producers);
        readByConsole(topic, producers.size() * LINES).complete(producers);
        readByJava(topic, producers.size() * LINES).complete(producers);
    }

    private static void kcat(String topic, String codec, CountDownLatch secondHalf) throws Exception {
        Path keyed = broker.dir().resolve("kcat-" + topic);
        Run.command(List.of("mkfifo", keyed.toString()), null, LIMIT).orFail();
        CompletableFuture<Void> fed = inBackground(() -> {
            try (BufferedWriter out = Files.newBufferedWriter(keyed, StandardCharsets.ISO_8859_1)) {
                for (int i = 0; i < LINES; i++) {
                    if (i == LINES / 2) {
                        out.flush();
                        assertTrue(secondHalf.await(LIMIT.toSeconds(), TimeUnit.SECONDS));
                    }
                    out.write("k" + i % 97 + ":" + LineCheck.value("kcat", i, lines.get(i)) + "\n");
                }
            }
        });
        List<String> command = new ArrayList<>(List.of("kcat", "-P", "-b", broker.bootstrap(), "-t", topic, "-K:"));
        command.addAll(List.of("-X", "enable.idempotence=true"));
        // Else it ends as soon as no broker can be reached.
        command.add("-E");
        if (!codec.equals("none")) {
            command.addAll(List.of("-z", codec));
        }
        Run.command(command, keyed, LIMIT).orFail();
        fed.get(LIMIT.toSeconds(), TimeUnit.SECONDS);
        Files.delete(keyed);
    }

    private static void console(String topic, String codec) throws IOException {
        Path file = file("console");
        List<String> command = tool("kafka-console-producer.sh", CONSOLE_PRODUCER);
        command.addAll(List.of("--bootstrap-server", broker.bootstrap(), "--topic", topic));
        command.addAll(List.of("--compression-codec", codec));
        // Its own defaults give up after three tries of 1.5 s; and drop a line when no broker is found for a minute.
        command.addAll(List.of("--message-send-max-retries", "1000", "--request-timeout-ms", "30000"));
        command.addAll(List.of("--max-block-ms", "300000", "--command-property", "delivery.timeout.ms=300000"));
        Run.command(command, file, LIMIT).orFail();
        Files.delete(file);
    }

    private static void kafkajs(Path modules, String topic, String codec) throws IOException {
        Path file = file("kafkajs");
        String script = KafkaInstall.resource("kafkajs-producer.js").toString();
        Run.command(
                        List.of("node", script, modules.toString(), broker.bootstrap(), topic, codec, file.toString()),
                        null,
                        LIMIT)
                .orFail();
        Files.delete(file);
    }

    private static void java(String topic, String codec) throws Exception {
        List<Exception> failures = new CopyOnWriteArrayList<>();
        try (var producer = clients.producer(
                "compression.type", codec, "delivery.timeout.ms", "300000", "max.block.ms", "300000")) {
            for (int i = 0; i < LINES; i++) {
                producer.send(
                        new ProducerRecord<>(topic, "k" + i % 97, LineCheck.value("java", i, lines.get(i))), (m, e) -> {
                            if (e != null) {
                                failures.add(e);
                            }
                        });
            }
        }
        assertTrue(failures.isEmpty(), "" + failures);
    }

    private static LineCheck readByKcat(String topic) {
        Run.Result result = Run.command(
                        List.of(
                                "kcat",
                                "-C",
                                "-b",
                                broker.bootstrap(),
                                "-t",
                                topic,
                                "-o",
                                "beginning",
                                "-e",
                                "-q",
                                "-f",
                                "%p %s\\n"),
                        null,
                        LIMIT)
                .orFail();
        return check(result.stdout(), "");
    }

    private static LineCheck readByConsole(String topic, int count) {
        List<String> command = tool("kafka-console-consumer.sh", CONSOLE_CONSUMER);
        command.addAll(List.of("--bootstrap-server", broker.bootstrap(), "--topic", topic));
        command.addAll(List.of("--group", "console-" + topic, "--from-beginning", "--max-messages", "" + count));
        command.addAll(List.of("--timeout-ms", "90000", "--formatter-property", "print.partition=true"));
        command.addAll(List.of("--formatter-property", "key.separator= "));
        return check(Run.command(command, null, LIMIT).orFail().stdout(), "Partition:");
    }

    private static LineCheck readByJava(String topic, int count) {
        LineCheck check = new LineCheck(lines);
        try (var consumer = clients.consumer("group.id", "java-" + topic)) {
            consumer.subscribe(List.of(topic));
            Clients.read(consumer, count).forEach(record -> check.saw(record.partition(), record.value()));
            consumer.poll(Duration.ofMillis(300)).forEach(record -> check.saw(record.partition(), record.value()));
        }
        return check;
    }

    private static LineCheck check(String output, String prefix) {
        LineCheck check = new LineCheck(lines);
        for (String line : output.split("\n")) {
            if (line.startsWith(prefix) && line.length() > prefix.length() + 2) {
                String rest = line.substring(prefix.length());
                check.saw(rest.charAt(0) - '0', rest.substring(2));
            }
        }
        return check;
    }

    /** Our own script where it stands, as a user would call it; else Kafka's tool class. */
    private static List<String> tool(String script, String mainClass) {
        Path path = Path.of("bin", script).toAbsolutePath();
        if (BrokerProcess.KIND == BrokerProcess.Kind.TROUPE && Files.isExecutable(path)) {
            return Run.script(path);
        }
        List<String> command = KafkaInstall.java("-Xmx256m", mainClass);
        command.add(1, "-Dlog4j2.level=ERROR");
        return command;
    }

    private static Path file(String producer) throws IOException {
        Path file = Files.createTempFile(broker.dir(), producer, ".txt");
        try (BufferedWriter out = Files.newBufferedWriter(file, StandardCharsets.ISO_8859_1)) {
            for (int i = 0; i < LINES; i++) {
                out.write(LineCheck.value(producer, i, lines.get(i)) + "\n");
            }
        }
        return file;
    }

    private interface Task {
        void run() throws Exception;
    }

    private static CompletableFuture<Void> inBackground(Task task) {
        return CompletableFuture.runAsync(
                () -> {
                    try {
                        task.run();
                    } catch (Exception e) {
                        throw new CompletionException(e);
                    }
                },
                command -> new Thread(command, "real-input").start());
    }
}
