package io.troupe.partition;

import io.troupe.config.LogConfig;
import io.troupe.journal.LogReader.SegmentInfo;
import java.util.List;
import java.util.OptionalLong;

/**
 * How much of a log may go by its topic's {@code retention.ms} and {@code retention.bytes}, by Kafka's rules: whole segments
 * from the front, only below the HW, and only where {@code cleanup.policy} says delete; what lies below the log start goes
 * under any policy. Pure.
 *
 * <ul>
 *   <li>by age: while a segment's largest timestamp lies more than {@code retention.ms} back;
 *   <li>by size: while what would be left is not less than {@code retention.bytes}.
 * </ul>
 *
 * <p>The active segment is one like the others, unless it is empty.
 */
final class Retention {
    private Retention() {}

    /**
     * Where the log could start when all segments that may go are gone; empty when none may.
     *
     * @param segments in order, the last one active
     */
    static OptionalLong deletableTo(
            List<SegmentInfo> segments, long logStartOffset, long highWatermark, LogConfig config, long nowMs) {
        boolean deletes = config.cleanupPolicy().contains("delete");
        boolean bySize = deletes && config.retentionBytes() >= 0;
        boolean byAge = deletes && config.retentionMs() >= 0;
        long left = segments.stream().mapToLong(SegmentInfo::sizeInBytes).sum();
        OptionalLong to = OptionalLong.empty();
        for (int i = 0; i < segments.size(); i++) {
            SegmentInfo segment = segments.get(i);
            boolean active = i == segments.size() - 1;
            long end = active ? segment.endOffset() : segments.get(i + 1).baseOffset();
            if (end > highWatermark || (active && segment.sizeInBytes() == 0)) {
                break;
            }
            boolean belowStart = !active && end <= logStartOffset;
            boolean tooMuch = bySize && left - segment.sizeInBytes() >= config.retentionBytes();
            boolean tooOld = byAge && nowMs - segment.largestTimestampMs() > config.retentionMs();
            if (!belowStart && !tooMuch && !tooOld) {
                break;
            }
            left -= segment.sizeInBytes();
            to = OptionalLong.of(end);
        }
        return to;
    }
}
