package io.troupe.partition;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.journal.JournalCommand;
import io.troupe.journal.LogReader.SegmentInfo;
import io.troupe.model.Refusal;
import io.troupe.partition.ReplicaActor.Assigned;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.protocol.Errors;
import org.junit.jupiter.api.Test;

/** Records that go: by DeleteRecords, by retention. */
class ReplicaDeletionTest extends ReplicaFixture {
    @Test
    void recordsAreDeletedUpToTheHighWatermarkAndEverybodySeesTheNewStart() throws Exception {
        elect(3);
        append("a", 1);
        append("b", 1);
        append("c", 1);
        assertAnswers("a@0", "b@1", "c@2");
        delete("x", 2);
        JournalCommand.AdvanceLogStart advance = journal.next(JournalCommand.AdvanceLogStart.class);
        assertEquals(2, advance.logStartOffset());
        assertFalse(advance.active(), "the active segment is retention's");
        assertAnswers("x:2");
        assertEquals(2, local.leader(PARTITION.topicId(), 0).view().logStartOffset());
        replica.tell(new Replica.Append(TestBatches.batch(1), (short) 1, -1, 100, false, new Replica.AppendReply() {
            @Override
            public void appended(long base, long last, long timeMs, long logStartOffset, int leaderEpoch) {
                answers.add("start " + logStartOffset);
            }

            @Override
            public void refused(Refusal refusal, long logStartOffset) {
                answers.add("refused");
            }
        }));
        assertAnswers("start 2");
        delete("below", 1);
        delete("all", -1);
        delete("beyond", 5);
        delete("negative", -2);
        // Refusals are at once, a deletion when it is durable.
        Set<String> got = new HashSet<>();
        for (int i = 0; i < 4; i++) {
            got.add(answers.poll(30, TimeUnit.SECONDS));
        }
        assertEquals(Set.of("below:2", "beyond!OFFSET_OUT_OF_RANGE", "negative!OFFSET_OUT_OF_RANGE", "all:4"), got);
    }

    @Test
    void recordsOfACompactedTopicAreNotDeleted() throws Exception {
        replica.tell(new Assigned(
                PARTITION, image(3, 3), TestBatches.config(-1, -1, "compact"), BROKER_EPOCH, settled.ref()));
        settled.receiveMessage();
        delete("x", 0);
        assertAnswers("x!POLICY_VIOLATION");
        replica.tell(new Assigned(
                PARTITION, image(3, 4), TestBatches.config(-1, -1, "compact", "delete"), BROKER_EPOCH, settled.ref()));
        delete("y", 0);
        assertAnswers("y:0");
    }

    @Test
    void aDeletionThatWaitsIsAnsweredWhenItsLeaderResigns() throws Exception {
        delete("follower", 0);
        assertAnswers("follower!NOT_LEADER_OR_FOLLOWER");
        elect(3);
        append("a", 1);
        assertAnswers("a@0");
        journal.refuseAdvance = Errors.KAFKA_STORAGE_ERROR;
        delete("failed", 1);
        assertAnswers("failed!KAFKA_STORAGE_ERROR");
        journal.next(JournalCommand.AdvanceLogStart.class);
        journal.holdAdvance = true;
        delete("waits", 1);
        JournalCommand.AdvanceLogStart late = journal.next(JournalCommand.AdvanceLogStart.class);
        elect(4);
        assertAnswers("waits!NOT_LEADER_OR_FOLLOWER");
        late.replyTo().tell(new JournalCommand.LogStartAdvanced(1, java.util.Optional.empty()));
        append("b", 1);
        assertAnswers("b@1");
        assertEquals(1, local.leader(PARTITION.topicId(), 0).view().logStartOffset());
    }

    @Test
    void retentionIsAppliedWithTheNewestConfig() throws Exception {
        elect(3);
        append("a", 1);
        assertAnswers("a@0");
        journal.segments = List.of(new SegmentInfo(0, 1, 100, 1_000));
        replica.tell(new ReplicaActor.ApplyRetention(2_000));
        replica.tell(new Assigned(
                PARTITION, image(3, 4), TestBatches.config(500, -1, "delete"), BROKER_EPOCH, settled.ref()));
        replica.tell(new ReplicaActor.ApplyRetention(1_500));
        replica.tell(new ReplicaActor.ApplyRetention(2_000));
        JournalCommand.AdvanceLogStart advance = journal.next(JournalCommand.AdvanceLogStart.class);
        assertEquals(1, advance.logStartOffset());
        assertTrue(advance.active());
        delete("x", 1);
        assertAnswers("x:1");
        assertTrue(journal.commands.stream()
                .noneMatch(c -> c instanceof JournalCommand.AdvanceLogStart another && another.active()));
    }

    private void delete(String name, long offset) {
        replica.tell(new Replica.DeleteRecords(offset, new Replica.DeleteReply() {
            @Override
            public void deleted(long logStartOffset) {
                answers.add(name + ":" + logStartOffset);
            }

            @Override
            public void refused(Refusal refusal) {
                answers.add(name + "!" + refusal.error());
            }
        }));
    }
}
