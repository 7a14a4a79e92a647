package io.troupe.journal;

import io.troupe.config.LogConfig;
import io.troupe.journal.MetaRecord.Kind;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.Uuid;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

/**
 * The logs of one dir that are open, by their owner's persistence id. Opening and closing one waits for the disk under its
 * own monitor; nothing here waits for another log.
 */
final class OpenLogs {
    private static final Logger LOG = LoggerFactory.getLogger(OpenLogs.class);

    private static final long SLOW_OPEN_MS = 1_000;

    private final LogDirContext dir;
    private final LogPlacement placement;
    private final WriteBuffer through = new WriteBuffer();
    // Of its own, for a voter must not wait behind partitions' bulk.
    private final WriteBuffer metadataThrough = new WriteBuffer();
    private final Map<String, OpenLog> logs = new ConcurrentHashMap<>();
    private volatile long producerIdExpirationMs = Long.MAX_VALUE;
    // Being opened, so that no other log takes their directories meanwhile.
    private final Set<LogId> opening = ConcurrentHashMap.newKeySet();
    // Opened, and made by that: a power loss may still undo it.
    private final Set<LogId> unforced = ConcurrentHashMap.newKeySet();
    private final OpeningProgress progress;
    private boolean stopped;

    OpenLogs(LogDirContext dir) {
        this.dir = dir;
        this.progress = new OpeningProgress(dir.metaLog().ids());
        this.placement = new LogPlacement(dir.path(), dir.disk(), dir.metaLog(), dir.indexes(), this::isOpen);
    }

    LogPlacement placement() {
        return placement;
    }

    /**
     * Opens a log; of one persistence id and one partition only one call at a time. What is opened waits for {@link
     * #forceMade}.
     */
    JournalCommand.Opened open(String persistenceId, TopicIdPartition partition, LogConfig config) throws IOException {
        dir.availability().check();
        OpenLog open = logs.get(persistenceId);
        boolean clean = open != null;
        if (open == null) {
            LogId id = LogId.of(partition);
            opening.add(id);
            try {
                LogRecovery.Recovered recovered = recover(partition, config);
                clean = recovered.clean();
                open = enter(persistenceId, partition, config, recovered);
            } finally {
                opening.remove(id);
            }
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
                    List.copyOf(dir.metaLog().log(log.id()).epochs),
                    log.producers().copy(),
                    clean);
        }
    }

    /** From here on idle producers are forgotten after that time: as a log is opened, and by {@link #expireProducers}. */
    void producerIdExpirationMs(long ms) {
        producerIdExpirationMs = ms;
    }

    void expireProducers(long nowMs) {
        for (OpenLog open : logs.values()) {
            synchronized (open) {
                open.log.producers().expire(nowMs, producerIdExpirationMs);
            }
        }
    }

    private LogRecovery.Recovered recover(TopicIdPartition partition, LogConfig config) throws IOException {
        long beginNs = System.nanoTime();
        progress.begin(beginNs);
        LogId id = LogId.of(partition);
        try {
            LogPlacement.Claimed claimed = placement.claim(partition);
            if (claimed.made()) {
                unforced.add(id);
            }
            LogRecovery.Recovered recovered = new LogRecovery(
                            id, claimed.directory(), config, dir.disk(), dir.metaLog(), dir.indexes())
                    .recover();
            recovered.producers().expire(System.currentTimeMillis(), producerIdExpirationMs);
            tell(partition, recovered, beginNs);
            return recovered;
        } catch (DiskFailedException e) {
            throw dir.availability().fail(e);
        }
    }

    /** What took a person's time is worth a line, as is what was cut, which recovery tells; of the other thousands a sum is. */
    private void tell(TopicIdPartition partition, LogRecovery.Recovered recovered, long beginNs) {
        boolean checked = !recovered.clean()
                && recovered.endOffset() > recovered.segments().get(0).baseOffset();
        long nowNs = System.nanoTime();
        long tookMs = TimeUnit.NANOSECONDS.toMillis(nowNs - beginNs);
        LOG.atLevel(tookMs >= SLOW_OPEN_MS ? Level.INFO : Level.DEBUG)
                .log(
                        "{}-{}: opened in {} ms{}, {} segments, ends at offset {}.",
                        partition.topic(),
                        partition.partition(),
                        tookMs,
                        checked ? ", its tail checked" : "",
                        recovered.segments().size(),
                        recovered.endOffset());
        progress.opened(LogId.of(partition), checked, nowNs).ifPresent(line -> LOG.info("{}: {}", dir.path(), line));
    }

    /** Short, for it holds the table's monitor: either the log is there when the dir is closed, or it is refused. */
    private synchronized OpenLog enter(
            String persistenceId, TopicIdPartition partition, LogConfig config, LogRecovery.Recovered recovered)
            throws IOException {
        if (stopped) {
            throw new IOException("log dir " + dir.path() + " is closed");
        }
        LogId id = LogId.of(partition);
        LogMeta meta = dir.metaLog().log(id);
        PartitionLog log = new PartitionLog(
                id,
                dir.path().resolve(LogPlacement.directoryName(partition.topic(), partition.partition())),
                config,
                id.topicId().equals(Uuid.METADATA_TOPIC_ID) ? metadataThrough : through,
                dir.disk(),
                dir.indexes(),
                dir.cache(),
                recovered,
                meta,
                System.currentTimeMillis());
        // What lies beyond the end was lost, and what comes in its place is not committed by that.
        OpenLog open = new OpenLog(log, Math.min(meta.highWatermark, log.logEndOffset()));
        logs.put(persistenceId, open);
        return open;
    }

    /** Completed once a log that was opened is there whatever happens; logs made at once share what that needs. */
    CompletableFuture<Void> forceMade(TopicIdPartition partition) {
        LogId id = LogId.of(partition);
        return unforced.contains(id)
                ? dir.metaFlusher().force().thenRun(() -> unforced.remove(id))
                : CompletableFuture.completedFuture(null);
    }

    /** The same at once, on the caller's thread. */
    void forceMadeNow(TopicIdPartition partition) throws IOException {
        LogId id = LogId.of(partition);
        if (unforced.contains(id)) {
            dir.metaLog().force();
            unforced.remove(id);
        }
    }

    private boolean isOpen(LogId id) {
        return opening.contains(id)
                || logs.values().stream().anyMatch(open -> open.log.id().equals(id));
    }

    /** Those open now; any may be closed at any time. */
    List<OpenLog> all() {
        return List.copyOf(logs.values());
    }

    /** Of those open now. */
    List<String> persistenceIds() {
        return List.copyOf(logs.keySet());
    }

    /** Null when it is not open. */
    OpenLog find(String persistenceId) {
        return logs.get(persistenceId);
    }

    /**
     * @throws IOException when the dir is offline
     * @throws IllegalStateException when the log is not open
     */
    OpenLog opened(String persistenceId) throws IOException {
        dir.availability().check();
        OpenLog open = logs.get(persistenceId);
        if (open == null) {
            throw new IllegalStateException("the log of " + persistenceId + " is not open");
        }
        return open;
    }

    /** Sizes of the partitions' logs, the voter's left out. */
    List<LogDirUsage.Log> usage() {
        return logs.values().stream()
                .map(open -> open.log)
                .filter(log -> !log.id().topicId().equals(Uuid.METADATA_TOPIC_ID))
                .map(log -> new LogDirUsage.Log(
                        log.id().topicId(), log.id().partition(), log.reader().sizeInBytes()))
                .toList();
    }

    void remove(String persistenceId, OpenLog open) {
        logs.remove(persistenceId, open);
    }

    void close(String persistenceId) throws IOException {
        OpenLog open = logs.get(persistenceId);
        if (open == null) {
            return;
        }
        synchronized (open) {
            try {
                close(open, true);
            } finally {
                logs.remove(persistenceId, open);
            }
        }
    }

    /** Under the log's monitor; does nothing the second time. Whatever fails, nothing of it stays open. */
    void close(OpenLog open, boolean storeProducers) throws IOException {
        if (open.log.retired()) {
            return;
        }
        // Compaction must not put another segment in the place of one whose index is being stored.
        synchronized (open.log.derived()) {
            closeNow(open, storeProducers);
        }
    }

    private void closeNow(OpenLog open, boolean storeProducers) throws IOException {
        PartitionLog log = open.log;
        try {
            if (!dir.availability().isOffline()) {
                for (Segment segment : log.segments()) {
                    segment.force();
                }
                forceNewNames(log);
                storeDerived(log, storeProducers);
                long end = log.logEndOffset();
                MetaLog metaLog = dir.metaLog();
                metaLog.append(MetaRecord.of(Kind.HIGH_WATERMARK, log.id(), open.highWatermark, 0));
                metaLog.forceShape();
                metaLog.append(MetaRecord.of(Kind.RECOVERY_POINT, log.id(), end, 0));
                metaLog.append(MetaRecord.of(
                        Kind.LOG_CLOSED, log.id(), end, log.active().size()));
            }
        } catch (IOException e) {
            // Before the writers are gone: a flush that finds none believes that all is durable.
            throw dir.availability().fail(e);
        } finally {
            retire(log);
        }
    }

    private void forceNewNames(PartitionLog log) throws IOException {
        boolean needed = false;
        for (Segment segment : log.segments()) {
            needed |= segment.needsDirectoryForce();
        }
        if (needed) {
            dir.disk().forceDirectory(log.path());
        }
    }

    /** Under the log's monitor: ends writing and new reads. */
    void retire(PartitionLog log) throws IOException {
        log.retire();
        for (Segment segment : log.segments()) {
            segment.closeWriter();
            segment.retire();
            dir.cache().remove(segment);
        }
    }

    private void storeDerived(PartitionLog log, boolean producers) {
        try {
            for (Segment segment : log.segments()) {
                SparseIndex index = segment.index();
                // Without one it is stored already, by the roll.
                if (index != null) {
                    dir.indexes().putSegment(log.id(), segment.baseOffset(), segment.summary(), index.stored());
                }
            }
            if (producers) {
                ProducerSnapshot.store(
                        dir.indexes(),
                        log.id(),
                        List.of(log.segments()),
                        log.logEndOffset(),
                        log.producers().snapshot());
            }
        } catch (IOException e) {
            LOG.warn("{}: its index cannot be stored ({}); the next start derives it.", log.path(), LogDir.reason(e));
        }
    }

    /** Lets no further log be opened; false when that was so already. */
    synchronized boolean stop() {
        boolean first = !stopped;
        stopped = true;
        return first;
    }

    /** Closes all in order, after {@link #stop}. */
    void closeAll() throws IOException {
        for (OpenLog open : logs.values()) {
            synchronized (open) {
                close(open, true);
            }
        }
        logs.clear();
    }

    /** Lets go of all as they are, and of their files at once: the collector would close those only some day. */
    void abandonAll() {
        logs.values().forEach(open -> {
            open.log.retire();
            for (Segment segment : open.log.segments()) {
                segment.retire();
                try {
                    segment.closeWriter();
                } catch (IOException e) {
                    LOG.debug("close", e);
                }
            }
        });
    }
}
