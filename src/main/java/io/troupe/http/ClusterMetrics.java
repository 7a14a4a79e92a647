package io.troupe.http;

import io.troupe.controller.ControllerStats;
import io.troupe.metadata.BrokerImage;
import io.troupe.metadata.MetadataCache;
import io.troupe.metadata.MetadataImage;
import io.troupe.metadata.PartitionImage;
import io.troupe.metadata.TopicImage;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.function.ToIntFunction;

/**
 * What a broker tells of the cluster, under Kafka's names, counted from its metadata when it is read. Each broker tells all of
 * it; in Kafka only the controller tells what is of type KafkaController.
 */
public final class ClusterMetrics {
    private static final String CONTROLLER = "kafka.controller";

    private final int nodeId;
    private final MetadataCache metadata;
    private final ToIntFunction<Map<String, String>> minIsrOf;
    private final List<Metric> metrics = new ArrayList<>();

    private ClusterMetrics(int nodeId, MetadataCache metadata, ToIntFunction<Map<String, String>> minIsrOf) {
        this.nodeId = nodeId;
        this.metadata = metadata;
        this.minIsrOf = minIsrOf;
    }

    /** @param minIsrOf min.insync.replicas of a topic with these overrides */
    public static List<Metric> of(
            int nodeId, MetadataCache metadata, ToIntFunction<Map<String, String>> minIsrOf, ControllerStats stats) {
        ClusterMetrics all = new ClusterMetrics(nodeId, metadata, minIsrOf);
        all.cluster();
        all.replicas();
        all.elections(stats);
        return List.copyOf(all.metrics);
    }

    private void cluster() {
        controller(
                "ActiveControllerCount",
                "1 on the node that is the controller",
                image -> image.controllerId() == nodeId ? 1 : 0);
        controller("ActiveBrokerCount", "registered and not fenced", image -> brokers(image, b -> !b.fenced()));
        controller("FencedBrokerCount", "registered and not heard from", image -> brokers(image, BrokerImage::fenced));
        controller("GlobalTopicCount", "topics", image -> image.topics().size());
        controller("GlobalPartitionCount", "partitions", image -> partitions(image, (t, p) -> true));
        controller(
                "OfflinePartitionsCount",
                "partitions without a leader",
                image -> partitions(image, (t, p) -> !p.hasLeader()));
        controller(
                "PreferredReplicaImbalanceCount",
                "partitions that their preferred replica does not lead",
                image -> partitions(image, (t, p) -> p.leader() != p.replicas().get(0)));
    }

    private void replicas() {
        own("LeaderCount", "partitions that this broker leads", (t, p) -> true);
        own(
                "UnderReplicatedPartitions",
                "of those that this broker leads, with a replica out of sync",
                (t, p) -> p.isr().size() < p.replicas().size());
        own(
                "UnderMinIsrPartitionCount",
                "of those that this broker leads, refusing acks=all",
                (t, p) -> p.isr().size() < minIsr(t, p));
        own(
                "AtMinIsrPartitionCount",
                "of those that this broker leads, refusing acks=all once another replica is lost",
                (t, p) -> p.isr().size() == minIsr(t, p));
        own("ReassigningPartitions", "of those that this broker leads, being moved", (t, p) -> p.reassigning());
        add(
                "kafka.server",
                "ReplicaManager",
                "PartitionCount",
                false,
                "with a replica on this broker",
                () -> partitions(metadata.current(), (t, p) -> p.replicas().contains(nodeId)));
    }

    private void elections(ControllerStats stats) {
        add(
                CONTROLLER,
                "ControllerStats",
                "UncleanLeaderElectionsPerSec",
                true,
                "elections by which records may be lost, decided on this node since its start",
                stats::uncleanElections);
        add(
                "troupe.controller",
                "ControllerStats",
                "RecoveryElections",
                true,
                "elections of the longest log after all complete replicas were lost, decided on this node since its start",
                stats::recoveryElections);
    }

    private interface Which {
        boolean test(TopicImage topic, PartitionImage partition);
    }

    private int minIsr(TopicImage topic, PartitionImage p) {
        return Math.min(minIsrOf.applyAsInt(topic.configs()), p.replicas().size());
    }

    private static int brokers(MetadataImage image, Predicate<BrokerImage> which) {
        return (int) image.brokers().stream().filter(which).count();
    }

    private static int partitions(MetadataImage image, Which which) {
        int count = 0;
        for (TopicImage topic : image.topics().values()) {
            for (PartitionImage p : topic.partitions()) {
                count += which.test(topic, p) ? 1 : 0;
            }
        }
        return count;
    }

    private void controller(String name, String help, Function<MetadataImage, Integer> value) {
        add(CONTROLLER, "KafkaController", name, false, help, () -> value.apply(metadata.current()));
    }

    private void own(String name, String help, Which which) {
        add(
                "kafka.server",
                "ReplicaManager",
                name,
                false,
                help,
                () -> partitions(metadata.current(), (t, p) -> p.leader() == nodeId && which.test(t, p)));
    }

    private void add(String domain, String type, String name, boolean counter, String help, Supplier<?> value) {
        metrics.add(new Metric(domain, type, name, Map.of(), counter, help, value));
    }
}
