package io.troupe.api;

import io.troupe.journal.JournalCommand.EpochStart;
import io.troupe.partition.LogView;
import java.util.List;
import java.util.function.ToLongFunction;

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
        List<EpochStart> epochs = view.epochs();
        int above = countUpTo(epochs, asked, EpochStart::leaderEpoch);
        int floor = above == 0 ? -1 : epochs.get(above - 1).leaderEpoch();
        if (above < epochs.size()) {
            // Asked for an epoch before all that are known: it ends where the first of them begins.
            return new EpochEnds(floor < 0 ? asked : floor, epochs.get(above).startOffset());
        }
        return floor == asked ? new EpochEnds(asked, view.logEndOffset()) : UNKNOWN;
    }

    /** The epoch of the record at {@code offset}, -1 when the log cannot tell. */
    static int epochAt(LogView view, long offset) {
        int begun = countUpTo(view.epochs(), offset, EpochStart::startOffset);
        return begun == 0 ? -1 : view.epochs().get(begun - 1).leaderEpoch();
    }

    /** How many of them, which ascend, are not above the bound. */
    private static int countUpTo(List<EpochStart> epochs, long bound, ToLongFunction<EpochStart> key) {
        int low = 0;
        int high = epochs.size();
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (key.applyAsLong(epochs.get(middle)) <= bound) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }
}
