package io.troupe.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** {@code troupe-consumer-groups.sh} with Kafka's flags, and what it tells beyond them. */
@Timeout(900)
class ConsumerGroupsToolIT {
    private static final Duration LIMIT = Duration.ofSeconds(120);
    private static final int HOUR_MS = 3_600_000;

    private static BrokerProcess broker;
    private static Clients clients;
    private static Admin admin;

    @BeforeAll
    static void start() {
        broker = BrokerProcess.start(
                "groups-tool",
                Map.of("group.initial.rebalance.delay.ms", "0", "group.consumer.min.session.timeout.ms", "3000"));
        clients = new Clients(broker);
        admin = clients.admin();
    }

    @AfterAll
    static void stop() {
        admin.close();
        broker.close();
    }

    private static Run.Result tool(String... arguments) {
        List<String> command = Run.script(Path.of("bin", "troupe-consumer-groups.sh"));
        command.addAll(List.of("--bootstrap-server", broker.bootstrap()));
        command.addAll(List.of(arguments));
        return Run.command(command, null, LIMIT);
    }

    private static String succeed(String... arguments) {
        return tool(arguments).orFail().stdout();
    }

    /** Lines of a table, each as its words. */
    private static List<List<String>> rows(String output, String first) {
        return output.lines()
                .filter(line -> line.startsWith(first + " "))
                .map(line -> List.of(line.trim().split("\\s+")))
                .toList();
    }

    /** Record n has the time start + n hours. */
    private static TopicPartition filled(String name, int records, long startMs) throws Exception {
        String topic = clients.topic(Clients.unique(name), 1, Map.of("retention.ms", "-1"));
        try (var producer = clients.producer()) {
            for (int i = 0; i < records; i++) {
                producer.send(new ProducerRecord<>(topic, 0, startMs + (long) i * HOUR_MS, null, "v" + i))
                        .get();
            }
        }
        return new TopicPartition(topic, 0);
    }

    private static String committed(TopicPartition partition, long offset) {
        String group = Clients.unique("group");
        try (var consumer = clients.consumer("group.id", group)) {
            consumer.assign(List.of(partition));
            consumer.commitSync(Map.of(partition, new OffsetAndMetadata(offset)));
        }
        return group;
    }

    private static Long offsetOf(String group, TopicPartition partition) {
        OffsetAndMetadata offset = Clients.get(
                        admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata())
                .get(partition);
        return offset == null ? null : offset.offset();
    }

    @Test
    void offsetsAreResetByEveryStrategy(@TempDir Path dir) throws Exception {
        Instant now = Instant.ofEpochMilli(System.currentTimeMillis());
        TopicPartition partition =
                filled("reset", 10, now.minus(Duration.ofHours(9)).toEpochMilli());
        Clients.get(admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(1)))
                .all());
        String group = committed(partition, 5);
        String at = now.minus(Duration.ofHours(6))
                .atOffset(ZoneOffset.UTC)
                .format(DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HH:mm:ss.SSS"));
        // In this order: each begins where the last one has left the group.
        Map<List<String>, Long> strategies = new java.util.LinkedHashMap<>();
        strategies.put(List.of("--to-earliest"), 1L);
        strategies.put(List.of("--to-latest"), 10L);
        strategies.put(List.of("--shift-by", "-3"), 7L);
        strategies.put(List.of("--to-current"), 7L);
        strategies.put(List.of("--to-offset", "4"), 4L);
        strategies.put(List.of("--to-offset", "1000"), 10L);
        strategies.put(List.of("--to-datetime", at + "Z"), 3L);
        strategies.put(List.of("--by-duration", "PT2H30M"), 7L);
        for (Map.Entry<List<String>, Long> strategy : strategies.entrySet()) {
            Long before = offsetOf(group, partition);
            List<String> arguments =
                    new ArrayList<>(List.of("--group", group, "--reset-offsets", "--topic", partition.topic()));
            arguments.addAll(strategy.getKey());
            boolean previewed = strategies.keySet().iterator().next().equals(strategy.getKey());
            if (previewed) {
                String preview = succeed(Stream.concat(arguments.stream(), Stream.of("--dry-run"))
                        .toArray(String[]::new));
                assertEquals(
                        List.of(List.of(group, partition.topic(), "0", "" + strategy.getValue())),
                        rows(preview, group));
                assertEquals(before, offsetOf(group, partition), "a dry run changes nothing");
            }
            arguments.add("--execute");
            succeed(arguments.toArray(String[]::new));
            assertEquals(strategy.getValue(), offsetOf(group, partition), "" + strategy.getKey());
        }
        String plan = succeed(
                "--group",
                group,
                "--reset-offsets",
                "--topic",
                partition.topic() + ":0",
                "--to-offset",
                "2",
                "--dry-run",
                "--export");
        Path file = Files.writeString(dir.resolve("plan.csv"), plan);
        succeed("--group", group, "--reset-offsets", "--from-file", file.toString(), "--execute");
        assertEquals(2, offsetOf(group, partition));
    }

    @Test
    void groupsAreListedDescribedAndDeleted() throws Exception {
        TopicPartition partition = filled("described", 10, System.currentTimeMillis() - 10L * HOUR_MS);
        String idle = committed(partition, 5);
        String active = Clients.unique("active");
        try (KafkaConsumer<String, String> consumer =
                clients.consumer("group.id", active, "client.id", "the-client", "max.poll.records", "4")) {
            consumer.subscribe(List.of(partition.topic()));
            Clients.await("it has records", () -> !consumer.poll(Duration.ofMillis(100))
                    .isEmpty());
            consumer.commitSync();
            assertTrue(succeed("--list").lines().toList().containsAll(List.of(idle, active)));
            assertEquals(List.of(List.of(active, "Stable")), rows(succeed("--list", "--state", "Stable"), active));
            assertEquals(List.of(List.of(active, "Classic")), rows(succeed("--list", "--type", "classic"), active));
            assertEquals(List.of(), rows(succeed("--list", "--type", "consumer"), active));

            List<String> lag =
                    rows(succeed("--describe", "--group", active), active).get(0);
            assertEquals(List.of(active, partition.topic(), "0", "4", "10", "6"), lag.subList(0, 6));
            assertEquals("the-client", lag.get(lag.size() - 1));
            List<String> member = rows(succeed("--describe", "--group", active, "--members", "--verbose"), active)
                    .get(0);
            assertTrue(member.contains("the-client") && member.toString().contains(partition.topic()), "" + member);
            List<String> state = rows(succeed("--describe", "--group", active, "--state"), active)
                    .get(0);
            assertTrue(state.contains("Stable") && state.contains("range"), "" + state);

            refused("not empty", "--delete", "--group", active);
            refused("", "--group", active, "--reset-offsets", "--all-topics", "--to-earliest", "--execute");
            refused("", "--delete-offsets", "--group", active, "--topic", partition.topic());
            assertEquals(4, offsetOf(active, partition));
        }
        succeed("--delete-offsets", "--group", idle, "--topic", partition.topic());
        assertEquals(null, offsetOf(idle, partition));
        succeed("--delete", "--group", active);
        refused("", "--describe", "--group", active);
        refused("", "--delete", "--group", active);
        refused("", "--delete-offsets", "--group", idle, "--topic", "no-such-topic");
    }

    /** Kafka's tool says some refusals on standard output and ends with 0 nevertheless. */
    private static void refused(String message, String... arguments) {
        Run.Result result = tool(arguments);
        String all = (result.stdout() + result.stderr());
        assertTrue(all.contains("Error") || all.contains("rror:"), () -> result.exitCode() + ": " + all);
        assertTrue(all.toLowerCase().contains(message), all);
    }

    @Test
    void whatWaitsIsToldInSecondsAsWell() throws Exception {
        long startMs = System.currentTimeMillis() - 10L * HOUR_MS;
        TopicPartition partition = filled("waiting", 10, startMs);
        String behind = committed(partition, 5);
        String done = committed(partition, 10);
        String output = succeed("--describe", "--group", behind, "--group", done, "--lag-seconds");
        List<String> lag = rows(output, behind).get(0);
        assertEquals(List.of(behind, partition.topic(), "0", "5", "10", "5"), lag.subList(0, 6));
        double seconds = Double.parseDouble(lag.get(6));
        long oldestS = (System.currentTimeMillis() - (startMs + 5L * HOUR_MS)) / 1000;
        assertTrue(seconds <= oldestS + 1 && seconds > oldestS - 600, seconds + " of " + oldestS);
        assertEquals(
                List.of(done, partition.topic(), "0", "10", "10", "0", "0", "-", "-", "-"),
                rows(output, done).get(0));
    }

    @Test
    void aGroupsEventsAreTold() throws Exception {
        TopicPartition partition = filled("told", 2, System.currentTimeMillis());
        String group = Clients.unique("told");
        try (KafkaConsumer<String, String> consumer = clients.consumer("group.id", group, "client.id", "teller")) {
            consumer.subscribe(List.of(partition.topic()));
            Clients.await("it has records", () -> !consumer.poll(Duration.ofMillis(100))
                    .isEmpty());
        }
        List<String> lines =
                succeed("--describe", "--group", group, "--events").lines().toList();
        assertEquals("Group " + group + " is Empty with 0 members, coordinator 1:", lines.get(0));
        String all = String.join("\n", lines);
        Map<String, String> expected = new HashMap<>();
        expected.put("joined", "client teller at /127.0.0.1");
        expected.put("rebalancing", "the first");
        expected.put("joined all", "protocol range, leader teller-");
        expected.put("assigned", partition.topic() + " 0");
        expected.put("left", "teller-");
        expected.forEach((event, text) -> assertTrue(
                lines.stream().anyMatch(l -> l.contains("  " + event + " ") && l.contains(text)),
                () -> event + " is not in\n" + all));
        assertTrue(lines.get(lines.size() - 1).contains("  empty"), all);
    }

    private static Run.Result configs(String... arguments) {
        List<String> command = Run.script(Path.of("bin", "troupe-configs.sh"));
        command.addAll(List.of("--bootstrap-server", broker.bootstrap()));
        command.addAll(List.of(arguments));
        return Run.command(command, null, LIMIT);
    }

    /** A static member that does not return is gone for good after 3 s instead of 45. */
    @Test
    void aRunningGroupIsGivenAShorterSession() throws Exception {
        TopicPartition partition = filled("session", 1, System.currentTimeMillis());
        String group = Clients.unique("session");
        KafkaConsumer<String, String> consumer = clients.consumer(
                "group.id", group, "group.protocol", "consumer", "group.instance.id", "who-may-return");
        consumer.subscribe(List.of(partition.topic()));
        Clients.await(
                "it has records", () -> !consumer.poll(Duration.ofMillis(100)).isEmpty());
        String set = configs(
                        "--alter",
                        "--entity-type",
                        "groups",
                        "--entity-name",
                        group,
                        "--add-config",
                        "consumer.session.timeout.ms=3000")
                .orFail()
                .stdout();
        assertEquals("Completed updating config for group " + group + ".", set.trim());
        Run.Result below = configs("--alter", "--group", group, "--add-config", "consumer.session.timeout.ms=2999");
        assertNotEquals(0, below.exitCode());
        assertTrue(below.stderr().contains("group.consumer.min.session.timeout.ms=3000"), below.stderr());
        String all = configs("--describe", "--entity-type", "groups").orFail().stdout();
        assertTrue(
                all.contains("Dynamic configs for group " + group + " are:\n  consumer.session.timeout.ms=3000"
                        + " sensitive=false synonyms={DYNAMIC_GROUP_CONFIG:consumer.session.timeout.ms=3000"),
                all);
        // Longer than any interval between its heartbeats, so that it was given its new session.
        long heartbeats = System.nanoTime() + Duration.ofSeconds(2).toNanos();
        Clients.await("it has come again", () -> {
            consumer.poll(Duration.ofMillis(100));
            return System.nanoTime() > heartbeats;
        });
        consumer.close();
        long closed = System.nanoTime();
        Clients.await("its session ends", () -> Clients.get(admin.describeConsumerGroups(List.of(group))
                        .describedGroups()
                        .get(group))
                .members()
                .isEmpty());
        Duration took = Duration.ofNanos(System.nanoTime() - closed);
        assertTrue(took.toSeconds() < 30, "" + took);
        String events = succeed("--describe", "--group", group, "--events");
        assertTrue(events.contains("its session ended"), events);
    }

    @Test
    void wrongWordsAreAnswered() {
        Map<List<String>, String> wrong = new HashMap<>();
        wrong.put(List.of("--describe", "--events"), "Either --group or --all-groups");
        wrong.put(List.of("--group", "g", "--events"), "--describe needs one of");
        wrong.put(List.of("--describe", "--group", "g", "--events", "--nosuch"), "--nosuch does not go with");
        wrong.put(List.of("--describe", "--group", "no-such-group", "--lag-seconds"), "'no-such-group' does not exist");
        wrong.put(List.of("--describe", "--group", "g", "--events", "--timeout", "x"), "--timeout needs a number");
        wrong.forEach((arguments, message) -> {
            Run.Result result = tool(arguments.toArray(String[]::new));
            assertNotEquals(0, result.exitCode());
            assertTrue(result.stderr().contains(message), result.stderr());
        });
    }
}
