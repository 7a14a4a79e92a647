package io.troupe.record;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.config.LogConfig;
import io.troupe.config.LogConfigs;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.CompressionType;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.SimpleRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class BatchValidatorTest {
    private static final long NOW = 1_700_000_000_000L;
    private static final UnpackBudget BUDGET = new UnpackBudget(Integer.MAX_VALUE);

    @Test
    void acceptsOneBatchAndLeavesItsBytesAlone() {
        ByteBuffer batch = batch(Compression.NONE, record("k", "v"));
        ByteBuffer before =
                ByteBuffer.allocate(batch.remaining()).put(batch.duplicate()).flip();
        BatchValidator.Valid valid = assertInstanceOf(BatchValidator.Valid.class, judge(batch, config(), false, NOW));
        assertEquals(before, valid.batch());
        assertEquals(-1, valid.logAppendTimeMs());
    }

    @Test
    void aFlippedByteAnywhereBehindTheCrcIsCorrupt() {
        ByteBuffer good = batch(Compression.NONE, record("k", "v"), record("k2", "v2"));
        for (int i = 21; i < good.remaining(); i++) {
            ByteBuffer bad =
                    ByteBuffer.allocate(good.remaining()).put(good.duplicate()).flip();
            bad.put(i, (byte) (bad.get(i) ^ 0x10));
            assertRefused(Errors.CORRUPT_MESSAGE, bad, config(), false);
        }
    }

    @Test
    void exactlyOneWholeBatch() {
        ByteBuffer one = batch(Compression.NONE, record("k", "v"));
        ByteBuffer two = ByteBuffer.allocate(2 * one.remaining())
                .put(one.duplicate())
                .put(one.duplicate())
                .flip();
        assertRefused(Errors.INVALID_RECORD, two, config(), false);
        assertRefused(Errors.INVALID_RECORD, one.duplicate().limit(one.limit() - 1), config(), false);
        assertRefused(Errors.INVALID_RECORD, ByteBuffer.allocate(0), config(), false);
        assertRefused(Errors.INVALID_RECORD, null, config(), false);
    }

    @Test
    void everyPossibleSizeFieldIsAnsweredWithoutAnException() {
        for (int length :
                new int[] {Integer.MIN_VALUE, -1, 0, 48, 49, 1 << 20, Integer.MAX_VALUE - 3, Integer.MAX_VALUE}) {
            ByteBuffer bad = batch(Compression.NONE, record("k", "v"));
            bad.putInt(8, length);
            assertInstanceOf(BatchValidator.Refused.class, judge(bad, config(), false, NOW), "length " + length);
        }
    }

    @Test
    void oldAndUnknownMagic() {
        assertRefused(
                Errors.INVALID_RECORD, batch(Compression.NONE, record("k", "v")).put(16, (byte) 1), config(), false);
        assertRefused(
                Errors.CORRUPT_MESSAGE,
                batch(Compression.NONE, record("k", "v")).put(16, (byte) 3),
                config(),
                false);
    }

    @Test
    void theRecordsCountMustEqualTheOffsetsSpanned() {
        ByteBuffer bad = batch(Compression.NONE, record("k", "v"));
        bad.putInt(57, 2);
        recrc(bad);
        assertRefused(Errors.INVALID_RECORD, bad, config(), false);
        bad.putInt(57, 0).putInt(23, -1);
        recrc(bad);
        assertRefused(Errors.INVALID_RECORD, bad, config(), false);
    }

    @Test
    void onlyTheBrokerWritesControlBatches() {
        ByteBuffer control = batch(Compression.NONE, record("k", "v"));
        control.putShort(21, (short) 0x20);
        recrc(control);
        assertRefused(Errors.INVALID_RECORD, control, config(), false);
        assertInstanceOf(BatchValidator.Valid.class, judge(control, config(), true, NOW));
    }

    @Test
    void unknownCodecsTransactionsAndNegativeSequencesAreRefused() {
        assertRefused(Errors.UNSUPPORTED_COMPRESSION_TYPE, withAttributes(5), config(), false);
        assertRefused(Errors.UNSUPPORTED_VERSION, withAttributes(0x10), config(), false);
        ByteBuffer noSequence = batch(Compression.NONE, record("k", "v"));
        noSequence.putLong(43, 7).putShort(51, (short) 0).putInt(53, -1);
        recrc(noSequence);
        assertRefused(Errors.INVALID_RECORD, noSequence, config(), false);
    }

    @Test
    void sizeIsBoundedAndTheMessageTellsBothSizes() {
        ByteBuffer large = batch(Compression.NONE, record("k", "v".repeat(2000)));
        BatchValidator.Refused refused = assertRefused(Errors.MESSAGE_TOO_LARGE, large, config("delete", 1000), false);
        assertTrue(refused.refusal().message().contains("1000"));
        assertTrue(refused.refusal().message().contains(String.valueOf(large.remaining())));
    }

    @ParameterizedTest
    @EnumSource(CompressionType.class)
    void aCompactedTopicNeedsKeysWhateverTheCodec(CompressionType codec) {
        Compression compression = Compression.of(codec).build();
        ByteBuffer keyed = batch(compression, record("k", "v".repeat(500)), record("", null));
        assertInstanceOf(
                BatchValidator.Valid.class,
                judge(keyed, config("compact", 1 << 20), false, NOW),
                "an empty key is a key");
        ByteBuffer keyless = batch(compression, record("k", "v"), record(null, "v"));
        BatchValidator.Refused refused =
                assertRefused(Errors.INVALID_RECORD, keyless, config("compact", 1 << 20), false);
        assertEquals(1, refused.records().get(0).batchIndex());
        assertInstanceOf(BatchValidator.Valid.class, judge(keyless, config(), false, NOW));
    }

    @ParameterizedTest
    @EnumSource(CompressionType.class)
    void damagedRecordsOnACompactedTopicAreRefusedNotThrown(CompressionType codec) {
        ByteBuffer good = batch(Compression.of(codec).build(), record("key", "v".repeat(300)), record("k", "w"));
        for (int i = BatchHeader.SIZE; i < good.remaining(); i++) {
            ByteBuffer bad =
                    ByteBuffer.allocate(good.remaining()).put(good.duplicate()).flip();
            bad.put(i, (byte) ~bad.get(i));
            recrc(bad);
            // Some damage still reads as records; what matters is that none ends in an exception.
            judge(bad, config("compact", 1 << 20), false, NOW);
        }
    }

    @Test
    void timestampsAreHeldToTheTopicsBounds() {
        LogConfig bounded = config("delete", 1 << 20, TimestampType.CREATE_TIME, 1000, 2000);
        assertValidAt(NOW - 1000, bounded);
        assertValidAt(NOW + 2000, bounded);
        assertValidAt(-1, bounded);
        assertInvalidAt(NOW - 1001, bounded);
        assertInvalidAt(NOW + 2001, bounded);
        assertInvalidAt(Long.MAX_VALUE, bounded);
        assertValidAt(0, config());
        ByteBuffer stampedByClient = withAttributes(0x08);
        assertRefused(Errors.INVALID_TIMESTAMP, stampedByClient, config(), false);
    }

    @ParameterizedTest
    @EnumSource(CompressionType.class)
    void everyRecordOutsideTheLimitsIsNamedWhateverTheCodec(CompressionType codec) {
        LogConfig bounded = config("delete", 1 << 20, TimestampType.CREATE_TIME, 1000, 2000);
        ByteBuffer batch =
                batch(Compression.of(codec).build(), at(NOW), at(NOW - 1001), at(NOW + 2000), at(NOW + 2001), at(-1));
        BatchValidator.Refused refused = assertRefused(Errors.INVALID_TIMESTAMP, batch, bounded, false);
        assertEquals(
                List.of(1, 3),
                refused.records().stream().map(RecordError::batchIndex).toList());
        assertTrue(refused.records().get(0).message().contains("" + (NOW - 1001)));
        assertInstanceOf(
                BatchValidator.Valid.class,
                judge(batch(Compression.of(codec).build(), at(NOW - 1000), at(NOW)), bounded, false, NOW));
    }

    @Test
    void recordsAreReadOnlyWhenTheHeaderLeavesADoubt() {
        ByteBuffer two = batch(Compression.gzip().build(), at(NOW), at(5));
        assertInstanceOf(BatchValidator.Valid.class, BatchValidator.validate(two, config(), false, NOW, BUDGET));
        LogConfig before = config("delete", 1 << 20, TimestampType.CREATE_TIME, 1000, 2000);
        assertInstanceOf(BatchValidator.Unread.class, BatchValidator.validate(two, before, false, NOW, BUDGET));
        ByteBuffer one = batch(Compression.gzip().build(), at(NOW));
        assertInstanceOf(BatchValidator.Valid.class, BatchValidator.validate(one, before, false, NOW, BUDGET));
        ByteBuffer late = batch(Compression.gzip().build(), at(NOW + 3_600_001));
        assertInstanceOf(BatchValidator.Unread.class, BatchValidator.validate(late, config(), false, NOW, BUDGET));
    }

    @Test
    void aHeaderThatPromisesALaterTimeThanItsRecordsHaveIsRefusedWhole() {
        ByteBuffer lying = batch(Compression.NONE, at(NOW), at(NOW));
        lying.putLong(35, NOW + 3_600_001);
        recrc(lying);
        assertEquals(
                List.of(),
                assertRefused(Errors.INVALID_TIMESTAMP, lying, config(), false).records());
    }

    @Test
    void theListOfBadRecordsIsBounded() {
        SimpleRecord[] late = new SimpleRecord[1000];
        java.util.Arrays.fill(late, at(NOW * 2));
        BatchValidator.Refused refused =
                assertRefused(Errors.INVALID_TIMESTAMP, batch(Compression.NONE, late), config(), false);
        assertEquals(RecordsPass.MAX_RECORD_ERRORS, refused.records().size());
    }

    @Test
    void logAppendTimeIsStampedAndTheCrcFollows() {
        ByteBuffer batch = batchAt(5);
        LogConfig config = config("delete", 1 << 20, TimestampType.LOG_APPEND_TIME, 1000, 1000);
        BatchValidator.Valid valid = assertInstanceOf(BatchValidator.Valid.class, judge(batch, config, false, NOW));
        assertEquals(NOW, valid.logAppendTimeMs());
        MemoryRecords records = MemoryRecords.readableRecords(valid.batch());
        records.batches().forEach(b -> {
            b.ensureValid();
            assertEquals(TimestampType.LOG_APPEND_TIME, b.timestampType());
            b.forEach(r -> assertEquals(NOW, r.timestamp()));
        });
        assertEquals(NOW, Batches.records(valid.batch()).iterator().next().timestampMs());
    }

    @ParameterizedTest
    @EnumSource(CompressionType.class)
    void batchesAreDecodedAsTheyWereWritten(CompressionType codec) {
        ByteBuffer first = batch(Compression.of(codec).build(), record("a", "1"), record(null, "2"), record("c", null));
        BatchHeader.stamp(first, 0, 100, 3);
        ByteBuffer second = Batches.single(new byte[] {1}, new byte[0], NOW);
        BatchHeader.stamp(second, 0, 103, 3);
        ByteBuffer both = ByteBuffer.allocate(first.remaining() + second.remaining() + 30)
                .put(first.duplicate())
                .put(second.duplicate())
                .put(first.duplicate().limit(30))
                .flip();
        List<Batches.Decoded> decoded = new ArrayList<>();
        Batches.records(both).forEach(decoded::add);
        assertEquals(
                List.of(
                        new Batches.Decoded(100, NOW, bytes("a"), bytes("1")),
                        new Batches.Decoded(101, NOW, null, bytes("2")),
                        new Batches.Decoded(102, NOW, bytes("c"), null),
                        new Batches.Decoded(103, NOW, ByteBuffer.wrap(new byte[] {1}), ByteBuffer.allocate(0))),
                decoded,
                "a batch that is cut off ends the iteration");
    }

    /** The last word, as a produce gets it. */
    private static BatchValidator.Result judge(ByteBuffer batch, LogConfig config, boolean internal, long nowMs) {
        BatchValidator.Result result = BatchValidator.validate(batch, config, internal, nowMs, BUDGET);
        return result instanceof BatchValidator.Unread unread
                ? BatchValidator.unpack(unread, config, nowMs, BUDGET, 1 << 20, Integer.MAX_VALUE)
                : result;
    }

    private static void assertValidAt(long timestamp, LogConfig config) {
        assertInstanceOf(BatchValidator.Valid.class, judge(batchAt(timestamp), config, false, NOW), "" + timestamp);
    }

    private static void assertInvalidAt(long timestamp, LogConfig config) {
        assertRefused(Errors.INVALID_TIMESTAMP, batchAt(timestamp), config, false);
    }

    private static BatchValidator.Refused assertRefused(
            Errors error, ByteBuffer batch, LogConfig config, boolean internal) {
        BatchValidator.Refused refused =
                assertInstanceOf(BatchValidator.Refused.class, judge(batch, config, internal, NOW));
        assertEquals(error, refused.refusal().error());
        return refused;
    }

    private static ByteBuffer withAttributes(int attributes) {
        ByteBuffer batch = batch(Compression.NONE, record("k", "v"));
        batch.putShort(21, (short) attributes);
        recrc(batch);
        return batch;
    }

    private static void recrc(ByteBuffer batch) {
        batch.putInt(17, BatchHeader.computeCrc(batch, 0));
    }

    private static ByteBuffer batchAt(long timestamp) {
        return MemoryRecords.withRecords(Compression.NONE, new SimpleRecord(timestamp, new byte[] {1}, new byte[] {2}))
                .buffer();
    }

    private static ByteBuffer batch(Compression compression, SimpleRecord... records) {
        return MemoryRecords.withRecords(compression, records).buffer();
    }

    private static SimpleRecord record(String key, String value) {
        return new SimpleRecord(NOW, key == null ? null : key.getBytes(), value == null ? null : value.getBytes());
    }

    private static SimpleRecord at(long timestamp) {
        return new SimpleRecord(timestamp, "k".getBytes(), "v".getBytes());
    }

    private static ByteBuffer bytes(String text) {
        return ByteBuffer.wrap(text.getBytes());
    }

    private static LogConfig config() {
        return config("delete", 1 << 20);
    }

    private static LogConfig config(String cleanupPolicy, int maxMessageBytes) {
        return config(cleanupPolicy, maxMessageBytes, TimestampType.CREATE_TIME, Long.MAX_VALUE, 3_600_000);
    }

    private static LogConfig config(
            String cleanupPolicy, int maxMessageBytes, TimestampType type, long beforeMaxMs, long afterMaxMs) {
        return LogConfigs.of(
                "cleanup.policy",
                cleanupPolicy,
                "max.message.bytes",
                maxMessageBytes,
                "message.timestamp.type",
                type,
                "message.timestamp.before.max.ms",
                beforeMaxMs,
                "message.timestamp.after.max.ms",
                afterMaxMs);
    }
}
