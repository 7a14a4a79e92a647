package io.troupe.journal;

import java.util.concurrent.atomic.LongAdder;

/** What one log dir's disk was asked and found to be, since the start. Written by any thread, read by metrics. */
final class JournalStats {
    /** For who does not care. */
    static final JournalStats DISCARDED = new JournalStats();

    final LongAdder fsyncs = new LongAdder();
    final LongAdder directoryFsyncs = new LongAdder();
    final LongAdder damagedSegments = new LongAdder();

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
