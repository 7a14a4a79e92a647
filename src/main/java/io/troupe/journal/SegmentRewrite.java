package io.troupe.journal;

import io.troupe.record.BatchHeader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.function.BooleanSupplier;

/**
 * Writes what is left of a group of neighbouring closed segments into one new file, {@code <base offset>.log.cleaned}, and
 * forces it to disk. Nothing else changes: {@link SegmentSwap} puts the file in the group's place, and one that a crash
 * leaves behind is deleted by the next start. One thread. Memory: a read window and a write buffer, and a batch that is
 * larger than those with what is left of it.
 */
final class SegmentRewrite {
    private static final int MAX_WRITE = 256 * 1024;

    private final PartitionLog log;
    private final CompactionFilter filter;
    private final CleanerThrottle throttle;
    private final BooleanSupplier cancelled;
    private final int windowBytes;
    private final ByteBuffer out;
    private FileChannel channel;
    private SparseIndex index;
    private long written;
    private boolean changed;

    /**
     * @param bufferBytes one half for reading, one for writing
     * @param cancelled asked at each batch
     */
    SegmentRewrite(
            PartitionLog log,
            CompactionFilter filter,
            CleanerThrottle throttle,
            int bufferBytes,
            BooleanSupplier cancelled) {
        this.log = log;
        this.filter = filter;
        this.throttle = throttle;
        this.cancelled = cancelled;
        this.windowBytes = Math.max(4096, bufferBytes / 2);
        this.out = ByteBuffer.allocate(windowBytes);
    }

    /**
     * Writes the file; the new segment knows its size, end, times and index.
     *
     * @return null, and no file, when the group is one segment of which nothing goes
     * @throws CorruptSegmentException when a batch of the group is not what was written
     * @throws java.util.concurrent.CancellationException when it was cancelled; the file is gone
     */
    Segment write(List<Segment> group) throws IOException {
        long base = group.get(0).baseOffset();
        Path file = log.path().resolve(SegmentSwap.cleanedName(base));
        boolean whole = false;
        written = 0;
        changed = group.size() > 1;
        filter.fileEnds(group.get(group.size() - 1).endOffset());
        out.clear();
        try {
            channel = log.disk()
                    .open(
                            file,
                            StandardOpenOption.CREATE,
                            StandardOpenOption.TRUNCATE_EXISTING,
                            StandardOpenOption.WRITE);
            index = new SparseIndex(log.config().indexIntervalBytes());
            Segment.Summary summary = new Segment.Summary(0, base, Long.MIN_VALUE);
            for (Segment segment : group) {
                summary = copy(segment, base, summary);
            }
            if (!changed) {
                return null;
            }
            flush();
            force(file);
            Segment fresh = Segment.existing(file, base, log.disk());
            fresh.known(summary, index);
            whole = true;
            return fresh;
        } finally {
            if (channel != null) {
                channel.close();
                channel = null;
            }
            if (!whole) {
                log.disk().delete(file);
            }
        }
    }

    private void force(Path file) throws IOException {
        try {
            log.disk().force(channel, true);
        } catch (IOException e) {
            throw new DiskFailedException("fsync of " + file + " failed", e);
        }
    }

    private Segment.Summary copy(Segment from, long base, Segment.Summary before) throws IOException {
        int size = before.size();
        long end = before.endOffset();
        long max = before.maxTimestamp();
        try (CleanerCursor cursor = new CleanerCursor(from, 0, windowBytes, cancelled)) {
            while (cursor.next()) {
                throttle.moved(cursor.size(), cancelled);
                cursor.read();
                ByteBuffer left = filter.apply(cursor.buffer(), cursor.at());
                changed |= left == null || left.array() != cursor.buffer().array();
                if (left == null) {
                    continue;
                }
                if (left.remaining() > Integer.MAX_VALUE - size) {
                    throw new IOException(from + " would grow beyond " + Integer.MAX_VALUE + " bytes");
                }
                long greatest = BatchHeader.maxRecordTimestamp(left, 0);
                index = index.add((int) (cursor.baseOffset() - base), size, greatest);
                size += left.remaining();
                end = cursor.endOffset();
                max = Math.max(max, greatest);
                put(left);
            }
        }
        return new Segment.Summary(size, end, max);
    }

    private void put(ByteBuffer batch) throws IOException {
        if (batch.remaining() > out.remaining()) {
            flush();
        }
        if (batch.remaining() > out.capacity()) {
            writeFully(batch);
        } else {
            out.put(batch.duplicate());
        }
    }

    private void flush() throws IOException {
        writeFully(out.flip());
        out.clear();
    }

    private void writeFully(ByteBuffer bytes) throws IOException {
        int length = bytes.remaining();
        for (int at = 0; at < length; ) {
            // The JDK caches a direct buffer of the size asked for per thread: pieces keep that small.
            int piece = Math.min(MAX_WRITE, length - at);
            int n = channel.write(bytes.slice(bytes.position() + at, piece), written);
            at += n;
            written += n;
        }
        throttle.moved(length, cancelled);
    }
}
