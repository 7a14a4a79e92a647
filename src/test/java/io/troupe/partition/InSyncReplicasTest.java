package io.troupe.partition;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.metadata.PartitionImage;
import io.troupe.partition.InSyncReplicas.Proposal;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Rules 1.7 and 1.8. Broker 1 leads; a follower's BE is ten times its id. */
class InSyncReplicasTest {
    private static final long LAG_MS = 1_000;
    private static final long EPOCH_START = 100;

    private final Set<Integer> ineligible = new HashSet<>();
    private final InSyncReplicas.Brokers brokers = new InSyncReplicas.Brokers() {
        @Override
        public boolean mayJoin(int brokerId, long brokerEpoch) {
            return brokerEpoch == brokerId * 10L && !ineligible.contains(brokerId);
        }

        @Override
        public long brokerEpoch(int brokerId) {
            return brokerId * 10L;
        }
    };

    @Test
    void whoHasAllNeverLagsHoweverLongNothingIsWritten() {
        InSyncReplicas isr = leader(1, 2, 3);
        isr.followerAt(2, 20, 100, 100, 5);
        isr.followerAt(3, 30, 100, 100, 5);
        assertEquals(Long.MAX_VALUE, isr.nextDeadlineMs());
        assertEquals(Optional.empty(), propose(isr, 100, 1_000_000));
    }

    @Test
    void whoDoesNotComeToTheEndOfThenInTimeIsLeftOut() {
        InSyncReplicas isr = leader(1, 2, 3);
        isr.followerAt(2, 20, 100, 100, 0);
        isr.followerAt(3, 30, 100, 100, 0);
        isr.appended(110, 50);
        isr.appended(120, 60);
        isr.followerAt(2, 20, 110, 120, 900);
        isr.followerAt(3, 30, 105, 120, 900);
        assertEquals(50 + LAG_MS, isr.nextDeadlineMs());
        assertEquals(Optional.empty(), propose(isr, 100, 1_049));
        assertEquals(List.of(1, 2), propose(isr, 100, 1_050).orElseThrow().isr());
    }

    @Test
    void whoWasNeverHeardFromInThisEpochIsLeftOutInTime() {
        InSyncReplicas isr = leader(1, 2);
        assertEquals(LAG_MS, isr.nextDeadlineMs());
        assertEquals(List.of(1), propose(isr, 0, LAG_MS).orElseThrow().isr());
    }

    /** Rule 1.8. */
    @Test
    void onlyWhoReachedBothTheHighWatermarkAndTheEpochsStartMayJoin() {
        InSyncReplicas isr = leader(1);
        isr.followerAt(2, 20, 99, 130, 10);
        assertEquals(Optional.empty(), propose(isr, 50, 10), "below the epoch's start");
        isr.followerAt(2, 20, 119, 130, 10);
        assertEquals(Optional.empty(), propose(isr, 120, 10), "below the high watermark");
        isr.followerAt(2, 20, 120, 130, 10);
        Proposal proposal = propose(isr, 120, 10).orElseThrow();
        assertEquals(List.of(1, 2), proposal.isr());
        assertEquals(List.of(10L, 20L), proposal.brokerEpochs());
    }

    /** Rule 1.8: nor who told it in another broker epoch. */
    @Test
    void whoIsFencedOrOfAnOlderBrokerEpochMayNotJoin() {
        InSyncReplicas isr = leader(1);
        isr.followerAt(2, 19, 200, 200, 10);
        ineligible.add(3);
        isr.followerAt(3, 30, 200, 200, 10);
        assertEquals(Optional.empty(), propose(isr, 200, 10));
        isr.followerAt(2, 20, 200, 200, 10);
        assertEquals(List.of(1, 2), propose(isr, 200, 10).orElseThrow().isr());
    }

    /** Unfencing a broker is no change of the partition, and who has all tells nothing until there is more. */
    @Test
    void whoIsUnfencedLaterJoinsAlthoughNothingIsWritten() {
        InSyncReplicas isr = leader(1);
        ineligible.add(2);
        isr.followerAt(2, 20, 200, 200, 10);
        assertEquals(Optional.empty(), propose(isr, 200, 10));
        assertEquals(510, isr.nextDeadlineMs());
        assertEquals(Optional.empty(), propose(isr, 200, 510));
        ineligible.clear();
        assertEquals(1_010, isr.nextDeadlineMs());
        assertEquals(List.of(1, 2), propose(isr, 200, 1_010).orElseThrow().isr());
        assertEquals(Long.MAX_VALUE, isr.nextDeadlineMs());
    }

    /** Rule 1.7. */
    @Test
    void oneProposalIsUnderWayUntilCommittedMetadataAnswersIt() {
        InSyncReplicas isr = leader(1);
        isr.followerAt(2, 20, 200, 200, 10);
        Proposal proposal = propose(isr, 200, 10).orElseThrow();
        isr.followerAt(3, 30, 200, 200, 10);
        assertEquals(Optional.empty(), propose(isr, 200, 10));
        assertFalse(isr.committed(image(5, 1), 200, 10), "another config, the same partition epoch");
        assertEquals(proposal, isr.proposed());
        assertTrue(isr.committed(image(6, 1, 2), 200, 10));
        assertEquals(List.of(1, 2, 3), propose(isr, 200, 10).orElseThrow().isr());
    }

    @Test
    void afterARefusalThereIsAPause() {
        InSyncReplicas isr = leader(1);
        isr.followerAt(2, 20, 200, 200, 10);
        propose(isr, 200, 10);
        isr.refused(10);
        assertEquals(Optional.empty(), propose(isr, 200, 509));
        assertEquals(510, isr.nextDeadlineMs());
        assertEquals(List.of(1, 2), propose(isr, 200, 510).orElseThrow().isr());
    }

    @Test
    void whoWasLeftOutForLaggingComesBackOnlyWhenItKeepsUp() {
        InSyncReplicas isr = leader(1, 2);
        isr.followerAt(2, 20, 150, 200, 0);
        assertEquals(List.of(1), propose(isr, 150, LAG_MS).orElseThrow().isr());
        isr.committed(image(6, 1), 200, LAG_MS);
        assertEquals(Optional.empty(), propose(isr, 150, LAG_MS), "it stands where it stood");
        isr.followerAt(2, 20, 200, 200, LAG_MS + 1);
        assertEquals(List.of(1, 2), propose(isr, 150, LAG_MS + 1).orElseThrow().isr());
    }

    @Test
    void itTellsHowFarEachFollowerHasComeAndForHowLongItIsBehind() {
        InSyncReplicas isr = leader(1, 2);
        isr.appended(130, 5);
        isr.followerAt(2, 20, 130, 130, 20);
        assertEquals(
                List.of(new Replica.FollowerStanding(2, 130, 0), new Replica.FollowerStanding(3, -1, 50)),
                isr.standings(50));
        isr.appended(140, 60);
        isr.followerAt(2, 20, 135, 140, 70);
        assertEquals(new Replica.FollowerStanding(2, 135, 20), isr.standings(80).get(0));
    }

    private InSyncReplicas leader(Integer... isr) {
        return new InSyncReplicas(1, image(5, isr), LAG_MS, brokers, EPOCH_START, 0);
    }

    private static Optional<Proposal> propose(InSyncReplicas isr, long highWatermark, long nowMs) {
        return isr.propose(highWatermark, EPOCH_START, nowMs);
    }

    private static PartitionImage image(int partitionEpoch, Integer... isr) {
        return new PartitionImage(0, List.of(1, 2, 3), 1, 4, partitionEpoch, List.of(isr), List.of(), List.of());
    }
}
