package io.troupe.journal;

import static java.util.concurrent.TimeUnit.MILLISECONDS;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import org.apache.kafka.common.TopicIdPartition;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Takes files away: segments below a log's start, and logs whose topic is gone. Slow work is done in the background. */
final class LogDeletion {
    private static final Logger LOG = LoggerFactory.getLogger(LogDeletion.class);

    /** {@code file.delete.delay.ms} of a log whose settings are not at hand: the default. */
    private static final long DEFAULT_DELAY_MS = 60_000;

    private final LogDirContext dir;
    private final OpenLogs logs;
    private final SharedFsync forgetting;

    LogDeletion(LogDirContext dir, OpenLogs logs) {
        this.dir = dir;
        this.logs = logs;
        this.forgetting = new SharedFsync(this::forgetReleased, dir.availability(), dir.fsyncs());
    }

    /**
     * Segments that lie below their log's start, and what only they may know.
     *
     * @param producers producer state at {@code endOffset}
     */
    record Below(PartitionLog log, List<Segment> segments, long endOffset, ByteBuffer producers) {
        /** Under the log's monitor. */
        static Below of(PartitionLog log, List<Segment> segments) {
            return new Below(log, segments, log.logEndOffset(), log.producers().snapshot());
        }
    }

    /**
     * Renames the files of segments that no longer belong to their log, and deletes them {@code file.delete.delay.ms} later.
     * Reads under way finish.
     */
    void delete(Below below) {
        PartitionLog log = below.log();
        try {
            keepProducers(below);
        } catch (IOException e) {
            LOG.warn("{}: producer state cannot be stored ({}).", log.path(), LogDir.reason(e));
        }
        List<Path> files = new ArrayList<>();
        for (Segment segment : below.segments()) {
            // Whoever stores what is derived of a segment, or gives its file a name, is done with it or comes too late.
            try {
                synchronized (log.derived()) {
                    segment.closeWriter();
                    segment.retire();
                    dir.cache().remove(segment);
                    // Once the log is closed its names may be those of a topic made anew; the next opening deletes its
                    // files.
                    if (!log.retired()) {
                        dir.indexes().dropSegment(log.id(), segment.baseOffset());
                        files.add(putAside(segment));
                    }
                }
            } catch (NoSuchFileException e) {
                LOG.debug("{} went with its log, or as that was opened again", segment);
            } catch (IOException e) {
                LOG.warn("{} cannot be deleted: {}. The next opening tries again.", segment, LogDir.reason(e));
            }
        }
        LOG.info(
                "{}: {} segments below log start {} are deleted.",
                log.path(),
                below.segments().size(),
                log.logStartOffset());
        dir.background()
                .schedule(() -> files.forEach(this::deleteFile), log.config().fileDeleteDelayMs(), MILLISECONDS);
    }

    /** The batches go from which producer state would be derived after a crash. */
    private void keepProducers(Below below) throws IOException {
        PartitionLog log = below.log();
        synchronized (log.derived()) {
            if (!log.retired()) {
                ProducerSnapshot.store(
                        dir.indexes(), log.id(), List.of(log.segments()), below.endOffset(), below.producers());
            }
        }
    }

    private Path putAside(Segment segment) throws IOException {
        Path aside = segment.path().resolveSibling(segment.path().getFileName() + Segment.DELETED_SUFFIX);
        dir.disk().rename(segment.path(), aside);
        return aside;
    }

    private void deleteFile(Path file) {
        try {
            dir.disk().delete(file);
        } catch (IOException e) {
            LOG.warn("{} cannot be deleted: {}. The next opening tries again.", file, LogDir.reason(e));
        }
    }

    /**
     * Puts a log's directory out of the way at once; the files follow after {@code file.delete.delay.ms}. Completed once that
     * is durable: first the names, then the record that forgets the log. Logs deleted at once share the fsyncs of both.
     */
    CompletableFuture<Void> delete(String persistenceId, TopicIdPartition partition) throws IOException {
        dir.availability().check();
        LogId id = LogId.of(partition);
        OpenLog open = logs.find(persistenceId);
        long delayMs = DEFAULT_DELAY_MS;
        if (open != null) {
            delayMs = open.log.config().fileDeleteDelayMs();
            synchronized (open) {
                logs.retire(open.log);
                logs.remove(persistenceId, open);
            }
        }
        Path renamed;
        try {
            renamed = logs.placement().release(partition);
        } catch (IOException e) {
            throw dir.availability().fail(e);
        }
        return finishDeletion(id, renamed, delayMs);
    }

    /**
     * Also when nothing was left to do: an earlier deletion may not be durable yet.
     *
     * @param renamed what is left of the log, null for nothing
     */
    private CompletableFuture<Void> finishDeletion(LogId id, Path renamed, long delayMs) {
        return forgetting.force().thenRun(() -> {
            if (renamed != null) {
                deleteLater(id, renamed, delayMs);
            }
        });
    }

    /** First the names, then the records that forget the logs: the names would come back alone. */
    private void forgetReleased() throws IOException {
        List<LogId> released = logs.placement().released();
        dir.disk().forceDirectory(dir.path());
        for (LogId id : released) {
            logs.placement().forgetReleased(id);
        }
        dir.metaLog().force();
    }

    private void deleteLater(LogId id, Path renamed, long delayMs) {
        try {
            dir.background().schedule(() -> deleteFiles(id, renamed), delayMs, MILLISECONDS);
        } catch (RejectedExecutionException e) {
            LOG.debug("{} is left to the next start, for the dir is being closed", renamed);
        }
    }

    private void deleteFiles(LogId id, Path renamed) {
        logs.placement().deleteTree(renamed);
        if (dir.metaLog().log(id) == null) {
            dropIndex(id);
        }
    }

    private void dropIndex(LogId id) {
        try {
            dir.indexes().dropAll(id, false);
        } catch (IOException e) {
            LOG.warn("Index keys of log {} stay behind: {}.", id, LogDir.reason(e));
        }
    }

    /** Has a log put aside that no committed metadata knows, in the background. */
    CompletableFuture<Void> putOrphanAside(LogId id) {
        return CompletableFuture.runAsync(() -> runPutOrphanAside(id), dir.background());
    }

    /** Has a log deleted that an earlier process left and that other brokers have now, in the background. */
    CompletableFuture<Void> deleteStray(LogId id) {
        return CompletableFuture.supplyAsync(() -> releaseStray(id), dir.background())
                .thenCompose(renamed -> renamed == null
                        ? CompletableFuture.completedFuture(null)
                        : finishDeletion(id, renamed, DEFAULT_DELAY_MS));
    }

    private Path releaseStray(LogId id) {
        try {
            dir.availability().check();
            return logs.placement().releaseStray(id);
        } catch (IOException e) {
            LOG.error("{}: log {}, which moved away, cannot be deleted: {}.", dir.path(), id, LogDir.reason(e));
            if (e instanceof DiskFailedException) {
                dir.availability().fail(e);
            }
            return null;
        }
    }

    private void runPutOrphanAside(LogId id) {
        try {
            dir.availability().check();
            if (logs.placement().putOrphanAside(id)) {
                dropIndex(id);
            }
        } catch (IOException e) {
            LOG.error("{}: log {} of a deleted topic cannot be put aside: {}.", dir.path(), id, LogDir.reason(e));
            if (e instanceof DiskFailedException) {
                dir.availability().fail(e);
            }
        }
    }
}
