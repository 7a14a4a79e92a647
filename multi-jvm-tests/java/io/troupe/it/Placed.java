package io.troupe.it;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.common.ElectionType;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.TopicPartitionInfo;

/** One topic of a cluster: where its replicas are, who leads, who is in sync, and whether they are the same. */
final class Placed {
    private final Clients clients;
    private final Admin admin;
    private final String topic;

    Placed(Clients clients, Admin admin, String topic) {
        this.clients = clients;
        this.admin = admin;
        this.topic = topic;
    }

    /** Creates it, and waits until all replicas are in sync. */
    void create(int partitions, int replicationFactor, Map<String, String> configs) {
        clients.create(new NewTopic(topic, partitions, (short) replicationFactor).configs(configs));
        awaitInSync(replicationFactor);
    }

    /** Creates it with one partition on those brokers, and waits until all are in sync and the first one leads. */
    void createOn(List<Integer> brokers, Map<String, String> configs) {
        clients.create(new NewTopic(topic, Map.of(0, brokers)).configs(configs));
        awaitInSync(brokers.size());
        awaitPreferredLeaders();
    }

    /** Whoever stood still for longer than a session since the topic was made has lost what it led, and leads again after an election. */
    private void awaitPreferredLeaders() {
        Clients.await("preferred replicas lead " + topic, () -> {
            boolean lead = partitions().stream()
                    .allMatch(p -> p.leader() != null
                            && p.leader().id() == p.replicas().get(0).id());
            if (!lead) {
                // What it answers of each partition does not matter: the others need none.
                Clients.get(admin.electLeaders(ElectionType.PREFERRED, null).partitions());
            }
            return lead;
        });
    }

    List<TopicPartitionInfo> partitions() {
        return Clients.get(admin.describeTopics(List.of(topic)).allTopicNames())
                .get(topic)
                .partitions();
    }

    long heldBy(int broker) {
        return partitions().stream()
                .filter(p -> ids(p.replicas()).contains(broker))
                .count();
    }

    long ledBy(int broker) {
        return partitions().stream()
                .filter(p -> p.leader() != null && p.leader().id() == broker)
                .count();
    }

    /** Of one partition, in order of preference. */
    List<Integer> replicas(int partition) {
        return ids(partitions().get(partition).replicas());
    }

    Optional<Integer> leader(int partition) {
        return Optional.ofNullable(partitions().get(partition).leader()).map(Node::id);
    }

    List<Integer> inSync(int partition) {
        return ids(partitions().get(partition).isr());
    }

    /** Waits until each partition has a leader and so many replicas in sync, and no other replicas. */
    void awaitInSync(int count) {
        Clients.await(count + " replicas in sync of each partition of " + topic, () -> partitions().stream()
                .allMatch(p -> p.isr().size() == count
                        && p.replicas().size() == count
                        && p.leader() != null
                        && !p.leader().isEmpty()));
    }

    /** Waits until those brokers hold the same records of each partition, byte for byte; nobody may be writing. */
    void awaitSameBytes(ClusterProcess cluster, int... brokers) {
        for (TopicPartitionInfo p : partitions()) {
            Clients.await("the same bytes on each broker, partition " + p.partition(), () -> {
                Set<String> contents = new LinkedHashSet<>();
                for (int id : brokers) {
                    contents.add(contents(cluster.broker(id).data().resolve(topic + "-" + p.partition())));
                }
                return contents.size() == 1;
            });
        }
    }

    /** Directories of its replicas on one broker, those left out that are about to be deleted. */
    List<Path> directories(BrokerProcess broker) {
        try (Stream<Path> entries = Files.list(broker.data())) {
            return entries.filter(entry -> entry.getFileName().toString().matches(Pattern.quote(topic) + "-[0-9]+"))
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Size and hash of a partition's records, wherever segments begin. */
    private static String contents(Path directory) throws Exception {
        MessageDigest digest = MessageDigest.getInstance("SHA-256");
        byte[] buffer = new byte[1 << 16];
        long size = 0;
        try (Stream<Path> files = Files.list(directory)) {
            for (Path file :
                    files.filter(f -> f.toString().endsWith(".log")).sorted().toList()) {
                try (InputStream in = Files.newInputStream(file)) {
                    for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
                        digest.update(buffer, 0, read);
                        size += read;
                    }
                }
            }
        }
        return size + " " + HexFormat.of().formatHex(digest.digest());
    }

    private static List<Integer> ids(List<Node> nodes) {
        return nodes.stream().map(Node::id).toList();
    }
}
