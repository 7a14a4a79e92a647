package io.troupe.record;

import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.BitSet;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.record.internal.CompressionType;
import org.apache.kafka.common.utils.internals.ByteBufferOutputStream;

/**
 * Takes records out of a batch, as log compaction does, and leaves it a valid batch at the same offsets: base offset, last
 * offset delta, leader epoch and producer fields stay, records are packed again with the batch's codec, the CRC is new. A
 * batch that keeps all its records is handed back as it is, byte for byte.
 *
 * <p>Records stream through: memory is the packed result and a few kilobytes, whatever a batch unpacks to. Keys are seen
 * only as their 16-byte MD5, read as two longs. No I/O; one thread.
 */
public final class BatchFilter {
    /** Decompressed bytes of one batch that are walked through; only time, for none of them are kept. */
    private static final long MAX_DECOMPRESSED_BYTES = 1L << 32;

    private static final long NO_TIMESTAMP = -1;

    private final MessageDigest digest;

    /** Sees the keys of a batch in order. */
    public interface Keys {
        /** @return false to see no more of this batch */
        boolean key(long offset, long keyHigh, long keyLow);
    }

    /** Says which records stay. */
    public interface Retention {
        /** Of a record with a key; one without has no place in a compacted log and goes. */
        boolean keeps(long offset, long keyHigh, long keyLow, boolean tombstone);
    }

    /**
     * What became of a batch.
     *
     * @param batch what is to stand in its place, ready to be read; null for nothing
     * @param changed false when {@code batch} is the very bytes that were given
     * @param records how many there were
     * @param kept how many are left
     * @param keyless how many went because they had no key
     */
    public record Filtered(ByteBuffer batch, boolean changed, int records, int kept, int keyless) {}

    public BatchFilter() {
        try {
            digest = MessageDigest.getInstance("MD5");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has MD5", e);
        }
    }

    /**
     * Shows the keys of a data batch to {@code keys}.
     *
     * @return false when {@code keys} did not want to see them all
     * @throws IOException when the records cannot be read
     */
    public boolean forEachKey(ByteBuffer batches, int at, Keys keys) throws IOException {
        try (RecordStream stream = new RecordStream(batches, at, MAX_DECOMPRESSED_BYTES)) {
            while (stream.hasNext()) {
                stream.step(digest);
                if (stream.hasKey()) {
                    ByteBuffer hash = ByteBuffer.wrap(digest.digest());
                    if (!keys.key(stream.offset(), hash.getLong(0), hash.getLong(8))) {
                        return false;
                    }
                }
            }
            return true;
        }
    }

    /**
     * Filters a data batch.
     *
     * @param horizonMs when tombstones that stay may go; written into a batch that keeps some and has no horizon yet
     * @param keepEmpty whether the header of a batch that keeps no record stays
     * @throws IOException when the records cannot be read
     */
    public Filtered filter(ByteBuffer batches, int at, Retention retention, long horizonMs, boolean keepEmpty)
            throws IOException {
        int count = BatchHeader.recordsCount(batches, at);
        BitSet kept = new BitSet();
        boolean tombstones = false;
        long maxTimestamp = NO_TIMESTAMP;
        int keyless = 0;
        try (RecordStream stream = new RecordStream(batches, at, MAX_DECOMPRESSED_BYTES)) {
            for (int i = 0; stream.hasNext(); i++) {
                stream.step(digest);
                ByteBuffer hash = ByteBuffer.wrap(digest.digest());
                if (!stream.hasKey()) {
                    keyless++;
                } else if (retention.keeps(stream.offset(), hash.getLong(0), hash.getLong(8), !stream.hasValue())) {
                    kept.set(i);
                    tombstones |= !stream.hasValue();
                    maxTimestamp = Math.max(maxTimestamp, stream.timestampMs());
                }
            }
        }
        int left = kept.cardinality();
        if (left == 0) {
            return new Filtered(keepEmpty ? emptied(batches, at) : null, count > 0 || !keepEmpty, count, 0, keyless);
        }
        boolean newHorizon = tombstones && !BatchHeader.hasDeleteHorizon(batches, at);
        if (left == count && !newHorizon) {
            return new Filtered(slice(batches, at), false, count, count, 0);
        }
        ByteBuffer rewritten = rewrite(batches, at, kept, maxTimestamp, newHorizon, horizonMs);
        return new Filtered(rewritten, true, count, left, keyless);
    }

    /** The batch with a delete horizon set, for an end marker whose transaction has no records left. */
    public ByteBuffer withHorizon(ByteBuffer batches, int at, long horizonMs) throws IOException {
        BitSet all = new BitSet();
        all.set(0, BatchHeader.recordsCount(batches, at));
        return rewrite(batches, at, all, BatchHeader.maxTimestamp(batches, at), true, horizonMs);
    }

    /** The header alone, which still tells offsets, epochs and the producer's sequence. */
    public static ByteBuffer emptied(ByteBuffer batches, int at) {
        if (BatchHeader.recordsCount(batches, at) == 0) {
            return slice(batches, at);
        }
        ByteBuffer out = ByteBuffer.allocate(BatchHeader.SIZE);
        out.put(0, batches, at, BatchHeader.SIZE);
        BatchHeader.rewrite(
                out,
                0,
                BatchHeader.SIZE,
                attributes(batches, at, BatchHeader.COMPRESSION | BatchHeader.DELETE_HORIZON, 0),
                NO_TIMESTAMP,
                BatchHeader.maxTimestamp(batches, at),
                0);
        return out;
    }

    private static ByteBuffer rewrite(
            ByteBuffer batches, int at, BitSet kept, long maxTimestamp, boolean newHorizon, long horizonMs)
            throws IOException {
        int size = BatchHeader.sizeInBytes(batches, at);
        long baseTimestamp = BatchHeader.baseTimestamp(batches, at);
        long newBase = newHorizon ? horizonMs : baseTimestamp;
        ByteBufferOutputStream bytes = new ByteBufferOutputStream(size + 64);
        bytes.position(BatchHeader.SIZE);
        CompressionType codec = CompressionType.forId(BatchHeader.compressionId(batches, at));
        try (RecordStream stream = new RecordStream(batches, at, MAX_DECOMPRESSED_BYTES);
                DataOutputStream out = new DataOutputStream(
                        Compression.of(codec).build().wrapForOutput(bytes, BatchHeader.MAGIC_V2))) {
            for (int i = 0; stream.hasNext(); i++) {
                if (kept.get(i)) {
                    stream.copyNext(out, baseTimestamp - newBase);
                } else {
                    stream.skipNext();
                }
            }
        }
        ByteBuffer whole = bytes.buffer();
        int end = whole.position();
        whole.put(0, batches, at, BatchHeader.SIZE);
        whole.limit(end).position(0);
        BatchHeader.rewrite(
                whole,
                0,
                end,
                attributes(batches, at, 0, newHorizon ? BatchHeader.DELETE_HORIZON : 0),
                newBase,
                BatchHeader.isLogAppendTime(batches, at) ? BatchHeader.maxTimestamp(batches, at) : maxTimestamp,
                kept.cardinality());
        return whole;
    }

    private static short attributes(ByteBuffer batches, int at, int clear, int set) {
        return (short) (BatchHeader.attributes(batches, at) & ~clear | set);
    }

    private static ByteBuffer slice(ByteBuffer batches, int at) {
        return batches.slice(at, BatchHeader.sizeInBytes(batches, at));
    }
}
