package io.troupe.partition;

/**
 * A bound on bytes a second, as a bucket that fills with time, up to one second's bytes. What passes may take more than there is;
 * then nothing has room until the time that it stands for is over. So over any span of t seconds at most t + 1 seconds' bytes and one
 * message pass. Any thread; time comes in.
 */
final class ByteRate {
    private double bytes;
    private long filledMs;
    private boolean used;

    /** @param rate bytes a second, {@link Long#MAX_VALUE} for no bound; may be another each time */
    synchronized boolean hasRoom(long rate, long nowMs) {
        if (rate == Long.MAX_VALUE) {
            return true;
        }
        fill(rate, nowMs);
        return bytes > 0;
    }

    synchronized void passed(int count, long rate, long nowMs) {
        fill(rate, nowMs);
        bytes -= count;
    }

    private void fill(long rate, long nowMs) {
        // Empty at first: what begins to be throttled was not throttled until now.
        double more = used ? rate * (Math.max(0, nowMs - filledMs) / 1000.0) : 0;
        bytes = Math.min(rate, bytes + more);
        filledMs = used ? Math.max(filledMs, nowMs) : nowMs;
        used = true;
    }
}
