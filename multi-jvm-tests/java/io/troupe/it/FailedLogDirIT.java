package io.troupe.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.TopicPartitionInfo;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * One of three brokers has a log dir that fills up: what it led there is led by others at once, what it followed there does
 * without it, no write fails, and its other log dir serves on. Needs the right to mount a small tmpfs.
 */
@Timeout(600)
class FailedLogDirIT {
    private static final String TOPIC = "filling";
    private static final int PARTITIONS = 6;
    /** With sessions that outlive a broker's standing still for a while: the test rests on who leads. */
    private static final Map<String, String> SETTINGS =
            Map.of("min.insync.replicas", "2", "broker.session.timeout.ms", "15000");

    @Test
    void leadershipsOfAFullLogDirMoveAndNothingIsLost() throws Exception {
        Need.troupe();
        try (ClusterProcess cluster = ClusterProcess.create("failed-dir", 3, 3, SETTINGS)) {
            BrokerProcess broken = cluster.broker(2);
            Path roomy = broken.dir().resolve("data-a");
            Path small = broken.dir().resolve("data-b");
            SmallDisk.mount(small, "12m");
            try {
                broken.set("log.dirs", roomy + "," + small);
                cluster.start(1, 2, 3);
                fillAndMend(cluster, roomy, small);
            } finally {
                if (broken.isAlive()) {
                    broken.kill();
                }
                SmallDisk.unmount(small);
            }
        }
    }

    private static void fillAndMend(ClusterProcess cluster, Path roomy, Path small) throws Exception {
        BrokerProcess broken = cluster.broker(2);
        Map<Integer, List<String>> written = new HashMap<>();
        try (Admin admin = cluster.clients().admin()) {
            Map<Integer, List<Integer>> assignment = new HashMap<>();
            for (int p = 0; p < PARTITIONS; p++) {
                assignment.put(p, p < PARTITIONS - 1 ? List.of(2, 1, 3) : List.of(1, 2, 3));
                written.put(p, new ArrayList<>());
            }
            Clients.get(
                    admin.createTopics(List.of(new NewTopic(TOPIC, assignment))).all());
            awaitInSync(admin, 3);
            // New replicas are in sync by definition, whether their brokers have heard of them yet or not.
            Clients.await(
                    "broker 2 has a log of each partition",
                    () -> in(small).size() + in(roomy).size() == PARTITIONS);
            Set<Integer> onSmall = in(small);
            Set<Integer> onRoomy = in(roomy);
            assertTrue(onSmall.size() >= 2, onSmall + " in the small one");
            assertFalse(onRoomy.isEmpty(), "nothing in " + roomy);
            // Only one of those in the small dir is written to until it is full; the others find out without a write.
            int filled =
                    onSmall.stream().filter(p -> p < PARTITIONS - 1).findFirst().orElseThrow();
            try (KafkaProducer<String, String> producer =
                    cluster.clients().producer("acks", "all", "linger.ms", "0", "delivery.timeout.ms", "300000")) {
                for (int p = 0; p < PARTITIONS; p++) {
                    send(producer, p, written);
                }
                Clients.await("the small log dir is full", () -> {
                    for (int i = 0; i < 20; i++) {
                        send(producer, filled, written);
                    }
                    return broken.output().contains("goes offline");
                });
                Clients.await(
                        "others lead what stood there, and it is in no ISR there", () -> partitions(admin).stream()
                                .filter(p -> onSmall.contains(p.partition()))
                                .allMatch(p -> p.leader() != null
                                        && p.leader().id() != 2
                                        && p.isr().stream().noneMatch(n -> n.id() == 2)
                                        && p.isr().size() == 2));
                List<TopicPartitionInfo> now = partitions(admin);
                if (!areUntouched(now, onRoomy)) {
                    Clients.await(
                            "a broker that stood still, or " + onRoomy + " are not touched: " + now,
                            () -> IntStream.rangeClosed(1, 3)
                                    .anyMatch(id -> cluster.broker(id).output().contains(" Fencing broker ")));
                }
                for (int p = 0; p < PARTITIONS; p++) {
                    send(producer, p, written);
                }
                assertTrue(broken.isAlive());

                broken.terminate();
                SmallDisk.resize(small, "64m");
                cluster.start(2);
                awaitInSync(admin, 3);
                for (int p = 0; p < PARTITIONS; p++) {
                    send(producer, p, written);
                }
            }
        }
        for (int p = 0; p < PARTITIONS; p++) {
            assertEquals(written.get(p), read(cluster, p), "each acknowledged value once and in order");
        }
    }

    private static boolean areUntouched(List<TopicPartitionInfo> partitions, Set<Integer> which) {
        return partitions.stream()
                .filter(p -> which.contains(p.partition()))
                .allMatch(p -> p.leader() != null
                        && p.leader().id() == (p.partition() < PARTITIONS - 1 ? 2 : 1)
                        && p.isr().size() == 3);
    }

    /** One after the other, so that what was sent is what was acknowledged. */
    private static void send(KafkaProducer<String, String> producer, int partition, Map<Integer, List<String>> written)
            throws Exception {
        String value = partition + "-" + written.get(partition).size();
        producer.send(new ProducerRecord<>(TOPIC, partition, value, value + "x".repeat(50_000)))
                .get(300, TimeUnit.SECONDS);
        written.get(partition).add(value);
    }

    private static Set<Integer> in(Path dir) {
        Set<Integer> found = new HashSet<>();
        for (int p = 0; p < PARTITIONS; p++) {
            if (Files.exists(dir.resolve(TOPIC + "-" + p))) {
                found.add(p);
            }
        }
        return found;
    }

    private static List<TopicPartitionInfo> partitions(Admin admin) {
        return Clients.get(admin.describeTopics(List.of(TOPIC)).allTopicNames())
                .get(TOPIC)
                .partitions();
    }

    private static void awaitInSync(Admin admin, int replicas) {
        Clients.await(replicas + " replicas in sync of each partition", () -> partitions(admin).stream()
                .allMatch(p -> p.leader() != null && p.isr().size() == replicas));
    }

    private static List<String> read(ClusterProcess cluster, int partition) {
        TopicPartition p = new TopicPartition(TOPIC, partition);
        try (KafkaConsumer<String, String> consumer = cluster.clients().consumer()) {
            consumer.assign(List.of(p));
            consumer.seekToBeginning(List.of(p));
            long end = Optional.of(consumer.endOffsets(List.of(p)).get(p)).orElseThrow();
            return Clients.read(consumer, (int) end).stream()
                    .map(ConsumerRecord::key)
                    .toList();
        }
    }
}
