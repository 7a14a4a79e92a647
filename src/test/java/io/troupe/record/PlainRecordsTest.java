package io.troupe.record;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.errors.CorruptRecordException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.record.internal.CompressionType;
import org.apache.kafka.common.record.internal.ControlRecordType;
import org.apache.kafka.common.record.internal.EndTransactionMarker;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.SimpleRecord;
import org.junit.jupiter.api.Test;

/** Records into batches and out of them. */
class PlainRecordsTest {
    private static PlainRecord record(String key, String value) {
        return new PlainRecord(
                -1, 5, key == null ? null : key.getBytes(), value == null ? null : value.getBytes(), List.of());
    }

    private static PlainRecords.Read read(ByteBuffer batches, long fromOffset, int mostBytes) {
        return PlainRecords.read(batches, fromOffset, mostBytes, 1 << 20);
    }

    private static List<String> values(PlainRecords.Read read) {
        return read.records().stream().map(r -> new String(r.value())).toList();
    }

    @Test
    void whatIsWrittenIsReadAgain() {
        PlainRecord full = new PlainRecord(
                -1,
                1234,
                new byte[] {1},
                new byte[] {2, 3},
                List.of(new PlainRecord.Header("h", new byte[] {4}), new PlainRecord.Header("n", null)));
        PlainRecords.Read read = read(PlainRecords.batch(List.of(full, record(null, null))), 0, 10_000);
        assertEquals(2, read.nextOffset());
        PlainRecord first = read.records().get(0);
        assertEquals(0, first.offset());
        assertEquals(1234, first.timestampMs());
        assertArrayEquals(new byte[] {1}, first.key());
        assertArrayEquals(new byte[] {2, 3}, first.value());
        assertArrayEquals(new byte[] {4}, first.headers().get(0).value());
        assertNull(first.headers().get(1).value());
        assertNull(read.records().get(1).key());
        assertNull(read.records().get(1).value());
    }

    /** Byte for byte, with lengths of one byte and more. */
    @Test
    void aBatchIsTheOneThatKafkasWriterMakes() {
        List<PlainRecord> records = new ArrayList<>();
        SimpleRecord[] simple = new SimpleRecord[300];
        for (int i = 0; i < simple.length; i++) {
            byte[] key = i % 3 == 0 ? null : new byte[i];
            byte[] value = i % 7 == 0 ? null : new byte[100 * i];
            long timestamp = 1_000_000 + (i % 2 == 0 ? i : -1000L * i);
            List<PlainRecord.Header> headers = i % 5 == 0
                    ? List.of()
                    : List.of(new PlainRecord.Header("grün" + i, i % 2 == 0 ? null : new byte[i]));
            records.add(new PlainRecord(-1, timestamp, key, value, headers));
            simple[i] = new SimpleRecord(
                    timestamp,
                    key,
                    value,
                    headers.stream()
                            .map(h -> new RecordHeader(h.name(), h.value()))
                            .toArray(Header[]::new));
        }
        assertEquals(MemoryRecords.withRecords(Compression.NONE, simple).buffer(), PlainRecords.batch(records));
    }

    /** As it is when it was read into lent memory. */
    @Test
    void aBatchInDirectMemoryIsReadWhateverItsCodec() {
        byte[] text = "text, ".repeat(1000).getBytes();
        for (CompressionType type : CompressionType.values()) {
            ByteBuffer plain = MemoryRecords.withRecords(
                            Compression.of(type).build(),
                            new SimpleRecord(7, null, text, new Header[] {new RecordHeader("grün", new byte[] {4})}),
                            new SimpleRecord(8, new byte[] {1}, null))
                    .buffer();
            ByteBuffer direct = ByteBuffer.allocateDirect(plain.remaining() + 5).position(5);
            direct.put(plain.duplicate()).flip().position(5);
            List<PlainRecord> read = read(direct, 0, 100_000).records();
            // What was read stays when the memory is lent to the next.
            direct.clear().put(new byte[direct.capacity()]);
            assertEquals(2, read.size());
            assertArrayEquals(text, read.get(0).value());
            assertEquals("grün", read.get(0).headers().get(0).name());
            assertArrayEquals(new byte[] {4}, read.get(0).headers().get(0).value());
            assertArrayEquals(new byte[] {1}, read.get(1).key());
            assertNull(read.get(1).value());
        }
    }

    /** The bound by which batches are cut must be no less than what they come to. */
    @Test
    void aBatchIsNoLargerThanItsRecordsSay() {
        List<PlainRecord> records = new ArrayList<>();
        int bound = 61;
        for (int i = 0; i < 500; i++) {
            PlainRecord record = new PlainRecord(
                    -1, i, new byte[i], new byte[3 * i], List.of(new PlainRecord.Header("grün", new byte[i])));
            records.add(record);
            bound += record.sizeInBytes();
        }
        int size = PlainRecords.batch(records).remaining();
        assertTrue(size <= bound, size + " > " + bound);
    }

    @Test
    void readingBeginsInTheMiddleOfABatchAndEndsWhenThereIsEnough() {
        SimpleRecord[] simple = new SimpleRecord[10];
        for (int i = 0; i < simple.length; i++) {
            simple[i] = new SimpleRecord(i, null, ("" + i).getBytes());
        }
        ByteBuffer batch = MemoryRecords.withRecords(100L, Compression.gzip().build(), simple)
                .buffer();
        PlainRecords.Read read = read(batch, 104, 40);
        assertEquals(List.of("4", "5"), values(read));
        assertEquals(106, read.nextOffset());
        assertEquals(List.of("9"), values(read(batch, 109, 1)));
        assertEquals(110, read(batch, 109, 1).nextOffset());
    }

    @Test
    void controlRecordsArePassedOver() {
        ByteBuffer marker = MemoryRecords.withEndTransactionMarker(
                        7, 5, 0, 1L, (short) 0, new EndTransactionMarker(ControlRecordType.COMMIT, 0))
                .buffer();
        PlainRecords.Read read = read(marker, 7, 1000);
        assertEquals(List.of(), read.records());
        assertEquals(8, read.nextOffset());
    }

    @Test
    void nothingIsReadOfNothing() {
        assertEquals(3, read(ByteBuffer.allocate(0), 3, 1000).nextOffset());
    }

    /** The consumer's {@code check.crcs}: a damaged record is never given out as one. */
    @Test
    void aDamagedBatchIsReadUpToAndNamed() {
        ByteBuffer first = PlainRecords.batch(List.of(record("a", "1"), record("b", "2")));
        ByteBuffer second = PlainRecords.batch(List.of(record("c", "3")));
        int behind = first.remaining();
        second.putLong(second.position(), 2);
        ByteBuffer both = ByteBuffer.allocate(behind + second.remaining())
                .put(first)
                .put(second)
                .flip();
        both.put(both.limit() - 2, (byte) '4');
        assertEquals(List.of("1", "2"), values(read(both, 0, 10_000)));
        assertEquals(2, read(both, 0, 10_000).nextOffset());
        var damaged = assertThrows(CorruptRecordException.class, () -> read(both, 2, 10_000));
        assertTrue(damaged.getMessage().contains("offsets 2 to 2"), damaged.getMessage());
    }
}
