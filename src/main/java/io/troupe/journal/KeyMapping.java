package io.troupe.journal;

import io.troupe.record.BatchFilter;
import io.troupe.record.BatchHeader;
import java.io.IOException;
import java.util.List;
import java.util.function.BooleanSupplier;

/**
 * The first half of a cleaning: reads the dirty stretch of a log and notes the last offset of each key in it, until the map
 * is full, the stretch ends, or a transaction begins that the stretch does not see the end of. One thread.
 */
final class KeyMapping {
    private final OffsetMap map;
    private final List<Segment> dirty;
    private final long from;
    private final CleanerThrottle throttle;
    private final BooleanSupplier cancelled;
    private final int windowBytes;
    private final BatchFilter keys = new BatchFilter();
    private EndedTransactions transactions = new EndedTransactions();
    private boolean transactional;
    private long end;
    private long mappedEnd;

    /**
     * @param dirty ascending; the stretch ends with the last of them
     * @param from inclusive, where the stretch begins
     */
    KeyMapping(
            OffsetMap map,
            List<Segment> dirty,
            long from,
            CleanerThrottle throttle,
            int windowBytes,
            BooleanSupplier cancelled) {
        this.map = map;
        this.dirty = dirty;
        this.from = from;
        this.throttle = throttle;
        this.windowBytes = windowBytes;
        this.cancelled = cancelled;
        this.mappedEnd = from;
        this.end = dirty.get(dirty.size() - 1).endOffset();
    }

    /**
     * Fills the map.
     *
     * @return exclusive end of what is mapped; {@code from} when that is nothing
     * @throws CorruptSegmentException when a batch is not what was written
     */
    long map() throws IOException {
        for (int i = 0; i < dirty.size() && dirty.get(i).baseOffset() < end; i++) {
            if (!map(i)) {
                break;
            }
        }
        return mappedEnd;
    }

    /** False when nothing more is to be mapped. */
    private boolean map(int i) throws IOException {
        try (CleanerCursor cursor = new CleanerCursor(dirty.get(i), 0, windowBytes, cancelled)) {
            while (cursor.next()) {
                if (cursor.endOffset() <= from) {
                    continue;
                }
                throttle.moved(cursor.size(), cancelled);
                cursor.read();
                if (!transactional && BatchHeader.isTransactional(cursor.buffer(), cursor.at())) {
                    transactional = true;
                    lookAhead(i, cursor.position());
                }
                if (cursor.baseOffset() >= end || !note(cursor)) {
                    return false;
                }
            }
            return true;
        }
    }

    private boolean note(CleanerCursor cursor) throws IOException {
        boolean data = !BatchHeader.isControl(cursor.buffer(), cursor.at())
                && !transactions.isAborted(cursor.buffer(), cursor.at());
        if (data
                && !keys.forEachKey(cursor.buffer(), cursor.at(), (offset, high, low) -> {
                    boolean room = offset < from || map.put(high, low, offset);
                    mappedEnd = room ? Math.max(mappedEnd, offset + 1) : offset;
                    return room;
                })) {
            return false;
        }
        mappedEnd = cursor.endOffset();
        return true;
    }

    /** Learns how the transactions end, from the first batch of one on; most logs have none and are spared this pass. */
    private void lookAhead(int first, long position) throws IOException {
        EndedTransactions ended = new EndedTransactions();
        for (int i = first; i < dirty.size(); i++) {
            try (CleanerCursor cursor =
                    new CleanerCursor(dirty.get(i), i == first ? position : 0, windowBytes, cancelled)) {
                while (cursor.next()) {
                    if (BatchHeader.isControl(cursor.buffer(), cursor.at())) {
                        cursor.read();
                    }
                    ended.read(cursor.buffer(), cursor.at());
                }
            }
        }
        transactions = ended;
        end = Math.min(end, ended.undecidedFrom());
    }

    /** How the transactions ended that the mapped stretch holds records of. */
    EndedTransactions transactions() {
        return transactions;
    }
}
