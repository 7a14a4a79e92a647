package io.troupe.partition;

import io.troupe.journal.JournalCommand.EpochStart;
import io.troupe.partition.LinkMessage.Divergence;
import io.troupe.partition.LinkMessage.Position;
import java.util.List;

/** Where leader epochs end in a log, and so where two logs part (KIP-101, KIP-279; rule 1.12). Pure. */
final class LeaderEpochs {
    /** @param endOffset exclusive */
    record End(int epoch, long endOffset) {}

    private LeaderEpochs() {}

    /**
     * The highest epoch not above {@code asked} and where it ends; epoch -1, ending where the log starts, when there is none.
     *
     * @param epochs ascending
     */
    static End floor(List<EpochStart> epochs, int asked, long logStartOffset, long logEndOffset) {
        int low = 0;
        int high = epochs.size();
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (epochs.get(middle).leaderEpoch() <= asked) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        if (low == 0) {
            return new End(-1, logStartOffset);
        }
        long end = low < epochs.size() ? epochs.get(low).startOffset() : logEndOffset;
        return new End(epochs.get(low - 1).leaderEpoch(), Math.max(end, logStartOffset));
    }

    /** Rule 1.3: what a leader answers to a position that is no beginning of its log; null when it is one. */
    static Divergence divergence(LogView view, Position position) {
        End end = floor(view.epochs(), position.lastEpoch(), view.logStartOffset(), view.logEndOffset());
        // Who has no epoch has no records either, so all that matters is where it would go on: not behind the first
        // record; whether before it, where the log start lies inside a batch, is seen when that is read.
        boolean agrees = position.lastEpoch() < 0
                ? position.offset() <= firstEpochStart(view)
                : end.epoch() == position.lastEpoch()
                        && position.offset() <= end.endOffset()
                        && position.offset() >= view.logStartOffset();
        return agrees
                ? null
                : new Divergence(
                        position.partition(), view.leaderEpoch(), end.epoch(), end.endOffset(), view.logStartOffset());
    }

    private static long firstEpochStart(LogView view) {
        return view.epochs().isEmpty()
                ? view.logEndOffset()
                : Math.max(view.logStartOffset(), view.epochs().get(0).startOffset());
    }

    /**
     * Where a follower cuts its log: at the end of what both may have in common.
     *
     * @param epochs the follower's
     */
    static long cut(List<EpochStart> epochs, long logStartOffset, long logEndOffset, Divergence answer) {
        End own = floor(epochs, answer.epoch(), logStartOffset, logEndOffset);
        return Math.min(logEndOffset, Math.min(answer.endOffset(), own.endOffset()));
    }
}
