package io.troupe.tools;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.PartitionReassignment;
import org.apache.kafka.common.TopicPartition;

/** What there is to say of moves under way, and of how they ended. Pure. */
final class MoveProgress {
    private static final int SHOWN = 20;

    private MoveProgress() {}

    /**
     * How far the moves have come, and which brokers they wait for.
     *
     * @param all partitions that were to be moved
     * @param open those of them that still are
     * @param up brokers that are not fenced
     */
    static String line(int all, Collection<PartitionReassignment> open, Set<Integer> up) {
        String moved = "Moved: " + (all - open.size()) + " of " + all + " partitions";
        Set<Integer> missing = new TreeSet<>();
        open.forEach(move -> missing.addAll(missing(move, up)));
        return missing.isEmpty()
                ? moved
                : moved + ". The rest waits for " + (missing.size() == 1 ? "broker " : "brokers ")
                        + missing.stream().map(String::valueOf).collect(Collectors.joining(", "))
                        + ": start it, or cancel the moves with troupe-reassign-partitions.sh --cancel.";
    }

    /** A replica that is to stay must be up to be copied to; one that goes, only where nothing else is left to copy from. */
    private static List<Integer> missing(PartitionReassignment move, Set<Integer> up) {
        List<Integer> sources = new ArrayList<>(move.replicas());
        sources.removeAll(move.addingReplicas());
        List<Integer> missing = new ArrayList<>(move.replicas());
        if (sources.stream().anyMatch(up::contains)) {
            missing.removeAll(move.removingReplicas());
        }
        missing.removeAll(up);
        return missing;
    }

    /**
     * Partitions that ended elsewhere, a line for each.
     *
     * @param plan replicas of each as planned
     * @param now as they are; deleted ones are not in it
     */
    static List<String> elsewhere(Map<TopicPartition, List<Integer>> plan, Map<TopicPartition, List<Integer>> now) {
        return plan.keySet().stream()
                .filter(p -> now.containsKey(p) && !now.get(p).equals(plan.get(p)))
                .sorted(ClusterView.BY_NAME)
                .limit(SHOWN)
                .map(p -> p + " is on " + now.get(p) + ", not on " + plan.get(p))
                .toList();
    }
}
