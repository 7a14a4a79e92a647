package io.troupe.journal;

import io.troupe.record.BatchHeader;
import io.troupe.record.Batches;
import java.nio.ByteBuffer;
import java.util.Arrays;
import org.apache.kafka.common.utils.internals.ByteUtils;

/**
 * An entry of a voter's log: a batch of one record, whose last bytes are never zero. So one that a power cut tore is told
 * from one that was damaged later, which the voter may have answered.
 *
 * <pre>
 * batch header 61 | length, attributes, deltas | key length 1, key {@link #MARKED} | value | one header, its value {@link #MIN_TORN_BYTES} times {@link #END}
 * </pre>
 *
 * <p>Entries of earlier builds have no key and end as they like.
 */
final class VoterEntry {
    /** What file systems write whole. */
    private static final int PAGE_BYTES = 4096;
    /** Fewer zeroes may be an unmarked entry's own. */
    private static final int MIN_TORN_BYTES = 16;

    private static final byte MARKED = 1;
    private static final byte END = 0x5a;

    private VoterEntry() {}

    /** Ready to be read. */
    static ByteBuffer batch(long offset, byte[] value, long nowMs) {
        byte[] end = new byte[MIN_TORN_BYTES];
        Arrays.fill(end, END);
        ByteBuffer batch = Batches.singleEndingIn(new byte[] {MARKED}, value, nowMs, "end", end);
        BatchHeader.stamp(batch, batch.position(), offset, 0);
        return batch;
    }

    /**
     * Whether an entry whose CRC is wrong lacks all that it should have from some page on: a write that the power cut, which
     * was never fsynced and so never answered. Damage to what was whole looks otherwise.
     *
     * @param position where it stands in its file
     */
    static boolean isTorn(ByteBuffer batch, long position) {
        int page = PAGE_BYTES - (int) (position % PAGE_BYTES);
        int least = isMarked(batch) ? 1 : MIN_TORN_BYTES;
        for (; page < batch.limit(); page += PAGE_BYTES) {
            ByteBuffer left = batch.slice(page, Math.min(PAGE_BYTES, batch.limit() - page));
            if (left.remaining() >= least && left.equals(ByteBuffer.allocate(left.remaining()))) {
                return true;
            }
        }
        return false;
    }

    private static boolean isMarked(ByteBuffer batch) {
        ByteBuffer record = batch.duplicate().position(BatchHeader.SIZE);
        try {
            ByteUtils.readVarint(record);
            record.get();
            ByteUtils.readVarlong(record);
            ByteUtils.readVarint(record);
            return ByteUtils.readVarint(record) == 1 && record.get() == MARKED;
        } catch (RuntimeException e) {
            // Damaged there too.
            return false;
        }
    }
}
