package io.troupe.controller;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Set;
import org.junit.jupiter.api.Test;

/** Who is taken out of the cluster, and by whom. */
class RemovalsTest {
    private static final Set<Long> NOBODY = Set.of();
    private final Removals removals = new Removals(Set.of(1, 2, 3));

    @Test
    void aMajorityTakesOutWhoWasAwayForAWhile() {
        assertEquals(NOBODY, reviews(Set.of(1, 2), Set.of(30L), 0, Removals.STABLE_MS - 1));
        assertEquals(Set.of(30L), removals.review(Set.of(1, 2), Set.of(30L), NOBODY, Removals.STABLE_MS));
    }

    @Test
    void aMinorityStaysAsItIs() {
        assertEquals(NOBODY, reviews(Set.of(1), Set.of(20L, 30L), 0, 1_000_000));
    }

    @Test
    void whoeverCameOrWentBeginsTheWaitAnew() {
        reviews(Set.of(1, 2, 3), Set.of(40L), 0, 500);
        assertEquals(NOBODY, reviews(Set.of(1, 2), Set.of(40L, 30L), 1000, 1000 + Removals.STABLE_MS - 1));
        assertEquals(
                Set.of(40L, 30L), removals.review(Set.of(1, 2), Set.of(40L, 30L), NOBODY, 1000 + Removals.STABLE_MS));
    }

    /** Two of three processes died and one of them is started again: it can join only once the other one is out. */
    @Test
    void aVoterThatWaitsOutsideMakesTheMajority() {
        removals.review(Set.of(1), Set.of(20L, 30L), NOBODY, 0);
        for (long ms = 10_000; ms <= 10_000 + Removals.STABLE_MS; ms += 500) {
            removals.asksToJoin(2, ms);
            Set<Long> out = ms < 10_000 + Removals.STABLE_MS ? NOBODY : Set.of(30L);
            assertEquals(out, removals.review(Set.of(1), Set.of(30L), NOBODY, ms));
        }
        assertEquals(NOBODY, removals.review(Set.of(1), Set.of(30L), NOBODY, 20_000), "it asks no more");
    }

    @Test
    void aBrokerThatDoesNotVoteMakesNone() {
        for (long ms = 0; ms <= 2 * Removals.STABLE_MS; ms += 500) {
            removals.asksToJoin(4, ms);
            assertEquals(NOBODY, removals.review(Set.of(1), Set.of(30L), NOBODY, ms));
        }
    }

    /** Whoever came back while this process stood still is heard of after the review that comes first. */
    @Test
    void timeInWhichTheReviewerStoodStillCountsForNobody() {
        removals.review(Set.of(1, 2), Set.of(30L), NOBODY, 0);
        assertEquals(NOBODY, removals.review(Set.of(1, 2), Set.of(30L), NOBODY, 60_000));
        assertEquals(NOBODY, removals.review(Set.of(1, 2, 3), Set.of(), NOBODY, 60_500));
        reviews(Set.of(1, 2), Set.of(30L), 70_000, 70_500);
        assertEquals(NOBODY, removals.review(Set.of(1, 2), Set.of(30L), NOBODY, 80_000));
    }

    /** The cluster sees it with its next look, which may come a second later. */
    @Test
    void whoeverIsHeardAgainAtTheLastMomentStays() {
        reviews(Set.of(1, 2), Set.of(30L, 40L), 0, Removals.STABLE_MS - 500);
        assertEquals(NOBODY, removals.review(Set.of(1, 2), Set.of(30L, 40L), Set.of(30L), Removals.STABLE_MS));
        long later = 2 * Removals.STABLE_MS;
        assertEquals(NOBODY, reviews(Set.of(1, 2), Set.of(30L, 40L), Removals.STABLE_MS + 500, later), "anew");
        assertEquals(Set.of(30L, 40L), removals.review(Set.of(1, 2), Set.of(30L, 40L), NOBODY, later + 500));
    }

    /** However slow it is, it gets there. */
    @Test
    void aSlowReviewerTakesOutWhoIsAwayAllTheSame() {
        for (int review = 0; review <= 2; review++) {
            assertEquals(NOBODY, removals.review(Set.of(1, 2), Set.of(30L), NOBODY, review * 4000L));
        }
        assertEquals(Set.of(30L), removals.review(Set.of(1, 2), Set.of(30L), NOBODY, 12_000));
    }

    @Test
    void whoseProcessHasEndedGoesAtOnceByTheWordOfAMajority() {
        assertFalse(removals.saysGone(1, 30L, 0), "two nodes between which connections are refused");
        assertFalse(removals.saysGone(1, 30L, 500));
        assertFalse(removals.saysGone(2, 40L, 600), "of another one");
        assertTrue(removals.saysGone(2, 30L, 1000));
    }

    @Test
    void whatWasSaidOfAProcessLapses() {
        removals.saysGone(1, 30L, 0);
        assertFalse(removals.saysGone(2, 30L, Removals.SAID_MS + 1));
    }

    @Test
    void whoDoesNotVoteSaysNothingOfProcesses() {
        removals.saysGone(1, 30L, 0);
        assertFalse(removals.saysGone(4, 30L, 0));
    }

    /** Reviews every half second or so, the last one at the end; what that one says. */
    private Set<Long> reviews(Set<Integer> reachable, Set<Long> away, long fromMs, long toMs) {
        for (long ms = fromMs; ms < toMs; ms += 500) {
            removals.review(reachable, away, NOBODY, ms);
        }
        return removals.review(reachable, away, NOBODY, toMs);
    }
}
