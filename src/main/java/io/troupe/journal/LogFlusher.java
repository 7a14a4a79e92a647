package io.troupe.journal;

import io.troupe.journal.MetaRecord.Kind;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes logs durable off the journal's thread: fsyncs that an append waits for or that {@code flush.ms} asks for, in a
 * small pool; and what a roll leaves to be done, one after another in the background.
 */
final class LogFlusher {
    private static final Logger LOG = LoggerFactory.getLogger(LogFlusher.class);

    private final MetaLog metaLog;
    private final IndexStore indexes;
    private final Disk disk;
    private final Availability availability;
    private final Executor fsyncs;
    private final ScheduledExecutorService background;
    private final LogSnapshots snapshots;

    LogFlusher(LogDirContext dir, LogSnapshots snapshots) {
        this.metaLog = dir.metaLog();
        this.indexes = dir.indexes();
        this.disk = dir.disk();
        this.availability = dir.availability();
        this.fsyncs = dir.fsyncs();
        this.background = dir.background();
        this.snapshots = snapshots;
    }

    /** Completed once all that was written before is durable; under the log's monitor. */
    CompletableFuture<Void> flush(OpenLog open) {
        PartitionLog log = open.log;
        CompletableFuture<Void> done = new CompletableFuture<>();
        if (LogSnapshots.isDue(open) && !open.snapshotScheduled) {
            open.snapshotScheduled = true;
            background.execute(() -> snapshot(open));
        }
        Segment[] segments = log.segments();
        boolean beginsEarlier = log.beginsEarlierOnDisk();
        fsyncs.execute(() -> {
            try {
                availability.check();
                if (beginsEarlier) {
                    // Recovery would ask for segments that are no longer flushed, and cut the log where one has a hole.
                    metaLog.force();
                }
                // From the oldest on: what is durable is always a prefix.
                for (Segment segment : segments) {
                    segment.force();
                }
                forceNewNames(log);
                done.complete(null);
            } catch (IOException e) {
                done.completeExceptionally(availability.fail(log, e));
            }
        });
        return done;
    }

    private void forceNewNames(PartitionLog log) throws IOException {
        Segment active = log.active();
        if (active.needsDirectoryForce()) {
            disk.forceDirectory(log.path());
            active.directoryForced();
        }
    }

    /** Has the log flushed {@code flush.ms} from now, unless that is due already; under the log's monitor. */
    void schedule(OpenLog open) {
        long flushMs = open.log.config().flushMs();
        if (flushMs < TimeUnit.DAYS.toMillis(365) && !open.flushScheduled) {
            open.flushScheduled = true;
            background.schedule(() -> flushDue(open), flushMs, TimeUnit.MILLISECONDS);
        }
    }

    private void flushDue(OpenLog open) {
        synchronized (open) {
            open.flushScheduled = false;
            open.unflushedRecords = 0;
            flush(open);
        }
    }

    private void snapshot(OpenLog open) {
        snapshots.of(open);
        synchronized (open) {
            open.snapshotScheduled = false;
        }
    }

    /** Takes on what recovery has not forced: closed segments, oldest first, and the active one when it is due; under the log's monitor. */
    void finishRecovery(OpenLog open) {
        Segment[] segments = open.log.segments();
        for (int i = 0; i + 1 < segments.length; i++) {
            if (segments[i].needsForce()) {
                finishRoll(open, new PartitionLog.Rolled(segments[i], segments[i + 1].baseOffset(), null));
            }
        }
        if (open.log.active().needsForce()) {
            schedule(open);
        }
    }

    /** Has a closed segment made durable, and what is derived from it written down. */
    void finishRoll(OpenLog open, PartitionLog.Rolled roll) {
        background.execute(() -> runFinishRoll(open, roll));
    }

    private void runFinishRoll(OpenLog open, PartitionLog.Rolled roll) {
        PartitionLog log = open.log;
        Segment closed = roll.closed();
        try {
            availability.check();
            Segment[] named = log.segments();
            closed.force();
            disk.forceDirectory(log.path());
            for (Segment segment : named) {
                segment.directoryForced();
            }
            boolean stored;
            // Not under the log's own monitor: an append must not wait for LevelDB.
            synchronized (log.derived()) {
                stored = log.holdsClosed(closed) && store(log, roll);
                if (log.startedBehind(closed)) {
                    // Retention was faster: its batches are gone, and only this tells what their producers did.
                    storeProducers(log, roll);
                }
            }
            // Before the monitor, for an append must not wait for that either. What comes in between begins behind this
            // segment.
            metaLog.forceShape();
            synchronized (open) {
                // Cut or closed meanwhile, it is no longer ours to tell about.
                if (log.holdsClosed(closed)) {
                    metaLog.append(MetaRecord.of(Kind.RECOVERY_POINT, log.id(), roll.nextBaseOffset(), 0));
                    closed.closeWriter();
                    if (stored) {
                        closed.dropIndex();
                    }
                }
            }
        } catch (IOException e) {
            availability.fail(log, e);
        }
    }

    private void storeProducers(PartitionLog log, PartitionLog.Rolled roll) throws IOException {
        if (roll.producers() != null) {
            ProducerSnapshot.store(indexes, log.id(), List.of(log.segments()), roll.nextBaseOffset(), roll.producers());
        }
    }

    private boolean store(PartitionLog log, PartitionLog.Rolled roll) {
        Segment closed = roll.closed();
        try {
            // Without an index it is stored already.
            if (closed.index() != null) {
                indexes.putSegment(
                        log.id(),
                        closed.baseOffset(),
                        closed.summary(),
                        closed.index().stored());
            }
            storeProducers(log, roll);
            // One is kept for each segment, for a truncation may need any of them.
            indexes.dropProducers(log.id(), 0, log.segments()[0].baseOffset());
            indexes.dropProducers(log.id(), closed.baseOffset() + 1, roll.nextBaseOffset());
            return true;
        } catch (IOException e) {
            LOG.warn("{}: its index cannot be stored ({}); it stays in memory.", closed, LogDir.reason(e));
            return false;
        }
    }
}
