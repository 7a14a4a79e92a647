package io.troupe.journal;

import io.troupe.config.LogConfig;
import io.troupe.config.LogConfigs;
import io.troupe.record.BatchHeader;
import io.troupe.record.ProducerStates;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.RecordBatch;
import org.apache.kafka.common.record.internal.SimpleRecord;

/** Batches, settings and short ways for the journal's tests. */
final class JournalFixture {
    static final TopicIdPartition PARTITION = new TopicIdPartition(new Uuid(7, 7), 0, "orders");
    static final LogId ID = LogId.of(PARTITION);
    static final String PID = "replica-x";
    static final String WRITER = "writer-1";

    private JournalFixture() {}

    /** @param more as {@link LogConfigs#of} takes it */
    static LogConfig config(int segmentBytes, long flushMessages, Object... more) {
        List<Object> settings = new ArrayList<>(List.of(
                "segment.bytes",
                segmentBytes,
                "segment.ms",
                Long.MAX_VALUE,
                "flush.messages",
                flushMessages,
                "index.interval.bytes",
                64,
                "file.delete.delay.ms",
                0));
        settings.addAll(List.of(more));
        return LogConfigs.of(settings.toArray());
    }

    static LogDir dir(Path path) {
        return LogDir.open(path, 1, Optional.empty());
    }

    /** One batch of {@code count} records whose timestamps are {@code timestampMs}, +1, … */
    static ByteBuffer batch(long baseOffset, int count, long timestampMs, int leaderEpoch, int valueBytes) {
        return batch(baseOffset, count, timestampMs, leaderEpoch, valueBytes, Compression.NONE, -1, 0);
    }

    static ByteBuffer batch(
            long baseOffset,
            int count,
            long timestampMs,
            int leaderEpoch,
            int valueBytes,
            Compression compression,
            long producerId,
            int baseSequence) {
        SimpleRecord[] records = new SimpleRecord[count];
        for (int i = 0; i < count; i++) {
            byte[] value = new byte[valueBytes];
            java.util.Arrays.fill(value, (byte) (baseOffset + i));
            records[i] = new SimpleRecord(timestampMs + i, ("k" + (baseOffset + i)).getBytes(), value);
        }
        return batch(baseOffset, leaderEpoch, compression, producerId, baseSequence, records);
    }

    /** @param producerId -1 for a producer that is not idempotent */
    static ByteBuffer batch(
            long baseOffset,
            int leaderEpoch,
            Compression compression,
            long producerId,
            int baseSequence,
            SimpleRecord... records) {
        MemoryRecords memory = producerId < 0
                ? MemoryRecords.withRecords(
                        RecordBatch.CURRENT_MAGIC_VALUE, baseOffset, compression, TimestampType.CREATE_TIME, records)
                : MemoryRecords.withIdempotentRecords(
                        RecordBatch.CURRENT_MAGIC_VALUE,
                        baseOffset,
                        compression,
                        producerId,
                        (short) 0,
                        baseSequence,
                        leaderEpoch,
                        records);
        ByteBuffer buffer = memory.buffer().duplicate();
        BatchHeader.stamp(buffer, 0, baseOffset, leaderEpoch);
        return buffer;
    }

    static LogAppend group(ByteBuffer... batches) {
        int bytes = 0;
        for (ByteBuffer batch : batches) {
            bytes += batch.remaining();
        }
        return new LogAppend(
                BatchHeader.baseOffset(batches[0], 0),
                BatchHeader.lastOffset(batches[batches.length - 1], 0) + 1,
                List.of(batches),
                bytes);
    }

    static void append(LogDir dir, ByteBuffer... batches) {
        dir.append(PID, WRITER, group(batches), false, 0).join();
    }

    /** Batches of one record and one producer, 77, at times from 1000 on, in epochs of five. */
    static void appendTwenty(LogDir dir) {
        for (int i = 0; i < 20; i++) {
            append(dir, batch(i, 1, 1000 + i, i / 5, 50, Compression.NONE, 77, i));
        }
    }

    /** All batches from {@code from} on, as bytes. */
    static ByteBuffer readAll(LogReader reader, long from) throws Exception {
        List<ByteBuffer> parts = new ArrayList<>();
        int bytes = 0;
        long next = from;
        while (next < reader.logEndOffset()) {
            ByteBuffer part = reader.read(next, Long.MAX_VALUE, 1 << 16, true);
            if (!part.hasRemaining()) {
                break;
            }
            parts.add(part.duplicate());
            bytes += part.remaining();
            int at = 0;
            while (at < part.limit()) {
                next = BatchHeader.lastOffset(part, at) + 1;
                at += BatchHeader.sizeInBytes(part, at);
            }
        }
        ByteBuffer all = ByteBuffer.allocate(bytes);
        parts.forEach(all::put);
        return all.flip();
    }

    /** Ends a dir the way a killed process does: nothing is closed in order, the lock is let go. */
    static void crash(LogDir dir) {
        dir.abandon();
    }

    static String text(ProducerStates states) {
        return states.toString();
    }
}
