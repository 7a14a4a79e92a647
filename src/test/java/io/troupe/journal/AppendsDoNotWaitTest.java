package io.troupe.journal;

import static io.troupe.journal.JournalFixture.ID;
import static io.troupe.journal.JournalFixture.PARTITION;
import static io.troupe.journal.JournalFixture.PID;
import static io.troupe.journal.JournalFixture.batch;
import static io.troupe.journal.JournalFixture.config;
import static io.troupe.journal.JournalFixture.crash;
import static io.troupe.journal.JournalFixture.group;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.config.LogConfig;
import io.troupe.journal.MetaRecord.Kind;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** One thread appends to all logs of a dir, so it neither reads files nor waits for an fsync. */
@Timeout(600)
class AppendsDoNotWaitTest {
    private static final long DAY_MS = 86_400_000;
    private static final LogConfig DAILY =
            config(1 << 20, Long.MAX_VALUE, "segment.ms", DAY_MS, "segment.jitter.ms", 0);

    @TempDir
    Path root;

    private final FaultyDisk disk = new FaultyDisk();

    private LogDir open() {
        return LogDir.open(root, 1, Optional.empty(), disk);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void theFirstAppendReadsNothingAndKnowsHowOldTheSegmentIs(boolean killed) throws IOException {
        LogDir dir = open();
        dir.open(PID, PARTITION, DAILY);
        dir.append(PID, "w1", group(batch(0, 1, 1_000, 0, 50), batch(1, 1, DAY_MS, 0, 50)), false, 0)
                .join();
        if (killed) {
            crash(dir);
        } else {
            dir.close();
        }
        dir = open();
        dir.open(PID, PARTITION, DAILY);
        Path first = root.resolve("orders-0").resolve(Segment.fileName(0));
        long read = disk.bytesRead(first);
        List<Path> opened = new CopyOnWriteArrayList<>();
        disk.opened = opened::add;

        dir.append(PID, "w2", group(batch(2, 1, 1_000 + DAY_MS, 0, 50)), false, 0)
                .join();
        assertEquals(List.of(), opened, "files opened by an append of the segment's last millisecond");
        assertEquals(read, disk.bytesRead(first));

        dir.append(PID, "w2", group(batch(3, 1, 1_001 + DAY_MS, 0, 50)), false, 0)
                .join();
        assertTrue(opened.contains(root.resolve("orders-0").resolve(Segment.fileName(3))), "rolled: " + opened);
        assertEquals(read, disk.bytesRead(first));
        crash(dir);
    }

    /** Of both that tell a recovery point: epochs go first, and the log is appended to meanwhile. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void noAppendWaitsWhileEpochsAreForcedForARecoveryPoint(boolean rolled) throws Exception {
        LogDir dir = open();
        dir.open(PID, PARTITION, config(rolled ? 150 : 1 << 20, Long.MAX_VALUE));
        CompletableFuture<Boolean> appended = new CompletableFuture<>();
        disk.beforeFsync = file -> {
            if (file.endsWith(MetaLog.FILE) && !appended.isDone()) {
                appended.complete(isAppended(dir, batch(2, 1, 3_000, 6, 50)));
            }
        };
        dir.append(PID, "w1", group(batch(0, 1, 1_000, 5, 50)), false, 0).join();
        dir.append(PID, "w1", group(batch(1, 1, 2_000, 5, 50)), false, 0).join();
        if (!rolled) {
            dir.snapshotIdle(LogSnapshots.IDLE_MS);
        }
        assertTrue(appended.get(120, TimeUnit.SECONDS), "an append waits for an fsync of meta.log");
        dir.awaitBackground();
        crash(dir);
        try (MetaLog left = MetaLog.open(root, disk)) {
            assertTrue(left.log(ID).recoveryPoint > 0, "told all the same");
            assertEquals(6, left.log(ID).lastEpoch());
        }
    }

    private static boolean isAppended(LogDir dir, ByteBuffer batch) {
        try {
            CompletableFuture.runAsync(
                            () -> dir.append(PID, "w1", group(batch), false, 0).join())
                    .get(60, TimeUnit.SECONDS);
            return true;
        } catch (Exception e) {
            return false;
        }
    }

    /** The new file has its name already, and the directory's fsync does not come back. */
    @Test
    void nothingThatIsAppendedToMetaLogWaitsWhileItIsRewrittenOrIsLostByThat() throws Exception {
        MetaLog log = MetaLog.open(root, disk, 1_000);
        log.append(MetaRecord.log(ID, "orders"));
        log.append(MetaRecord.of(Kind.EPOCH, ID, 3, 10));
        for (int i = 0; i < 50; i++) {
            log.append(MetaRecord.of(Kind.HIGH_WATERMARK, ID, i, 0));
        }
        log.force();
        Path file = root.resolve(MetaLog.FILE);
        long before = Files.size(file);
        assertTrue(before < 500, "rewritten at the first force: " + before);
        for (int i = 0; i < 50; i++) {
            log.append(MetaRecord.of(Kind.HIGH_WATERMARK, ID, 100 + i, 0));
        }
        Path killed = Files.createDirectories(root.resolve("killed"));
        List<Integer> during = new ArrayList<>();
        disk.beforeDirectory = () -> {
            int epoch = 4 + during.size();
            during.add(epoch);
            try {
                CompletableFuture.runAsync(() -> append(log, MetaRecord.of(Kind.EPOCH, ID, epoch, 20 + epoch)))
                        .get(30, TimeUnit.SECONDS);
                Files.copy(file, killed.resolve(MetaLog.FILE));
            } catch (Exception e) {
                throw new AssertionError("an append waits for the rewriting", e);
            }
        };
        log.forceIfGrown();
        disk.beforeDirectory = () -> {};
        assertEquals(List.of(4), during, "rewritten once");
        log.append(MetaRecord.of(Kind.HIGH_WATERMARK, ID, 200, 0));
        log.close();
        try (MetaLog afterKill = MetaLog.open(killed, disk)) {
            assertEquals(4, afterKill.log(ID).lastEpoch(), "of a process killed in the middle");
            assertEquals(149, afterKill.log(ID).highWatermark);
        }
        assertTrue(Files.size(file) < 1_000, "rewritten to " + Files.size(file));
        try (MetaLog again = MetaLog.open(root, disk)) {
            assertEquals(4, again.log(ID).lastEpoch());
            assertEquals(2, again.log(ID).epochs.size());
            assertEquals(200, again.log(ID).highWatermark);
            assertTrue(!again.damaged());
        }
    }

    /** Of a file that was never long enough for one process to rewrite it. */
    @Test
    void metaLogDoesNotGrowFromOneStartToTheNext() throws Exception {
        for (int start = 0; start < 50; start++) {
            try (MetaLog log = MetaLog.open(root, disk, 1_000)) {
                log.append(MetaRecord.log(ID, "orders"));
                for (int i = 0; i < 10; i++) {
                    log.append(MetaRecord.of(Kind.HIGH_WATERMARK, ID, i, 0));
                }
                log.force();
            }
        }
        long size = Files.size(root.resolve(MetaLog.FILE));
        assertTrue(size < 3_000, size + " bytes after 50 starts");
    }

    private static void append(MetaLog log, MetaRecord record) {
        try {
            log.append(record);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }
}
