package io.troupe.journal;

import io.troupe.journal.MetaRecord.Kind;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes down what is known of active segments, so that after a kill only what came later is read: forces the log, stores its
 * index and producer state, then tells the recovery point. Of logs that are flushed anyway every {@link #EVERY_BYTES}, and
 * of those that nothing was written to for {@link #IDLE_MS}, whose pages the system has written back by then. A log under
 * steady load that nobody wants flushed has none between its rolls. On the background thread.
 */
final class LogSnapshots {
    static final long IDLE_MS = 60_000;
    static final int EVERY_BYTES = 64 << 20;

    private static final Logger LOG = LoggerFactory.getLogger(LogSnapshots.class);

    /** The active segment of a log as it is at one moment. */
    private record Moment(
            Segment active,
            Segment.Summary summary,
            ByteBuffer index,
            ByteBuffer producers,
            boolean beginsEarlier,
            Segment[] segments) {}

    private final MetaLog metaLog;
    private final IndexStore indexes;
    private final Disk disk;
    private final Availability availability;

    LogSnapshots(LogDirContext dir) {
        this.metaLog = dir.metaLog();
        this.indexes = dir.indexes();
        this.disk = dir.disk();
        this.availability = dir.availability();
    }

    /** Whether so much was written to the active segment since its last snapshot, if that was in this process. */
    static boolean isDue(OpenLog open) {
        Segment active = open.log.active();
        return active.size() - (active == open.snapshotOf ? open.snapshotBytes : 0) >= EVERY_BYTES;
    }

    /**
     * Of all that are idle; and keeps {@code meta.log} short, though nobody may want anything forced.
     *
     * @param nowMs by the journal's clock
     */
    void ofIdle(List<OpenLog> logs, long nowMs) {
        for (OpenLog open : logs) {
            if (nowMs - open.log.lastAppendMs() >= IDLE_MS) {
                of(open);
            }
        }
        try {
            availability.check();
            metaLog.forceIfGrown();
        } catch (IOException e) {
            availability.fail(e);
        }
    }

    void of(OpenLog open) {
        PartitionLog log = open.log;
        try {
            Moment moment = moment(open);
            if (moment != null) {
                availability.check();
                force(log, moment);
                store(log, moment);
                tell(open, moment);
            }
        } catch (IOException e) {
            availability.fail(log, e);
        }
    }

    /** Null when nothing was written since the recovery point. */
    private Moment moment(OpenLog open) {
        synchronized (open) {
            PartitionLog log = open.log;
            Segment active = log.active();
            if (log.retired() || metaLog.log(log.id()).recoveryPoint >= log.logEndOffset()) {
                return null;
            }
            return new Moment(
                    active,
                    active.summary(),
                    active.index().stored(),
                    log.producers().snapshot(),
                    log.beginsEarlierOnDisk(),
                    log.segments());
        }
    }

    /** From the oldest on: what is durable is always a prefix. */
    private void force(PartitionLog log, Moment moment) throws IOException {
        if (moment.beginsEarlier()) {
            metaLog.force();
        }
        boolean named = false;
        for (Segment segment : moment.segments()) {
            segment.force();
            named |= segment.needsDirectoryForce();
        }
        if (named) {
            disk.forceDirectory(log.path());
            for (Segment segment : moment.segments()) {
                segment.directoryForced();
            }
        }
    }

    private void store(PartitionLog log, Moment moment) {
        Segment active = moment.active();
        long end = moment.summary().endOffset();
        synchronized (log.derived()) {
            // Closed meanwhile, it is stored whole by what closes it; or it was cut.
            if (log.retired() || log.active() != active || active.endOffset() < end) {
                return;
            }
            try {
                indexes.putSegment(log.id(), active.baseOffset(), moment.summary(), moment.index());
                ProducerSnapshot.store(indexes, log.id(), List.of(log.segments()), end, moment.producers());
                indexes.dropProducers(log.id(), active.baseOffset() + 1, end);
            } catch (IOException e) {
                LOG.warn("{}: no snapshot can be stored ({}).", log.path(), LogDir.reason(e));
            }
        }
    }

    private void tell(OpenLog open, Moment moment) throws IOException {
        // Before the monitor, for an append must not wait for it. What comes in between begins behind the moment.
        metaLog.forceShape();
        synchronized (open) {
            PartitionLog log = open.log;
            long end = moment.summary().endOffset();
            if (!log.retired() && metaLog.log(log.id()).recoveryPoint < end) {
                metaLog.append(MetaRecord.of(Kind.RECOVERY_POINT, log.id(), end, 0));
                open.snapshotOf = moment.active();
                open.snapshotBytes = moment.summary().size();
            }
        }
    }
}
