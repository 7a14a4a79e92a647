package io.troupe.it;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.troupe.it.WrittenValues.Delivery;
import io.troupe.it.WrittenValues.Read;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.ElectionType;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.TopicPartitionInfo;
import org.apache.kafka.common.errors.RetriableException;

/**
 * A topic of a cluster under load by two writers, an idempotent one and one without idempotence. Once the faults of a test are healed,
 * {@link #check} ends the load and holds what is there against what was acknowledged, and the brokers' copies against each other.
 */
final class CheckedTopic implements AutoCloseable {
    static final int PARTITIONS = 6;
    private static final Duration HEALED_WITHIN = Duration.ofSeconds(120);

    private final ClusterProcess cluster;
    private final String name;
    private final int replicas;
    private final List<LoadWriter> writers = new ArrayList<>();
    /** By partition, as last seen. */
    private Map<Integer, List<Integer>> holders;

    private CheckedTopic(
            ClusterProcess cluster, String name, List<Integer> brokers, List<Integer> leaders, int inSync) {
        this.cluster = cluster;
        this.name = name;
        replicas = brokers.size();
        Map<Integer, List<Integer>> assignment = new TreeMap<>();
        for (int p = 0; p < PARTITIONS; p++) {
            List<Integer> ids = new ArrayList<>(brokers);
            Collections.rotate(ids, p);
            Collections.swap(ids, 0, ids.indexOf(leaders.get(p % leaders.size())));
            assignment.put(p, ids);
        }
        holders = assignment;
        Map<String, String> configs = Map.of("min.insync.replicas", "" + inSync, "segment.bytes", "1048576");
        cluster.clients().create(new NewTopic(name, assignment).configs(configs));
        awaitInSync();
        writers.add(new LoadWriter(cluster.clients(), name, PARTITIONS, Delivery.ONCE, 1));
    }

    /**
     * An idempotent producer that is new to a partition with records in it may be refused when the leader changes before its first
     * acknowledgement, as with Kafka: so the other writer begins after that.
     */
    private void beginWrites() {
        writers.get(0).awaitEachPartition(1);
        writers.add(new LoadWriter(cluster.clients(), name, PARTITIONS, Delivery.AT_LEAST_ONCE, 2));
        awaitWrites(50);
    }

    /**
     * Makes the topic and begins to write; returns once each partition has taken something.
     *
     * @param brokers that hold a replica of each partition
     * @param leaders of them, that take turns to lead
     * @param inSync min.insync.replicas
     */
    static CheckedTopic create(
            ClusterProcess cluster, String name, List<Integer> brokers, List<Integer> leaders, int inSync) {
        CheckedTopic topic = new CheckedTopic(cluster, name, brokers, leaders, inSync);
        try {
            topic.beginWrites();
            return topic;
        } catch (RuntimeException | AssertionError e) {
            topic.close();
            throw e;
        }
    }

    String name() {
        return name;
    }

    /** Waits until each partition has taken so many more values of each writer. */
    void awaitWrites(int more) {
        writers.forEach(w -> w.awaitEachPartition(more));
    }

    /** Values acknowledged so far. */
    int acknowledged() {
        return writers.stream().mapToInt(w -> w.values().acknowledged()).sum();
    }

    /** How many values each writer has begun so far, for {@link #acknowledgedSince}. */
    List<Integer> begun() {
        return writers.stream().map(w -> w.values().begun()).toList();
    }

    /** Waits until each writer has begun so many values more than at that moment, whatever becomes of them. */
    void awaitBegun(List<Integer> begun, int more) {
        Clients.await(more + " more values begun", () -> IntStream.range(0, writers.size())
                .allMatch(i -> writers.get(i).values().begun() >= begun.get(i) + more));
    }

    /**
     * What was begun after a moment and is acknowledged by now. An acknowledgement alone may come much later than the brokers agreed: the
     * answer to a request waits for all of the partitions in it.
     */
    List<String> acknowledgedSince(List<Integer> begun) {
        return IntStream.range(0, writers.size())
                .boxed()
                .flatMap(i -> writers.get(i).values().acknowledgedFrom(begun.get(i)).stream())
                .toList();
    }

    /** Waits until each partition has a leader and all of its replicas are in sync. */
    void awaitInSync() {
        try (Admin admin = admin()) {
            Clients.await(
                    "all replicas of " + name + " in sync",
                    HEALED_WITHIN,
                    () -> describe(admin).stream()
                                    .filter(p -> p.leader() != null && p.isr().size() == replicas)
                                    .count()
                            == PARTITIONS);
        }
    }

    /**
     * Waits until that broker leads something, or else nothing: whoever stood still for longer than a session since the topic was made has
     * lost what it led, and leads again after an election.
     */
    void awaitLeads(int broker, boolean something) {
        try (Admin admin = admin()) {
            Clients.await("broker " + broker + " leads " + (something ? "something" : "nothing"), HEALED_WITHIN, () -> {
                if (ledBy(broker).isEmpty() != something) {
                    return true;
                }
                // What it answers of each partition does not matter: asked again, most need none.
                Clients.get(admin.electLeaders(ElectionType.PREFERRED, null).partitions());
                return false;
            });
        }
    }

    /** Partitions that a broker leads. */
    List<Integer> ledBy(int broker) {
        try (Admin admin = admin()) {
            return describe(admin).stream()
                    .filter(p -> p.leader() != null && p.leader().id() == broker)
                    .map(TopicPartitionInfo::partition)
                    .toList();
        }
    }

    /** What the running brokers say; nothing while they cannot say it. */
    private List<TopicPartitionInfo> describe(Admin admin) {
        try {
            return admin.describeTopics(List.of(name))
                    .allTopicNames()
                    .get(HEALED_WITHIN.toSeconds(), TimeUnit.SECONDS)
                    .get(name)
                    .partitions();
        } catch (ExecutionException e) {
            if (e.getCause() instanceof RetriableException) {
                return List.of();
            }
            throw new AssertionError(e.getCause());
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    private Admin admin() {
        return cluster.clients().admin("request.timeout.ms", "3000", "default.api.timeout.ms", "60000");
    }

    /** Ends the load, waits for the replicas, and checks values and files; prints the longest outage that a writer saw. */
    void check() {
        writers.forEach(LoadWriter::stop);
        System.out.println(name + ": longest time without a successful write to a partition "
                + writers.get(0).longestGapMs() + " ms idempotent, "
                + writers.get(1).longestGapMs() + " ms without idempotence; " + acknowledged()
                + " values acknowledged");
        for (LoadWriter writer : writers) {
            assertEquals(List.of(), writer.values().failures(), "writes failed");
        }
        awaitInSync();
        try (Admin admin = admin()) {
            Clients.await("replicas of " + name + ", which may have been moved", HEALED_WITHIN, () -> {
                holders = describe(admin).stream()
                        .collect(Collectors.toMap(
                                TopicPartitionInfo::partition,
                                p -> p.replicas().stream().map(Node::id).toList()));
                return holders.size() == PARTITIONS;
            });
        }
        checkValues(cluster.clients(), IntStream.range(0, PARTITIONS).boxed().toList());
        List<String> last = new ArrayList<>();
        Clients.await("the same bytes on each broker", HEALED_WITHIN, () -> {
            List<String> now = differences();
            if (!now.equals(last)) {
                last.clear();
                last.addAll(now);
                now.forEach(d -> System.out.println(name + ": not the same yet: " + d));
            }
            return now.isEmpty();
        });
    }

    /** How the copies differ on disk; to be asked when nothing is written. */
    List<String> differences() throws Exception {
        List<String> differences = new ArrayList<>();
        for (Map.Entry<Integer, List<Integer>> partition : holders.entrySet()) {
            List<Path> logDirs = partition.getValue().stream()
                    .map(id -> cluster.broker(id).data())
                    .toList();
            differences.addAll(ReplicaFiles.differences(logDirs, name, partition.getKey()));
        }
        return differences;
    }

    /** Checks what readers are given by now: everything acknowledged. */
    void checkValues(Clients clients, List<Integer> partitions) {
        Map<Integer, List<Read>> read = read(clients, partitions);
        for (LoadWriter writer : writers) {
            assertEquals(List.of(), writer.values().anomalies(read), name);
        }
    }

    private Map<Integer, List<Read>> read(Clients clients, List<Integer> partitions) {
        Map<Integer, List<Read>> read = new TreeMap<>();
        partitions.forEach(p -> read.put(p, new ArrayList<>()));
        try (KafkaConsumer<String, String> consumer =
                clients.consumer("request.timeout.ms", "10000", "default.api.timeout.ms", "120000")) {
            consumer.assign(
                    partitions.stream().map(p -> new TopicPartition(name, p)).toList());
            Map<TopicPartition, Long> ends = consumer.endOffsets(consumer.assignment());
            long deadline = System.nanoTime() + HEALED_WITHIN.toNanos();
            while (ends.entrySet().stream().anyMatch(e -> consumer.position(e.getKey()) < e.getValue())) {
                for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(200))) {
                    read.get(record.partition()).add(new Read(record.offset(), record.value()));
                    deadline = System.nanoTime() + HEALED_WITHIN.toNanos();
                }
                if (System.nanoTime() > deadline) {
                    throw new AssertionError(name + " could not be read up to " + ends);
                }
            }
        }
        return read;
    }

    @Override
    public void close() {
        writers.forEach(LoadWriter::close);
    }
}
