package io.troupe.tools;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.apache.kafka.common.TopicPartition;

/**
 * Plans which replicas to move so that brokers hold equally many, and lead equally many by preference. Pure; the same input
 * gives the same plan.
 *
 * <p>In order: replicas leave brokers that are to hold none; replicas that share a rack while another rack has none move
 * there; then one replica at a time moves from the fullest broker to the emptiest, until none has two more than another, which takes
 * the fewest moves there are; last, the order of replicas changes, which copies nothing, until preferred leaders are even.
 * Without racks replica counts end at most one apart, leaders too where all topics have one replication factor. No
 * move lessens the racks that a partition stands on.
 */
final class BalancePlan {
    /** What cannot be planned, and why. */
    static final class Impossible extends RuntimeException {
        private static final long serialVersionUID = 1L;

        Impossible(String message) {
            super(message);
        }
    }

    /** Racks of the brokers that may hold replicas; a broker without one is a rack of its own. */
    private final Map<Integer, String> racks = new TreeMap<>();

    private final Map<TopicPartition, List<Integer>> before;
    private final Map<TopicPartition, List<Integer>> after = new LinkedHashMap<>();
    private final Map<Integer, Set<TopicPartition>> held = new TreeMap<>();

    private BalancePlan(Map<Integer, String> targets, Map<TopicPartition, List<Integer>> partitions) {
        targets.forEach((id, rack) -> racks.put(id, rack == null ? "\0" + id : rack));
        before = partitions;
        partitions.keySet().stream()
                .sorted(ClusterView.BY_NAME)
                .forEach(p -> after.put(p, new ArrayList<>(partitions.get(p))));
        racks.keySet().forEach(id -> held.put(id, new LinkedHashSet<>()));
        after.forEach((p, replicas) -> replicas.forEach(
                id -> held.computeIfAbsent(id, b -> new LinkedHashSet<>()).add(p)));
    }

    /**
     * @param targets brokers that may hold replicas, each with its rack or null
     * @param partitions replicas of each, preferred leader first
     * @return new replicas of the partitions that change
     * @throws Impossible when a partition has more replicas than there are targets
     */
    static Map<TopicPartition, List<Integer>> of(
            Map<Integer, String> targets, Map<TopicPartition, List<Integer>> partitions) {
        BalancePlan plan = new BalancePlan(targets, partitions);
        plan.leaveOthers(plan.after.keySet());
        plan.spreadOverRacks();
        plan.evenReplicas();
        plan.evenLeaders();
        return plan.changes();
    }

    /**
     * Empties brokers and leaves everything else where it is.
     *
     * @param targets brokers that may hold replicas: all but those to be emptied
     */
    static Map<TopicPartition, List<Integer>> drained(
            Map<Integer, String> targets, Map<TopicPartition, List<Integer>> partitions) {
        BalancePlan plan = new BalancePlan(targets, partitions);
        plan.leaveOthers(plan.after.keySet());
        return plan.changes();
    }

    /** How many replicas the plan copies. */
    static int copies(Map<TopicPartition, List<Integer>> before, Map<TopicPartition, List<Integer>> plan) {
        int copies = 0;
        for (Map.Entry<TopicPartition, List<Integer>> change : plan.entrySet()) {
            Set<Integer> added = new HashSet<>(change.getValue());
            before.get(change.getKey()).forEach(added::remove);
            copies += added.size();
        }
        return copies;
    }

    private Map<TopicPartition, List<Integer>> changes() {
        Map<TopicPartition, List<Integer>> changes = new LinkedHashMap<>();
        after.forEach((p, replicas) -> {
            if (!replicas.equals(before.get(p))) {
                changes.put(p, List.copyOf(replicas));
            }
        });
        return changes;
    }

    private void leaveOthers(Set<TopicPartition> partitions) {
        for (TopicPartition p : partitions) {
            List<Integer> replicas = after.get(p);
            for (int from : List.copyOf(replicas)) {
                if (!racks.containsKey(from)) {
                    int to = racks.keySet().stream()
                            .filter(id -> !replicas.contains(id))
                            .min(Comparator.<Integer>comparingInt(id -> -racksWith(p, from, id))
                                    .thenComparingInt(this::count)
                                    .thenComparingInt(id -> id))
                            .orElseThrow(() -> new Impossible(p + " has " + replicas.size() + " replicas "
                                    + replicas + ", but only " + racks.size() + " brokers may hold them: "
                                    + racks.keySet() + ". Start more brokers, or lower its replication factor first."));
                    move(p, from, to);
                }
            }
        }
    }

    private void spreadOverRacks() {
        int all = new HashSet<>(racks.values()).size();
        for (TopicPartition p : after.keySet()) {
            List<Integer> replicas = after.get(p);
            while (racksOf(replicas) < Math.min(replicas.size(), all)) {
                Set<String> taken = new HashSet<>();
                List<Integer> doubled = new ArrayList<>();
                replicas.forEach(id -> {
                    if (!taken.add(racks.get(id))) {
                        doubled.add(id);
                    }
                });
                int from = doubled.stream()
                        .max(Comparator.comparingInt(this::count))
                        .orElseThrow();
                int to = racks.keySet().stream()
                        .filter(id -> !taken.contains(racks.get(id)))
                        .min(Comparator.<Integer>comparingInt(this::count).thenComparingInt(id -> id))
                        .orElseThrow();
                move(p, from, to);
            }
        }
    }

    /** Each turn moves a replica to a broker that has at least two less, so the sum of squares falls and it ends. */
    private void evenReplicas() {
        boolean moved = true;
        while (moved) {
            moved = false;
            List<Integer> fullest = new ArrayList<>(racks.keySet());
            fullest.sort(Comparator.<Integer>comparingInt(id -> -count(id)).thenComparingInt(id -> id));
            for (int f = 0; f < fullest.size() && !moved; f++) {
                for (int e = fullest.size() - 1; e > f && !moved; e--) {
                    moved = count(fullest.get(f)) - count(fullest.get(e)) >= 2
                            && moveOne(fullest.get(f), fullest.get(e));
                }
            }
        }
    }

    /** Takes it from the topic of which {@code from} has most more than {@code to}. */
    private boolean moveOne(int from, int to) {
        Map<String, Integer> surplus = new HashMap<>();
        held.get(from).forEach(p -> surplus.merge(p.topic(), 1, Integer::sum));
        held.get(to).forEach(p -> surplus.merge(p.topic(), -1, Integer::sum));
        TopicPartition best = null;
        for (TopicPartition p : held.get(from)) {
            boolean fits = !after.get(p).contains(to) && racksWith(p, from, to) >= racksOf(after.get(p));
            if (fits && (best == null || surplus.get(p.topic()) > surplus.get(best.topic()))) {
                best = p;
            }
        }
        if (best != null) {
            move(best, from, to);
        }
        return best != null;
    }

    private void evenLeaders() {
        Map<Integer, Set<TopicPartition>> led = new TreeMap<>();
        racks.keySet().forEach(id -> led.put(id, new LinkedHashSet<>()));
        after.forEach((p, replicas) -> led.get(replicas.get(0)).add(p));
        while (handOver(led)) {
            // Each turn takes one leadership from a broker to one that has at least two less.
        }
    }

    /** From some broker, over others that each hand one on, to one that leads at least two less; false when there is no such way. */
    private boolean handOver(Map<Integer, Set<TopicPartition>> led) {
        List<Integer> most = new ArrayList<>(led.keySet());
        most.sort(Comparator.<Integer>comparingInt(id -> -led.get(id).size()).thenComparingInt(id -> id));
        int least = most.isEmpty() ? 0 : led.get(most.get(most.size() - 1)).size();
        for (int from : most) {
            int size = led.get(from).size();
            if (size - least < 2) {
                return false;
            }
            Map<Integer, TopicPartition> by = new HashMap<>();
            Map<Integer, Integer> previous = new HashMap<>();
            ArrayDeque<Integer> reached = new ArrayDeque<>(List.of(from));
            previous.put(from, from);
            while (!reached.isEmpty()) {
                int at = reached.poll();
                if (size - led.get(at).size() >= 2) {
                    for (int to = at; to != from; to = previous.get(to)) {
                        TopicPartition p = by.get(to);
                        List<Integer> replicas = after.get(p);
                        Collections.swap(replicas, 0, replicas.indexOf(to));
                        led.get(previous.get(to)).remove(p);
                        led.get(to).add(p);
                    }
                    return true;
                }
                for (TopicPartition p : led.get(at)) {
                    for (int next : after.get(p)) {
                        if (previous.putIfAbsent(next, at) == null) {
                            by.put(next, p);
                            reached.add(next);
                        }
                    }
                }
            }
        }
        return false;
    }

    private void move(TopicPartition p, int from, int to) {
        List<Integer> replicas = after.get(p);
        replicas.set(replicas.indexOf(from), to);
        held.get(from).remove(p);
        held.get(to).add(p);
    }

    private int count(int broker) {
        return held.get(broker).size();
    }

    private int racksWith(TopicPartition p, int from, int to) {
        List<Integer> replicas = new ArrayList<>(after.get(p));
        replicas.set(replicas.indexOf(from), to);
        return racksOf(replicas);
    }

    /** Brokers that may hold nothing stand on no rack. */
    private int racksOf(List<Integer> replicas) {
        Set<String> on = new HashSet<>();
        replicas.forEach(id -> {
            if (racks.containsKey(id)) {
                on.add(racks.get(id));
            }
        });
        return on.size();
    }
}
