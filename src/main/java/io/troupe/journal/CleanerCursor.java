package io.troupe.journal;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;

/**
 * A walk over the batches of a closed segment that believes nothing: what a cleaner misreads, it would delete. One thread;
 * close after use.
 */
final class CleanerCursor implements AutoCloseable {
    private final Segment segment;
    private final BatchCursor cursor;
    private final BooleanSupplier cancelled;
    private long end;

    /**
     * @param position of a batch
     * @param cancelled asked at each batch
     */
    CleanerCursor(Segment segment, long position, int windowBytes, BooleanSupplier cancelled) throws IOException {
        FileChannel channel = segment.acquire();
        this.segment = segment;
        this.cursor = new BatchCursor(channel, position, segment.size(), windowBytes);
        this.cancelled = cancelled;
        this.end = segment.baseOffset();
    }

    /**
     * Steps to the next batch; false at the end of the segment.
     *
     * @throws CorruptSegmentException when there is no whole batch in order
     * @throws CancellationException when it was cancelled
     */
    boolean next() throws IOException {
        if (cancelled.getAsBoolean()) {
            throw new CancellationException();
        }
        if (!cursor.next()) {
            if (cursor.problem() != null) {
                throw corrupt(cursor.problem());
            }
            return false;
        }
        if (cursor.baseOffset() < end || cursor.endOffset() > segment.endOffset()) {
            throw corrupt("offsets " + cursor.baseOffset() + " to " + (cursor.endOffset() - 1) + " between " + end
                    + " and " + segment.endOffset());
        }
        end = cursor.endOffset();
        return true;
    }

    /**
     * Reads the whole batch; it stands in {@link #buffer} at {@link #at} until the next step.
     *
     * @throws CorruptSegmentException when its CRC does not match
     */
    void read() throws IOException {
        // The CRC alone would be taken piece by piece.
        cursor.batch();
        if (!cursor.crcMatches()) {
            throw corrupt(SegmentWalk.CRC_MISMATCH);
        }
    }

    private CorruptSegmentException corrupt(String problem) {
        segment.firstDamage();
        return new CorruptSegmentException(segment, cursor.position(), problem);
    }

    ByteBuffer buffer() {
        return cursor.buffer();
    }

    int at() {
        return cursor.at();
    }

    int size() {
        return cursor.size();
    }

    long position() {
        return cursor.position();
    }

    long baseOffset() {
        return cursor.baseOffset();
    }

    /** Exclusive. */
    long endOffset() {
        return cursor.endOffset();
    }

    @Override
    public void close() {
        segment.release();
    }
}
