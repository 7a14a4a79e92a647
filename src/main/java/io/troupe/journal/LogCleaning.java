package io.troupe.journal;

import io.troupe.config.CleanerConfig;
import io.troupe.journal.CleaningChoice.Candidate;
import io.troupe.journal.MetaRecord.Kind;
import io.troupe.record.ProducerStates;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;

/**
 * One cleaning of one log: maps the keys of its dirty stretch, then writes every segment up to the mapped end anew, from the
 * oldest on, so that a tombstone never goes before what it deletes. Appends and reads go on all the while.
 */
final class LogCleaning {
    /** The map takes at most this share of the heap, whatever the setting says. */
    private static final int HEAP_SHARE = 8;

    /**
     * What a cleaning did.
     *
     * @param endOffset exclusive; everything below is clean now
     * @param keys different ones in the dirty stretch
     * @param bufferUse the share of the map's most bytes that they took, 0 to 1
     * @param recordsBefore data records read in the segments written anew, {@code recordsAfter} those that are left
     */
    record Outcome(
            long endOffset,
            int keys,
            double bufferUse,
            long bytesBefore,
            long bytesAfter,
            long recordsBefore,
            long recordsAfter,
            long keyless,
            int segmentsBefore,
            int segmentsAfter) {}

    private final LogDirContext dir;
    private final OpenLog open;
    private final PartitionLog log;
    private final CleanerConfig config;
    private final CleanerThrottle throttle;
    private final BooleanSupplier cancelled;
    private final long producerIdExpirationMs;
    private final int windowBytes;

    /** @param cancelled asked at each batch */
    LogCleaning(
            LogDirContext dir,
            OpenLog open,
            CleanerConfig config,
            CleanerThrottle throttle,
            long producerIdExpirationMs,
            BooleanSupplier cancelled) {
        this.dir = dir;
        this.open = open;
        this.log = open.log;
        this.config = config;
        this.throttle = throttle;
        this.producerIdExpirationMs = producerIdExpirationMs;
        this.cancelled = () -> cancelled.getAsBoolean() || log.retired();
        this.windowBytes = Math.max(4096, config.ioBufferBytes() / 2);
    }

    /**
     * Cleans.
     *
     * @throws CorruptSegmentException when a batch is not what was written; what lies behind the segments done is as it was
     * @throws CancellationException when it was cancelled or the log closed; each segment is either as it
     *     was or done
     * @throws IOException when the disk failed
     */
    Outcome clean(Candidate<OpenLog> candidate, long nowMs) throws IOException {
        List<Segment> all = new ArrayList<>();
        List<Segment> dirty = new ArrayList<>();
        for (Segment segment : log.segments()) {
            if (segment.endOffset() > candidate.firstUncleanable()) {
                break;
            }
            all.add(segment);
            if (segment.endOffset() > candidate.firstDirty()) {
                dirty.add(segment);
            }
        }
        if (dirty.isEmpty()) {
            return new Outcome(candidate.firstDirty(), 0, 0, 0, 0, 0, 0, 0, 0, 0);
        }
        long most = Math.min(config.dedupeBufferBytes(), Runtime.getRuntime().maxMemory() / HEAP_SHARE);
        OffsetMap map = OffsetMap.of(candidate.firstUncleanable() - candidate.firstDirty(), most, config.loadFactor());
        KeyMapping mapping = new KeyMapping(map, dirty, candidate.firstDirty(), throttle, windowBytes, cancelled);
        long mappedEnd = mapping.map();
        all.removeIf(segment -> segment.baseOffset() >= mappedEnd);
        if (mappedEnd == candidate.firstDirty()) {
            return new Outcome(mappedEnd, 0, 0, 0, 0, 0, 0, 0, 0, 0);
        }
        // Recovery must learn nothing from batches that are about to go.
        dir.metaLog().force();

        CompactionFilter filter = new CompactionFilter(
                map,
                mappedEnd,
                mapping.transactions(),
                producers(nowMs),
                nowMs,
                log.config().deleteRetentionMs());
        double bufferUse = map.size() * (double) OffsetMap.SLOT_BYTES / most;
        return rewrite(all, filter, map.size(), Math.min(1, bufferUse), mappedEnd);
    }

    private ProducerStates producers(long nowMs) {
        ProducerStates producers;
        synchronized (open) {
            producers = log.producers().copy();
        }
        producers.expire(nowMs, producerIdExpirationMs);
        return producers;
    }

    private Outcome rewrite(List<Segment> segments, CompactionFilter filter, int keys, double bufferUse, long mappedEnd)
            throws IOException {
        SegmentRewrite rewrite = new SegmentRewrite(log, filter, throttle, config.ioBufferBytes(), cancelled);
        SegmentSwap swap = new SegmentSwap(log, dir);
        List<List<Segment>> groups =
                CleaningChoice.groups(segments, log.config().segmentBytes());
        long before = 0;
        long after = 0;
        for (List<Segment> group : groups) {
            long bytes = group.stream().mapToLong(Segment::size).sum();
            Segment fresh = rewrite.write(group);
            if (fresh != null && !swap.swap(group, fresh)) {
                throw new CancellationException();
            }
            before += bytes;
            after += fresh == null ? bytes : fresh.size();
        }
        synchronized (open) {
            if (log.retired()) {
                throw new CancellationException();
            }
            dir.metaLog().append(MetaRecord.of(Kind.CLEANED, log.id(), mappedEnd, 0));
        }
        return new Outcome(
                mappedEnd,
                keys,
                bufferUse,
                before,
                after,
                filter.records(),
                filter.kept(),
                filter.keyless(),
                segments.size(),
                groups.size());
    }
}
