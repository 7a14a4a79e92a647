package io.troupe.journal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.junit.jupiter.api.Test;

/** The index of a segment that is larger than its entries are for. */
class SparseIndexTest {
    private static final int INTERVAL = 4096;
    private static final int BATCHES = 300_000;
    private static final int BATCH_BYTES = 5_000;

    private final Random random = new Random(5);
    private final long[] timestamps = new long[BATCHES];
    private SparseIndex index = new SparseIndex(INTERVAL);

    /** Batches of two offsets, with times in no order. */
    private void add(int from, int to) {
        for (int i = from; i < to; i++) {
            timestamps[i] = random.nextInt(1_000_000);
            index = index.add(2 * i, i * BATCH_BYTES, timestamps[i]);
        }
    }

    private static int batchAt(SparseIndex index, int stretch) {
        return index.startOf(stretch) / BATCH_BYTES;
    }

    private void check(SparseIndex checked, int batches) {
        for (int i = 0; i < 2_000; i++) {
            int batch = random.nextInt(batches);
            int stretch = checked.stretchOf(2 * batch + random.nextInt(2));
            assertTrue(batchAt(checked, stretch) <= batch);
            assertTrue(stretch == checked.lastStretch() || batchAt(checked, stretch + 1) > batch);
        }
        for (int stretch = 0; stretch < checked.lastStretch(); stretch += 1 + random.nextInt(200)) {
            long greatest = Long.MIN_VALUE;
            for (int i = batchAt(checked, stretch); i < batchAt(checked, stretch + 1); i++) {
                greatest = Math.max(greatest, timestamps[i]);
            }
            assertEquals(greatest, checked.maxTimestamp(stretch, stretch + 1));
        }
    }

    @Test
    void entriesAreBoundedAndStillLeadToEveryBatch() {
        add(0, BATCHES);
        assertTrue(index.lastStretch() < SparseIndex.MAX_ENTRIES, index.lastStretch() + " entries");
        check(index, BATCHES);
        SparseIndex stored = SparseIndex.read(index.stored(), INTERVAL);
        assertEquals(index.lastStretch(), stored.lastStretch());
        assertEquals(timestamps[BATCHES - 1], stored.lastStretchTimestamp());
        check(stored, BATCHES);
    }

    @Test
    void theyThinOutEvenlyAndNotNearTheEnd() {
        add(0, BATCHES);
        int longest = 0;
        int newest = index.lastStretch() - SparseIndex.MAX_ENTRIES / 4;
        for (int stretch = 0; stretch < index.lastStretch(); stretch++) {
            int batches = batchAt(index, stretch + 1) - batchAt(index, stretch);
            longest = Math.max(longest, batches);
            assertTrue(stretch < newest || batches == 1, "stretch " + stretch + " has " + batches + " batches");
        }
        // Where two stretches become one, the two may have been nearly as long as is allowed.
        int even = BATCHES / (SparseIndex.MAX_ENTRIES / 2);
        assertTrue(longest <= 3 * even, "one of " + longest + " batches, where " + even + " would be even");
    }

    @Test
    void whoStillHasTheFullOneFindsTheSameByIt() {
        add(0, SparseIndex.MAX_ENTRIES);
        SparseIndex before = index;
        add(SparseIndex.MAX_ENTRIES, SparseIndex.MAX_ENTRIES + 10);
        assertTrue(index != before, "it was full");
        check(before, SparseIndex.MAX_ENTRIES);
        check(index, SparseIndex.MAX_ENTRIES + 10);
    }
}
