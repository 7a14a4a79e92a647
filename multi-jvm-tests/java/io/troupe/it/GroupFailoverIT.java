package io.troupe.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.RebalanceInProgressException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A coordinator that is killed under its groups' commits: the next one has all that was acknowledged, and members go on. */
@Timeout(900)
class GroupFailoverIT {
    private static final int PARTITIONS = 4;
    private static final int FARTHEST_AHEAD = 400;
    /** So many that each broker runs some. */
    private static final int INSTANCES = 12;

    private static final Map<Integer, Integer> HTTP_PORTS = new HashMap<>();
    private static ClusterProcess cluster;

    @BeforeAll
    static void start() {
        assumeTrue(BrokerProcess.KIND == BrokerProcess.Kind.TROUPE);
        cluster = ClusterProcess.create(
                "group-failover",
                3,
                3,
                Map.of("group.initial.rebalance.delay.ms", "0", "offsets.topic.num.partitions", "1"));
        for (int broker = 1; broker <= 3; broker++) {
            HTTP_PORTS.put(broker, Ports.free());
            cluster.broker(broker).set("troupe.http.listener", "127.0.0.1:" + HTTP_PORTS.get(broker));
        }
        cluster.start(1, 2, 3);
    }

    @AfterAll
    static void stop() {
        if (cluster != null) {
            cluster.close();
        }
    }

    /** Offsets whose commit was acknowledged to a member, the greatest of each partition. */
    private final Map<TopicPartition, Long> acknowledged = new ConcurrentHashMap<>();

    private final Set<String> read = ConcurrentHashMap.newKeySet();
    private final List<Throwable> failures = new CopyOnWriteArrayList<>();
    private final AtomicInteger commits = new AtomicInteger();
    private volatile boolean stopping;

    private Thread background(String name, Runnable work) {
        Thread thread = new Thread(
                () -> {
                    try {
                        work.run();
                    } catch (RuntimeException | AssertionError e) {
                        failures.add(e);
                    }
                },
                name);
        thread.start();
        return thread;
    }

    /** Polls and commits, a record or a few at a time. */
    private void consume(String group, String topic) {
        try (KafkaConsumer<String, String> consumer = cluster.clients()
                .consumer(
                        "group.id",
                        group,
                        "max.poll.records",
                        "5",
                        "heartbeat.interval.ms",
                        "500",
                        "session.timeout.ms",
                        "60000",
                        "default.api.timeout.ms",
                        "100000")) {
            consumer.subscribe(List.of(topic));
            while (!stopping) {
                Map<TopicPartition, OffsetAndMetadata> positions = new HashMap<>();
                for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(100))) {
                    read.add(record.value());
                    positions.put(
                            new TopicPartition(topic, record.partition()), new OffsetAndMetadata(record.offset() + 1));
                }
                try {
                    consumer.commitSync(positions, Duration.ofSeconds(100));
                    positions.forEach((p, offset) -> acknowledged.merge(p, offset.offset(), Math::max));
                    commits.addAndGet(positions.size());
                } catch (RebalanceInProgressException e) {
                    // Whoever owns them next reads them again.
                }
            }
        }
    }

    /** Asks all the time; whatever was acknowledged before a question is in its answer. */
    private void watch(Admin admin, String group) {
        while (!stopping) {
            Map<TopicPartition, Long> before = Map.copyOf(acknowledged);
            Map<TopicPartition, OffsetAndMetadata> committed =
                    Clients.get(admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata());
            before.forEach((p, offset) -> assertTrue(
                    committed.get(p) != null && committed.get(p).offset() >= offset,
                    () -> p + " is committed to " + committed.get(p) + ", and was to " + offset));
        }
    }

    private static int coordinator(Admin admin, String group) {
        ConsumerGroupDescription description =
                Clients.get(admin.describeConsumerGroups(List.of(group)).all()).get(group);
        return description.coordinator().id();
    }

    @Test
    void aKilledCoordinatorLosesNoCommitAndItsGroupsGoOn() throws Exception {
        String topic = Clients.unique("commits");
        cluster.clients().create(new NewTopic(topic, PARTITIONS, (short) 3));
        String group = Clients.unique("killed");
        List<Thread> threads = new ArrayList<>();
        Set<String> sent = ConcurrentHashMap.newKeySet();
        try (Admin admin = cluster.clients().admin()) {
            try {
                killTwice(admin, group, topic, sent, threads);
            } finally {
                stopping = true;
                for (Thread thread : threads) {
                    thread.join(120_000);
                }
            }
        }
        assertEquals(List.of(), failures);
        try (KafkaConsumer<String, String> rest = cluster.clients().consumer("group.id", group)) {
            rest.subscribe(List.of(topic));
            Clients.await("nothing is left out", () -> {
                rest.poll(Duration.ofMillis(200)).forEach(record -> read.add(record.value()));
                return read.containsAll(sent);
            });
        }
        assertEquals(new TreeSet<>(sent), new TreeSet<>(read));
    }

    /** Of the HTTP API: whoever runs them is killed, and others go on where their groups are, told nothing but to wait. */
    @Test
    void consumerInstancesOutliveTheirBroker() throws Exception {
        String topic = Clients.unique("instances");
        cluster.clients().create(new NewTopic(topic, PARTITIONS, (short) 3));
        for (int broker = 1; broker <= 3; broker++) {
            cluster.broker(broker).awaitOutput("HTTP is served at", 0);
        }
        String prefix = "/consumers/" + Clients.unique("outliving") + "-";
        for (int i = 0; i < INSTANCES; i++) {
            String settings = "{\"name\":\"i\",\"format\":\"json\",\"auto.offset.reset\":\"earliest\"}";
            assertEquals(200, http(1 + i % 3, "POST", prefix + i, settings).statusCode());
            String subscription = prefix + i + "/instances/i/subscription";
            assertEquals(
                    204,
                    http(2, "POST", subscription, "{\"topics\":[\"" + topic + "\"]}")
                            .statusCode());
        }
        written(topic, 0);
        readByAll(prefix, 0, 3);
        cluster.kill(3);
        written(topic, 1);
        readByAll(prefix, 1, 1);
        cluster.start(3);
    }

    private static HttpResponse<String> http(int broker, String method, String path, String body) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + HTTP_PORTS.get(broker) + path))
                .timeout(Duration.ofSeconds(120))
                .header("Content-Type", "application/vnd.kafka.v2+json")
                .method(method, HttpRequest.BodyPublishers.ofString(body))
                .build();
        return HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());
    }

    private static void written(String topic, int value) throws Exception {
        try (KafkaProducer<String, String> producer = cluster.clients().producer("acks", "all")) {
            producer.send(new ProducerRecord<>(topic, 0, null, "" + value)).get();
        }
    }

    /** Each reads this record, and reads it once; what is read is committed by the next read. */
    private static void readByAll(String prefix, int value, int broker) {
        for (int i = 0; i < INSTANCES; i++) {
            String path = prefix + i + "/instances/i/records?timeout=500";
            List<String> read = new ArrayList<>();
            Clients.await(path + " reads " + value, () -> {
                HttpResponse<String> answer = http(broker, "GET", path, "");
                assertEquals(200, answer.statusCode(), answer.body());
                read.add(answer.body());
                return !answer.body().equals("[]");
            });
            assertTrue(
                    read.get(read.size() - 1).contains("\"value\":" + value + ",\"partition\":0,\"offset\":" + value));
            // Says that the last one came; there is nothing else to be read.
            Clients.await(path + " reads no more", () -> {
                HttpResponse<String> answer = http(broker, "GET", path.replace("500", "0"), "");
                return answer.body().equals("[]");
            });
        }
    }

    private void killTwice(Admin admin, String group, String topic, Set<String> sent, List<Thread> threads) {
        threads.add(background("member-1", () -> consume(group, topic)));
        threads.add(background("member-2", () -> consume(group, topic)));
        threads.add(background("producer", () -> produce(topic, sent)));
        Clients.await("the group commits", () -> commits.get() > 20);
        threads.add(background("watcher", () -> watch(admin, group)));
        for (int round = 0; round < 2; round++) {
            int killed = coordinator(admin, group);
            Map<TopicPartition, Long> before = Map.copyOf(acknowledged);
            cluster.kill(killed);
            long atNs = System.nanoTime();
            Clients.await("each partition goes on", () -> {
                assertEquals(List.of(), failures);
                return before.entrySet().stream().allMatch(e -> acknowledged.get(e.getKey()) > e.getValue() + 20);
            });
            System.out.println("Coordinator killed: commits of all partitions went on within "
                    + (System.nanoTime() - atNs) / 1_000_000 + " ms");
            assertTrue(coordinator(admin, group) != killed);
            cluster.start(killed);
        }
    }

    private void produce(String topic, Set<String> sent) {
        try (KafkaProducer<String, String> producer =
                cluster.clients().producer("delivery.timeout.ms", "300000", "max.block.ms", "300000", "acks", "all")) {
            for (int i = 0; !stopping; i++) {
                String value = "v" + i;
                sent.add(value);
                producer.send(new ProducerRecord<>(topic, i % PARTITIONS, null, value), (metadata, e) -> {
                    if (e != null) {
                        failures.add(e);
                    }
                });
                if (i % 20 == 0) {
                    producer.flush();
                    // What is far ahead of its readers only takes time in the end.
                    while (!stopping && sent.size() - read.size() > FARTHEST_AHEAD) {
                        TimeUnit.MILLISECONDS.sleep(2);
                    }
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
