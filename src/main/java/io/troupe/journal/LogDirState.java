package io.troupe.journal;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * How a log dir is at one moment, for whoever watches it; read without waiting for a disk or a lock.
 *
 * @param offline whether a failed write or fsync has taken it out of service
 * @param fsyncs of files since the start, {@code directoryFsyncs} of directories
 * @param damagedSegments in which something was found since the start that is not what was written
 * @param damaged the paths of the first of them
 */
public record LogDirState(
        Path path,
        boolean offline,
        long fsyncs,
        long directoryFsyncs,
        long damagedSegments,
        List<String> damaged,
        Cleaner cleaner) {

    /**
     * Where compaction stands.
     *
     * @param dead whether the thread has ended unasked
     * @param current the log that is being cleaned
     * @param uncleanable logs whose last cleaning failed and which wait for another, or for their repair
     * @param maxDirtyRatio the greatest dirty share of any log when last looked at, 0 to 1
     * @param lastLookMs since 1970, when logs were looked at last; -1 for never
     * @param lastCleaningMs how long the last cleaning took, -1 for none
     * @param lastRecopyRatio what the last one wrote of what it read, 0 to 1
     * @param lastBufferUse the share of {@code log.cleaner.dedupe.buffer.size} that the last one's keys took, 0 to 1
     * @param maxDelayMs by how much any log had passed {@code max.compaction.lag.ms} when last looked at
     * @param uncleanableBytes what could be cleaned of the uncleanable logs
     */
    public record Cleaner(
            boolean dead,
            Optional<Path> current,
            int uncleanable,
            double maxDirtyRatio,
            long lastLookMs,
            long lastCleaningMs,
            double lastRecopyRatio,
            double lastBufferUse,
            long maxDelayMs,
            long uncleanableBytes,
            CompactionCounters counters) {
        static final Cleaner OFF =
                new Cleaner(false, Optional.empty(), 0, 0, -1, -1, 0, 0, 0, 0, CompactionCounters.NONE);
    }
}
