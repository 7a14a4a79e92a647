package io.troupe.journal;

import io.troupe.config.LogConfig;
import io.troupe.journal.JournalCommand.EpochStart;
import io.troupe.record.BatchHeader;
import io.troupe.record.ProducerStates;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.locks.LockSupport;

/**
 * One log: its segments in offset order, the last of them active. {@link LogDir} is its only writer and holds the
 * {@link OpenLog}'s monitor while it calls anything that changes but {@link #replace}, which is compaction's way in; any
 * thread reads through {@link #reader}.
 *
 * <p>Invariants: segments are contiguous, up to the gaps that {@link #base} leaves; every segment but the active one is closed;
 * what {@link #logEndOffset} covers is in the published segments.
 */
final class PartitionLog {
    /**
     * What a roll leaves to be done in the background.
     *
     * @param producers state at {@code nextBaseOffset}; null when it is stored already
     */
    record Rolled(Segment closed, long nextBaseOffset, ByteBuffer producers) {}

    private final LogId id;
    private final Path path;
    private final WriteBuffer through;
    private final Disk disk;
    private final ProducerStates producers;
    private final SegmentReader reader;
    private volatile LogConfig config;
    // Replaced under segmentsLock; compaction does so beside the journal's thread.
    private volatile SegmentTable segments;
    private volatile long logStartOffset;
    // The log start that meta.log is known to hold durably.
    private volatile long durableLogStart;
    private volatile long logEndOffset;
    // 0 before the first append of this process; a hint for readers, who see it by the LEO that is published after it.
    private long lastAppendMs;
    // Odd while a truncation is under way, even and greater after a replacement: a read that overlaps one tries again.
    private volatile int truncations;
    private volatile boolean retired;
    private final RollClock age;
    private int lastEpoch;
    private final Object derived = new Object();
    private final Object segmentsLock = new Object();

    PartitionLog(
            LogId id,
            Path path,
            LogConfig config,
            WriteBuffer through,
            Disk disk,
            IndexStore indexes,
            IndexCache cache,
            LogRecovery.Recovered recovered,
            LogMeta meta,
            long nowMs) {
        this.id = id;
        this.path = path;
        this.config = config;
        this.through = through;
        this.disk = disk;
        this.producers = recovered.producers();
        this.segments = new SegmentTable(recovered.segments().toArray(Segment[]::new));
        this.logStartOffset =
                Math.min(Math.max(meta.logStartOffset, segments.get(0).baseOffset()), recovered.endOffset());
        this.durableLogStart = logStartOffset;
        this.logEndOffset = recovered.endOffset();
        this.lastEpoch = meta.lastEpoch();
        this.age = new RollClock(config, nowMs);
        age.firstBatch(recovered.firstTimestampMs());
        this.reader = new SegmentReader(this, indexes, cache);
    }

    /**
     * Writes a group at the end.
     *
     * @param rolled takes the segments that were closed on the way
     * @return epochs that began in it
     * @throws IllegalArgumentException when the group does not begin at the LEO or is not made of whole batches; nothing
     *     was written
     * @throws IOException when the disk failed; the log must not be written again
     */
    List<EpochStart> append(LogAppend group, long nowMs, List<Rolled> rolled) throws IOException {
        List<EpochStart> epochs = check(group);
        List<ByteBuffer> run = new ArrayList<>(group.buffers().size());
        long runBytes = 0;
        long end = logEndOffset;
        for (ByteBuffer buffer : group.buffers()) {
            ByteBuffer own = buffer.duplicate();
            if (mustRoll(runBytes, own, group.endOffset(), nowMs)) {
                writeRun(run);
                runBytes = 0;
                rolled.add(roll(base(end, own, group.endOffset()), nowMs));
            }
            end = endOffset(own);
            if (active().size() + runBytes == 0) {
                age.firstBatch(BatchHeader.maxTimestamp(own, own.position()));
            }
            run.add(own);
            runBytes += own.remaining();
        }
        writeRun(run);
        lastEpoch = epochs.isEmpty() ? lastEpoch : epochs.get(epochs.size() - 1).leaderEpoch();
        lastAppendMs = nowMs;
        logEndOffset = group.endOffset();
        return epochs;
    }

    private List<EpochStart> check(LogAppend group) {
        if (group.baseOffset() != logEndOffset) {
            throw new IllegalArgumentException(
                    id + ": a group at offset " + group.baseOffset() + " where the log ends at " + logEndOffset);
        }
        List<EpochStart> epochs = new ArrayList<>(1);
        int epoch = lastEpoch;
        long next = group.baseOffset();
        for (ByteBuffer buffer : group.buffers()) {
            int at = buffer.position();
            while (at < buffer.limit()) {
                int left = buffer.limit() - at;
                if (left < BatchHeader.SIZE
                        || BatchHeader.sizeInBytes(buffer, at) < BatchHeader.SIZE
                        || BatchHeader.sizeInBytes(buffer, at) > left
                        || BatchHeader.magic(buffer, at) != BatchHeader.MAGIC_V2
                        || BatchHeader.baseOffset(buffer, at) < next
                        || BatchHeader.lastOffsetDelta(buffer, at) < 0) {
                    throw new IllegalArgumentException(id + ": no whole batch in order at offset " + next);
                }
                if (BatchHeader.leaderEpoch(buffer, at) > epoch) {
                    epoch = BatchHeader.leaderEpoch(buffer, at);
                    epochs.add(new EpochStart(epoch, BatchHeader.baseOffset(buffer, at)));
                }
                next = BatchHeader.lastOffset(buffer, at) + 1;
                at += BatchHeader.sizeInBytes(buffer, at);
            }
        }
        if (next != group.endOffset() || next == group.baseOffset()) {
            throw new IllegalArgumentException(
                    id + ": a group that ends at offset " + next + " and says " + group.endOffset());
        }
        return epochs;
    }

    /**
     * Where a new segment begins: at the end of the one before it, so that recovery sees that none is missing, also where
     * compaction left a gap at this log's leader; behind the gap only when offsets within a file would not reach over it.
     */
    private static long base(long end, ByteBuffer buffer, long groupEnd) {
        return groupEnd - end <= Integer.MAX_VALUE ? end : BatchHeader.baseOffset(buffer, buffer.position());
    }

    /** Exclusive. */
    private static long endOffset(ByteBuffer batches) {
        long end = 0;
        for (int at = batches.position(); at < batches.limit(); at += BatchHeader.sizeInBytes(batches, at)) {
            end = BatchHeader.lastOffset(batches, at) + 1;
        }
        return end;
    }

    private boolean mustRoll(long runBytes, ByteBuffer buffer, long endOffset, long nowMs) {
        Segment active = active();
        long used = active.size() + runBytes;
        if (used == 0) {
            return false;
        }
        return used + buffer.remaining() > config.segmentBytes()
                || endOffset - active.baseOffset() > Integer.MAX_VALUE
                || age.isDue(config, greatestTimestamp(buffer), nowMs);
    }

    private static long greatestTimestamp(ByteBuffer batches) {
        long greatest = Long.MIN_VALUE;
        for (int at = batches.position(); at < batches.limit(); at += BatchHeader.sizeInBytes(batches, at)) {
            greatest = Math.max(greatest, BatchHeader.maxTimestamp(batches, at));
        }
        return greatest;
    }

    private void writeRun(List<ByteBuffer> run) throws IOException {
        if (!run.isEmpty()) {
            for (ByteBuffer buffer : run) {
                fold(producers, buffer);
            }
            active().append(run.toArray(ByteBuffer[]::new), through);
            run.clear();
        }
    }

    private Rolled roll(long baseOffset, long nowMs) throws IOException {
        Segment closed = active();
        Segment fresh = Segment.create(path, baseOffset, config.indexIntervalBytes(), disk);
        synchronized (segmentsLock) {
            Segment[] more = Arrays.copyOf(segments.all(), segments.count() + 1);
            more[segments.count()] = fresh;
            segments = new SegmentTable(more);
        }
        age.restart(config, nowMs);
        return new Rolled(closed, baseOffset, producers.snapshot());
    }

    /** Adds the batches of a buffer to producer state. */
    static void fold(ProducerStates into, ByteBuffer buffer) {
        int at = buffer.position();
        while (at < buffer.limit()) {
            fold(into, buffer, at);
            at += BatchHeader.sizeInBytes(buffer, at);
        }
    }

    static void fold(ProducerStates into, ByteBuffer header, int at) {
        if (BatchHeader.producerId(header, at) != BatchHeader.NO_PRODUCER_ID) {
            into.append(
                    BatchHeader.producerId(header, at),
                    BatchHeader.producerEpoch(header, at),
                    BatchHeader.baseSequence(header, at),
                    BatchHeader.lastSequence(header, at),
                    BatchHeader.baseOffset(header, at),
                    BatchHeader.lastOffset(header, at),
                    BatchHeader.maxTimestamp(header, at));
        }
    }

    /** Starts a change that readers must not mix with; always followed by {@link #endTruncation}. */
    void beginTruncation() {
        truncations++;
    }

    void endTruncation(List<Segment> left, long endOffset) {
        synchronized (segmentsLock) {
            segments = new SegmentTable(left.toArray(Segment[]::new));
        }
        logEndOffset = endOffset;
        logStartOffset = Math.min(logStartOffset, endOffset);
        truncations++;
    }

    /**
     * Moves the log start and hands out the segments that are wholly below it.
     *
     * @param withActive whether to roll when all of the active segment is below it, so that it goes too
     */
    List<Segment> advanceLogStart(long offset, boolean withActive, long nowMs) throws IOException {
        logStartOffset = Math.max(logStartOffset, Math.min(offset, logEndOffset));
        if (withActive && logStartOffset == logEndOffset && active().size() > 0) {
            roll(logEndOffset, nowMs);
        }
        List<Segment> below = new ArrayList<>();
        List<Segment> left = new ArrayList<>();
        synchronized (segmentsLock) {
            Segment[] all = segments.all();
            for (int i = 0; i < all.length; i++) {
                boolean whole = i < all.length - 1 && all[i + 1].baseOffset() <= logStartOffset;
                (whole ? below : left).add(all[i]);
            }
            segments = new SegmentTable(left.toArray(Segment[]::new));
        }
        return below;
    }

    void logStartDurable(long offset) {
        durableLogStart = Math.max(durableLogStart, offset);
    }

    /** Whether the log would still begin with segments that {@link #segments} lacks, were the power cut now. */
    boolean beginsEarlierOnDisk() {
        return durableLogStart < logStartOffset;
    }

    /**
     * Publishes one segment in the place of a run of closed ones; those are left for the caller to retire, and a read that
     * fails on them meanwhile begins again. Under {@link #derived}.
     *
     * @return false when they are no longer all there; nothing was changed
     */
    boolean replace(List<Segment> run, Segment fresh) {
        synchronized (segmentsLock) {
            List<Segment> all = new ArrayList<>(Arrays.asList(segments.all()));
            int at = all.indexOf(run.get(0));
            if (retired
                    || at < 0
                    || at + run.size() >= all.size()
                    || !all.subList(at, at + run.size()).equals(run)) {
                return false;
            }
            all.subList(at, at + run.size()).clear();
            all.add(at, fresh);
            segments = new SegmentTable(all.toArray(Segment[]::new));
            truncations += 2;
            return true;
        }
    }

    /** Waits for a moment without truncation and names it. */
    int stableVersion() {
        int version = truncations;
        while ((version & 1) != 0) {
            LockSupport.parkNanos(100_000);
            version = truncations;
        }
        return version;
    }

    boolean unchangedSince(int version) {
        return truncations == version;
    }

    Segment active() {
        return segments.active();
    }

    Segment[] segments() {
        return segments.all();
    }

    SegmentTable table() {
        return segments;
    }

    void reconfigure(LogConfig changed) {
        config = changed;
    }

    /** The greatest epoch known, -1 for none: a batch of a greater one begins a new epoch. */
    void lastEpoch(int leaderEpoch) {
        lastEpoch = leaderEpoch;
    }

    /**
     * Held by whoever stores what is derived from this log's segments, and by whoever cuts or retires it: so nothing derived
     * from what was cut is stored after the cut. Taken after the {@link OpenLog}'s monitor, never before it.
     */
    Object derived() {
        return derived;
    }

    /** From here on a failing background task means nothing, and none stores anything. */
    void retire() {
        synchronized (derived) {
            retired = true;
        }
    }

    /** Whether {@code rolled} is still one of its closed segments. */
    boolean holdsClosed(Segment rolled) {
        return !retired && active() != rolled && Arrays.asList(segments.all()).contains(rolled);
    }

    /** Whether the log now begins behind {@code rolled}. */
    boolean startedBehind(Segment rolled) {
        return !retired && segments.get(0).baseOffset() > rolled.baseOffset();
    }

    Disk disk() {
        return disk;
    }

    boolean retired() {
        return retired;
    }

    LogConfig config() {
        return config;
    }

    LogId id() {
        return id;
    }

    Path path() {
        return path;
    }

    LogReader reader() {
        return reader;
    }

    /** The journal's own copy. */
    ProducerStates producers() {
        return producers;
    }

    long logStartOffset() {
        return logStartOffset;
    }

    long logEndOffset() {
        return logEndOffset;
    }

    /** By the journal's clock; 0 when this process has appended nothing. */
    long lastAppendMs() {
        return lastAppendMs;
    }
}
