package io.troupe.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.Timeout;

/** A broker's HTTP API beside its Kafka port: what one writes, the other reads. */
@Timeout(600)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class HttpIT {
    private static final Duration PATIENCE = Duration.ofSeconds(120);
    private static final String V2 = "application/vnd.kafka.v2+json";
    private static final int PORT = Ports.free();
    private static final HttpClient HTTP = HttpClient.newHttpClient();
    private static BrokerProcess broker;
    private static Clients clients;

    @BeforeAll
    static void start() {
        assumeTrue(BrokerProcess.KIND == BrokerProcess.Kind.TROUPE);
        broker = BrokerProcess.create("http", Map.of("troupe.http.listener", "127.0.0.1:" + PORT))
                .start();
        clients = new Clients(broker);
        // It opens beside the Kafka port, a moment later.
        broker.awaitOutput("HTTP is served at", 0);
    }

    @AfterAll
    static void stop() {
        if (broker != null) {
            broker.close();
        }
    }

    private static HttpRequest.Builder at(String path) {
        return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + PORT + path))
                .timeout(PATIENCE);
    }

    private static HttpResponse<String> send(HttpRequest.Builder request) throws Exception {
        return HTTP.send(request.build(), BodyHandlers.ofString());
    }

    private static String get(String path) throws Exception {
        HttpResponse<String> answer = send(at(path));
        assertEquals(200, answer.statusCode(), answer.body());
        return answer.body();
    }

    private static HttpResponse<String> post(String path, String type, String body) throws Exception {
        return send(at(path).header("Content-Type", type).POST(BodyPublishers.ofString(body)));
    }

    private static void contains(String part, String text) {
        assertTrue(text.contains(part), () -> part + " is not in " + text);
    }

    @Test
    @Order(1)
    void whatHttpWritesKafkasConsumerReads() throws Exception {
        String topic = clients.topic(Clients.unique("written"), 4, Map.of());
        HttpResponse<String> answer = post(
                "/topics/" + topic,
                "application/vnd.kafka.text.v2+json",
                "{\"records\":[{\"key\":\"k\",\"value\":\"v\",\"timestamp\":1700000000000,"
                        + "\"headers\":[{\"name\":\"h\",\"value\":\"aGk=\"}]}]}");
        assertEquals(200, answer.statusCode(), answer.body());
        try (KafkaConsumer<String, String> consumer = clients.consumer();
                KafkaProducer<String, String> producer = clients.producer()) {
            int partition =
                    producer.send(new ProducerRecord<>(topic, "k", "w")).get().partition();
            contains("{\"partition\":" + partition + ",\"offset\":0,", answer.body());
            TopicPartition both = new TopicPartition(topic, partition);
            consumer.assign(List.of(both));
            consumer.seekToBeginning(List.of(both));
            List<ConsumerRecord<String, String>> read = new ArrayList<>();
            Clients.await("both records are read", () -> {
                consumer.poll(Duration.ofMillis(200)).forEach(read::add);
                return read.size() == 2;
            });
            ConsumerRecord<String, String> first = read.get(0);
            assertEquals("k=v", first.key() + "=" + first.value());
            assertEquals(1_700_000_000_000L, first.timestamp());
            assertEquals("hi", new String(first.headers().lastHeader("h").value(), StandardCharsets.UTF_8));
        }
    }

    @Test
    @Order(2)
    void whatKafkasProducerWritesHttpReads() throws Exception {
        for (String codec : List.of("none", "lz4", "gzip", "zstd", "snappy")) {
            String topic = clients.topic(Clients.unique("read-" + codec), 1, Map.of());
            try (KafkaProducer<String, String> producer =
                    clients.producer("compression.type", codec, "linger.ms", "100")) {
                for (int i = 0; i < 1000; i++) {
                    producer.send(new ProducerRecord<>(topic, null, "{\"n\":" + i + "}"));
                }
                producer.flush();
            }
            String records = "/topics/" + topic + "/partitions/0/records";
            String body = get(records);
            assertEquals(1000, body.split("\"value\":\\{\"n\":").length - 1, codec);
            contains("],\"next_offset\":1000}", body);
            // In the middle of a batch.
            contains(
                    "{\"records\":[{\"topic\":\"" + topic + "\",\"key\":null,\"value\":{\"n\":777},",
                    get(records + "?offset=777"));
            assertEquals(
                    "{\"beginning_offset\":0,\"end_offset\":1000}", get("/topics/" + topic + "/partitions/0/offsets"));
        }
    }

    @Test
    @Order(3)
    void aRecordThatIsSentFromItsFileIsReadToo() throws Exception {
        String topic = clients.topic(Clients.unique("large"), 1, Map.of("max.message.bytes", "8000000"));
        String value = "x".repeat(3_000_000);
        HttpResponse<String> answer = post(
                "/topics/" + topic,
                "application/vnd.kafka.text.v2+json",
                "{\"records\":[{\"value\":\"" + value + "\"},{\"value\":\"small\"}]}");
        contains("\"offset\":1,", answer.body());
        HttpResponse<String> read = send(at("/topics/" + topic + "/partitions/0/records")
                .header("Accept", "application/vnd.kafka.text.v2+json"));
        contains(value, read.body());
        contains("\"value\":\"small\"", read.body());
        answer = post(
                "/topics/" + topic,
                "application/vnd.kafka.text.v2+json",
                "{\"records\":[{\"value\":\"" + value.repeat(3) + "\"}]}");
        contains("\"error_code\":42206,", answer.body());
    }

    @Test
    @Order(4)
    void eventsComeWhenRecordsDoAndGoOnWhereTheyWere() throws Exception {
        String topic = clients.topic(Clients.unique("events"), 2, Map.of());
        HttpResponse<InputStream> stream = HTTP.send(
                at("/topics/" + topic + "/records")
                        .header("Accept", "text/event-stream")
                        .build(),
                BodyHandlers.ofInputStream());
        String id;
        try (BufferedReader in = new BufferedReader(new InputStreamReader(stream.body(), StandardCharsets.UTF_8))) {
            assertEquals(": from here on", in.readLine());
            post("/topics/" + topic + "/partitions/1", "application/json", "{\"records\":[{\"value\":\"a\"}]}");
            id = next(in, "id: ");
            assertEquals("0,1", id);
            contains("\"value\":\"a\"", next(in, "data: "));
        }
        post("/topics/" + topic + "/partitions/1", "application/json", "{\"records\":[{\"value\":\"b\"}]}");
        stream = HTTP.send(
                at("/topics/" + topic + "/records")
                        .header("Accept", "text/event-stream")
                        .header("Last-Event-ID", id)
                        .build(),
                BodyHandlers.ofInputStream());
        try (BufferedReader in = new BufferedReader(new InputStreamReader(stream.body(), StandardCharsets.UTF_8))) {
            contains("\"value\":\"b\"", next(in, "data: "));
        }
    }

    private static String next(BufferedReader in, String prefix) throws Exception {
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            if (line.startsWith(prefix)) {
                return line.substring(prefix.length());
            }
        }
        throw new AssertionError("the stream has ended");
    }

    /** Each report comes before the next record is sent. */
    @Test
    @Order(5)
    void aStreamOfRecordsIsReportedWhileItIsSent() throws Exception {
        String topic = clients.topic(Clients.unique("stream"), 1, Map.of());
        try (Socket socket = new Socket("127.0.0.1", PORT)) {
            socket.setSoTimeout((int) PATIENCE.toMillis());
            var out = socket.getOutputStream();
            out.write(("POST /topics/" + topic + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                            + "Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n")
                    .getBytes(StandardCharsets.US_ASCII));
            BufferedReader in =
                    new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.US_ASCII));
            for (int i = 0; i < 3; i++) {
                String record = "{\"value\":" + i + "}\n";
                out.write((Integer.toHexString(record.length()) + "\r\n" + record + "\r\n")
                        .getBytes(StandardCharsets.US_ASCII));
                out.flush();
                contains("\"offset\":" + i + ",", next(in, "{\"partition\":0,"));
            }
            out.write("0\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
            while (in.readLine() != null) {
                // To the end.
            }
        }
        contains("\"end_offset\":3", get("/topics/" + topic + "/partitions/0/offsets"));
    }

    @Test
    @Order(6)
    void topicsAreMadeChangedAndDeletedByV3() throws Exception {
        String cluster = get("/v3/clusters");
        String id = cluster.replaceAll("(?s).*\"cluster_id\":\"([^\"]*)\".*", "$1");
        String topics = "/v3/clusters/" + id + "/topics";
        String name = Clients.unique("v3");
        HttpResponse<String> made =
                post(topics, "application/json", "{\"topic_name\":\"" + name + "\",\"partitions_count\":3}");
        assertEquals(201, made.statusCode(), made.body());
        contains("\"partitions_count\":3", get(topics + "/" + name));
        String configs = topics + "/" + name + "/configs";
        assertEquals(
                204,
                post(
                                configs + ":alter",
                                "application/json",
                                "{\"data\":[{\"name\":\"retention.ms\",\"value\":\"1234567\"}]}")
                        .statusCode());
        contains("\"value\":\"1234567\"", get(configs + "/retention.ms"));
        HttpResponse<String> bad =
                post(configs + ":alter", "application/json", "{\"data\":[{\"name\":\"retention\",\"value\":\"1\"}]}");
        assertEquals(400, bad.statusCode(), bad.body());
        HttpResponse<String> report = post(
                topics + "/" + name + "/records",
                "application/json",
                "{\"value\":{\"type\":\"JSON\",\"data\":{\"a\":1}}}");
        contains("{\"error_code\":200,", report.body());
        assertEquals(204, send(at(topics + "/" + name).DELETE()).statusCode());
        assertEquals(404, send(at("/topics/" + name)).statusCode());
    }

    @Test
    @Order(7)
    void metricsTellOfTrafficAndOfAGroupsLag() throws Exception {
        String topic = clients.topic(Clients.unique("lag"), 1, Map.of());
        String group = Clients.unique("behind");
        StringBuilder records = new StringBuilder("{\"value\":0}");
        for (int i = 1; i < 10; i++) {
            records.append(",{\"value\":").append(i).append('}');
        }
        post("/topics/" + topic, "application/json", "{\"records\":[" + records + "]}");
        try (KafkaConsumer<String, String> consumer = clients.consumer("group.id", group)) {
            consumer.assign(List.of(new TopicPartition(topic, 0)));
            consumer.commitSync(Map.of(new TopicPartition(topic, 0), new OffsetAndMetadata(4)));
        }
        String labels = "{consumergroup=\"" + group + "\",partition=\"0\",topic=\"" + topic + "\"} ";
        String page = get("/metrics");
        contains("kafka_consumergroup_current_offset" + labels + "4.0\n", page);
        contains("kafka_consumergroup_lag" + labels + "6.0\n", page);
        contains("kafka_consumergroup_lag_seconds" + labels, page);
        contains("kafka_topic_partition_current_offset{partition=\"0\",topic=\"" + topic + "\"} 10.0\n", page);
        contains("kafka_controller_kafkacontroller_activecontrollercount 1.0\n", page);
        contains("kafka_server_replicamanager_underreplicatedpartitions 0.0\n", page);
        contains("kafka_network_requestmetrics_totaltime_seconds_bucket{request=\"Produce\",le=\"+Inf\"}", page);
        assertTrue(
                page.lines()
                        .filter(line -> line.startsWith("kafka_server_brokertopicmetrics_messagesin_total "))
                        .anyMatch(line -> Double.parseDouble(line.substring(line.indexOf(' '))) >= 10),
                page);
        String id = get("/v3/clusters").replaceAll("(?s).*\"cluster_id\":\"([^\"]*)\".*", "$1");
        contains(
                "\"max_lag\":6,\"max_lag_topic_name\":\"" + topic + "\"",
                get("/v3/clusters/" + id + "/consumer-groups/" + group + "/lag-summary"));
        contains("\"status\":\"ready\"", get("/readyz"));
    }

    /** Each has half of the partitions, and all of them when the other has gone. */
    @Test
    @Order(7)
    void aConsumerInstanceSharesItsGroupWithKafkasConsumer() throws Exception {
        String topic = clients.topic(Clients.unique("shared"), 4, Map.of());
        String group = "/consumers/" + Clients.unique("sharing");
        String instance = group + "/instances/i";
        HttpResponse<String> made =
                post(group, V2, "{\"name\":\"i\",\"format\":\"json\",\"auto.offset.reset\":\"earliest\"}");
        assertEquals(200, made.statusCode(), made.body());
        assertEquals(
                204,
                post(instance + "/subscription", V2, "{\"topics\":[\"" + topic + "\"]}")
                        .statusCode());
        try (KafkaConsumer<String, String> consumer = clients.consumer("group.id", group.substring(11))) {
            consumer.subscribe(List.of(topic));
            Clients.await("each has two", () -> {
                consumer.poll(Duration.ofMillis(100));
                return consumer.assignment().size() == 2
                        && get(instance + "/assignments").split("partition\":", -1).length == 3;
            });
            for (int p = 0; p < 4; p++) {
                post("/topics/" + topic + "/partitions/" + p, V2, "{\"records\":[{\"value\":" + p + "}]}");
            }
            List<String> read = new ArrayList<>();
            Clients.await("both have read theirs", () -> {
                consumer.poll(Duration.ofMillis(100)).forEach(record -> read.add(record.value()));
                for (String record : get(instance + "/records?timeout=200").split("\"value\":")) {
                    if (!record.startsWith("[")) {
                        read.add(record.substring(0, 1));
                    }
                }
                return read.size() == 4;
            });
            assertEquals(List.of("0", "1", "2", "3"), read.stream().sorted().toList());
            assertEquals(204, send(at(instance).DELETE()).statusCode());
            Clients.await("the other has all", () -> {
                consumer.poll(Duration.ofMillis(100));
                return consumer.assignment().size() == 4;
            });
            Map<TopicPartition, OffsetAndMetadata> committed = consumer.committed(consumer.assignment());
            assertEquals(
                    2,
                    committed.values().stream()
                            .filter(c -> c != null && c.offset() == 1)
                            .count());
        }
    }

    /** Assigned by hand, as then nobody tells the instance; what it has read, and commits, is of the topic that is gone. */
    @Test
    @Order(8)
    void aTopicMadeAnewIsReadFromItsFirstRecordOn() throws Exception {
        String topic = clients.topic(Clients.unique("anew"), 1, Map.of());
        String instance = "/consumers/" + Clients.unique("again") + "/instances/i";
        post(
                instance.replace("/instances/i", ""),
                V2,
                "{\"name\":\"i\",\"format\":\"json\",\"auto.offset.reset\":\"earliest\"}");
        String partition = "{\"partitions\":[{\"topic\":\"" + topic + "\",\"partition\":0}]}";
        assertEquals(204, post(instance + "/assignments", V2, partition).statusCode());
        String records = "{\"records\":[{\"value\":1},{\"value\":2},{\"value\":3}]}";
        for (int life = 0; life < 2; life++) {
            post("/topics/" + topic, V2, records);
            String read = get(instance + "/records?timeout=60000");
            contains("\"value\":1,\"partition\":0,\"offset\":0", read);
            contains("\"offset\":2", read);
            try (Admin admin = clients.admin()) {
                admin.deleteTopics(List.of(topic)).all().get();
            }
            clients.topic(topic, 1, Map.of());
            send(at(instance + "/offsets").POST(BodyPublishers.noBody()));
        }
    }

    /** Every line of the README that calls curl, with this broker's port, one after the other. */
    @Test
    @Order(9)
    void theReadmesCurlExamplesWork() throws Exception {
        List<String> lines = new ArrayList<>();
        String command = "";
        for (String line : Files.readAllLines(Path.of("README.md"))) {
            if (line.startsWith("    curl ") || !command.isEmpty()) {
                boolean goesOn = line.endsWith("\\");
                command += (goesOn ? line.substring(0, line.length() - 1) : line) + " ";
                if (!goesOn) {
                    lines.add(command.strip());
                    command = "";
                }
            }
        }
        assertTrue(lines.size() >= 5, lines::toString);
        for (String line : lines) {
            String here = line.replace("localhost:8082", "127.0.0.1:" + PORT);
            String stream = line.contains("curl -N") ? "timeout 2 " : "";
            Run.Result result = Run.command(List.of("bash", "-c", "set -o pipefail; " + stream + here), null, PATIENCE);
            // A stream of events goes on until it is ended.
            assertTrue(
                    result.exitCode() == 0 || !stream.isEmpty() && result.exitCode() == 124,
                    () -> here + " gave " + result);
            assertTrue(!result.stdout().contains("error_code\":4"), () -> here + " gave " + result.stdout());
        }
    }

    @Test
    @Order(10)
    void aTakenPortIsToldAtTheStart() {
        try (BrokerProcess second = BrokerProcess.create(
                        "http-taken", Map.of("troupe.http.listener", "127.0.0.1:" + PORT))
                .launch()) {
            assertEquals(1, second.awaitExit(PATIENCE), second.output());
            contains("troupe.http.listener: 127.0.0.1:" + PORT + " cannot be bound", second.output());
        }
    }

    /** Whoever listens does not keep the broker from stopping. */
    @Test
    @Order(11)
    void aBrokerStopsWhileSomebodyListens() throws Exception {
        String topic = clients.topic(Clients.unique("listening"), 1, Map.of());
        HttpResponse<InputStream> stream = HTTP.send(
                at("/topics/" + topic + "/partitions/0/records")
                        .header("Accept", "text/event-stream")
                        .build(),
                BodyHandlers.ofInputStream());
        assertEquals(200, stream.statusCode());
        assertEquals(143, broker.terminate(), broker.output());
        try (InputStream rest = stream.body()) {
            rest.readAllBytes();
        } catch (IOException e) {
            // It may be cut off instead of ended; either way it ends.
        }
        assertTrue(!broker.output().contains("still under way"), broker.output());
    }
}
