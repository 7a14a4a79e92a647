package io.troupe.journal;

/**
 * What the cleaners of all log dirs have done since the start, and where they stand.
 *
 * @param cleanings that ended
 * @param bytesBefore size of the segments that were written anew, {@code bytesAfter} of what took their place
 * @param recordsBefore data records in them, {@code recordsAfter} those that were left
 * @param failures cleanings that a damaged segment or the disk ended
 * @param maxDirtyRatio the greatest dirty share of any log when last looked at, 0 to 1
 * @param lastCleaningMs how long the last one took; -1 for none
 */
public record CompactionCounters(
        long cleanings,
        long bytesBefore,
        long bytesAfter,
        long recordsBefore,
        long recordsAfter,
        long failures,
        double maxDirtyRatio,
        long lastCleaningMs) {
    static final CompactionCounters NONE = new CompactionCounters(0, 0, 0, 0, 0, 0, 0, -1);

    CompactionCounters withMaxDirtyRatio(double ratio) {
        return new CompactionCounters(
                cleanings, bytesBefore, bytesAfter, recordsBefore, recordsAfter, failures, ratio, lastCleaningMs);
    }

    CompactionCounters plus(CompactionCounters other) {
        return new CompactionCounters(
                cleanings + other.cleanings,
                bytesBefore + other.bytesBefore,
                bytesAfter + other.bytesAfter,
                recordsBefore + other.recordsBefore,
                recordsAfter + other.recordsAfter,
                failures + other.failures,
                Math.max(maxDirtyRatio, other.maxDirtyRatio),
                Math.max(lastCleaningMs, other.lastCleaningMs));
    }
}
