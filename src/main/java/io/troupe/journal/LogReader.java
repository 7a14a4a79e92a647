package io.troupe.journal;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;

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

    /** The first record at or after {@code timestampMs} and below {@code endOffset}. */
    Optional<TimestampedOffset> offsetForTimestamp(long timestampMs, long endOffset) throws IOException;

    /** The record with the greatest timestamp below {@code endOffset}; the first of several. */
    Optional<TimestampedOffset> maxTimestamp(long endOffset) throws IOException;
}
