package io.troupe.record;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Optional;
import org.apache.kafka.common.errors.CorruptRecordException;

/** Builds the batches that the broker itself writes, and decodes batches for the coordinators that load them. Pure. */
public final class Batches {
    /** Decompressed bytes of one batch that {@link #records} is willing to unpack. */
    public static final long MAX_DECOMPRESSED_BYTES = 256L << 20;

    /** A record to write; either may be null (a null value deletes the key from a compacted topic). */
    public record KeyValue(byte[] key, byte[] value) {}

    /** A record read; key and value are null where the record has none, else buffers of their own, ready to be read. */
    public record Decoded(long offset, long timestampMs, ByteBuffer key, ByteBuffer value) {}

    /** A record's place, without what it holds. */
    public record Position(long offset, long timestampMs, boolean hasKey) {}

    private Batches() {}

    /** One uncompressed v2 batch of one record, ready to be read. */
    public static ByteBuffer single(byte[] key, byte[] value, long timestampMs) {
        return of(List.of(new KeyValue(key, value)), timestampMs);
    }

    /** The same with a header, whose value is the last that stands in the batch. */
    public static ByteBuffer singleEndingIn(byte[] key, byte[] value, long timestampMs, String header, byte[] end) {
        PlainRecord record =
                new PlainRecord(-1, timestampMs, key, value, List.of(new PlainRecord.Header(header, end.clone())));
        return PlainRecords.batch(List.of(record));
    }

    /** One uncompressed v2 batch with these records in order, all with one timestamp, ready to be read. */
    public static ByteBuffer of(List<KeyValue> records, long timestampMs) {
        if (records.isEmpty()) {
            throw new IllegalArgumentException("a batch needs a record");
        }
        List<PlainRecord> plain = new ArrayList<>(records.size());
        for (KeyValue record : records) {
            plain.add(new PlainRecord(-1, timestampMs, record.key(), record.value(), List.of()));
        }
        return PlainRecords.batch(plain);
    }

    /**
     * The data records of whole v2 batches, in order; control batches are left out. A cut-off batch at the end ends the
     * iteration. The iterator throws {@link CorruptRecordException} at a batch that cannot be decoded; CRCs are not
     * checked again, for the log was read through them.
     *
     * @param batches read from position to limit; neither is changed
     */
    public static Iterable<Decoded> records(ByteBuffer batches) {
        return () -> new Records(batches);
    }

    /**
     * The first record of one batch with at least that timestamp, within [fromOffset, endOffset). Memory is bounded whatever the batch
     * unpacks to.
     *
     * @param batch one whole v2 batch from index 0, no control batch
     * @throws IOException when the batch cannot be unpacked, or unpacks to more than its {@link UnpackBudget}
     */
    public static Optional<Position> firstAtOrAfter(ByteBuffer batch, long timestampMs, long fromOffset, long endOffset)
            throws IOException {
        long maxBytes = new UnpackBudget(BatchHeader.sizeInBytes(batch, 0)).left();
        try (RecordStream stream = new RecordStream(batch, 0, maxBytes)) {
            while (stream.hasNext()) {
                Position record = stream.skipNext();
                if (record.timestampMs() >= timestampMs
                        && record.offset() >= fromOffset
                        && record.offset() < endOffset) {
                    return Optional.of(record);
                }
            }
            return Optional.empty();
        } catch (RuntimeException e) {
            throw new IOException("the records cannot be read: " + e.getMessage(), e);
        }
    }

    private static final class Records implements Iterator<Decoded> {
        private final ByteBuffer batches;
        private int at;
        private RecordStream stream;

        Records(ByteBuffer batches) {
            this.batches = batches.duplicate();
            this.at = batches.position();
        }

        @Override
        public boolean hasNext() {
            while (stream == null || !stream.hasNext()) {
                close();
                if (!openNext()) {
                    return false;
                }
            }
            return true;
        }

        private boolean openNext() {
            while (batches.limit() - at >= BatchHeader.SIZE) {
                int size = BatchHeader.sizeInBytes(batches, at);
                if (size < BatchHeader.SIZE || BatchHeader.magic(batches, at) != BatchHeader.MAGIC_V2) {
                    throw new CorruptRecordException("no v2 batch at byte " + at);
                }
                if (size > batches.limit() - at) {
                    return false;
                }
                int batch = at;
                at += size;
                if (!BatchHeader.isControl(batches, batch)) {
                    try {
                        stream = new RecordStream(batches, batch, MAX_DECOMPRESSED_BYTES);
                    } catch (IOException e) {
                        throw corrupt(e);
                    }
                    return true;
                }
            }
            return false;
        }

        @Override
        public Decoded next() {
            if (!hasNext()) {
                throw new NoSuchElementException();
            }
            try {
                return stream.next();
            } catch (IOException | RuntimeException e) {
                throw corrupt(e);
            }
        }

        private void close() {
            if (stream != null) {
                try {
                    stream.close();
                } catch (IOException e) {
                    throw corrupt(e);
                }
                stream = null;
            }
        }

        private static CorruptRecordException corrupt(Exception e) {
            return new CorruptRecordException("a batch cannot be decoded: " + e.getMessage(), e);
        }
    }
}
