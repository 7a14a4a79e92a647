package io.troupe.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.NewPartitionReassignment;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.QuorumInfo;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.Metric;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Three brokers, each in a rack of its own, and what an operator or a client asks of them while they run. */
@Timeout(1200)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class RunningClusterIT {
    private static final Duration PATIENCE = Duration.ofSeconds(120);
    private static final int HTTP_PORT = Ports.free();
    private static ClusterProcess cluster;
    private static Admin admin;

    @BeforeAll
    static void start() {
        assumeTrue(BrokerProcess.KIND == BrokerProcess.Kind.TROUPE);
        Map<String, String> settings = new HashMap<>(ClusterProcess.LONG_SESSIONS);
        settings.put("replica.selector.class", "org.apache.kafka.common.replica.RackAwareReplicaSelector");
        cluster = ClusterProcess.create("running", 3, 3, settings);
        for (int id = 1; id <= 3; id++) {
            cluster.broker(id).set("broker.rack", "rack-" + id);
        }
        cluster.broker(1).set("troupe.http.listener", "127.0.0.1:" + HTTP_PORT);
        cluster.start(1, 2, 3);
        admin = cluster.clients().admin();
    }

    @AfterAll
    static void stop() {
        if (admin != null) {
            admin.close();
        }
        if (cluster != null) {
            cluster.close();
        }
    }

    private static Run.Result tool(String script, String... arguments) {
        List<String> command = Run.script(Path.of("bin", script));
        command.addAll(List.of(arguments));
        command.addAll(List.of("--bootstrap-server", cluster.bootstrap()));
        return Run.command(command, null, PATIENCE);
    }

    private static String succeed(String script, String... arguments) {
        Run.Result result = tool(script, arguments);
        assertEquals(0, result.exitCode(), () -> result.stdout() + result.stderr());
        return result.stdout();
    }

    /** Asks a tool that changes nothing, or nothing before it says this, until it says so and succeeds. */
    private static void awaitTool(String text, String script, String... arguments) {
        Run.Result[] last = new Run.Result[1];
        try {
            Clients.await(script + " says '" + text + "'", () -> {
                last[0] = tool(script, arguments);
                return last[0].exitCode() == 0 && last[0].stdout().contains(text);
            });
        } catch (AssertionError e) {
            throw new AssertionError(e.getMessage() + "\n" + last[0], e);
        }
    }

    private static void create(String topic, List<Integer> replicas) {
        cluster.clients().create(new NewTopic(topic, Map.of(0, replicas)));
    }

    private static TopicDescription describe(String topic) {
        return Clients.get(admin.describeTopics(List.of(topic)).allTopicNames()).get(topic);
    }

    private static Set<Integer> isr(String topic) {
        return describe(topic).partitions().get(0).isr().stream().map(Node::id).collect(Collectors.toSet());
    }

    private static void send(String topic, int count, int size, String... settings) throws Exception {
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        try (KafkaProducer<String, String> producer = cluster.clients().producer(settings)) {
            for (int i = 0; i < count; i++) {
                sent.add(producer.send(new ProducerRecord<>(topic, 0, null, i + "-" + "x".repeat(size))));
            }
        }
        for (Future<RecordMetadata> record : sent) {
            record.get();
        }
    }

    private static Optional<String> setting(ConfigResource.Type type, String name, String key) {
        ConfigResource resource = new ConfigResource(type, name);
        Config config =
                Clients.get(admin.describeConfigs(List.of(resource)).all()).get(resource);
        return Optional.ofNullable(config.get(key)).map(e -> e.value());
    }

    /** Whom a tool has asked knows what it did, the broker that is asked here hears of it. */
    private static void awaitSetting(Optional<String> value, ConfigResource.Type type, String name, String key) {
        Clients.await(key + " of " + name + " is " + value, () -> setting(type, name, key)
                .equals(value));
    }

    /** What the others lead and coordinate is asked there. */
    @Test
    @Order(0)
    void anyBrokersHttpPortAnswersForAll() throws Exception {
        cluster.broker(1).awaitOutput("HTTP is served at", 0);
        String topic = Clients.unique("http");
        cluster.clients().create(new NewTopic(topic, Map.of(0, List.of(1, 2), 1, List.of(2, 3), 2, List.of(3, 1))));
        HttpClient http = HttpClient.newHttpClient();
        String base = "http://127.0.0.1:" + HTTP_PORT + "/topics/" + topic + "/partitions/";
        for (int partition = 0; partition < 3; partition++) {
            HttpResponse<String> written = http.send(
                    HttpRequest.newBuilder(URI.create(base + partition))
                            .header("Content-Type", "application/json")
                            .POST(HttpRequest.BodyPublishers.ofString("{\"records\":[{\"value\":" + partition + "}]}"))
                            .build(),
                    HttpResponse.BodyHandlers.ofString());
            assertTrue(written.body().contains("\"offset\":0,"), written.body());
            HttpResponse<String> read = http.send(
                    HttpRequest.newBuilder(URI.create(base + partition + "/records"))
                            .build(),
                    HttpResponse.BodyHandlers.ofString());
            assertTrue(read.body().contains("\"value\":" + partition + ","), read.body());
            assertTrue(read.body().endsWith("\"next_offset\":1}"), read.body());
        }
    }

    /** KIP-73, with Kafka's own tool: 9 MB at 1.5 MB a second. */
    @Test
    @Order(1)
    void aThrottledMoveKeepsToItsRateAndVerifyTakesTheThrottleAway(@TempDir Path dir) throws Exception {
        create("moved", List.of(1));
        send("moved", 900, 10_000, "batch.size", "100000");
        Path plan = Files.writeString(
                dir.resolve("plan.json"),
                "{\"version\":1,\"partitions\":[{\"topic\":\"moved\",\"partition\":0,\"replicas\":[2]}]}");
        String file = plan.toString();
        long begun = System.nanoTime();
        succeed(
                "troupe-reassign-partitions.sh",
                "--reassignment-json-file",
                file,
                "--execute",
                "--throttle",
                "1500000");
        for (int id = 1; id <= 2; id++) {
            awaitSetting(
                    Optional.of("1500000"), ConfigResource.Type.BROKER, "" + id, "leader.replication.throttled.rate");
        }
        awaitSetting(Optional.of("0:2"), ConfigResource.Type.TOPIC, "moved", "follower.replication.throttled.replicas");
        Clients.await("broker 2 alone has it", () -> isr("moved").equals(Set.of(2)));
        long ms = (System.nanoTime() - begun) / 1_000_000;
        // From the throttle on: nothing moves before the tool has set it.
        assertTrue(ms >= 4_500, "9 MB at 1.5 MB a second took " + ms + " ms");
        // Whom a tool asks may hear of it a moment later than whom this test asks.
        awaitTool(
                "replication is throttled (rate on broker 1, 2; replicas of topic moved)",
                "troupe-cluster.sh",
                "status");
        awaitTool("is completed", "troupe-reassign-partitions.sh", "--reassignment-json-file", file, "--verify");
        for (int id = 1; id <= 3; id++) {
            awaitSetting(Optional.empty(), ConfigResource.Type.BROKER, "" + id, "leader.replication.throttled.rate");
        }
        awaitSetting(Optional.of(""), ConfigResource.Type.TOPIC, "moved", "follower.replication.throttled.replicas");
        String drained = succeed("troupe-cluster.sh", "drain", "2", "--execute", "--throttle", "50000000");
        assertTrue(drained.contains("Done."), drained);
        Clients.await("broker 2 is drained", () -> !isr("moved").contains(2));
        awaitSetting(Optional.empty(), ConfigResource.Type.BROKER, "2", "follower.replication.throttled.rate");
    }

    @Test
    @Order(2)
    void settingsOfBrokersChangeWhileTheyRun() throws Exception {
        create("limited", List.of(2));
        send("limited", 1, 5_000);
        succeed(
                "troupe-configs.sh",
                "--alter",
                "--entity-type",
                "brokers",
                "--entity-default",
                "--add-config",
                "message.max.bytes=2000");
        String all = succeed("troupe-configs.sh", "--describe", "--entity-type", "brokers", "--entity-default");
        assertTrue(all.contains("message.max.bytes=2000"), all);
        Clients.await("broker 2 takes no more than 2000 bytes", () -> {
            try (KafkaProducer<String, String> producer = cluster.clients().producer()) {
                producer.send(new ProducerRecord<>("limited", 0, null, "x".repeat(5_000)))
                        .get();
                return false;
            } catch (ExecutionException e) {
                return e.getCause() instanceof RecordTooLargeException;
            }
        });
        succeed(
                "troupe-configs.sh",
                "--alter",
                "--entity-type",
                "brokers",
                "--entity-name",
                "2",
                "--add-config",
                "message.max.bytes=9000");
        awaitSetting(Optional.of("9000"), ConfigResource.Type.BROKER, "2", "message.max.bytes");
        Clients.await("broker 2 has a limit of its own", () -> {
            try (KafkaProducer<String, String> producer = cluster.clients().producer()) {
                producer.send(new ProducerRecord<>("limited", 0, null, "x".repeat(5_000)))
                        .get();
                return true;
            } catch (ExecutionException e) {
                return false;
            }
        });
        succeed(
                "troupe-configs.sh",
                "--alter",
                "--entity-type",
                "brokers",
                "--entity-default",
                "--add-config",
                "log.segment.bytes=100000");
        Clients.await("broker 2's log of it begins new segments", () -> {
            send("limited", 20, 5_000);
            try (Stream<Path> files = Files.list(cluster.broker(2).data().resolve("limited-0"))) {
                return files.filter(f -> f.toString().endsWith(".log")).count() > 1;
            }
        });
        Run.Result refused = tool(
                "troupe-configs.sh",
                "--alter",
                "--entity-type",
                "brokers",
                "--entity-name",
                "1",
                "--add-config",
                "num.io.threads=3");
        assertEquals(1, refused.exitCode());
        assertTrue(
                refused.stderr().contains("Cannot update these configs dynamically: [num.io.threads]"),
                refused.stderr());
    }

    /** The log start lies inside a batch, and a replica that has nothing begins with that batch. */
    @Test
    @Order(3)
    void aReplicaIsAddedWhereRecordsWereDeletedInTheMiddleOfABatch() throws Exception {
        create("deleted", List.of(1));
        send("deleted", 10, 10, "linger.ms", "30000");
        TopicPartition partition = new TopicPartition("deleted", 0);
        Clients.get(admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(5)))
                .all());
        Clients.get(admin.alterPartitionReassignments(
                        Map.of(partition, Optional.of(new NewPartitionReassignment(List.of(3, 1)))))
                .all());
        Clients.await("the new replica is in sync", () -> isr("deleted").equals(Set.of(1, 3)));
        // From the new one alone.
        cluster.terminate(1);
        try (KafkaConsumer<String, String> consumer = cluster.clients().consumer()) {
            consumer.assign(List.of(partition));
            List<ConsumerRecord<String, String>> records = Clients.read(consumer, 5);
            assertEquals(5, records.get(0).offset());
            assertEquals(5, records.size());
        }
        cluster.start(1);
    }

    /** KIP-392: by the client's own count, its records come from the broker in its rack; when that goes, from another. */
    @Test
    @Order(4)
    void aConsumerReadsInItsOwnRackAndElsewhereWhenThatIsGone() throws Exception {
        create("near", List.of(1, 2, 3));
        Clients.await("all are in sync", () -> isr("near").equals(Set.of(1, 2, 3)));
        send("near", 2_000, 1_000);
        TopicPartition partition = new TopicPartition("near", 0);
        try (KafkaConsumer<String, String> consumer =
                cluster.clients().consumer("client.rack", "rack-3", "metadata.max.age.ms", "2000")) {
            consumer.assign(List.of(partition));
            List<ConsumerRecord<String, String>> records = Clients.read(consumer, 2_000);
            assertTrue(received(consumer, 3) > 2_000_000, "from its rack: " + received(consumer, 3));
            assertTrue(received(consumer, 1) < 1_000_000, "from the leader: " + received(consumer, 1));
            for (int i = 0; i < 20; i++) {
                send("near", 1, 10);
                records.addAll(Clients.read(consumer, 1));
            }
            assertTrue(received(consumer, 1) < 1_000_000, "from the leader: " + received(consumer, 1));
            cluster.kill(3);
            send("near", 100, 10);
            records.addAll(Clients.read(consumer, 100));
            for (int i = 0; i < records.size(); i++) {
                assertEquals(i, records.get(i).offset(), "each once, in order");
            }
            cluster.start(3);
        }
    }

    private static double received(KafkaConsumer<String, String> consumer, int node) {
        return consumer.metrics().values().stream()
                .filter(m -> m.metricName().name().equals("incoming-byte-total")
                        && ("node-" + node).equals(m.metricName().tags().get("node-id")))
                .mapToDouble(m -> value(m))
                .sum();
    }

    private static double value(Metric metric) {
        return (Double) metric.metricValue();
    }

    @Test
    @Order(5)
    void whatTheControllerKnowsIsShown() {
        create("shown", List.of(1, 2, 3));
        for (String bootstrap : cluster.bootstrap().split(",")) {
            try (Admin one = new Clients(bootstrap).admin()) {
                Clients.await(
                        bootstrap + " knows of the topic",
                        () -> Clients.get(one.listTopics().names()).contains("shown"));
            }
        }
        QuorumInfo quorum = Clients.get(admin.describeMetadataQuorum().quorumInfo());
        String tree = succeed("troupe-cluster.sh", "metadata", "--topic", "shown");
        String state = tree.lines()
                .filter(line -> line.startsWith("/brokers/topics/shown/partitions/0/state leader="))
                .findFirst()
                .orElseThrow(() -> new AssertionError(tree));
        assertTrue(state.matches(".* leader_epoch=\\d+ partition_epoch=\\d+ replicas=\\[1,2,3] isr=.* elr=.*"), state);
        assertTrue(tree.lines().anyMatch(line -> line.matches("/brokers/ids/1 .* epoch=\\d+ rack=rack-1.*")), tree);
        assertTrue(tree.contains("/controller_epoch " + quorum.leaderEpoch()), tree);
        Run.Result none =
                tool("troupe-cluster.sh", "metadata", "--topic", "shown", "--topic", "nosuch", "--group", "nogroup");
        assertEquals(1, none.exitCode(), none::stdout);
        assertTrue(none.stdout().contains("/brokers/topics/shown"), none::stdout);
        assertTrue(none.stderr().contains("There is no topic nosuch, no group nogroup."), none::stderr);
    }
}
