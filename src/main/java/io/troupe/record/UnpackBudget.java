package io.troupe.record;

/**
 * How many bytes may be unpacked on behalf of one request, over all its batches: enough for whatever compresses well, and no more than a
 * fraction of a second of the thread that does it, unless the request itself is large. Any thread.
 */
public final class UnpackBudget {
    /** What a small request may unpack to, bytes. */
    static final long BASE_BYTES = 64L << 20;

    /** And beyond that, for each byte sent. */
    static final int BYTES_PER_BYTE = 16;

    private long left;

    /** @param sentBytes of the request, or of the one batch */
    public UnpackBudget(int sentBytes) {
        left = BASE_BYTES + (long) BYTES_PER_BYTE * sentBytes;
    }

    synchronized long left() {
        return left;
    }

    synchronized void spend(long bytes) {
        left -= bytes;
    }
}
