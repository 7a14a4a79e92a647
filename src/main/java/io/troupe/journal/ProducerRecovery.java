package io.troupe.journal;

import io.troupe.record.BatchHeader;
import io.troupe.record.ProducerStates;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Producer state of a log that is being recovered: the last snapshot that the log's batches bear out, and the batches behind
 * it. Where recovery reads a segment anyway, to check it, the state is built on the way: {@link #begin}, {@link #batch} for
 * each sound batch, {@link #end}. One thread.
 */
final class ProducerRecovery {
    private static final Logger LOG = LoggerFactory.getLogger(ProducerRecovery.class);

    private final LogId id;
    private final Path path;
    private final IndexStore indexes;
    // Recovery's own: it grows meanwhile.
    private final List<Segment> segments;
    // Null until a segment is walked.
    private ProducerStates walked;
    // Snapshots within the segment under way, which may know of producers whose batches retention took.
    private NavigableMap<Long, ByteBuffer> ahead = new TreeMap<>();
    private ByteBuffer lastMark = ProducerSnapshot.noMark();

    ProducerRecovery(LogId id, Path path, IndexStore indexes, List<Segment> segments) {
        this.id = id;
        this.path = path;
        this.indexes = indexes;
        this.segments = segments;
    }

    /** The walk comes to the last of the segments, and to what is not known of it; all before it are known. */
    void begin(Segment segment) throws IOException {
        long from = segment.endOffset();
        if (walked == null) {
            walked = at(from);
        } else {
            keep(segment.baseOffset(), walked);
        }
        ahead = indexes.producers(id, from + 1, Long.MAX_VALUE);
    }

    /** A sound batch, whose header stands at {@code at}. */
    void batch(ByteBuffer header, int at) {
        takeSnapshots(BatchHeader.baseOffset(header, at));
        PartitionLog.fold(walked, header, at);
        lastMark = ProducerSnapshot.mark(header, at);
    }

    /** The walk ends, exclusive. */
    void end(long endOffset) {
        takeSnapshots(endOffset);
    }

    private void takeSnapshots(long upTo) {
        while (!ahead.isEmpty() && ahead.firstKey() <= upTo) {
            Map.Entry<Long, ByteBuffer> snapshot = ahead.pollFirstEntry();
            try {
                walked = ProducerSnapshot.restore(snapshot.getValue(), lastMark, snapshot.getKey());
            } catch (IllegalArgumentException e) {
                LOG.debug("{}: {}; it is not needed.", path, e.getMessage());
            }
        }
    }

    /** The state at the log's end, after the walks if there were any. */
    ProducerStates atEnd(long endOffset) throws IOException {
        return walked == null ? at(endOffset) : walked;
    }

    /** What was walked is not part of the log after all. */
    void forget() {
        walked = null;
    }

    private ProducerStates at(long offset) throws IOException {
        // One from before the first segment is of no use: nobody knows what was written in between.
        for (int i = segments.size() - 1; i >= 0; i--) {
            long base = segments.get(i).baseOffset();
            long next = i + 1 < segments.size() ? segments.get(i + 1).baseOffset() - 1 : Long.MAX_VALUE;
            if (base > offset) {
                continue;
            }
            for (Map.Entry<Long, ByteBuffer> snapshot : indexes.producers(id, base, Math.min(next, offset))
                    .descendingMap()
                    .entrySet()) {
                long from = snapshot.getKey();
                try {
                    return folded(
                            ProducerSnapshot.restore(snapshot.getValue(), indexes, id, segments, from), from, offset);
                } catch (IllegalArgumentException e) {
                    LOG.warn("{}: {}; an older one is used.", path, e.getMessage());
                }
            }
        }
        return folded(new ProducerStates(), 0, offset);
    }

    private ProducerStates folded(ProducerStates states, long from, long to) throws IOException {
        boolean more = false;
        for (Segment segment : segments) {
            if (segment.endOffset() > from && segment.baseOffset() < to) {
                fold(states, segment, from, to);
                more = true;
            }
        }
        if (more) {
            // So that the next start has nothing to read of these.
            keep(to, states);
        }
        return states;
    }

    private void keep(long offset, ProducerStates states) throws IOException {
        ProducerSnapshot.store(indexes, id, segments, offset, states.snapshot());
    }

    /** Adds the segment's batches in {@code [from, to)}. */
    private void fold(ProducerStates states, Segment segment, long from, long to) throws IOException {
        FileChannel channel = segment.acquire();
        try {
            SparseIndex index = segment.index();
            if (index == null && from > segment.baseOffset()) {
                index = indexes.index(id, segment.baseOffset(), segment.size(), 0)
                        .orElse(null);
            }
            int start = index == null ? 0 : index.positionOf(from - segment.baseOffset());
            BatchCursor cursor = new BatchCursor(channel, start, segment.size(), BatchCursor.SCAN_WINDOW);
            while (cursor.next() && cursor.endOffset() <= to) {
                if (cursor.baseOffset() >= from) {
                    PartitionLog.fold(states, cursor.buffer(), cursor.at());
                }
            }
        } finally {
            segment.release();
        }
    }
}
