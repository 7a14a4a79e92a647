package io.troupe.partition;

import io.troupe.config.LogConfig;
import io.troupe.config.TopicCompression;
import java.nio.ByteBuffer;
import java.util.Set;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.SimpleRecord;

/** Batches and settings for tests. */
final class TestBatches {
    private TestBatches() {}

    static ByteBuffer batch(int records) {
        return MemoryRecords.withRecords(Compression.NONE, records(records)).buffer();
    }

    static ByteBuffer idempotent(long producerId, int epoch, int sequence, int records) {
        return MemoryRecords.withIdempotentRecords(
                        Compression.NONE, producerId, (short) epoch, sequence, records(records))
                .buffer();
    }

    private static SimpleRecord[] records(int count) {
        SimpleRecord[] records = new SimpleRecord[count];
        for (int i = 0; i < count; i++) {
            records[i] = new SimpleRecord(1000 + i, new byte[] {1}, new byte[10]);
        }
        return records;
    }

    static LogConfig config(int minInsyncReplicas) {
        return config(minInsyncReplicas, -1, -1, "delete");
    }

    static LogConfig config(long retentionMs, long retentionBytes, String... policy) {
        return config(1, retentionMs, retentionBytes, policy);
    }

    private static LogConfig config(int minInsyncReplicas, long retentionMs, long retentionBytes, String... policy) {
        return new LogConfig(
                1 << 20,
                Long.MAX_VALUE,
                0,
                4096,
                1 << 20,
                retentionMs,
                retentionBytes,
                Set.of(policy),
                0,
                0,
                Long.MAX_VALUE,
                0.5,
                TopicCompression.PRODUCER,
                TimestampType.CREATE_TIME,
                Long.MAX_VALUE,
                Long.MAX_VALUE,
                Long.MAX_VALUE,
                Long.MAX_VALUE,
                60_000,
                minInsyncReplicas,
                false);
    }
}
