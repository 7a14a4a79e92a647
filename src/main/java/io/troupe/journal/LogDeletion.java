package io.troupe.journal;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.TopicIdPartition;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Takes files away: segments below a log's start, and logs whose topic is gone. Slow work is done in the background. */
final class LogDeletion {
    private static final Logger LOG = LoggerFactory.getLogger(LogDeletion.class);

    private final LogDirContext dir;
    private final OpenLogs logs;

    LogDeletion(LogDirContext dir, OpenLogs logs) {
        this.dir = dir;
        this.logs = logs;
    }

    /** Removes segments that no longer belong to their log; reads under way finish. */
    void deleteSegments(PartitionLog log, List<Segment> segments) {
        for (Segment segment : segments) {
            try {
                segment.closeWriter();
                segment.retire();
                dir.cache().remove(segment);
                synchronized (log.derived()) {
                    // Once the log is closed its names may be those of a topic made anew; the next opening deletes its
                    // files.
                    if (!log.retired()) {
                        dir.disk().delete(segment.path());
                        dir.indexes().dropSegment(log.id(), segment.baseOffset());
                    }
                }
            } catch (IOException e) {
                LOG.warn("{} cannot be deleted: {}.", segment, LogDir.reason(e));
            }
        }
    }

    /** Puts a log's directory out of the way at once; the files follow after {@code file.delete.delay.ms}. */
    CompletableFuture<Void> delete(String persistenceId, TopicIdPartition partition) throws IOException {
        dir.availability().check();
        LogId id = LogId.of(partition);
        OpenLog open = logs.find(persistenceId);
        long delayMs = 60_000;
        if (open != null) {
            delayMs = open.log.config().fileDeleteDelayMs();
            synchronized (open) {
                logs.retire(open.log);
                logs.remove(persistenceId, open);
            }
        }
        try {
            LogPlacement placement = logs.placement();
            Path renamed = dir.metaLog().log(id) == null ? placement.releaseAside(partition) : placement.release(id);
            if (renamed != null) {
                dir.background()
                        .schedule(
                                () -> {
                                    placement.deleteTree(renamed);
                                    dropIndex(id);
                                },
                                delayMs,
                                TimeUnit.MILLISECONDS);
            }
        } catch (IOException e) {
            throw dir.availability().fail(e);
        }
        // Also when nothing was left to do: an earlier deletion may not be durable yet.
        return dir.metaFlusher().force();
    }

    private void dropIndex(LogId id) {
        try {
            dir.indexes().dropAll(id);
        } catch (IOException e) {
            LOG.warn("Index keys of log {} stay behind: {}.", id, LogDir.reason(e));
        }
    }

    /** Has a log put aside that no committed metadata knows, in the background. */
    CompletableFuture<Void> putOrphanAside(LogId id) {
        return CompletableFuture.runAsync(() -> runPutOrphanAside(id), dir.background());
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
