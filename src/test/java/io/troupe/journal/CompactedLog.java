package io.troupe.journal;

import io.troupe.config.CleanerConfig;
import io.troupe.config.LogConfig;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.CompressionType;
import org.apache.kafka.common.record.internal.ControlRecordType;
import org.apache.kafka.common.record.internal.EndTransactionMarker;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.MemoryRecordsBuilder;
import org.apache.kafka.common.record.internal.MutableRecordBatch;
import org.apache.kafka.common.record.internal.Record;
import org.apache.kafka.common.record.internal.RecordBatch;
import org.apache.kafka.common.record.internal.SimpleRecord;

/** A compacted log for tests: opened, written, cleaned when the test says so, read back with Kafka's own classes. */
final class CompactedLog implements AutoCloseable {
    static final long DELETE_RETENTION_MS = 1000;

    /** A record as read; {@code value} null for a tombstone. */
    record Entry(long offset, String key, String value, long timestampMs) {}

    private final Path path;
    private final LogConfig config;
    long nowMs = 1_000_000;
    /** Of the map of keys. */
    long mapBytes = 1 << 20;

    int bufferBytes = 8192;
    LogDir dir;
    JournalCommand.Opened opened;

    CompactedLog(Path path, LogConfig config) {
        this.path = path;
        this.config = config;
    }

    static LogConfig config(int segmentBytes) {
        return config(segmentBytes, 0, Long.MAX_VALUE, 0.0);
    }

    static LogConfig config(int segmentBytes, long minLagMs, long maxLagMs, double ratio) {
        return JournalFixture.config(
                segmentBytes,
                Long.MAX_VALUE,
                "cleanup.policy",
                "compact",
                "delete.retention.ms",
                DELETE_RETENTION_MS,
                "min.compaction.lag.ms",
                minLagMs,
                "max.compaction.lag.ms",
                maxLagMs,
                "min.cleanable.dirty.ratio",
                ratio);
    }

    CompactedLog open(Disk disk) throws Exception {
        dir = LogDir.open(path, 1, Optional.empty(), disk);
        opened = dir.open(JournalFixture.PID, JournalFixture.PARTITION, config);
        return this;
    }

    CompactedLog open() throws Exception {
        return open(Disk.real());
    }

    LogReader reader() {
        return opened.reader();
    }

    /** Writes records {@code key=value} or {@code key}, all of them below the HW at once. */
    long write(String... records) {
        return write(CompressionType.NONE, -1, 0, records);
    }

    long write(CompressionType codec, long producerId, int baseSequence, String... records) {
        long base = reader().logEndOffset();
        append(batch(base, codec, producerId, baseSequence, false, records));
        return base;
    }

    long writeTransactional(long producerId, int baseSequence, String... records) {
        long base = reader().logEndOffset();
        append(batch(base, CompressionType.NONE, producerId, baseSequence, true, records));
        return base;
    }

    long end(long producerId, boolean commit) {
        long base = reader().logEndOffset();
        append(MemoryRecords.withEndTransactionMarker(
                        base,
                        nowMs,
                        0,
                        producerId,
                        (short) 0,
                        new EndTransactionMarker(commit ? ControlRecordType.COMMIT : ControlRecordType.ABORT, 0))
                .buffer());
        return base;
    }

    void append(ByteBuffer batch) {
        dir.append(JournalFixture.PID, JournalFixture.WRITER, JournalFixture.group(batch), false, nowMs)
                .join();
        dir.checkpointHighWatermark(JournalFixture.PID, reader().logEndOffset(), nowMs);
    }

    private ByteBuffer batch(
            long base, CompressionType codec, long producerId, int sequence, boolean transactional, String... records) {
        MemoryRecordsBuilder builder = MemoryRecords.builder(
                ByteBuffer.allocate(4096),
                RecordBatch.CURRENT_MAGIC_VALUE,
                Compression.of(codec).build(),
                TimestampType.CREATE_TIME,
                base,
                -1,
                producerId,
                (short) (producerId < 0 ? -1 : 0),
                producerId < 0 ? -1 : sequence,
                transactional,
                0);
        for (String record : records) {
            int equals = record.indexOf('=');
            builder.append(new SimpleRecord(
                    nowMs,
                    bytes(equals < 0 ? record : record.substring(0, equals)),
                    equals < 0 ? null : bytes(record.substring(equals + 1))));
        }
        return builder.build().buffer().slice();
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    /** Cleans until nothing is left to clean; how often it did. */
    int clean() {
        LogCleaner cleaner = cleaner();
        int times = 0;
        while (times < 10_000 && cleaner.cleanNext()) {
            times++;
        }
        return times;
    }

    LogCleaner cleaner() {
        return dir.newCleaner(
                new CleanerConfig(true, mapBytes, 0.9, bufferBytes, Double.MAX_VALUE, 1),
                new CleanerThrottle(Double.MAX_VALUE),
                Long.MAX_VALUE,
                () -> nowMs);
    }

    /** Waits until closed segments are durable, which makes them cleanable. */
    void settle() throws Exception {
        dir.awaitBackground();
    }

    List<MutableRecordBatch> batches() throws Exception {
        List<MutableRecordBatch> batches = new ArrayList<>();
        ByteBuffer all = JournalFixture.readAll(reader(), reader().logStartOffset());
        MemoryRecords.readableRecords(all).batches().forEach(batches::add);
        return batches;
    }

    /** All data records, each batch and record checked by Kafka's own classes. */
    List<Entry> entries() throws Exception {
        List<Entry> entries = new ArrayList<>();
        for (MutableRecordBatch batch : batches()) {
            batch.ensureValid();
            if (batch.isControlBatch()) {
                continue;
            }
            for (Record record : batch) {
                record.ensureValid();
                entries.add(new Entry(record.offset(), text(record.key()), text(record.value()), record.timestamp()));
            }
        }
        return entries;
    }

    /** {@code offset:key=value} of each. */
    List<String> texts() throws Exception {
        return entries().stream()
                .map(e -> e.offset() + ":" + e.key() + (e.value() == null ? "" : "=" + e.value()))
                .toList();
    }

    private static String text(ByteBuffer bytes) {
        return bytes == null ? null : StandardCharsets.UTF_8.decode(bytes).toString();
    }

    /** Closes and opens again. */
    void restart() throws Exception {
        dir.close();
        open();
    }

    /** As if the process had been killed. */
    void kill() throws Exception {
        dir.abandon();
        open();
    }

    @Override
    public void close() {
        dir.close();
    }
}
