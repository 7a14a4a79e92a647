package io.troupe.journal;

import io.troupe.record.BatchHeader;
import io.troupe.record.Batches;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import java.util.function.IntFunction;
import org.apache.kafka.common.errors.OffsetOutOfRangeException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * {@link LogReader} over the published segments of a {@link PartitionLog}. A read takes place in one segment and begins
 * with a lookup in O(log n). Batches that this process did not write itself have their CRC checked on the way, so that
 * what a disk has spoilt is told with its path and offset and never handed on.
 */
final class SegmentReader implements LogReader {
    private static final Logger LOG = LoggerFactory.getLogger(SegmentReader.class);
    private static final int ATTEMPTS = 8;
    private static final Slice EMPTY = new InMemory(ByteBuffer.allocate(0));
    private static final int LARGE_BYTES = 4 << 20;

    /** So far from the log's end, and for so long after the last append, reads are expected to find the page cache. */
    private static final long RECENT_BYTES = 16 << 20;

    private static final long RECENT_MS = 60_000;

    /** Look-ups that must unpack a large batch, over all logs: they hold it whole. */
    private static final Semaphore LARGE_LOOKUPS = new Semaphore(1);

    private final PartitionLog log;
    private final IndexStore indexes;
    private final IndexCache cache;

    SegmentReader(PartitionLog log, IndexStore indexes, IndexCache cache) {
        this.log = log;
        this.indexes = indexes;
        this.cache = cache;
    }

    @Override
    public boolean isRecent(long startOffset) {
        if (System.currentTimeMillis() - log.lastAppendMs() > RECENT_MS) {
            return false;
        }
        Segment[] segments = log.segments();
        long behind = 0;
        for (int i = segments.length - 1; i >= 0 && behind <= RECENT_BYTES; i--) {
            Segment segment = segments[i];
            long end = segment.endOffset();
            if (startOffset >= segment.baseOffset()) {
                // By the share of its offsets, for a look at the index might have to read it.
                double share = (end - startOffset) / (double) Math.max(1, end - segment.baseOffset());
                return behind + share * segment.size() <= RECENT_BYTES;
            }
            behind += segment.size();
        }
        return behind <= RECENT_BYTES;
    }

    @Override
    public long logStartOffset() {
        return log.logStartOffset();
    }

    @Override
    public long logEndOffset() {
        return log.logEndOffset();
    }

    @Override
    public long sizeInBytes() {
        return log.table().sizeInBytes();
    }

    @Override
    public List<SegmentInfo> segments() {
        List<SegmentInfo> infos = new ArrayList<>();
        for (Segment segment : log.segments()) {
            infos.add(segment.info());
        }
        return infos;
    }

    /** The last one active. */
    Segment[] published() {
        return log.segments();
    }

    private interface Attempt<T> {
        T run() throws IOException;
    }

    /** Repeats what a truncation ran into, or what lost its segment on the way. */
    private <T> T stable(Attempt<T> attempt) throws IOException {
        for (int i = 1; ; i++) {
            int version = log.stableVersion();
            try {
                T result = attempt.run();
                if (log.unchangedSince(version)) {
                    return result;
                }
                if (result instanceof InFile dropped) {
                    dropped.file().close();
                }
            } catch (ClosedChannelException e) {
                // Another reader of the same segment was interrupted and took the channel with it.
                if (i == ATTEMPTS || Thread.currentThread().isInterrupted()) {
                    throw e;
                }
            } catch (SegmentGoneException e) {
                // Deleted between the look at the segments and the reading: the next look finds another, or none.
                if (i == ATTEMPTS) {
                    throw e;
                }
            } catch (IOException | OffsetOutOfRangeException e) {
                if (log.unchangedSince(version) || i == ATTEMPTS) {
                    throw e;
                }
            }
            if (i == ATTEMPTS) {
                throw new IOException(log.path() + " is being truncated");
            }
        }
    }

    @Override
    public ByteBuffer read(long startOffset, long endOffset, int maxBytes, boolean minOneBatch) throws IOException {
        return ((InMemory)
                        slice(startOffset, endOffset, maxBytes, minOneBatch, Integer.MAX_VALUE, ByteBuffer::allocate))
                .batches();
    }

    @Override
    public Slice slice(
            long startOffset,
            long endOffset,
            int maxBytes,
            boolean minOneBatch,
            int mostInMemory,
            IntFunction<ByteBuffer> memory)
            throws IOException {
        return stable(() -> {
            long end = log.logEndOffset();
            if (startOffset < log.logStartOffset() || startOffset > end) {
                throw new OffsetOutOfRangeException(
                        log.path() + " holds offsets " + log.logStartOffset() + " to " + end + ", not " + startOffset);
            }
            long bound = Math.min(endOffset, end);
            SegmentTable segments = log.table();
            for (int i = segments.indexOf(startOffset);
                    i < segments.count() && segments.get(i).baseOffset() < bound;
                    i++) {
                Optional<Slice> found =
                        readFrom(segments.get(i), startOffset, bound, maxBytes, minOneBatch, mostInMemory, memory);
                if (found.isPresent()) {
                    return found.get();
                }
            }
            return EMPTY;
        });
    }

    /** Empty when the segment holds nothing at or after {@code startOffset}. */
    private Optional<Slice> readFrom(
            Segment segment,
            long startOffset,
            long endOffset,
            int maxBytes,
            boolean minOneBatch,
            int mostInMemory,
            IntFunction<ByteBuffer> memory)
            throws IOException {
        int size = segment.size();
        if (segment.endOffset() <= startOffset) {
            return Optional.empty();
        }
        FileChannel channel = segment.acquire();
        try {
            int from = index(segment, channel).positionOf(startOffset - segment.baseOffset());
            BatchCursor cursor = new BatchCursor(channel, from, size, BatchCursor.LOOKUP_WINDOW);
            do {
                if (!cursor.next()) {
                    failIfCorrupt(segment, cursor, startOffset);
                    return Optional.empty();
                }
            } while (cursor.endOffset() <= startOffset);
            if (cursor.endOffset() > endOffset || (cursor.size() > maxBytes && !minOneBatch)) {
                return Optional.of(EMPTY);
            }
            if (cursor.size() > mostInMemory) {
                try {
                    return Optional.of(inFile(segment, cursor));
                } catch (SegmentGoneException e) {
                    // Given up a moment ago: this read still ends with the file that is open.
                }
            }
            long position = cursor.position();
            ByteBuffer out = memory.apply((int) Math.min(size - position, Math.max(maxBytes, cursor.size())));
            BatchCursor.readFully(channel, out, position);
            out.flip();
            out.limit(wholeBatches(segment, out, position, startOffset, endOffset));
            return Optional.of(new InMemory(out));
        } finally {
            segment.release();
        }
    }

    private static Slice inFile(Segment segment, BatchCursor cursor) throws IOException {
        // Also brings it into the page cache, from which the pieces are read that are sent.
        if (!cursor.crcMatches()) {
            throw corrupt(segment, cursor.position(), cursor.baseOffset(), "a batch whose CRC does not match");
        }
        return new InFile(segment.openAnother(), cursor.position(), cursor.size());
    }

    /** Where the last whole batch within the bounds ends; throws when not even the first is sound. */
    private int wholeBatches(Segment segment, ByteBuffer out, long position, long startOffset, long endOffset)
            throws IOException {
        int at = 0;
        long next = startOffset;
        while (out.limit() - at >= BatchHeader.SIZE) {
            int bytes = BatchHeader.sizeInBytes(out, at);
            String problem = null;
            if (bytes < BatchHeader.SIZE
                    || BatchHeader.magic(out, at) != BatchHeader.MAGIC_V2
                    || bytes > segment.size() - position - at
                    || BatchHeader.lastOffsetDelta(out, at) < 0
                    || BatchHeader.lastOffset(out, at) < next) {
                problem = "no whole batch";
            } else if (bytes > out.limit() - at || BatchHeader.lastOffset(out, at) >= endOffset) {
                break;
            } else if (position + at < segment.trustedFrom()
                    && BatchHeader.computeCrc(out, at) != BatchHeader.crc(out, at)) {
                problem = "a batch whose CRC does not match";
            }
            if (problem != null) {
                if (at > 0) {
                    // Serve up to here; the next read begins with this one and fails.
                    break;
                }
                throw corrupt(segment, position + at, next, problem);
            }
            next = BatchHeader.lastOffset(out, at) + 1;
            at += bytes;
        }
        return at;
    }

    private static void failIfCorrupt(Segment segment, BatchCursor cursor, long offset) throws IOException {
        if (cursor.problem() != null) {
            throw corrupt(segment, cursor.position(), offset, cursor.problem());
        }
    }

    private static CorruptLogException corrupt(Segment segment, long position, long offset, String problem) {
        String message =
                "%s is corrupt at position %d, offset %d: %s. The batches before it are served; restore the file, or delete the replica's data and let it be copied from another broker."
                        .formatted(segment.path(), position, offset, problem);
        if (segment.firstDamage()) {
            LOG.error(message);
        }
        return new CorruptLogException(message);
    }

    @Override
    public Optional<TimestampedOffset> offsetForTimestamp(long timestampMs, long endOffset) throws IOException {
        return stable(() -> {
            long bound = Math.min(endOffset, log.logEndOffset());
            SegmentTable segments = log.table();
            int i = segments.firstAtOrAfter(timestampMs, segments.indexOf(log.logStartOffset()));
            while (i < segments.count() && segments.get(i).baseOffset() < bound) {
                Optional<TimestampedOffset> found = findIn(segments.get(i), timestampMs, bound);
                if (found.isPresent()) {
                    return found;
                }
                i = segments.firstAtOrAfter(timestampMs, i + 1);
            }
            return Optional.empty();
        });
    }

    /** Goes from one stretch that has such a timestamp to the next: not all that has one lies between the bounds. */
    private Optional<TimestampedOffset> findIn(Segment segment, long timestampMs, long bound) throws IOException {
        FileChannel channel = segment.acquire();
        try {
            SparseIndex index = index(segment, channel);
            int size = segment.size();
            int stretch = index.stretchOf(log.logStartOffset() - segment.baseOffset());
            int last = index.lastStretch();
            do {
                stretch = index.firstStretch(timestampMs, stretch, last);
                int end = stretch < last ? Math.min(size, index.startOf(stretch + 1)) : size;
                BatchCursor cursor = new BatchCursor(channel, index.startOf(stretch), end, BatchCursor.LOOKUP_WINDOW);
                while (cursor.next()) {
                    if (cursor.baseOffset() >= bound) {
                        return Optional.empty();
                    }
                    Optional<TimestampedOffset> found = findAt(cursor, segment, timestampMs, bound);
                    if (found.isPresent()) {
                        return found;
                    }
                }
                failIfCorrupt(segment, cursor, segment.baseOffset());
            } while (stretch++ < last);
            return Optional.empty();
        } finally {
            segment.release();
        }
    }

    private Optional<TimestampedOffset> findAt(BatchCursor cursor, Segment segment, long timestampMs, long bound)
            throws IOException {
        long start = log.logStartOffset();
        if (cursor.maxTimestamp() < timestampMs || cursor.endOffset() <= start) {
            return Optional.empty();
        }
        return findAt(cursor, segment, timestampMs, start, bound);
    }

    private Optional<TimestampedOffset> findAt(
            BatchCursor cursor, Segment segment, long timestampMs, long start, long bound) throws IOException {
        if (cursor.position() < segment.trustedFrom() && !cursor.crcMatches()) {
            throw corrupt(segment, cursor.position(), cursor.baseOffset(), "a batch whose CRC does not match");
        }
        return firstAtOrAfter(cursor, timestampMs, start, bound);
    }

    private Optional<TimestampedOffset> firstAtOrAfter(BatchCursor cursor, long timestampMs, long start, long bound)
            throws IOException {
        ByteBuffer header = cursor.buffer();
        int at = cursor.at();
        int epoch = BatchHeader.leaderEpoch(header, at);
        if (BatchHeader.isControl(header, at)) {
            return Optional.of(new TimestampedOffset(cursor.baseOffset(), cursor.maxTimestamp(), epoch));
        }
        boolean complete = BatchHeader.recordsCount(header, at) == BatchHeader.lastOffsetDelta(header, at) + 1L;
        boolean oneTime = BatchHeader.isLogAppendTime(header, at) || BatchHeader.recordsCount(header, at) == 1;
        if (complete && oneTime) {
            long first = Math.max(cursor.baseOffset(), start);
            return first < Math.min(cursor.endOffset(), bound)
                    ? Optional.of(new TimestampedOffset(first, cursor.maxTimestamp(), epoch))
                    : Optional.empty();
        }
        boolean large = cursor.size() > LARGE_BYTES;
        if (large) {
            LARGE_LOOKUPS.acquireUninterruptibly();
        }
        try {
            return firstAtOrAfter(cursor.batch(), epoch, timestampMs, start, bound);
        } finally {
            if (large) {
                LARGE_LOOKUPS.release();
            }
        }
    }

    private static Optional<TimestampedOffset> firstAtOrAfter(
            ByteBuffer batch, int epoch, long timestampMs, long start, long bound) {
        try {
            return Batches.firstAtOrAfter(batch, timestampMs, start, bound)
                    .map(record -> new TimestampedOffset(record.offset(), record.timestampMs(), epoch));
        } catch (IOException e) {
            // Compressed records are stored as they came. Whoever wrote these keeps nobody from looking up others; a
            // reader is sent to the batch, and finds there what is wrong with it.
            long first = Math.max(BatchHeader.baseOffset(batch, 0), start);
            return Optional.of(new TimestampedOffset(first, BatchHeader.maxTimestamp(batch, 0), epoch));
        }
    }

    @Override
    public Optional<TimestampedOffset> firstRecord(long fromOffset, long endOffset) throws IOException {
        return stable(() -> {
            long start = Math.max(fromOffset, log.logStartOffset());
            long bound = Math.min(endOffset, log.logEndOffset());
            if (start >= bound) {
                return Optional.empty();
            }
            SegmentTable segments = log.table();
            // More than one only where compaction has left nothing from there on.
            for (int i = segments.indexOf(start);
                    i < segments.count() && segments.get(i).baseOffset() < bound;
                    i++) {
                Optional<TimestampedOffset> found = firstIn(segments.get(i), start, bound);
                if (found.isPresent()) {
                    return found;
                }
            }
            return Optional.empty();
        });
    }

    private Optional<TimestampedOffset> firstIn(Segment segment, long start, long bound) throws IOException {
        FileChannel channel = segment.acquire();
        try {
            SparseIndex index = index(segment, channel);
            int from = index.startOf(index.stretchOf(start - segment.baseOffset()));
            BatchCursor cursor = new BatchCursor(channel, from, segment.size(), BatchCursor.LOOKUP_WINDOW);
            while (cursor.next() && cursor.baseOffset() < bound) {
                if (cursor.endOffset() <= start || BatchHeader.isControl(cursor.buffer(), cursor.at())) {
                    continue;
                }
                Optional<TimestampedOffset> found = findAt(cursor, segment, Long.MIN_VALUE, start, bound);
                if (found.isPresent()) {
                    return found;
                }
            }
            failIfCorrupt(segment, cursor, segment.baseOffset());
            return Optional.empty();
        } finally {
            segment.release();
        }
    }

    @Override
    public Optional<TimestampedOffset> maxTimestamp(long endOffset) throws IOException {
        return stable(() -> {
            long bound = Math.min(endOffset, log.logEndOffset());
            long start = log.logStartOffset();
            if (bound <= start) {
                return Optional.empty();
            }
            SegmentTable segments = log.table();
            int first = segments.indexOf(start);
            int last = segments.indexOf(bound - 1);
            long greatest = Math.max(maxTimestampIn(segments, first, bound), segments.maxTimestamp(first + 1, last));
            if (last > first && segments.get(last).maxTimestamp() > greatest) {
                greatest = Math.max(greatest, maxTimestampIn(segments, last, bound));
            }
            return greatest == Long.MIN_VALUE ? Optional.empty() : offsetForTimestamp(greatest, bound);
        });
    }

    /**
     * Greatest timestamp of a segment's batches that end at or below {@code bound} and lie above the log start. The segment
     * knows its own and the index that of each stretch, so what is read are the stretches with the two bounds.
     */
    private long maxTimestampIn(SegmentTable segments, int at, long bound) throws IOException {
        Segment segment = segments.get(at);
        long start = log.logStartOffset();
        int size = segment.size();
        // The active one's own may be of what is just being written.
        boolean endsWithin = segments.isClosed(at) && segment.endOffset() <= bound;
        if (segment.baseOffset() >= start && endsWithin) {
            return segment.maxTimestamp();
        }
        FileChannel channel = segment.acquire();
        try {
            SparseIndex index = index(segment, channel);
            int first = index.stretchOf(start - segment.baseOffset());
            int last = endsWithin ? index.lastStretch() : index.stretchOf(bound - 1 - segment.baseOffset());
            if (first >= last) {
                return maxTimestampBetween(index.startOf(first), size, segment, channel, bound);
            }
            long before = Math.max(
                    maxTimestampBetween(index.startOf(first), index.startOf(first + 1), segment, channel, bound),
                    index.maxTimestamp(first + 1, last));
            return Math.max(
                    before,
                    endsWithin
                            ? index.lastStretchTimestamp()
                            : maxTimestampBetween(index.startOf(last), size, segment, channel, bound));
        } finally {
            segment.release();
        }
    }

    /** @param to exclusive, a position */
    private long maxTimestampBetween(int from, int to, Segment segment, FileChannel channel, long bound)
            throws IOException {
        long greatest = Long.MIN_VALUE;
        BatchCursor cursor = new BatchCursor(channel, from, to, BatchCursor.LOOKUP_WINDOW);
        while (cursor.next() && cursor.endOffset() <= bound) {
            if (cursor.endOffset() > log.logStartOffset()) {
                greatest = Math.max(greatest, cursor.maxTimestamp());
            }
        }
        failIfCorrupt(segment, cursor, segment.baseOffset());
        return greatest;
    }

    private SparseIndex index(Segment segment, FileChannel channel) throws IOException {
        SparseIndex index = segment.index();
        if (index != null) {
            return index;
        }
        index = cache.get(segment);
        if (index == null) {
            int interval = log.config().indexIntervalBytes();
            index = indexes.index(log.id(), segment.baseOffset(), segment.size(), interval)
                    .orElse(null);
            if (index == null) {
                index = SegmentWalk.ofHeaders(channel, segment, interval, null).index();
            }
            cache.put(segment, index);
        }
        return index;
    }
}
