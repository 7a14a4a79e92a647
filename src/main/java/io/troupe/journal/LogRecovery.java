package io.troupe.journal;

import io.troupe.config.LogConfig;
import io.troupe.journal.MetaRecord.Kind;
import io.troupe.record.BatchHeader;
import io.troupe.record.ProducerStates;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.common.Uuid;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Brings a log from disk to memory.
 *
 * <p>A log that was closed in order is believed: its index and producer state come from LevelDB, and only the size of its
 * last segment is compared. Otherwise everything from the recovery point on is read with CRCs and cut at the last whole
 * batch. What lies below the recovery point is durable and is never cut: damage there is told to whoever reads it.
 * Anything that LevelDB should hold and does not is derived from batch headers.
 */
final class LogRecovery {
    /**
     * @param segments ascending, the last one active; at least one
     * @param clean whether the log had been closed in order
     */
    record Recovered(List<Segment> segments, long endOffset, ProducerStates producers, boolean clean) {}

    private static final Logger LOG = LoggerFactory.getLogger(LogRecovery.class);
    private static final String CUT_SUFFIX = ".cut";

    private final LogId id;
    private final Path path;
    private final LogConfig config;
    private final Disk disk;
    private final MetaLog metaLog;
    private final LogMeta meta;
    private final IndexStore indexes;
    private final List<Segment> segments = new ArrayList<>();
    private boolean clean;

    LogRecovery(LogId id, Path path, LogConfig config, Disk disk, MetaLog metaLog, IndexStore indexes) {
        this.id = id;
        this.path = path;
        this.config = config;
        this.disk = disk;
        this.metaLog = metaLog;
        this.meta = metaLog.log(id);
        this.indexes = indexes;
    }

    Recovered recover() throws IOException {
        List<Path> files = segmentFiles();
        if (files.isEmpty()) {
            segments.add(Segment.create(path, meta.logStartOffset, config.indexIntervalBytes(), disk));
            disk.forceDirectory(path);
            clean = meta.closed && meta.closedEndOffset == meta.logStartOffset;
        } else {
            open(files);
        }
        Segment active = segments.get(segments.size() - 1);
        active.activate();
        long end = active.endOffset();
        if (!clean) {
            indexes.dropCut(id, end, end);
            if (meta.epochs.stream().anyMatch(e -> e.startOffset() > end)) {
                metaLog.append(MetaRecord.of(Kind.EPOCHS_CUT, id, end + 1, 0));
            }
            active.force();
        }
        metaLog.append(MetaRecord.of(Kind.LOG_OPENED, id, 0, 0));
        return new Recovered(segments, end, producers(end), clean);
    }

    private List<Path> segmentFiles() throws IOException {
        return disk.list(path).stream()
                .filter(f -> Segment.baseOffsetOf(f) >= 0)
                .sorted(Comparator.comparingLong(Segment::baseOffsetOf))
                .toList();
    }

    private void open(List<Path> files) throws IOException {
        int last = files.size() - 1;
        clean = meta.closed && disk.size(files.get(last)) == meta.closedSize;
        int derived = 0;
        for (int i = 0; i <= last; i++) {
            Segment segment = Segment.existing(files.get(i), Segment.baseOffsetOf(files.get(i)), disk);
            segments.add(segment);
            long nextBase = i == last ? Long.MAX_VALUE : Segment.baseOffsetOf(files.get(i + 1));
            if (clean || nextBase <= meta.recoveryPoint) {
                if (!believe(segment, i == last)) {
                    derive(segment, nextBase);
                    derived++;
                    if (derived % 10 == 0 || i == last) {
                        LOG.info("{}: derived the index of {} of {} segments.", path, derived, files.size());
                    }
                }
            } else if (!check(segment)) {
                putAside(files.subList(i + 1, files.size()));
                return;
            }
        }
        if (clean && segments.get(last).endOffset() != meta.closedEndOffset) {
            throw new IOException("%s ends at offset %d, but was closed at %d; its last batches are damaged."
                    .formatted(path, segments.get(last).endOffset(), meta.closedEndOffset));
        }
    }

    /** Takes what LevelDB knows, when it fits the file. */
    private boolean believe(Segment segment, boolean active) {
        Optional<Segment.Summary> summary = indexes.summary(id, segment.baseOffset());
        if (summary.isEmpty() || summary.get().size() != segment.size()) {
            return false;
        }
        SparseIndex index = null;
        if (active) {
            index = indexes.index(id, segment.baseOffset(), config.indexIntervalBytes())
                    .orElse(null);
            if (index == null || summary.get().endOffset() != meta.closedEndOffset) {
                return false;
            }
        }
        segment.known(summary.get(), index);
        return true;
    }

    /** Walks the headers of a durable segment whose index is missing; what cannot be walked is kept and told. */
    private void derive(Segment segment, long nextBase) throws IOException {
        SegmentWalk walk = walk(segment, false);
        Segment.Summary summary = walk.summary();
        if (walk.problem() != null) {
            LOG.error(
                    "{} is corrupt at position {}, offset {}: {}. Nothing is deleted; reads beyond that offset in this file will fail.",
                    segment.path(),
                    walk.size(),
                    walk.endOffset(),
                    walk.problem());
            long end = nextBase == Long.MAX_VALUE ? meta.closedEndOffset : nextBase;
            summary = new Segment.Summary(segment.size(), end, Math.max(walk.maxTimestamp(), 0));
        }
        segment.known(summary, nextBase == Long.MAX_VALUE ? walk.index() : null);
        indexes.putSegment(id, segment.baseOffset(), summary, walk.index());
    }

    /** Reads a segment that may not be durable; false when it had to be cut. */
    private boolean check(Segment segment) throws IOException {
        SegmentWalk walk = walk(segment, true);
        segment.known(walk.summary(), walk.index());
        if (walk.problem() == null) {
            return true;
        }
        if (id.topicId().equals(Uuid.METADATA_TOPIC_ID) && SegmentWalk.CRC_MISMATCH.equals(walk.problem())) {
            // A voter's entry may be a promise, fsynced before it was answered: it must not quietly be forgotten.
            throw new IOException(
                    "%s is corrupt at position %d, offset %d: %s. A voter cannot go on with it: move the directory away, and it joins again as an empty one."
                            .formatted(segment.path(), walk.size(), walk.endOffset(), walk.problem()));
        }
        LOG.warn(
                "{}: cut {} bytes at position {}, the log now ends at offset {}: {}.",
                segment.path(),
                disk.size(segment.path()) - walk.size(),
                walk.size(),
                walk.endOffset(),
                walk.problem());
        return false;
    }

    private SegmentWalk walk(Segment segment, boolean checkCrc) throws IOException {
        FileChannel channel = segment.acquire();
        try {
            return SegmentWalk.of(
                    channel,
                    segment,
                    config.indexIntervalBytes(),
                    checkCrc,
                    checkCrc && !config.compacted(),
                    this::learnEpoch);
        } finally {
            segment.release();
        }
    }

    private void learnEpoch(ByteBuffer header, int at) throws IOException {
        int epoch = BatchHeader.leaderEpoch(header, at);
        if (epoch > meta.lastEpoch()) {
            metaLog.append(MetaRecord.of(Kind.EPOCH, id, epoch, BatchHeader.baseOffset(header, at)));
        }
    }

    /** Segments behind a cut are no longer part of the log, but are not destroyed either. */
    private void putAside(List<Path> files) throws IOException {
        for (Path file : files) {
            Path aside = file.resolveSibling(file.getFileName() + CUT_SUFFIX);
            LOG.warn("{}: lies behind the cut and is put aside as {}.", file, aside.getFileName());
            disk.rename(file, aside);
        }
        disk.forceDirectory(path);
    }

    private ProducerStates producers(long end) throws IOException {
        ProducerStates states = new ProducerStates();
        long from = 0;
        for (Map.Entry<Long, ByteBuffer> snapshot :
                indexes.producers(id, end).descendingMap().entrySet()) {
            try {
                states = ProducerSnapshot.restore(snapshot.getValue(), indexes, id, segments, snapshot.getKey());
                from = snapshot.getKey();
                break;
            } catch (IllegalArgumentException e) {
                LOG.warn("{}: {}; an older one is used.", path, e.getMessage());
            }
        }
        fold(states, segments, from, end, indexes, id);
        return states;
    }

    /** Adds the batches in {@code [from, to)} to producer state. */
    static void fold(ProducerStates states, List<Segment> segments, long from, long to, IndexStore indexes, LogId id)
            throws IOException {
        for (Segment segment : segments) {
            if (segment.endOffset() <= from || segment.baseOffset() >= to) {
                continue;
            }
            FileChannel channel = segment.acquire();
            try {
                SparseIndex index = segment.index();
                if (index == null && from > segment.baseOffset()) {
                    index = indexes.index(id, segment.baseOffset(), 0).orElse(null);
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
}
