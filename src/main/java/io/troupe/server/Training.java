package io.troupe.server;

import io.troupe.config.BrokerConfig;
import io.troupe.config.HostPort;
import io.troupe.config.ServerProperties;
import java.io.IOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * A short life of a broker on free ports and a temporary directory: starts, serves one producer and one consumer, stops. The
 * JVM writes the classes that this loaded into an archive, from which later starts take them.
 */
final class Training {
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    private Training() {}

    /** The process's exit code: 0 when the whole way was gone. */
    static int run() {
        Path dir = null;
        try {
            dir = Files.createTempDirectory("troupe-training");
            return live(ServerProperties.parse(Map.of(
                                    "node.id", "1",
                                    "listeners", "PLAINTEXT://127.0.0.1:0",
                                    "log.dirs", dir.toString(),
                                    "offsets.topic.num.partitions", "1",
                                    "group.initial.rebalance.delay.ms", "0"))
                            .config())
                    ? 0
                    : 1;
        } catch (Exception e) {
            System.err.println("Training run failed: " + e);
            return 1;
        } finally {
            delete(dir);
        }
    }

    private static boolean live(BrokerConfig config) throws Exception {
        try (Broker broker = Broker.start(config)) {
            Map<String, Object> client = Map.of(
                    "bootstrap.servers", broker.listeners().get(0).address().toString(),
                    "group.id", "training",
                    "auto.offset.reset", "earliest");
            try (var producer = new KafkaProducer<>(client, new StringSerializer(), new StringSerializer());
                    var consumer = new KafkaConsumer<>(client, new StringDeserializer(), new StringDeserializer())) {
                producer.send(new ProducerRecord<>("training", "value"))
                        .get(PATIENCE.toMillis(), java.util.concurrent.TimeUnit.MILLISECONDS);
                consumer.subscribe(List.of("training"));
                long deadline = System.nanoTime() + PATIENCE.toNanos();
                int read = 0;
                while (read == 0 && System.nanoTime() < deadline) {
                    read += consumer.poll(Duration.ofMillis(200)).count();
                }
                consumer.commitSync(PATIENCE);
                return read == 1 && askHttp(broker, deadline);
            }
        }
    }

    /** One of each kind that later starts are most often asked. */
    private static boolean askHttp(Broker broker, long deadlineNanos) throws Exception {
        while (broker.httpAddress().isEmpty()) {
            if (System.nanoTime() > deadlineNanos) {
                return false;
            }
            Thread.sleep(20);
        }
        String body = "{\"records\":[{\"value\":1}]}";
        return ask(broker, "GET /readyz", "")
                && ask(broker, "POST /topics/training", body)
                && ask(broker, "GET /topics/training/partitions/0/records?offset=1", "")
                && ask(broker, "GET /metrics", "");
    }

    private static boolean ask(Broker broker, String what, String body) throws IOException {
        HostPort address = broker.httpAddress().orElseThrow();
        try (Socket socket = new Socket(address.host(), address.port())) {
            socket.setSoTimeout((int) PATIENCE.toMillis());
            String request = what + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                    + "Content-Type: application/json\r\nContent-Length: " + body.length() + "\r\n\r\n" + body;
            socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
            String answer = new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            return answer.startsWith("HTTP/1.1 200 ");
        }
    }

    private static void delete(Path dir) {
        if (dir == null) {
            return;
        }
        try (Stream<Path> files = Files.walk(dir)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        } catch (IOException e) {
            System.err.println("Training run left " + dir + ": " + e.getMessage());
        }
    }
}
