package io.troupe.http;

import io.troupe.metadata.BrokerImage;
import io.troupe.metadata.MetadataImage;
import io.troupe.metadata.PartitionImage;
import io.troupe.metadata.TopicImage;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.ToIntFunction;
import java.util.stream.Collectors;
import org.apache.kafka.common.TopicPartition;

/**
 * Whether all is well in the cluster, and what to do when it is not, from one broker's committed metadata and what the controller tells of
 * the voters. Pure; goes through all partitions once.
 */
final class ClusterHealth {
    /** Partitions that a problem names; it counts all. */
    static final int NAMED = 20;

    private static final String UNNAMED = "";

    enum Severity {
        /** Somebody should do something. */
        BAD,
        /** Worth a look; it may pass by itself. */
        WARNING,
        /** Under way as it should be. */
        NOTE
    }

    /**
     * Something that is not as it should be.
     *
     * @param advice what to do
     * @param partitions the first of those that it is about
     */
    record Problem(Severity severity, String title, String advice, List<TopicPartition> partitions, int count) {}

    /** A broker's part. */
    record Share(int leads, int replicas, int outOfSync) {
        private Share plus(boolean leader, boolean out) {
            return new Share(leads + (leader ? 1 : 0), replicas + 1, outOfSync + (out ? 1 : 0));
        }
    }

    /** What of a topic, or of all, is in which state; {@code replicas} counts all, {@code outOfSync} those not in an ISR. */
    record Totals(
            int partitions,
            int replicas,
            int outOfSync,
            int offline,
            int underMinIsr,
            int underReplicated,
            int reassigning,
            int notPreferred) {
        private static final Totals NONE = new Totals(0, 0, 0, 0, 0, 0, 0, 0);

        private Totals plus(Totals o) {
            return new Totals(
                    partitions + o.partitions,
                    replicas + o.replicas,
                    outOfSync + o.outOfSync,
                    offline + o.offline,
                    underMinIsr + o.underMinIsr,
                    underReplicated + o.underReplicated,
                    reassigning + o.reassigning,
                    notPreferred + o.notPreferred);
        }
    }

    private final MetadataImage image;
    private final Map<Integer, Share> shares = new TreeMap<>();
    private final Map<String, List<TopicPartition>> found = new LinkedHashMap<>();
    private final Map<String, Integer> counts = new TreeMap<>();
    /** Brokers that have all of a partition without a leader; and those that have it in a log dir that failed. */
    private final Set<Integer> needed = new TreeSet<>();

    private final Set<Integer> neededDirs = new TreeSet<>();
    private final Set<Integer> failedDirs = new TreeSet<>();
    private final List<Problem> problems = new ArrayList<>();
    private Totals totals = Totals.NONE;

    private ClusterHealth(MetadataImage image) {
        this.image = image;
    }

    /**
     * @param minIsrOf min.insync.replicas of a topic
     * @param quorum empty when no controller answers this broker
     */
    static ClusterHealth of(MetadataImage image, ToIntFunction<TopicImage> minIsrOf, Optional<QuorumHealth> quorum) {
        ClusterHealth health = new ClusterHealth(image);
        for (TopicImage topic : image.topics().values().stream()
                .sorted(Comparator.comparing(TopicImage::name))
                .toList()) {
            int minIsr = minIsrOf.applyAsInt(topic);
            for (PartitionImage partition : topic.partitions()) {
                health.look(topic, partition, minIsr);
            }
        }
        health.judge(quorum);
        return health;
    }

    /** Of one topic. */
    static Totals of(TopicImage topic, int minIsr) {
        Totals all = Totals.NONE;
        for (PartitionImage partition : topic.partitions()) {
            all = all.plus(of(partition, minIsr));
        }
        return all;
    }

    private static Totals of(PartitionImage p, int minIsr) {
        int replicas = p.replicas().size();
        int inSync = p.isr().size();
        boolean led = p.hasLeader();
        return new Totals(
                1,
                replicas,
                replicas - inSync,
                led ? 0 : 1,
                led && inSync < Math.min(minIsr, replicas) ? 1 : 0,
                inSync < replicas ? 1 : 0,
                p.reassigning() ? 1 : 0,
                led && p.leader() != p.replicas().get(0) ? 1 : 0);
    }

    Totals totals() {
        return totals;
    }

    /** Worst first. */
    List<Problem> problems() {
        return problems;
    }

    boolean well() {
        return problems.stream().allMatch(p -> p.severity() == Severity.NOTE);
    }

    Share share(int brokerId) {
        return shares.getOrDefault(brokerId, new Share(0, 0, 0));
    }

    private void look(TopicImage topic, PartitionImage p, int minIsr) {
        Totals one = of(p, minIsr);
        totals = totals.plus(one);
        for (int id : p.replicas()) {
            shares.put(id, share(id).plus(id == p.leader(), !p.isr().contains(id)));
        }
        TopicPartition name = new TopicPartition(topic.name(), p.partition());
        failedDirs.addAll(p.offline());
        if (one.offline() > 0) {
            note("offline", name);
            Set<Integer> complete = new TreeSet<>(p.isr());
            complete.addAll(p.elr());
            for (int id : complete.isEmpty() ? p.lastKnown() : complete) {
                (p.offline().contains(id) ? neededDirs : needed).add(id);
            }
        } else if (one.underMinIsr() > 0) {
            note("underMinIsr", name);
        }
        if (one.reassigning() > 0) {
            note("reassigning", name);
        }
        p.replicas().stream()
                .filter(id -> !p.isr().contains(id))
                .map(id -> ReplicaState.of(image, p, id))
                .filter(state -> one.reassigning() == 0 || state != ReplicaState.CATCHING_UP)
                .distinct()
                .forEach(state -> note(state.name(), name));
    }

    private void note(String what, TopicPartition partition) {
        counts.merge(what, 1, Integer::sum);
        List<TopicPartition> some = found.computeIfAbsent(what, w -> new ArrayList<>());
        if (some.size() < NAMED) {
            some.add(partition);
        }
    }

    private int count(String what) {
        return counts.getOrDefault(what, 0);
    }

    private void judge(Optional<QuorumHealth> quorum) {
        if (quorum.isEmpty()) {
            add(
                    Severity.BAD,
                    "No controller answers this broker",
                    "Nothing can be created, moved or elected. Start nodes of controller.quorum.voters until a majority of them is up.",
                    UNNAMED);
        }
        quorum.flatMap(QuorumHealth::problem).ifPresent(problems::add);
        fencedBrokers();
        if (count("offline") > 0) {
            add(
                    Severity.BAD,
                    partitions("offline") + " without a leader: nobody can read or write there",
                    bringBack(),
                    "offline");
        }
        if (count("underMinIsr") > 0) {
            add(
                    Severity.BAD,
                    partitions("underMinIsr") + " refusing acks=all: fewer replicas in sync than min.insync.replicas",
                    "Producers with acks=all are refused until another replica is in sync; what keeps it stands below or with the partition.",
                    "underMinIsr");
        }
        if (count("LOG_FAILED") > 0) {
            add(
                    Severity.BAD,
                    "A log dir failed on broker " + join(failedDirs),
                    "Its disk refused a write or an fsync. Mend or replace the disk, then start the broker again.",
                    "LOG_FAILED");
        }
        if (count("GONE") > 0) {
            add(
                    Severity.BAD,
                    partitions("GONE") + " placed on brokers that do not exist any more",
                    "bin/troupe-cluster.sh rebalance moves them.",
                    "GONE");
        }
        if (count("CATCHING_UP") > 0) {
            add(
                    Severity.WARNING,
                    partitions("CATCHING_UP") + " waiting for a replica to catch up",
                    "Look again in a while: how far each is stands with its partition. If that does not fall, look at the network and disk of its broker.",
                    "CATCHING_UP");
        }
        stoppingBrokers();
        if (count("reassigning") > 0) {
            add(
                    Severity.NOTE,
                    partitions("reassigning") + " being moved",
                    "It ends by itself when the new replicas have all.",
                    "reassigning");
        }
    }

    private String bringBack() {
        needed.removeIf(id -> image.broker(id).filter(b -> !b.fenced()).isPresent());
        if (needed.isEmpty() && neededDirs.isEmpty()) {
            return "One is being elected, or no replica is known to be complete: look again, then at the controller's log.";
        }
        String whose = needed.isEmpty()
                ? "Mend the log dir that failed on broker " + join(neededDirs)
                : "Start broker " + join(needed);
        return whose + ", which has all that was acknowledged. If that is lost for good, give up what only it held:"
                + " bin/troupe-leader-election.sh --election-type unclean.";
    }

    private void fencedBrokers() {
        List<Integer> fenced = image.brokers().stream()
                .filter(b -> b.fenced() && !b.inControlledShutdown())
                .map(BrokerImage::brokerId)
                .sorted()
                .toList();
        List<Integer> stopped = image.brokers().stream()
                .filter(b -> b.fenced() && b.inControlledShutdown())
                .map(BrokerImage::brokerId)
                .sorted()
                .toList();
        if (!fenced.isEmpty()) {
            add(
                    Severity.BAD,
                    "Broker " + join(fenced) + (fenced.size() == 1 ? " is" : " are") + " not heard from",
                    "Look at its process and its log, and start it with bin/troupe-server-start.sh. If it is gone for good, start its successor"
                            + " with the same node.id and an empty log.dirs, or drain and unregister it with bin/troupe-cluster.sh.",
                    "FENCED");
        }
        if (!stopped.isEmpty()) {
            add(
                    Severity.BAD,
                    "Broker " + join(stopped) + (stopped.size() == 1 ? " was" : " were") + " stopped",
                    "Start it again with bin/troupe-server-start.sh. To do without it, drain and unregister it with bin/troupe-cluster.sh.",
                    "FENCED");
        }
    }

    private void stoppingBrokers() {
        List<Integer> stopping = image.brokers().stream()
                .filter(b -> !b.fenced() && b.inControlledShutdown())
                .map(BrokerImage::brokerId)
                .sorted()
                .toList();
        if (!stopping.isEmpty()) {
            add(
                    Severity.NOTE,
                    "Broker " + join(stopping) + (stopping.size() == 1 ? " is" : " are") + " stopping",
                    "Others lead by now what it led.",
                    "STOPPING");
        }
    }

    private void add(Severity severity, String title, String advice, String what) {
        problems.add(new Problem(severity, title, advice, found.getOrDefault(what, List.of()), count(what)));
    }

    private String partitions(String what) {
        return count(what) + (count(what) == 1 ? " partition is" : " partitions are");
    }

    private static String join(Iterable<Integer> ids) {
        List<String> all = new ArrayList<>();
        ids.forEach(id -> all.add(id.toString()));
        return all.stream().collect(Collectors.joining(", "));
    }
}
