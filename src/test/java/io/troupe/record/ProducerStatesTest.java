package io.troupe.record;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.troupe.record.ProducerStates.Check;
import java.nio.ByteBuffer;
import org.apache.kafka.common.protocol.Errors;
import org.junit.jupiter.api.Test;

/** KIP-98 and KIP-360: duplicate among the last five, then epoch, then sequence. */
class ProducerStatesTest {
    private static final long PID = 42;
    private static final short E0 = 0;
    private static final short E1 = 1;

    private final ProducerStates states = new ProducerStates();
    private long nextOffset = 100;

    @Test
    void anUnknownProducerMayStartAnywhere() {
        assertFresh(PID, E0, 1234, 1236);
        assertFresh(PID, E1, 0, 0);
    }

    @Test
    void batchesWithoutProducerLeaveNoTrace() {
        states.append(-1, (short) -1, -1, -1, 0, 9, 5);
        assertEquals(0, states.size());
        assertFresh(-1, (short) -1, -1, -1);
    }

    @Test
    void exactlyTheLastFiveBatchesAreRecognised() {
        for (int i = 0; i < 7; i++) {
            append(E0, i * 10, i * 10 + 9);
        }
        for (int i = 2; i < 7; i++) {
            assertEquals(
                    new Check.Duplicate(100 + i * 10, 109 + i * 10, 1000 + i * 10),
                    states.check(PID, E0, i * 10, i * 10 + 9));
        }
        assertRefused(Errors.OUT_OF_ORDER_SEQUENCE_NUMBER, E0, 10, 19);
        assertFresh(PID, E0, 70, 70);
    }

    @Test
    void aDuplicateIsTheExactRangeOnly() {
        append(E0, 0, 9);
        assertRefused(Errors.OUT_OF_ORDER_SEQUENCE_NUMBER, E0, 0, 8);
        assertRefused(Errors.OUT_OF_ORDER_SEQUENCE_NUMBER, E0, 1, 9);
        assertRefused(Errors.OUT_OF_ORDER_SEQUENCE_NUMBER, E0, 5, 14);
    }

    @Test
    void aGapIsRefusedAndTheNextSequenceTaken() {
        append(E0, 0, 4);
        assertRefused(Errors.OUT_OF_ORDER_SEQUENCE_NUMBER, E0, 6, 6);
        assertRefused(Errors.OUT_OF_ORDER_SEQUENCE_NUMBER, E0, 4, 4);
        assertFresh(PID, E0, 5, 5);
    }

    @Test
    void sequencesWrapFromTheGreatestIntToZero() {
        append(E0, Integer.MAX_VALUE - 1, Integer.MAX_VALUE);
        assertRefused(Errors.OUT_OF_ORDER_SEQUENCE_NUMBER, E0, 1, 1);
        assertFresh(PID, E0, 0, 3);
        append(E0, 0, 3);
        assertInstanceOf(Check.Duplicate.class, states.check(PID, E0, Integer.MAX_VALUE - 1, Integer.MAX_VALUE));
    }

    @Test
    void oneBatchMayWrapInItsMiddle() {
        append(E0, Integer.MAX_VALUE - 1, 2); // five records: MAX-1, MAX, 0, 1, 2
        assertEquals(new Check.Duplicate(100, 104, 1000), states.check(PID, E0, Integer.MAX_VALUE - 1, 2));
        assertFresh(PID, E0, 3, 3);
        assertRefused(Errors.OUT_OF_ORDER_SEQUENCE_NUMBER, E0, 0, 2);
    }

    @Test
    void anOlderEpochIsFencedEvenWithTheRightSequence() {
        append(E1, 0, 4);
        assertRefused(Errors.INVALID_PRODUCER_EPOCH, E0, 5, 5);
    }

    @Test
    void aNewEpochStartsAtZeroAndForgetsTheOldOnesBatches() {
        append(E0, 0, 4);
        assertRefused(Errors.OUT_OF_ORDER_SEQUENCE_NUMBER, E1, 5, 5);
        assertFresh(PID, E1, 0, 4);
        append(E1, 0, 4);
        assertRefused(Errors.INVALID_PRODUCER_EPOCH, E0, 0, 4);
        assertEquals(new Check.Duplicate(105, 109, 1005), states.check(PID, E1, 0, 4));
    }

    @Test
    void aBatchWithoutSequenceMovesTheEpochOnly() {
        append(E0, 0, 4);
        states.append(PID, E1, -1, -1, 105, 105, 7);
        assertRefused(Errors.INVALID_PRODUCER_EPOCH, E0, 5, 5);
        assertRefused(Errors.OUT_OF_ORDER_SEQUENCE_NUMBER, E1, 5, 5);
        assertFresh(PID, E1, 0, 0);
    }

    @Test
    void expiryCountsFromTheLastAppend() {
        states.append(1, E0, 0, 0, 0, 0, 1000);
        states.append(2, E0, 0, 0, 1, 1, 2000);
        states.expire(2999, 2000);
        assertEquals(2, states.size());
        states.expire(3000, 2000);
        assertEquals(1, states.size());
        assertFresh(1, E0, 77, 77);
        assertRefusedOf(2, Errors.OUT_OF_ORDER_SEQUENCE_NUMBER, E0, 77, 77);
    }

    @Test
    void aSnapshotRestoresToTheSameAnswers() {
        for (int i = 0; i < 6; i++) {
            append(E1, i, i);
        }
        states.append(7, E0, Integer.MAX_VALUE, 1, 500, 502, 9);
        states.append(8, E0, -1, -1, 503, 503, 9);
        ByteBuffer snapshot = states.snapshot();
        ProducerStates restored = ProducerStates.restore(snapshot);
        assertEquals(3, restored.size());
        for (int i = 0; i < 8; i++) {
            assertEquals(states.check(PID, E1, i, i), restored.check(PID, E1, i, i));
        }
        assertEquals(new Check.Duplicate(500, 502, 9), restored.check(7, E0, Integer.MAX_VALUE, 1));
        assertEquals(states.check(8, E0, 3, 3), restored.check(8, E0, 3, 3));
        assertEquals(0, ProducerStates.restore(new ProducerStates().snapshot()).size());
    }

    @Test
    void noDamagedSnapshotIsBelieved() {
        append(E0, 0, 4);
        append(E0, 5, 9);
        ByteBuffer good = states.snapshot();
        for (int i = 0; i < good.remaining(); i++) {
            ByteBuffer bad =
                    ByteBuffer.allocate(good.remaining()).put(good.duplicate()).flip();
            bad.put(i, (byte) (bad.get(i) ^ 1));
            assertThrows(IllegalArgumentException.class, () -> ProducerStates.restore(bad), "byte " + i);
            ByteBuffer cut = good.duplicate().limit(i);
            assertThrows(IllegalArgumentException.class, () -> ProducerStates.restore(cut), "cut at " + i);
        }
    }

    @Test
    void aCopyIsIndependent() {
        append(E0, 0, 4);
        ProducerStates copy = states.copy();
        append(E0, 5, 9);
        assertEquals(Check.Fresh.FRESH, copy.check(PID, E0, 5, 9));
        copy.expire(Long.MAX_VALUE, 0);
        assertEquals(0, copy.size());
        assertInstanceOf(Check.Duplicate.class, states.check(PID, E0, 0, 4));
    }

    private void append(short epoch, int baseSequence, int lastSequence) {
        int delta = (lastSequence - baseSequence) & Integer.MAX_VALUE;
        long timestampMs = 900 + nextOffset;
        states.append(PID, epoch, baseSequence, lastSequence, nextOffset, nextOffset + delta, timestampMs);
        nextOffset += delta + 1;
    }

    private void assertFresh(long pid, short epoch, int baseSequence, int lastSequence) {
        assertEquals(Check.Fresh.FRESH, states.check(pid, epoch, baseSequence, lastSequence));
    }

    private void assertRefused(Errors error, short epoch, int baseSequence, int lastSequence) {
        assertRefusedOf(PID, error, epoch, baseSequence, lastSequence);
    }

    private void assertRefusedOf(long pid, Errors error, short epoch, int baseSequence, int lastSequence) {
        Check.Refused refused =
                assertInstanceOf(Check.Refused.class, states.check(pid, epoch, baseSequence, lastSequence));
        assertEquals(error, refused.refusal().error());
    }
}
