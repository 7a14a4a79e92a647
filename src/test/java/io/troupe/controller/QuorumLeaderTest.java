package io.troupe.controller;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.kafka.common.Uuid;
import org.junit.jupiter.api.Test;

/** A claim's way to leadership, where the simulation would not notice (SAFETY 2.1, 2.5, 2.9). */
class QuorumLeaderTest {
    private static final Epoch MINE = new Epoch(3, 1);

    private static Uuid disk(int voter) {
        return new Uuid(voter, voter);
    }

    private static Quorum.Promised promised(int voter, String clusterId) {
        return new Quorum.Promised(voter, MINE, Epoch.NONE, -1, disk(voter), true, clusterId);
    }

    private static QuorumLeader adopted() {
        QuorumLeader leader = new QuorumLeader(MINE, Set.of(1, 2, 3), Optional.empty());
        leader.receive(promised(1, null));
        leader.receive(promised(2, null));
        assertEquals(QuorumLeader.Phase.ADOPTED, leader.phase());
        return leader;
    }

    private static QuorumLeader leading() {
        QuorumLeader leader = adopted();
        leader.lead(new byte[1], Map.of(1, disk(1), 2, disk(2), 3, disk(3)));
        assertEquals(QuorumLeader.Phase.LEADING, leader.phase());
        return leader;
    }

    /** A slow voter gets the claim twice and answers both once another majority has made this one the leader. */
    @Test
    void aRepeatedClaimIsNoRival() {
        QuorumLeader leader = leading();
        leader.receive(promised(3, null));
        leader.receive(new Quorum.Rejected(3, MINE, MINE));
        assertEquals(QuorumLeader.Phase.LEADING, leader.phase());
    }

    @Test
    void aNewerPromiseDeposes() {
        QuorumLeader leader = leading();
        leader.receive(new Quorum.Rejected(3, MINE, new Epoch(3, 2)));
        assertEquals(QuorumLeader.Phase.DEPOSED, leader.phase());
        assertEquals(new Epoch(3, 2), leader.rival());
    }

    /** It claimed the same round before it was restarted, and cannot know what it did with it. */
    @Test
    void anEarlierIncarnationOfThisNodeIsARival() {
        QuorumLeader claim = new QuorumLeader(MINE, Set.of(1, 2, 3), Optional.empty());
        claim.receive(new Quorum.Rejected(2, MINE, MINE));
        assertEquals(QuorumLeader.Phase.DEPOSED, claim.phase());
        assertEquals(List.of(), claim.takeOutbox());
    }

    /** The adopted log tells that voter 2 has another disk by now: what the old one promised binds nobody. */
    @Test
    void thePromiseOfADiskThatWasReplacedIsVoid() {
        QuorumLeader leader = adopted();
        leader.lead(new byte[1], Map.of(1, disk(1), 2, disk(22), 3, disk(3)));
        assertEquals(QuorumLeader.Phase.DEPOSED, leader.phase());
        assertEquals(MINE, leader.rival());
    }

    /** 2.4: what an earlier leader appended may still be overruled, on however many voters it is, until an own entry follows it. */
    @Test
    void entriesOfAnEarlierEpochAreNotCommittedByCounting() {
        Epoch earlier = new Epoch(2, 2);
        QuorumLeader leader = new QuorumLeader(MINE, Set.of(1, 2, 3), Optional.empty());
        leader.receive(new Quorum.Promised(1, MINE, earlier, 1, disk(1), true, null));
        leader.receive(new Quorum.Promised(2, MINE, earlier, 1, disk(2), true, null));
        Quorum.Entry old = new Quorum.Entry(earlier, new byte[1]);
        leader.receive(new Quorum.LogSlice(1, MINE, 0, List.of(old, old), 1));
        leader.receive(new Quorum.LogSlice(2, MINE, 0, List.of(old, old), 1));
        leader.lead(new byte[1], Map.of(1, disk(1), 2, disk(2), 3, disk(3)));
        leader.receive(new Quorum.Acked(1, MINE, 1, 1, disk(1)));
        leader.receive(new Quorum.Acked(2, MINE, 2, 1, disk(2)));
        assertEquals(-1, leader.commitIndex());
        leader.receive(new Quorum.Acked(1, MINE, 3, 2, disk(1)));
        leader.receive(new Quorum.Acked(2, MINE, 4, 2, disk(2)));
        assertEquals(2, leader.commitIndex());
    }

    /** Clients are shown the round alone, and it is to rise with each controller; (3, 1) is greater than (3, 0) all the same. */
    @Test
    void aRoundInWhichAnotherHasLedIsClaimedNoMore() {
        Epoch other = new Epoch(3, 0);
        QuorumLeader claim = new QuorumLeader(MINE, Set.of(1, 2, 3), Optional.empty());
        claim.receive(promised(1, null));
        claim.receive(new Quorum.Promised(2, MINE, other, 4, disk(2), true, "c"));
        assertEquals(QuorumLeader.Phase.DEPOSED, claim.phase());
        assertEquals(other, claim.rival(), "the next claim goes above it");
    }

    @Test
    void acknowledgementsOfADiskThatIsNotAdmittedCommitNothing() {
        QuorumLeader leader = leading();
        leader.receive(new Quorum.Acked(1, MINE, 1, 0, disk(1)));
        leader.receive(new Quorum.Acked(2, MINE, 2, 0, disk(22)));
        assertEquals(-1, leader.commitIndex());
        leader.receive(new Quorum.Acked(3, MINE, 3, 0, disk(3)));
        assertEquals(0, leader.commitIndex());
        assertEquals(Map.of(2, disk(22)), leader.toAdmit(Map.of(1, disk(1), 2, disk(2), 3, disk(3))));
    }

    @Test
    void aDiskThatIsEmptiedUnderALeaderHasAcknowledgedNothing() {
        QuorumLeader leader = leading();
        leader.receive(new Quorum.Acked(2, MINE, 2, 0, disk(2)));
        leader.takeOutbox();
        leader.propose(List.of(new byte[2]));
        long sequence = leader.takeOutbox().stream()
                .filter(out -> out.voter() == 2)
                .map(out -> ((Quorum.Append) out.request()).sequence())
                .findFirst()
                .orElseThrow();
        leader.receive(new Quorum.Mismatched(2, MINE, sequence, 0, -1, disk(22)));
        assertEquals(-1, leader.matchedIndex(2));
        Quorum.Append again = (Quorum.Append) leader.takeOutbox().get(0).request();
        assertEquals(-1, again.prevIndex(), "from the beginning");
    }

    /** Until it knows, a next leader may not count it. */
    @Test
    void anAdmittedVoterHearsAtOnceThatThisIsCommitted() {
        QuorumLeader leader = leading();
        acknowledge(leader, 0);
        assertEquals(0, leader.commitIndex());
        assertEquals(List.of(), leader.takeOutbox());
        leader.admitted(3, disk(3));
        assertEquals(
                List.of(0L, 0L, 0L),
                leader.takeOutbox().stream()
                        .map(o -> ((Quorum.Append) o.request()).commitIndex())
                        .toList());
    }

    private static void acknowledge(QuorumLeader leader, long lastIndex) {
        for (var sent : leader.takeOutbox()) {
            if (sent.request() instanceof Quorum.Append append) {
                leader.receive(new Quorum.Acked(sent.voter(), MINE, append.sequence(), lastIndex, disk(sent.voter())));
            }
        }
    }

    @Test
    void votersOfDifferentClustersMakeNoQuorum() {
        QuorumLeader claim = new QuorumLeader(MINE, Set.of(1, 2, 3), Optional.empty());
        claim.receive(promised(1, "one"));
        claim.receive(promised(2, "another"));
        assertEquals(QuorumLeader.Phase.CLAIMING, claim.phase());
        assertTrue(claim.awaited().contains("different clusters: {1=one, 2=another}"), claim.awaited());
    }
}
