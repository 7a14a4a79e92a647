package io.troupe.tools;

import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.apache.kafka.common.TopicPartition;

/** Tells in ten lines whether all is well in a cluster; what to do when it is not stands below them. Pure. */
final class ClusterStatus {
    private static final int NAMED = 5;

    private final ClusterView view;
    private final List<String> advice = new ArrayList<>();
    private boolean well = true;

    private ClusterStatus(ClusterView view) {
        this.view = view;
    }

    /**
     * @param lines the answer, its first line the verdict
     * @param well false when somebody should do something
     */
    record Report(List<String> lines, boolean well) {}

    static Report of(ClusterView view) {
        return new ClusterStatus(view).report();
    }

    private Report report() {
        List<String> lines = new ArrayList<>();
        lines.add(line("Brokers up", up()));
        lines.add(line("Brokers fenced", fenced()));
        lines.add(line("Controller", controller()));
        lines.add(line("Metadata quorum", quorum()));
        lines.add(line("Partitions", totals()));
        lines.add(line("Offline", offline()));
        lines.add(line("Under min ISR", underMinIsr()));
        lines.add(line("Under-replicated", underReplicated()));
        lines.add(line("Not on preferred", notPreferred()));
        throttles();
        lines.add(0, "Cluster " + view.clusterId() + ": " + (well ? "all is well" : "NOT WELL, see the last lines"));
        advice.forEach(what -> lines.add("-> " + what));
        return new Report(lines, well);
    }

    private String up() {
        Set<Integer> up = new TreeSet<>(view.up());
        up.removeAll(view.silent());
        String answering = up.isEmpty() ? "none" : up.size() + ": " + join(up);
        if (view.silent().isEmpty()) {
            return answering;
        }
        well = false;
        advice.add(brokers(view.silent(), "does not answer", "do not answer")
                + ": start what does not run; can this machine reach the advertised.listeners of what does?");
        return answering + "; no answer from " + join(view.silent());
    }

    private String controller() {
        String known = view.controller().map(id -> "node " + id).orElse("none known")
                + view.quorum().map(q -> ", epoch " + q.epoch()).orElse("");
        if (view.decides()) {
            return known;
        }
        well = false;
        advice.add("Nothing can be created, moved or elected: the controller does not answer. Start nodes of"
                + " controller.quorum.voters until a majority of them is up.");
        return known + ", NOT ANSWERING";
    }

    private String fenced() {
        Set<Integer> fenced = view.fenced();
        if (fenced.isEmpty()) {
            return "none";
        }
        well = false;
        advice.add(
                brokers(fenced, "is not heard from", "are not heard from")
                        + ": look at the process and its log, and start it with bin/troupe-server-start.sh. One that is gone for good: start its successor with the same node.id and an"
                        + " empty log.dirs; or do without it: bin/troupe-cluster.sh drain ID --execute, then unregister --id ID.");
        return join(fenced);
    }

    private String quorum() {
        if (view.quorum().isEmpty()) {
            return view.decides() ? "not told by these brokers" : "NO MAJORITY of the voters answers";
        }
        QuorumView quorum = view.quorum().get();
        int voters = quorum.voters().size();
        String all = counted(voters, "voter") + ": "
                + join(quorum.voters().stream()
                        .map(QuorumView.Voter::id)
                        .sorted()
                        .toList());
        Map<QuorumView.Voter, String> missing = quorum.missing();
        if (missing.isEmpty()) {
            return all;
        }
        well = false;
        missing.forEach((voter, what) -> advice.add(voter + " is " + what + "."));
        int spare = (voters - 1) / 2 - missing.size();
        advice.add((spare > 0
                        ? "The metadata survives the loss of " + counted(spare, "more voter") + "."
                        : "If one more voter is lost, nothing can be created, moved or elected.")
                + " Start it, also where its broker was unregistered: its vote stays. If its machine is gone for good, start its"
                + " successor with the same node.id, the same controller.quorum.voters and an empty log.dirs"
                + " (process.roles=controller is enough).");
        return all + "; missing: "
                + join(missing.keySet().stream().map(QuorumView.Voter::id).toList());
    }

    private String totals() {
        long replicas = view.partitions().values().stream()
                .mapToLong(p -> p.replicas().size())
                .sum();
        long topics = view.partitions().keySet().stream()
                .map(TopicPartition::topic)
                .distinct()
                .count();
        return view.partitions().size() + " of " + counted(topics, "topic") + ", " + counted(replicas, "replica")
                + "; being moved: "
                + (view.moving().isEmpty() ? "none" : view.moving().size());
    }

    private String offline() {
        List<TopicPartition> offline = those(p -> p.leader() < 0);
        if (!offline.isEmpty()) {
            well = false;
            Set<Integer> needed = new TreeSet<>();
            offline.forEach(p -> {
                ClusterView.Partition state = view.partitions().get(p);
                Set<Integer> complete = new LinkedHashSet<>(state.isr());
                complete.addAll(state.elr());
                needed.addAll(complete.isEmpty() ? state.lastKnown() : complete);
            });
            needed.removeAll(view.up());
            advice.add(
                    needed.isEmpty()
                            ? "Partitions without a leader (" + join(offline)
                                    + ") are being elected one, or have no replica"
                                    + " that is known to be complete: look again, then at the controller's log."
                            : "Partitions without a leader (" + join(offline) + ") come back with "
                                    + (needed.size() == 1 ? "broker " : "brokers ") + join(needed)
                                    + (needed.size() == 1 ? ", which holds all" : ", which hold all")
                                    + " that was acknowledged. If that is lost for good, give up what only it"
                                    + " held: bin/troupe-leader-election.sh --election-type unclean.");
        }
        return counted(offline);
    }

    private String underMinIsr() {
        List<TopicPartition> under = those(p -> p.leader() >= 0 && p.isr().size() < p.minIsr());
        if (!under.isEmpty()) {
            well = false;
            advice.add("Producers with acks=all are refused by " + join(under) + " until another replica is in sync.");
        }
        return counted(under);
    }

    private String underReplicated() {
        List<TopicPartition> under = those(p -> p.isr().size() < p.replicas().size());
        under.removeAll(view.moving().keySet());
        if (!under.isEmpty()) {
            well = false;
            boolean allUp = under.stream().allMatch(p -> view.up()
                    .containsAll(view.partitions().get(p).replicas()));
            if (allUp) {
                advice.add("Replicas catch up (" + join(under) + "): look again in a while; if the number does not"
                        + " fall, look at the logs of their leaders.");
            } else if (view.fenced().isEmpty()) {
                advice.add("Replicas are assigned to brokers that no longer exist (" + join(under)
                        + "): bin/troupe-cluster.sh rebalance moves them.");
            }
        }
        return counted(under);
    }

    /** No trouble: it passes by itself, or by one command. */
    private String notPreferred() {
        return counted(those(p -> p.leader() >= 0 && p.leader() != p.replicas().get(0)));
    }

    /** Left over from a move, they slow the next replica that must catch up; no trouble before that. */
    private void throttles() {
        if (!view.moving().isEmpty()
                || (view.throttledBrokers().isEmpty() && view.throttledTopics().isEmpty())) {
            return;
        }
        List<String> left = new ArrayList<>();
        if (!view.throttledBrokers().isEmpty()) {
            left.add("rate on broker " + join(view.throttledBrokers()));
        }
        if (!view.throttledTopics().isEmpty()) {
            left.add("replicas of topic " + join(view.throttledTopics()));
        }
        advice.add("Nothing moves, yet replication is throttled (" + String.join("; ", left)
                + "). If nobody wants that, end the move with bin/troupe-reassign-partitions.sh --verify, or take"
                + " leader. and follower.replication.throttled.rate from the brokers and .replicas from the topics:"
                + " bin/troupe-configs.sh --alter --delete-config.");
    }

    private List<TopicPartition> those(Predicate<ClusterView.Partition> which) {
        return view.partitions().entrySet().stream()
                .filter(e -> which.test(e.getValue()))
                .map(Map.Entry::getKey)
                .collect(Collectors.toCollection(ArrayList::new));
    }

    /** One broker or several, each with its verb. */
    static String brokers(Collection<Integer> ids, String one, String several) {
        return counted("Broker", ids, one, several);
    }

    private static String counted(String noun, Collection<Integer> ids, String one, String several) {
        return noun + (ids.size() == 1 ? " " + join(ids) + " " + one : "s " + join(ids) + " " + several);
    }

    private static String counted(long count, String noun) {
        return count + " " + noun + (count == 1 ? "" : "s");
    }

    private static String counted(List<TopicPartition> partitions) {
        return partitions.isEmpty() ? "none" : partitions.size() + ": " + join(partitions);
    }

    private static String join(Collection<?> things) {
        String named = things.stream().limit(NAMED).map(String::valueOf).collect(Collectors.joining(", "));
        return things.size() > NAMED ? named + ", ..." : named;
    }

    private static String line(String name, String value) {
        return String.format("  %-17s %s", name, value);
    }
}
