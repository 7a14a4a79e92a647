package io.troupe.partition;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.journal.LogAppend;
import io.troupe.model.Refusal;
import io.troupe.partition.Replica.Append;
import io.troupe.record.BatchHeader;
import io.troupe.record.ProducerStates;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.common.protocol.Errors;
import org.junit.jupiter.api.Test;

/** SAFETY rules 1.5 to 1.7, KIP-98's duplicates, and the order of answers. */
class LeaderStateTest {
    private static final int EPOCH = 7;
    private static final long START = 100;

    private final List<String> answers = new ArrayList<>();
    private LeaderState state = leader(List.of(1), 1);

    @Test
    void batchesGetContiguousOffsetsAndTheEpoch() {
        ByteBuffer first = TestBatches.batch(3);
        ByteBuffer second = TestBatches.batch(2);
        admit("a", first, 1);
        admit("b", second, 1);
        assertEquals(100, BatchHeader.baseOffset(first, 0));
        assertEquals(103, BatchHeader.baseOffset(second, 0));
        assertEquals(EPOCH, BatchHeader.leaderEpoch(second, 0));
        LogAppend group = state.nextGroup(1 << 20);
        assertEquals(100, group.baseOffset());
        assertEquals(105, group.endOffset());
        assertEquals(first.remaining() + second.remaining(), group.sizeInBytes());
    }

    @Test
    void aBatchLargerThanASegmentIsRefusedAndOneAsLargeIsTaken() {
        int size = TestBatches.batch(3).remaining();
        state.segmentBytes(size - 1);
        admit("larger", TestBatches.batch(3), 1);
        assertEquals(List.of("larger!" + Errors.RECORD_LIST_TOO_LARGE), answers);
        assertNull(state.nextGroup(1 << 20), "nothing was written");
        state.segmentBytes(size);
        admit("fits", TestBatches.batch(3), 1);
        flush();
        assertEquals("fits@100", answers.get(1));
    }

    @Test
    void oneGroupIsInFlightAndGroupsAreBoundedInBytes() {
        int size = TestBatches.batch(1).remaining();
        for (int i = 0; i < 5; i++) {
            admit("" + i, TestBatches.batch(1), 1);
        }
        assertEquals(2, state.nextGroup(2 * size).buffers().size());
        assertNull(state.nextGroup(2 * size), "one in flight");
        persist(102);
        assertEquals(1, state.nextGroup(size - 1).buffers().size(), "a batch larger than the bound goes alone");
        persist(103);
        assertEquals(2, state.nextGroup(Integer.MAX_VALUE).buffers().size());
        persist(105);
        assertNull(state.nextGroup(1));
        assertEquals(List.of("0@100", "1@101", "2@102", "3@103", "4@104"), answers);
    }

    @Test
    void nobodyIsAnsweredBeforeTheDiskHasIt() {
        admit("all", TestBatches.batch(1), -1);
        admit("one", TestBatches.batch(1), 1);
        admit("none", TestBatches.batch(1), 0);
        assertEquals(List.of(), answers);
        flush();
        assertEquals(List.of("one@101", "none@102", "all@100"), answers);
    }

    @Test
    void rule6TheHighWatermarkIsTheLeastOfTheIsrAndNeverGoesBack() {
        state = leader(List.of(1, 2, 3), 2);
        admit("all", TestBatches.batch(10), -1);
        flush();
        assertEquals(START, state.highWatermark(), "followers are unknown");
        follower(2, 105);
        follower(3, 104);
        assertEquals(104, state.highWatermark());
        follower(3, 101);
        assertEquals(104, state.highWatermark());
        follower(3, 200);
        assertEquals(105, state.highWatermark());
        assertEquals(List.of(), answers);
        follower(2, 110);
        assertEquals(List.of("all@100"), answers);
    }

    @Test
    void rule7AnExpansionCountsAtOnceAShrinkOnlyWhenCommitted() {
        state = leader(List.of(1, 2), 1);
        admit("a", TestBatches.batch(10), -1);
        flush();
        state.isrProposed(List.of(1, 2, 3));
        follower(2, 110);
        assertEquals(START, state.highWatermark(), "3 is proposed and has not said where it stands");
        follower(3, 106);
        assertEquals(106, state.highWatermark());
        state.isrProposed(List.of(1));
        follower(3, 107);
        state.isrCommitted(List.of(1, 2), 1);
        assertEquals(110, state.highWatermark());
        admit("b", TestBatches.batch(1), -1);
        flush();
        state.isrProposed(List.of(1));
        state.followerAt(2, 110);
        assertEquals(110, state.highWatermark(), "the shrink is not committed");
        state.isrCommitted(List.of(1), 1);
        state.answerCovered();
        assertEquals(List.of("a@100", "b@110"), answers);
    }

    @Test
    void rule5TooFewInSyncRefusesBeforeAndAfterTheAppend() {
        state = leader(List.of(1, 2), 2);
        admit("before", TestBatches.batch(1), -1);
        flush();
        state.isrCommitted(List.of(1), 2);
        state.answerCovered();
        assertEquals(List.of("before!NOT_ENOUGH_REPLICAS_AFTER_APPEND"), answers);
        assertEquals(START, state.highWatermark(), "below min.insync.replicas the HW stands");
        answers.clear();
        admit("after", TestBatches.batch(1), -1);
        assertEquals(List.of("after!NOT_ENOUGH_REPLICAS"), answers);
        assertNull(state.nextGroup(1), "nothing was written");
        answers.clear();
        admit("one", TestBatches.batch(1), 1);
        flush();
        assertEquals(List.of("one@101"), answers);
    }

    @Test
    void aDuplicateInFlightWaitsAsTheOriginalDoes() {
        state = leader(List.of(1, 2), 1);
        admit("original", TestBatches.idempotent(9, 0, 0, 2), -1);
        admit("again", TestBatches.idempotent(9, 0, 0, 2), -1);
        admit("again1", TestBatches.idempotent(9, 0, 0, 2), 1);
        assertEquals(List.of(), answers, "not on disk yet");
        assertEquals(1, state.nextGroup(1 << 20).buffers().size(), "written once");
        persist(102);
        assertEquals(List.of("again1@100"), answers);
        follower(2, 102);
        assertEquals(List.of("again1@100", "original@100", "again@100"), answers);
        admit("late", TestBatches.idempotent(9, 0, 0, 2), -1);
        assertEquals("late@100", answers.get(3));
    }

    @Test
    void sequencesAreCheckedAgainstBatchesInFlight() {
        admit("a", TestBatches.idempotent(9, 0, 0, 2), 1);
        admit("gap", TestBatches.idempotent(9, 0, 3, 1), 1);
        admit("b", TestBatches.idempotent(9, 0, 2, 1), 1);
        assertEquals(List.of("gap!OUT_OF_ORDER_SEQUENCE_NUMBER"), answers);
        flush();
        assertEquals(List.of("gap!OUT_OF_ORDER_SEQUENCE_NUMBER", "a@100", "b@102"), answers);
    }

    @Test
    void theFirstBatchOfAPartitionIsNotOneWhosePredecessorWasRefused() {
        state = new LeaderState(1, EPOCH, List.of(1), 1, 0, 0, 0, new ProducerStates());
        admit("second", TestBatches.idempotent(9, 0, 3, 1), 1);
        admit("first", TestBatches.idempotent(9, 0, 0, 3), 1);
        admit("second again", TestBatches.idempotent(9, 0, 3, 1), 1);
        flush();
        assertEquals(List.of("second!OUT_OF_ORDER_SEQUENCE_NUMBER", "first@0", "second again@3"), answers);
    }

    @Test
    void rule16AWriteBoundToAnotherEpochIsFenced() {
        state.admit(append("old", TestBatches.batch(1), -1, EPOCH - 1, 1000), 0);
        state.admit(append("new", TestBatches.batch(1), -1, EPOCH + 1, 1000), 0);
        state.admit(append("mine", TestBatches.batch(1), -1, EPOCH, 1000), 0);
        flush();
        assertEquals(List.of("old!FENCED_LEADER_EPOCH", "new!FENCED_LEADER_EPOCH", "mine@100"), answers);
    }

    @Test
    void timeIsUpForEachByItself() {
        state = leader(List.of(1, 2), 1);
        state.admit(append("long", TestBatches.batch(1), -1, -1, 500), 0);
        state.admit(append("short", TestBatches.batch(1), -1, -1, 100), 0);
        flush();
        assertEquals(100, state.nextDeadlineMs());
        state.expire(99);
        assertEquals(List.of(), answers);
        state.expire(100);
        assertEquals(List.of("short!REQUEST_TIMED_OUT"), answers);
        assertEquals(500, state.nextDeadlineMs());
        follower(2, 102);
        assertEquals(List.of("short!REQUEST_TIMED_OUT", "long@100"), answers);
        state.expire(1000);
        assertEquals(2, answers.size(), "answered once");
    }

    @Test
    void aWaiterIsCalledOnceAndNeverLost() {
        int[] calls = new int[2];
        Replica.Waiter first = () -> calls[0]++;
        Replica.Waiter second = () -> calls[1]++;
        state.await(new Replica.AwaitData(first, 99, false));
        assertEquals(1, calls[0], "there is data already");
        state.await(new Replica.AwaitData(first, 100, false));
        state.await(new Replica.AwaitData(second, 101, false));
        admit("a", TestBatches.batch(1), 1);
        flush();
        assertEquals(2, calls[0]);
        assertEquals(0, calls[1]);
        state.await(new Replica.AwaitData(first, 101, false));
        state.cancel(first);
        admit("b", TestBatches.batch(1), 1);
        flush();
        assertEquals(2, calls[0], "cancelled");
        assertEquals(1, calls[1]);
    }

    @Test
    void resigningAnswersEverybodyOnceWhateverTheyDo() {
        int[] calls = new int[1];
        state.await(new Replica.AwaitData(
                () -> {
                    calls[0]++;
                    throw new IllegalStateException("a bad waiter");
                },
                500,
                false));
        admit("one", TestBatches.batch(1), 1);
        state.nextGroup(1);
        admit("all", TestBatches.batch(1), -1);
        state.resign(Refusal.of(Errors.NOT_LEADER_OR_FOLLOWER));
        state.resign(Refusal.of(Errors.NOT_LEADER_OR_FOLLOWER));
        assertEquals(List.of("one!NOT_LEADER_OR_FOLLOWER", "all!NOT_LEADER_OR_FOLLOWER"), answers);
        assertEquals(1, calls[0]);
    }

    /** They may be with the next leader already: a writer without a producer id must not send them again. */
    @Test
    void resigningTellsThoseWhoWaitThatTheirsMayBeWritten() {
        List<Refusal> told = new ArrayList<>();
        Replica.AppendReply reply = new Replica.AppendReply() {
            @Override
            public void appended(long baseOffset, long lastOffset, long timeMs, long logStartOffset, int leaderEpoch) {
                throw new AssertionError("it has resigned");
            }

            @Override
            public void refused(Refusal refusal, long logStartOffset) {
                told.add(refusal);
            }
        };
        state.admit(new Append(TestBatches.batch(1), (short) -1, -1, 1000, false, reply), 0);
        state.resign(Refusal.of(Errors.NOT_LEADER_OR_FOLLOWER));
        LeaderState.refuseNotLeader(new Append(TestBatches.batch(1), (short) -1, -1, 1000, false, reply));
        assertEquals(List.of(Refusal.mayBeWritten(), Refusal.of(Errors.NOT_LEADER_OR_FOLLOWER)), told);
    }

    @Test
    void rule4TheEpochsStartIsCommittedOnlyByTheIsr() {
        state = leader(List.of(1, 2), 1);
        assertFalse(
                new LeaderState(1, EPOCH, List.of(1, 2), 1, 0, 50, 100, new ProducerStates()).epochStartCommitted());
        state = new LeaderState(1, EPOCH, List.of(1, 2), 1, 0, 50, 100, new ProducerStates());
        follower(2, 99);
        assertFalse(state.epochStartCommitted());
        follower(2, 100);
        assertTrue(state.epochStartCommitted());
        assertTrue(new LeaderState(1, EPOCH, List.of(1), 1, 0, 50, 100, new ProducerStates()).epochStartCommitted());
    }

    private static LeaderState leader(List<Integer> isr, int minInsync) {
        return new LeaderState(1, EPOCH, isr, minInsync, 0, START, START, new ProducerStates());
    }

    private void admit(String name, ByteBuffer batch, int acks) {
        state.admit(append(name, batch, acks, -1, 1000), 0);
    }

    private Append append(String name, ByteBuffer batch, int acks, int epoch, int timeoutMs) {
        return new Append(batch, (short) acks, epoch, timeoutMs, false, new Replica.AppendReply() {
            @Override
            public void appended(long baseOffset, long lastOffset, long timeMs, long logStartOffset, int leaderEpoch) {
                answers.add(name + "@" + baseOffset);
            }

            @Override
            public void refused(Refusal refusal, long logStartOffset) {
                answers.add(name + "!" + refusal.error());
            }
        });
    }

    private void flush() {
        persist(state.nextGroup(1 << 20).endOffset());
    }

    private void persist(long endOffset) {
        state.persisted(endOffset);
        state.answerPersisted();
        state.answerCovered();
    }

    private void follower(int id, long endOffset) {
        state.followerAt(id, endOffset);
        state.answerCovered();
    }
}
