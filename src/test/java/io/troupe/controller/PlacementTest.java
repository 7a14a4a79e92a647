package io.troupe.controller;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.metadata.BrokerImage;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Where new replicas go: the goals of Kafka's striped placer, racks before brokers. */
class PlacementTest {
    private final List<BrokerImage> brokers = new ArrayList<>();
    private final Map<Integer, String> racks = new HashMap<>();

    private void broker(String rack) {
        int id = brokers.size() + 1;
        brokers.add(new BrokerImage(id, id, List.of(), Optional.ofNullable(rack), false, false));
        racks.put(id, rack == null ? "alone-" + id : rack);
    }

    private List<List<Integer>> place(int partitions, int factor) {
        List<List<Integer>> placed = Placement.place(brokers, partitions, factor, 7);
        placed.forEach(replicas -> assertEquals(factor, new HashSet<>(replicas).size(), "a broker twice: " + replicas));
        return placed;
    }

    private Set<String> racksOf(List<Integer> replicas) {
        Set<String> of = new HashSet<>();
        replicas.forEach(id -> of.add(racks.get(id)));
        return of;
    }

    private Map<Integer, Integer> held(List<List<Integer>> placed) {
        Map<Integer, Integer> held = new HashMap<>();
        placed.forEach(replicas -> replicas.forEach(id -> held.merge(id, 1, Integer::sum)));
        return held;
    }

    @Test
    void asManyRacksAsThereAreReplicas() {
        for (String rack : List.of("a", "a", "a", "b", "b", "b", "c", "c", "c")) {
            broker(rack);
        }
        List<List<Integer>> placed = place(90, 3);
        placed.forEach(replicas -> assertEquals(3, racksOf(replicas).size(), "racks of " + replicas));
        for (BrokerImage b : brokers) {
            assertEquals(
                    10, placed.stream().filter(r -> r.get(0) == b.brokerId()).count(), "leaderships");
        }
        held(placed).forEach((id, count) -> assertTrue(Math.abs(count - 30) <= 10, id + " holds " + count));
    }

    @Test
    void everyRackBeforeAnyTwice() {
        for (String rack : List.of("a", "a", "b", "b")) {
            broker(rack);
        }
        place(40, 3).forEach(replicas -> assertEquals(2, racksOf(replicas).size(), "racks of " + replicas));
    }

    /** The smaller rack gets more to hold: racks go before brokers. */
    @Test
    void racksOfDifferentSizesAreUsedAlike() {
        for (String rack : List.of("a", "a", "a", "a", "b")) {
            broker(rack);
        }
        place(40, 2).forEach(replicas -> assertTrue(replicas.contains(5), "none in rack b: " + replicas));
    }

    @Test
    void withoutRacksBrokersShareEvenlyAndADeadLeadersPartitionsToo() {
        for (int i = 0; i < 5; i++) {
            broker(null);
        }
        List<List<Integer>> placed = place(100, 3);
        held(placed).values().forEach(count -> assertEquals(60, count));
        Map<Integer, Integer> heirs = new HashMap<>();
        placed.stream().filter(r -> r.get(0) == 1).forEach(r -> heirs.merge(r.get(1), 1, Integer::sum));
        assertEquals(4, heirs.size());
        heirs.forEach((id, count) -> assertEquals(5, count, "of broker 1's leaderships to " + id));
    }

    @Test
    void brokersWithoutARackAreRacksOfTheirOwn() {
        for (String rack : new String[] {"a", "a", null, null}) {
            broker(rack);
        }
        place(40, 3).forEach(replicas -> assertEquals(3, racksOf(replicas).size(), "racks of " + replicas));
    }
}
