package io.troupe.journal;

import io.troupe.config.LogConfig;
import io.troupe.journal.MetaRecord.Kind;
import io.troupe.record.BatchHeader;
import io.troupe.record.ProducerStates;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Brings a log from disk to memory.
 *
 * <p>A log that was closed in order is believed: its index and producer state come from LevelDB, and only the size of its
 * last segment is compared. Otherwise everything from the last snapshot on is read (of a segment of which none is stored,
 * from its beginning), once, what lies beyond the recovery point with CRCs, and cut at the last whole batch. What lies below the recovery point is durable and is never cut: damage there is told to whoever reads it.
 * Anything that LevelDB should hold and does not is derived from batch headers.
 */
final class LogRecovery {
    /**
     * @param segments ascending, the last one active; at least one
     * @param clean whether the log had been closed in order
     * @param firstTimestampMs greatest one of the active segment's first batch, -1 when it has none or cannot be read
     */
    record Recovered(
            List<Segment> segments, long endOffset, ProducerStates producers, boolean clean, long firstTimestampMs) {}

    private static final Logger LOG = LoggerFactory.getLogger(LogRecovery.class);

    private final LogId id;
    private final Path path;
    private final LogConfig config;
    private final Disk disk;
    private final MetaLog metaLog;
    private final LogMeta meta;
    private final IndexStore indexes;
    private final List<Segment> segments = new ArrayList<>();
    private final ProducerRecovery producers;
    private final LogFiles files;
    private final SegmentRecovery reading;
    private boolean clean;

    LogRecovery(LogId id, Path path, LogConfig config, Disk disk, MetaLog metaLog, IndexStore indexes) {
        this.id = id;
        this.path = path;
        this.config = config;
        this.disk = disk;
        this.metaLog = metaLog;
        this.meta = metaLog.log(id);
        this.indexes = indexes;
        this.producers = new ProducerRecovery(id, path, indexes, segments);
        this.files = new LogFiles(id, path, disk, indexes);
        this.reading = new SegmentRecovery(id, config, disk, metaLog, indexes, files, producers);
    }

    Recovered recover() throws IOException {
        try {
            return recoverAll();
        } catch (IOException | RuntimeException e) {
            letGo(e);
            throw e;
        }
    }

    /** Whoever asked tries again, perhaps for as long as the broker runs. */
    private void letGo(Exception failure) {
        for (Segment segment : segments) {
            segment.retire();
            try {
                segment.closeWriter();
            } catch (IOException e) {
                failure.addSuppressed(e);
            }
        }
    }

    private Recovered recoverAll() throws IOException {
        SegmentSwap.recover(path, disk);
        files.finishDeletions();
        if (meta.emptied) {
            finishEmptying();
        }
        List<Path> found = files.above(meta.logStartOffset);
        if (found.isEmpty()) {
            begin(meta.logStartOffset);
            clean = meta.untouched() || meta.closed && meta.closedEndOffset == meta.logStartOffset;
        } else {
            open(found);
            beginAgainBelowLogStart();
        }
        if (isCutUnforced(segments.get(segments.size() - 1))) {
            begin(segments.get(segments.size() - 1).endOffset());
        }
        Segment active = segments.get(segments.size() - 1);
        active.activate();
        long end = active.endOffset();
        if (clean) {
            active.alreadyForced();
        } else {
            settle(active);
        }
        metaLog.append(MetaRecord.of(Kind.LOG_OPENED, id, 0, 0));
        ProducerStates states = producers.atEnd(end);
        long firstTimestampMs = firstTimestampMs(active);
        active.closeIdleReader();
        return new Recovered(segments, end, states, clean, firstTimestampMs);
    }

    /** Asked now, for the first append runs where nobody may wait for a disk. */
    private static long firstTimestampMs(Segment active) {
        try {
            return active.size() == 0 ? BatchHeader.NO_TIMESTAMP : active.firstTimestampMs();
        } catch (IOException e) {
            LOG.warn("{}: its first batch cannot be read ({}).", active, LogDir.reason(e));
            return BatchHeader.NO_TIMESTAMP;
        }
    }

    /** The name becomes durable with the first flush. */
    private void begin(long offset) throws IOException {
        segments.add(Segment.create(path, offset, config.indexIntervalBytes(), disk));
    }

    /**
     * Whether the last segment must be cut and is not to be forced now. Then it is closed: what is appended where it was cut
     * could, after a power loss, be found mixed with what stood there.
     */
    private boolean isCutUnforced(Segment last) throws IOException {
        return !clean
                && !flushed()
                && last.size() > 0
                && last.endOffset() > meta.recoveryPoint
                && disk.size(last.path()) > last.size();
    }

    /** Whether the settings promise that whoever reads a record reads a durable one, as a voter's do. */
    private boolean flushed() {
        return config.flushMessages() < Long.MAX_VALUE;
    }

    /** A log start never goes back: what is left wholly below it was given up before the rest was lost. */
    private void beginAgainBelowLogStart() throws IOException {
        long end = segments.get(segments.size() - 1).endOffset();
        if (end < meta.logStartOffset) {
            LOG.warn(
                    "{}: ends at offset {}, below its log start {}; it begins again there.",
                    path,
                    end,
                    meta.logStartOffset);
            for (Segment segment : segments) {
                segment.retire();
                disk.delete(segment.path());
                indexes.dropSegment(id, segment.baseOffset());
            }
            segments.clear();
            producers.forget();
            begin(meta.logStartOffset);
            clean = false;
        }
    }

    /** The last process began the log anew at another offset, and ended before all that had stood there was gone. */
    private void finishEmptying() throws IOException {
        LOG.info("{}: is emptied, as was begun; it begins again at offset {}.", path, meta.logStartOffset);
        for (Path file : files.segments()) {
            disk.delete(file);
        }
        disk.forceDirectory(path);
        indexes.dropCut(id, 0, -1);
        metaLog.append(MetaRecord.of(Kind.LOG_CLOSED, id, meta.logStartOffset, 0));
        // Or a power loss would empty it once more, with what it is about to get.
        metaLog.force();
    }

    /**
     * Forgets what was not found. What was found and is not known to be durable is left so, as it would be had the last
     * process gone on writing: the recovery point stays, closed segments keep a writer for {@link LogFlusher}. It is forced
     * before the log serves only where it is {@link #flushed}.
     */
    private void settle(Segment active) throws IOException {
        long end = active.endOffset();
        indexes.dropCut(id, end, end);
        boolean shorter = end < meta.recoveryPoint;
        if (meta.epochs.stream().anyMatch(e -> e.startOffset() > end)) {
            metaLog.append(MetaRecord.of(Kind.EPOCHS_CUT, id, end + 1, 0));
            // Or a power loss brings them back, with other records at their offsets.
            metaLog.forceShape();
        }
        if (end == meta.recoveryPoint) {
            // Nothing was written since it was told, but the file may have been made.
            active.alreadyForced();
            active.nameUnforced(active.baseOffset() == end);
            return;
        }
        active.nameUnforced(true);
        for (Segment segment : segments) {
            if (segment.endOffset() > meta.recoveryPoint && segment != active) {
                segment.reopenToForce();
            }
        }
        if (shorter || flushed()) {
            forceAll(active);
            metaLog.append(MetaRecord.of(Kind.RECOVERY_POINT, id, end, 0));
        }
        if (shorter) {
            // What is appended below the old one must not count as durable.
            metaLog.force();
        }
    }

    private void forceAll(Segment active) throws IOException {
        for (Segment segment : segments) {
            if (segment != active && segment.needsForce()) {
                segment.force();
                segment.closeWriter();
                // Without one it is stored already.
                if (segment.index() != null) {
                    indexes.putSegment(
                            id,
                            segment.baseOffset(),
                            segment.summary(),
                            segment.index().stored());
                    segment.dropIndex();
                }
            }
        }
        active.force();
        disk.forceDirectory(path);
        active.directoryForced();
        metaLog.forceShape();
    }

    private void open(List<Path> found) throws IOException {
        int last = found.size() - 1;
        clean = meta.closed && isClosed(found.get(last));
        int derived = 0;
        for (int i = 0; i <= last; i++) {
            Segment segment = Segment.existing(found.get(i), Segment.baseOffsetOf(found.get(i)), disk);
            segments.add(segment);
            long nextBase = i == last ? Long.MAX_VALUE : Segment.baseOffsetOf(found.get(i + 1));
            boolean durable = clean || nextBase <= meta.recoveryPoint;
            if (segment.baseOffset() <= meta.recoveryPoint) {
                tellOfMissing(segment);
            } else if (!durable && !follows(segment)) {
                segments.remove(i);
                files.putAside(found.subList(i, found.size()));
                continueBefore();
                return;
            }
            if (durable) {
                if (!reading.believe(segment, i == last)) {
                    reading.derive(segment, nextBase);
                    derived++;
                    if (derived % 10 == 0 || i == last) {
                        LOG.info("{}: derived the index of {} of {} segments.", path, derived, found.size());
                    }
                }
            } else if (!reading.check(segment)) {
                files.putAside(found.subList(i + 1, found.size()));
                return;
            }
        }
        if (clean && segments.get(last).endOffset() != meta.closedEndOffset) {
            throw new IOException("%s ends at offset %d, but was closed at %d; its last batches are damaged."
                    .formatted(path, segments.get(last).endOffset(), meta.closedEndOffset));
        }
    }

    /** Whether the last segment is as the log's closing left it, and not another of the same size. */
    private boolean isClosed(Path lastFile) throws IOException {
        long base = Segment.baseOffsetOf(lastFile);
        return disk.size(lastFile) == meta.closedSize
                && (meta.closedSize == 0 ? base == meta.closedEndOffset : base < meta.closedEndOffset);
    }

    /**
     * Whether the last segment taken follows on the one before it, or on the log start; otherwise it outlived what came before
     * it. A cleaning leaves no gaps between files, but one at the leader may have left one that no file reaches over.
     */
    private boolean follows(Segment segment) {
        int before = segments.size() - 2;
        long due = before < 0 ? meta.logStartOffset : segments.get(before).endOffset();
        boolean gapIsLegal = before < 0 ? segment.baseOffset() < due : isWideGap(due, segment.baseOffset());
        if (segment.baseOffset() == due || gapIsLegal) {
            return true;
        }
        LOG.warn(
                "{}: begins at offset {} where {} was due; the log ends there.",
                segment.path(),
                segment.baseOffset(),
                due);
        return false;
    }

    /** As {@link PartitionLog} begins a file behind a gap that compaction left at its leader. */
    private boolean isWideGap(long from, long to) {
        return config.compacted() && to - from > Integer.MAX_VALUE / 2;
    }

    /** Durable records without a file: told and counted; readers go on behind them, as in Kafka. */
    private void tellOfMissing(Segment segment) {
        int before = segments.size() - 2;
        long due = before < 0 ? meta.logStartOffset : segments.get(before).endOffset();
        if (segment.baseOffset() > due && (before < 0 || !isWideGap(due, segment.baseOffset()))) {
            segment.firstDamage();
            LOG.error(
                    "{}: no file holds offsets {} to {}; they are lost here. Restore the file, or delete the replica's data and let it be copied from another broker.",
                    path,
                    due,
                    segment.baseOffset() - 1);
        }
    }

    /** Makes the last segment that is left one to append to. */
    private void continueBefore() throws IOException {
        if (segments.isEmpty()) {
            begin(meta.logStartOffset);
            return;
        }
        Segment last = segments.get(segments.size() - 1);
        if (last.index() == null) {
            last.useIndex(reading.walkHeaders(last).index());
        }
    }
}
