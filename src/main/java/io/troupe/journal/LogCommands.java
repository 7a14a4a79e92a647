package io.troupe.journal;

import io.troupe.config.LogConfig;
import io.troupe.journal.JournalCommand.EpochStart;
import io.troupe.journal.MetaRecord.Kind;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** Carries out what owners ask of their open logs, each under its log's monitor; a failure of the disk takes the dir offline. */
final class LogCommands {
    private static final long CHECKPOINT_INTERVAL_MS = 5_000;

    private final LogDirContext dir;
    private final OpenLogs logs;
    private final LogDeletion deletion;
    private final LogSnapshots snapshots;
    private final LogFlusher flusher;

    LogCommands(LogDirContext dir, OpenLogs logs, LogDeletion deletion) {
        this.dir = dir;
        this.logs = logs;
        this.deletion = deletion;
        this.snapshots = new LogSnapshots(dir);
        this.flusher = new LogFlusher(dir, snapshots);
    }

    /**
     * Writes a group; completed once it is as durable as the log's settings ask.
     *
     * @param forced fsync whatever the settings say
     */
    CompletableFuture<Void> append(String persistenceId, String writer, LogAppend group, boolean forced, long nowMs) {
        try {
            OpenLog open = logs.opened(persistenceId);
            synchronized (open) {
                open.checkOwner(persistenceId, writer);
                dir.availability().check();
                return append(open, group, forced, nowMs);
            }
        } catch (IOException e) {
            return CompletableFuture.failedFuture(dir.availability().fail(e));
        } catch (RuntimeException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    private CompletableFuture<Void> append(OpenLog open, LogAppend group, boolean forced, long nowMs)
            throws IOException {
        PartitionLog log = open.log;
        List<PartitionLog.Rolled> rolled = new ArrayList<>(0);
        for (EpochStart epoch : log.append(group, nowMs, rolled)) {
            if (dir.metaLog().log(log.id()).lastEpoch() < epoch.leaderEpoch()) {
                dir.metaLog().append(MetaRecord.of(Kind.EPOCH, log.id(), epoch.leaderEpoch(), epoch.startOffset()));
            }
        }
        for (PartitionLog.Rolled roll : rolled) {
            flusher.finishRoll(open, roll);
        }
        open.unflushedRecords += group.endOffset() - group.baseOffset();
        if (forced || open.unflushedRecords >= log.config().flushMessages()) {
            open.unflushedRecords = 0;
            return flusher.flush(open);
        }
        flusher.schedule(open);
        return CompletableFuture.completedFuture(null);
    }

    /** Writes down what is known of logs that nothing was written to for a while. */
    void snapshotIdle(long nowMs) {
        snapshots.ofIdle(logs.all(), nowMs);
    }

    void reconfigure(String persistenceId, LogConfig config) {
        OpenLog open = logs.find(persistenceId);
        if (open != null) {
            open.log.reconfigure(config);
        }
    }

    /** What a command does to a log. */
    private interface Change<T> {
        T on(OpenLog open) throws IOException;
    }

    private <T> T change(String persistenceId, Change<T> change) throws IOException {
        OpenLog open = logs.opened(persistenceId);
        synchronized (open) {
            open.checkOpen(persistenceId);
            try {
                return change.on(open);
            } catch (IOException e) {
                throw dir.availability().fail(e);
            }
        }
    }

    CompletableFuture<Void> startEpoch(String persistenceId, int leaderEpoch, long startOffset) throws IOException {
        return change(persistenceId, open -> {
            LogId id = open.log.id();
            dir.metaLog().append(MetaRecord.of(Kind.EPOCH, id, leaderEpoch, startOffset));
            open.log.lastEpoch(dir.metaLog().log(id).lastEpoch());
            return dir.metaFlusher().force();
        });
    }

    /**
     * Moves the log start up; completed with it once that is durable.
     *
     * @param active whether the active segment goes too, when nothing in it is left
     */
    CompletableFuture<Long> advanceLogStart(String persistenceId, long offset, boolean active, long nowMs)
            throws IOException {
        return change(persistenceId, open -> {
            PartitionLog log = open.log;
            List<Segment> below = log.advanceLogStart(offset, active, nowMs);
            long start = log.logStartOffset();
            dir.metaLog().append(MetaRecord.of(Kind.LOG_START, log.id(), start, 0));
            CompletableFuture<Void> durable = dir.metaFlusher().force();
            durable.thenRun(() -> log.logStartDurable(start));
            // Files go only after the new start is on disk, or a crash would leave a hole at the front.
            deleteAfter(durable, log, below);
            return durable.thenApply(done -> start);
        });
    }

    /** Of a log just opened: segments that a crash left although their deletion was on disk go, and what is left is forced in time. */
    void finishOpening(String persistenceId) throws IOException {
        change(persistenceId, open -> {
            PartitionLog log = open.log;
            List<Segment> below = log.advanceLogStart(log.logStartOffset(), false, 0);
            deleteAfter(CompletableFuture.completedFuture(null), log, below);
            if (open.recovered) {
                open.recovered = false;
                flusher.finishRecovery(open);
            }
            return null;
        });
    }

    private void deleteAfter(CompletableFuture<Void> durable, PartitionLog log, List<Segment> below) {
        if (!below.isEmpty()) {
            LogDeletion.Below segments = LogDeletion.Below.of(log, below);
            durable.thenRunAsync(() -> deletion.delete(segments), dir.background());
        }
    }

    void checkpointHighWatermark(String persistenceId, long highWatermark, long nowMs) {
        OpenLog open = logs.find(persistenceId);
        if (open == null || dir.availability().isOffline()) {
            return;
        }
        synchronized (open) {
            if (open.log.retired() || open.highWatermark == highWatermark) {
                return;
            }
            open.highWatermark = highWatermark;
            if (nowMs - open.checkpointedMs >= CHECKPOINT_INTERVAL_MS) {
                open.checkpointedMs = nowMs;
                try {
                    dir.metaLog().append(MetaRecord.of(Kind.HIGH_WATERMARK, open.log.id(), highWatermark, 0));
                } catch (IOException e) {
                    dir.availability().fail(e);
                }
            }
        }
    }

    /** Durable on return. */
    void truncate(String persistenceId, long endOffset) throws IOException {
        change(persistenceId, open -> {
            if (endOffset >= open.log.logEndOffset()) {
                // No record goes, but an epoch without records may stand there that the new leader does not know.
                cutEmptyEpochs(open.log, endOffset);
                return null;
            }
            reshape(persistenceId, open, cut -> cut.truncate(endOffset));
            return null;
        });
    }

    /** Durable on return. */
    void startAt(String persistenceId, long startOffset) throws IOException {
        change(persistenceId, open -> {
            reshape(persistenceId, open, cut -> cut.startAt(startOffset));
            return null;
        });
    }

    private interface Reshaping {
        void by(LogTruncation truncation) throws IOException;
    }

    private void reshape(String persistenceId, OpenLog open, Reshaping reshaping) throws IOException {
        // The owner has stopped: what it may still have sent is of an older incarnation.
        open.disown();
        try {
            reshaping.by(new LogTruncation(open.log, dir.metaLog(), dir.indexes(), dir.cache()));
            open.highWatermark = Math.min(open.highWatermark, open.log.logEndOffset());
            // Producer state comes from a snapshot below the cut and the batches behind it: the log is opened anew.
            logs.close(open, false);
        } finally {
            if (open.log.retired()) {
                logs.remove(persistenceId, open);
            }
        }
        dir.metaLog().force();
    }

    private void cutEmptyEpochs(PartitionLog log, long endOffset) throws IOException {
        LogMeta meta = dir.metaLog().log(log.id());
        if (meta.epochs.stream().anyMatch(e -> e.startOffset() >= endOffset)) {
            dir.metaLog().append(MetaRecord.of(Kind.EPOCHS_CUT, log.id(), endOffset, 0));
            dir.metaLog().force();
            log.lastEpoch(meta.lastEpoch());
        }
    }
}
