package io.troupe.journal;

import static io.troupe.journal.JournalFixture.ID;
import static io.troupe.journal.JournalFixture.PARTITION;
import static io.troupe.journal.JournalFixture.PID;
import static io.troupe.journal.JournalFixture.WRITER;
import static io.troupe.journal.JournalFixture.append;
import static io.troupe.journal.JournalFixture.batch;
import static io.troupe.journal.JournalFixture.config;
import static io.troupe.journal.JournalFixture.crash;
import static io.troupe.journal.JournalFixture.dir;
import static io.troupe.journal.JournalFixture.group;
import static io.troupe.journal.JournalFixture.readAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.journal.JournalCommand.Opened;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.compress.Compression;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Disks that fail: one dir goes offline and stays so, the others do not notice, and nothing acknowledged is lost. */
@Timeout(600)
class DiskFailureTest {
    @TempDir
    Path root;

    private final FaultyDisk disk = new FaultyDisk();

    private LogDir faulty(String name) {
        return LogDir.open(root.resolve(name), 1, Optional.empty(), disk);
    }

    private static Throwable failure(CompletableFuture<Void> write) {
        return assertThrows(ExecutionException.class, () -> write.get(30, TimeUnit.SECONDS))
                .getCause();
    }

    private static LogAppend one(long offset) {
        return group(batch(offset, 1, 1, 0, 50));
    }

    @Test
    void aFailedFsyncIsNeverAskedAgainAndAnswersNobodyAsDurable() throws Exception {
        LogDir dir = faulty("a");
        LogDir other = faulty("b");
        Opened opened = dir.open(PID, PARTITION, config(1 << 20, 1));
        other.open(PID, PARTITION, config(1 << 20, 1));
        append(dir, batch(0, 1, 1, 0, 50));
        append(dir, batch(1, 1, 1, 0, 50));

        int before = segmentFsyncs("a");
        disk.failNextFsync = path -> path.startsWith(root.resolve("a"));
        // Several at once: some have passed every check when the first of them fails.
        List<CompletableFuture<Void>> writes = new ArrayList<>();
        for (int i = 2; i < 10; i++) {
            writes.add(dir.append(PID, WRITER, one(i), false, 0));
        }
        for (CompletableFuture<Void> write : writes) {
            Throwable e = failure(write);
            assertTrue(e.getMessage().contains("offline") && e.getMessage().contains(root.toString()), e.toString());
        }
        assertEquals(before + 1, segmentFsyncs("a"));
        assertTrue(dir.isOffline());
        assertTrue(
                failure(dir.append(PID, WRITER, one(10), false, 0)).getMessage().contains("Input/output error"));
        assertThrows(IOException.class, () -> dir.startEpoch(PID, 5, 2));
        assertTrue(opened.reader().read(0, 2, 1000, true).hasRemaining(), "reads go on");

        append(other, batch(0, 1, 1, 0, 50));
        assertFalse(other.isOffline());
        other.close();
        dir.close();
        assertEquals(before + 1, segmentFsyncs("a"), "closing tries nothing either");

        LogDir again = dir(root.resolve("a"));
        assertFalse(again.cleanStart());
        assertTrue(again.open(PID, PARTITION, config(1 << 20, 1)).logEndOffset() >= 2);
        again.close();
    }

    private int segmentFsyncs(String name) {
        synchronized (disk.fsyncs) {
            return (int) disk.fsyncs.stream()
                    .filter(path -> path.startsWith(root.resolve(name)))
                    .filter(FaultyDisk.segments())
                    .count();
        }
    }

    @Test
    void aFailedFsyncOfMetaLogTakesTheDirOffline() throws Exception {
        LogDir dir = faulty("a");
        dir.open(PID, PARTITION, config(1 << 20, 1));
        disk.failNextFsync = FaultyDisk.metaLog();
        assertTrue(failure(dir.startEpoch(PID, 3, 0)).getMessage().contains("offline"));
        assertTrue(dir.isOffline());
        assertTrue(dir.append(PID, WRITER, one(0), false, 0).isCompletedExceptionally());
        dir.close();
        assertFalse(dir(root.resolve("a")).cleanStart());
    }

    @Test
    void aFailedFsyncWhenALogIsClosedOrRecoveredTakesTheDirOffline() throws Exception {
        LogDir dir = faulty("a");
        dir.open(PID, PARTITION, config(1 << 20, Long.MAX_VALUE));
        append(dir, batch(0, 1, 1, 0, 50));
        disk.failNextFsync = FaultyDisk.segments();
        assertThrows(IOException.class, () -> dir.closeLog(PID));
        assertTrue(dir.isOffline());
        dir.close();

        LogDir second = faulty("a");
        disk.failNextFsync = FaultyDisk.segments();
        assertThrows(IOException.class, () -> second.open(PID, PARTITION, config(1 << 20, 1)));
        assertTrue(second.isOffline());
        second.close();
    }

    /** Full at any byte of a group, of a roll, of meta.log: what was acknowledged before is there, whole batches only. */
    @Test
    void aDiskThatFillsUpAtAnyByteLosesNothingAcknowledged() throws Exception {
        long only = Long.getLong("seed", -1);
        for (long seed = only >= 0 ? only : 1; seed <= (only >= 0 ? only : 60); seed++) {
            Random random = new Random(seed);
            String where = "replay with -Dseed=" + seed;
            LogDir dir = faulty("s" + seed);
            dir.open(PID, PARTITION, config(600, random.nextBoolean() ? 1 : Long.MAX_VALUE));
            disk.room = random.nextInt(3_000);
            disk.full = path -> true;
            List<ByteBuffer> acknowledged = new ArrayList<>();
            long next = 0;
            while (true) {
                ByteBuffer batch = batch(next, 1 + random.nextInt(3), 5, (int) next / 4, random.nextInt(200));
                LogAppend group = group(batch);
                try {
                    dir.append(PID, WRITER, group, false, 0).get(30, TimeUnit.SECONDS);
                } catch (ExecutionException e) {
                    break;
                }
                acknowledged.add(batch);
                next = group.endOffset();
            }
            assertTrue(dir.isOffline(), where);
            disk.full = path -> false;
            assertTrue(dir.append(PID, WRITER, one(next), false, 0).isCompletedExceptionally(), where);
            if (random.nextBoolean()) {
                dir.close();
            } else {
                crash(dir);
            }

            LogDir again = dir(root.resolve("s" + seed));
            LogReader reader = again.open(PID, PARTITION, config(600, 1)).reader();
            // A batch that nobody was told of may be there too, but only whole.
            assertTrue(reader.logEndOffset() >= next, where);
            ByteBuffer all = readAll(reader, 0);
            for (ByteBuffer batch : acknowledged) {
                assertEquals(batch, all.slice(all.position(), batch.remaining()), where);
                all.position(all.position() + batch.remaining());
            }
            again.append(PID, "w2", one(reader.logEndOffset()), false, 0).get(30, TimeUnit.SECONDS);
            again.close();
        }
    }

    /** A roll's snapshot that comes late must not speak of what a truncation has cut. */
    @Test
    void aRollThatIsOvertakenByATruncationLeavesNothingDerived() throws Exception {
        LogDir dir = faulty("a");
        dir.open(PID, PARTITION, config(200, Long.MAX_VALUE));
        CountDownLatch reached = new CountDownLatch(1);
        CountDownLatch release = new CountDownLatch(1);
        disk.beforeDirectory = () -> {
            if (Thread.currentThread().getName().contains("background")) {
                reached.countDown();
                try {
                    release.await(30, TimeUnit.SECONDS);
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            }
        };
        for (int i = 0; i < 4; i++) {
            append(dir, batch(i, 1, 1, 0, 100, Compression.NONE, 9, i));
        }
        assertTrue(reached.await(30, TimeUnit.SECONDS));
        dir.truncate(PID, 1);
        release.countDown();
        dir.open(PID, PARTITION, config(200, Long.MAX_VALUE));
        // Other records take the offsets of those that were cut; they have no producer.
        for (int i = 1; i < 4; i++) {
            dir.append(PID, "w2", one(i), true, 0).join();
        }
        // Behind everything else that the background has to do.
        dir.putOrphanAside(ID).get(30, TimeUnit.SECONDS);
        crash(dir);
        LogDir again = dir(root.resolve("a"));
        String producers =
                again.open(PID, PARTITION, config(200, 1)).producers().toString();
        assertEquals(fresh(), producers);
        again.close();
    }

    /** Whatever LevelDB may bring back: a snapshot of batches that were cut is not believed. */
    @Test
    void aSnapshotOfBatchesThatWereCutIsNotBelieved() throws Exception {
        LogDir dir = dir(root.resolve("a"));
        dir.open(PID, PARTITION, config(1 << 20, 1));
        append(dir, batch(0, 1, 1, 0, 100, Compression.NONE, 9, 0));
        append(dir, batch(1, 1, 1, 0, 100, Compression.NONE, 9, 1));
        dir.close();
        ByteBuffer stale;
        try (IndexStore store = IndexStore.open(root.resolve("a").resolve(IndexStore.DIRECTORY))) {
            stale = store.producersAt(ID, 2).orElseThrow();
        }
        dir = dir(root.resolve("a"));
        dir.open(PID, PARTITION, config(1 << 20, 1));
        dir.truncate(PID, 1);
        dir.open(PID, PARTITION, config(1 << 20, 1));
        dir.append(PID, "w2", one(1), true, 0).join();
        crash(dir);
        try (IndexStore store = IndexStore.open(root.resolve("a").resolve(IndexStore.DIRECTORY))) {
            store.putProducers(ID, 2, stale);
        }
        dir = dir(root.resolve("a"));
        assertEquals(
                fresh(),
                dir.open(PID, PARTITION, config(1 << 20, 1)).producers().toString());
        dir.close();
    }

    /** Producer state of a log that only ever had the first batch of producer 9. */
    private String fresh() throws Exception {
        LogDir dir = dir(root.resolve("fresh"));
        dir.open(PID, PARTITION, config(1 << 20, 1));
        append(dir, batch(0, 1, 1, 0, 100, Compression.NONE, 9, 0));
        dir.closeLog(PID);
        String producers =
                dir.open(PID, PARTITION, config(1 << 20, 1)).producers().toString();
        dir.close();
        return producers;
    }

    @Test
    void theVoterWritesWhileALogIsStillBeingOpened() throws Exception {
        LogDir dir = faulty("a");
        String voter = "metadata-voter";
        dir.open(voter, Journals.METADATA_PARTITION, Journals.METADATA_LOG);
        CountDownLatch reached = new CountDownLatch(1);
        CountDownLatch release = new CountDownLatch(1);
        disk.beforeDirectory = () -> {
            if (Thread.currentThread().getName().equals("opening")) {
                reached.countDown();
                try {
                    release.await(30, TimeUnit.SECONDS);
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            }
        };
        CompletableFuture<Opened> opening = new CompletableFuture<>();
        Thread thread = new Thread(
                () -> {
                    try {
                        opening.complete(dir.open(PID, PARTITION, config(200, 1)));
                    } catch (IOException e) {
                        opening.completeExceptionally(e);
                    }
                },
                "opening");
        thread.start();
        assertTrue(reached.await(30, TimeUnit.SECONDS));
        dir.append(voter, WRITER, one(0), true, 0).get(30, TimeUnit.SECONDS);
        assertFalse(opening.isDone());
        release.countDown();
        assertEquals(0, opening.get(30, TimeUnit.SECONDS).logEndOffset());
        dir.close();
    }

    @Test
    void logsOfTopicsThatTheClusterNoLongerHasArePutAsideAndNeverDeleted() throws Exception {
        TopicIdPartition kept = new TopicIdPartition(new Uuid(3, 3), 0, "kept");
        TopicIdPartition late = new TopicIdPartition(new Uuid(4, 4), 0, "late");
        LogDir dir = dir(root);
        dir.open(PID, PARTITION, config(1000, 1));
        dir.open("kept", kept, config(1000, 1));
        append(dir, batch(0, 1, 1, 0, 50));
        dir.close();

        Journals journals = Journals.open(List.of(root), 1, Optional.empty());
        LogDir reopened = journals.dirOf(journals.pluginFor(kept));
        // Made by this process, after the image that is compared: no orphan.
        reopened.open("late", late, config(1000, 1));
        journals.settleFound(
                        (id, partition) -> id.equals(kept.topicId()) ? Journals.Fate.KEEP : Journals.Fate.PUT_ASIDE)
                .get(30, TimeUnit.SECONDS);
        try (Stream<Path> files = Files.list(root)) {
            assertEquals(
                    List.of("kept-0", "late-0", "orders-0." + PARTITION.topicId() + "-stray"),
                    files.filter(Files::isDirectory)
                            .map(p -> p.getFileName().toString())
                            .filter(n -> !n.startsWith("."))
                            .sorted()
                            .toList());
        }
        assertTrue(Files.size(root.resolve("orders-0." + PARTITION.topicId() + "-stray")
                        .resolve(Segment.fileName(0)))
                > 0);
        // Its topic created anew begins empty.
        TopicIdPartition anew = new TopicIdPartition(new Uuid(8, 8), 0, "orders");
        assertEquals(0, reopened.open("anew", anew, config(1000, 1)).logEndOffset());
        journals.close();
        LogDir last = dir(root);
        assertFalse(last.knownLogs().contains(ID));
        last.close();
    }

    @Test
    void replicasThatMovedAwayMeanwhileAreDeletedAndMayComeBackEmpty() throws Exception {
        TopicIdPartition kept = new TopicIdPartition(PARTITION.topicId(), 1, PARTITION.topic());
        LogDir dir = dir(root);
        dir.open(PID, PARTITION, config(1000, 1));
        dir.open("kept", kept, config(1000, 1));
        append(dir, batch(0, 1, 1, 0, 50));
        dir.close();

        Journals journals = Journals.open(List.of(root), 1, Optional.empty());
        LogDir reopened = journals.dirOf(journals.pluginFor(kept));
        journals.settleFound(
                        (id, partition) -> partition == kept.partition() ? Journals.Fate.KEEP : Journals.Fate.DELETE)
                .get(30, TimeUnit.SECONDS);
        assertTrue(Files.isDirectory(root.resolve("orders-1")));
        assertFalse(Files.exists(root.resolve("orders-0")));
        assertTrue(Files.isDirectory(root.resolve("orders-0." + PARTITION.topicId() + "-delete")));
        assertFalse(reopened.knownLogs().contains(ID));
        assertEquals(0, reopened.open("back", PARTITION, config(1000, 1)).logEndOffset());
        journals.close();
        LogDir last = dir(root);
        assertTrue(last.knownLogs().contains(ID));
        last.close();
    }
}
