package io.troupe.controller;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.controller.Formation.FormCluster;
import io.troupe.controller.Formation.JoinNode;
import io.troupe.controller.Formation.KeepWaiting;
import io.troupe.controller.Formation.Node;
import io.troupe.controller.Formation.Refuse;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** The rule by which a node forms a cluster or joins one, and by which there is never a second one. */
class FormationTest {
    private static final Set<Integer> THREE = Set.of(1, 2, 3);
    private static final String LIST = "1@a:1,2@b:1,3@c:1";

    private static Node node(int id) {
        return new Node(id, id, LIST, Optional.empty(), false, List.of(), List.of());
    }

    private static Node member(int id, List<Integer> voters) {
        return new Node(
                id,
                id,
                LIST,
                Optional.of("here"),
                true,
                voters,
                voters.stream().map(Integer::longValue).toList());
    }

    private static Node of(int id, String voters, String clusterId, boolean inCluster) {
        return new Node(id, id, voters, Optional.ofNullable(clusterId), inCluster, List.of(), List.of());
    }

    @Test
    void aVoterAloneFormsAtOnce() {
        assertEquals(new FormCluster(), new Formation(1, Set.of(1)).nextRound(of(1, "1@a:1", null, false), 0));
    }

    @Test
    void whoIsInAClusterIsJoinedWhateverElse() {
        Formation joining = new Formation(1, THREE);
        joining.nextRound(node(1), 0);
        joining.answered(node(1), node(2), 1, false, 10);
        assertEquals(Optional.of(new JoinNode(3)), joining.answered(node(1), member(3, List.of(3)), 1, false, 20));
        assertEquals(new JoinNode(3), joining.nextRound(node(1), 500));
    }

    @Test
    void aBrokerThatIsNoVoterJoinsAndNeverForms() {
        Formation broker = new Formation(9, THREE);
        broker.nextRound(node(9), 0);
        THREE.forEach(id -> broker.answered(node(9), node(id), 1, true, 10));
        assertInstanceOf(KeepWaiting.class, broker.nextRound(node(9), 500));
        assertFalse(broker.grant(1, false, 600), "it has no vote");
        assertEquals(Optional.of(new JoinNode(2)), broker.answered(node(9), member(2, List.of(2)), 2, false, 700));
    }

    @Test
    void withoutAMajorityNobodyFormsOne() {
        Formation alone = new Formation(1, THREE);
        for (int i = 0; i < 20; i++) {
            assertInstanceOf(KeepWaiting.class, alone.nextRound(node(1), i * 500));
            assertFalse(alone.claims());
        }
    }

    @Test
    void theLowestOfAStableMajorityFormsOnceItIsGranted() {
        Formation two = new Formation(2, THREE);
        two.nextRound(node(2), 0);
        two.answered(node(2), node(3), 1, false, 10);
        two.nextRound(node(2), 500);
        assertFalse(two.claims(), "voter 1 may only be slow");
        two.answered(node(2), node(3), 2, false, 510);
        assertInstanceOf(KeepWaiting.class, two.nextRound(node(2), 1000));
        assertTrue(two.claims());
        assertEquals(Optional.empty(), two.answered(node(2), node(3), 2, true, 1005), "an answer to another round");
        assertEquals(Optional.of(new FormCluster()), two.answered(node(2), node(3), 3, true, 1010));
    }

    @Test
    void aGrantThatMayHaveRunOutCountsForNothing() {
        Formation two = new Formation(2, THREE);
        for (int round = 1; round <= 2; round++) {
            two.nextRound(node(2), round * 500);
            two.answered(node(2), node(3), round, false, round * 500 + 10);
        }
        two.nextRound(node(2), 1500);
        assertTrue(two.claims());
        assertEquals(
                Optional.empty(), two.answered(node(2), node(3), 3, true, 1500 + Formation.GRANT_MS), "a long pause");
    }

    @Test
    void aVoterGrantsOneCandidateAtATime() {
        Formation three = new Formation(3, THREE);
        assertTrue(three.grant(2, false, 0));
        assertTrue(three.grant(2, false, 1000));
        assertFalse(three.grant(1, false, 2000));
        assertTrue(three.grant(1, false, 1000 + Formation.GRANT_MS));
        assertFalse(three.grant(1, true, 9000), "it is in a cluster");
    }

    @Test
    void anotherVoterListIsRefusedByAClusterOrAMajority() {
        Node wrong = of(3, "1@a:1,2@b:1,3@c:9", null, false);
        Formation three = new Formation(3, THREE);
        three.nextRound(wrong, 0);
        assertEquals(Optional.empty(), three.answered(wrong, node(1), 1, false, 10), "one of two may be wrong");
        Refuse refuse = assertInstanceOf(
                Refuse.class, three.answered(wrong, node(2), 1, false, 10).orElseThrow());
        assertTrue(refuse.reason().contains(LIST) && refuse.reason().contains("3@c:9"), refuse.reason());
        Formation again = new Formation(3, THREE);
        again.nextRound(wrong, 0);
        Node inCluster = of(1, LIST, null, true);
        assertInstanceOf(
                Refuse.class, again.answered(wrong, inCluster, 1, false, 10).orElseThrow());
        // The others wait for it, and say why, but go on without it.
        Formation one = new Formation(1, THREE);
        one.nextRound(node(1), 0);
        one.answered(node(1), wrong, 1, false, 10);
        KeepWaiting waiting = assertInstanceOf(KeepWaiting.class, one.nextRound(node(1), 500));
        assertTrue(waiting.forWhat().contains("3@c:9"), waiting.forWhat());
    }

    @Test
    void logDirsOfAnotherClusterAreRefused() {
        Formation three = new Formation(3, THREE);
        Node other = of(3, LIST, "elsewhere", false);
        three.nextRound(other, 0);
        Refuse refuse = assertInstanceOf(
                Refuse.class,
                three.answered(other, of(1, LIST, "here", true), 1, false, 10).orElseThrow());
        assertTrue(refuse.reason().contains("elsewhere") && refuse.reason().contains("here"), refuse.reason());
        assertTrue(refuse.reason().contains("log.dirs"), refuse.reason());
    }

    @Test
    void ofTwoClustersTheOneWithFewerVotersYields() {
        assertTrue(Formation.yields(member(1, List.of(1)), member(2, List.of(2, 3))));
        assertFalse(Formation.yields(member(2, List.of(2, 3)), member(1, List.of(1))));
        assertTrue(Formation.yields(member(3, List.of(3)), member(2, List.of(2))));
        assertFalse(Formation.yields(member(2, List.of(2)), member(3, List.of(3))));
        assertFalse(Formation.yields(member(1, List.of(1)), member(2, List.of(1, 2, 3))), "one that it is in");
        assertFalse(Formation.yields(member(1, List.of(1)), node(2)), "in none");
    }

    /** One answer on its way. */
    private record Flying(int to, Node from, long round, boolean claims, boolean answer, boolean granted, int atMs) {}

    /**
     * Three and five voters that start at random, over a network that delays, loses and cuts one way, with pauses of whole nodes: whoever forms
     * a cluster has the grants of a majority at that moment, so no other one has.
     */
    @Test
    void whoeverFormsHasTheGrantsOfAMajorityAtThatMoment() {
        int formed = 0;
        for (long seed = 0; seed < 400; seed++) {
            formed += runVoters(new Random(seed), seed % 2 == 0 ? 3 : 5, "seed " + seed);
        }
        assertTrue(formed > 300, "hardly any cluster is formed: " + formed);
    }

    private static int runVoters(Random random, int count, String seed) {
        Set<Integer> voters = new HashSet<>();
        List<Formation> nodes = new ArrayList<>();
        int[] nextRound = new int[count + 1];
        int[] pausedUntil = new int[count + 1];
        for (int id = 1; id <= count; id++) {
            voters.add(id);
            nextRound[id] = random.nextInt(4000);
        }
        voters.forEach(id -> nodes.add(new Formation(id, voters)));
        boolean[][] cut = new boolean[count + 1][count + 1];
        for (int i = 0; i < count; i++) {
            cut[1 + random.nextInt(count)][1 + random.nextInt(count)] = true;
        }
        List<Flying> network = new ArrayList<>();
        int formed = 0;
        // Nobody hears of the cluster that was formed: the worst that can happen to the others.
        for (int now = 0; now < 12_000; now += 10) {
            for (int id = 1; id <= count; id++) {
                if (now < pausedUntil[id]) {
                    continue;
                }
                if (random.nextInt(2000) == 0) {
                    pausedUntil[id] = now + random.nextInt(6000);
                }
                Formation me = nodes.get(id - 1);
                boolean forms = false;
                for (Flying m : List.copyOf(network)) {
                    if (m.to() == id && m.atMs() <= now) {
                        network.remove(m);
                        if (m.answer()) {
                            forms |= me.answered(node(id), m.from(), m.round(), m.granted(), now)
                                    .filter(FormCluster.class::isInstance)
                                    .isPresent();
                        } else {
                            boolean granted = m.claims() && me.grant(m.from().nodeId(), false, now);
                            fly(network, random, cut, id, m.from().nodeId(), m.round(), false, true, granted, now);
                        }
                    }
                }
                if (!forms && now >= nextRound[id]) {
                    forms = me.nextRound(node(id), now) instanceof FormCluster;
                    nextRound[id] = now + 500;
                    for (int to = 1; to <= count; to++) {
                        if (to != id) {
                            fly(network, random, cut, id, to, me.round(), me.claims(), false, false, now);
                        }
                    }
                }
                if (forms) {
                    formed++;
                    int candidate = id;
                    int at = now;
                    long holders = nodes.stream()
                            .filter(n -> n.grantedTo(at).equals(Optional.of(candidate)))
                            .count();
                    assertTrue(holders > count / 2, seed + ": formed with the grants of " + holders);
                }
            }
        }
        return formed > 0 ? 1 : 0;
    }

    private static void fly(
            List<Flying> network,
            Random random,
            boolean[][] cut,
            int from,
            int to,
            long round,
            boolean claims,
            boolean answer,
            boolean granted,
            int now) {
        if (!cut[from][to] && random.nextInt(10) > 0) {
            int delay = random.nextInt(10) == 0 ? random.nextInt(5000) : random.nextInt(60);
            network.add(new Flying(to, node(from), round, claims, answer, granted, now + delay));
        }
    }
}
