package io.troupe.record;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.record.internal.CompressionType;
import org.apache.kafka.common.utils.internals.BufferSupplier;

/**
 * The records of one v2 batch, decompressed as they are read, so that a batch that unpacks to gigabytes costs neither
 * memory nor, beyond the limit given, time. One thread; close after use.
 *
 * <pre>
 * record: length varint | attributes int8 | timestamp delta varlong | offset delta varint
 *         | key length varint, key | value length varint, value | headers   (a length of -1: null)
 * </pre>
 */
final class RecordStream implements AutoCloseable {
    private static final int MAX_VARINT_BYTES = 5;
    private static final int MAX_VARLONG_BYTES = 10;
    private static final int CHUNK_BYTES = 4096;

    private final DataInputStream in;
    private final long baseOffset;
    private final long baseTimestamp;
    private final long fixedTimestamp;
    private final long maxBytes;
    private final int count;
    // Made when first used: most streams are read record by record.
    private byte[] chunk;
    private long consumed;
    private int done;
    private long offset;
    private long timestampMs;
    private boolean keyed;
    private boolean valued;

    /**
     * @param at index of the batch's first byte
     * @param maxBytes most decompressed bytes that may be read
     * @throws IOException when the codec's own header is damaged
     */
    RecordStream(ByteBuffer batches, int at, long maxBytes) throws IOException {
        this(batches, at, maxBytes, null);
    }

    /** @param copy gets all that is read, unpacked; null for nobody */
    RecordStream(ByteBuffer batches, int at, long maxBytes, OutputStream copy) throws IOException {
        ByteBuffer records = batches.duplicate();
        records.limit(at + BatchHeader.sizeInBytes(batches, at)).position(at + BatchHeader.SIZE);
        InputStream raw;
        try {
            CompressionType codec = CompressionType.forId(BatchHeader.compressionId(batches, at));
            if (codec == CompressionType.SNAPPY) {
                SnappyLengths.check(records);
            }
            raw = Compression.of(codec)
                    .build()
                    .wrapForInput(records.slice(), BatchHeader.MAGIC_V2, BufferSupplier.NO_CACHING);
        } catch (RuntimeException e) {
            throw new IOException("the compressed records cannot be read: " + e.getMessage(), e);
        }
        InputStream guarded = new Guarded(raw);
        in = new DataInputStream(copy == null ? guarded : new Copied(guarded, copy));
        baseOffset = BatchHeader.baseOffset(batches, at);
        baseTimestamp = BatchHeader.baseTimestamp(batches, at);
        fixedTimestamp = BatchHeader.isLogAppendTime(batches, at) ? BatchHeader.maxTimestamp(batches, at) : -1;
        count = BatchHeader.recordsCount(batches, at);
        this.maxBytes = maxBytes;
    }

    boolean hasNext() {
        return done < count;
    }

    /**
     * Reads the next record through and keeps nothing of it.
     *
     * @throws IOException when it is not a whole record of exactly its length, down to its headers
     */
    Batches.Position skipNext() throws IOException {
        int length = recordLength();
        long end = consumed + length;
        readByte();
        long timestamp = baseTimestamp + varlong(MAX_VARLONG_BYTES);
        int offsetDelta = varint();
        boolean hasKey = skipField(end, true);
        skipField(end, true);
        int headers = varint();
        if (headers < 0) {
            throw new IOException("a record has " + headers + " headers");
        }
        for (int i = 0; i < headers; i++) {
            skipField(end, false);
            skipField(end, true);
        }
        if (consumed != end) {
            throw new IOException("a record's fields do not end where its length " + length + " says");
        }
        done++;
        return new Batches.Position(baseOffset + offsetDelta, fixedTimestamp < 0 ? timestamp : fixedTimestamp, hasKey);
    }

    /** Whether there is a field, not null; {@code end} is where its record ends. */
    private boolean skipField(long end, boolean nullable) throws IOException {
        int length = varint();
        if (length < (nullable ? -1 : 0) || length > end - consumed) {
            throw new IOException("a field of " + length + " bytes does not fit its record");
        }
        skip(Math.max(0, length));
        return length >= 0;
    }

    /** @throws IOException when bytes follow the last record that the batch's header counts */
    void requireEnd() throws IOException {
        if (in.read() >= 0) {
            throw new IOException("more follows the " + count + " records that the batch is said to have");
        }
    }

    /** Decompressed bytes read so far. */
    long consumed() {
        return consumed;
    }

    /** Reads the next record; its key and value are copies, null where the record has none. */
    Batches.Decoded next() throws IOException {
        int length = recordLength();
        long start = consumed;
        readByte();
        long timestamp = baseTimestamp + varlong(MAX_VARLONG_BYTES);
        int offsetDelta = varint();
        ByteBuffer key = field(length - (consumed - start));
        ByteBuffer value = field(length - (consumed - start));
        long left = length - (consumed - start);
        if (left < 0) {
            throw new IOException("a record is longer than its length " + length);
        }
        skip(left);
        done++;
        return new Batches.Decoded(
                baseOffset + offsetDelta, fixedTimestamp < 0 ? timestamp : fixedTimestamp, key, value);
    }

    /**
     * Reads the next record whole, unless it stands before an offset.
     *
     * @param mostBytes of it that are kept
     * @return null for one before {@code fromOffset}, of which nothing is kept
     * @throws TooLargeException when it is longer; nothing of it was kept then, however long it is said to be
     */
    PlainRecord nextPlain(long fromOffset, long mostBytes) throws IOException {
        int length = recordLength();
        long end = consumed + length;
        readByte();
        long timestamp = baseTimestamp + varlong(MAX_VARLONG_BYTES);
        long at = baseOffset + varint();
        done++;
        if (at < fromOffset) {
            if (consumed > end) {
                throw new IOException("a record is longer than its length " + length);
            }
            skip(end - consumed);
            return null;
        }
        if (length > mostBytes) {
            throw new TooLargeException(
                    "the record at offset " + at + " unpacks to " + length + " bytes, more than " + mostBytes);
        }
        byte[] key = bytes(end);
        byte[] value = bytes(end);
        int count = varint();
        PlainRecords.requireHeaders(count);
        List<PlainRecord.Header> headers = new ArrayList<>(Math.min(count, length));
        for (int i = 0; i < count; i++) {
            byte[] name = bytes(end);
            if (name == null) {
                throw new IOException("a header of the record at offset " + at + " has no name");
            }
            headers.add(new PlainRecord.Header(new String(name, StandardCharsets.UTF_8), bytes(end)));
        }
        if (consumed != end) {
            throw new IOException("a record's fields do not end where its length " + length + " says");
        }
        return new PlainRecord(at, fixedTimestamp < 0 ? timestamp : fixedTimestamp, key, value, headers);
    }

    /** Those of a field; {@code end} is where its record ends. */
    private byte[] bytes(long end) throws IOException {
        ByteBuffer field = field(end - consumed);
        return field == null ? null : field.array();
    }

    /** Steps over the next record, feeding its key to {@code digest}; what it was is told by the four methods below. */
    void step(MessageDigest digest) throws IOException {
        int length = recordLength();
        long start = consumed;
        readByte();
        long timestamp = baseTimestamp + varlong(MAX_VARLONG_BYTES);
        timestampMs = fixedTimestamp < 0 ? timestamp : fixedTimestamp;
        offset = baseOffset + varint();
        int keyLength = varint();
        keyed = keyLength >= 0;
        if (keyLength < -1 || length - (consumed - start) < Math.max(0, keyLength)) {
            throw new IOException("a record's key does not fit its length " + length);
        }
        for (int left = keyLength; left > 0; ) {
            int part = fill(left);
            digest.update(chunk, 0, part);
            left -= part;
        }
        valued = varint() >= 0;
        long left = length - (consumed - start);
        if (left < 0) {
            throw new IOException("a record is longer than its length " + length);
        }
        skip(left);
        done++;
    }

    long offset() {
        return offset;
    }

    long timestampMs() {
        return timestampMs;
    }

    boolean hasKey() {
        return keyed;
    }

    boolean hasValue() {
        return valued;
    }

    /** Copies the next record as it stands, but with {@code timestampShift} added to its timestamp delta. */
    void copyNext(DataOutputStream out, long timestampShift) throws IOException {
        int length = recordLength();
        long end = consumed + length;
        if (timestampShift == 0) {
            writeVarlong(out, length);
        } else {
            byte attributes = readByte();
            long start = consumed;
            long delta = varlong(MAX_VARLONG_BYTES);
            long shifted = delta + timestampShift;
            writeVarlong(out, length - (consumed - start) + varlongBytes(shifted));
            out.writeByte(attributes);
            writeVarlong(out, shifted);
        }
        while (consumed < end) {
            int part = fill(end - consumed);
            out.write(chunk, 0, part);
        }
        done++;
    }

    /** Reads at least one byte and at most {@code most} into {@link #chunk}. */
    private int fill(long most) throws IOException {
        if (chunk == null) {
            chunk = new byte[CHUNK_BYTES];
        }
        int n = in.read(chunk, 0, (int) Math.min(chunk.length, most));
        if (n <= 0) {
            throw new IOException("the records end early");
        }
        consumed += n;
        return n;
    }

    private static void writeVarlong(DataOutputStream out, long value) throws IOException {
        long left = (value << 1) ^ (value >> 63);
        while ((left & ~0x7FL) != 0) {
            out.writeByte((int) (left & 0x7F) | 0x80);
            left >>>= 7;
        }
        out.writeByte((int) left);
    }

    private static int varlongBytes(long value) {
        long zigzag = (value << 1) ^ (value >> 63);
        return Math.max(1, (Long.SIZE - Long.numberOfLeadingZeros(zigzag) + 6) / 7);
    }

    private int recordLength() throws IOException {
        int length = varint();
        if (length < 0) {
            throw new IOException("a record cannot have " + length + " bytes");
        }
        if (consumed + length > maxBytes) {
            throw new TooLargeException("a record of " + length + " bytes, after " + consumed
                    + " of others, passes the limit of " + maxBytes + " unpacked bytes");
        }
        return length;
    }

    private ByteBuffer field(long left) throws IOException {
        long before = consumed;
        int length = varint();
        if (length == -1) {
            return null;
        }
        if (length < 0 || length > left - (consumed - before)) {
            throw new IOException("a field of " + length + " bytes does not fit its record");
        }
        byte[] bytes = in.readNBytes(length);
        if (bytes.length < length) {
            throw new IOException("the records end early");
        }
        consumed += length;
        return ByteBuffer.wrap(bytes);
    }

    private void skip(long bytes) throws IOException {
        in.skipNBytes(bytes);
        consumed += bytes;
    }

    private byte readByte() throws IOException {
        consumed++;
        return in.readByte();
    }

    private int varint() throws IOException {
        long raw = varlong(MAX_VARINT_BYTES);
        if (raw != (int) raw) {
            throw new IOException("a varint is out of range: " + raw);
        }
        return (int) raw;
    }

    /** A zigzag-coded number. */
    private long varlong(int maxBytes) throws IOException {
        long value = 0;
        for (int i = 0; i < maxBytes; i++) {
            byte b = readByte();
            value |= (long) (b & 0x7F) << (7 * i);
            if (b >= 0) {
                return (value >>> 1) ^ -(value & 1);
            }
        }
        throw new IOException("a variable-length number is longer than " + maxBytes + " bytes");
    }

    @Override
    public void close() throws IOException {
        in.close();
    }

    /** The batch unpacks to more than its reader allows, or says so. */
    static final class TooLargeException extends IOException {
        private static final long serialVersionUID = 1L;

        TooLargeException(String message) {
            super(message);
        }
    }

    /** Passes on what is read, what is skipped too. */
    private static final class Copied extends FilterInputStream {
        private final OutputStream copy;
        private final byte[] piece = new byte[8 << 10];

        Copied(InputStream in, OutputStream copy) {
            super(in);
            this.copy = copy;
        }

        @Override
        public int read() throws IOException {
            int b = super.read();
            if (b >= 0) {
                copy.write(b);
            }
            return b;
        }

        @Override
        public int read(byte[] into, int offset, int length) throws IOException {
            int n = super.read(into, offset, length);
            if (n > 0) {
                copy.write(into, offset, n);
            }
            return n;
        }

        @Override
        public long skip(long bytes) throws IOException {
            long left = bytes;
            while (left > 0) {
                int n = read(piece, 0, (int) Math.min(piece.length, left));
                if (n < 0) {
                    break;
                }
                left -= n;
            }
            return bytes - left;
        }
    }

    /** A codec's stream whose own kinds of failure, snappy's an {@link Error}, all become an {@link IOException}. */
    private static final class Guarded extends FilterInputStream {
        Guarded(InputStream codec) {
            super(codec);
        }

        @Override
        public int read() throws IOException {
            try {
                return super.read();
            } catch (RuntimeException | Error e) {
                throw damaged(e);
            }
        }

        @Override
        public int read(byte[] into, int offset, int length) throws IOException {
            try {
                return super.read(into, offset, length);
            } catch (RuntimeException | Error e) {
                throw damaged(e);
            }
        }

        @Override
        public long skip(long bytes) throws IOException {
            try {
                return super.skip(bytes);
            } catch (RuntimeException | Error e) {
                throw damaged(e);
            }
        }

        private static IOException damaged(Throwable e) {
            if (e instanceof VirtualMachineError fatal) {
                throw fatal;
            }
            return new IOException("the compressed records are damaged: " + e.getMessage(), e);
        }
    }
}
