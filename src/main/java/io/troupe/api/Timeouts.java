package io.troupe.api;

/** Bounds for the time that a client lets the controller have. */
final class Timeouts {
    /** When the request states none: well before clients give up on it by default (30 s), so that they hear why. */
    static final int DEFAULT_MS = 20_000;

    private static final int MOST_MS = 300_000;

    private Timeouts() {}

    static int bounded(int askedMs) {
        return Math.max(1, Math.min(askedMs, MOST_MS));
    }
}
