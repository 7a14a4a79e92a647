package io.troupe.journal;

import io.troupe.config.CleanerConfig;
import io.troupe.config.LogConfig;
import io.troupe.journal.MetaRecord.Kind;
import java.io.IOException;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.apache.kafka.common.TopicIdPartition;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One entry of {@code log.dirs}: its lock, {@code meta.properties}, {@code meta.log}, index, threads and open logs.
 *
 * <p>Each log is guarded by its {@link OpenLog}'s monitor, so nothing about one log waits for another. Within it a log's
 * opening, truncation and closing wait for the disk; appends never wait for an fsync. What opens and closes logs runs beside
 * the journal's thread, in {@link LogLanes}. See {@link OpenLogs} for opening and
 * closing, {@link LogCommands} for what is done to an open log, {@link LogDeletion} for what goes away, {@link LogCleaner} for
 * compaction, {@link LogPlacement} for directories' names, {@link LogFlusher} and {@link SharedFsync} for fsyncs, {@link Availability} for what a failed one
 * means.
 *
 * <p>Order of locks: a log's monitor, then {@link LogPlacement}'s, then {@link PartitionLog#derived}, then {@link MetaLog}'s.
 */
final class LogDir implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(LogDir.class);

    /** As often as Kafka by default. */
    private static final long PRODUCER_CHECK_MS = 600_000;

    private final Path path;
    private final DirLock lock;
    private final MetaLog metaLog;
    private final IndexStore indexes;
    private final boolean cleanStart;
    private final boolean empty;
    private final Disk disk;
    private final LogDirThreads threads;
    private final Availability availability;
    private final OpenLogs logs;
    private final LogCommands commands;
    private final LogDeletion deletion;
    private final LogDirContext context;
    private final LogLanes lanes;
    private volatile LogCleaner cleaner;
    private volatile MetaProperties properties;
    private volatile long brokerEpoch = -1;

    private LogDir(
            Path path,
            DirLock lock,
            MetaProperties properties,
            Disk disk,
            MetaLog metaLog,
            IndexStore indexes,
            LogDirThreads threads) {
        this.path = path;
        this.lock = lock;
        this.properties = properties;
        this.disk = disk;
        this.metaLog = metaLog;
        this.indexes = indexes;
        this.cleanStart = metaLog.clean();
        // One that knows no cluster was made by a process that ended before it came into one.
        this.empty = metaLog.made() || properties.clusterId() == null;
        this.threads = threads;
        this.availability = new Availability(path);
        this.context = new LogDirContext(
                path,
                disk,
                metaLog,
                new SharedFsync(metaLog::force, availability, threads.fsyncs()),
                indexes,
                new IndexCache(),
                availability,
                threads.fsyncs(),
                threads.background());
        this.logs = new OpenLogs(context);
        this.lanes = new LogLanes(threads.openings());
        this.deletion = new LogDeletion(context, logs);
        this.commands = new LogCommands(context, logs, deletion);
    }

    // ---- opening and closing ----

    /**
     * Locks and reads a log dir, making it when there is none.
     *
     * @param clusterId the one that the operator has fixed
     */
    static LogDir open(Path path, int nodeId, Optional<String> clusterId) {
        return open(path, nodeId, clusterId, Disk.real());
    }

    static LogDir open(Path path, int nodeId, Optional<String> clusterId, Disk disk) {
        return open(path, nodeId, clusterId, disk, LogDirThreads.of(path, 2));
    }

    static LogDir open(Path path, int nodeId, Optional<String> clusterId, Disk disk, LogDirThreads threads) {
        return open(path, nodeId, clusterId, disk, threads, MetaLog.MIN_REWRITE_BYTES);
    }

    /** @param metaLogBytes what {@code meta.log} may always grow to before it is rewritten */
    static LogDir open(
            Path path, int nodeId, Optional<String> clusterId, Disk disk, LogDirThreads threads, int metaLogBytes) {
        DirLock lock = null;
        IndexStore indexes = null;
        try {
            make(path, disk);
            MetaProperties.refuseKafkas(path, disk);
            lock = DirLock.acquire(path);
            MetaProperties properties = MetaProperties.claim(path, nodeId, clusterId, disk);
            indexes = IndexStore.open(path.resolve(IndexStore.DIRECTORY));
            MetaLog metaLog = MetaLog.open(path, disk, metaLogBytes);
            LogDir dir = new LogDir(path, lock, properties, disk, metaLog, indexes, threads);
            dir.start();
            return dir;
        } catch (IOException e) {
            closeQuietly(indexes);
            closeQuietly(lock);
            throw new LogDirException(
                    "log.dirs: " + path + " cannot be used: " + reason(e)
                            + ". It must be a directory that the broker's user may read and write.",
                    e);
        } catch (Throwable e) {
            closeQuietly(indexes);
            closeQuietly(lock);
            throw e;
        }
    }

    /** Durable on return, with those above it that were missing. */
    private static void make(Path path, Disk disk) throws IOException {
        List<Path> parents = new ArrayList<>();
        Path missing = path.toAbsolutePath();
        while (missing.getParent() != null && !disk.isDirectory(missing)) {
            missing = missing.getParent();
            parents.add(missing);
        }
        disk.createDirectories(path);
        for (Path parent : parents) {
            disk.forceDirectory(parent);
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
        LogPlacement placement = logs.placement();
        placement.survey(leftover -> threads.fsyncs().execute(() -> placement.deleteTree(leftover)));
    }

    /** Begins to forget producers that have not written for so long; once, before any log is opened. */
    void expireProducersAfter(long producerIdExpirationMs) {
        logs.producerIdExpirationMs(producerIdExpirationMs);
        threads.background()
                .scheduleWithFixedDelay(
                        () -> expireProducers(System.currentTimeMillis()),
                        PRODUCER_CHECK_MS,
                        PRODUCER_CHECK_MS,
                        TimeUnit.MILLISECONDS);
    }

    void expireProducers(long nowMs) {
        logs.expireProducers(nowMs);
    }

    /** Begins to write down what is known of logs that are idle; once. */
    void startSnapshots() {
        threads.background()
                .scheduleWithFixedDelay(
                        () -> snapshotIdle(System.currentTimeMillis()),
                        LogSnapshots.IDLE_MS,
                        LogSnapshots.IDLE_MS,
                        TimeUnit.MILLISECONDS);
    }

    void snapshotIdle(long nowMs) {
        commands.snapshotIdle(nowMs);
    }

    /** Begins to compact logs in the background; once, before the dir is closed. */
    void startCleaner(CleanerConfig config, CleanerThrottle throttle, long producerIdExpirationMs) {
        cleaner = newCleaner(config, throttle, producerIdExpirationMs, System::currentTimeMillis);
        cleaner.start();
    }

    /** One that is not started. */
    LogCleaner newCleaner(
            CleanerConfig config, CleanerThrottle throttle, long producerIdExpirationMs, LongSupplier clock) {
        return new LogCleaner(context, logs, config, throttle, producerIdExpirationMs, clock);
    }

    LogDirState state() {
        LogCleaner started = cleaner;
        return new LogDirState(
                path,
                isOffline(),
                stats().fsyncs(),
                stats().directoryFsyncs(),
                stats().damagedSegments(),
                stats().damaged(),
                started == null ? LogDirState.Cleaner.OFF : started.state());
    }

    private void stopCleaner() {
        if (cleaner != null) {
            cleaner.close();
        }
    }

    /** Closes every log, writes the clean-shutdown marker last, lets go of the lock. */
    @Override
    public void close() {
        stopCleaner();
        // Side by side, behind what is being opened.
        logs.persistenceIds().forEach(this::closeBeside);
        threads.stop();
        if (!logs.stop()) {
            return;
        }
        try {
            // What came too late for that.
            logs.closeAll();
            indexes.close();
            if (!availability.isOffline()) {
                metaLog.append(MetaRecord.dir(Kind.DIR_CLOSED, brokerEpoch));
                metaLog.force();
            }
            metaLog.close();
            LOG.info(
                    "{}: closed; {} fsyncs of files and {} of directories since the start.",
                    path,
                    stats().fsyncs(),
                    stats().directoryFsyncs());
        } catch (IOException e) {
            LOG.error("{}: not closed in order: {}.", path, reason(e));
        } finally {
            closeQuietly(indexes);
            closeQuietly(metaLog);
            closeQuietly(lock);
        }
    }

    /** Lets go of everything as it is: what a killed process leaves behind. */
    void abandon() {
        stopCleaner();
        logs.stop();
        threads.abandon();
        logs.abandonAll();
        closeQuietly(indexes);
        closeQuietly(metaLog);
        closeQuietly(lock);
    }

    /** Waits until all that was left to the background before is done, delayed work aside; for tests. */
    void awaitBackground() throws InterruptedException, ExecutionException {
        threads.background().submit(() -> {}).get();
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

    // ---- its logs; see the classes that do it ----

    /** Opens a log on the caller's thread; see {@link #openBeside}. */
    JournalCommand.Opened open(String persistenceId, TopicIdPartition partition, LogConfig config) throws IOException {
        JournalCommand.Opened opened = openOnly(persistenceId, partition, config);
        forceMade(partition);
        return opened;
    }

    private JournalCommand.Opened openOnly(String persistenceId, TopicIdPartition partition, LogConfig config)
            throws IOException {
        JournalCommand.Opened opened = logs.open(persistenceId, partition, config);
        commands.finishOpening(persistenceId);
        return opened;
    }

    private void forceMade(TopicIdPartition partition) throws IOException {
        try {
            logs.forceMadeNow(partition);
        } catch (IOException e) {
            throw availability.fail(e);
        }
    }

    /** Opens a log beside others, whose appends do not wait for it; completed once it is there whatever happens. */
    CompletableFuture<JournalCommand.Opened> openBeside(
            String persistenceId, TopicIdPartition partition, LogConfig config) {
        return lanes.run(persistenceId, () -> openOnly(persistenceId, partition, config))
                .thenCompose(opened -> logs.forceMade(partition).thenApply(done -> opened));
    }

    void closeLog(String persistenceId) throws IOException {
        logs.close(persistenceId);
    }

    /** Closes a log beside others. */
    CompletableFuture<Void> closeBeside(String persistenceId) {
        return lanes.run(persistenceId, () -> {
            closeLog(persistenceId);
            return null;
        });
    }

    /** Deletes a log, after what {@link #openBeside} and {@link #closeBeside} were asked before. */
    CompletableFuture<Void> deleteBeside(String persistenceId, TopicIdPartition partition) {
        return lanes.run(persistenceId, () -> delete(persistenceId, partition)).thenCompose(deleted -> deleted);
    }

    /** Cuts a log beside others: that waits for the disk until all that is left of the log's end is durable. */
    CompletableFuture<Void> truncateBeside(String persistenceId, long endOffset) {
        return lanes.run(persistenceId, () -> {
            truncate(persistenceId, endOffset);
            return null;
        });
    }

    /** Empties a log beside others. */
    CompletableFuture<Void> startAtBeside(String persistenceId, long startOffset) {
        return lanes.run(persistenceId, () -> {
            startAt(persistenceId, startOffset);
            return null;
        });
    }

    CompletableFuture<Void> append(String persistenceId, String writer, LogAppend group, boolean forced, long nowMs) {
        return commands.append(persistenceId, writer, group, forced, nowMs);
    }

    void reconfigure(String persistenceId, LogConfig config) {
        commands.reconfigure(persistenceId, config);
    }

    CompletableFuture<Void> startEpoch(String persistenceId, int leaderEpoch, long startOffset) throws IOException {
        return commands.startEpoch(persistenceId, leaderEpoch, startOffset);
    }

    CompletableFuture<Long> advanceLogStart(String persistenceId, long offset, boolean active) throws IOException {
        return commands.advanceLogStart(persistenceId, offset, active, System.currentTimeMillis());
    }

    void checkpointHighWatermark(String persistenceId, long highWatermark, long nowMs) {
        commands.checkpointHighWatermark(persistenceId, highWatermark, nowMs);
    }

    void truncate(String persistenceId, long endOffset) throws IOException {
        commands.truncate(persistenceId, endOffset);
    }

    void startAt(String persistenceId, long startOffset) throws IOException {
        commands.startAt(persistenceId, startOffset);
    }

    CompletableFuture<Void> delete(String persistenceId, TopicIdPartition partition) throws IOException {
        return deletion.delete(persistenceId, partition);
    }

    CompletableFuture<Void> putOrphanAside(LogId id) {
        return deletion.putOrphanAside(id);
    }

    CompletableFuture<Void> deleteStray(LogId id) {
        return deletion.deleteStray(id);
    }

    /** Null when the log is not open. */
    LogReader readerOf(String persistenceId) {
        OpenLog open = logs.find(persistenceId);
        return open == null ? null : open.log.reader();
    }

    List<LogId> knownLogs() {
        return List.copyOf(metaLog.ids());
    }

    // ---- state of the whole dir ----

    /** Asks the file system, so it may wait for it. */
    LogDirUsage usage() {
        if (isOffline()) {
            return new LogDirUsage(path, true, List.of(), LogDirUsage.UNKNOWN, LogDirUsage.UNKNOWN);
        }
        long total = LogDirUsage.UNKNOWN;
        long usable = LogDirUsage.UNKNOWN;
        try {
            FileStore store = Files.getFileStore(path);
            total = store.getTotalSpace();
            usable = store.getUsableSpace();
        } catch (IOException e) {
            LOG.warn("{}: the file system does not tell its size: {}.", path, reason(e));
        }
        return new LogDirUsage(path, false, logs.usage(), total, usable);
    }

    JournalStats stats() {
        return disk.stats();
    }

    boolean isOffline() {
        return availability.isOffline();
    }

    void onFailure(Runnable listener) {
        availability.onFailure(listener);
    }

    /** {@link IOException}s of the file system often carry only a path. */
    static String reason(Throwable e) {
        String kind = e.getClass().getSimpleName();
        return e.getMessage() == null
                ? kind
                : kind.equals("IOException") ? e.getMessage() : kind + ": " + e.getMessage();
    }

    /** Threads that may wait for a disk. */
    Executor blockingReads() {
        return threads.fsyncs();
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

    /** Whether no process has had replicas here yet: the dir is new, or its disk was wiped. */
    boolean empty() {
        return empty;
    }

    /** That of the clean-shutdown marker found at the start, -1 for none. */
    long lastBrokerEpoch() {
        return metaLog.brokerEpoch();
    }

    void brokerEpoch(long epoch) {
        brokerEpoch = epoch;
    }

    /** Of the metadata voter, when this is its log dir. */
    MetadataSnapshots metadataSnapshots() {
        return new MetadataSnapshots(path, disk);
    }

    synchronized void setClusterId(String clusterId) throws IOException {
        properties.checkOwner(path, properties.nodeId(), Optional.of(clusterId));
        if (!clusterId.equals(properties.clusterId())) {
            MetaProperties stamped = properties.withClusterId(clusterId);
            stamped.write(path, disk);
            properties = stamped;
        }
    }
}
