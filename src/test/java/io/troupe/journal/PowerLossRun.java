package io.troupe.journal;

import io.troupe.config.CleanerConfig;
import io.troupe.config.LogConfig;
import io.troupe.record.BatchHeader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.record.internal.SimpleRecord;

/**
 * One seed's life of a log dir: generation after generation is opened, compared with what must be there, worked on, and ends
 * in a power cut in the middle of any operation (an opening's too), in a kill, or in order. All by the seed: threads are
 * {@link StepExecutor}s.
 */
final class PowerLossRun {
    private static final int TOPICS = 4;
    /** The last one is the metadata log: every append to it is forced, and it is never deleted. */
    private static final int VOTER = TOPICS - 1;

    private static final int KEYS = 8;
    private static final long DELETE_RETENTION_MS = 1_000;

    private final Random random;
    private final Path root;
    private final ExpectedLog[] slots = new ExpectedLog[TOPICS];
    private final Set<LogId> gone = new HashSet<>();
    private final StringBuilder story = new StringBuilder();
    private CrashDisk disk;
    private LogDir dir;
    private StepExecutor fsyncs;
    private StepExecutor background;
    private boolean closeAsked;
    private boolean closed;
    private long brokerEpoch;
    private long written;
    private int topicIds;
    private long cleanings;
    /** The cleaner's; much later now and then, so that tombstones go. */
    private long nowMs = 1_000_000;

    private Throwable failed;
    /** What else befalls the disk while it is off. */
    Consumer<CrashDisk> afterCut = disk -> {};

    private int cuts;

    /** @param root a real, empty directory */
    PowerLossRun(long seed, Path root) {
        this(seed, root, CrashDisk.empty(root));
    }

    PowerLossRun(long seed, Path root, CrashDisk disk) {
        this.random = new Random(seed);
        this.root = root;
        this.disk = disk;
    }

    /** What was done, for a person who looks for the cause. */
    String story() {
        return story.toString();
    }

    int cuts() {
        return cuts;
    }

    /** How often a log was compacted, to its end. */
    long cleanings() {
        return cleanings;
    }

    void run(int generations) throws Exception {
        for (int i = 0; i < generations; i++) {
            tell("---- generation " + i);
            disk.cutPowerAfter(
                    random.nextInt(10) == 0 ? Long.MAX_VALUE / 2 : (long) Math.pow(2, random.nextDouble() * 8));
            try {
                start();
                int steps = 1 + random.nextInt(60);
                for (int step = 0; step < steps && !disk.isCut(); step++) {
                    work();
                    if (failed != null) {
                        throw new AssertionError("an answer failed", failed);
                    }
                }
                if (!disk.isCut() && random.nextInt(3) == 0) {
                    closeInOrder();
                }
            } catch (IOException | LogDirException e) {
                if (!disk.isCut()) {
                    throw e;
                }
            }
            end();
        }
    }

    private void tell(String what) {
        story.append(what).append('\n');
    }

    // ---- generations ----

    private void start() throws Exception {
        fsyncs = new StepExecutor(false);
        background = new StepExecutor(true);
        dir = null;
        boolean wasClosed = closed;
        closed = false;
        dir = LogDir.open(root, 1, Optional.empty(), disk, new LogDirThreads(fsyncs, fsyncs, background));
        boolean anything = false;
        for (ExpectedLog log : slots) {
            anything |= log != null && log.created;
        }
        tell("start: clean=" + dir.cleanStart() + " of " + dir.knownLogs());
        if (dir.cleanStart() && anything) {
            expect(closeAsked, "a clean start without a clean stop");
            expect(dir.lastBrokerEpoch() == brokerEpoch, "broker epoch " + dir.lastBrokerEpoch());
            for (ExpectedLog log : slots) {
                if (log != null) {
                    log.powerLost = false;
                }
            }
        }
        expect(!wasClosed || dir.cleanStart(), "an unclean start after a clean stop");
        closeAsked = false;
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

    private void open(ExpectedLog log) throws Exception {
        JournalCommand.Opened opened = dir.open(log.persistenceId, log.partition, log.config);
        tell("opened " + log.partition + " [" + opened.logStartOffset() + ", " + opened.logEndOffset() + ") clean="
                + opened.cleanShutdown() + " " + opened.epochs() + "; written " + log.end() + ", durable "
                + log.durableEnd + (log.powerLost ? ", power lost" : ""));
        log.check(opened);
    }

    private void closeInOrder() {
        tell("close dir");
        closeAsked = true;
        brokerEpoch++;
        dir.brokerEpoch(brokerEpoch);
        dir.close();
        if (!disk.isCut()) {
            closed = true;
        }
    }

    private void end() throws IOException {
        if (dir != null) {
            dir.abandon();
        }
        boolean cut = disk.isCut() || random.nextInt(3) == 0;
        tell(cut ? "power cut" : closed ? "stopped" : "killed");
        for (ExpectedLog log : slots) {
            if (log != null) {
                log.open = false;
                log.incarnation++;
                log.powerLost |= cut;
            }
        }
        if (cut) {
            cuts++;
            disk = disk.survivor(random);
            afterCut.accept(disk);
        }
        if (random.nextInt(4) == 0) {
            tell("the index vanishes");
            Directories.deleteRecursively(root.resolve(IndexStore.DIRECTORY));
        }
    }

    // ---- what is done to the dir ----

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
            int count = log == slots[VOTER] ? 1 : 1 + random.nextInt(3);
            long producer = log == slots[VOTER] ? -1 : random.nextInt(5) - 1;
            int sequence = log.sequences.getOrDefault(producer, 0);
            int bytes = random.nextInt(15) == 0 ? random.nextInt(6_000) : random.nextInt(150);
            ByteBuffer batch = log == slots[VOTER]
                    ? entry(log.end(), log.leaderEpoch, bytes)
                    : log.config.compacted()
                            ? JournalFixture.batch(
                                    log.end(), log.leaderEpoch, codec(), producer, sequence, keyed(count, bytes))
                            : JournalFixture.batch(
                                    log.end(),
                                    count,
                                    1_000 + written++,
                                    log.leaderEpoch,
                                    bytes,
                                    Compression.NONE,
                                    producer,
                                    sequence);
            log.sequences.put(producer, sequence + count);
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

    private ByteBuffer entry(long offset, int epoch, int bytes) {
        byte[] value = new byte[bytes];
        random.nextBytes(value);
        ByteBuffer entry = VoterEntry.batch(offset, value, 1_000 + written++);
        BatchHeader.stamp(entry, 0, offset, epoch);
        return entry;
    }

    private Compression codec() {
        return random.nextInt(4) == 0 ? Compression.lz4().build() : Compression.NONE;
    }

    /** Few keys, each of them deleted now and then. */
    private SimpleRecord[] keyed(int count, int bytes) {
        SimpleRecord[] records = new SimpleRecord[count];
        for (int i = 0; i < count; i++) {
            byte[] value = random.nextInt(5) == 0 ? null : new byte[bytes];
            if (value != null) {
                random.nextBytes(value);
            }
            byte[] key = {(byte) ('a' + random.nextInt(KEYS))};
            records[i] = new SimpleRecord(1_000 + written++, key, value);
        }
        return records;
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
        dir.checkpointHighWatermark(log.persistenceId, highWatermark, written * 10_000);
        log.highWatermark = highWatermark;
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
                    log.cleaning(Math.min(log.highWatermark, durableSegmentsEnd(log)), nowMs);
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

    /** What the cleaner may believe in: closed segments that are on the disk, whatever is written in {@code meta.log}. */
    private long durableSegmentsEnd(ExpectedLog log) throws IOException {
        List<Path> segments = disk.list(root.resolve(log.partition.topic() + "-" + log.partition.partition())).stream()
                .filter(file -> Segment.baseOffsetOf(file) >= 0)
                .toList();
        int durable = 0;
        while (durable < segments.size() - 1 && disk.isDurable(segments.get(durable))) {
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
        switch (random.nextInt(5)) {
            case 0 -> background.runOne(random);
            case 1 -> fsyncs.runOne(random);
            case 2 -> background.runAll(random);
            case 3 -> fsyncs.runAll(random);
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
