package io.troupe.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.GroupState;
import org.apache.kafka.common.errors.GroupIdNotFoundException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** One classic group with a Java consumer, kcat and kafkajs in it, which agree on an assignor; whoever leads assigns for all. */
@Timeout(600)
class MixedGroupIT {
    private static final int PARTITIONS = 6;
    private static final int BURST = 120;

    private static BrokerProcess broker;
    private static Clients clients;

    private final List<String> sent = new ArrayList<>();

    @BeforeAll
    static void start() {
        broker = BrokerProcess.start("mixed-group", Map.of());
        clients = new Clients(broker);
    }

    @AfterAll
    static void stop() {
        broker.close();
    }

    /** What a program has printed by now, a value a line; ended by SIGTERM, upon which it leaves the group. */
    private static final class Program implements AutoCloseable {
        private final Path output;
        private final Process process;
        private boolean left;

        Program(String name, List<String> command) {
            try {
                output = Files.createTempFile(broker.dir(), name, ".out");
                process = Children.start(new ProcessBuilder(command)
                        .redirectOutput(output.toFile())
                        .redirectError(
                                Files.createTempFile(broker.dir(), name, ".err").toFile()));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        /** The last line may not be whole yet. */
        List<String> lines() {
            try {
                String text = Files.readString(output, StandardCharsets.ISO_8859_1);
                return text.substring(0, text.lastIndexOf('\n') + 1).lines().toList();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        @Override
        public void close() {
            leave();
        }

        void leave() {
            if (left) {
                return;
            }
            left = true;
            process.destroy();
            try {
                if (!process.waitFor(60, TimeUnit.SECONDS)) {
                    process.destroyForcibly().waitFor(60, TimeUnit.SECONDS);
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            Children.ended(process);
        }
    }

    private static final class JavaMember implements AutoCloseable {
        final ConcurrentLinkedQueue<String> values = new ConcurrentLinkedQueue<>();
        private final Thread thread;
        private volatile boolean stopping;
        private volatile Throwable failure;

        JavaMember(String group, String topic) {
            thread = new Thread(() -> run(group, topic), "java-member");
            thread.start();
        }

        private void run(String group, String topic) {
            try (KafkaConsumer<String, String> consumer = clients.consumer(
                    "group.id",
                    group,
                    "client.id",
                    "java",
                    "enable.auto.commit",
                    "true",
                    "heartbeat.interval.ms",
                    "500",
                    "partition.assignment.strategy",
                    "org.apache.kafka.clients.consumer.RoundRobinAssignor")) {
                consumer.subscribe(List.of(topic));
                while (!stopping) {
                    consumer.poll(Duration.ofMillis(100)).forEach(record -> values.add(record.value()));
                }
            } catch (RuntimeException e) {
                failure = e;
            }
        }

        @Override
        public void close() {
            leave();
        }

        void leave() {
            stopping = true;
            try {
                thread.join(90_000);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            assertEquals(null, failure);
        }
    }

    /** Partitions of each client, once the group is Stable. */
    private static void awaitShares(Admin admin, String group, Map<String, Integer> expected) {
        Map<String, Integer> shares = new HashMap<>();
        Clients.await("partitions are shared " + expected, () -> {
            ConsumerGroupDescription description;
            try {
                description = Clients.get(
                                admin.describeConsumerGroups(List.of(group)).all())
                        .get(group);
            } catch (GroupIdNotFoundException e) {
                // Nobody has asked to join yet.
                return false;
            }
            shares.clear();
            description
                    .members()
                    .forEach(m -> shares.merge(
                            m.clientId(), m.assignment().topicPartitions().size(), Integer::sum));
            return description.groupState() == GroupState.STABLE && shares.equals(expected);
        });
    }

    /** Records sent while nobody comes or goes: each goes to one member, and to that once. */
    private void burst(String topic, Supplier<List<String>> received) {
        List<String> burst = new ArrayList<>();
        try (var producer = clients.producer()) {
            for (int i = 0; i < BURST; i++) {
                String value = "v" + sent.size();
                sent.add(value);
                burst.add(value);
                producer.send(new ProducerRecord<>(topic, i % PARTITIONS, null, value));
            }
        }
        Clients.await("all of a burst have come", () -> received.get().containsAll(burst));
        List<String> ofBurst = received.get().stream().filter(burst::contains).collect(Collectors.toList());
        assertEquals(BURST, ofBurst.size(), () -> "some came twice: " + ofBurst);
    }

    @Test
    void javaAndKcatAndKafkajsShareAGroupWhoeverOfThemLeads() {
        Need.program("kcat");
        Path modules = Need.kafkajs("none");
        String topic = clients.topic(Clients.unique("mixed"), PARTITIONS, Map.of());
        String group = Clients.unique("mixed-group");
        List<String> kcat = List.of(
                "kcat",
                "-b",
                broker.bootstrap(),
                "-X",
                "client.id=kcat",
                "-X",
                "partition.assignment.strategy=roundrobin",
                "-X",
                "heartbeat.interval.ms=500",
                "-X",
                "auto.offset.reset=earliest",
                "-u",
                "-q",
                "-G",
                group,
                topic);
        List<String> kafkajs = List.of(
                "node",
                KafkaInstall.resource("kafkajs-member.js").toString(),
                modules.toString(),
                broker.bootstrap(),
                topic,
                group);
        List<String> ended = new ArrayList<>();
        try (Admin admin = clients.admin();
                JavaMember java = new JavaMember(group, topic)) {
            awaitShares(admin, group, Map.of("java", PARTITIONS));
            burst(topic, () -> List.copyOf(java.values));
            try (Program js = new Program("kafkajs", kafkajs)) {
                try (Program c = new Program("kcat", kcat)) {
                    awaitShares(admin, group, Map.of("java", 2, "kcat", 2, "kafkajs", 2));
                    burst(topic, () -> together(java.values, js.lines(), c.lines()));
                    assertTrue(c.lines().size() > 0 && js.lines().size() > 0);
                    // The first to come leads until it goes.
                    java.leave();
                    awaitShares(admin, group, Map.of("kcat", 3, "kafkajs", 3));
                    burst(topic, () -> together(java.values, js.lines(), c.lines()));
                    c.leave();
                    ended.addAll(c.lines());
                }
                awaitShares(admin, group, Map.of("kafkajs", PARTITIONS));
                burst(topic, () -> together(java.values, js.lines(), ended));
                try (JavaMember again = new JavaMember(group, topic)) {
                    awaitShares(admin, group, Map.of("java", 3, "kafkajs", 3));
                    burst(topic, () -> together(together(java.values, js.lines(), ended), again.values, List.of()));
                    js.leave();
                    awaitShares(admin, group, Map.of("java", PARTITIONS));
                    assertEquals(
                            new TreeSet<>(sent),
                            new TreeSet<>(together(together(java.values, js.lines(), ended), again.values, List.of())));
                }
            }
        }
    }

    private static List<String> together(Iterable<String> first, Iterable<String> second, Iterable<String> third) {
        List<String> all = new ArrayList<>();
        first.forEach(all::add);
        second.forEach(all::add);
        third.forEach(all::add);
        return all;
    }
}
