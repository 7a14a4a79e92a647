package io.troupe.journal;

import static io.troupe.journal.JournalFixture.batch;
import static io.troupe.journal.JournalFixture.config;
import static io.troupe.journal.JournalFixture.crash;
import static io.troupe.journal.JournalFixture.group;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.config.LogConfig;
import io.troupe.journal.JournalCommand.Opened;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.Uuid;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What hundreds of logs of one dir cost the disk together: counted, not timed. */
class ManyLogsTest {
    private static final int LOGS = 200;
    private static final LogConfig CONFIG = config(1 << 20, Long.MAX_VALUE);
    private static final LogConfig COUNTED = config(1 << 20, 1_000);

    private final Random random = new Random(1);
    private StepExecutor openings;
    private StepExecutor fsyncs;

    @TempDir
    Path root;

    private LogDir start() {
        openings = new StepExecutor(false);
        fsyncs = new StepExecutor(false);
        LogDirThreads threads = new LogDirThreads(openings, fsyncs, new StepExecutor(true));
        return LogDir.open(root, 1, Optional.empty(), Disk.real(), threads);
    }

    private static TopicIdPartition partition(int i) {
        return new TopicIdPartition(new Uuid(5, 5), i, "many");
    }

    private static String pid(int i) {
        return "replica-" + i;
    }

    /** Opens all at once and begins an epoch in each, as the replicas of a broker that starts do. */
    private List<Opened> lead(LogDir dir, int epoch) throws Exception {
        return lead(dir, epoch, CONFIG);
    }

    private List<Opened> lead(LogDir dir, int epoch, LogConfig config) throws Exception {
        List<CompletableFuture<Opened>> asked = new ArrayList<>();
        for (int i = 0; i < LOGS; i++) {
            asked.add(dir.openBeside(pid(i), partition(i), config));
        }
        runAll();
        List<CompletableFuture<Void>> begun = new ArrayList<>();
        List<Opened> opened = new ArrayList<>();
        for (int i = 0; i < LOGS; i++) {
            opened.add(asked.get(i).join());
            begun.add(dir.startEpoch(pid(i), epoch, opened.get(i).logEndOffset()));
        }
        runAll();
        begun.forEach(CompletableFuture::join);
        return opened;
    }

    private void runAll() {
        openings.runAll(random);
        fsyncs.runAll(random);
    }

    private static void appendToEach(LogDir dir, long at, int epoch) {
        for (int i = 0; i < LOGS; i++) {
            dir.append(pid(i), "writer", group(batch(at, 1, 1_000, epoch, 10)), false, 0)
                    .join();
        }
    }

    private void closeAll(LogDir dir) {
        List<CompletableFuture<Void>> closed = new ArrayList<>();
        for (int i = 0; i < LOGS; i++) {
            closed.add(dir.closeBeside(pid(i)));
        }
        runAll();
        closed.forEach(CompletableFuture::join);
    }

    private static long forced(LogDir dir) {
        return dir.stats().fsyncs() + dir.stats().directoryFsyncs();
    }

    @Test
    void logsMadeAtOnceShareTheFsyncsThatMakeThemDurable() throws Exception {
        LogDir dir = start();
        long before = forced(dir);
        lead(dir, 0);
        // One of meta.log and one of the dir's names for all that were made, one of meta.log for all epochs; twice that
        // when the first to come does not wait for the others.
        assertTrue(forced(dir) - before <= 6, "fsyncs: " + (forced(dir) - before));
        crash(dir);
        LogDir again = start();
        assertEquals(LOGS, again.knownLogs().size(), "all that was answered is known");
        crash(again);
    }

    @Test
    void aRestartForcesNothingOfALogThatHasNothingNew() throws Exception {
        LogDir dir = start();
        lead(dir, 0);
        appendToEach(dir, 0, 0);
        closeAll(dir);
        dir.close();

        LogDir again = start();
        long before = forced(again);
        lead(again, 1).forEach(opened -> assertTrue(opened.cleanShutdown()));
        closeAll(again);
        assertTrue(forced(again) - before <= 4, "after a stop in order: " + (forced(again) - before));
        crash(again);

        LogDir killed = start();
        before = forced(killed);
        lead(killed, 2).forEach(opened -> assertEquals(1, opened.logEndOffset()));
        crash(killed);

        LogDir killedAgain = start();
        before = forced(killedAgain);
        lead(killedAgain, 3).forEach(opened -> {
            assertFalse(opened.cleanShutdown());
            assertEquals(1, opened.logEndOffset());
        });
        assertTrue(forced(killedAgain) - before <= 4, "after a kill: " + (forced(killedAgain) - before));
        crash(killedAgain);
    }

    @Test
    void whatWasWrittenSinceTheLastStopIsForcedAfterAKillOnlyWhereTheSettingsAskForIt() throws Exception {
        LogDir dir = start();
        lead(dir, 0);
        appendToEach(dir, 0, 0);
        crash(dir);
        LogDir again = start();
        long before = forced(again);
        lead(again, 1).forEach(opened -> assertEquals(1, opened.logEndOffset()));
        assertTrue(forced(again) - before <= 4, "nobody asked for it: " + (forced(again) - before));
        crash(again);
        LogDir counted = start();
        before = forced(counted);
        lead(counted, 2, COUNTED).forEach(opened -> assertEquals(1, opened.logEndOffset()));
        assertTrue(forced(counted) - before >= LOGS, "records nobody forced: " + (forced(counted) - before));
        crash(counted);
    }

    @Test
    void logsDeletedAtOnceShareTheFsyncsThatForgetThem() throws Exception {
        LogDir dir = start();
        lead(dir, 0);
        long before = forced(dir);
        List<CompletableFuture<Void>> deleted = new ArrayList<>();
        for (int i = 0; i < LOGS; i++) {
            deleted.add(dir.deleteBeside(pid(i), partition(i)));
        }
        runAll();
        deleted.forEach(CompletableFuture::join);
        // One of the dir's names and one of meta.log for all; twice that when the first does not wait for the others.
        assertTrue(forced(dir) - before <= 4, "fsyncs: " + (forced(dir) - before));
        crash(dir);
        LogDir again = start();
        assertEquals(List.of(), again.knownLogs());
        crash(again);
    }

    /** The name is free while the deletion is not durable yet; what is made anew is not forgotten with the old one. */
    @Test
    void aLogMadeAnewWhileItsDeletionIsUnderWayStays() throws Exception {
        LogDir dir = start();
        dir.open(pid(0), partition(0), CONFIG);
        dir.append(pid(0), "writer", group(batch(0, 1, 1_000, 0, 10)), false, 0).join();
        CompletableFuture<Void> deleted = dir.deleteBeside(pid(0), partition(0));
        openings.runAll(random);
        assertFalse(deleted.isDone());
        assertEquals(0, dir.open(pid(0), partition(0), CONFIG).logEndOffset());
        dir.append(pid(0), "writer-2", group(batch(0, 1, 2_000, 0, 10)), true, 0);
        runAll();
        deleted.join();
        crash(dir);
        LogDir again = start();
        assertEquals(1, again.open(pid(0), partition(0), CONFIG).logEndOffset());
        crash(again);
    }

    /** It waits for the disk until all that is left of the log's end is on it; others' appends must not. */
    @Test
    void aLogIsCutBesideTheJournalsThread() throws Exception {
        LogDir dir = start();
        dir.open(pid(0), partition(0), CONFIG);
        dir.append(pid(0), "writer", group(batch(0, 1, 1_000, 0, 10)), false, 0).join();
        dir.append(pid(0), "writer", group(batch(1, 1, 1_000, 0, 10)), false, 0).join();
        long before = forced(dir);
        CompletableFuture<Void> cut = dir.truncateBeside(pid(0), 1);
        CompletableFuture<Opened> opened = dir.openBeside(pid(0), partition(0), CONFIG);
        CompletableFuture<Void> emptied = dir.startAtBeside(pid(0), 7);
        assertEquals(before, forced(dir));
        runAll();
        assertTrue(cut.isDone() && emptied.isDone());
        assertEquals(1, opened.join().logEndOffset());
        assertEquals(7, dir.open(pid(0), partition(0), CONFIG).logStartOffset());
        crash(dir);
    }

    @Test
    void ofOneLogOpeningAndClosingGoOnInTheOrderAsked() {
        LogDir dir = start();
        CompletableFuture<Opened> opened = dir.openBeside(pid(0), partition(0), CONFIG);
        CompletableFuture<Void> closed = dir.closeBeside(pid(0));
        CompletableFuture<Void> deleted = dir.deleteBeside(pid(0), partition(0));
        openings.runLast();
        assertFalse(closed.isDone() || deleted.isDone(), "the opening is the only one that may run");
        runAll();
        assertEquals(0, opened.join().logEndOffset());
        assertTrue(closed.isDone() && deleted.isDone());
        assertEquals(List.of(), dir.knownLogs());
        crash(dir);
    }

    /** Each waits for another one before it goes on: one after the other they would wait for ever. */
    @Test
    void aDirClosesItsLogsSideBySide() throws Exception {
        FaultyDisk disk = new FaultyDisk();
        LogDir dir = LogDir.open(root, 1, Optional.empty(), disk, LogDirThreads.of(root, 2));
        for (int i = 0; i < 4; i++) {
            dir.open(pid(i), partition(i), CONFIG);
            dir.append(pid(i), "writer", group(batch(0, 1, 1_000, 0, 10)), false, 0)
                    .join();
        }
        CyclicBarrier both = new CyclicBarrier(2);
        disk.beforeDirectory = () -> {
            try {
                both.await(30, TimeUnit.SECONDS);
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        };
        dir.close();
        disk.beforeDirectory = () -> {};
        LogDir again = LogDir.open(root, 1, Optional.empty(), disk);
        assertTrue(again.cleanStart());
        assertTrue(again.open(pid(3), partition(3), CONFIG).cleanShutdown());
        again.close();
    }

    @Test
    void aDirThatIsBeingClosedRefusesToOpen() {
        LogDir dir = start();
        dir.close();
        CompletableFuture<Opened> late = dir.openBeside(pid(0), partition(0), CONFIG);
        assertThrows(CompletionException.class, late::join);
    }
}
