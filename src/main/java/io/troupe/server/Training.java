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
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.StringJoiner;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * A short life of a cluster of three brokers in this JVM, on free ports and a temporary directory: starts, serves one producer and one
 * consumer, and goes on when the partition's leader stops, whose stop is awaited. The JVM writes the classes that this loaded into an
 * archive, from which later starts take them; so do followers, and those who take over, for whose first work somebody waits.
 */
final class Training {
    private static final Duration PATIENCE = Duration.ofSeconds(20);
    private static final int BROKERS = 3;
    private static final int TRIES = 3;
    private static final String TOPIC = "training";

    private Training() {}

    /** The process's exit code: 0 when the whole way was gone. */
    static int run() {
        int code = 1;
        // Where much else goes on, another process may take a port that was only held.
        for (int tries = 0; code != 0 && tries < TRIES; tries++) {
            code = runOnce();
        }
        return code;
    }

    private static int runOnce() {
        Path dir = null;
        try {
            dir = Files.createTempDirectory("troupe-training");
            return live(dir) ? 0 : 1;
        } catch (Exception e) {
            System.err.println("Training run failed: " + e);
            return 1;
        } finally {
            delete(dir);
        }
    }

    private static boolean live(Path dir) throws Exception {
        List<HeldPort> actors = new ArrayList<>();
        Map<Integer, Broker> brokers = new TreeMap<>();
        ExecutorService threads = Executors.newFixedThreadPool(BROKERS);
        try {
            StringJoiner voters = new StringJoiner(",");
            for (int id = 1; id <= BROKERS; id++) {
                actors.add(HeldPort.onLoopback());
                voters.add(id + "@127.0.0.1:" + actors.get(id - 1).port());
            }
            List<Future<?>> started = new ArrayList<>();
            for (int id = 1; id <= BROKERS; id++) {
                Broker broker = Broker.open(config(dir, id, actors.get(id - 1).port(), voters.toString()));
                brokers.put(id, broker);
                started.add(threads.submit(broker::serve));
            }
            for (Future<?> start : started) {
                await(start);
            }
            return serve(brokers, threads);
        } finally {
            brokers.values().forEach(Broker::kill);
            actors.forEach(HeldPort::close);
            threads.shutdownNow();
        }
    }

    private static BrokerConfig config(Path dir, int id, int actorPort, String voters) {
        return ServerProperties.parse(Map.of(
                        "node.id",
                        String.valueOf(id),
                        "listeners",
                        "PLAINTEXT://127.0.0.1:0",
                        "troupe.http.listener",
                        "127.0.0.1:0",
                        "troupe.actor.listener",
                        "127.0.0.1:" + actorPort,
                        "controller.quorum.voters",
                        voters,
                        "log.dirs",
                        dir.resolve(String.valueOf(id)).toString(),
                        "default.replication.factor",
                        String.valueOf(BROKERS),
                        "offsets.topic.num.partitions",
                        "1",
                        "group.initial.rebalance.delay.ms",
                        "0"))
                .config();
    }

    private static boolean serve(Map<Integer, Broker> brokers, ExecutorService threads) throws Exception {
        Map<String, Object> client = Map.of(
                "bootstrap.servers",
                brokers.values().stream()
                        .map(broker -> broker.listeners().get(0).address().toString())
                        .collect(Collectors.joining(",")),
                "group.id",
                "training",
                "auto.offset.reset",
                "earliest");
        try (var producer = new KafkaProducer<>(client, new StringSerializer(), new StringSerializer());
                var consumer = new KafkaConsumer<>(client, new StringDeserializer(), new StringDeserializer())) {
            await(producer.send(new ProducerRecord<>(TOPIC, "value")));
            consumer.subscribe(List.of(TOPIC));
            boolean read = readOne(consumer);
            consumer.commitSync(PATIENCE);
            int leader = producer.partitionsFor(TOPIC).get(0).leader().id();
            if (!read || !askHttp(brokers.get(leader))) {
                return false;
            }
            Future<?> stopped = threads.submit(() -> brokers.get(leader).close());
            do {
                await(producer.send(new ProducerRecord<>(TOPIC, "value")));
            } while (!stopped.isDone());
            return readOne(consumer);
        }
    }

    private static void await(Future<?> done) throws Exception {
        done.get(PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
    }

    private static boolean readOne(KafkaConsumer<String, String> consumer) {
        int read = 0;
        for (long deadline = deadlineNanos(); read == 0 && System.nanoTime() < deadline; ) {
            read += consumer.poll(Duration.ofMillis(200)).count();
        }
        return read > 0;
    }

    private static long deadlineNanos() {
        return System.nanoTime() + PATIENCE.toNanos();
    }

    /** One of each kind that later starts are most often asked. */
    private static boolean askHttp(Broker broker) throws Exception {
        long deadlineNanos = deadlineNanos();
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
