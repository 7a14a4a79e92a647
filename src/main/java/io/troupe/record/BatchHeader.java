package io.troupe.record;

import java.nio.ByteBuffer;
import java.util.zip.CRC32C;

/**
 * The header of a record batch of format v2, read and stamped in place.
 *
 * <pre>
 * byte  size  field
 *    0     8  base offset             (outside the CRC)
 *    8     4  batch length            (bytes after this field)
 *   12     4  partition leader epoch  (outside the CRC)
 *   16     1  magic, 2
 *   17     4  CRC-32C of bytes 21 to the end
 *   21     2  attributes              (bits 0-2 codec, 3 timestamp type, 4 transactional, 5 control, 6 delete horizon)
 *   23     4  last offset delta
 *   27     8  base timestamp          (with bit 6: when tombstones and end markers in it may go, KIP-534)
 *   35     8  max timestamp
 *   43     8  producer id             (-1: none)
 *   51     2  producer epoch
 *   53     4  base sequence
 *   57     4  records count
 *   61     -  records
 * </pre>
 *
 * <p>All methods take a buffer and the absolute index of a batch's first byte and leave position and limit alone. Bounds
 * are the caller's: at least {@link #SIZE} bytes must be there.
 */
public final class BatchHeader {
    /** Bytes before the records. */
    public static final int SIZE = 61;
    /** First byte, of a batch, that its CRC covers; the last is the batch's last. */
    public static final int CRC_FROM = 21;
    /** Bytes that tell where the next batch starts: base offset and length. */
    public static final int LOG_OVERHEAD = 12;

    public static final byte MAGIC_V2 = 2;
    public static final long NO_PRODUCER_ID = -1L;
    public static final long NO_TIMESTAMP = -1L;
    public static final int NO_SEQUENCE = -1;

    static final short COMPRESSION = 0x07;
    static final short DELETE_HORIZON = 0x40;

    private static final int LENGTH = 8;
    private static final int LEADER_EPOCH = 12;
    private static final int MAGIC = 16;
    private static final int CRC = 17;
    private static final int ATTRIBUTES = 21;
    private static final int LAST_OFFSET_DELTA = 23;
    private static final int BASE_TIMESTAMP = 27;
    private static final int MAX_TIMESTAMP = 35;
    private static final int PRODUCER_ID = 43;
    private static final int PRODUCER_EPOCH = 51;
    private static final int BASE_SEQUENCE = 53;
    private static final int RECORDS_COUNT = 57;

    private BatchHeader() {}

    public static long baseOffset(ByteBuffer b, int at) {
        return b.getLong(at);
    }

    /** Bytes of the whole batch, header included. */
    public static int sizeInBytes(ByteBuffer b, int at) {
        return LOG_OVERHEAD + b.getInt(at + LENGTH);
    }

    public static int leaderEpoch(ByteBuffer b, int at) {
        return b.getInt(at + LEADER_EPOCH);
    }

    public static byte magic(ByteBuffer b, int at) {
        return b.get(at + MAGIC);
    }

    public static int crc(ByteBuffer b, int at) {
        return b.getInt(at + CRC);
    }

    public static short attributes(ByteBuffer b, int at) {
        return b.getShort(at + ATTRIBUTES);
    }

    /** The codec's id, 0 to 4: none, gzip, snappy, lz4, zstd; 5 to 7 mean nothing yet. */
    public static int compressionId(ByteBuffer b, int at) {
        return attributes(b, at) & COMPRESSION;
    }

    public static boolean isLogAppendTime(ByteBuffer b, int at) {
        return (attributes(b, at) & 0x08) != 0;
    }

    public static boolean isTransactional(ByteBuffer b, int at) {
        return (attributes(b, at) & 0x10) != 0;
    }

    public static boolean isControl(ByteBuffer b, int at) {
        return (attributes(b, at) & 0x20) != 0;
    }

    /** Whether compaction has set in the base timestamp when this batch's tombstones and end markers may go. */
    public static boolean hasDeleteHorizon(ByteBuffer b, int at) {
        return (attributes(b, at) & DELETE_HORIZON) != 0;
    }

    public static int lastOffsetDelta(ByteBuffer b, int at) {
        return b.getInt(at + LAST_OFFSET_DELTA);
    }

    /** Inclusive. */
    public static long lastOffset(ByteBuffer b, int at) {
        return baseOffset(b, at) + lastOffsetDelta(b, at);
    }

    public static long baseTimestamp(ByteBuffer b, int at) {
        return b.getLong(at + BASE_TIMESTAMP);
    }

    public static long maxTimestamp(ByteBuffer b, int at) {
        return b.getLong(at + MAX_TIMESTAMP);
    }

    /**
     * Greatest timestamp of the records that are in the batch; {@link Long#MIN_VALUE} when compaction has left none, for then
     * {@link #maxTimestamp} speaks of records that are gone.
     */
    public static long maxRecordTimestamp(ByteBuffer b, int at) {
        return recordsCount(b, at) == 0 ? Long.MIN_VALUE : maxTimestamp(b, at);
    }

    public static long producerId(ByteBuffer b, int at) {
        return b.getLong(at + PRODUCER_ID);
    }

    public static short producerEpoch(ByteBuffer b, int at) {
        return b.getShort(at + PRODUCER_EPOCH);
    }

    public static int baseSequence(ByteBuffer b, int at) {
        return b.getInt(at + BASE_SEQUENCE);
    }

    /** Inclusive; sequences wrap from {@link Integer#MAX_VALUE} to 0. */
    public static int lastSequence(ByteBuffer b, int at) {
        int base = baseSequence(b, at);
        return base == NO_SEQUENCE ? NO_SEQUENCE : (base + lastOffsetDelta(b, at)) & Integer.MAX_VALUE;
    }

    public static int recordsCount(ByteBuffer b, int at) {
        return b.getInt(at + RECORDS_COUNT);
    }

    /** Gives a batch its place in the log; neither field is covered by the CRC. */
    public static void stamp(ByteBuffer b, int at, long baseOffset, int leaderEpoch) {
        b.putLong(at, baseOffset);
        b.putInt(at + LEADER_EPOCH, leaderEpoch);
    }

    /** Sets LogAppendTime as timestamp type with this time, and the CRC anew. */
    public static void stampLogAppendTime(ByteBuffer b, int at, long logAppendTimeMs) {
        b.putShort(at + ATTRIBUTES, (short) (attributes(b, at) | 0x08));
        b.putLong(at + MAX_TIMESTAMP, logAppendTimeMs);
        b.putInt(at + CRC, computeCrc(b, at));
    }

    /**
     * Makes a copied header that of a batch packed anew in another codec, and sets the CRC anew; all else stays.
     *
     * @param b holds the whole batch, from {@code at} to {@code at + sizeInBytes}
     */
    static void repacked(ByteBuffer b, int at, int sizeInBytes, int compressionId, long maxTimestamp) {
        b.putInt(at + LENGTH, sizeInBytes - LOG_OVERHEAD);
        b.putShort(at + ATTRIBUTES, (short) (attributes(b, at) & ~0x07 | compressionId));
        b.putLong(at + MAX_TIMESTAMP, maxTimestamp);
        b.putInt(at + CRC, computeCrc(b, at));
    }

    /**
     * Makes a copied header that of a rewritten batch, and sets the CRC anew. Offsets, leader epoch and producer fields stay.
     *
     * @param b holds the whole batch, from {@code at} to {@code at + sizeInBytes}
     */
    static void rewrite(
            ByteBuffer b,
            int at,
            int sizeInBytes,
            short attributes,
            long baseTimestamp,
            long maxTimestamp,
            int recordsCount) {
        b.putInt(at + LENGTH, sizeInBytes - LOG_OVERHEAD);
        b.putShort(at + ATTRIBUTES, attributes);
        b.putLong(at + BASE_TIMESTAMP, baseTimestamp);
        b.putLong(at + MAX_TIMESTAMP, maxTimestamp);
        b.putInt(at + RECORDS_COUNT, recordsCount);
        b.putInt(at + CRC, computeCrc(b, at));
    }

    /**
     * Writes the header of a batch, up to the limit, whose records are there: not compressed, at offset 0, without producer id, timestamps
     * those of its records.
     */
    static void written(ByteBuffer b, int at, long baseTimestamp, long maxTimestamp, int recordsCount) {
        stamp(b, at, 0, -1);
        b.put(at + MAGIC, MAGIC_V2);
        b.putInt(at + LAST_OFFSET_DELTA, recordsCount - 1);
        b.putLong(at + PRODUCER_ID, NO_PRODUCER_ID);
        b.putShort(at + PRODUCER_EPOCH, (short) -1);
        b.putInt(at + BASE_SEQUENCE, NO_SEQUENCE);
        rewrite(b, at, b.limit() - at, (short) 0, baseTimestamp, maxTimestamp, recordsCount);
    }

    /** Where whole batches, at least one, from position to limit end; exclusive. */
    public static long endOffset(ByteBuffer batches) {
        long end = 0;
        for (int at = batches.position(); at < batches.limit(); at += sizeInBytes(batches, at)) {
            end = lastOffset(batches, at) + 1;
        }
        return end;
    }

    /** CRC-32C over the bytes that the header's own CRC covers. */
    public static int computeCrc(ByteBuffer b, int at) {
        CRC32C crc = new CRC32C();
        ByteBuffer covered = b.duplicate();
        covered.limit(at + sizeInBytes(b, at)).position(at + ATTRIBUTES);
        crc.update(covered);
        return (int) crc.getValue();
    }
}
