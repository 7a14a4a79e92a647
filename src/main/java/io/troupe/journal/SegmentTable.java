package io.troupe.journal;

/**
 * A log's segments at one moment, in offset order, the last of them active: immutable, and so told of once a change is whole.
 * What lies in the closed ones is summed up, so that none is looked at that does not matter.
 */
final class SegmentTable {
    private final Segment[] all;
    private final Maxima closedTimestamps = new Maxima();
    private final long closedBytes;

    /** @param all at least one; of all but the last, size and timestamps no longer change */
    SegmentTable(Segment[] all) {
        this.all = all;
        long bytes = 0;
        for (int i = 0; i < all.length - 1; i++) {
            closedTimestamps.add(all[i].maxTimestamp());
            bytes += all[i].size();
        }
        this.closedBytes = bytes;
    }

    /** Not to be changed. */
    Segment[] all() {
        return all;
    }

    int count() {
        return all.length;
    }

    Segment get(int i) {
        return all[i];
    }

    Segment active() {
        return all[all.length - 1];
    }

    boolean isClosed(int i) {
        return i < all.length - 1;
    }

    long sizeInBytes() {
        return closedBytes + active().size();
    }

    /** Where the last segment stands that begins at or below {@code offset}; 0 when none does. */
    int indexOf(long offset) {
        int low = 1;
        int high = all.length - 1;
        while (low <= high) {
            int mid = (low + high) >>> 1;
            if (all[mid].baseOffset() <= offset) {
                low = mid + 1;
            } else {
                high = mid - 1;
            }
        }
        return high;
    }

    /** The first segment from {@code from} on with a timestamp of {@code timestampMs} or later; {@link #count} for none. */
    int firstAtOrAfter(long timestampMs, int from) {
        int closed = all.length - 1;
        int found = closedTimestamps.firstAtLeast(timestampMs, from, closed);
        return found < closed || from <= closed && active().maxTimestamp() >= timestampMs ? found : all.length;
    }

    /**
     * Greatest timestamp in closed segments; {@link Long#MIN_VALUE} for none.
     *
     * @param to exclusive, at most that of the active one
     */
    long maxTimestamp(int from, int to) {
        return closedTimestamps.greatest(from, to);
    }
}
