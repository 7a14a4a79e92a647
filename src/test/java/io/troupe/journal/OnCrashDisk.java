package io.troupe.journal;

import static io.troupe.journal.JournalFixture.PARTITION;
import static io.troupe.journal.JournalFixture.PID;
import static io.troupe.journal.JournalFixture.batch;
import static io.troupe.journal.JournalFixture.config;
import static io.troupe.journal.JournalFixture.group;

import io.troupe.config.LogConfig;
import io.troupe.journal.CrashDisk.Loss;
import io.troupe.journal.JournalCommand.Opened;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/** A log dir on a disk whose power can be cut, with threads that run when the test says so. */
abstract class OnCrashDisk {
    static final LogConfig ONE_BATCH_SEGMENTS = config(150, Long.MAX_VALUE);

    @TempDir
    Path root;

    final Random random = new Random(1);
    CrashDisk disk;
    StepExecutor fsyncs;
    StepExecutor background;
    LogDir dir;

    @BeforeEach
    void start() {
        disk = CrashDisk.empty(root);
        open();
    }

    @AfterEach
    void stop() {
        dir.abandon();
    }

    void open() {
        fsyncs = new StepExecutor(false);
        background = new StepExecutor(true);
        dir = LogDir.open(root, 1, Optional.empty(), disk, new LogDirThreads(fsyncs, fsyncs, background));
    }

    Opened open(LogConfig config) throws IOException {
        return dir.open(PID, PARTITION, config);
    }

    void kill() {
        dir.abandon();
        open();
    }

    /** Only what was fsynced is left. */
    void cutPower() {
        dir.abandon();
        disk = disk.survivor(random, Loss.EVERYTHING);
        open();
    }

    void run() {
        fsyncs.runAll(random);
        background.runAll(random);
        fsyncs.runAll(random);
    }

    static ByteBuffer one(long offset) {
        return one(offset, 0);
    }

    static ByteBuffer one(long offset, int epoch) {
        return batch(offset, 1, 1_000 + offset, epoch, 50);
    }

    CompletableFuture<Void> append(String writer, ByteBuffer... batches) {
        return dir.append(PID, writer, group(batches), false, 0);
    }

    Path segment(long base) {
        return root.resolve("orders-0").resolve(Segment.fileName(base));
    }
}
