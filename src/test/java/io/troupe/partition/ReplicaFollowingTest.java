package io.troupe.partition;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;

import io.troupe.controller.ControllerCommand;
import io.troupe.journal.JournalCommand;
import io.troupe.metadata.PartitionImage;
import io.troupe.record.BatchHeader;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.junit.jupiter.api.Test;

/** Replicas that follow, against a journal that the test holds in its hand. */
class ReplicaFollowingTest extends ReplicaFixture {
    /** Rule 1.11. */
    @Test
    void aLastKnownReplicaTellsHowLongItsLogIsUntilSomebodyLeads() throws Exception {
        journal.ends.put("replica-" + ID.entityId(), 5L);
        PartitionImage asks = new PartitionImage(
                0, List.of(1, 2), PartitionImage.NO_LEADER, 3, 3, List.of(), List.of(), List.of(1, 2));
        assign(asks);
        ControllerCommand.ReportLogs first =
                assertInstanceOf(ControllerCommand.ReportLogs.class, commands.poll(30, TimeUnit.SECONDS));
        ControllerCommand.LogReport log = first.logs().get(0);
        assertEquals(PARTITION.topicId(), log.topicId());
        assertEquals(3, log.leaderEpoch());
        assertEquals(5, log.logEndOffset());
        assertEquals(first, commands.poll(30, TimeUnit.SECONDS), "a new controller has not heard it yet");
        assign(image(4, 4));
        leadership.expectMessageClass(Leadership.Elected.class);
    }

    @Test
    void aFollowerTakesNoWrites() throws Exception {
        append("a", 1);
        replica.tell(new Replica.AwaitData(() -> answers.add("reader"), 0, false));
        assertAnswers("a!NOT_LEADER_OR_FOLLOWER", "reader");
        assign(new PartitionImage(0, List.of(1, 2), 2, 3, 3, List.of(1, 2), List.of(), List.of()));
        settled.receiveMessage();
        append("b", 1);
        assertAnswers("b!NOT_LEADER_OR_FOLLOWER");
        assertNull(local.leader(PARTITION.topicId(), 0));
    }

    /** KIP-392: never beyond the HW that it knows, in the epoch that it follows, until it leads or ends. */
    @Test
    void aFollowerIsReadToTheHighWatermarkThatItKnows() throws Exception {
        assign(new PartitionImage(0, List.of(1, 2), 2, 3, 3, List.of(1, 2), List.of(), List.of()));
        settled.receiveMessage();
        LocalReplicas.Follower follower = local.follower(PARTITION.topicId(), 0);
        replica.tell(new Replica.AwaitData(() -> answers.add("first"), 0, false));
        replica.tell(new Replica.AwaitData(() -> answers.add("second"), 2, false));
        TestProbe<FollowerLink.Command> link = kit.createTestProbe();
        ByteBuffer batch = TestBatches.batch(2);
        BatchHeader.stamp(batch, batch.position(), 0, 3);
        replica.tell(new ReplicaActor.Replicate(3, 0, batch, 0, 0, 7, batch.remaining(), link.ref()));
        link.receiveMessage();
        assertEquals(0, follower.view().highWatermark());
        assertEquals(2, follower.view().logEndOffset(), "before the leader is told");
        assertEquals(
                List.of(new JournalCommand.EpochStart(3, 0)), follower.view().epochs());
        assertEquals(0, answers.size());
        replica.tell(new ReplicaActor.Replicate(3, 2, ByteBuffer.allocate(0), 9, 0, 7, 0, link.ref()));
        assertAnswers("first");
        assertEquals(2, follower.view().highWatermark(), "of what the leader says only what is here");
        elect(4);
        assertAnswers("second");
        assertNull(local.follower(PARTITION.topicId(), 0));
    }

    @Test
    void aFollowerStoresWhatItsLeaderSendsTellsHowFarItHasComeAndLeadsOnFromThere() throws Exception {
        assign(new PartitionImage(0, List.of(1, 2), 2, 3, 3, List.of(1, 2), List.of(), List.of()));
        settled.receiveMessage();
        ReplicaLinks.Follow follow = links.expectMessageClass(ReplicaLinks.Follow.class);
        assertEquals(2, follow.leader());
        assertEquals(new FollowerLink.Follow(KEY, BROKER_EPOCH, 3, 0, -1, replica), follow.follow());
        TestProbe<FollowerLink.Command> link = kit.createTestProbe();
        ByteBuffer batch = TestBatches.batch(2);
        BatchHeader.stamp(batch, batch.position(), 0, 3);
        int size = batch.remaining();
        replica.tell(new ReplicaActor.Replicate(3, 0, batch, 0, 0, 7, size, link.ref()));
        link.expectMessage(new FollowerLink.At(KEY, 3, 2, 3, 7, size));
        replica.tell(new ReplicaActor.Replicate(2, 2, batch, 0, 0, 7, size, link.ref()));
        link.expectMessage(new FollowerLink.At(KEY, 3, 2, 3, 7, size));
        elect(4);
        links.expectMessage(new ReplicaLinks.Unfollow(2, new FollowerLink.Unfollow(KEY, replica)));
        assertEquals(2, journal.next(JournalCommand.StartEpoch.class).startOffset());
        replica.tell(new ReplicaActor.Replicate(3, 2, batch, 0, 0, 7, size, link.ref()));
        assertEquals(size, link.expectMessageClass(FollowerLink.At.class).credit(), "a leader takes nothing");
    }

    /** Rule 1.12. */
    @Test
    void aFollowerCutsItsLogAsItsLeaderAnswersAndAsksAgain() throws Exception {
        journal.ends.put("replica-" + ID.entityId(), 50L);
        assign(new PartitionImage(0, List.of(1, 2), 2, 3, 3, List.of(1, 2), List.of(), List.of()));
        assertEquals(
                50, links.expectMessageClass(ReplicaLinks.Follow.class).follow().offset());
        replica.tell(new ReplicaActor.Diverged(new LinkMessage.Divergence(KEY, 2, -1, 0, 0)));
        replica.tell(new ReplicaActor.Diverged(new LinkMessage.Divergence(KEY, 3, -1, 0, 0)));
        assertEquals(0, journal.next(JournalCommand.Truncate.class).endOffset());
        links.expectMessageClass(ReplicaLinks.Unfollow.class);
        assertEquals(
                0, links.expectMessageClass(ReplicaLinks.Follow.class).follow().offset());
        replica.tell(new ReplicaActor.Diverged(new LinkMessage.Divergence(KEY, 3, -1, 70, 70)));
        assertEquals(70, journal.next(JournalCommand.StartAt.class).startOffset());
        links.expectMessageClass(ReplicaLinks.Unfollow.class);
        assertEquals(
                70, links.expectMessageClass(ReplicaLinks.Follow.class).follow().offset());
    }
}
