package io.troupe.record;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.MutableRecordBatch;
import org.apache.kafka.common.record.internal.Record;
import org.apache.kafka.common.record.internal.SimpleRecord;
import org.apache.kafka.common.utils.internals.BufferSupplier;
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

    /** One batch as a client would send it: not compressed, without producer id. */
    public static ByteBuffer batch(List<PlainRecord> records) {
        SimpleRecord[] simple = new SimpleRecord[records.size()];
        for (int i = 0; i < simple.length; i++) {
            PlainRecord r = records.get(i);
            simple[i] = new SimpleRecord(r.timestampMs(), r.key(), r.value(), headers(r));
        }
        return MemoryRecords.withRecords(Compression.NONE, simple).buffer();
    }

    private static Header[] headers(PlainRecord record) {
        return record.headers().stream()
                .map(h -> (Header) new RecordHeader(h.name(), h.value()))
                .toArray(Header[]::new);
    }

    /**
     * The records from an offset on, unpacked one by one, so that a small batch that unpacks to much costs no more than is
     * asked for; control records are passed over.
     *
     * @param batches whole ones, as they came from a log
     * @param mostBytes after which no other record is read; one is read in any case
     * @throws RuntimeException when a batch is damaged
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
        byte[] bytes = new byte[buffer.remaining()];
        buffer.duplicate().get(bytes);
        return bytes;
    }
}
