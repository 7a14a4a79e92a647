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
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.CreateTopicsOptions;
import org.apache.kafka.clients.admin.DescribeClusterOptions;
import org.apache.kafka.clients.admin.DescribeClusterResult;
import org.apache.kafka.clients.admin.DescribeConfigsOptions;
import org.apache.kafka.clients.admin.DescribeMetadataQuorumOptions;
import org.apache.kafka.clients.admin.ListTopicsOptions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.PartitionReassignment;
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
 * @param quorum empty when the brokers do not tell of it, or nobody can for want of a majority of voters
 * @param decides whether the controller could have changed something just now
 * @param silent brokers that count as up and do not answer
 * @param brokers all registered ones by id, fenced ones included
 * @param partitions by topic, then number
 * @param moving reassignments under way
 * @param throttledBrokers those whose rate of throttled replication is set, as leader or as follower
 * @param throttledTopics those that name throttled replicas
 */
record ClusterView(
        String clusterId,
        Optional<Integer> controller,
        Optional<QuorumView> quorum,
        boolean decides,
        Set<Integer> silent,
        Map<Integer, Node> brokers,
        Map<TopicPartition, Partition> partitions,
        Map<TopicPartition, PartitionReassignment> moving,
        Set<Integer> throttledBrokers,
        Set<String> throttledTopics) {

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
    /** KIP-73's settings, between the side and what of it is set. */
    private static final String THROTTLE = ".replication.throttled.";

    static ClusterView of(Admin admin) throws ExecutionException, InterruptedException {
        DescribeClusterResult cluster = admin.describeCluster(new DescribeClusterOptions().includeFencedBrokers(true));
        Map<Integer, Node> brokers = new TreeMap<>();
        cluster.nodes().get().forEach(node -> brokers.put(node.id(), node));
        Optional<QuorumView> quorum = quorum(admin);
        Node controller = cluster.controller().get();
        List<String> topics = new ArrayList<>(admin.listTopics(new ListTopicsOptions().listInternal(true))
                .names()
                .get());
        topics.sort(Comparator.naturalOrder());
        Map<TopicPartition, Partition> partitions = new TreeMap<>(BY_NAME);
        Set<String> throttledTopics = new TreeSet<>();
        for (int at = 0; at < topics.size(); at += TOPICS_AT_A_TIME) {
            List<String> some = topics.subList(at, Math.min(topics.size(), at + TOPICS_AT_A_TIME));
            read(admin, some, partitions, throttledTopics);
        }
        Map<Integer, Optional<Config>> settings = settings(admin, brokers.values());
        return new ClusterView(
                cluster.clusterId().get(),
                quorum.map(QuorumView::leaderId)
                        .or(() -> Optional.ofNullable(controller).map(Node::id)),
                quorum,
                decides(admin),
                those(settings, Optional::isEmpty),
                brokers,
                partitions,
                admin.listPartitionReassignments().reassignments().get(),
                those(settings, config -> config.filter(c -> sets(c, THROTTLE + "rate"))
                        .isPresent()),
                throttledTopics);
    }

    private static Optional<QuorumView> quorum(Admin admin) throws ExecutionException, InterruptedException {
        try {
            return Optional.of(QuorumView.of(
                    admin.describeMetadataQuorum(new DescribeMetadataQuorumOptions().timeoutMs(PATIENCE_MS))
                            .quorumInfo()
                            .get()));
        } catch (ExecutionException e) {
            // Without a majority of voters nobody can tell, which is when this is asked most.
            if (e.getCause() instanceof UnsupportedVersionException || e.getCause() instanceof RetriableException) {
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

    /** Of each broker that counts as up; nothing of one that does not answer. */
    private static Map<Integer, Optional<Config>> settings(Admin admin, Collection<Node> brokers)
            throws InterruptedException {
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
        Map<Integer, Optional<Config>> settings = new TreeMap<>();
        for (Map.Entry<Integer, KafkaFuture<Config>> answer : asked.entrySet()) {
            try {
                settings.put(answer.getKey(), Optional.of(answer.getValue().get()));
            } catch (ExecutionException e) {
                settings.put(answer.getKey(), Optional.empty());
            }
        }
        return settings;
    }

    private static Set<Integer> those(Map<Integer, Optional<Config>> settings, Predicate<Optional<Config>> which) {
        return settings.entrySet().stream()
                .filter(e -> which.test(e.getValue()))
                .map(Map.Entry::getKey)
                .collect(Collectors.toCollection(TreeSet::new));
    }

    /** Whether the setting has a value for leaders or for followers. */
    private static boolean sets(Config config, String setting) {
        return Stream.of("leader", "follower")
                .map(side -> config.get(side + setting))
                .anyMatch(e -> e != null && e.value() != null && !e.value().isEmpty());
    }

    private static void read(
            Admin admin, List<String> topics, Map<TopicPartition, Partition> partitions, Set<String> throttledTopics)
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
                Config config = configs.get(new ConfigResource(ConfigResource.Type.TOPIC, name))
                        .get();
                int minIsr = Integer.parseInt(config.get("min.insync.replicas").value());
                if (sets(config, THROTTLE + "replicas")) {
                    throttledTopics.add(name);
                }
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
