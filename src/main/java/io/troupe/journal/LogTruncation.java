package io.troupe.journal;

import io.troupe.journal.MetaRecord.Kind;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.util.ArrayList;
import java.util.List;

/**
 * Cuts a log at an offset, with everything that knows of what is cut: epochs, index keys, producer snapshots. Durable in an
 * order that a crash at any point leaves a shorter but whole log.
 */
final class LogTruncation {
    private final PartitionLog log;
    private final MetaLog metaLog;
    private final IndexStore indexes;
    private final IndexCache cache;

    LogTruncation(PartitionLog log, MetaLog metaLog, IndexStore indexes, IndexCache cache) {
        this.log = log;
        this.metaLog = metaLog;
        this.indexes = indexes;
        this.cache = cache;
    }

    /** @param endOffset exclusive; a batch that reaches beyond it goes whole */
    void truncate(long endOffset) throws IOException {
        synchronized (log.derived()) {
            cut(endOffset);
        }
    }

    private void cut(long endOffset) throws IOException {
        Segment last = log.segments()[0];
        for (Segment segment : log.segments()) {
            last = segment.baseOffset() < endOffset ? segment : last;
        }
        Kept kept = kept(last, endOffset);
        // First the recovery point, so that a crash in between makes the next start look at what is left: a batch that
        // reaches beyond the end is among that.
        metaLog.append(MetaRecord.of(Kind.EPOCHS_CUT, log.id(), endOffset, 0));
        if (kept.end() < metaLog.log(log.id()).recoveryPoint) {
            metaLog.append(MetaRecord.of(Kind.RECOVERY_POINT, log.id(), kept.end(), 0));
        }
        metaLog.force();
        long firstCut = last.endOffset() > endOffset ? Math.min(last.baseOffset(), endOffset) : endOffset;
        // Durably, before there can be other records at those offsets: recovery would take what is left here for
        // theirs.
        indexes.dropCut(log.id(), firstCut, endOffset);
        log.beginTruncation();
        List<Segment> left = new ArrayList<>();
        try {
            List<Segment> cut = new ArrayList<>();
            for (Segment segment : log.segments()) {
                (segment.baseOffset() < endOffset ? left : cut).add(segment);
            }
            if (left.isEmpty() && cut.get(0).baseOffset() == endOffset) {
                // Emptied and not made anew: the log's first name must be there whatever else a power loss undoes.
                left.add(cut.remove(0));
            }
            for (int i = cut.size() - 1; i >= 0; i--) {
                Segment segment = cut.get(i);
                segment.closeWriter();
                segment.retire();
                cache.remove(segment);
                log.disk().delete(segment.path());
            }
            if (left.isEmpty()) {
                left.add(Segment.create(log.path(), endOffset, log.config().indexIntervalBytes(), log.disk()));
            } else {
                cutWithin(left.get(left.size() - 1), kept);
            }
            log.disk().forceDirectory(log.path());
        } finally {
            if (left.isEmpty()) {
                left.addAll(List.of(log.segments()));
            }
            log.endTruncation(left, left.get(left.size() - 1).endOffset());
        }
    }

    /** Empties the log; then it begins and ends at {@code offset}. A crash in between is made good by the next recovery. */
    void startAt(long offset) throws IOException {
        synchronized (log.derived()) {
            metaLog.append(MetaRecord.of(Kind.EMPTIED, log.id(), offset, 0));
            metaLog.force();
            indexes.dropCut(log.id(), 0, -1);
            log.beginTruncation();
            List<Segment> left = new ArrayList<>(List.of(log.segments()));
            try {
                for (Segment segment : left) {
                    segment.closeWriter();
                    segment.retire();
                    cache.remove(segment);
                    log.disk().delete(segment.path());
                }
                left = List.of(Segment.create(log.path(), offset, log.config().indexIntervalBytes(), log.disk()));
                log.disk().forceDirectory(log.path());
            } finally {
                log.endTruncation(left, left.get(left.size() - 1).endOffset());
            }
        }
    }

    /**
     * What stays of the last segment of which anything does.
     *
     * @param end exclusive, where its last batch ends
     */
    private record Kept(int size, long end, long maxTimestamp, SparseIndex index) {}

    private Kept kept(Segment segment, long endOffset) throws IOException {
        SparseIndex known = segment.index();
        // All batches of the stretch before the one that is cut stay. A closed segment is gone through from its
        // beginning.
        int stretch = known == null ? 0 : Math.max(0, known.stretchOf(endOffset - 1 - segment.baseOffset()) - 1);
        SparseIndex index = known == null ? new SparseIndex(log.config().indexIntervalBytes()) : known.before(stretch);
        int size = index.startOf(stretch);
        long end = segment.baseOffset();
        long max = index.maxTimestamp(0, stretch);
        FileChannel channel = segment.acquire();
        try {
            BatchCursor cursor = new BatchCursor(channel, size, segment.size(), BatchCursor.SCAN_WINDOW);
            while (cursor.next() && cursor.endOffset() <= endOffset) {
                index = index.add((int) (cursor.baseOffset() - segment.baseOffset()), size, cursor.maxTimestamp());
                max = Math.max(max, cursor.maxTimestamp());
                end = cursor.endOffset();
                size += cursor.size();
            }
        } finally {
            segment.release();
        }
        return new Kept(size, end, max, index);
    }

    private void cutWithin(Segment segment, Kept kept) throws IOException {
        cache.remove(segment);
        segment.activate();
        segment.useIndex(kept.index());
        segment.truncate(kept.size(), kept.end(), kept.maxTimestamp());
    }
}
