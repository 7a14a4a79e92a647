package io.troupe.record;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.CompressionType;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.MemoryRecordsBuilder;
import org.apache.kafka.common.record.internal.MutableRecordBatch;
import org.apache.kafka.common.record.internal.Record;
import org.apache.kafka.common.record.internal.RecordBatch;
import org.apache.kafka.common.record.internal.SimpleRecord;
import org.apache.kafka.common.utils.internals.BufferSupplier;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What a filtered batch holds is read back with Kafka's own classes, and compared with Kafka's own filter. */
class BatchFilterTest {
    private static final long HORIZON = 5_000_000;

    private final BatchFilter filter = new BatchFilter();

    @ParameterizedTest
    @EnumSource(CompressionType.class)
    void whatStaysKeepsItsPlaceAndTheHeaderItsIdentity(CompressionType codec) throws IOException {
        ByteBuffer batch = batch(codec, TimestampType.CREATE_TIME, 100, "a=1", "b=2", "a=3", "c=4");
        BatchFilter.Filtered filtered = filter.filter(
                batch, 0, (offset, high, low, tombstone) -> offset == 101 || offset == 102, HORIZON, false);
        assertTrue(filtered.changed());
        assertEquals(4, filtered.records());
        assertEquals(2, filtered.kept());
        MutableRecordBatch read = only(filtered.batch());
        assertEquals(100, read.baseOffset());
        assertEquals(103, read.lastOffset());
        assertEquals(77, read.producerId());
        assertEquals(3, read.producerEpoch());
        assertEquals(50, read.baseSequence());
        assertEquals(53, read.lastSequence());
        assertEquals(9, read.partitionLeaderEpoch());
        assertEquals(codec, read.compressionType());
        assertEquals(1002, read.maxTimestamp(), "of the records that are left");
        assertFalse(read.deleteHorizonMs().isPresent());
        assertEquals(List.of("101:b=2@1001 h=v1", "102:a=3@1002 h=v2"), texts(read));
    }

    @ParameterizedTest
    @EnumSource(CompressionType.class)
    void aTombstoneThatStaysGetsAHorizonOnce(CompressionType codec) throws IOException {
        ByteBuffer batch = batch(codec, TimestampType.CREATE_TIME, 100, "a=1", "b", "c=4");
        BatchFilter.Filtered first = filter.filter(batch, 0, (offset, high, low, tombstone) -> true, HORIZON, false);
        assertTrue(first.changed());
        MutableRecordBatch read = only(first.batch());
        assertEquals(HORIZON, read.deleteHorizonMs().getAsLong());
        assertEquals(List.of("100:a=1@1000 h=v0", "101:b=null@1001 h=v1", "102:c=4@1002 h=v2"), texts(read));
        assertTrue(BatchHeader.hasDeleteHorizon(first.batch(), 0));

        BatchFilter.Filtered again =
                filter.filter(first.batch(), 0, (offset, high, low, tombstone) -> true, HORIZON + 99, false);
        assertFalse(again.changed());
        assertEquals(first.batch(), again.batch());

        BatchFilter.Filtered fewer =
                filter.filter(first.batch(), 0, (offset, high, low, tombstone) -> offset > 100, HORIZON + 99, false);
        assertEquals(HORIZON, only(fewer.batch()).deleteHorizonMs().getAsLong());
        assertEquals(List.of("101:b=null@1001 h=v1", "102:c=4@1002 h=v2"), texts(only(fewer.batch())));
    }

    @ParameterizedTest
    @EnumSource(CompressionType.class)
    void anEmptyBatchGoesOrKeepsItsHeader(CompressionType codec) throws IOException {
        ByteBuffer batch = batch(codec, TimestampType.CREATE_TIME, 100, "a=1", "b", "c=4");
        assertNull(filter.filter(batch, 0, (offset, high, low, tombstone) -> false, HORIZON, false)
                .batch());
        BatchFilter.Filtered kept = filter.filter(batch, 0, (offset, high, low, tombstone) -> false, HORIZON, true);
        assertTrue(kept.changed());
        assertEquals(BatchHeader.SIZE, kept.batch().remaining());
        MutableRecordBatch read = only(kept.batch());
        assertEquals(0, read.countOrNull());
        assertEquals(102, read.lastOffset());
        assertEquals(52, read.lastSequence());
        assertEquals(1002, read.maxTimestamp());
        assertEquals(List.of(), texts(read));
        assertEquals(Long.MIN_VALUE, BatchHeader.maxRecordTimestamp(kept.batch(), 0));
        BatchFilter.Filtered again =
                filter.filter(kept.batch(), 0, (offset, high, low, tombstone) -> true, HORIZON, true);
        assertFalse(again.changed());
        assertEquals(kept.batch(), again.batch());
    }

    @ParameterizedTest
    @EnumSource(CompressionType.class)
    void logAppendTimeStays(CompressionType codec) throws IOException {
        ByteBuffer batch = batch(codec, TimestampType.LOG_APPEND_TIME, 100, "a=1", "b", "c=4");
        BatchFilter.Filtered filtered =
                filter.filter(batch, 0, (offset, high, low, tombstone) -> offset < 102, HORIZON, false);
        MutableRecordBatch read = only(filtered.batch());
        assertEquals(TimestampType.LOG_APPEND_TIME, read.timestampType());
        assertEquals(List.of("100:a=1@4711 h=v0", "101:b=null@4711 h=v1"), texts(read));
    }

    @ParameterizedTest
    @EnumSource(CompressionType.class)
    void agreesWithKafkasFilter(CompressionType codec) throws IOException {
        Random random = new Random(codec.id);
        for (int round = 0; round < 60; round++) {
            String[] records = new String[1 + random.nextInt(20)];
            for (int i = 0; i < records.length; i++) {
                records[i] =
                        "k" + random.nextInt(9) + (random.nextInt(4) == 0 ? "" : "=" + "v".repeat(random.nextInt(300)));
            }
            TimestampType type = random.nextInt(3) == 0 ? TimestampType.LOG_APPEND_TIME : TimestampType.CREATE_TIME;
            ByteBuffer batch = batch(codec, type, 1L << random.nextInt(40), records);
            Set<Long> stay = new HashSet<>();
            for (int i = 0; i < records.length; i++) {
                if (random.nextInt(1 + round % 4) == 0) {
                    stay.add(BatchHeader.baseOffset(batch, 0) + i);
                }
            }
            boolean keepEmpty = random.nextBoolean();
            BatchFilter.Filtered ours = filter.filter(
                    batch, 0, (offset, high, low, tombstone) -> stay.contains(offset), HORIZON, keepEmpty);
            ByteBuffer theirs = kafkas(batch, stay, keepEmpty);
            if (!theirs.hasRemaining()) {
                assertNull(ours.batch());
                continue;
            }
            MutableRecordBatch expected = only(theirs);
            MutableRecordBatch actual = only(ours.batch());
            assertEquals(texts(expected), texts(actual));
            assertEquals(expected.baseOffset(), actual.baseOffset());
            assertEquals(expected.lastOffset(), actual.lastOffset());
            assertEquals(expected.maxTimestamp(), actual.maxTimestamp());
            assertEquals(expected.timestampType(), actual.timestampType());
            assertEquals(expected.deleteHorizonMs(), actual.deleteHorizonMs());
            assertEquals(expected.compressionType(), actual.compressionType());
            assertEquals(expected.producerId(), actual.producerId());
            assertEquals(expected.lastSequence(), actual.lastSequence());
            assertEquals(expected.isTransactional(), actual.isTransactional());
        }
    }

    @ParameterizedTest
    @EnumSource(CompressionType.class)
    void keysAreKnownByTheirHash(CompressionType codec) throws IOException {
        ByteBuffer batch =
                batch(codec, TimestampType.CREATE_TIME, 100, "a=1", "b=2", "a=3", "long" + "x".repeat(9_999));
        Map<Long, List<Long>> offsets = new HashMap<>();
        assertTrue(filter.forEachKey(batch, 0, (offset, high, low) -> {
            offsets.computeIfAbsent(high ^ low, k -> new ArrayList<>()).add(offset);
            return true;
        }));
        assertEquals(Set.of(List.of(100L, 102L), List.of(101L), List.of(103L)), Set.copyOf(offsets.values()));
        List<Long> seen = new ArrayList<>();
        assertFalse(filter.forEachKey(batch, 0, (offset, high, low) -> seen.add(offset) && offset < 101));
        assertEquals(List.of(100L, 101L), seen);
    }

    private static ByteBuffer kafkas(ByteBuffer batch, Set<Long> stay, boolean keepEmpty) {
        ByteBuffer into = ByteBuffer.allocate(batch.remaining() * 2 + 1000);
        MemoryRecords.FilterResult result = MemoryRecords.readableRecords(batch.duplicate())
                .filterTo(
                        new MemoryRecords.RecordFilter(HORIZON, 0) {
                            @Override
                            protected BatchRetentionResult checkBatchRetention(RecordBatch b) {
                                return new BatchRetentionResult(
                                        keepEmpty ? BatchRetention.RETAIN_EMPTY : BatchRetention.DELETE_EMPTY, false);
                            }

                            @Override
                            protected boolean shouldRetainRecord(RecordBatch b, Record record) {
                                return stay.contains(record.offset());
                            }
                        },
                        into,
                        BufferSupplier.NO_CACHING,
                        Integer.MAX_VALUE);
        ByteBuffer out = result.outputBuffer();
        return out.flip();
    }

    /** Records {@code key=value} or {@code key}, each with a header, 1 ms apart from 1000 on. */
    static ByteBuffer batch(CompressionType codec, TimestampType type, long baseOffset, String... records) {
        ByteBuffer buffer = ByteBuffer.allocate(1 << 16);
        MemoryRecordsBuilder builder = MemoryRecords.builder(
                buffer,
                RecordBatch.CURRENT_MAGIC_VALUE,
                Compression.of(codec).build(),
                type,
                baseOffset,
                type == TimestampType.LOG_APPEND_TIME ? 4711 : -1,
                77,
                (short) 3,
                50,
                false,
                9);
        for (int i = 0; i < records.length; i++) {
            int equals = records[i].indexOf('=');
            byte[] key = (equals < 0 ? records[i] : records[i].substring(0, equals)).getBytes(StandardCharsets.UTF_8);
            byte[] value = equals < 0 ? null : records[i].substring(equals + 1).getBytes(StandardCharsets.UTF_8);
            builder.append(new SimpleRecord(1000 + i, key, value, new Header[] {
                new RecordHeader("h", ("v" + i).getBytes(StandardCharsets.UTF_8))
            }));
        }
        return builder.build().buffer().slice();
    }

    private static MutableRecordBatch only(ByteBuffer bytes) {
        List<MutableRecordBatch> batches = new ArrayList<>();
        MemoryRecords.readableRecords(bytes.duplicate()).batches().forEach(batches::add);
        assertEquals(1, batches.size());
        batches.get(0).ensureValid();
        assertEquals(bytes.remaining(), batches.get(0).sizeInBytes());
        return batches.get(0);
    }

    private static List<String> texts(RecordBatch batch) {
        List<String> texts = new ArrayList<>();
        for (Record record : batch) {
            record.ensureValid();
            texts.add(record.offset() + ":" + text(record.key()) + "=" + text(record.value()) + "@" + record.timestamp()
                    + " h=" + new String(record.headers()[0].value(), StandardCharsets.UTF_8));
        }
        return texts;
    }

    private static String text(ByteBuffer bytes) {
        return bytes == null ? "null" : StandardCharsets.UTF_8.decode(bytes).toString();
    }
}
