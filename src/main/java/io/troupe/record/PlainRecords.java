package io.troupe.record;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.kafka.common.errors.CorruptRecordException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.record.internal.DefaultRecord;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.MutableRecordBatch;
import org.apache.kafka.common.record.internal.Record;
import org.apache.kafka.common.utils.Utils;
import org.apache.kafka.common.utils.internals.ByteUtils;

/** Between records and Kafka's batches. Any thread. */
public final class PlainRecords {
    static final int MOST_HEADERS = 10_000;
    /** What a record of a batch may unpack to in any case, for each byte of the batch. */
    private static final int UNPACKING = 4;

    private PlainRecords() {}

    /**
     * What was read of some batches.
     *
     * @param nextOffset behind the last record that was read or passed over
     */
    public record Read(List<PlainRecord> records, long nextOffset) {}

    /** One batch as a client would send it: not compressed, without producer id. Offsets are from 0 on, timestamps those of the records. */
    public static ByteBuffer batch(List<PlainRecord> records) {
        long base = records.get(0).timestampMs();
        long max = base;
        long bytes = BatchHeader.SIZE;
        for (int i = 0; i < records.size(); i++) {
            PlainRecord record = records.get(i);
            max = Math.max(max, record.timestampMs());
            int body = bodyBytes(record, i, record.timestampMs() - base);
            bytes += ByteUtils.sizeOfVarint(body) + (long) body;
        }
        ByteBuffer b = ByteBuffer.allocate(Math.toIntExact(bytes)).position(BatchHeader.SIZE);
        for (int i = 0; i < records.size(); i++) {
            PlainRecord record = records.get(i);
            long delta = record.timestampMs() - base;
            ByteUtils.writeVarint(bodyBytes(record, i, delta), b);
            b.put((byte) 0);
            ByteUtils.writeVarlong(delta, b);
            ByteUtils.writeVarint(i, b);
            write(b, record.key());
            write(b, record.value());
            ByteUtils.writeVarint(record.headers().size(), b);
            for (PlainRecord.Header header : record.headers()) {
                write(b, Utils.utf8(header.name()));
                write(b, header.value());
            }
        }
        b.flip();
        BatchHeader.written(b, 0, base, max, records.size());
        return b;
    }

    /** Of a record as it is in a batch, without its length. */
    private static int bodyBytes(PlainRecord record, int offsetDelta, long timestampDelta) {
        long bytes = 1
                + ByteUtils.sizeOfVarlong(timestampDelta)
                + ByteUtils.sizeOfVarint(offsetDelta)
                + sizeOf(record.key())
                + sizeOf(record.value())
                + ByteUtils.sizeOfVarint(record.headers().size());
        for (PlainRecord.Header header : record.headers()) {
            bytes += sizeOf(Utils.utf8(header.name())) + sizeOf(header.value());
        }
        return Math.toIntExact(bytes);
    }

    private static long sizeOf(byte[] bytes) {
        return bytes == null ? ByteUtils.sizeOfVarint(-1) : ByteUtils.sizeOfVarint(bytes.length) + (long) bytes.length;
    }

    private static void write(ByteBuffer b, byte[] bytes) {
        ByteUtils.writeVarint(bytes == null ? -1 : bytes.length, b);
        if (bytes != null) {
            b.put(bytes);
        }
    }

    /**
     * The records from an offset on, unpacked one by one, so that a small batch that unpacks to much costs no more than is
     * asked for; control records are passed over.
     *
     * @param batches whole ones, as they came from a log
     * @param mostBytes after which no other record is read; one is read in any case
     * @param mostUnpackedBytes of one record of a compressed batch that is not itself about as large: a few bytes may be said to unpack to
     *     gigabytes, and no topic bounds that
     * @throws CorruptRecordException when the first record cannot be had: its batch is damaged, cannot be unpacked, or it is too large; what stands
     *     before such a one is read. As with Kafka's consumers ({@code check.crcs}) it is whoever unpacks records that compares their checksum: a
     *     log that is read from is not read through
     */
    public static Read read(ByteBuffer batches, long fromOffset, int mostBytes, long mostUnpackedBytes) {
        List<PlainRecord> records = new ArrayList<>();
        Reading reading = new Reading(records, fromOffset, mostBytes);
        int at = batches.position();
        for (MutableRecordBatch batch :
                MemoryRecords.readableRecords(batches.duplicate()).batches()) {
            int begin = at;
            at += batch.sizeInBytes();
            if (batch.lastOffset() < fromOffset) {
                continue;
            }
            try {
                if (!batch.isValid()) {
                    throw new IOException("its checksum is not that of its bytes");
                }
                if (!batch.isControlBatch()) {
                    boolean all = batch.isCompressed()
                            ? reading.compressed(
                                    batches, begin, Math.max(mostUnpackedBytes, (long) UNPACKING * batch.sizeInBytes()))
                            : reading.plain(batches, begin);
                    if (!all) {
                        break;
                    }
                }
            } catch (IOException | RuntimeException e) {
                // Of what codecs and parsers throw at damaged input, some is unchecked.
                if (records.isEmpty()) {
                    throw new CorruptRecordException("the batch of the offsets " + batch.baseOffset() + " to "
                            + batch.lastOffset() + " is damaged, or cannot be unpacked here (" + e.getMessage() + ")");
                }
                break;
            }
            reading.next = Math.max(reading.next, batch.nextOffset());
        }
        return new Read(records, reading.next);
    }

    /** How far one {@link #read} is. */
    private static final class Reading {
        private final List<PlainRecord> records;
        private final long fromOffset;
        private final int mostBytes;
        private long bytes;
        private long next;

        Reading(List<PlainRecord> records, long fromOffset, int mostBytes) {
            this.records = records;
            this.fromOffset = fromOffset;
            this.mostBytes = mostBytes;
            this.next = fromOffset;
        }

        private void add(PlainRecord record) {
            records.add(record);
            bytes += record.sizeInBytes();
            next = record.offset() + 1;
        }

        /** @return whether all of it was read */
        boolean compressed(ByteBuffer batches, int at, long mostUnpackedBytes) throws IOException {
            try (RecordStream stream = new RecordStream(batches, at, Long.MAX_VALUE)) {
                while (stream.hasNext()) {
                    if (bytes >= mostBytes) {
                        return false;
                    }
                    PlainRecord record = stream.nextPlain(fromOffset, mostUnpackedBytes);
                    if (record != null) {
                        add(record);
                    }
                }
            }
            return true;
        }

        /** @return whether all of it was read */
        boolean plain(ByteBuffer batches, int at) throws IOException {
            ByteBuffer left = batches.duplicate();
            left.limit(at + BatchHeader.sizeInBytes(batches, at)).position(at + BatchHeader.SIZE);
            Long appendTime = BatchHeader.isLogAppendTime(batches, at) ? BatchHeader.maxTimestamp(batches, at) : null;
            for (int i = BatchHeader.recordsCount(batches, at); i > 0; i--) {
                requireHeaders(left);
                Record record = DefaultRecord.readFrom(
                        left,
                        BatchHeader.baseOffset(batches, at),
                        BatchHeader.baseTimestamp(batches, at),
                        BatchHeader.NO_SEQUENCE,
                        appendTime);
                if (record.offset() < fromOffset) {
                    continue;
                }
                if (bytes >= mostBytes) {
                    return false;
                }
                add(PlainRecords.plain(record));
            }
            return true;
        }
    }

    /** An empty header has two bytes, and takes fifty times that as objects, which nobody counts. */
    static void requireHeaders(int count) throws IOException {
        if (count < 0 || count > MOST_HEADERS) {
            throw new IOException("a record has " + count + " headers, more than " + MOST_HEADERS);
        }
    }

    /** Looks at the next record before anything is made of it. */
    private static void requireHeaders(ByteBuffer records) throws IOException {
        ByteBuffer b = records.duplicate();
        if (ByteUtils.readVarint(b) > 2 * MOST_HEADERS) {
            b.get();
            ByteUtils.readVarlong(b);
            ByteUtils.readVarint(b);
            for (int i = 0; i < 2; i++) {
                int length = Math.max(0, ByteUtils.readVarint(b));
                b.position(Math.addExact(b.position(), length));
            }
            requireHeaders(ByteUtils.readVarint(b));
        }
    }

    private static PlainRecord plain(Record record) {
        List<PlainRecord.Header> headers = new ArrayList<>(record.headers().length);
        for (Header header : record.headers()) {
            headers.add(new PlainRecord.Header(header.key(), header.value()));
        }
        return new PlainRecord(
                record.offset(), record.timestamp(), bytes(record.key()), bytes(record.value()), headers);
    }

    private static byte[] bytes(ByteBuffer buffer) {
        if (buffer == null) {
            return null;
        }
        if (buffer.hasArray()) {
            // Which, unlike the other way, does not fill with zeros first.
            int from = buffer.arrayOffset() + buffer.position();
            return Arrays.copyOfRange(buffer.array(), from, from + buffer.remaining());
        }
        byte[] bytes = new byte[buffer.remaining()];
        buffer.duplicate().get(bytes);
        return bytes;
    }
}
