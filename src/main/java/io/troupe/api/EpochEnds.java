package io.troupe.api;

import io.troupe.journal.JournalCommand.EpochStart;
import io.troupe.partition.LogView;

/**
 * Where a leader epoch ends in a log (KIP-101, KIP-279): how a client that read from an older leader finds out whether
 * what it read is still there.
 *
 * @param epoch the largest epoch not above the one asked for, -1 when the log cannot tell
 * @param endOffset exclusive, -1 when the log cannot tell
 */
record EpochEnds(int epoch, long endOffset) {
    private static final EpochEnds UNKNOWN = new EpochEnds(-1, -1);

    static EpochEnds of(LogView view, int asked) {
        if (asked < 0) {
            return UNKNOWN;
        }
        int floor = -1;
        for (EpochStart start : view.epochs()) {
            if (start.leaderEpoch() > asked) {
                // Asked for an epoch before all that are known: it ends where the first of them begins.
                return new EpochEnds(floor < 0 ? asked : floor, start.startOffset());
            }
            floor = start.leaderEpoch();
        }
        return floor == asked ? new EpochEnds(asked, view.logEndOffset()) : UNKNOWN;
    }

    /** The epoch of the record at {@code offset}, -1 when the log cannot tell. */
    static int epochAt(LogView view, long offset) {
        int epoch = -1;
        for (EpochStart start : view.epochs()) {
            if (start.startOffset() > offset) {
                break;
            }
            epoch = start.leaderEpoch();
        }
        return epoch;
    }
}
