package io.troupe.journal;

/**
 * What the cleaners of all log dirs have done since the start.
 *
 * @param cleanings that ended
 * @param bytesBefore size of the segments that were written anew, {@code bytesAfter} of what took their place
 * @param recordsBefore data records in them, {@code recordsAfter} those that were left
 * @param failures cleanings that a damaged segment or the disk ended
 */
public record CompactionCounters(
        long cleanings, long bytesBefore, long bytesAfter, long recordsBefore, long recordsAfter, long failures) {
    static final CompactionCounters NONE = new CompactionCounters(0, 0, 0, 0, 0, 0);

    CompactionCounters plus(CompactionCounters other) {
        return new CompactionCounters(
                cleanings + other.cleanings,
                bytesBefore + other.bytesBefore,
                bytesAfter + other.bytesAfter,
                recordsBefore + other.recordsBefore,
                recordsAfter + other.recordsAfter,
                failures + other.failures);
    }
}
