package io.troupe.record;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.config.LogConfig;
import io.troupe.config.LogConfigs;
import io.troupe.config.TopicCompression;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.CompressionType;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.Record;
import org.apache.kafka.common.record.internal.RecordBatch;
import org.apache.kafka.common.record.internal.SimpleRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Topic {@code compression.type}: a batch in another codec is packed anew and says the same. */
class RepackTest {
    private static final long NOW = 1_700_000_000_000L;
    private static final int SEEDS = 6;
    private static final UnpackBudget BUDGET = new UnpackBudget(Integer.MAX_VALUE);
    private static final List<TopicCompression> TARGETS = List.of(
            new TopicCompression("uncompressed", 0),
            new TopicCompression("gzip", -1),
            new TopicCompression("gzip", 9),
            new TopicCompression("snappy", 0),
            new TopicCompression("lz4", 1),
            new TopicCompression("lz4", 17),
            new TopicCompression("zstd", -5),
            new TopicCompression("zstd", 19));

    static List<Arguments> pairs() {
        List<Arguments> pairs = new ArrayList<>();
        for (CompressionType from : CompressionType.values()) {
            TARGETS.forEach(to -> pairs.add(Arguments.of(from, to)));
        }
        return pairs;
    }

    @ParameterizedTest
    @MethodSource("pairs")
    void whateverIsInABatchStaysAsItWas(CompressionType from, TopicCompression to) {
        for (int seed = 0; seed < SEEDS; seed++) {
            Random random = new Random(seed);
            SimpleRecord[] records = records(random);
            ByteBuffer batch = idempotent(from, records);
            LogConfig config = config(to, 4 << 20, TimestampType.CREATE_TIME);
            ByteBuffer packed = valid(batch, config).batch();
            RecordBatch before = only(idempotent(from, records));
            RecordBatch after = only(packed);
            after.ensureValid();
            assertEquals(to.codec().equals("uncompressed") ? "none" : to.codec(), after.compressionType().name);
            assertEquals(before.producerId(), after.producerId());
            assertEquals(before.producerEpoch(), after.producerEpoch());
            assertEquals(before.baseSequence(), after.baseSequence());
            assertEquals(before.lastOffset(), after.lastOffset());
            assertEquals(before.maxTimestamp(), after.maxTimestamp());
            assertEquals(before.countOrNull(), after.countOrNull());
            assertSameRecords(before, after, "seed " + seed);
            assertEquals(packed.limit(), BatchHeader.sizeInBytes(packed, 0));
        }
    }

    @ParameterizedTest
    @MethodSource("pairs")
    void theSameCodecIsLeftByteForByte(CompressionType from, TopicCompression to) {
        ByteBuffer batch = idempotent(from, records(new Random(1)));
        LogConfig config = config(to, 4 << 20, TimestampType.CREATE_TIME);
        boolean same = from.name.equals(to.codec())
                || from == CompressionType.NONE && to.codec().equals("uncompressed");
        BatchValidator.Result result = BatchValidator.validate(batch, config, false, NOW, BUDGET);
        if (same) {
            assertEquals(
                    batch, assertInstanceOf(BatchValidator.Valid.class, result).batch());
        } else {
            assertInstanceOf(BatchValidator.Unread.class, result);
        }
    }

    @Test
    void controlBatchesAreNeverPackedAnew() {
        ByteBuffer control = idempotent(CompressionType.NONE, records(new Random(1)));
        control.putShort(21, (short) 0x20);
        control.putInt(17, BatchHeader.computeCrc(control, 0));
        LogConfig config = config(TARGETS.get(1), 4 << 20, TimestampType.CREATE_TIME);
        assertInstanceOf(BatchValidator.Valid.class, BatchValidator.validate(control, config, true, NOW, BUDGET));
    }

    @Test
    void logAppendTimeIsStampedOnWhatWasPackedAnew() {
        ByteBuffer batch = idempotent(CompressionType.NONE, records(new Random(2)));
        BatchValidator.Valid valid = valid(batch, config(TARGETS.get(6), 4 << 20, TimestampType.LOG_APPEND_TIME));
        assertEquals(NOW, valid.logAppendTimeMs());
        RecordBatch after = only(valid.batch());
        after.ensureValid();
        assertEquals(TimestampType.LOG_APPEND_TIME, after.timestampType());
        after.forEach(record -> assertEquals(NOW, record.timestamp()));
    }

    @Test
    void whatGrowsBeyondTheFirstGuessIsPackedAgainInTheExactSize() {
        SimpleRecord zeros = new SimpleRecord(NOW, null, new byte[200_000]);
        ByteBuffer batch = batch(CompressionType.ZSTD, zeros);
        assertTrue(batch.limit() < 1000);
        BatchValidator.Valid valid = valid(batch, config(TARGETS.get(0), 1 << 20, TimestampType.CREATE_TIME));
        assertEquals(valid.batch().limit(), valid.batch().capacity());
        assertNotSame(batch, valid.batch());
        assertArrayEquals(
                new byte[200_000], bytes(only(valid.batch()).iterator().next().value()));
    }

    @Test
    void aResultAboveTheTopicsLimitIsTooLarge() {
        SimpleRecord zeros = new SimpleRecord(NOW, null, new byte[200_000]);
        for (TopicCompression to : List.of(TARGETS.get(0), TARGETS.get(3))) {
            LogConfig config = config(to, 5_000, TimestampType.CREATE_TIME);
            BatchValidator.Refused refused = refused(batch(CompressionType.ZSTD, zeros), config, 1 << 20);
            assertEquals(Errors.MESSAGE_TOO_LARGE, refused.refusal().error(), to.codec());
        }
    }

    @Test
    void aBatchThatUnpacksToMoreThanAllowedIsTooLargeAndNotUnpacked() {
        ByteBuffer bomb = batch(CompressionType.ZSTD, new SimpleRecord(NOW, null, new byte[3 << 20]));
        LogConfig config = config(TARGETS.get(1), 4 << 20, TimestampType.CREATE_TIME);
        BatchValidator.Refused refused = refused(bomb, config, 1 << 20);
        assertEquals(Errors.MESSAGE_TOO_LARGE, refused.refusal().error());
        assertTrue(
                refused.refusal().message().contains("" + (1 << 20)),
                refused.refusal().message());
    }

    @ParameterizedTest
    @MethodSource("pairs")
    void damageIsAnInvalidRecordAndNeverAnException(CompressionType from, TopicCompression to) {
        LogConfig config = config(to, 4 << 20, TimestampType.CREATE_TIME);
        SimpleRecord[] records = records(new Random(3));
        ByteBuffer good = idempotent(from, records);
        Random random = new Random(4);
        for (int i = 0; i < 60; i++) {
            ByteBuffer bad =
                    ByteBuffer.allocate(good.limit()).put(good.duplicate()).flip();
            int at = BatchHeader.SIZE + random.nextInt(good.limit() - BatchHeader.SIZE);
            bad.put(at, (byte) random.nextInt());
            bad.putInt(17, BatchHeader.computeCrc(bad, 0));
            BatchValidator.Result result = BatchValidator.validate(bad, config, false, NOW, BUDGET);
            if (result instanceof BatchValidator.Unread unread) {
                result = BatchValidator.unpack(unread, config, NOW, BUDGET, 1 << 20, Integer.MAX_VALUE);
            }
            if (result instanceof BatchValidator.Valid valid) {
                only(valid.batch()).ensureValid();
            }
        }
    }

    @Test
    void recordsLeftOverAndRecordsMissingAreRefused() {
        LogConfig config = config(TARGETS.get(1), 4 << 20, TimestampType.CREATE_TIME);
        SimpleRecord[] three = {new SimpleRecord(NOW, null, new byte[10]), new SimpleRecord(NOW, null, new byte[10])};
        for (int count : new int[] {1, 3}) {
            ByteBuffer bad = batch(CompressionType.LZ4, three);
            bad.putInt(23, count - 1).putInt(57, count);
            bad.putInt(17, BatchHeader.computeCrc(bad, 0));
            assertEquals(
                    Errors.INVALID_RECORD,
                    refused(bad, config, 1 << 20).refusal().error());
        }
    }

    private static BatchValidator.Valid valid(ByteBuffer batch, LogConfig config) {
        BatchValidator.Result result = BatchValidator.validate(batch, config, false, NOW, BUDGET);
        if (result instanceof BatchValidator.Unread unread) {
            result = BatchValidator.unpack(unread, config, NOW, BUDGET, 4 << 20, Integer.MAX_VALUE);
        }
        return assertInstanceOf(BatchValidator.Valid.class, result);
    }

    private static BatchValidator.Refused refused(ByteBuffer batch, LogConfig config, long maxUnpackedBytes) {
        BatchValidator.Unread unread = assertInstanceOf(
                BatchValidator.Unread.class, BatchValidator.validate(batch, config, false, NOW, BUDGET));
        return assertInstanceOf(
                BatchValidator.Refused.class,
                BatchValidator.unpack(unread, config, NOW, BUDGET, maxUnpackedBytes, Integer.MAX_VALUE));
    }

    private static SimpleRecord[] records(Random random) {
        SimpleRecord[] records = new SimpleRecord[1 + random.nextInt(40)];
        for (int i = 0; i < records.length; i++) {
            Header[] headers = new Header[random.nextInt(4)];
            for (int h = 0; h < headers.length; h++) {
                headers[h] = new RecordHeader("h".repeat(random.nextInt(5)), bytes(random, 50));
            }
            // Timestamps go back and forth, some before the first one.
            records[i] =
                    new SimpleRecord(NOW - random.nextInt(1_000_000), bytes(random, 30), bytes(random, 2000), headers);
        }
        return records;
    }

    /** Null, empty, all alike or random. */
    private static byte[] bytes(Random random, int most) {
        int kind = random.nextInt(6);
        if (kind == 0) {
            return null;
        }
        byte[] bytes = new byte[kind == 1 ? 0 : random.nextInt(most)];
        if (kind > 3) {
            random.nextBytes(bytes);
        }
        return bytes;
    }

    private static ByteBuffer idempotent(CompressionType codec, SimpleRecord... records) {
        return MemoryRecords.withIdempotentRecords(Compression.of(codec).build(), 4711, (short) 3, 17, records)
                .buffer();
    }

    private static ByteBuffer batch(CompressionType codec, SimpleRecord... records) {
        return MemoryRecords.withRecords(Compression.of(codec).build(), records).buffer();
    }

    private static RecordBatch only(ByteBuffer batch) {
        Iterator<? extends RecordBatch> batches =
                MemoryRecords.readableRecords(batch).batches().iterator();
        RecordBatch first = batches.next();
        assertTrue(!batches.hasNext());
        return first;
    }

    private static void assertSameRecords(RecordBatch before, RecordBatch after, String what) {
        Iterator<Record> others = after.iterator();
        for (Record expected : before) {
            Record actual = others.next();
            assertEquals(expected.offset(), actual.offset(), what);
            assertEquals(expected.timestamp(), actual.timestamp(), what);
            assertEquals(expected.sequence(), actual.sequence(), what);
            assertEquals(expected.key(), actual.key(), what);
            assertEquals(expected.value(), actual.value(), what);
            assertEquals(Arrays.asList(expected.headers()), Arrays.asList(actual.headers()), what);
        }
        assertTrue(!others.hasNext(), what);
    }

    private static byte[] bytes(ByteBuffer buffer) {
        byte[] bytes = new byte[buffer.remaining()];
        buffer.duplicate().get(bytes);
        return bytes;
    }

    private static LogConfig config(TopicCompression compression, int maxMessageBytes, TimestampType type) {
        List<Object> settings = new ArrayList<>(List.of(
                "compression.type", compression.codec(),
                "max.message.bytes", maxMessageBytes,
                "message.timestamp.type", type));
        if (Set.of("gzip", "lz4", "zstd").contains(compression.codec())) {
            settings.addAll(List.of("compression." + compression.codec() + ".level", compression.level()));
        }
        return LogConfigs.of(settings.toArray());
    }
}
