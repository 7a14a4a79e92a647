package io.troupe.record;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.kafka.common.errors.CorruptRecordException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.MutableRecordBatch;
import org.apache.kafka.common.record.internal.Record;
import org.apache.kafka.common.utils.Utils;
import org.apache.kafka.common.utils.internals.BufferSupplier;
import org.apache.kafka.common.utils.internals.ByteUtils;
import org.apache.kafka.common.utils.internals.CloseableIterator;

/** Between records and Kafka's batches. Any thread. */
public final class PlainRecords {
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
     * @throws CorruptRecordException when the first batch is damaged; what stands before a damaged one is read. As with Kafka's consumers
     *     ({@code check.crcs}) it is whoever unpacks records that compares their checksum: a log that is read from is not read through
     * @throws RuntimeException when a batch cannot be unpacked
     */
    public static Read read(ByteBuffer batches, long fromOffset, int mostBytes) {
        List<PlainRecord> records = new ArrayList<>();
        long next = fromOffset;
        long bytes = 0;
        for (MutableRecordBatch batch :
                MemoryRecords.readableRecords(batches.duplicate()).batches()) {
            if (batch.lastOffset() < fromOffset) {
                continue;
            }
            if (!batch.isValid()) {
                if (!records.isEmpty()) {
                    return new Read(records, next);
                }
                throw new CorruptRecordException("the batch of the offsets " + batch.baseOffset() + " to "
                        + batch.lastOffset() + " is damaged (its checksum is not that of its bytes)");
            }
            if (!batch.isControlBatch()) {
                try (CloseableIterator<Record> all = batch.streamingIterator(BufferSupplier.create())) {
                    while (all.hasNext()) {
                        Record record = all.next();
                        if (record.offset() < fromOffset) {
                            continue;
                        }
                        if (bytes >= mostBytes) {
                            return new Read(records, next);
                        }
                        PlainRecord plain = plain(record);
                        records.add(plain);
                        bytes += plain.sizeInBytes();
                        next = record.offset() + 1;
                    }
                }
            }
            next = Math.max(next, batch.nextOffset());
        }
        return new Read(records, next);
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
