package io.troupe.journal;

import io.troupe.config.LogConfig;
import java.util.concurrent.ThreadLocalRandom;

/**
 * Whether a log's active segment has grown old, by Kafka's rule: when a batch is appended whose greatest timestamp lies more
 * than {@code segment.ms} ({@link LogConfig#rollMs}) after that of the segment's first batch; where batches have no timestamps, by the time since the
 * segment was made or opened. Without appends nothing rolls. Owned by one {@link PartitionLog}.
 */
final class RollClock {
    private static final long NONE = -1;

    private long sinceMs;
    private long firstTimestampMs;
    private long jitterMs;

    RollClock(LogConfig config, long nowMs) {
        restart(config, nowMs);
    }

    /** The active segment is another one, and empty. */
    void restart(LogConfig config, long nowMs) {
        sinceMs = nowMs;
        firstTimestampMs = NONE;
        long most = Math.min(config.segmentJitterMs(), config.rollMs());
        jitterMs = most <= 0 ? 0 : ThreadLocalRandom.current().nextLong(most);
    }

    /** @param timestampMs greatest one of the segment's first batch */
    void firstBatch(long timestampMs) {
        firstTimestampMs = timestampMs;
    }

    /** @param timestampMs greatest one of what is about to be appended */
    boolean isDue(LogConfig config, long timestampMs, long nowMs) {
        long age = firstTimestampMs >= 0 ? timestampMs - firstTimestampMs : nowMs - sinceMs;
        return age > config.rollMs() - jitterMs;
    }
}
