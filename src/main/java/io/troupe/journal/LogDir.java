package io.troupe.journal;

import io.troupe.config.LogConfig;
import io.troupe.journal.JournalCommand.EpochStart;
import io.troupe.journal.MetaRecord.Kind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.kafka.common.TopicIdPartition;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One entry of {@code log.dirs}: its lock, {@code meta.properties}, {@code meta.log}, index and open logs.
 *
 * <p>Its monitor guards everything that changes. In practice the journal's thread owns it; the background thread takes it
 * for a moment when a rolled segment has become durable. Nothing waits for an fsync inside it, save opening, truncating
 * and closing a log. The first write or fsync that fails takes the dir offline for good: what the page cache holds after
 * that is anybody's guess, so nothing is tried again; reads go on.
 */
final class LogDir implements AutoCloseable {
    static final String DELETE_SUFFIX = "-delete";
    static final String STRAY_SUFFIX = "-stray";

    private static final Logger LOG = LoggerFactory.getLogger(LogDir.class);
    private static final int FSYNC_THREADS = 4;
    private static final long CHECKPOINT_INTERVAL_MS = 5_000;

    private final Path path;
    private final DirLock lock;
    private final MetaLog metaLog;
    private final IndexStore indexes;
    private final boolean cleanStart;
    private final WriteBuffer through = new WriteBuffer();
    private final IndexCache cache = new IndexCache();
    private final Map<String, OpenLog> logs = new HashMap<>();
    private final ThreadPoolExecutor fsyncs;
    private final ScheduledThreadPoolExecutor background;
    private volatile MetaProperties properties;
    private volatile IOException offline;
    private volatile long brokerEpoch = -1;
    private List<CompletableFuture<Void>> awaitingMeta = new ArrayList<>();
    private boolean forcingMeta;
    private boolean closed;

    /** A log with what only its writing side needs; guarded by the dir's monitor. */
    private static final class OpenLog {
        final PartitionLog log;
        /** Writer of this incarnation, null until its first write. */
        String owner;
        /** Writer of the incarnation before. */
        String retired;

        long unflushedRecords;
        boolean flushScheduled;
        long highWatermark;
        long checkpointedMs;

        OpenLog(PartitionLog log) {
            this.log = log;
        }
    }

    private LogDir(Path path, DirLock lock, MetaProperties properties, MetaLog metaLog, IndexStore indexes) {
        this.path = path;
        this.lock = lock;
        this.properties = properties;
        this.metaLog = metaLog;
        this.indexes = indexes;
        this.cleanStart = metaLog.clean();
        this.fsyncs = new ThreadPoolExecutor(
                FSYNC_THREADS, FSYNC_THREADS, 10, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), daemon("fsync"));
        this.fsyncs.allowCoreThreadTimeOut(true);
        this.background = new ScheduledThreadPoolExecutor(1, daemon("background"));
        this.background.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
        this.background.setRemoveOnCancelPolicy(true);
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
            MetaLog metaLog = MetaLog.open(path);
            LogDir dir = new LogDir(path, lock, properties, metaLog, indexes);
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
        Directories.forceDirectory(path);
        if (indexes.startedEmpty() && !metaLog.ids().isEmpty()) {
            LOG.warn(
                    "{}: the index is empty; it is derived again from the segments of {} logs as they are opened.",
                    path,
                    metaLog.ids().size());
        }
        if (!cleanStart) {
            LOG.info("{}: was not closed in order; the tails of its logs are checked as they are opened.", path);
        }
        List<String> known = metaLog.ids().stream()
                .map(id -> directoryName(metaLog.log(id).topic, id.partition()))
                .toList();
        try (Stream<Path> entries = Files.list(path)) {
            for (Path entry : entries.filter(Files::isDirectory).toList()) {
                String name = entry.getFileName().toString();
                if (name.endsWith(DELETE_SUFFIX)) {
                    fsyncs.execute(() -> deleteTree(entry));
                } else if (!known.contains(name) && !name.startsWith(".") && !name.endsWith(STRAY_SUFFIX)) {
                    LOG.warn("{}: no log of this broker; it is left alone.", entry);
                }
            }
        }
    }

    static String directoryName(String topic, int partition) {
        return topic + "-" + partition;
    }

    // ---- opening and closing ----

    synchronized JournalCommand.Opened open(String persistenceId, TopicIdPartition partition, LogConfig config)
            throws IOException {
        checkOnline();
        OpenLog open = logs.get(persistenceId);
        boolean clean = open != null;
        if (open == null) {
            LogRecovery.Recovered recovered = recover(LogId.of(partition), partition.topic(), config);
            clean = recovered.clean();
            LogId id = LogId.of(partition);
            PartitionLog log = new PartitionLog(
                    id,
                    logPath(partition.topic(), partition.partition()),
                    config,
                    through,
                    indexes,
                    cache,
                    recovered,
                    metaLog.log(id),
                    System.currentTimeMillis());
            open = new OpenLog(log);
            open.highWatermark = metaLog.log(id).highWatermark;
            logs.put(persistenceId, open);
        }
        open.log.reconfigure(config);
        open.retired = open.owner == null ? open.retired : open.owner;
        open.owner = null;
        PartitionLog log = open.log;
        return new JournalCommand.Opened(
                log.reader(),
                log.logStartOffset(),
                log.logEndOffset(),
                Math.min(Math.max(open.highWatermark, log.logStartOffset()), log.logEndOffset()),
                List.copyOf(metaLog.log(log.id()).epochs),
                log.producers().copy(),
                clean);
    }

    private Path logPath(String topic, int partition) {
        return path.resolve(directoryName(topic, partition));
    }

    private LogRecovery.Recovered recover(LogId id, String topic, LogConfig config) throws IOException {
        Path directory = logPath(topic, id.partition());
        if (metaLog.log(id) != null && !Files.isDirectory(directory)) {
            LOG.error("{} is gone: the replica starts empty, as a new one.", directory);
            metaLog.append(MetaRecord.of(Kind.LOG_REMOVED, id, 0, 0));
            indexes.dropAll(id);
        }
        if (metaLog.log(id) == null) {
            putStrayAside(directory, topic, id);
            Files.createDirectories(directory);
            Directories.forceDirectory(path);
            metaLog.append(MetaRecord.log(id, topic));
            metaLog.force();
        }
        return new LogRecovery(id, directory, config, metaLog, indexes).recover();
    }

    /** A directory of that name that belongs to another topic id, or to nobody known, must not be taken for this log. */
    private void putStrayAside(Path directory, String topic, LogId id) throws IOException {
        if (!Files.exists(directory)) {
            return;
        }
        String owner = "unknown-" + System.currentTimeMillis();
        for (LogId other : metaLog.ids()) {
            if (other.partition() == id.partition() && metaLog.log(other).topic.equals(topic)) {
                if (logs.values().stream().anyMatch(o -> o.log.id().equals(other))) {
                    throw new IOException(directory + " is still open as log " + other);
                }
                owner = other.topicId().toString();
                metaLog.append(MetaRecord.of(Kind.LOG_REMOVED, other, 0, 0));
            }
        }
        Path aside = directory.resolveSibling(directory.getFileName() + "." + owner + STRAY_SUFFIX);
        LOG.error("{} does not belong to topic id {}; it is put aside as {}.", directory, id.topicId(), aside);
        Files.move(directory, aside, StandardCopyOption.ATOMIC_MOVE);
    }

    synchronized void closeLog(String persistenceId) throws IOException {
        OpenLog open = logs.remove(persistenceId);
        if (open != null) {
            close(open, true);
        }
    }

    private void close(OpenLog open, boolean storeProducers) throws IOException {
        PartitionLog log = open.log;
        Segment active = log.active();
        if (offline == null) {
            for (Segment segment : log.segments()) {
                segment.force();
            }
            Directories.forceDirectory(log.path());
            storeDerived(log, storeProducers);
            metaLog.append(MetaRecord.of(Kind.HIGH_WATERMARK, log.id(), open.highWatermark, 0));
            metaLog.append(MetaRecord.of(Kind.RECOVERY_POINT, log.id(), log.logEndOffset(), 0));
            metaLog.append(MetaRecord.of(Kind.LOG_CLOSED, log.id(), log.logEndOffset(), active.size()));
        }
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
                indexes.putProducers(
                        log.id(), log.logEndOffset(), log.producers().snapshot());
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
    synchronized CompletableFuture<Void> append(
            String persistenceId, String writer, LogAppend group, boolean forced, long nowMs) {
        try {
            checkOnline();
            OpenLog open = owned(persistenceId, writer);
            PartitionLog log = open.log;
            List<PartitionLog.Rolled> rolled = new ArrayList<>(0);
            List<EpochStart> epochs = log.append(group, nowMs, rolled);
            for (EpochStart epoch : epochs) {
                if (metaLog.log(log.id()).lastEpoch() < epoch.leaderEpoch()) {
                    metaLog.append(MetaRecord.of(Kind.EPOCH, log.id(), epoch.leaderEpoch(), epoch.startOffset()));
                }
            }
            for (PartitionLog.Rolled roll : rolled) {
                background.execute(() -> finishRoll(log, roll));
            }
            open.unflushedRecords += group.endOffset() - group.baseOffset();
            if (forced || open.unflushedRecords >= log.config().flushMessages()) {
                open.unflushedRecords = 0;
                return flush(log);
            }
            scheduleFlush(open);
            return CompletableFuture.completedFuture(null);
        } catch (IOException e) {
            return CompletableFuture.failedFuture(takeOffline(e));
        } catch (RuntimeException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    private OpenLog owned(String persistenceId, String writer) {
        OpenLog open = logs.get(persistenceId);
        if (open == null) {
            throw new IllegalStateException("the log of " + persistenceId + " is not open");
        }
        if (open.owner == null && !writer.equals(open.retired)) {
            open.owner = writer;
        }
        if (!writer.equals(open.owner)) {
            throw new IllegalStateException("a write of an older incarnation of " + persistenceId);
        }
        return open;
    }

    private CompletableFuture<Void> flush(PartitionLog log) {
        CompletableFuture<Void> done = new CompletableFuture<>();
        Segment[] segments = log.segments();
        fsyncs.execute(() -> {
            try {
                checkOnline();
                // From the oldest on: what is durable is always a prefix.
                for (Segment segment : segments) {
                    segment.force();
                }
                forceNewNames(log);
                done.complete(null);
            } catch (IOException e) {
                done.completeExceptionally(failed(log, e));
            }
        });
        return done;
    }

    private static void forceNewNames(PartitionLog log) throws IOException {
        if (log.active().needsDirectoryForce()) {
            Segment active = log.active();
            Directories.forceDirectory(log.path());
            active.directoryForced();
        }
    }

    private void scheduleFlush(OpenLog open) {
        long flushMs = open.log.config().flushMs();
        if (flushMs < TimeUnit.DAYS.toMillis(365) && !open.flushScheduled) {
            open.flushScheduled = true;
            background.schedule(
                    () -> {
                        synchronized (this) {
                            open.flushScheduled = false;
                            open.unflushedRecords = 0;
                        }
                        flush(open.log);
                    },
                    flushMs,
                    TimeUnit.MILLISECONDS);
        }
    }

    /** Makes a closed segment durable, then writes down what is derived from it; one after another, in order. */
    private void finishRoll(PartitionLog log, PartitionLog.Rolled roll) {
        Segment closed = roll.closed();
        try {
            closed.force();
            Directories.forceDirectory(log.path());
            if (!partOf(log, closed)) {
                return;
            }
            boolean stored = storeRolled(log, roll);
            synchronized (this) {
                if (!partOf(log, closed)) {
                    // Truncated or deleted while this was written: what was cut must not be found again.
                    indexes.dropSegment(log.id(), closed.baseOffset());
                    if (roll.nextBaseOffset() > log.logEndOffset()) {
                        indexes.dropProducers(log.id(), roll.nextBaseOffset());
                    }
                    return;
                }
                metaLog.append(MetaRecord.of(Kind.RECOVERY_POINT, log.id(), roll.nextBaseOffset(), 0));
                closed.closeWriter();
                if (stored) {
                    closed.dropIndex();
                }
            }
        } catch (IOException e) {
            failed(log, e);
        }
    }

    private synchronized boolean partOf(PartitionLog log, Segment rolled) {
        return !log.retired()
                && log.active() != rolled
                && Arrays.asList(log.segments()).contains(rolled);
    }

    private boolean storeRolled(PartitionLog log, PartitionLog.Rolled roll) {
        Segment closed = roll.closed();
        try {
            indexes.putSegment(log.id(), closed.baseOffset(), closed.summary(), closed.index());
            indexes.putProducers(log.id(), roll.nextBaseOffset(), roll.producers());
            // One is kept for each segment, for a truncation may need any of them.
            indexes.dropProducersBelow(log.id(), log.segments()[0].baseOffset());
            return true;
        } catch (IOException e) {
            LOG.warn("{}: its index cannot be stored ({}); it stays in memory.", closed, reason(e));
            return false;
        }
    }

    /** A log that was closed or deleted under a background task says nothing about the disk. */
    private IOException failed(PartitionLog log, IOException cause) {
        return log.retired()
                ? new IOException("the log " + log.path() + " was closed meanwhile", cause)
                : takeOffline(cause);
    }

    // ---- the other commands ----

    synchronized void reconfigure(String persistenceId, LogConfig config) {
        OpenLog open = logs.get(persistenceId);
        if (open != null) {
            open.log.reconfigure(config);
        }
    }

    synchronized CompletableFuture<Void> startEpoch(String persistenceId, int leaderEpoch, long startOffset)
            throws IOException {
        PartitionLog log = opened(persistenceId).log;
        appendMeta(MetaRecord.of(Kind.EPOCH, log.id(), leaderEpoch, startOffset));
        log.lastEpoch(metaLog.log(log.id()).lastEpoch());
        return forceMeta();
    }

    synchronized CompletableFuture<Void> advanceLogStart(String persistenceId, long offset) throws IOException {
        PartitionLog log = opened(persistenceId).log;
        List<Segment> below = log.advanceLogStart(offset);
        appendMeta(MetaRecord.of(Kind.LOG_START, log.id(), log.logStartOffset(), 0));
        CompletableFuture<Void> durable = forceMeta();
        if (!below.isEmpty()) {
            // Files go only after the new start is on disk, or a crash would leave a hole at the front.
            durable.thenRunAsync(() -> deleteSegments(log.id(), below), background);
        }
        return durable;
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

    synchronized void checkpointHighWatermark(String persistenceId, long highWatermark, long nowMs) {
        OpenLog open = logs.get(persistenceId);
        if (open == null || offline != null || open.highWatermark == highWatermark) {
            return;
        }
        open.highWatermark = highWatermark;
        if (nowMs - open.checkpointedMs >= CHECKPOINT_INTERVAL_MS) {
            open.checkpointedMs = nowMs;
            try {
                metaLog.append(MetaRecord.of(Kind.HIGH_WATERMARK, open.log.id(), highWatermark, 0));
            } catch (IOException e) {
                takeOffline(e);
            }
        }
    }

    /** Durable on return. */
    synchronized void truncate(String persistenceId, long endOffset) throws IOException {
        OpenLog open = opened(persistenceId);
        if (endOffset >= open.log.logEndOffset()) {
            // No record goes, but an epoch without records may stand there that the new leader does not know.
            cutEmptyEpochs(open.log, endOffset);
            return;
        }
        // The owner has stopped: what it may still have sent is of an older incarnation.
        open.retired = open.owner == null ? open.retired : open.owner;
        open.owner = null;
        try {
            new LogTruncation(open.log, metaLog, indexes, cache).truncate(endOffset);
            open.highWatermark = Math.min(open.highWatermark, endOffset);
            // Producer state comes from a snapshot below the cut and the batches behind it: the log is opened anew.
            close(open, false);
            logs.remove(persistenceId);
            metaLog.force();
        } catch (IOException e) {
            throw takeOffline(e);
        }
    }

    private void cutEmptyEpochs(PartitionLog log, long endOffset) throws IOException {
        LogMeta meta = metaLog.log(log.id());
        if (meta.epochs.stream().anyMatch(e -> e.startOffset() >= endOffset)) {
            try {
                metaLog.append(MetaRecord.of(Kind.EPOCHS_CUT, log.id(), endOffset, 0));
                metaLog.force();
                log.lastEpoch(meta.lastEpoch());
            } catch (IOException e) {
                throw takeOffline(e);
            }
        }
    }

    synchronized CompletableFuture<Void> delete(String persistenceId, TopicIdPartition partition) throws IOException {
        checkOnline();
        LogId id = LogId.of(partition);
        OpenLog open = logs.remove(persistenceId);
        long delayMs = 60_000;
        if (open != null) {
            delayMs = open.log.config().fileDeleteDelayMs();
            open.log.retire();
            for (Segment segment : open.log.segments()) {
                segment.closeWriter();
                segment.retire();
                cache.remove(segment);
            }
        }
        if (metaLog.log(id) == null) {
            return CompletableFuture.completedFuture(null);
        }
        try {
            Path directory = logPath(metaLog.log(id).topic, id.partition());
            Path renamed = directory.resolveSibling(directory.getFileName() + "." + id.topicId() + DELETE_SUFFIX);
            if (Files.exists(directory)) {
                Files.move(directory, renamed, StandardCopyOption.ATOMIC_MOVE);
                Directories.forceDirectory(path);
            }
            metaLog.append(MetaRecord.of(Kind.LOG_REMOVED, id, 0, 0));
            background.schedule(
                    () -> {
                        deleteTree(renamed);
                        dropIndex(id);
                    },
                    delayMs,
                    TimeUnit.MILLISECONDS);
        } catch (IOException e) {
            throw takeOffline(e);
        }
        return forceMeta();
    }

    private static void deleteTree(Path directory) {
        try {
            Directories.deleteRecursively(directory);
            LOG.info("Deleted {}.", directory);
        } catch (IOException e) {
            LOG.warn("{} cannot be deleted: {}. The next start tries again.", directory, reason(e));
        }
    }

    private void dropIndex(LogId id) {
        try {
            indexes.dropAll(id);
        } catch (IOException e) {
            LOG.warn("Index keys of log {} stay behind: {}.", id, reason(e));
        }
    }

    private void appendMeta(MetaRecord record) throws IOException {
        try {
            metaLog.append(record);
        } catch (IOException e) {
            throw takeOffline(e);
        }
    }

    private OpenLog opened(String persistenceId) throws IOException {
        checkOnline();
        OpenLog open = logs.get(persistenceId);
        if (open == null) {
            throw new IllegalStateException("the log of " + persistenceId + " is not open");
        }
        return open;
    }

    /** One fsync of {@code meta.log} for everybody who waits: those who come while one is under way share the next. */
    private CompletableFuture<Void> forceMeta() {
        CompletableFuture<Void> done = new CompletableFuture<>();
        awaitingMeta.add(done);
        if (!forcingMeta) {
            forcingMeta = true;
            fsyncs.execute(this::runMetaForce);
        }
        return done;
    }

    private void runMetaForce() {
        while (true) {
            List<CompletableFuture<Void>> batch;
            synchronized (this) {
                batch = awaitingMeta;
                awaitingMeta = new ArrayList<>();
                if (batch.isEmpty()) {
                    forcingMeta = false;
                    return;
                }
            }
            try {
                checkOnline();
                metaLog.force();
                batch.forEach(done -> done.complete(null));
            } catch (IOException e) {
                IOException cause = takeOffline(e);
                batch.forEach(done -> done.completeExceptionally(cause));
            }
        }
    }

    // ---- state of the whole dir ----

    private void checkOnline() throws IOException {
        if (offline != null) {
            throw offline;
        }
    }

    private synchronized IOException takeOffline(IOException cause) {
        if (offline == null) {
            offline = new IOException("log dir " + path + " is offline: " + reason(cause), cause);
            LOG.error(
                    "Log dir {} goes offline: {}. Nothing more is written to it; repair the disk and restart the broker.",
                    path,
                    reason(cause),
                    cause);
        }
        return offline;
    }

    boolean isOffline() {
        return offline != null;
    }

    /** {@link IOException}s of the file system often carry only a path. */
    static String reason(Throwable e) {
        String kind = e.getClass().getSimpleName();
        return e.getMessage() == null
                ? kind
                : kind.equals("IOException") ? e.getMessage() : kind + ": " + e.getMessage();
    }

    synchronized LogReader readerOf(String persistenceId) {
        OpenLog open = logs.get(persistenceId);
        return open == null ? null : open.log.reader();
    }

    synchronized List<LogId> knownLogs() {
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
            try {
                for (OpenLog open : logs.values()) {
                    close(open, true);
                }
                logs.clear();
                indexes.close();
                if (offline == null) {
                    metaLog.append(MetaRecord.dir(Kind.DIR_CLOSED, brokerEpoch));
                    metaLog.force();
                }
                metaLog.close();
            } catch (IOException e) {
                LOG.error("{}: not closed in order: {}.", path, reason(e));
            } finally {
                closeQuietly(lock);
            }
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
