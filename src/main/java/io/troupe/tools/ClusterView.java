package io.troupe.tools;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.CreateTopicsOptions;
import org.apache.kafka.clients.admin.DescribeClusterOptions;
import org.apache.kafka.clients.admin.DescribeClusterResult;
import org.apache.kafka.clients.admin.DescribeConfigsOptions;
import org.apache.kafka.clients.admin.ListTopicsOptions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.PartitionReassignment;
import org.apache.kafka.clients.admin.QuorumInfo;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.TopicPartitionInfo;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.common.errors.UnsupportedVersionException;

/**
 * What a client can see of a cluster at one moment.
 *
 * @param controller broker id; the quorum's leader where the quorum can be seen
 * @param quorum empty when the brokers do not tell of it
 * @param decides whether the controller could have changed something just now
 * @param silent brokers that count as up and do not answer
 * @param brokers all registered ones by id, fenced ones included
 * @param partitions by topic, then number
 * @param moving reassignments under way
 */
record ClusterView(
        String clusterId,
        Optional<Integer> controller,
        Optional<QuorumInfo> quorum,
        boolean decides,
        Set<Integer> silent,
        Map<Integer, Node> brokers,
        Map<TopicPartition, Partition> partitions,
        Map<TopicPartition, PartitionReassignment> moving) {

    /**
     * @param leader broker id, -1 for none
     * @param minIsr min(min.insync.replicas, replicas)
     */
    record Partition(
            Uuid topicId,
            int leader,
            List<Integer> replicas,
            List<Integer> isr,
            List<Integer> elr,
            List<Integer> lastKnown,
            int minIsr) {}

    static final Comparator<TopicPartition> BY_NAME =
            Comparator.comparing(TopicPartition::topic).thenComparing(TopicPartition::partition);
    private static final int TOPICS_AT_A_TIME = 500;
    private static final int PATIENCE_MS = 5000;

    static ClusterView of(Admin admin) throws ExecutionException, InterruptedException {
        DescribeClusterResult cluster = admin.describeCluster(new DescribeClusterOptions().includeFencedBrokers(true));
        Map<Integer, Node> brokers = new TreeMap<>();
        cluster.nodes().get().forEach(node -> brokers.put(node.id(), node));
        Optional<QuorumInfo> quorum = quorum(admin);
        Node controller = cluster.controller().get();
        List<String> topics = new ArrayList<>(admin.listTopics(new ListTopicsOptions().listInternal(true))
                .names()
                .get());
        topics.sort(Comparator.naturalOrder());
        Map<TopicPartition, Partition> partitions = new TreeMap<>(BY_NAME);
        for (int at = 0; at < topics.size(); at += TOPICS_AT_A_TIME) {
            read(admin, topics.subList(at, Math.min(topics.size(), at + TOPICS_AT_A_TIME)), partitions);
        }
        return new ClusterView(
                cluster.clusterId().get(),
                quorum.map(QuorumInfo::leaderId)
                        .or(() -> Optional.ofNullable(controller).map(Node::id)),
                quorum,
                decides(admin),
                silent(admin, brokers.values()),
                brokers,
                partitions,
                admin.listPartitionReassignments().reassignments().get());
    }

    private static Optional<QuorumInfo> quorum(Admin admin) throws ExecutionException, InterruptedException {
        try {
            return Optional.of(admin.describeMetadataQuorum().quorumInfo().get());
        } catch (ExecutionException e) {
            if (e.getCause() instanceof UnsupportedVersionException) {
                return Optional.empty();
            }
            throw e;
        }
    }

    /** A topic that is only checked and never made: the controller answers that too only with a majority of voters. */
    private static boolean decides(Admin admin) throws InterruptedException {
        NewTopic probe = new NewTopic("troupe-cluster-status-" + Uuid.randomUuid(), 1, (short) 1);
        try {
            admin.createTopics(
                            List.of(probe),
                            new CreateTopicsOptions().validateOnly(true).timeoutMs(PATIENCE_MS))
                    .all()
                    .get();
            return true;
        } catch (ExecutionException e) {
            // Refused for another reason, it was decided all the same.
            return !(e.getCause() instanceof RetriableException);
        }
    }

    private static Set<Integer> silent(Admin admin, Collection<Node> brokers) throws InterruptedException {
        Map<Integer, KafkaFuture<Config>> asked = new TreeMap<>();
        DescribeConfigsOptions patience = new DescribeConfigsOptions().timeoutMs(PATIENCE_MS);
        for (Node broker : brokers) {
            if (!broker.isFenced()) {
                ConfigResource resource = new ConfigResource(ConfigResource.Type.BROKER, broker.idString());
                asked.put(
                        broker.id(),
                        admin.describeConfigs(List.of(resource), patience)
                                .values()
                                .get(resource));
            }
        }
        Set<Integer> silent = new TreeSet<>();
        for (Map.Entry<Integer, KafkaFuture<Config>> answer : asked.entrySet()) {
            try {
                answer.getValue().get();
            } catch (ExecutionException e) {
                silent.add(answer.getKey());
            }
        }
        return silent;
    }

    private static void read(Admin admin, List<String> topics, Map<TopicPartition, Partition> partitions)
            throws ExecutionException, InterruptedException {
        List<ConfigResource> resources = topics.stream()
                .map(name -> new ConfigResource(ConfigResource.Type.TOPIC, name))
                .toList();
        Map<ConfigResource, KafkaFuture<Config>> configs =
                admin.describeConfigs(resources).values();
        Map<String, KafkaFuture<TopicDescription>> descriptions =
                admin.describeTopics(topics).topicNameValues();
        for (String name : topics) {
            try {
                TopicDescription topic = descriptions.get(name).get();
                int minIsr = Integer.parseInt(configs.get(new ConfigResource(ConfigResource.Type.TOPIC, name))
                        .get()
                        .get("min.insync.replicas")
                        .value());
                for (TopicPartitionInfo p : topic.partitions()) {
                    partitions.put(new TopicPartition(name, p.partition()), partition(topic.topicId(), p, minIsr));
                }
            } catch (ExecutionException e) {
                // Deleted since it was listed.
                if (!(e.getCause() instanceof UnknownTopicOrPartitionException)) {
                    throw e;
                }
            }
        }
    }

    private static Partition partition(Uuid topicId, TopicPartitionInfo p, int minIsr) {
        return new Partition(
                topicId,
                p.leader() == null || p.leader().isEmpty() ? -1 : p.leader().id(),
                ids(p.replicas()),
                ids(p.isr()),
                ids(p.elr()),
                ids(p.lastKnownElr()),
                Math.min(minIsr, p.replicas().size()));
    }

    private static List<Integer> ids(Collection<Node> nodes) {
        return nodes == null ? List.of() : nodes.stream().map(Node::id).toList();
    }

    Set<Integer> up() {
        return with(false);
    }

    Set<Integer> fenced() {
        return with(true);
    }

    private Set<Integer> with(boolean fenced) {
        return brokers.values().stream()
                .filter(node -> node.isFenced() == fenced)
                .map(Node::id)
                .collect(Collectors.toCollection(TreeSet::new));
    }

    /** Replicas of every partition, preferred leader first. */
    Map<TopicPartition, List<Integer>> replicas() {
        Map<TopicPartition, List<Integer>> replicas = new TreeMap<>(BY_NAME);
        partitions.forEach((p, state) -> replicas.put(p, state.replicas()));
        return replicas;
    }
}
