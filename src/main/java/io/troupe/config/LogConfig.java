package io.troupe.config;

import java.util.Set;
import org.apache.kafka.common.record.TimestampType;

/**
 * A topic's effective settings: its own overrides over the broker's defaults. Names and meaning are those of Kafka's
 * topic configs; sizes in bytes, times in milliseconds, -1 for "no limit" where Kafka allows it.
 */
public record LogConfig(
        int segmentBytes,
        long segmentMs,
        long segmentJitterMs,
        int indexIntervalBytes,
        int maxMessageBytes,
        long retentionMs,
        long retentionBytes,
        Set<String> cleanupPolicy,
        long deleteRetentionMs,
        long minCompactionLagMs,
        long maxCompactionLagMs,
        double minCleanableDirtyRatio,
        TopicCompression compression,
        TimestampType messageTimestampType,
        long messageTimestampBeforeMaxMs,
        long messageTimestampAfterMaxMs,
        long flushMessages,
        long flushMs,
        long fileDeleteDelayMs,
        int minInsyncReplicas,
        boolean uncleanLeaderElectionEnable) {

    /** Whether keys matter: only the last value of each is kept. */
    public boolean compacted() {
        return cleanupPolicy.contains("compact");
    }

    /** Age at which the segment that is written is closed: while it is open, none of its records can be compacted. */
    public long rollMs() {
        return compacted() ? Math.min(segmentMs, maxCompactionLagMs) : segmentMs;
    }
}
