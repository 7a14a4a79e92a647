package io.troupe.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

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
    private static ClusterProcess cluster;

    @BeforeAll
    static void start() {
        assumeTrue(BrokerProcess.KIND == BrokerProcess.Kind.TROUPE);
        cluster = ClusterProcess.startThree(
                "group-failover", Map.of("group.initial.rebalance.delay.ms", "0", "offsets.topic.num.partitions", "1"));
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
