package io.troupe.tools;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Plans are checked against what they promise, on random clusters; -Dseed= plays one again. */
class BalancePlanTest {
    private static final int CLUSTERS = 300;
    private final long seed = Long.getLong("seed", 1);
    private final Random random = new Random(seed);

    private Map<Integer, String> brokers(int count, int racks) {
        Map<Integer, String> brokers = new TreeMap<>();
        for (int id = 1; id <= count; id++) {
            brokers.put(id, racks == 0 ? null : "r" + random.nextInt(racks));
        }
        return brokers;
    }

    /** Replicas anywhere on the brokers. */
    private Map<TopicPartition, List<Integer>> partitions(List<Integer> on, int count, int factor) {
        Map<TopicPartition, List<Integer>> partitions = new LinkedHashMap<>();
        for (int p = 0; p < count; p++) {
            List<Integer> ids = new ArrayList<>(on);
            Collections.shuffle(ids, random);
            partitions.put(new TopicPartition("t" + random.nextInt(4), p), new ArrayList<>(ids.subList(0, factor)));
        }
        return partitions;
    }

    private static Map<TopicPartition, List<Integer>> with(
            Map<TopicPartition, List<Integer>> before, Map<TopicPartition, List<Integer>> plan) {
        Map<TopicPartition, List<Integer>> after = new LinkedHashMap<>(before);
        after.putAll(plan);
        return after;
    }

    private static Map<Integer, Integer> count(
            Set<Integer> brokers, Map<TopicPartition, List<Integer>> partitions, boolean leadersOnly) {
        Map<Integer, Integer> count = new TreeMap<>();
        brokers.forEach(id -> count.put(id, 0));
        partitions.values().forEach(replicas -> replicas.subList(0, leadersOnly ? 1 : replicas.size())
                .forEach(id -> count.merge(id, 1, Integer::sum)));
        return count;
    }

    private static int spread(Map<Integer, Integer> counts) {
        return Collections.max(counts.values()) - Collections.min(counts.values());
    }

    private static int racks(Map<Integer, String> brokers, List<Integer> replicas) {
        Set<String> racks = new HashSet<>();
        replicas.forEach(id -> racks.add(brokers.getOrDefault(id, "gone")));
        return racks.size();
    }

    private static void checkShape(
            Map<Integer, String> targets,
            Map<TopicPartition, List<Integer>> before,
            Map<TopicPartition, List<Integer>> after) {
        assertEquals(before.keySet(), after.keySet());
        after.forEach((p, replicas) -> {
            assertEquals(before.get(p).size(), replicas.size(), "replication factor of " + p);
            assertEquals(replicas.size(), new HashSet<>(replicas).size(), "twice on a broker: " + p);
            assertTrue(targets.keySet().containsAll(replicas), p + " on " + replicas);
        });
    }

    @Test
    void withoutRacksReplicasAndLeadersEndAtMostOneApartWithTheFewestCopies() {
        for (int i = 0; i < CLUSTERS; i++) {
            Map<Integer, String> targets = brokers(2 + random.nextInt(6), 0);
            List<Integer> on = new ArrayList<>(targets.keySet()).subList(0, 1 + random.nextInt(targets.size()));
            int factor = 1 + random.nextInt(on.size());
            Map<TopicPartition, List<Integer>> before = partitions(on, 1 + random.nextInt(60), factor);
            Map<TopicPartition, List<Integer>> plan = BalancePlan.of(targets, before);
            Map<TopicPartition, List<Integer>> after = with(before, plan);
            String what = "seed " + seed + ", cluster " + i + ": " + before + " -> " + plan;
            checkShape(targets, before, after);
            assertTrue(spread(count(targets.keySet(), after, false)) <= 1, what);
            assertTrue(spread(count(targets.keySet(), after, true)) <= 1, what);
            Map<Integer, Integer> had = count(targets.keySet(), before, false);
            int replicas = before.size() * factor;
            int least = replicas / targets.size();
            int most = (replicas + targets.size() - 1) / targets.size();
            int over =
                    had.values().stream().mapToInt(c -> Math.max(0, c - most)).sum();
            int under =
                    had.values().stream().mapToInt(c -> Math.max(0, least - c)).sum();
            assertEquals(Math.max(over, under), BalancePlan.copies(before, plan), what);
            assertEquals(Map.of(), BalancePlan.of(targets, after), "a second plan has nothing to do: " + what);
        }
    }

    @Test
    void withRacksEachPartitionStandsOnAsManyAsItCan() {
        for (int i = 0; i < CLUSTERS; i++) {
            Map<Integer, String> targets = brokers(2 + random.nextInt(6), 1 + random.nextInt(4));
            int factor = 1 + random.nextInt(targets.size());
            Map<TopicPartition, List<Integer>> before =
                    partitions(List.copyOf(targets.keySet()), 1 + random.nextInt(40), factor);
            Map<TopicPartition, List<Integer>> after = with(before, BalancePlan.of(targets, before));
            checkShape(targets, before, after);
            int all = new HashSet<>(targets.values()).size();
            after.forEach((p, replicas) -> assertEquals(
                    Math.min(factor, all), racks(targets, replicas), "seed " + seed + ": " + p + " on " + replicas));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 3})
    void drainingMovesOnlyWhatStandsOnTheBrokerThatLeaves(int racks) {
        for (int i = 0; i < CLUSTERS; i++) {
            Map<Integer, String> all = brokers(3 + random.nextInt(5), racks);
            int leaves = 1 + random.nextInt(all.size());
            Map<Integer, String> targets = new TreeMap<>(all);
            targets.remove(leaves);
            int factor = 1 + random.nextInt(targets.size());
            Map<TopicPartition, List<Integer>> before =
                    partitions(List.copyOf(all.keySet()), 1 + random.nextInt(40), factor);
            Map<TopicPartition, List<Integer>> plan = BalancePlan.drained(targets, before);
            checkShape(targets, before, with(before, plan));
            long stood =
                    before.values().stream().filter(r -> r.contains(leaves)).count();
            assertEquals(stood, plan.size());
            assertEquals(stood, BalancePlan.copies(before, plan));
        }
    }

    @Test
    void aDrainThatLeavesTooFewBrokersIsRefusedWithTheReason() {
        Map<TopicPartition, List<Integer>> before = Map.of(new TopicPartition("t", 0), List.of(1, 2, 3));
        Map<Integer, String> targets = new HashMap<>();
        targets.put(1, null);
        targets.put(2, null);
        BalancePlan.Impossible why =
                assertThrows(BalancePlan.Impossible.class, () -> BalancePlan.drained(targets, before));
        assertTrue(why.getMessage().contains("t-0 has 3 replicas"), why.getMessage());
    }

    @Test
    void anEmptyBrokerGetsItsShare() {
        Map<Integer, String> targets = brokers(4, 0);
        Map<TopicPartition, List<Integer>> before = partitions(List.of(1, 2, 3), 40, 2);
        Map<TopicPartition, List<Integer>> after = with(before, BalancePlan.of(targets, before));
        assertEquals(20, count(targets.keySet(), after, false).get(4));
        assertEquals(10, count(targets.keySet(), after, true).get(4));
    }
}
