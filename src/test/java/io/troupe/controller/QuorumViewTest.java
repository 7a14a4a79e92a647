package io.troupe.controller;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.troupe.controller.ControllerReply.QuorumReplica;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.pekko.actor.testkit.typed.javadsl.TestInbox;
import org.junit.jupiter.api.Test;

/** When a voter was heard from and when it had everything (KIP-836): what a verdict on the quorum rests on. */
class QuorumViewTest {
    private final AtomicLong nowMs = new AtomicLong(1000);
    private final QuorumView view = new QuorumView(1, List.of(1, 2, 3), nowMs::get);
    private final Followers followers = new Followers();

    private QuorumReplica voter(int id) {
        QuorumLeader quorum = new QuorumLeader(new Epoch(1, 1), List.of(1, 2, 3), Optional.empty());
        return view.describe(quorum, followers).voters().stream()
                .filter(v -> v.nodeId() == id)
                .findFirst()
                .orElseThrow();
    }

    @Test
    void whoWasNeverHeardFromIsTold() {
        assertEquals(-1, voter(2).heardMs());
        assertEquals(-1, voter(2).caughtUpMs());
        assertEquals(1000, voter(1).heardMs(), "the leader itself");
    }

    @Test
    void aVoterHasEverythingWhenItHasTheLastEntry() {
        view.heard(2, 5, 5);
        nowMs.set(2000);
        view.heard(2, 5, 8);
        assertEquals(2000, voter(2).heardMs());
        assertEquals(1000, voter(2).caughtUpMs());
    }

    /** Else a voter under steady load would seem to fall behind: whenever it answers something new has been appended. */
    @Test
    void aVoterHadEverythingWhenItWasHeardBeforeIfItHasThatByNow() {
        view.heard(2, 3, 5);
        nowMs.set(2000);
        view.heard(2, 5, 9);
        assertEquals(1000, voter(2).caughtUpMs());
        nowMs.set(3000);
        view.heard(2, 9, 14);
        assertEquals(2000, voter(2).caughtUpMs());
        nowMs.set(4000);
        view.heard(2, 12, 20);
        assertEquals(2000, voter(2).caughtUpMs());
    }

    /** It registers, and counts as up, a moment before its voter is asked again. */
    @Test
    void aVoterWhoseNodeHasJustComeIsHeardFromAndNotBehindYet() {
        view.heard(3, 5, 5);
        followers.follow(3, -1, TestInbox.<Publication>create().getRef());
        long came = followers.cameMs().get(3);
        assertEquals(came, voter(3).heardMs());
        assertEquals(came, voter(3).caughtUpMs(), "it has its time to catch up");
    }
}
