package io.troupe.group;

/**
 * How often the heartbeats of one member of a classic group come, and for how long the answer to one may wait. Owned by the
 * group's thread.
 *
 * <p>The client's interval is not told, but seen: it is the shorter of the last two gaps, the first of which begins with the
 * answer to a join, from which on the client counts. Held is for one interval and a quarter: the next heartbeat, which a client
 * that may be held sends nevertheless, lets the answer go before. Half of what the session leaves is the most, because clients
 * count their session from answers.
 */
final class HeartbeatPace {
    /** For less it is not worth while. */
    static final int LEAST_MS = 50;

    private static final long UNKNOWN = Long.MAX_VALUE;

    private long heardMs = UNKNOWN;
    private long gapMs = UNKNOWN;
    private long formerGapMs = UNKNOWN;
    private boolean impatient;

    /** The member counts its interval from now on. */
    void begin(long nowMs) {
        heardMs = nowMs;
    }

    /** A heartbeat has come. */
    void heard(long nowMs) {
        if (heardMs != UNKNOWN) {
            formerGapMs = gapMs;
            gapMs = Math.max(0, nowMs - heardMs);
        }
        heardMs = nowMs;
    }

    /** Its client gives up on answers that wait: none does any more. */
    void lost() {
        impatient = true;
    }

    /** For how long the answer to the heartbeat that has just come may wait; 0 for not at all. */
    int holdMs(int sessionTimeoutMs, int mostMs) {
        long intervalMs = Math.min(gapMs, formerGapMs);
        if (impatient || intervalMs >= sessionTimeoutMs) {
            return 0;
        }
        long holdMs = Math.min(mostMs, Math.min(intervalMs + intervalMs / 4, (sessionTimeoutMs - intervalMs) / 2));
        return holdMs < LEAST_MS ? 0 : (int) holdMs;
    }
}
