package io.troupe.journal;

import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.atomic.LongAdder;

/** What one log dir's disk was asked and found to be, since the start. Written by any thread, read by metrics. */
class JournalStats {
    /** For who does not care; names nothing, for it is shared. */
    static final JournalStats DISCARDED = new JournalStats() {
        @Override
        void damaged(Path segment) {}
    };

    private static final int MOST_NAMES = 100;

    final LongAdder fsyncs = new LongAdder();
    final LongAdder directoryFsyncs = new LongAdder();
    private final LongAdder damagedSegments = new LongAdder();
    private final Set<String> damaged = new ConcurrentSkipListSet<>();

    /** Something else stands in a segment than was written; told once for each. */
    void damaged(Path segment) {
        damagedSegments.increment();
        if (damaged.size() < MOST_NAMES) {
            damaged.add(segment.toString());
        }
    }

    /** Paths of the first damaged segments. */
    List<String> damaged() {
        return List.copyOf(damaged);
    }

    /** Of files. */
    long fsyncs() {
        return fsyncs.sum();
    }

    long directoryFsyncs() {
        return directoryFsyncs.sum();
    }

    /** Segments in which something was found that is not what was written; each counts once. */
    long damagedSegments() {
        return damagedSegments.sum();
    }
}
