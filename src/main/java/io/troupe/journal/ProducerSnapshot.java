package io.troupe.journal;

import io.troupe.record.BatchHeader;
import io.troupe.record.ProducerStates;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.List;
import java.util.Optional;

/**
 * Producer state at an offset, as {@link IndexStore} keeps it. It says which batch it comes behind, so that one that was
 * derived from batches since cut away is not believed, whatever became of the order to drop it.
 *
 * <pre>
 * base offset of the last batch below the offset 8 (-1: none) | its CRC 4 | state
 * </pre>
 */
final class ProducerSnapshot {
    private static final int MARK_BYTES = 12;
    private static final long NONE = -1;

    private ProducerSnapshot() {}

    /** @param segments of the log, in order; those below {@code offset} hold all their batches */
    static void store(IndexStore indexes, LogId id, List<Segment> segments, long offset, ByteBuffer state)
            throws IOException {
        ByteBuffer value = mark(segments, offset, indexes, id);
        ByteBuffer whole = ByteBuffer.allocate(MARK_BYTES + state.remaining());
        indexes.putProducers(id, offset, whole.put(value).put(state.duplicate()).flip());
    }

    /**
     * @throws IllegalArgumentException when the snapshot is damaged or belongs to batches that the log does not hold
     */
    static ProducerStates restore(ByteBuffer stored, IndexStore indexes, LogId id, List<Segment> segments, long offset)
            throws IOException {
        // Of what retention took there is nothing left to compare with, and nothing of it was ever cut.
        boolean comparable = segments.get(0).baseOffset() < offset;
        ByteBuffer mark = comparable || stored.remaining() < MARK_BYTES
                ? mark(segments, offset, indexes, id)
                : stored.slice(0, MARK_BYTES);
        return restore(stored, mark, offset);
    }

    /**
     * The same for who knows the mark at the offset.
     *
     * @throws IllegalArgumentException as above
     */
    static ProducerStates restore(ByteBuffer stored, ByteBuffer mark, long offset) {
        if (stored.remaining() < MARK_BYTES) {
            throw new IllegalArgumentException("a producer snapshot at offset " + offset + " is cut short");
        }
        if (!mark.equals(stored.slice(0, MARK_BYTES))) {
            throw new IllegalArgumentException(
                    "a producer snapshot at offset " + offset + " belongs to batches that are gone");
        }
        return ProducerStates.restore(stored.slice(MARK_BYTES, stored.remaining() - MARK_BYTES));
    }

    /** The state kept at {@code offset}, if there is one and the log holds the batches it belongs to. */
    static Optional<ByteBuffer> at(IndexStore indexes, LogId id, List<Segment> segments, long offset)
            throws IOException {
        Optional<ByteBuffer> stored =
                indexes.producersAt(id, offset).filter(snapshot -> snapshot.remaining() >= MARK_BYTES);
        if (stored.isEmpty()
                || !mark(segments, offset, indexes, id).equals(stored.get().slice(0, MARK_BYTES))) {
            return Optional.empty();
        }
        return stored.map(snapshot -> snapshot.slice(MARK_BYTES, snapshot.remaining() - MARK_BYTES));
    }

    /** Where no batch lies below. */
    static ByteBuffer noMark() {
        return ByteBuffer.allocate(MARK_BYTES).putLong(0, NONE);
    }

    /** Behind the batch whose header stands at {@code at}. */
    static ByteBuffer mark(ByteBuffer header, int at) {
        return mark(ByteBuffer.allocate(MARK_BYTES), header, at);
    }

    private static ByteBuffer mark(ByteBuffer mark, ByteBuffer header, int at) {
        return mark.putLong(0, BatchHeader.baseOffset(header, at)).putInt(8, BatchHeader.crc(header, at));
    }

    private static ByteBuffer mark(List<Segment> segments, long offset, IndexStore indexes, LogId id)
            throws IOException {
        ByteBuffer mark = noMark();
        for (int i = segments.size() - 1; i >= 0; i--) {
            Segment segment = segments.get(i);
            if (segment.baseOffset() < offset && markWithin(segment, offset, indexes, id, mark)) {
                break;
            }
        }
        return mark;
    }

    /** False when the segment holds no batch that ends at or below the offset. */
    private static boolean markWithin(Segment segment, long offset, IndexStore indexes, LogId id, ByteBuffer mark)
            throws IOException {
        FileChannel channel = segment.acquire();
        try {
            SparseIndex index = segment.index();
            if (index == null) {
                index = indexes.index(id, segment.baseOffset(), segment.size(), 0)
                        .orElse(null);
            }
            int start = index == null ? 0 : index.positionOf(offset - 1 - segment.baseOffset());
            BatchCursor cursor = new BatchCursor(channel, start, segment.size(), BatchCursor.LOOKUP_WINDOW);
            boolean found = false;
            while (cursor.next() && cursor.endOffset() <= offset) {
                mark(mark, cursor.buffer(), cursor.at());
                found = true;
            }
            return found;
        } finally {
            segment.release();
        }
    }
}
