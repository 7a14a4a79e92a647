package io.troupe.journal;

import io.troupe.journal.JournalCommand.EpochStart;
import java.util.ArrayList;
import java.util.List;

/** What {@link MetaLog} remembers of one log; changed only through it. */
final class LogMeta {
    final String topic;
    long logStartOffset;
    long highWatermark;
    /** Everything below is durable: recovery looks at nothing below it. */
    long recoveryPoint;
    /** Where compaction goes on: below it each key stands once, but for what is too young to tell. */
    long cleanedTo;

    final List<EpochStart> epochs = new ArrayList<>();
    /** Whether the log begins and ends at its start, whatever files a crash has left of what stood there before. */
    boolean emptied;
    /** Whether the log was closed in order and not opened since; then the two below hold. */
    boolean closed;

    long closedEndOffset;
    long closedSize;

    LogMeta(String topic) {
        this.topic = topic;
    }

    /** An epoch that begins where older ones would have leaves those without records; they go. */
    void addEpoch(int leaderEpoch, long startOffset) {
        if (!epochs.isEmpty() && epochs.get(epochs.size() - 1).leaderEpoch() >= leaderEpoch) {
            return;
        }
        cutEpochs(startOffset);
        epochs.add(new EpochStart(leaderEpoch, startOffset));
    }

    void cutEpochs(long endOffset) {
        while (!epochs.isEmpty() && epochs.get(epochs.size() - 1).startOffset() >= endOffset) {
            epochs.remove(epochs.size() - 1);
        }
    }

    /**
     * Moves the log start up and forgets epochs that end below it. One that ends there stays, for the epoch after it may be
     * without records yet and go with a truncation; the log's last epoch must not become unknown.
     */
    void startAt(long offset) {
        logStartOffset = Math.max(logStartOffset, offset);
        int below = 0;
        while (below + 1 < epochs.size() && epochs.get(below + 1).startOffset() < logStartOffset) {
            below++;
        }
        epochs.subList(0, below).clear();
    }

    /** Forgets everything: the log begins anew at {@code offset}. */
    void empty(long offset) {
        epochs.clear();
        logStartOffset = offset;
        recoveryPoint = offset;
        highWatermark = offset;
        cleanedTo = 0;
        closed = false;
        emptied = true;
    }

    /** The epoch that an offset at or above the log start belongs to, -1 for none. */
    int epochAt(long offset) {
        int low = 0;
        int high = epochs.size();
        while (low < high) {
            int mid = (low + high) >>> 1;
            if (epochs.get(mid).startOffset() <= offset) {
                low = mid + 1;
            } else {
                high = mid;
            }
        }
        return low == 0 ? -1 : epochs.get(low - 1).leaderEpoch();
    }

    /** Whether nothing was ever led or written here, so that there is nothing to lose. */
    boolean untouched() {
        return epochs.isEmpty() && !closed && logStartOffset == 0 && recoveryPoint == 0;
    }

    int lastEpoch() {
        return epochs.isEmpty() ? -1 : epochs.get(epochs.size() - 1).leaderEpoch();
    }
}
