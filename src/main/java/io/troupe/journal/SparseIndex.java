package io.troupe.journal;

import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * Where some batches of one segment stand, in primitive arrays: an entry about every {@code intervalBytes}, and in a large
 * segment every so much more, but near its end, that there are at most {@link #MAX_ENTRIES}. So a log costs 300 KiB of heap
 * at most, however large its segments are. One thread adds; any thread looks up, by offset or by time, in O(log n).
 *
 * <p>Entries part the segment into stretches of whole batches: stretch 0 begins with the file, stretch n with entry n - 1;
 * the last one is open, and only the thread that adds knows its greatest timestamp.
 *
 * <pre>
 * stored
 *   long  greatest timestamp of the last stretch
 *   entries of 16 bytes
 *     int   base offset of a batch, relative to the segment's
 *     int   its position in the file
 *     long  greatest timestamp of the stretch that ends there
 * </pre>
 */
final class SparseIndex {
    static final int MAX_ENTRIES = 16_384;

    /** Of the newest so many none goes: there most readers are. */
    private static final int DENSE_ENTRIES = MAX_ENTRIES / 4;

    private static final int ENTRY_BYTES = 16;

    private final int intervalBytes;
    private volatile int[] offsets = new int[4];
    private volatile int[] positions = new int[4];
    private final Maxima timestamps = new Maxima();
    private long lastStretchTimestamp = Long.MIN_VALUE;
    // Written after the others and read before them: whoever sees a count sees its entries.
    private volatile int count;

    SparseIndex(int intervalBytes) {
        this.intervalBytes = intervalBytes;
    }

    /**
     * Tells of a batch about to be appended; makes an entry when the last one is far enough away.
     *
     * @return what to go on with: this, or when it is full another with fewer entries. Whoever still has this one finds the
     *     same by it
     */
    SparseIndex add(int relativeOffset, int position, long maxTimestamp) {
        int n = count;
        int last = n == 0 ? 0 : positions[n - 1];
        if (position - last >= intervalBytes && position != 0) {
            enter(relativeOffset, position, lastStretchTimestamp);
            lastStretchTimestamp = Long.MIN_VALUE;
        }
        lastStretchTimestamp = Math.max(lastStretchTimestamp, maxTimestamp);
        return count >= MAX_ENTRIES ? thinned() : this;
    }

    /** Leaves out entries, evenly, until a bit over half as many are left below the newest. */
    private SparseIndex thinned() {
        SparseIndex thin = new SparseIndex(intervalBytes);
        int dense = count - DENSE_ENTRIES;
        int gap = positions[dense] / (MAX_ENTRIES / 2);
        int from = 0;
        for (int i = 0; i < count; i++) {
            int last = thin.count == 0 ? 0 : thin.positions[thin.count - 1];
            if (i >= dense || positions[i] - last >= gap) {
                thin.enter(offsets[i], positions[i], timestamps.greatest(from, i + 1));
                from = i + 1;
            }
        }
        thin.lastStretchTimestamp = lastStretchTimestamp;
        return thin;
    }

    private void enter(int relativeOffset, int position, long timestampBefore) {
        int n = count;
        if (n == offsets.length) {
            offsets = Arrays.copyOf(offsets, n * 2);
            positions = Arrays.copyOf(positions, n * 2);
        }
        offsets[n] = relativeOffset;
        positions[n] = position;
        timestamps.add(timestampBefore);
        count = n + 1;
    }

    // ---- looking up ----

    /** A position at or before the batch that holds {@code relativeOffset}. */
    int positionOf(long relativeOffset) {
        return startOf(stretchOf(relativeOffset));
    }

    /** The stretch with the batch that holds {@code relativeOffset}; all batches of those before it end at or below that. */
    int stretchOf(long relativeOffset) {
        int low = 0;
        int high = count - 1;
        int[] column = offsets;
        while (low <= high) {
            int mid = (low + high) >>> 1;
            if (column[mid] <= relativeOffset) {
                low = mid + 1;
            } else {
                high = mid - 1;
            }
        }
        return low;
    }

    /** The open one, which at the moment ends with the file. */
    int lastStretch() {
        return count;
    }

    /** Position of its first batch. */
    int startOf(int stretch) {
        return stretch == 0 ? 0 : positions[stretch - 1];
    }

    /** The first stretch from {@code from} on with a timestamp of {@code timestampMs} or later; {@code last} when none before it has one. */
    int firstStretch(long timestampMs, int from, int last) {
        return timestamps.firstAtLeast(timestampMs, from, last);
    }

    /**
     * Greatest timestamp of stretches; {@link Long#MIN_VALUE} for none.
     *
     * @param to exclusive, at most {@link #lastStretch}
     */
    long maxTimestamp(int from, int to) {
        return timestamps.greatest(from, to);
    }

    /** Of {@link #lastStretch}, once nothing is added any more. */
    long lastStretchTimestamp() {
        return lastStretchTimestamp;
    }

    /** What it holds of the stretches before one, which is to be added anew. */
    SparseIndex before(int stretch) {
        SparseIndex index = new SparseIndex(intervalBytes);
        for (int i = 0; i < stretch; i++) {
            index.enter(offsets[i], positions[i], timestamps.greatest(i, i + 1));
        }
        return index;
    }

    // ---- storing ----

    int sizeInBytes() {
        return count * ENTRY_BYTES;
    }

    /** For the thread that adds, or once nothing is added any more. */
    ByteBuffer stored() {
        int n = count;
        ByteBuffer out = ByteBuffer.allocate(Long.BYTES + n * ENTRY_BYTES);
        out.putLong(lastStretchTimestamp);
        for (int i = 0; i < n; i++) {
            out.putInt(offsets[i]).putInt(positions[i]).putLong(timestamps.greatest(i, i + 1));
        }
        return out.flip();
    }

    static SparseIndex read(ByteBuffer in, int intervalBytes) {
        SparseIndex index = new SparseIndex(intervalBytes);
        index.lastStretchTimestamp = in.getLong();
        int n = in.remaining() / ENTRY_BYTES;
        index.offsets = new int[Math.max(4, n)];
        index.positions = new int[Math.max(4, n)];
        for (int i = 0; i < n; i++) {
            index.enter(in.getInt(), in.getInt(), in.getLong());
        }
        return index;
    }
}
