package io.troupe.journal;

import io.troupe.config.LogConfig;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Decides which log is cleaned next and how far. Pure; Kafka's rules: of the logs whose dirty share is above {@code
 * min.cleanable.dirty.ratio}, or that have had a record uncompacted for longer than {@code max.compaction.lag.ms}, the dirtiest.
 *
 * <pre>
 * log start          first dirty             first uncleanable       active segment
 *     |--- cleaned ------|------ dirty -------------|--- too young or above the bound ---|
 * </pre>
 */
final class CleaningChoice {
    /**
     * A segment that is closed and durable.
     *
     * @param endOffset exclusive
     * @param firstTimestampMs of its first batch; asked only where {@code max.compaction.lag.ms} is set
     * @param maxTimestampMs the greatest of its records', {@link Long#MIN_VALUE} when it has none
     */
    record SegmentFacts(long baseOffset, long endOffset, long bytes, long firstTimestampMs, long maxTimestampMs) {}

    /**
     * A log as it stands.
     *
     * @param segments closed and durable ones, ascending
     * @param cleanedTo where the last cleaning ended, exclusive; 0 for none
     * @param bound exclusive: what may still be cut away, or is undecided, begins here
     */
    record LogFacts<T>(
            T log, List<SegmentFacts> segments, long logStartOffset, long cleanedTo, long bound, LogConfig config) {}

    /**
     * A log that has something to clean.
     *
     * @param firstDirty inclusive
     * @param firstUncleanable exclusive end of what may be cleaned; a segment's end
     * @param dirtyRatio dirty bytes in what may be cleaned, 0 to 1
     * @param delayMs for how long {@code max.compaction.lag.ms} has passed, 0 when it has not
     */
    record Candidate<T>(
            T log, long firstDirty, long firstUncleanable, double dirtyRatio, long dirtyBytes, long delayMs) {}

    private CleaningChoice() {}

    /** The log to clean next; empty when none needs it. */
    static <T> Optional<Candidate<T>> choose(List<LogFacts<T>> logs, long nowMs) {
        Candidate<T> best = null;
        for (LogFacts<T> facts : logs) {
            Optional<Candidate<T>> candidate = candidate(facts, nowMs);
            if (candidate.isPresent() && (best == null || candidate.get().dirtyRatio() > best.dirtyRatio())) {
                best = candidate.get();
            }
        }
        return Optional.ofNullable(best);
    }

    /** The greatest dirty share of any log, whether it is worth a cleaning or not; 0 to 1. */
    static <T> double maxDirtyRatio(List<LogFacts<T>> logs, long nowMs) {
        return logs.stream()
                .flatMap(facts -> cleanable(facts, nowMs).stream())
                .mapToDouble(Candidate::dirtyRatio)
                .max()
                .orElse(0);
    }

    /** For how long any log has been overdue. */
    static <T> long maxDelayMs(List<LogFacts<T>> logs, long nowMs) {
        return logs.stream()
                .flatMap(facts -> cleanable(facts, nowMs).stream())
                .mapToLong(Candidate::delayMs)
                .max()
                .orElse(0);
    }

    /** What may be cleaned of one log, in bytes, whether it is worth a cleaning or not. */
    static <T> long dirtyBytes(LogFacts<T> facts, long nowMs) {
        return cleanable(facts, nowMs).map(Candidate::dirtyBytes).orElse(0L);
    }

    /** What may be cleaned of one log; empty when it is not worth it yet. */
    static <T> Optional<Candidate<T>> candidate(LogFacts<T> facts, long nowMs) {
        return cleanable(facts, nowMs)
                .filter(c -> c.delayMs() > 0 || c.dirtyRatio() > facts.config().minCleanableDirtyRatio());
    }

    private static <T> Optional<Candidate<T>> cleanable(LogFacts<T> facts, long nowMs) {
        LogConfig config = facts.config();
        if (!config.compacted()) {
            return Optional.empty();
        }
        long firstDirty = Math.max(facts.logStartOffset(), facts.cleanedTo());
        long cleanBytes = 0;
        long dirtyBytes = 0;
        long earliestMs = Long.MAX_VALUE;
        long end = firstDirty;
        for (SegmentFacts segment : facts.segments()) {
            if (segment.endOffset() <= firstDirty) {
                cleanBytes += segment.bytes();
            } else if (segment.endOffset() > facts.bound()
                    || youngerThan(config.minCompactionLagMs(), segment, nowMs)) {
                break;
            } else {
                dirtyBytes += segment.bytes();
                earliestMs =
                        segment.firstTimestampMs() > 0 ? Math.min(earliestMs, segment.firstTimestampMs()) : earliestMs;
                end = segment.endOffset();
            }
        }
        long delayMs = earliestMs < nowMs ? Math.max(0, nowMs - earliestMs - config.maxCompactionLagMs()) : 0;
        double ratio = dirtyBytes == 0 ? 0 : dirtyBytes / (double) (cleanBytes + dirtyBytes);
        return dirtyBytes > 0
                ? Optional.of(new Candidate<>(facts.log(), firstDirty, end, ratio, dirtyBytes, delayMs))
                : Optional.empty();
    }

    private static boolean youngerThan(long lagMs, SegmentFacts segment, long nowMs) {
        return lagMs > 0 && segment.maxTimestampMs() > nowMs - lagMs;
    }

    /**
     * Runs of neighbouring segments that are written into one file each: together at most {@code maxBytes} before they are
     * cleaned, and within 2^31 offsets of the first. A larger segment stands alone.
     *
     * @param segments ascending, all of them to be cleaned
     */
    static List<List<Segment>> groups(List<Segment> segments, long maxBytes) {
        List<List<Segment>> groups = new ArrayList<>();
        List<Segment> group = new ArrayList<>();
        long bytes = 0;
        for (Segment segment : segments) {
            boolean fits = !group.isEmpty()
                    && bytes + segment.size() <= maxBytes
                    && segment.endOffset() - group.get(0).baseOffset() <= Integer.MAX_VALUE;
            if (!fits) {
                group = new ArrayList<>();
                groups.add(group);
                bytes = 0;
            }
            group.add(segment);
            bytes += segment.size();
        }
        return groups;
    }
}
