package io.troupe.journal;

import io.troupe.config.CleanerConfig;
import io.troupe.config.LogConfig;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.Uuid;

/**
 * What is done to a log dir while it is open, by the seed: {@link #step} does one thing, and {@link #all} knows what each log
 * must hold then. Threads are {@link StepExecutor}s.
 */
final class PowerLossWork {
    static final int TOPICS = 4;
    /** The last one is the metadata log: every append to it is forced, and it is never deleted. */
    static final int VOTER = TOPICS - 1;

    private static final long DELETE_RETENTION_MS = 1_000;

    private final Random random;
    private final Consumer<String> story;
    private final SeededBatches batches;
    private final ExpectedLog[] slots = new ExpectedLog[TOPICS];
    private final Set<LogId> gone = new HashSet<>();
    private CrashDisk disk;
    private LogDir dir;
    private StepExecutor fsyncs;
    private StepExecutor background;
    private int topicIds;
    private long cleanings;
    /** The cleaner's; much later now and then, so that tombstones go. */
    private long nowMs = 1_000_000;

    private Throwable failed;

    PowerLossWork(Random random, Consumer<String> story) {
        this.random = random;
        this.story = story;
        this.batches = new SeededBatches(random);
    }

    /** A process has opened the dir: everything that it knew is opened again, and compared. */
    void begin(CrashDisk on, LogDir opened, StepExecutor itsFsyncs, StepExecutor itsBackground) throws Exception {
        disk = on;
        dir = opened;
        fsyncs = itsFsyncs;
        background = itsBackground;
        for (LogId known : dir.knownLogs()) {
            expect(!gone.contains(known), "log " + known + " was deleted");
        }
        for (int i = 0; i < TOPICS; i++) {
            ExpectedLog log = slots[i];
            if (log == null) {
                continue;
            }
            if (log.deleteIssued) {
                delete(i);
            } else {
                expect(!log.created || dir.knownLogs().contains(LogId.of(log.partition)), log.partition + " is gone");
                open(log);
            }
        }
    }

    /** Those that are there, or may be. */
    List<ExpectedLog> all() {
        return Stream.of(slots).filter(Objects::nonNull).toList();
    }

    /** How often a log was compacted, to its end. */
    long cleanings() {
        return cleanings;
    }

    private void tell(String what) {
        story.accept(what);
    }

    private void open(ExpectedLog log) throws Exception {
        JournalCommand.Opened opened = dir.open(log.persistenceId, log.partition, log.config);
        tell("opened " + log.partition + " [" + opened.logStartOffset() + ", " + opened.logEndOffset() + ") clean="
                + opened.cleanShutdown() + " " + opened.epochs() + "; written " + log.end() + ", durable "
                + log.durableEnd + (log.powerLost ? ", power lost" : ""));
        log.check(opened);
    }

    /** Does one thing. */
    void step() throws Exception {
        work();
        if (failed != null) {
            throw new AssertionError("an answer failed", failed);
        }
    }

    private void work() throws Exception {
        int i = random.nextInt(TOPICS);
        ExpectedLog log = slots[i];
        int what = random.nextInt(100);
        if (log == null) {
            create(i);
        } else if (log.deleteIssued) {
            delete(i);
        } else if (what >= 94) {
            clean();
        } else if (what >= 88) {
            tick();
        } else if (!log.open) {
            open(log);
        } else if (what < 55) {
            append(log);
        } else if (what < 65) {
            startEpoch(log);
        } else if (what < 70) {
            advanceLogStart(log);
        } else if (what < 76) {
            truncate(log);
        } else if (what < 80) {
            tell("close " + log.partition);
            dir.closeLog(log.persistenceId);
            log.durableEnd = log.end();
            log.open = false;
            log.incarnation++;
        } else if (what < 82 && i != VOTER) {
            delete(i);
        } else if (what < 83 && i != VOTER) {
            replace(i);
        } else if (what < 85) {
            advanceHighWatermark(log, random.nextInt((int) log.end() + 1));
        } else if (what < 86 && i != VOTER) {
            startAt(log);
        } else {
            tick();
        }
    }

    private void create(int i) throws Exception {
        if (i == VOTER) {
            slots[i] = new ExpectedLog(Journals.METADATA_PARTITION, "voter", Journals.METADATA_LOG);
            tell("create " + slots[i].partition);
            open(slots[i]);
            return;
        }
        LogConfig config = JournalFixture.config(
                new int[] {400, 3_000, 30_000}[random.nextInt(3)],
                new long[] {1, 5, Long.MAX_VALUE}[random.nextInt(3)],
                "flush.ms",
                random.nextBoolean() ? 100 : Long.MAX_VALUE,
                "cleanup.policy",
                random.nextBoolean() ? "compact" : "delete",
                "min.cleanable.dirty.ratio",
                random.nextInt(2) * 0.5,
                "delete.retention.ms",
                DELETE_RETENTION_MS);
        TopicIdPartition partition = new TopicIdPartition(new Uuid(1, ++topicIds), 0, "t" + i);
        slots[i] = new ExpectedLog(partition, "replica-" + topicIds, config);
        tell("create " + partition + " segment " + config.segmentBytes() + " flush " + config.flushMessages() + " "
                + config.cleanupPolicy());
        open(slots[i]);
    }

    private void append(ExpectedLog log) {
        List<ByteBuffer> group = new ArrayList<>();
        long from = log.end();
        for (int i = 1 + random.nextInt(3); i > 0; i--) {
            log.leaderEpoch += random.nextInt(12) == 0 ? 1 : 0;
            ByteBuffer batch = batches.next(log, log == slots[VOTER]);
            log.appended(batch);
            group.add(batch);
        }
        boolean forced = random.nextInt(8) == 0 || log == slots[VOTER];
        log.unflushed += log.end() - from;
        boolean flushed = forced || log.unflushed >= log.config.flushMessages();
        tell("append " + log.partition + " [" + from + ", " + log.end() + ") epoch " + log.leaderEpoch
                + (flushed ? " flushed" : ""));
        CompletableFuture<Void> done = dir.append(
                log.persistenceId,
                "w" + log.openings,
                JournalFixture.group(group.toArray(ByteBuffer[]::new)),
                forced,
                0);
        if (flushed) {
            log.unflushed = 0;
            long end = log.end();
            onDone(log, done, () -> log.durableEnd = Math.max(log.durableEnd, end));
        } else {
            log.timed |= log.config.flushMs() < Long.MAX_VALUE;
            onDone(log, done, () -> {});
        }
    }

    /** Once an answer is there and good; a bad one must have a cause. */
    private void onDone(ExpectedLog log, CompletableFuture<?> answer, Runnable then) {
        int incarnation = log.incarnation;
        answer.whenComplete((nothing, failure) -> {
            if (incarnation != log.incarnation) {
                return;
            }
            if (failure == null) {
                then.run();
            } else if (!disk.isCut()) {
                failed = failure;
            }
        });
    }

    private void startEpoch(ExpectedLog log) throws IOException {
        int epoch = log.leaderEpoch + 1;
        long start = log.end();
        tell("epoch " + epoch + " at " + start + " of " + log.partition);
        log.epochIssued(epoch, start);
        onDone(log, dir.startEpoch(log.persistenceId, epoch, start), () -> log.epochDurable(epoch, start));
    }

    private void advanceLogStart(ExpectedLog log) throws IOException {
        long start = log.issuedStart + random.nextInt((int) (log.end() - log.issuedStart) + 1);
        tell("log start " + start + " of " + log.partition);
        log.issuedStart = start;
        onDone(
                log,
                dir.advanceLogStart(log.persistenceId, start, random.nextBoolean()),
                () -> log.durableStart = Math.max(log.durableStart, start));
    }

    private void advanceHighWatermark(ExpectedLog log, long to) {
        // The one of a compacted log never goes back while the process lives.
        long highWatermark = log.config.compacted() ? Math.max(log.highWatermark, to) : to;
        tell("high watermark " + highWatermark + " of " + log.partition);
        dir.checkpointHighWatermark(log.persistenceId, highWatermark, batches.written() * 10_000);
        log.highWatermark(highWatermark);
    }

    /** The cleaner wakes up. */
    private void clean() throws IOException {
        nowMs += random.nextInt(3) == 0 ? 2 * DELETE_RETENTION_MS : 10;
        CleanerConfig config = new CleanerConfig(
                true,
                random.nextInt(3) == 0 ? OffsetMap.SLOT_BYTES * 5L : 1 << 20,
                0.9,
                random.nextBoolean() ? 0 : 64 << 10,
                Double.MAX_VALUE,
                1);
        LogCleaner cleaner = dir.newCleaner(config, new CleanerThrottle(Double.MAX_VALUE), Long.MAX_VALUE, () -> nowMs);
        for (int i = 0; i < 1 + random.nextInt(TOPICS); i++) {
            for (ExpectedLog log : slots) {
                if (log != null && log.open && log.config.compacted()) {
                    if (random.nextBoolean()) {
                        advanceHighWatermark(log, log.end());
                    }
                    // What retention took may still have its name, and nobody forces it any more: the cleaner goes on
                    // behind it, but it is lost when power goes before the new log start is on the disk.
                    log.cleaning(
                            Math.min(log.highWatermark, durableSegmentsEnd(log, log.issuedStart)),
                            Math.min(log.highWatermark, durableSegmentsEnd(log, -1)),
                            nowMs);
                }
            }
            if (!cleaner.cleanNext()) {
                break;
            }
        }
        cleanings += cleaner.counters().cleanings();
        tell("clean: " + cleaner.counters());
        expect(cleaner.counters().failures() == 0 || disk.isCut(), "a cleaning failed: " + cleaner.counters());
    }

    /** Where the closed segments end that are on the disk, whatever is written in {@code meta.log}, or lie below an offset. */
    private long durableSegmentsEnd(ExpectedLog log, long taken) throws IOException {
        List<Path> segments =
                disk.list(disk.root().resolve(log.partition.topic() + "-" + log.partition.partition())).stream()
                        .filter(file -> Segment.baseOffsetOf(file) >= 0)
                        .toList();
        int durable = 0;
        while (durable < segments.size() - 1
                && (disk.isDurable(segments.get(durable))
                        || Segment.baseOffsetOf(segments.get(durable + 1)) <= taken)) {
            durable++;
        }
        return durable == 0 ? 0 : Segment.baseOffsetOf(segments.get(durable));
    }

    private void truncate(ExpectedLog log) throws IOException {
        long least = log.firm();
        long end = random.nextBoolean()
                ? Math.max(least, log.end() - random.nextInt(6))
                : least + random.nextInt((int) (log.end() - least) + 1);
        if (log.endAfterCut(end) < least) {
            return;
        }
        tell("truncate " + log.partition + " from " + log.end() + " to " + end);
        boolean cuts = end < log.end();
        log.issuedCut = end;
        dir.truncate(log.persistenceId, end);
        log.cut(end);
        if (cuts) {
            log.durableEnd = log.end();
            log.open = false;
        }
    }

    /** A follower whose leader's log begins behind the end of its own. */
    private void startAt(ExpectedLog log) throws IOException {
        long start = log.end() + random.nextInt(50);
        tell("start " + log.partition + " at " + start + ", it ended at " + log.end());
        log.startAtIssued(start);
        dir.startAt(log.persistenceId, start);
        log.startedAt(start);
        log.open = false;
    }

    private void delete(int i) throws IOException {
        ExpectedLog log = slots[i];
        tell("delete " + log.partition);
        log.deleteIssued = true;
        log.open = false;
        CompletableFuture<Void> done = dir.delete(log.persistenceId, log.partition);
        log.incarnation++;
        onDone(log, done, () -> gone.add(LogId.of(log.partition)));
        if (random.nextBoolean()) {
            fsyncs.runAll(random);
        }
        if (random.nextBoolean() && !disk.isCut()) {
            // A topic of that name is made anew at once.
            slots[i] = null;
        }
    }

    /** The name passes to another topic while nobody deletes the old one. */
    private void replace(int i) throws Exception {
        LogId old = LogId.of(slots[i].partition);
        dir.closeLog(slots[i].persistenceId);
        slots[i].incarnation++;
        create(i);
        gone.add(old);
    }

    /** Time passes for threads. */
    private void tick() {
        switch (random.nextInt(6)) {
            case 0 -> background.runOne(random);
            case 1 -> fsyncs.runOne(random);
            case 2 -> background.runAll(random);
            case 3 -> fsyncs.runAll(random);
            case 4 -> {
                tell("idle logs are written down");
                dir.snapshotIdle(Long.MAX_VALUE);
                if (!disk.isCut()) {
                    all().stream().filter(log -> log.open).forEach(log -> log.durableEnd = log.end());
                }
            }
            default -> everythingRuns();
        }
    }

    private void everythingRuns() {
        tell("all timers and threads run");
        background.timersGoOff();
        background.runAll(random);
        fsyncs.runAll(random);
        background.runAll(random);
        for (ExpectedLog log : slots) {
            if (log != null && log.open && log.config.flushMs() < Long.MAX_VALUE && !disk.isCut()) {
                log.durableEnd = log.end();
                log.unflushed = log.timed ? 0 : log.unflushed;
                log.timed = false;
            }
        }
    }

    private static void expect(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError(what);
        }
    }
}
