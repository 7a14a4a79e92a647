package io.troupe.group.assignor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.group.assignor.PartitionAssignor.Member;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.apache.kafka.common.Uuid;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** KIP-848, "Server side assignors": uniform. */
class UniformAssignorTest {
    private final Assigned group = new Assigned(new UniformAssignor());

    private static Set<Uuid> ids(int... topics) {
        return IntStream.of(topics).mapToObj(Assigned::topic).collect(Collectors.toSet());
    }

    private Assigned members(int count, Set<Uuid> subscription) {
        for (int m = 0; m < count; m++) {
            group.join("member-" + m, subscription);
        }
        return group;
    }

    @Test
    void nobodyHasTwoMoreThanAnother() {
        members(3, ids(0, 1)).topic(0, 5).topic(1, 3).assign();
        assertEquals(List.of(3, 3, 2), group.loads());
    }

    @Test
    void aTopicIsSpreadOverMembers() {
        members(4, ids(0, 1)).topic(0, 4).topic(1, 4).assign();
        assertEquals(List.of(1, 1, 1, 1), group.of(0).stream().map(Set::size).toList());
        assertEquals(List.of(1, 1, 1, 1), group.of(1).stream().map(Set::size).toList());
    }

    /** Whoever joins takes some of each topic, not all of the last. */
    @Test
    void whatIsTakenIsOfAllTopics() {
        members(1, ids(0, 1)).topic(0, 10).topic(1, 10).assign();
        group.join("member-1", ids(0, 1)).assign();
        assertEquals(List.of(5, 5), group.of(0).stream().map(Set::size).toList());
        assertEquals(List.of(5, 5), group.of(1).stream().map(Set::size).toList());
    }

    @Test
    void whoLeavesMovesOnlyItsOwn() {
        members(4, ids(0)).topic(0, 10).assign();
        group.members.remove("member-1");
        assertEquals(0, group.assign());
        assertEquals(List.of(4, 3, 3), group.loads());
    }

    @Test
    void whoJoinsTakesItsShareAndNoMore() {
        members(3, ids(0)).topic(0, 10).assign();
        group.join("new", ids(0));
        assertEquals(2, group.assign());
    }

    @Test
    void partitionsAddedMoveNothing() {
        members(3, ids(0)).topic(0, 10).assign();
        group.topic(0, 12);
        assertEquals(0, group.assign());
        assertEquals(List.of(4, 4, 4), group.loads());
    }

    @Test
    void membersWhoseTargetStaysKeepItsInstance() {
        members(3, ids(0)).topic(0, 10).assign();
        Map<String, Member> before = Map.copyOf(group.members);
        group.join("new", ids(0)).assign();
        long same = before.values().stream()
                .filter(m -> group.members.get(m.memberId()).target() == m.target())
                .count();
        assertEquals(2, same, "10 over 3 is 4, 3, 3; of the 4 the new one takes 2");
        Map<Uuid, Set<Integer>> target = group.members.get("new").target();
        group.assign();
        assertSame(target, group.members.get("new").target());
    }

    /** What two members were given at once (which must not be) belongs to one of them. */
    @Test
    void aPartitionOfTwoMembersIsTakenFromOne() {
        members(2, ids(0)).topic(0, 2);
        group.members.replaceAll((id, m) -> new Member(
                id,
                null,
                m.subscribedTopicIds(),
                Map.of(Assigned.topic(0), Set.of(0, 1, 2, 9), Assigned.topic(5), Set.of(1))));
        Map<String, Map<Uuid, Set<Integer>>> assigned =
                group.assignor.assign(group.members.values(), topic -> group.topics.getOrDefault(topic, 0));
        assertEquals(1, assigned.get("member-0").get(Assigned.topic(0)).size());
        assertEquals(1, assigned.get("member-1").get(Assigned.topic(0)).size());
    }

    @Test
    void emptyGroupsAndEmptySubscriptionsGetNothing() {
        assertEquals(Map.of(), group.assignor.assign(List.of(), topic -> 1));
        members(2, Set.of()).assign();
        assertEquals(List.of(0, 0), group.loads());
    }

    /** b has to give to c, which cannot take from a, and then takes from a itself. */
    @Test
    void loadMovesAlongChains() {
        group.topic(0, 6).topic(1, 3);
        group.join("a", ids(0)).join("b", ids(0, 1)).assign();
        assertEquals(
                List.of(5, 4),
                group.loads().stream().sorted(Collections.reverseOrder()).toList());
        group.join("c", ids(1)).assign();
        assertEquals(List.of(3, 3, 3), group.loads());
    }

    @TestFactory
    List<DynamicTest> runs() {
        String seed = System.getProperty("seed");
        LongStream seeds = seed == null ? LongStream.range(0, 50) : LongStream.of(Long.parseLong(seed));
        return seeds.mapToObj(s -> DynamicTest.dynamicTest("seed " + s, () -> run(new Random(s))))
                .toList();
    }

    private void run(Random random) {
        Assigned g = new Assigned(new UniformAssignor());
        int topics = 1 + random.nextInt(8);
        boolean alike = random.nextBoolean();
        Set<Uuid> all = ids(IntStream.range(0, topics).toArray());
        for (int step = 0; step < 60; step++) {
            String member = "member-" + random.nextInt(15);
            int kind = random.nextInt(4);
            boolean wasThere = g.members.containsKey(member);
            boolean balanced = step > 0 && spread(g) <= 1;
            if (kind == 0) {
                g.members.remove(member);
            } else if (kind == 1) {
                g.topic(random.nextInt(topics), random.nextInt(30));
            } else if (wasThere) {
                g.subscribe(member, alike ? all : some(random, topics));
            } else {
                g.join(member, alike ? all : some(random, topics));
            }
            int moved = g.assign();
            if (alike) {
                assertTrue(spread(g) <= 1, "loads " + g.loads());
                if (kind == 0 && wasThere && balanced) {
                    assertEquals(0, moved, "only the partitions of the member that left move");
                } else if (kind > 1 && wasThere) {
                    assertEquals(0, moved, "nothing changed, and nothing moves");
                } else if (kind > 1 && g.members.size() > 1) {
                    assertEquals(g.load(member), moved, "straight from its owner to who joined");
                }
            }
            assertEquals(0, g.assign(), "an assignment is its own successor");
            assertTrue(sumOfSquares(g.loads()) <= leastSum(g), "no assignment is more balanced");
        }
    }

    private static int spread(Assigned g) {
        return g.members.isEmpty() ? 0 : Collections.max(g.loads()) - Collections.min(g.loads());
    }

    private static Set<Uuid> some(Random random, int topics) {
        return ids(
                IntStream.range(0, topics).filter(t -> random.nextInt(3) == 0).toArray());
    }

    private static long sumOfSquares(List<Integer> loads) {
        return loads.stream().mapToLong(l -> (long) l * l).sum();
    }

    /**
     * The least sum of the loads' squares that the subscriptions allow, found another way: partition by partition, each by the
     * shortest chain to the least loaded member that is within reach.
     */
    private static long leastSum(Assigned g) {
        List<Member> members = new ArrayList<>(g.members.values());
        List<Uuid> topics = new ArrayList<>(g.topics.keySet());
        int[][] has = new int[members.size()][topics.size()];
        int[] loads = new int[members.size()];
        for (int t = 0; t < topics.size(); t++) {
            for (int p = 0; p < g.topics.get(topics.get(t)); p++) {
                place(members, topics, has, loads, t);
            }
        }
        return sumOfSquares(IntStream.of(loads).boxed().toList());
    }

    private static void place(List<Member> members, List<Uuid> topics, int[][] has, int[] loads, int topic) {
        int[] from = new int[members.size()];
        int[] by = new int[members.size()];
        List<Integer> reached = new ArrayList<>();
        Set<Integer> seen = new HashSet<>();
        for (int m = 0; m < members.size(); m++) {
            if (members.get(m).subscribedTopicIds().contains(topics.get(topic))) {
                seen.add(m);
                reached.add(m);
                from[m] = -1;
                by[m] = topic;
            }
        }
        for (int i = 0; i < reached.size(); i++) {
            int giver = reached.get(i);
            for (int t = 0; t < topics.size(); t++) {
                for (int m = 0; has[giver][t] > 0 && m < members.size(); m++) {
                    if (members.get(m).subscribedTopicIds().contains(topics.get(t)) && seen.add(m)) {
                        reached.add(m);
                        from[m] = giver;
                        by[m] = t;
                    }
                }
            }
        }
        if (reached.isEmpty()) {
            return;
        }
        int least = Collections.min(reached, (a, b) -> Integer.compare(loads[a], loads[b]));
        loads[least]++;
        for (int m = least; m >= 0; m = from[m]) {
            has[m][by[m]]++;
            if (from[m] >= 0) {
                has[from[m]][by[m]]--;
            }
        }
    }
}
