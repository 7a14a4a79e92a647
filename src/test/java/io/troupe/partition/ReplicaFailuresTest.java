package io.troupe.partition;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.journal.JournalCommand;
import io.troupe.metadata.PartitionImage;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import org.apache.kafka.common.protocol.Errors;
import org.junit.jupiter.api.Test;

/** What fails under a replica: writes, log dirs, logs that cannot be opened, an actor of it. */
class ReplicaFailuresTest extends ReplicaFixture {
    @Test
    void aWriteThatFailsEndsTheLeadershipForThisEpoch() throws Exception {
        elect(3);
        leadership.expectMessageClass(Leadership.Elected.class);
        journal.hold = true;
        append("a", 1);
        StubJournal.Held held = journal.nextHeld();
        append("b", -1);
        replica.tell(new Replica.AwaitData(() -> answers.add("reader"), 0, false));
        replica.tell(new Replica.CancelWait(() -> {}));
        held.fail().accept(new IOException("disk full"));
        assertAnswers("a!KAFKA_STORAGE_ERROR", "b!KAFKA_STORAGE_ERROR", "reader");
        leadership.expectMessage(new Leadership.Resigned(PARTITION, 3));
        assertNull(local.leader(PARTITION.topicId(), 0));
        journal.next(JournalCommand.Close.class);
        assertTrue(settled.receiveMessage().failed(), "so that another is elected");
        journal.hold = false;
        assign(image(3, 4));
        settled.receiveMessage();
        append("c", 1);
        assertAnswers("c!NOT_LEADER_OR_FOLLOWER");
        elect(4);
        leadership.expectMessageClass(Leadership.Elected.class);
        append("d", 1);
        assertAnswers("d@0");
    }

    @Test
    void aFailedLogDirEndsLeadershipsThatHaveWrittenNothing() throws Exception {
        elect(3);
        leadership.expectMessageClass(Leadership.Elected.class);
        replica.tell(ReplicaActor.LogOffline.LOG_OFFLINE);
        leadership.expectMessage(new Leadership.Resigned(PARTITION, 3));
        journal.next(JournalCommand.Close.class);
        append("a", 1);
        assertAnswers("a!NOT_LEADER_OR_FOLLOWER");
        // Another leads: what has failed is not tried again.
        journal.commands.clear();
        assign(new PartitionImage(0, List.of(1, 2), 2, 4, 4, List.of(2), List.of(), List.of()).withOffline(List.of(1)));
        settled.receiveMessage();
        assertTrue(journal.commands.isEmpty(), journal.commands::toString);
    }

    @Test
    void anEntityThatCrashedDoesNotLeadTwiceInOneEpoch() throws Exception {
        elect(3);
        leadership.expectMessageClass(Leadership.Elected.class);
        kit.stop(replica);
        leadership.expectMessage(new Leadership.Resigned(PARTITION, 3));
        replica = kit.spawn(ReplicaActor.create(ID, settings));
        elect(3);
        append("a", 1);
        assertAnswers("a!NOT_LEADER_OR_FOLLOWER");
        elect(4);
        assertEquals(4, leadership.expectMessageClass(Leadership.Elected.class).leaderEpoch());
    }

    @Test
    void aLogThatCannotBeOpenedIsTriedAgainInTheSameEpoch() throws Exception {
        journal.refuseOpen = Errors.KAFKA_STORAGE_ERROR;
        elect(3);
        append("a", 1);
        assertAnswers("a!NOT_LEADER_OR_FOLLOWER");
        journal.refuseOpen = null;
        assertEquals(3, leadership.expectMessageClass(Leadership.Elected.class).leaderEpoch());
        append("b", 1);
        assertAnswers("b@0");
    }

    @Test
    void aDeletedPartitionWhoseLogCannotBeOpenedEnds() throws Exception {
        journal.refuseOpen = Errors.KAFKA_STORAGE_ERROR;
        elect(3);
        replica.tell(new ReplicaActor.Delete(PARTITION));
        journal.next(JournalCommand.Delete.class);
        kit.createTestProbe().expectTerminated(replica);
    }

    @Test
    void anEpochThatCannotBeRecordedLeavesThePartitionOffline() throws Exception {
        journal.refuseEpoch = Errors.KAFKA_STORAGE_ERROR;
        assign(image(4, 4));
        assertTrue(settled.receiveMessage().failed());
        assertFalse(settled.receiveMessage().failed(), "done what could be done");
        assertNull(local.leader(PARTITION.topicId(), 0));
        journal.next(JournalCommand.Close.class);
        leadership.expectNoMessage(Duration.ofMillis(50));
    }
}
