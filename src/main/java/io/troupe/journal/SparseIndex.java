package io.troupe.journal;

import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * Where some batches of one segment stand: an entry about every {@code intervalBytes}, in primitive arrays. One thread
 * adds and cuts; any thread looks up.
 *
 * <pre>
 * entry, 16 bytes when stored
 *   int   base offset of a batch, relative to the segment's
 *   int   its position in the file
 *   long  greatest timestamp of all batches before it
 * </pre>
 *
 * <p>All three columns ascend, so each is searched in O(log n).
 */
final class SparseIndex {
    /** Entries kept of a closed segment; more are thinned, so that one index takes at most 1 MiB. */
    static final int MAX_STORED_ENTRIES = 65_536;

    private static final int ENTRY_BYTES = 16;

    private final int intervalBytes;
    private int[] offsets = new int[16];
    private int[] positions = new int[16];
    private long[] timestamps = new long[16];
    // Written after the arrays and read before them: whoever sees a count sees its entries.
    private volatile int count;

    SparseIndex(int intervalBytes) {
        this.intervalBytes = intervalBytes;
    }

    /** Tells of a batch about to be appended; makes an entry when the last one is far enough away. */
    void maybeAdd(int relativeOffset, int position, long maxTimestampBefore) {
        int n = count;
        int last = n == 0 ? 0 : positions[n - 1];
        if (position - last < intervalBytes || position == 0) {
            return;
        }
        if (n == offsets.length) {
            offsets = Arrays.copyOf(offsets, n * 2);
            positions = Arrays.copyOf(positions, n * 2);
            timestamps = Arrays.copyOf(timestamps, n * 2);
        }
        offsets[n] = relativeOffset;
        positions[n] = position;
        timestamps[n] = maxTimestampBefore;
        count = n + 1;
    }

    /** A position at or before the batch that holds {@code relativeOffset}. */
    int positionOf(long relativeOffset) {
        int at = lastAtOrBelow(relativeOffset);
        return at < 0 ? 0 : positions[at];
    }

    /** Greatest timestamp of all batches before {@link #positionOf}; {@link Long#MIN_VALUE} for none. */
    long maxTimestampBefore(long relativeOffset) {
        int at = lastAtOrBelow(relativeOffset);
        return at < 0 ? Long.MIN_VALUE : timestamps[at];
    }

    /** A position at or before the first batch with a timestamp of {@code timestampMs} or later. */
    int positionOfTimestamp(long timestampMs) {
        int low = 0;
        int high = count - 1;
        long[] column = timestamps;
        while (low <= high) {
            int mid = (low + high) >>> 1;
            if (column[mid] < timestampMs) {
                low = mid + 1;
            } else {
                high = mid - 1;
            }
        }
        return high < 0 ? 0 : positions[high];
    }

    /** Forgets entries at or beyond {@code position}. */
    void cut(int position) {
        int n = count;
        while (n > 0 && positions[n - 1] >= position) {
            n--;
        }
        count = n;
    }

    int sizeInBytes() {
        return count * ENTRY_BYTES;
    }

    void writeTo(ByteBuffer out) {
        int n = count;
        int step = step(n);
        for (int i = 0; i < n; i += step) {
            out.putInt(offsets[i]).putInt(positions[i]).putLong(timestamps[i]);
        }
    }

    int storedBytes() {
        int n = count;
        int step = step(n);
        return (n + step - 1) / step * ENTRY_BYTES;
    }

    static SparseIndex read(ByteBuffer in, int intervalBytes) {
        SparseIndex index = new SparseIndex(intervalBytes);
        int n = in.remaining() / ENTRY_BYTES;
        index.offsets = new int[Math.max(1, n)];
        index.positions = new int[Math.max(1, n)];
        index.timestamps = new long[Math.max(1, n)];
        for (int i = 0; i < n; i++) {
            index.offsets[i] = in.getInt();
            index.positions[i] = in.getInt();
            index.timestamps[i] = in.getLong();
        }
        index.count = n;
        return index;
    }

    private static int step(int n) {
        return Math.max(1, (n + MAX_STORED_ENTRIES - 1) / MAX_STORED_ENTRIES);
    }

    private int lastAtOrBelow(long relativeOffset) {
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
        return high;
    }
}
