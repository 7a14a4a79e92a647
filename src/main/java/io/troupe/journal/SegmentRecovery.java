package io.troupe.journal;

import io.troupe.config.LogConfig;
import io.troupe.journal.MetaRecord.Kind;
import io.troupe.record.BatchHeader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.Optional;
import org.apache.kafka.common.Uuid;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Brings single segments of a log from disk to memory, one after the other: believes what LevelDB stored of one, or reads it. What is
 * read tells the leader epochs that {@link MetaLog} lacks, too.
 */
final class SegmentRecovery {
    private static final Logger LOG = LoggerFactory.getLogger(SegmentRecovery.class);

    private final LogId id;
    private final LogConfig config;
    private final Disk disk;
    private final MetaLog metaLog;
    private final LogMeta meta;
    private final IndexStore indexes;
    private final LogFiles files;
    private final ProducerRecovery producers;

    SegmentRecovery(
            LogId id,
            LogConfig config,
            Disk disk,
            MetaLog metaLog,
            IndexStore indexes,
            LogFiles files,
            ProducerRecovery producers) {
        this.id = id;
        this.config = config;
        this.disk = disk;
        this.metaLog = metaLog;
        this.meta = metaLog.log(id);
        this.indexes = indexes;
        this.files = files;
        this.producers = producers;
    }

    /** Takes what LevelDB knows, when it fits the file. */
    boolean believe(Segment segment, boolean active) {
        Optional<Segment.Summary> summary = indexes.summary(id, segment.baseOffset());
        if (summary.isEmpty() || summary.get().size() != segment.size()) {
            return false;
        }
        SparseIndex index = null;
        if (active) {
            index = indexes.index(id, segment.baseOffset(), segment.size(), config.indexIntervalBytes())
                    .orElse(null);
            if (index == null || summary.get().endOffset() != meta.closedEndOffset) {
                return false;
            }
        }
        segment.known(summary.get(), index);
        return true;
    }

    /** Walks the headers of a durable segment whose index is missing; what cannot be walked is kept and told. */
    void derive(Segment segment, long nextBase) throws IOException {
        SegmentWalk walk = walkHeaders(segment);
        Segment.Summary summary = walk.summary();
        if (walk.problem() != null) {
            segment.firstDamage();
            LOG.error(
                    "{} is corrupt at position {}, offset {}: {}. Nothing is deleted; reads beyond that offset in this file will fail.",
                    segment.path(),
                    walk.size(),
                    walk.endOffset(),
                    walk.problem());
            long end = nextBase == Long.MAX_VALUE ? meta.closedEndOffset : nextBase;
            // What cannot be read may be as young as the file: retention must not take it for ancient.
            long youngest = disk.lastModifiedMs(segment.path());
            summary = new Segment.Summary(segment.size(), end, Math.max(walk.maxTimestamp(), youngest));
        }
        segment.known(summary, nextBase == Long.MAX_VALUE ? walk.index() : null);
        indexes.putSegment(id, segment.baseOffset(), summary, walk.index().stored());
    }

    /** Reads a segment that may not be durable; false when it had to be cut. */
    boolean check(Segment segment) throws IOException {
        // Below the recovery point nothing was torn; what a disk has spoilt there is told to whoever reads it. A voter
        // must know.
        boolean voter = id.topicId().equals(Uuid.METADATA_TOPIC_ID);
        int fileSize = segment.size();
        if (voter || !believeBeginning(segment)) {
            segment.known(segment.nothing(), new SparseIndex(config.indexIntervalBytes()));
        }
        producers.begin(segment);
        SegmentWalk walk = walkTail(segment, fileSize, voter ? 0 : meta.recoveryPoint);
        producers.end(walk.endOffset());
        segment.known(walk.summary(), walk.index());
        if (walk.problem() == null) {
            return true;
        }
        // What is stored of it may reach beyond the cut.
        indexes.dropCut(id, segment.baseOffset(), walk.endOffset());
        if (voter && SegmentWalk.CRC_MISMATCH.equals(walk.problem()) && !isTorn(segment, walk.size())) {
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
        if (walk.endOffset() < meta.recoveryPoint) {
            segment.firstDamage();
            files.copyAside(segment.path());
        }
        return false;
    }

    /**
     * Takes what was stored of the segment when its beginning had been forced, so that only what was written since is read;
     * false when nothing of it fits, or when more than the segments' tail is to be learnt from their batches.
     */
    private boolean believeBeginning(Segment segment) throws IOException {
        Optional<Segment.Summary> stored = indexes.summary(id, segment.baseOffset());
        if (stored.isEmpty()
                || metaLog.damaged()
                || stored.get().size() > segment.size()
                || stored.get().endOffset() > meta.recoveryPoint) {
            return false;
        }
        Segment.Summary beginning = stored.get();
        Optional<SparseIndex> index =
                indexes.index(id, segment.baseOffset(), beginning.size(), config.indexIntervalBytes());
        if (index.isEmpty() || !endsAt(segment, index.get(), beginning)) {
            return false;
        }
        segment.known(beginning, index.get());
        return true;
    }

    /** Whether the index leads to a batch that ends where the beginning does. */
    private static boolean endsAt(Segment segment, SparseIndex index, Segment.Summary beginning) throws IOException {
        FileChannel channel = segment.acquire();
        try {
            int from = index.startOf(index.lastStretch());
            BatchCursor cursor = new BatchCursor(channel, from, beginning.size(), BatchCursor.LOOKUP_WINDOW);
            long end = segment.baseOffset();
            while (cursor.next()) {
                end = cursor.endOffset();
            }
            return cursor.problem() == null && end == beginning.endOffset();
        } finally {
            segment.release();
        }
    }

    private static boolean isTorn(Segment segment, int position) throws IOException {
        FileChannel channel = segment.acquire();
        try {
            BatchCursor cursor = new BatchCursor(channel, position, channel.size(), BatchCursor.LOOKUP_WINDOW);
            return cursor.next() && VoterEntry.isTorn(cursor.batch(), position);
        } finally {
            segment.release();
        }
    }

    SegmentWalk walkHeaders(Segment segment) throws IOException {
        FileChannel channel = segment.acquire();
        try {
            return SegmentWalk.ofHeaders(channel, segment, config.indexIntervalBytes(), this::learnEpoch);
        } finally {
            segment.release();
        }
    }

    /** From where the segment is known on. */
    private SegmentWalk walkTail(Segment segment, int fileSize, long crcFrom) throws IOException {
        FileChannel channel = segment.acquire();
        try {
            return SegmentWalk.of(
                    channel,
                    segment,
                    fileSize,
                    segment.summary(),
                    segment.index(),
                    crcFrom,
                    !config.compacted(),
                    (header, at) -> {
                        learnEpoch(header, at);
                        producers.batch(header, at);
                    });
        } finally {
            segment.release();
        }
    }

    private void learnEpoch(ByteBuffer header, int at) throws IOException {
        if (BatchHeader.lastOffset(header, at) < meta.logStartOffset) {
            // Of a segment that begins below the log start, whose epochs may be forgotten.
            return;
        }
        int epoch = BatchHeader.leaderEpoch(header, at);
        long start = BatchHeader.baseOffset(header, at);
        if (epoch <= meta.epochAt(start)) {
            return;
        }
        if (epoch <= meta.lastEpoch()) {
            // Records of later epochs outlived this one's, so none of them was fsynced; their batches tell them again.
            metaLog.append(MetaRecord.of(Kind.EPOCHS_CUT, id, start, 0));
        }
        metaLog.append(MetaRecord.of(Kind.EPOCH, id, epoch, start));
    }
}
