package io.troupe.partition;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.controller.ControllerCommand;
import io.troupe.controller.ControllerReply;
import io.troupe.journal.JournalCommand;
import io.troupe.metadata.BrokerImage;
import io.troupe.metadata.MetadataEvent;
import io.troupe.metadata.MetadataImage;
import io.troupe.metadata.PartitionImage;
import io.troupe.model.Refusal;
import io.troupe.partition.ReplicaActor.Assigned;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.protocol.Errors;
import org.apache.pekko.actor.ActorIdentity;
import org.apache.pekko.actor.Identify;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.junit.jupiter.api.Test;

/** The Replica's actor, leading, opening and ending, against a journal that the test holds in its hand. */
class ReplicaActorTest extends ReplicaFixture {
    @Test
    void leadsOnlyAfterItsEpochIsOnDiskAndSaysSo() throws Exception {
        journal.ends.put("replica-" + ID.entityId(), 5L);
        elect(3);
        JournalCommand.StartEpoch start = journal.next(JournalCommand.StartEpoch.class);
        assertEquals(3, start.leaderEpoch());
        assertEquals(5, start.startOffset());
        Leadership.Elected elected = leadership.expectMessageClass(Leadership.Elected.class);
        assertEquals(5, elected.epochStartOffset());
        assertSame(elected.leader(), local.leader(PARTITION.topicId(), 0));
        assertEquals(5, elected.leader().view().highWatermark());
        append("a", -1);
        assertAnswers("a@5");
        assertEquals(6, elected.leader().view().highWatermark());
    }

    @Test
    void appendsThatArriveDuringAPersistBecomeOneGroup() throws Exception {
        journal.hold = true;
        elect(3);
        append("a", 1);
        StubJournal.Held first = journal.nextHeld();
        append("b", 1);
        append("c", -1);
        append("d", 0);
        replica.tell(new Replica.AwaitData(() -> answers.add("reader"), 0, false));
        first.complete().run();
        StubJournal.Held second = journal.nextHeld();
        assertEquals(3, second.append().buffers().size());
        assertEquals(1, second.append().baseOffset());
        assertAnswers("a@0", "reader");
        second.complete().run();
        assertAnswers("b@1", "d@3", "c@2");
    }

    @Test
    void anIdleLeaderHasNoLogActorAndItsFirstWriteStartsIt() throws Exception {
        elect(3);
        leadership.expectMessageClass(Leadership.Elected.class);
        assertFalse(hasLogActor(0));
        append("a", 1);
        append("b", 1);
        assertAnswers("a@0", "b@1");
        assertTrue(hasLogActor(0));
        elect(4);
        leadership.expectMessage(new Leadership.Resigned(PARTITION, 3));
        leadership.expectMessageClass(Leadership.Elected.class);
        assertFalse(hasLogActor(0) || hasLogActor(1));
        elect(5);
        leadership.expectMessage(new Leadership.Resigned(PARTITION, 4));
        leadership.expectMessageClass(Leadership.Elected.class);
        append("c", -1);
        assertAnswers("c@2");
    }

    /** Rules 1.6, 1.7: an expansion counts when it is proposed, and is proposed again when its answer is lost. */
    @Test
    void aLeaderProposesWhoHasCaughtUpAndWaitsForIt() throws Exception {
        metadata.publish(MetadataImage.empty()
                .apply(0, new MetadataEvent.ControllerElected(1, 1, "cluster"))
                .apply(1, new MetadataEvent.BrokerRegistered(broker(1), true))
                .apply(2, new MetadataEvent.BrokerRegistered(broker(2), true))
                .apply(3, new MetadataEvent.BrokerFencingChanged(2, 2, false, false)));
        assign(new PartitionImage(0, List.of(1, 2), 1, 3, 3, List.of(1), List.of(), List.of()));
        settled.receiveMessage();
        links.expectMessageClass(ReplicaLinks.Leads.class);
        TestProbe<LeaderLink.Command> link = kit.createTestProbe();
        long epoch = metadata.current().broker(2).orElseThrow().brokerEpoch();
        replica.tell(new ReplicaActor.FollowerAt(2, epoch, 3, 0, link.ref()));
        link.expectMessage(new LeaderLink.Moved(KEY));
        ControllerCommand.AlterPartition proposal =
                (ControllerCommand.AlterPartition) commands.poll(30, TimeUnit.SECONDS);
        assertEquals(List.of(1, 2), proposal.isr());
        assertEquals(3, proposal.partitionEpoch());
        append("a", -1, 60_000);
        assertEquals(
                1, link.expectMessageClass(LeaderLink.Appended.class).group().endOffset());
        replies.poll(30, TimeUnit.SECONDS).complete(new ControllerReply.Refused(Refusal.of(Errors.REQUEST_TIMED_OUT)));
        assertEquals(proposal, commands.poll(30, TimeUnit.SECONDS));
        assertTrue(answers.isEmpty(), "the proposed member has not got it yet");
        replica.tell(new ReplicaActor.FollowerAt(2, epoch, 2, 1, link.ref()));
        replica.tell(new ReplicaActor.FollowerAt(2, epoch, 3, 1, link.ref()));
        assertAnswers("a@0");
    }

    /** A reassignment adds replicas in the same leader epoch; the link to such a broker may not exist, or have heard of it too early. */
    @Test
    void aLeaderTellsItsLinksOfReplicasThatAreAdded() throws Exception {
        assign(image(3, 3));
        settled.receiveMessage();
        links.expectNoMessage(Duration.ofMillis(50));
        assign(new PartitionImage(
                0, List.of(1, 2, 3), 1, 3, 4, List.of(1), List.of(), List.of(), List.of(2, 3), List.of(), List.of()));
        links.expectMessage(new ReplicaLinks.Leads(KEY, List.of(2, 3)));
        assign(new PartitionImage(
                0,
                List.of(1, 2, 3),
                1,
                3,
                5,
                List.of(1, 2),
                List.of(),
                List.of(),
                List.of(2, 3),
                List.of(),
                List.of()));
        links.expectNoMessage(Duration.ofMillis(50));
    }

    @Test
    void aNewEpochResignsTheOldOneAndOpensAnew() throws Exception {
        elect(3);
        leadership.expectMessageClass(Leadership.Elected.class);
        journal.hold = true;
        append("a", 1);
        StubJournal.Held held = journal.nextHeld();
        replica.tell(new Assigned(PARTITION, image(5, 5), TestBatches.config(1), BROKER_EPOCH, settled.ref()));
        leadership.expectMessage(new Leadership.Resigned(PARTITION, 3));
        assertAnswers("a!NOT_LEADER_OR_FOLLOWER");
        held.complete().run();
        Leadership.Elected elected = leadership.expectMessageClass(Leadership.Elected.class);
        assertEquals(5, elected.leaderEpoch());
        replica.tell(new Assigned(PARTITION, image(3, 3), TestBatches.config(1), BROKER_EPOCH, settled.ref()));
        append("b", 1);
        journal.nextHeld().complete().run();
        assertInstanceOf(String.class, answers.poll(30, TimeUnit.SECONDS));
        assertSame(elected.leader(), local.leader(PARTITION.topicId(), 0), "older metadata changes nothing");
    }

    @Test
    void acksAllTimesOutWhileTheIsrLagsAndTheBatchStays() throws Exception {
        assign(new PartitionImage(0, List.of(1, 2), 1, 3, 3, List.of(1, 2), List.of(), List.of()));
        settled.receiveMessage();
        append("a", -1, 20);
        assertAnswers("a!REQUEST_TIMED_OUT");
        append("b", -1, 60_000);
        assign(new PartitionImage(0, List.of(1, 2), 1, 3, 4, List.of(1), List.of(), List.of()));
        assertAnswers("b@1");
    }

    @Test
    void stoppingRemembersTheHighWatermarkThenClosesThenAnswers() throws Exception {
        elect(3);
        append("a", 1);
        assertAnswers("a@0");
        assertEquals(
                1, journal.next(JournalCommand.CheckpointHighWatermark.class).highWatermark());
        TestProbe<ReplicaActor.Stopped> stopped = kit.createTestProbe();
        replica.tell(new ReplicaActor.Stop(stopped.ref()));
        journal.next(JournalCommand.Close.class);
        stopped.expectMessage(new ReplicaActor.Stopped(ID));
        stopped.expectTerminated(replica);
    }

    @Test
    void aDeletedPartitionIsClosedBeforeItIsDeleted() throws Exception {
        elect(3);
        settledLeader();
        replica.tell(new ReplicaActor.Delete(PARTITION));
        journal.next(JournalCommand.Close.class);
        assertEquals(PARTITION, journal.next(JournalCommand.Delete.class).partition());
        kit.createTestProbe().expectTerminated(replica);
    }

    /** A handler that found the leader just before is late; LocalReplicas takes no lock. */
    @Test
    void aReplicaThatHasEndedStillAnswers() throws Exception {
        kit.spawn(LostRequests.create());
        elect(3);
        replica.tell(new ReplicaActor.Delete(PARTITION));
        kit.createTestProbe().expectTerminated(replica);
        // The subscription is asynchronous, so ask until it is there; each is answered at most once.
        String answer = null;
        for (int i = 0; i < 300 && answer == null; i++) {
            append("a", 1);
            answer = answers.poll(100, TimeUnit.MILLISECONDS);
        }
        assertEquals("a!NOT_LEADER_OR_FOLLOWER", answer);
        replica.tell(new Replica.AwaitData(() -> answers.add("reader"), 0, false));
        // On a slow machine more than one was sent before the first answer came.
        do {
            answer = answers.poll(30, TimeUnit.SECONDS);
        } while ("a!NOT_LEADER_OR_FOLLOWER".equals(answer));
        assertEquals("reader", answer);
    }

    @Test
    void aChangedConfigReachesTheJournal() throws Exception {
        elect(3);
        replica.tell(new Assigned(PARTITION, image(3, 3), TestBatches.config(2), BROKER_EPOCH, settled.ref()));
        assertEquals(2, journal.next(JournalCommand.Reconfigure.class).config().minInsyncReplicas());
    }

    @Test
    void aConfigThatChangesWhileTheLogOpensReachesTheJournal() throws Exception {
        journal.holdOpen = true;
        assign(image(3, 3));
        Runnable answer = journal.heldOpens.poll(30, TimeUnit.SECONDS);
        assertNotNull(answer, "the log is not opened");
        replica.tell(new Assigned(PARTITION, image(3, 3), TestBatches.config(2), BROKER_EPOCH, settled.ref()));
        // It has taken the new state when it answers this.
        replica.tell(new Replica.AwaitData(() -> answers.add("reader"), 0, false));
        assertAnswers("reader");
        answer.run();
        assertEquals(2, journal.next(JournalCommand.Reconfigure.class).config().minInsyncReplicas());
    }

    /** Of this replica's life. */
    private boolean hasLogActor(int number) {
        TestProbe<Object> probe = kit.createTestProbe();
        classic.actorSelection(replica.path().child("log-" + number))
                .tell(new Identify(number), Adapter.toClassic(probe.ref()));
        return probe.expectMessageClass(ActorIdentity.class).getActorRef().isPresent();
    }

    private static BrokerImage broker(int id) {
        return new BrokerImage(id, -1, List.of(), Optional.empty(), true, false);
    }

    private void settledLeader() {
        assertNotNull(local.leader(PARTITION.topicId(), 0));
    }
}
