package io.troupe.controller;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Set;
import org.junit.jupiter.api.Test;

/** Who is taken out of the cluster, and by whom. */
class RemovalsTest {
    private static final Set<Long> NOBODY = Set.of();
    private final Removals removals = new Removals(Set.of(1, 2, 3));

    @Test
    void aMajorityTakesOutWhoWasAwayForAWhile() {
        assertEquals(NOBODY, removals.review(Set.of(1, 2), Set.of(30L), 0));
        assertEquals(NOBODY, removals.review(Set.of(1, 2), Set.of(30L), Removals.STABLE_MS - 1));
        assertEquals(Set.of(30L), removals.review(Set.of(1, 2), Set.of(30L), Removals.STABLE_MS));
    }

    @Test
    void aMinorityStaysAsItIs() {
        removals.review(Set.of(1), Set.of(20L, 30L), 0);
        assertEquals(NOBODY, removals.review(Set.of(1), Set.of(20L, 30L), 1_000_000));
    }

    @Test
    void whoeverCameOrWentBeginsTheWaitAnew() {
        removals.review(Set.of(1, 2, 3), Set.of(40L), 0);
        removals.review(Set.of(1, 2), Set.of(40L, 30L), 1000);
        assertEquals(NOBODY, removals.review(Set.of(1, 2), Set.of(40L, 30L), Removals.STABLE_MS));
        assertEquals(Set.of(40L, 30L), removals.review(Set.of(1, 2), Set.of(40L, 30L), 1000 + Removals.STABLE_MS));
    }

    /** Two of three processes died and one of them is started again: it can join only once the other one is out. */
    @Test
    void aVoterThatWaitsOutsideMakesTheMajority() {
        removals.review(Set.of(1), Set.of(20L, 30L), 0);
        for (long ms = 10_000; ms <= 10_000 + Removals.STABLE_MS; ms += 500) {
            removals.asksToJoin(2, ms);
            Set<Long> out = ms < 10_000 + Removals.STABLE_MS ? NOBODY : Set.of(30L);
            assertEquals(out, removals.review(Set.of(1), Set.of(30L), ms));
        }
        assertEquals(NOBODY, removals.review(Set.of(1), Set.of(30L), 20_000), "it asks no more");
    }

    @Test
    void aBrokerThatDoesNotVoteMakesNone() {
        removals.asksToJoin(4, 0);
        removals.review(Set.of(1), Set.of(30L), 0);
        removals.asksToJoin(4, Removals.STABLE_MS);
        assertEquals(NOBODY, removals.review(Set.of(1), Set.of(30L), Removals.STABLE_MS));
    }
}
