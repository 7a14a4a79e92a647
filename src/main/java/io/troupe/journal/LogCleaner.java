package io.troupe.journal;

import io.troupe.config.CleanerConfig;
import io.troupe.journal.CleaningChoice.Candidate;
import io.troupe.journal.CleaningChoice.LogFacts;
import io.troupe.journal.CleaningChoice.SegmentFacts;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps the compacted logs of one dir clean, on one thread of its own that rests for {@code log.cleaner.backoff.ms} when no
 * log needs it. A log that cannot be cleaned is put off and told; nothing of it is lost.
 */
final class LogCleaner implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(LogCleaner.class);
    private static final long PUT_OFF_MS = 600_000;
    private static final long CLOSE_TIMEOUT_MS = 30_000;

    private final LogDirContext dir;
    private final OpenLogs logs;
    private final CleanerConfig config;
    private final CleanerThrottle throttle;
    private final long producerIdExpirationMs;
    private final LongSupplier clock;
    private final Thread thread;
    // Of the cleaner's thread: logs that are left alone until that time.
    private final Map<OpenLog, Long> putOff = new HashMap<>();
    private final Object resting = new Object();
    private volatile boolean closed;
    private volatile CompactionCounters counters = CompactionCounters.NONE;
    // Of those put off, the ones that failed.
    private final Set<OpenLog> failed = ConcurrentHashMap.newKeySet();
    private volatile OpenLog current;
    private volatile double maxDirtyRatio;
    private volatile long lastLookMs = -1;
    private volatile long lastCleaningMs = -1;
    private volatile double lastRecopyRatio;
    private volatile double lastBufferUse;
    private volatile long maxDelayMs;
    private volatile long uncleanableBytes;

    LogCleaner(
            LogDirContext dir,
            OpenLogs logs,
            CleanerConfig config,
            CleanerThrottle throttle,
            long producerIdExpirationMs,
            LongSupplier clock) {
        this.dir = dir;
        this.logs = logs;
        this.config = config;
        this.throttle = throttle;
        this.producerIdExpirationMs = producerIdExpirationMs;
        this.clock = clock;
        this.thread = new Thread(this::run, "journal-cleaner-" + dir.path().getFileName());
        this.thread.setDaemon(true);
    }

    void start() {
        thread.start();
    }

    private void run() {
        while (!closed) {
            try {
                while (cleanNext()) {
                    LOG.trace("{}: a log is clean", dir.path());
                }
            } catch (RuntimeException e) {
                LOG.error("{}: the log cleaner failed; it goes on after its rest.", dir.path(), e);
            }
            rest();
        }
    }

    private void rest() {
        synchronized (resting) {
            if (!closed) {
                try {
                    resting.wait(Math.max(1, config.backoffMs()));
                } catch (InterruptedException e) {
                    closed = true;
                }
            }
        }
    }

    /** Cleans the log that needs it most; false when none does. */
    boolean cleanNext() {
        if (closed || dir.availability().isOffline()) {
            return false;
        }
        long nowMs = clock.getAsLong();
        List<OpenLog> open = logs.all();
        lastLookMs = nowMs;
        putOff.keySet().retainAll(open);
        failed.retainAll(open);
        List<LogFacts<OpenLog>> facts = new ArrayList<>();
        long uncleanable = 0;
        for (OpenLog log : open) {
            if (!log.log.config().compacted()) {
                continue;
            }
            boolean due = putOff.getOrDefault(log, Long.MIN_VALUE) <= nowMs;
            Optional<LogFacts<OpenLog>> known = due || failed.contains(log) ? facts(log) : Optional.empty();
            if (due) {
                known.ifPresent(facts::add);
            }
            if (failed.contains(log)) {
                uncleanable +=
                        known.map(f -> CleaningChoice.dirtyBytes(f, nowMs)).orElse(0L);
            }
        }
        uncleanableBytes = uncleanable;
        Optional<Candidate<OpenLog>> chosen = CleaningChoice.choose(facts, nowMs);
        maxDirtyRatio = CleaningChoice.maxDirtyRatio(facts, nowMs);
        maxDelayMs = CleaningChoice.maxDelayMs(facts, nowMs);
        chosen.ifPresent(candidate -> clean(candidate, nowMs));
        return chosen.isPresent();
    }

    /** Empty when the log is being closed. */
    private Optional<LogFacts<OpenLog>> facts(OpenLog open) {
        PartitionLog log = open.log;
        long highWatermark;
        long recoveryPoint;
        long cleanedTo;
        Segment[] segments;
        synchronized (open) {
            LogMeta meta = dir.metaLog().log(log.id());
            if (log.retired() || meta == null) {
                return Optional.empty();
            }
            highWatermark = open.highWatermark;
            recoveryPoint = meta.recoveryPoint;
            cleanedTo = meta.cleanedTo;
            segments = log.segments();
        }
        boolean timed = log.config().maxCompactionLagMs() < Long.MAX_VALUE;
        List<SegmentFacts> facts = new ArrayList<>();
        for (int i = 0; i < segments.length - 1; i++) {
            Segment s = segments[i];
            if (s.endOffset() > recoveryPoint) {
                break;
            }
            boolean dirty = s.endOffset() > cleanedTo;
            facts.add(new SegmentFacts(
                    s.baseOffset(),
                    s.endOffset(),
                    s.size(),
                    timed && dirty ? firstTimestamp(s) : -1,
                    s.maxTimestamp()));
        }
        return Optional.of(new LogFacts<>(open, facts, log.logStartOffset(), cleanedTo, highWatermark, log.config()));
    }

    private static long firstTimestamp(Segment segment) {
        try {
            return segment.firstTimestampMs();
        } catch (IOException e) {
            LOG.debug("{}: its first batch cannot be read", segment, e);
            return -1;
        }
    }

    private void clean(Candidate<OpenLog> candidate, long nowMs) {
        OpenLog open = candidate.log();
        long startNanos = System.nanoTime();
        current = open;
        try {
            LogCleaning.Outcome outcome = new LogCleaning(
                            dir, open, config, throttle, producerIdExpirationMs, () -> closed)
                    .clean(candidate, nowMs);
            if (outcome.endOffset() == candidate.firstDirty()) {
                // An undecided transaction stands first; look again after the rest.
                putOff.put(open, nowMs + Math.max(1, config.backoffMs()));
                return;
            }
            long tookMs = (System.nanoTime() - startNanos) / 1_000_000;
            counters = counters.plus(new CompactionCounters(
                    1,
                    outcome.bytesBefore(),
                    outcome.bytesAfter(),
                    outcome.recordsBefore(),
                    outcome.recordsAfter(),
                    0));
            lastCleaningMs = tookMs;
            lastRecopyRatio = outcome.bytesAfter() / (double) Math.max(1, outcome.bytesBefore());
            lastBufferUse = outcome.bufferUse();
            failed.remove(open);
            tell(open.log, candidate, outcome, tookMs);
        } catch (CancellationException e) {
            LOG.debug("{}: its cleaning was given up, for it is being closed or cut", open.log.path());
            putOff.put(open, nowMs + Math.max(1, config.backoffMs()));
        } catch (IOException e) {
            failed(open, e, nowMs);
        } finally {
            current = null;
        }
    }

    private void failed(OpenLog open, IOException e, long nowMs) {
        if (open.log.retired() || closed) {
            return;
        }
        counters = counters.plus(new CompactionCounters(0, 0, 0, 0, 0, 1));
        failed.add(open);
        if (e instanceof DiskFailedException) {
            dir.availability().fail(open.log, e);
        } else if (e instanceof CorruptSegmentException) {
            putOff.put(open, Long.MAX_VALUE);
            LOG.error(
                    "{}. The log is not compacted any more until it is opened anew; nothing was deleted. Restore the file, or delete the replica's data and let it be copied from another broker.",
                    e.getMessage());
        } else {
            putOff.put(open, nowMs + PUT_OFF_MS);
            LOG.warn(
                    "{}: it cannot be compacted now: {}. Nothing was deleted; the next attempt follows in {} minutes.",
                    open.log.path(),
                    LogDir.reason(e),
                    PUT_OFF_MS / 60_000);
        }
    }

    private static void tell(PartitionLog log, Candidate<OpenLog> candidate, LogCleaning.Outcome outcome, long tookMs) {
        LOG.info(
                "{}: compacted up to offset {} (dirty from {}, ratio {}): {} to {} bytes ({} %), {} to {} records, {} keys, {} to {} segments, in {} s.",
                log.path(),
                outcome.endOffset(),
                candidate.firstDirty(),
                String.format(Locale.ROOT, "%.2f", candidate.dirtyRatio()),
                outcome.bytesBefore(),
                outcome.bytesAfter(),
                outcome.bytesBefore() == 0 ? 100 : 100 * outcome.bytesAfter() / outcome.bytesBefore(),
                outcome.recordsBefore(),
                outcome.recordsAfter(),
                outcome.keys(),
                outcome.segmentsBefore(),
                outcome.segmentsAfter(),
                String.format(Locale.ROOT, "%.1f", tookMs / 1000.0));
        if (outcome.keyless() > 0) {
            LOG.warn(
                    "{}: {} records without a key went; they were written before the topic was compacted.",
                    log.path(),
                    outcome.keyless());
        }
    }

    CompactionCounters counters() {
        return counters;
    }

    /** Any thread. */
    LogDirState.Cleaner state() {
        OpenLog now = current;
        return new LogDirState.Cleaner(
                !closed && thread.getState() == Thread.State.TERMINATED,
                Optional.ofNullable(now).map(open -> open.log.path()),
                failed.size(),
                maxDirtyRatio,
                lastLookMs,
                lastCleaningMs,
                lastRecopyRatio,
                lastBufferUse,
                maxDelayMs,
                uncleanableBytes,
                counters);
    }

    /** Ends the cleaning under way at its next batch, and waits for that. */
    @Override
    public void close() {
        synchronized (resting) {
            closed = true;
            resting.notifyAll();
        }
        try {
            thread.join(CLOSE_TIMEOUT_MS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
