package io.troupe.journal;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.List;
import java.util.Optional;
import java.util.function.IntFunction;

/**
 * Reads one partition's log from any thread while its journal appends. Bounds by HW or LSO are the caller's: the reader
 * only knows what is written.
 */
public interface LogReader {

    /** An offset and the timestamp and leader epoch of the record there. */
    record TimestampedOffset(long offset, long timestampMs, int leaderEpoch) {}

    /**
     * One segment, for whoever decides what may be deleted.
     *
     * @param endOffset exclusive
     * @param largestTimestampMs of its records; when the file was last written, if no record has one
     */
    record SegmentInfo(long baseOffset, long endOffset, int sizeInBytes, long largestTimestampMs) {}

    /** Batches read: held in memory, or told by where they lie. */
    sealed interface Slice {
        /** Bytes of whole batches. */
        int sizeInBytes();
    }

    /** @param batches a buffer of its own, ready to be read; empty, and none that was asked for, when nothing fitted */
    record InMemory(ByteBuffer batches) implements Slice {
        @Override
        public int sizeInBytes() {
            return batches.remaining();
        }
    }

    /**
     * One batch too large to be held, of which a reader takes a piece at a time.
     *
     * @param file of its own, so that it can be read although the segment is deleted; to be closed by whoever took it
     */
    record InFile(FileChannel file, long position, int sizeInBytes) implements Slice {
        /**
         * Fills what remains of {@code into} from {@code at} in the batch on.
         *
         * @throws EOFException when the file ends inside the batch
         */
        public void read(ByteBuffer into, int at) throws IOException {
            BatchCursor.readFully(file, into, position + at);
            if (into.hasRemaining()) {
                throw new EOFException("the file ends inside a batch");
            }
        }
    }

    /**
     * Whether what stands from {@code startOffset} on was written a moment ago, so that it most likely is in the page cache
     * and a read does not wait for the disk. Waits for nothing itself.
     */
    default boolean isRecent(long startOffset) {
        return true;
    }

    /** First offset that may be read. */
    long logStartOffset();

    /** One past the last offset written. */
    long logEndOffset();

    /** Bytes in the segments. */
    long sizeInBytes();

    /** In order, the last one active; never empty. */
    List<SegmentInfo> segments();

    /**
     * Whole batches, starting with the one that holds {@code startOffset} (the first after it, when compaction left a
     * gap), each ending at or below {@code endOffset}.
     *
     * @param endOffset exclusive
     * @param maxBytes the answer is at most this long, save for {@code minOneBatch}
     * @param minOneBatch whether to return a first batch that is larger than {@code maxBytes}
     * @return a buffer of its own, ready to be read; empty when nothing fits
     * @throws org.apache.kafka.common.errors.OffsetOutOfRangeException outside [log start, LEO]
     * @throws CorruptLogException when what stands there is not what was written
     * @throws IOException when the disk fails
     */
    ByteBuffer read(long startOffset, long endOffset, int maxBytes, boolean minOneBatch) throws IOException;

    /**
     * The same as {@link #read}, but a batch of more than {@code mostInMemory} bytes that stands first comes alone and
     * stays in its file. It was read through once, so it is sound and, most likely, in the page cache.
     *
     * @param memory gives the buffer, by its size; what it gave may be dropped, when the log changes under the read
     */
    default Slice slice(
            long startOffset,
            long endOffset,
            int maxBytes,
            boolean minOneBatch,
            int mostInMemory,
            IntFunction<ByteBuffer> memory)
            throws IOException {
        return new InMemory(read(startOffset, endOffset, maxBytes, minOneBatch));
    }

    /** The first record at or after {@code timestampMs} and below {@code endOffset}. */
    Optional<TimestampedOffset> offsetForTimestamp(long timestampMs, long endOffset) throws IOException;

    /** The first record at or above {@code fromOffset} and below {@code endOffset}; control batches are none. */
    Optional<TimestampedOffset> firstRecord(long fromOffset, long endOffset) throws IOException;

    /** The record with the greatest timestamp below {@code endOffset}; the first of several. */
    Optional<TimestampedOffset> maxTimestamp(long endOffset) throws IOException;
}
