package io.troupe.record;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import io.troupe.config.LogConfig;
import io.troupe.config.LogConfigs;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.errors.CorruptRecordException;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.record.internal.CompressionType;
import org.apache.kafka.common.utils.internals.ByteBufferOutputStream;
import org.apache.kafka.common.utils.internals.ByteUtils;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Batches made to cost whoever unpacks them: each is refused for a small, fixed amount of memory. */
class RecordBombsTest {
    private static final long NOW = 1_700_000_000_000L;
    private static final int MIB = 1 << 20;
    /** What a thread may allocate to refuse a batch; a bomb unpacks to a multiple of it. */
    private static final long MAX_ALLOCATED = 24 * MIB;

    /** Writes the bytes of a batch's records, uncompressed. */
    private interface Records {
        void write(DataOutputStream out) throws IOException;
    }

    @ParameterizedTest
    @EnumSource(
            value = CompressionType.class,
            names = {"GZIP", "LZ4", "ZSTD"})
    void manyRecordsThatUnpackToMoreThanTheBudgetAreRefused(CompressionType codec) throws IOException {
        int count = 100;
        ByteBuffer bomb = batch(codec, count, out -> {
            for (int i = 0; i < count; i++) {
                record(out, i, MIB);
            }
        });
        assertTrue(bomb.remaining() < MIB, bomb.remaining() + " bytes");
        assertRefusedCheaply(bomb, "unpacked bytes");
    }

    @ParameterizedTest
    @EnumSource(
            value = CompressionType.class,
            names = {"GZIP", "LZ4", "ZSTD"})
    void oneLargeRecordIsNotKeptInMemory(CompressionType codec) throws IOException {
        ByteBuffer batch = batch(codec, 1, out -> record(out, 0, 60 * MIB));
        assertCheap(() -> assertInstanceOf(BatchValidator.Valid.class, validate(batch)));
        assertCheap(() -> assertEquals(
                0,
                Batches.firstAtOrAfter(batch, NOW, 0, Long.MAX_VALUE)
                        .orElseThrow()
                        .offset()));
    }

    @Test
    void theBatchesOfOneRequestShareItsBudget() throws IOException {
        ByteBuffer batch = batch(CompressionType.ZSTD, 1, out -> record(out, 0, 40 * MIB));
        UnpackBudget budget = new UnpackBudget(2 * batch.remaining());
        assertInstanceOf(BatchValidator.Valid.class, validate(batch, budget));
        assertInstanceOf(BatchValidator.Refused.class, validate(batch, budget));
    }

    @ParameterizedTest
    @ValueSource(ints = {Integer.MAX_VALUE, 500_000_000, -1, Integer.MIN_VALUE, 1000})
    void aSnappyChunkThatLiesAboutItsLengthIsRefused(int length) throws IOException {
        ByteBuffer chunk = ByteBuffer.allocate(40)
                .putLong(0x82534E4150505900L)
                .putInt(1)
                .putInt(1)
                .putInt(length);
        assertRefusedCheaply(raw(CompressionType.SNAPPY, 1, chunk.array()), "snappy chunk");
    }

    @Test
    void aSnappyBlockThatAnnouncesMoreThanItCanHoldIsRefused() throws IOException {
        byte[] preamble = {(byte) 0xFF, (byte) 0xFF, (byte) 0xFF, (byte) 0xFF, 0x0F, 0, 0, 0, 0, 0};
        assertRefusedCheaply(raw(CompressionType.SNAPPY, 1, preamble), "snappy block");
        ByteBuffer chunk = ByteBuffer.allocate(30)
                .putLong(0x82534E4150505900L)
                .putInt(1)
                .putInt(1)
                .putInt(preamble.length)
                .put(preamble);
        assertRefusedCheaply(raw(CompressionType.SNAPPY, 1, chunk.array()), "snappy block");
    }

    @ParameterizedTest
    @ValueSource(ints = {0xF8, 0xA8, 0x90})
    void aZstdFrameWithAHugeWindowIsRefused(int windowDescriptor) throws IOException {
        // Magic, a header without content size, window of 2^(10 + descriptor / 8) bytes, then a block that is not
        // there.
        byte[] frame = {0x28, (byte) 0xB5, 0x2F, (byte) 0xFD, 0, (byte) windowDescriptor, 1, 0, 0};
        assertRefusedCheaply(raw(CompressionType.ZSTD, 1, frame), "");
    }

    @Test
    void aZstdFrameOfOneHugeSegmentIsRefused() throws IOException {
        byte[] frame = {0x28, (byte) 0xB5, 0x2F, (byte) 0xFD, (byte) 0xE0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0};
        assertRefusedCheaply(raw(CompressionType.ZSTD, 1, frame), "");
    }

    @ParameterizedTest
    @EnumSource(CompressionType.class)
    void aCountThatLiesIsRefused(CompressionType codec) throws IOException {
        for (int count : new int[] {1, 3, Integer.MAX_VALUE}) {
            ByteBuffer batch = batch(codec, count, out -> {
                record(out, 0, 10);
                record(out, 1, 10);
            });
            assertRefusedCheaply(batch, "");
        }
    }

    @ParameterizedTest
    @EnumSource(CompressionType.class)
    void offsetsThatLeaveTheirOrderAreRefused(CompressionType codec) throws IOException {
        for (int second : new int[] {0, 2, -1, Integer.MAX_VALUE}) {
            ByteBuffer batch = batch(codec, 2, out -> {
                record(out, 0, 10);
                record(out, second, 10);
            });
            assertRefusedCheaply(batch, "offset delta " + second);
        }
    }

    @ParameterizedTest
    @EnumSource(CompressionType.class)
    void lengthsThatLieAreRefused(CompressionType codec) throws IOException {
        int[][] lies = {
            // record, key, value, headers, key of the one header, its value
            {-1, 1, 1, 0, 0, 0},
            {Integer.MAX_VALUE, 1, 1, 0, 0, 0},
            {30, Integer.MAX_VALUE, 1, 0, 0, 0},
            {30, Integer.MIN_VALUE, 1, 0, 0, 0},
            {30, 1, Integer.MAX_VALUE, 0, 0, 0},
            {30, 1, -2, 0, 0, 0},
            {30, 1, 1, -1, 0, 0},
            {30, 1, 1, Integer.MAX_VALUE, 0, 0},
            {30, 1, 1, 1, -1, 0},
            {30, 1, 1, 1, 1, Integer.MAX_VALUE},
            {30, 1, 1, 0, 0, 0},
        };
        for (int[] lie : lies) {
            ByteBuffer batch = batch(codec, 1, out -> {
                ByteUtils.writeVarint(lie[0], out);
                out.writeByte(0);
                ByteUtils.writeVarlong(0, out);
                ByteUtils.writeVarint(0, out);
                ByteUtils.writeVarint(lie[1], out);
                out.writeByte('k');
                ByteUtils.writeVarint(lie[2], out);
                out.writeByte('v');
                ByteUtils.writeVarint(lie[3], out);
                ByteUtils.writeVarint(lie[4], out);
                out.writeByte('h');
                ByteUtils.writeVarint(lie[5], out);
                out.write(new byte[40]);
            });
            assertRefusedCheaply(batch, "");
        }
    }

    @Test
    void aBatchThatCannotBeUnpackedHasNoTimestampsToLookUp() throws IOException {
        ByteBuffer garbage = raw(CompressionType.GZIP, 1, new byte[] {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
        assertThrows(IOException.class, () -> Batches.firstAtOrAfter(garbage, 0, 0, Long.MAX_VALUE));
    }

    /** A topic takes such batches as they are, so it is its readers who find out. */
    @ParameterizedTest
    @EnumSource(
            value = CompressionType.class,
            names = {"GZIP", "LZ4", "ZSTD", "SNAPPY"})
    void aRecordThatUnpacksToTooMuchIsNotReadAndWhatStandsAroundItIs(CompressionType codec) throws IOException {
        ByteBuffer batch = batch(codec, 3, out -> {
            record(out, 0, 10);
            record(out, 1, 60 * MIB);
            record(out, 2, 10);
        });
        assertCheap(() -> {
            PlainRecords.Read before = PlainRecords.read(batch, 0, MIB, MIB);
            assertEquals(1, before.nextOffset());
            CorruptRecordException refused =
                    assertThrows(CorruptRecordException.class, () -> PlainRecords.read(batch, 1, MIB, MIB));
            assertTrue(refused.getMessage().contains("the record at offset 1 unpacks to"), refused.getMessage());
            assertEquals(3, PlainRecords.read(batch, 2, MIB, MIB).nextOffset());
        });
    }

    @ParameterizedTest
    @EnumSource(CompressionType.class)
    void aRecordThatSaysItHasGigabytesIsNotRead(CompressionType codec) throws IOException {
        assertUnreadable(batch(codec, 1, out -> {
            ByteUtils.writeVarint(1_900_000_000, out);
            out.write(new byte[40]);
        }));
    }

    @ParameterizedTest
    @EnumSource(CompressionType.class)
    void aRecordOfMillionsOfHeadersIsNotRead(CompressionType codec) throws IOException {
        int headers = 3_000_000;
        ByteBuffer batch = batch(codec, 1, out -> {
            ByteUtils.writeVarint(6 + ByteUtils.sizeOfVarint(headers) - 1 + 2 * headers, out);
            out.write(new byte[3]);
            ByteUtils.writeVarint(-1, out);
            ByteUtils.writeVarint(0, out);
            ByteUtils.writeVarint(headers, out);
            for (int i = 0; i < headers; i++) {
                out.write(0);
                out.write(1);
            }
        });
        assertUnreadable(batch);
    }

    @Test
    void aSnappyChunkThatLiesAboutItsLengthIsNotRead() throws IOException {
        ByteBuffer chunk = ByteBuffer.allocate(40)
                .putLong(0x82534E4150505900L)
                .putInt(1)
                .putInt(1)
                .putInt(Integer.MAX_VALUE);
        assertUnreadable(raw(CompressionType.SNAPPY, 1, chunk.array()));
    }

    private static void assertUnreadable(ByteBuffer batch) throws IOException {
        assertCheap(() -> assertThrows(
                CorruptRecordException.class, () -> PlainRecords.read(batch, 0, Integer.MAX_VALUE, 16 * MIB)));
    }

    private static void assertRefusedCheaply(ByteBuffer batch, String message) throws IOException {
        assertCheap(() -> {
            BatchValidator.Refused refused = assertInstanceOf(BatchValidator.Refused.class, validate(batch));
            assertEquals(Errors.INVALID_RECORD, refused.refusal().error());
            assertTrue(
                    refused.refusal().message().contains(message),
                    refused.refusal().message());
        });
    }

    private interface Action {
        void run() throws IOException;
    }

    private static void assertCheap(Action action) throws IOException {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long before = threads.getThreadAllocatedBytes(Thread.currentThread().getId());
        action.run();
        long allocated = threads.getThreadAllocatedBytes(Thread.currentThread().getId()) - before;
        assertTrue(allocated < MAX_ALLOCATED, allocated + " bytes were allocated");
    }

    private static BatchValidator.Result validate(ByteBuffer batch) {
        return validate(batch, new UnpackBudget(batch.remaining()));
    }

    private static BatchValidator.Result validate(ByteBuffer batch, UnpackBudget budget) {
        BatchValidator.Result result = BatchValidator.validate(batch.duplicate(), config(), false, NOW, budget);
        return result instanceof BatchValidator.Unread unread
                ? BatchValidator.unpack(unread, config(), NOW, budget, Long.MAX_VALUE, Integer.MAX_VALUE)
                : result;
    }

    /** One record with an empty key and a value of zeros. */
    private static void record(DataOutputStream out, int offsetDelta, int valueBytes) throws IOException {
        int body =
                1 + 1 + ByteUtils.sizeOfVarint(offsetDelta) + 1 + ByteUtils.sizeOfVarint(valueBytes) + valueBytes + 1;
        ByteUtils.writeVarint(body, out);
        out.writeByte(0);
        ByteUtils.writeVarlong(0, out);
        ByteUtils.writeVarint(offsetDelta, out);
        ByteUtils.writeVarint(0, out);
        ByteUtils.writeVarint(valueBytes, out);
        byte[] zeros = new byte[Math.min(valueBytes, 1 << 16)];
        for (int left = valueBytes; left > 0; left -= zeros.length) {
            out.write(zeros, 0, Math.min(left, zeros.length));
        }
        ByteUtils.writeVarint(0, out);
    }

    private static ByteBuffer batch(CompressionType codec, int count, Records records) throws IOException {
        ByteBufferOutputStream compressed = new ByteBufferOutputStream(1 << 16);
        try (OutputStream codecStream = Compression.of(codec).build().wrapForOutput(compressed, (byte) 2);
                DataOutputStream out = new DataOutputStream(codecStream)) {
            records.write(out);
        }
        ByteBuffer written = compressed.buffer().flip();
        byte[] bytes = new byte[written.remaining()];
        written.get(bytes);
        return raw(codec, count, bytes);
    }

    /** A header that is right about all but the records. */
    private static ByteBuffer raw(CompressionType codec, int count, byte[] records) {
        ByteBuffer batch = ByteBuffer.allocate(BatchHeader.SIZE + records.length);
        batch.putInt(8, batch.capacity() - BatchHeader.LOG_OVERHEAD)
                .put(16, (byte) 2)
                .putShort(21, codec.id)
                .putInt(23, count - 1)
                .putLong(27, NOW)
                .putLong(35, NOW)
                .putLong(43, -1)
                .putShort(51, (short) -1)
                .putInt(53, -1)
                .putInt(57, count);
        batch.position(BatchHeader.SIZE);
        batch.put(records).flip();
        batch.putInt(17, BatchHeader.computeCrc(batch, 0));
        return batch;
    }

    private static LogConfig config() {
        return LogConfigs.of("cleanup.policy", "compact", "max.message.bytes", 16 * MIB);
    }
}
