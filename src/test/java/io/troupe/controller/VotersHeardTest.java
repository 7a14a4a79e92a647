package io.troupe.controller;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** How long a node that stops waits for what only a majority of the voters can do. */
class VotersHeardTest {
    private static final List<Integer> VOTERS = List.of(1, 2, 3);
    private static final long STEP_MS = 250;

    private long nowMs = 5000;

    private VotersHeard voters(int self, Integer... here) {
        return new VotersHeard(VOTERS, self, Set.of(here), nowMs);
    }

    /** @return the last review's answer */
    private boolean after(VotersHeard voters, long ms) {
        boolean majority = true;
        for (long end = nowMs + ms; nowMs < end; ) {
            nowMs += STEP_MS;
            majority = voters.review(nowMs);
        }
        return majority;
    }

    @Test
    void aLoneVoterIsAlwaysAMajority() {
        VotersHeard voters = new VotersHeard(List.of(1), 1, Set.of(), nowMs);
        assertTrue(after(voters, 60_000));
    }

    @Test
    void membersThatFallSilentAreWaitedForAWhile() {
        VotersHeard voters = voters(1, 1, 2, 3);
        assertTrue(after(voters, VotersHeard.SILENT_MS));
        assertFalse(after(voters, STEP_MS));
    }

    @Test
    void oneOtherVoterThatAnswersIsEnoughOfThree() {
        VotersHeard voters = voters(1, 1, 2, 3);
        for (int i = 0; i < 40; i++) {
            voters.heard(3);
            assertTrue(after(voters, VotersHeard.SILENT_MS));
        }
        assertFalse(after(voters, STEP_MS));
    }

    @Test
    void whoWasAwayBeforeIsGivenAMomentToAnswer() {
        VotersHeard voters = voters(1, 1);
        assertTrue(after(voters, VotersHeard.FIRST_MS - STEP_MS));
        assertFalse(after(voters, STEP_MS));
        voters = voters(1, 1);
        after(voters, VotersHeard.FIRST_MS - STEP_MS);
        voters.heard(2);
        assertTrue(after(voters, VotersHeard.SILENT_MS), "it has just come back");
    }

    @Test
    void aBrokerWithoutAVoteDoesNotCountItself() {
        VotersHeard voters = voters(4, 1, 2, 3);
        after(voters, STEP_MS);
        voters.heard(1);
        assertFalse(after(voters, VotersHeard.SILENT_MS));
        voters.heard(1);
        voters.heard(2);
        assertTrue(after(voters, STEP_MS));
    }

    /** Answers that came meanwhile have not been looked at. */
    @Test
    void timeInWhichThisProcessStoodStillDoesNotCount() {
        VotersHeard voters = voters(1, 1, 2, 3);
        nowMs += 60_000;
        assertTrue(voters.review(nowMs));
        voters.heard(2);
        assertTrue(after(voters, VotersHeard.SILENT_MS));
    }
}
