package io.troupe.journal;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;

/**
 * What a walk over all batch headers of a segment found.
 *
 * @param size bytes of the whole batches from the file's start
 * @param endOffset exclusive
 * @param problem what stands at {@code size}; null when the file ends there
 */
record SegmentWalk(int size, long endOffset, long maxTimestamp, SparseIndex index, String problem) {

    /** The problem of a batch that is whole but not what was written. */
    static final String CRC_MISMATCH = "CRC does not match";

    static final long NO_CRC = Long.MAX_VALUE;

    /** Sees each header while the walk stands at it. */
    interface Visitor {
        void batch(ByteBuffer header, int at) throws IOException;
    }

    Segment.Summary summary() {
        return new Segment.Summary(size, endOffset, maxTimestamp);
    }

    /** The whole file, headers only. */
    static SegmentWalk ofHeaders(FileChannel channel, Segment segment, int indexIntervalBytes, Visitor visitor)
            throws IOException {
        SparseIndex index = new SparseIndex(indexIntervalBytes);
        return of(channel, segment, segment.size(), segment.nothing(), index, NO_CRC, false, visitor);
    }

    /**
     * Walks the file to its end.
     *
     * @param from what is known already of the file's beginning
     * @param index of that; what is found is added
     * @param crcFrom batches that reach beyond it are read whole and compared with their CRC; {@link #NO_CRC} for headers only
     * @param gapless whether each batch must begin where the one before ended
     * @param visitor may be null
     */
    static SegmentWalk of(
            FileChannel channel,
            Segment segment,
            int fileSize,
            Segment.Summary from,
            SparseIndex index,
            long crcFrom,
            boolean gapless,
            Visitor visitor)
            throws IOException {
        int window = crcFrom == NO_CRC ? BatchCursor.SCAN_WINDOW : BatchCursor.READ_WINDOW;
        BatchCursor cursor = new BatchCursor(channel, from.size(), fileSize, window);
        SparseIndex found = index;
        long end = from.endOffset();
        long max = from.maxTimestamp();
        int size = from.size();
        String problem = null;
        while (cursor.next()) {
            if (cursor.baseOffset() < end
                    || (gapless && cursor.baseOffset() != end)
                    || cursor.endOffset() - segment.baseOffset() > Integer.MAX_VALUE) {
                problem = "offset " + cursor.baseOffset() + " where " + end + " was due";
                break;
            }
            if (cursor.endOffset() > crcFrom && !cursor.crcMatches()) {
                problem = CRC_MISMATCH;
                break;
            }
            found = found.add((int) (cursor.baseOffset() - segment.baseOffset()), size, cursor.maxTimestamp());
            if (visitor != null) {
                visitor.batch(cursor.buffer(), cursor.at());
            }
            max = Math.max(max, cursor.maxTimestamp());
            end = cursor.endOffset();
            size += cursor.size();
        }
        return new SegmentWalk(size, end, max, found, problem == null ? cursor.problem() : problem);
    }
}
