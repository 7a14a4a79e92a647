package io.troupe.controller;

import io.troupe.metadata.BrokerImage;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * Where replicas go: leaders round robin over the brokers, followers on the brokers after them, no rack twice while
 * another rack has none. Pure.
 */
final class Placement {
    private Placement() {}

    /**
     * @param brokers at least {@code replicationFactor}
     * @param start spreads topics: any number, not negative
     * @return for each partition its replicas, preferred leader first
     */
    static List<List<Integer>> place(
            Collection<BrokerImage> brokers, int partitions, int replicationFactor, int start) {
        List<BrokerImage> ring = interleaveRacks(brokers);
        int n = ring.size();
        List<List<Integer>> placed = new ArrayList<>(partitions);
        for (int p = 0; p < partitions; p++) {
            int leader = Math.floorMod(start + p, n);
            // With each turn of the ring followers move on by one, so that one broker's load falls to all when it dies.
            int shift = n == 1 ? 0 : (p / n) % (n - 1);
            List<Integer> replicas = new ArrayList<>(replicationFactor);
            Set<String> racks = new HashSet<>();
            take(ring.get(leader), replicas, racks);
            for (boolean anyRack : new boolean[] {false, true}) {
                for (int i = 0; i < n - 1 && replicas.size() < replicationFactor; i++) {
                    BrokerImage b = ring.get((leader + 1 + (shift + i) % (n - 1)) % n);
                    if (!replicas.contains(b.brokerId()) && (anyRack || !racks.contains(rack(b)))) {
                        take(b, replicas, racks);
                    }
                }
            }
            placed.add(List.copyOf(replicas));
        }
        return placed;
    }

    private static void take(BrokerImage b, List<Integer> replicas, Set<String> racks) {
        replicas.add(b.brokerId());
        racks.add(rack(b));
    }

    /** A broker without a rack is a rack of its own. */
    private static String rack(BrokerImage b) {
        return b.rack().orElse("\0" + b.brokerId());
    }

    private static List<BrokerImage> interleaveRacks(Collection<BrokerImage> brokers) {
        Map<String, Deque<BrokerImage>> byRack = new TreeMap<>();
        brokers.stream()
                .sorted((a, b) -> Integer.compare(a.brokerId(), b.brokerId()))
                .forEach(b -> byRack.computeIfAbsent(b.rack().orElse(""), r -> new ArrayDeque<>())
                        .add(b));
        List<BrokerImage> ring = new ArrayList<>();
        while (ring.size() < brokers.size()) {
            for (Deque<BrokerImage> rack : byRack.values()) {
                if (!rack.isEmpty()) {
                    ring.add(rack.poll());
                }
            }
        }
        return ring;
    }
}
