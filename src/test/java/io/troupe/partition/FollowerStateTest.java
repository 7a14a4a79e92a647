package io.troupe.partition;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.journal.JournalCommand.EpochStart;
import io.troupe.journal.LogAppend;
import io.troupe.partition.FollowerState.Cut;
import io.troupe.partition.FollowerState.Taken;
import io.troupe.partition.LinkMessage.Divergence;
import io.troupe.record.BatchHeader;
import java.nio.ByteBuffer;
import java.util.List;
import org.apache.kafka.common.Uuid;
import org.junit.jupiter.api.Test;

/** What a follower takes (rules 1.2, 1.3), and where it cuts (rule 1.12). */
class FollowerStateTest {
    private static final PartitionKey PARTITION = new PartitionKey(Uuid.randomUuid(), 0);

    private final FollowerState state = new FollowerState(List.of(new EpochStart(3, 0)), 0, 90, 100);

    @Test
    void batchesOfSeveralEpochsAreTakenAsTheyAreAndBeginThem() {
        state.follow(7);
        ByteBuffer batches = join(batch(100, 3), batch(102, 5), batch(104, 7));
        assertEquals(Taken.QUEUED, state.admit(7, 100, batches));
        LogAppend group = state.nextGroup(1 << 20);
        assertEquals(100, group.baseOffset());
        assertEquals(106, group.endOffset());
        assertEquals(batches, group.buffers().get(0));
        assertNull(state.nextGroup(1 << 20), "one in flight");
        assertEquals(3, state.lastEpoch());
        state.persisted(106);
        assertEquals(7, state.lastEpoch());
        assertEquals(new Cut(104, false), state.cut(new Divergence(PARTITION, 7, 6, 200, 0)), "epoch 7 began at 104");
        assertEquals(new Cut(102, false), state.cut(new Divergence(PARTITION, 7, 4, 200, 0)), "epoch 5 began at 102");
    }

    @Test
    void whatIsHereAlreadyIsLeftOutByItsOffsets() {
        state.follow(3);
        assertEquals(Taken.QUEUED, state.admit(3, 100, batch(100, 3)));
        assertEquals(Taken.KNOWN, state.admit(3, 100, batch(100, 3)), "repeated");
        assertEquals(Taken.QUEUED, state.admit(3, 100, join(batch(100, 3), batch(102, 3))));
        assertEquals(Taken.GAP, state.admit(3, 106, batch(106, 3)), "overtaken");
        assertEquals(104, state.nextGroup(1 << 20).endOffset());
    }

    @Test
    void batchesOfAnotherLeaderEpochAreNotTaken() {
        state.follow(4);
        assertEquals(Taken.KNOWN, state.admit(3, 100, batch(100, 3)));
        assertEquals(Taken.KNOWN, state.admit(5, 100, batch(100, 5)));
        assertNull(state.nextGroup(1 << 20));
    }

    @Test
    void damagedBatchesAreNotTaken() {
        state.follow(4);
        ByteBuffer flipped = batch(100, 4);
        flipped.put(70, (byte) (flipped.get(70) ^ 1));
        assertEquals(Taken.DAMAGED, state.admit(4, 100, flipped));
        ByteBuffer torn = batch(100, 4);
        torn.limit(torn.limit() - 1);
        assertEquals(Taken.DAMAGED, state.admit(4, 100, torn));
        assertEquals(Taken.DAMAGED, state.admit(4, 100, batch(100, 5)), "of an epoch that the leader has not reached");
        assertEquals(Taken.DAMAGED, state.admit(4, 100, batch(100, 2)), "of an epoch that has ended here");
        assertNull(state.nextGroup(1 << 20));
    }

    @Test
    void aNewEpochForgetsWhatWaitsButNotWhatIsBeingWritten() {
        state.follow(4);
        state.admit(4, 100, batch(100, 4));
        state.nextGroup(1 << 20);
        state.admit(4, 102, batch(102, 4));
        state.follow(5);
        state.persisted(102);
        assertEquals(102, state.persistedEnd());
        assertNull(state.nextGroup(1 << 20));
        assertEquals(Taken.QUEUED, state.admit(5, 102, batch(102, 5)));
    }

    @Test
    void theHighWatermarkCountsAsFarAsTheLogGoesAndNeverFalls() {
        state.highWatermark(200);
        assertEquals(100, state.highWatermark());
        state.highWatermark(95);
        assertEquals(100, state.highWatermark());
    }

    /** Rule 1.12: to the smaller of both ends, never to the HW. */
    @Test
    void theLogIsCutWhereBothMayStillAgree() {
        FollowerState longer = new FollowerState(
                List.of(new EpochStart(1, 0), new EpochStart(2, 40), new EpochStart(4, 80)), 10, 90, 100);
        assertEquals(new Cut(60, false), longer.cut(new Divergence(PARTITION, 5, 2, 60, 0)), "the leader's is smaller");
        assertEquals(new Cut(80, false), longer.cut(new Divergence(PARTITION, 5, 3, 95, 0)), "its own is smaller");
        assertEquals(new Cut(0, true), longer.cut(new Divergence(PARTITION, 5, -1, 0, 0)), "nothing is common");
        assertEquals(new Cut(150, true), longer.cut(new Divergence(PARTITION, 5, -1, 150, 150)), "all is gone there");
        assertEquals(new Cut(70, true), longer.cut(new Divergence(PARTITION, 5, 2, 60, 70)), "what is common is gone");
    }

    @Test
    void aCutIsOnlyToldWhereRecordsGo() {
        assertEquals("cut at 60", new Cut(60, false).told(61));
        assertEquals("no record is cut, it ends at 60", new Cut(60, false).told(60));
        assertEquals("emptied, to begin anew at 60", new Cut(60, true).told(60));
        assertTrue(new Cut(60, false).losesRecords(61));
        assertTrue(new Cut(60, true).losesRecords(60));
        assertFalse(new Cut(60, false).losesRecords(60), "an epoch without records");
    }

    private static ByteBuffer batch(long baseOffset, int epoch) {
        ByteBuffer batch = TestBatches.batch(2);
        BatchHeader.stamp(batch, batch.position(), baseOffset, epoch);
        return batch;
    }

    private static ByteBuffer join(ByteBuffer... batches) {
        ByteBuffer all = ByteBuffer.allocate(10_000);
        for (ByteBuffer batch : batches) {
            all.put(batch.duplicate());
        }
        return all.flip();
    }
}
