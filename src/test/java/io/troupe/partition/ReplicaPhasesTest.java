package io.troupe.partition;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.metadata.PartitionImage;
import io.troupe.model.ReplicaId;
import io.troupe.partition.ReplicaPhases.Phase;
import io.troupe.partition.ReplicaPhases.Step;
import java.util.List;
import org.apache.kafka.common.Uuid;
import org.junit.jupiter.api.Test;

class ReplicaPhasesTest {
    private static final ReplicaId ID = new ReplicaId(Uuid.randomUuid(), 0, 1);

    private final LeaderEpochClaims claims = new LeaderEpochClaims();
    private final ReplicaPhases phases = new ReplicaPhases(ID, claims);

    @Test
    void opensThenRecordsItsEpochThenLeads() {
        assertEquals(Step.OPEN, phases.assigned(image(1, 3, 3)));
        assertFalse(phases.settled());
        assertEquals(Step.START_EPOCH, phases.opened());
        assertEquals(3, phases.epoch());
        assertFalse(phases.settled());
        assertEquals(Step.LEAD, phases.epochStarted());
        assertTrue(phases.settled());
        assertEquals(Phase.LEADER, phases.phase());
    }

    @Test
    void aFollowerOpensItsLogAndFollowsWhoeverLeads() {
        assertEquals(Step.OPEN, phases.assigned(image(2, 3, 3)));
        assertEquals(Step.FOLLOW, phases.opened());
        assertTrue(phases.settled());
        assertEquals(Step.WAIT, phases.assigned(image(2, 4, 4)));
        assertEquals(Step.WAIT, phases.assigned(image(PartitionImage.NO_LEADER, 5, 5)));
        assertEquals(Phase.FOLLOWER, phases.phase());
    }

    @Test
    void nothingIsOpenedWhileNobodyLeads() {
        assertEquals(Step.WAIT, phases.assigned(image(PartitionImage.NO_LEADER, 3, 3)));
        assertTrue(phases.settled());
        assertEquals(Step.OPEN, phases.assigned(image(2, 4, 4)));
    }

    /** Rule 1.11. */
    @Test
    void aLogIsOpenedWithoutALeaderWhenItsLengthMayDecideWhoLeads() {
        PartitionImage asks = image(PartitionImage.NO_LEADER, 3, 3);
        assertEquals(Step.WAIT, phases.assigned(asks.withIsr(List.of(), List.of(), List.of(2, 3))));
        assertEquals(
                Step.OPEN,
                phases.assigned(
                        asks.withIsr(List.of(), List.of(), List.of(1, 2)).withPartitionEpoch(4)));
        assertEquals(Step.FOLLOW, phases.opened());
    }

    @Test
    void aFollowerThatIsElectedLooksAtItsLogAgainAndLeads() {
        follow(3);
        assertEquals(Step.RESIGN, phases.assigned(image(1, 4, 4)));
        assertFalse(phases.settled());
        assertEquals(Step.OPEN, phases.logGone());
        assertEquals(Step.START_EPOCH, phases.opened());
        assertEquals(4, phases.epoch());
        assertEquals(Step.LEAD, phases.epochStarted());
    }

    @Test
    void aLeaderThatIsReplacedFollows() {
        lead(3);
        assertEquals(Step.RESIGN, phases.assigned(image(2, 4, 4)));
        assertEquals(Step.OPEN, phases.logGone());
        assertEquals(Step.FOLLOW, phases.opened());
        assertTrue(phases.settled());
    }

    /** Rule 1.12. */
    @Test
    void aFollowerWhoseLogIsAnotherCutsItAndFollowsAgain() {
        follow(3);
        assertEquals(Step.RESIGN, phases.diverged());
        assertEquals(Step.CUT, phases.logGone());
        assertEquals(Step.WAIT, phases.assigned(image(2, 3, 4)));
        assertEquals(Step.OPEN, phases.cut());
        assertEquals(Step.FOLLOW, phases.opened());
    }

    /** Rule 1.12: what a leader of an older epoch has said is not carried out any more. */
    @Test
    void aNewEpochBeforeTheCutMakesItVoid() {
        follow(3);
        phases.diverged();
        phases.assigned(image(2, 4, 4));
        assertEquals(Step.OPEN, phases.logGone());
        assertEquals(Step.FOLLOW, phases.opened());
        phases.diverged();
        phases.assigned(image(1, 5, 5));
        assertEquals(Step.OPEN, phases.logGone());
        assertEquals(Step.START_EPOCH, phases.opened());
    }

    @Test
    void aCutThatFailsIsTriedAgainFromTheOpeningOn() {
        follow(3);
        phases.diverged();
        phases.logGone();
        assertEquals(Step.CLOSE, phases.cutRefused());
        assertEquals(Step.WAIT, phases.closed());
        assertEquals(Step.OPEN, phases.openAgain());
    }

    @Test
    void aFollowerWhoseLogFailsOpensItAgainAfterAPause() {
        follow(3);
        assertEquals(Step.CLOSE, phases.logFailed());
        assertEquals(Step.WAIT, phases.closed());
        assertEquals(Step.OPEN, phases.openAgain());
        assertEquals(Step.FOLLOW, phases.opened());
    }

    @Test
    void aFollowerThatStopsClosesItsLog() {
        follow(3);
        assertEquals(Step.RESIGN, phases.stop());
        assertEquals(Step.CLOSE, phases.logGone());
        assertEquals(Step.END, phases.closed());
    }

    @Test
    void aStateIsStaleWhenEitherEpochIsLower() {
        assertFalse(phases.isStale(image(1, 0, 0)), "nothing is known yet");
        phases.assigned(image(1, 3, 5));
        assertTrue(phases.isStale(image(1, 2, 6)));
        assertTrue(phases.isStale(image(1, 3, 4)));
        assertFalse(phases.isStale(image(1, 3, 5)));
        assertFalse(phases.isStale(image(2, 4, 6)));
    }

    @Test
    void aLeaderStaysWhileItsEpochDoes() {
        lead(3);
        assertEquals(Step.WAIT, phases.assigned(image(1, 3, 4)));
        assertEquals(Phase.LEADER, phases.phase());
    }

    @Test
    void aNewEpochIsLedOnlyAfterTheOldOneHasEnded() {
        lead(3);
        assertEquals(Step.RESIGN, phases.assigned(image(1, 4, 4)));
        assertFalse(phases.settled());
        assertEquals(Step.WAIT, phases.assigned(image(1, 5, 5)), "remembered");
        assertEquals(Step.OPEN, phases.logGone());
        assertEquals(Step.WAIT, phases.assigned(image(1, 6, 6)), "remembered");
        assertEquals(Step.START_EPOCH, phases.opened());
        assertEquals(6, phases.epoch());
    }

    @Test
    void anElectionLostWhileOpeningIsFollowed() {
        phases.assigned(image(1, 3, 3));
        assertEquals(Step.WAIT, phases.assigned(image(2, 4, 4)));
        assertEquals(Step.FOLLOW, phases.opened());
        assertTrue(phases.settled());
    }

    @Test
    void anElectionLostWhileItsEpochIsRecordedLooksAtTheLogAgain() {
        phases.assigned(image(1, 3, 3));
        phases.opened();
        assertEquals(Step.WAIT, phases.assigned(image(1, 4, 4)));
        assertEquals(Step.OPEN, phases.epochStarted());
        assertEquals(Step.START_EPOCH, phases.opened());
        assertEquals(4, phases.epoch());
    }

    @Test
    void anEpochThatCannotBeRecordedIsNotTriedAgain() {
        phases.assigned(image(1, 3, 3));
        phases.opened();
        assertEquals(Step.CLOSE, phases.epochRefused());
        assertEquals(Step.WAIT, phases.closed());
        assertEquals(Step.WAIT, phases.assigned(image(1, 3, 4)));
        assertEquals(Step.OPEN, phases.assigned(image(1, 4, 5)));
    }

    /** Rule 1.1: a leader that stops for any reason leads again only under a higher leader epoch. */
    @Test
    void aLogThatEndedUnaskedIsLedAgainOnlyInAHigherEpoch() {
        lead(3);
        assertEquals(Step.CLOSE, phases.logFailed());
        assertEquals(Step.WAIT, phases.closed());
        assertTrue(phases.settled());
        assertEquals(Step.WAIT, phases.assigned(image(1, 3, 4)));
        assertEquals(Step.OPEN, phases.assigned(image(1, 4, 5)));
    }

    /** Rule 1.1, when sharding runs two of one id, or one anew after a crash. */
    @Test
    void anotherEntityOfTheSameReplicaLeadsOnlyInAHigherEpoch() {
        lead(3);
        ReplicaPhases other = new ReplicaPhases(ID, claims);
        assertEquals(Step.WAIT, other.assigned(image(1, 3, 3)));
        assertEquals(Step.OPEN, other.assigned(image(1, 4, 4)));
    }

    @Test
    void aLogThatCannotBeOpenedIsTriedAgainInTheSameEpochButNotAtOnce() {
        phases.assigned(image(1, 3, 3));
        assertEquals(Step.WAIT, phases.openRefused());
        assertTrue(phases.settled());
        assertEquals(Step.WAIT, phases.assigned(image(1, 3, 4)), "not before the pause is over");
        assertEquals(Step.OPEN, phases.openAgain());
        phases.opened();
        assertEquals(3, phases.epoch());
    }

    @Test
    void stoppingWaitsForWhateverIsUnderWay() {
        phases.assigned(image(1, 3, 3));
        assertEquals(Step.WAIT, phases.stop());
        assertEquals(Step.CLOSE, phases.opened());
        assertEquals(Step.END, phases.closed());
    }

    @Test
    void aLeaderThatStopsResignsClosesAndEnds() {
        lead(3);
        assertEquals(Step.RESIGN, phases.stop());
        assertEquals(Step.WAIT, phases.stop(), "asked twice");
        assertEquals(Step.CLOSE, phases.logGone());
        assertEquals(Step.END, phases.closed());
    }

    @Test
    void deletionComesAfterTheCloseAndBeatsAStop() {
        lead(3);
        assertEquals(Step.RESIGN, phases.delete());
        assertEquals(Step.WAIT, phases.stop());
        assertEquals(Step.CLOSE, phases.logGone());
        assertEquals(Step.DELETE, phases.closed());
    }

    @Test
    void aDeletionEndsTheTriesToOpen() {
        phases.assigned(image(1, 3, 3));
        assertEquals(Step.WAIT, phases.delete());
        assertEquals(Step.DELETE, phases.openRefused());
    }

    @Test
    void aFailedLogDirEndsWhatIsOpenAndNothingIsTriedAgainOnceThatIsKnown() {
        lead(3);
        assertEquals(Step.RESIGN, phases.logOffline());
        assertEquals(Step.CLOSE, phases.logGone());
        assertEquals(Step.WAIT, phases.closed());
        assertEquals(Step.WAIT, phases.logOffline());
        assertEquals(Step.WAIT, phases.assigned(image(2, 4, 4).withOffline(List.of(1))));
        assertTrue(phases.settled());
        assertEquals(Step.OPEN, phases.assigned(image(2, 4, 5)), "the broker was registered anew");
        assertEquals(Step.FOLLOW, phases.opened());
        assertEquals(Step.RESIGN, phases.logOffline());
        assertEquals(Step.OPEN, phases.logGone());
        assertEquals(Step.WAIT, phases.openRefused());
    }

    @Test
    void whoWasNeverAssignedEndsAtOnce() {
        assertEquals(Step.END, phases.stop());
        assertEquals(Step.DELETE, new ReplicaPhases(ID, claims).delete());
    }

    private void lead(int leaderEpoch) {
        phases.assigned(image(1, leaderEpoch, leaderEpoch));
        phases.opened();
        assertEquals(Step.LEAD, phases.epochStarted());
    }

    private void follow(int leaderEpoch) {
        phases.assigned(image(2, leaderEpoch, leaderEpoch));
        assertEquals(Step.FOLLOW, phases.opened());
    }

    private static PartitionImage image(int leader, int leaderEpoch, int partitionEpoch) {
        return new PartitionImage(
                0, List.of(1, 2), leader, leaderEpoch, partitionEpoch, List.of(1, 2), List.of(), List.of());
    }
}
