package io.troupe.partition;

import io.troupe.config.LogConfig;
import io.troupe.config.LogConfigs;
import java.nio.ByteBuffer;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.SimpleRecord;

/** Batches and settings for tests. */
final class TestBatches {
    private TestBatches() {}

    static ByteBuffer batch(int records) {
        return MemoryRecords.withRecords(Compression.NONE, records(1000, records))
                .buffer();
    }

    static ByteBuffer idempotent(long producerId, int epoch, int sequence, int records) {
        return MemoryRecords.withIdempotentRecords(
                        Compression.NONE,
                        producerId,
                        (short) epoch,
                        sequence,
                        // Of now, for a producer whose records are old is forgotten.
                        records(System.currentTimeMillis(), records))
                .buffer();
    }

    private static SimpleRecord[] records(long firstMs, int count) {
        SimpleRecord[] records = new SimpleRecord[count];
        for (int i = 0; i < count; i++) {
            records[i] = new SimpleRecord(firstMs + i, new byte[] {1}, new byte[10]);
        }
        return records;
    }

    static LogConfig config(int minInsyncReplicas) {
        return LogConfigs.of("retention.ms", -1, "min.insync.replicas", minInsyncReplicas);
    }

    static LogConfig config(long retentionMs, long retentionBytes, String... policy) {
        return LogConfigs.of(
                "retention.ms",
                retentionMs,
                "retention.bytes",
                retentionBytes,
                "cleanup.policy",
                String.join(",", policy));
    }
}
