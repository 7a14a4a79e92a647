package io.troupe.journal;

import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * Where some batches of one segment stand: an entry about every {@code intervalBytes}, in primitive arrays. One thread
 * adds; any thread looks up, by offset or by time, in O(log n).
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
    /** Entries kept of a closed segment; more are thinned, so that one index takes at most 1 MiB. */
    static final int MAX_STORED_ENTRIES = 65_536;

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

    /** Tells of a batch about to be appended; makes an entry when the last one is far enough away. */
    void add(int relativeOffset, int position, long maxTimestamp) {
        int n = count;
        int last = n == 0 ? 0 : positions[n - 1];
        if (position - last >= intervalBytes && position != 0) {
            enter(relativeOffset, position, lastStretchTimestamp);
            lastStretchTimestamp = Long.MIN_VALUE;
        }
        lastStretchTimestamp = Math.max(lastStretchTimestamp, maxTimestamp);
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
        int step = step(n);
        int kept = n / step * step;
        ByteBuffer out = ByteBuffer.allocate(Long.BYTES + n / step * ENTRY_BYTES);
        out.putLong(Math.max(timestamps.greatest(kept, n), lastStretchTimestamp));
        for (int i = step - 1; i < n; i += step) {
            out.putInt(offsets[i]).putInt(positions[i]).putLong(timestamps.greatest(i - step + 1, i + 1));
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

    private static int step(int n) {
        return Math.max(1, (n + MAX_STORED_ENTRIES - 1) / MAX_STORED_ENTRIES);
    }
}
