package io.troupe.journal;

import io.troupe.config.LogConfig;
import io.troupe.journal.JournalCommand.EpochStart;
import io.troupe.journal.MetaRecord.Kind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.Uuid;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One entry of {@code log.dirs}: its lock, {@code meta.properties}, {@code meta.log}, index and open logs.
 *
 * <p>Each log is guarded by its {@link OpenLog}'s monitor, so nothing about one log waits for another. Within it a log's
 * opening, truncation and closing wait for the disk; appends never wait for an fsync. See {@link LogPlacement} for
 * directories' names, {@link LogFlusher} and {@link MetaFlusher} for fsyncs, {@link Availability} for what a failed one means.
 *
 * <p>Order of locks: a log's monitor, then {@link LogPlacement}'s, then {@link PartitionLog#derived}, then {@link MetaLog}'s.
 */
final class LogDir implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(LogDir.class);
    private static final int FSYNC_THREADS = 4;
    private static final long CHECKPOINT_INTERVAL_MS = 5_000;

    private final Path path;
    private final DirLock lock;
    private final MetaLog metaLog;
    private final IndexStore indexes;
    private final boolean cleanStart;
    private final Disk disk;
    private final WriteBuffer through = new WriteBuffer();
    // Of its own, for a voter must not wait behind partitions' bulk.
    private final WriteBuffer metadataThrough = new WriteBuffer();
    private final IndexCache cache = new IndexCache();
    private final Map<String, OpenLog> logs = new ConcurrentHashMap<>();
    private final ThreadPoolExecutor fsyncs;
    private final ScheduledThreadPoolExecutor background;
    private final Availability availability;
    private final LogPlacement placement;
    private final LogFlusher flusher;
    private final MetaFlusher metaFlusher;
    private volatile MetaProperties properties;
    private volatile long brokerEpoch = -1;
    private boolean closed;

    private LogDir(Path path, DirLock lock, MetaProperties properties, Disk disk, MetaLog metaLog, IndexStore indexes) {
        this.path = path;
        this.lock = lock;
        this.properties = properties;
        this.disk = disk;
        this.metaLog = metaLog;
        this.indexes = indexes;
        this.cleanStart = metaLog.clean();
        this.fsyncs = new ThreadPoolExecutor(
                FSYNC_THREADS, FSYNC_THREADS, 10, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), daemon("fsync"));
        this.fsyncs.allowCoreThreadTimeOut(true);
        this.background = new ScheduledThreadPoolExecutor(1, daemon("background"));
        this.background.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
        this.background.setRemoveOnCancelPolicy(true);
        this.availability = new Availability(path);
        this.placement = new LogPlacement(path, disk, metaLog, indexes, this::isOpen);
        this.flusher = new LogFlusher(metaLog, indexes, disk, availability, fsyncs, background);
        this.metaFlusher = new MetaFlusher(metaLog, availability, fsyncs);
    }

    private ThreadFactory daemon(String duty) {
        return task -> {
            Thread thread = new Thread(task, "journal-" + duty + "-" + path.getFileName());
            thread.setDaemon(true);
            return thread;
        };
    }

    /**
     * Locks and reads a log dir, making it when there is none.
     *
     * @param clusterId the one that the operator has fixed
     */
    static LogDir open(Path path, int nodeId, Optional<String> clusterId) {
        return open(path, nodeId, clusterId, Disk.SYSTEM);
    }

    static LogDir open(Path path, int nodeId, Optional<String> clusterId, Disk disk) {
        DirLock lock = null;
        IndexStore indexes = null;
        try {
            Files.createDirectories(path);
            lock = DirLock.acquire(path);
            Optional<MetaProperties> found = MetaProperties.read(path);
            MetaProperties properties = found.orElseGet(() -> MetaProperties.fresh(nodeId, clusterId));
            checkOwner(path, properties, nodeId, clusterId);
            if (properties.clusterId() == null && clusterId.isPresent()) {
                properties = properties.withClusterId(clusterId.get());
            }
            if (!found.equals(Optional.of(properties))) {
                properties.write(path);
            }
            indexes = IndexStore.open(path.resolve(IndexStore.DIRECTORY));
            MetaLog metaLog = MetaLog.open(path, disk);
            LogDir dir = new LogDir(path, lock, properties, disk, metaLog, indexes);
            dir.start();
            return dir;
        } catch (IOException e) {
            closeQuietly(indexes);
            closeQuietly(lock);
            throw new LogDirException(
                    "Log dir " + path + " cannot be used: " + reason(e)
                            + ". It must be a directory that the broker's user may read and write.",
                    e);
        } catch (RuntimeException e) {
            closeQuietly(indexes);
            closeQuietly(lock);
            throw e;
        }
    }

    private static void checkOwner(Path path, MetaProperties found, int nodeId, Optional<String> clusterId) {
        if (found.nodeId() != nodeId) {
            throw new LogDirException(
                    "Log dir " + path + " belongs to broker " + found.nodeId() + ", this is broker " + nodeId
                            + ". Set node.id (broker.id) to " + found.nodeId() + ", or log.dirs to another directory.",
                    null);
        }
        if (found.clusterId() != null
                && clusterId.isPresent()
                && !found.clusterId().equals(clusterId.get())) {
            throw new LogDirException(
                    "Log dir " + path + " belongs to cluster " + found.clusterId() + ", this broker to cluster "
                            + clusterId.get() + ". Set log.dirs to another directory, or correct cluster.id.",
                    null);
        }
    }

    private void start() throws IOException {
        metaLog.append(MetaRecord.dir(Kind.DIR_OPENED, 0));
        metaLog.force();
        disk.forceDirectory(path);
        if (indexes.startedEmpty() && !metaLog.ids().isEmpty()) {
            LOG.warn(
                    "{}: the index is empty; it is derived again from the segments of {} logs as they are opened.",
                    path,
                    metaLog.ids().size());
        }
        if (!cleanStart) {
            LOG.info("{}: was not closed in order; the tails of its logs are checked as they are opened.", path);
        }
        placement.survey(leftover -> fsyncs.execute(() -> LogPlacement.deleteTree(leftover)));
    }

    // ---- opening and closing ----

    JournalCommand.Opened open(String persistenceId, TopicIdPartition partition, LogConfig config) throws IOException {
        availability.check();
        OpenLog open = logs.get(persistenceId);
        boolean clean = open != null;
        if (open == null) {
            // The plugin carries out what concerns one log in order, so nobody else opens this one now.
            LogRecovery.Recovered recovered = recover(partition, config);
            clean = recovered.clean();
            open = enter(persistenceId, partition, config, recovered);
        }
        synchronized (open) {
            open.checkOpen(persistenceId);
            PartitionLog log = open.log;
            log.reconfigure(config);
            open.disown();
            return new JournalCommand.Opened(
                    log.reader(),
                    log.logStartOffset(),
                    log.logEndOffset(),
                    Math.min(Math.max(open.highWatermark, log.logStartOffset()), log.logEndOffset()),
                    List.copyOf(metaLog.log(log.id()).epochs),
                    log.producers().copy(),
                    clean);
        }
    }

    private LogRecovery.Recovered recover(TopicIdPartition partition, LogConfig config) throws IOException {
        try {
            Path directory = placement.claim(partition);
            return new LogRecovery(LogId.of(partition), directory, config, disk, metaLog, indexes).recover();
        } catch (DiskFailedException e) {
            throw availability.fail(e);
        }
    }

    /** Short, for it holds the dir's monitor: either the log is there when the dir is closed, or it is refused. */
    private synchronized OpenLog enter(
            String persistenceId, TopicIdPartition partition, LogConfig config, LogRecovery.Recovered recovered)
            throws IOException {
        if (closed) {
            throw new IOException("log dir " + path + " is closed");
        }
        LogId id = LogId.of(partition);
        LogMeta meta = metaLog.log(id);
        PartitionLog log = new PartitionLog(
                id,
                path.resolve(LogPlacement.directoryName(partition.topic(), partition.partition())),
                config,
                id.topicId().equals(Uuid.METADATA_TOPIC_ID) ? metadataThrough : through,
                disk,
                indexes,
                cache,
                recovered,
                meta,
                System.currentTimeMillis());
        OpenLog open = new OpenLog(log, meta.highWatermark);
        logs.put(persistenceId, open);
        return open;
    }

    private boolean isOpen(LogId id) {
        return logs.values().stream().anyMatch(open -> open.log.id().equals(id));
    }

    void closeLog(String persistenceId) throws IOException {
        OpenLog open = logs.get(persistenceId);
        if (open == null) {
            return;
        }
        synchronized (open) {
            try {
                close(open, true);
            } catch (IOException e) {
                throw availability.fail(e);
            } finally {
                logs.remove(persistenceId, open);
            }
        }
    }

    /** Under the log's monitor. Whatever fails, nothing of it stays open. */
    private void close(OpenLog open, boolean storeProducers) throws IOException {
        PartitionLog log = open.log;
        try {
            if (!availability.isOffline()) {
                for (Segment segment : log.segments()) {
                    segment.force();
                }
                disk.forceDirectory(log.path());
                storeDerived(log, storeProducers);
                long end = log.logEndOffset();
                metaLog.append(MetaRecord.of(Kind.HIGH_WATERMARK, log.id(), open.highWatermark, 0));
                metaLog.append(MetaRecord.of(Kind.RECOVERY_POINT, log.id(), end, 0));
                metaLog.append(MetaRecord.of(
                        Kind.LOG_CLOSED, log.id(), end, log.active().size()));
            }
        } finally {
            retire(log);
        }
    }

    private void retire(PartitionLog log) throws IOException {
        log.retire();
        for (Segment segment : log.segments()) {
            segment.closeWriter();
            segment.retire();
            cache.remove(segment);
        }
    }

    private void storeDerived(PartitionLog log, boolean producers) {
        try {
            for (Segment segment : log.segments()) {
                SparseIndex index = segment.index();
                // Without one it is stored already, by the roll.
                if (index != null) {
                    indexes.putSegment(log.id(), segment.baseOffset(), segment.summary(), index);
                }
            }
            if (producers) {
                ProducerSnapshot.store(
                        indexes,
                        log.id(),
                        List.of(log.segments()),
                        log.logEndOffset(),
                        log.producers().snapshot());
            }
        } catch (IOException e) {
            LOG.warn("{}: its index cannot be stored ({}); the next start derives it.", log.path(), reason(e));
        }
    }

    // ---- appending ----

    /**
     * Writes a group; completed once it is as durable as the log's settings ask.
     *
     * @param forced fsync whatever the settings say
     */
    CompletableFuture<Void> append(String persistenceId, String writer, LogAppend group, boolean forced, long nowMs) {
        try {
            OpenLog open = opened(persistenceId);
            synchronized (open) {
                open.checkOwner(persistenceId, writer);
                availability.check();
                return append(open, group, forced, nowMs);
            }
        } catch (IOException e) {
            return CompletableFuture.failedFuture(availability.fail(e));
        } catch (RuntimeException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    private CompletableFuture<Void> append(OpenLog open, LogAppend group, boolean forced, long nowMs)
            throws IOException {
        PartitionLog log = open.log;
        List<PartitionLog.Rolled> rolled = new ArrayList<>(0);
        List<EpochStart> epochs = log.append(group, nowMs, rolled);
        for (EpochStart epoch : epochs) {
            if (metaLog.log(log.id()).lastEpoch() < epoch.leaderEpoch()) {
                metaLog.append(MetaRecord.of(Kind.EPOCH, log.id(), epoch.leaderEpoch(), epoch.startOffset()));
            }
        }
        for (PartitionLog.Rolled roll : rolled) {
            flusher.finishRoll(open, roll);
        }
        open.unflushedRecords += group.endOffset() - group.baseOffset();
        if (forced || open.unflushedRecords >= log.config().flushMessages()) {
            open.unflushedRecords = 0;
            return flusher.flush(log);
        }
        flusher.schedule(open);
        return CompletableFuture.completedFuture(null);
    }

    // ---- the other commands ----

    void reconfigure(String persistenceId, LogConfig config) {
        OpenLog open = logs.get(persistenceId);
        if (open != null) {
            open.log.reconfigure(config);
        }
    }

    /** What a command does to a log; any failure of the disk takes the dir offline. */
    private interface Change<T> {
        T on(OpenLog open) throws IOException;
    }

    private <T> T change(String persistenceId, Change<T> change) throws IOException {
        OpenLog open = opened(persistenceId);
        synchronized (open) {
            open.checkOpen(persistenceId);
            try {
                return change.on(open);
            } catch (IOException e) {
                throw availability.fail(e);
            }
        }
    }

    private OpenLog opened(String persistenceId) throws IOException {
        availability.check();
        OpenLog open = logs.get(persistenceId);
        if (open == null) {
            throw new IllegalStateException("the log of " + persistenceId + " is not open");
        }
        return open;
    }

    CompletableFuture<Void> startEpoch(String persistenceId, int leaderEpoch, long startOffset) throws IOException {
        return change(persistenceId, open -> {
            LogId id = open.log.id();
            metaLog.append(MetaRecord.of(Kind.EPOCH, id, leaderEpoch, startOffset));
            open.log.lastEpoch(metaLog.log(id).lastEpoch());
            return metaFlusher.force();
        });
    }

    CompletableFuture<Void> advanceLogStart(String persistenceId, long offset) throws IOException {
        return change(persistenceId, open -> {
            PartitionLog log = open.log;
            List<Segment> below = log.advanceLogStart(offset);
            metaLog.append(MetaRecord.of(Kind.LOG_START, log.id(), log.logStartOffset(), 0));
            CompletableFuture<Void> durable = metaFlusher.force();
            if (!below.isEmpty()) {
                // Files go only after the new start is on disk, or a crash would leave a hole at the front.
                durable.thenRunAsync(() -> deleteSegments(log.id(), below), background);
            }
            return durable;
        });
    }

    private void deleteSegments(LogId id, List<Segment> segments) {
        for (Segment segment : segments) {
            try {
                segment.closeWriter();
                segment.retire();
                cache.remove(segment);
                Files.deleteIfExists(segment.path());
                indexes.dropSegment(id, segment.baseOffset());
            } catch (IOException e) {
                LOG.warn("{} cannot be deleted: {}.", segment, reason(e));
            }
        }
    }

    void checkpointHighWatermark(String persistenceId, long highWatermark, long nowMs) {
        OpenLog open = logs.get(persistenceId);
        if (open == null || availability.isOffline()) {
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
                    metaLog.append(MetaRecord.of(Kind.HIGH_WATERMARK, open.log.id(), highWatermark, 0));
                } catch (IOException e) {
                    availability.fail(e);
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
            // The owner has stopped: what it may still have sent is of an older incarnation.
            open.disown();
            try {
                new LogTruncation(open.log, metaLog, indexes, cache).truncate(endOffset);
                open.highWatermark = Math.min(open.highWatermark, endOffset);
                // Producer state comes from a snapshot below the cut and the batches behind it: the log is opened anew.
                close(open, false);
            } finally {
                if (open.log.retired()) {
                    logs.remove(persistenceId, open);
                }
            }
            metaLog.force();
            return null;
        });
    }

    private void cutEmptyEpochs(PartitionLog log, long endOffset) throws IOException {
        LogMeta meta = metaLog.log(log.id());
        if (meta.epochs.stream().anyMatch(e -> e.startOffset() >= endOffset)) {
            metaLog.append(MetaRecord.of(Kind.EPOCHS_CUT, log.id(), endOffset, 0));
            metaLog.force();
            log.lastEpoch(meta.lastEpoch());
        }
    }

    CompletableFuture<Void> delete(String persistenceId, TopicIdPartition partition) throws IOException {
        availability.check();
        LogId id = LogId.of(partition);
        OpenLog open = logs.get(persistenceId);
        long delayMs = 60_000;
        if (open != null) {
            delayMs = open.log.config().fileDeleteDelayMs();
            synchronized (open) {
                retire(open.log);
                logs.remove(persistenceId, open);
            }
        }
        try {
            Path renamed = metaLog.log(id) == null ? placement.releaseAside(partition) : placement.release(id);
            if (renamed == null) {
                return CompletableFuture.completedFuture(null);
            }
            background.schedule(
                    () -> {
                        LogPlacement.deleteTree(renamed);
                        dropIndex(id);
                    },
                    delayMs,
                    TimeUnit.MILLISECONDS);
        } catch (IOException e) {
            throw availability.fail(e);
        }
        return metaFlusher.force();
    }

    private void dropIndex(LogId id) {
        try {
            indexes.dropAll(id);
        } catch (IOException e) {
            LOG.warn("Index keys of log {} stay behind: {}.", id, reason(e));
        }
    }

    /** Has a log put aside that no committed metadata knows, in the background. */
    CompletableFuture<Void> putOrphanAside(LogId id) {
        return CompletableFuture.runAsync(() -> runPutOrphanAside(id), background);
    }

    private void runPutOrphanAside(LogId id) {
        try {
            availability.check();
            if (placement.putOrphanAside(id)) {
                dropIndex(id);
            }
        } catch (IOException e) {
            LOG.error("{}: log {} of a deleted topic cannot be put aside: {}.", path, id, reason(e));
            if (e instanceof DiskFailedException) {
                availability.fail(e);
            }
        }
    }

    // ---- state of the whole dir ----

    boolean isOffline() {
        return availability.isOffline();
    }

    /** {@link IOException}s of the file system often carry only a path. */
    static String reason(Throwable e) {
        String kind = e.getClass().getSimpleName();
        return e.getMessage() == null
                ? kind
                : kind.equals("IOException") ? e.getMessage() : kind + ": " + e.getMessage();
    }

    LogReader readerOf(String persistenceId) {
        OpenLog open = logs.get(persistenceId);
        return open == null ? null : open.log.reader();
    }

    List<LogId> knownLogs() {
        return List.copyOf(metaLog.ids());
    }

    /** Threads that may wait for a disk. */
    Executor blockingReads() {
        return fsyncs;
    }

    Path path() {
        return path;
    }

    MetaProperties properties() {
        return properties;
    }

    boolean cleanStart() {
        return cleanStart;
    }

    /** That of the clean-shutdown marker found at the start, -1 for none. */
    long lastBrokerEpoch() {
        return metaLog.brokerEpoch();
    }

    void brokerEpoch(long epoch) {
        brokerEpoch = epoch;
    }

    synchronized void setClusterId(String clusterId) throws IOException {
        checkOwner(path, properties, properties.nodeId(), Optional.of(clusterId));
        if (!clusterId.equals(properties.clusterId())) {
            MetaProperties stamped = properties.withClusterId(clusterId);
            stamped.write(path);
            properties = stamped;
        }
    }

    /** Closes every log, writes the clean-shutdown marker last, lets go of the lock. */
    @Override
    public void close() {
        background.shutdown();
        fsyncs.shutdown();
        try {
            fsyncs.awaitTermination(30, TimeUnit.SECONDS);
            background.awaitTermination(30, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (RejectedExecutionException e) {
            LOG.debug("{}: closing twice", path);
        }
        synchronized (this) {
            if (closed) {
                return;
            }
            closed = true;
        }
        try {
            for (OpenLog open : logs.values()) {
                synchronized (open) {
                    close(open, true);
                }
            }
            logs.clear();
            indexes.close();
            if (!availability.isOffline()) {
                metaLog.append(MetaRecord.dir(Kind.DIR_CLOSED, brokerEpoch));
                metaLog.force();
            }
            metaLog.close();
        } catch (IOException e) {
            LOG.error("{}: not closed in order: {}.", path, reason(e));
        } finally {
            closeQuietly(indexes);
            closeQuietly(metaLog);
            closeQuietly(lock);
        }
    }

    /** Lets go of everything as it is: what a killed process leaves behind. */
    synchronized void abandon() {
        closed = true;
        logs.values().forEach(open -> open.log.retire());
        background.shutdownNow();
        fsyncs.shutdownNow();
        logs.values().forEach(open -> List.of(open.log.segments()).forEach(Segment::retire));
        closeQuietly(indexes);
        closeQuietly(metaLog);
        closeQuietly(lock);
    }

    private static void closeQuietly(AutoCloseable resource) {
        if (resource != null) {
            try {
                resource.close();
            } catch (Exception e) {
                LOG.debug("close", e);
            }
        }
    }
}
