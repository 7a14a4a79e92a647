package io.troupe.journal;

import static io.troupe.journal.JournalFixture.PARTITION;
import static io.troupe.journal.JournalFixture.PID;
import static io.troupe.journal.JournalFixture.batch;
import static io.troupe.journal.JournalFixture.config;
import static io.troupe.journal.JournalFixture.crash;
import static io.troupe.journal.JournalFixture.group;
import static io.troupe.journal.JournalFixture.readAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.config.LogConfig;
import io.troupe.journal.JournalCommand.Opened;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Optional;
import org.apache.kafka.common.compress.Compression;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What an opening reads of the active segment after a kill, in bytes: the tail since the last snapshot, not the segment. */
class RecoveryCostTest {
    private static final LogConfig CONFIG = config(256 << 20, Long.MAX_VALUE, "index.interval.bytes", 4_096);
    private static final int BATCHES = 400;
    private static final int BATCH_BYTES = 2_000;
    /** What the tails below have, and some looks near an index entry. */
    private static final long MOST_BYTES = 10 * BATCH_BYTES + 4 * (4_096 + BATCH_BYTES);

    @TempDir
    Path root;

    private final FaultyDisk disk = new FaultyDisk();
    private LogDir dir;
    private Opened opened;
    private int writers;

    @BeforeEach
    void start() throws IOException {
        dir = LogDir.open(root, 1, Optional.empty(), disk);
        opened = dir.open(PID, PARTITION, CONFIG);
        append(0, BATCHES);
    }

    @AfterEach
    void stop() {
        crash(dir);
    }

    private static ByteBuffer one(long offset) {
        int epoch = (int) offset / 100;
        return batch(offset, 1, 1_000 + offset, epoch, BATCH_BYTES, Compression.NONE, 7 + offset % 3, (int) offset / 3);
    }

    private void append(long from, long to) {
        String writer = "w" + ++writers;
        for (long offset = from; offset < to; offset++) {
            dir.append(PID, writer, group(one(offset)), false, 0).join();
        }
    }

    private Path segment() {
        return root.resolve("orders-0").resolve(Segment.fileName(0));
    }

    /** @return bytes read of the segment */
    private long reopen() throws IOException {
        crash(dir);
        return openAgain();
    }

    private long openAgain() throws IOException {
        dir = LogDir.open(root, 1, Optional.empty(), disk);
        long before = disk.bytesRead(segment());
        opened = dir.open(PID, PARTITION, CONFIG);
        return disk.bytesRead(segment()) - before;
    }

    /** All is known as if every byte had been read. */
    private void assertWhole(int end) throws Exception {
        assertEquals(end, opened.logEndOffset());
        assertFalse(opened.cleanShutdown());
        ByteBuffer all = readAll(opened.reader(), 0);
        for (int offset = 0; offset < end; offset++) {
            ByteBuffer one = one(offset);
            assertEquals(one, all.slice(all.position(), one.remaining()));
            all.position(all.position() + one.remaining());
        }
        String producers = opened.producers().toString();
        String epochs = opened.epochs().toString();
        crash(dir);
        Directories.deleteRecursively(root.resolve(IndexStore.DIRECTORY));
        assertTrue(openAgain() > (long) BATCHES * BATCH_BYTES, "without an index all is read");
        assertEquals(producers, opened.producers().toString());
        assertEquals(epochs, opened.epochs().toString());
    }

    @Test
    void ofALogThatWasClosedInOrderInItsMiddleTheTailIsRead() throws Exception {
        dir.close();
        dir = LogDir.open(root, 1, Optional.empty(), disk);
        dir.open(PID, PARTITION, CONFIG);
        append(BATCHES, BATCHES + 5);
        long read = reopen();
        assertTrue(read <= MOST_BYTES, read + " bytes read");
        for (long offset : new long[] {3, 200, BATCHES - 1, BATCHES + 4}) {
            assertEquals(one(offset), opened.reader().read(offset, offset + 1, 1, true));
            assertEquals(
                    offset,
                    opened.reader()
                            .offsetForTimestamp(1_000 + offset, Long.MAX_VALUE)
                            .orElseThrow()
                            .offset());
        }
        assertWhole(BATCHES + 5);
    }

    @Test
    void anIdleLogIsWrittenDownByItself() throws Exception {
        dir.snapshotIdle(LogSnapshots.IDLE_MS - 1);
        assertTrue(reopen() > (long) BATCHES * BATCH_BYTES, "it was not idle for long enough");
        dir.snapshotIdle(System.currentTimeMillis());
        append(BATCHES, BATCHES + 5);
        long read = reopen();
        assertTrue(read <= MOST_BYTES, read + " bytes read");
        assertWhole(BATCHES + 5);
    }

    /** What was forced may be cut all the same, by a new leader; what was stored of it must not be believed then. */
    @Test
    void whatIsCutBelowASnapshotAndWrittenAnewIsReadAnew() throws Exception {
        dir.snapshotIdle(System.currentTimeMillis());
        dir.truncate(PID, 100);
        dir.open(PID, PARTITION, CONFIG);
        append(100, BATCHES);
        reopen();
        assertWhole(BATCHES);
    }

    @Test
    void aTornTailBehindASnapshotIsCut() throws Exception {
        dir.snapshotIdle(System.currentTimeMillis());
        dir.open(PID, PARTITION, CONFIG);
        append(BATCHES, BATCHES + 2);
        crash(dir);
        try (FileChannel channel = FileChannel.open(segment(), StandardOpenOption.WRITE)) {
            channel.truncate(channel.size() - 1);
        }
        dir = LogDir.open(root, 1, Optional.empty(), disk);
        opened = dir.open(PID, PARTITION, CONFIG);
        assertWhole(BATCHES + 1);
    }

    /** Cut by a damaged disk, or by hand: the snapshot tells of more than there is. */
    @Test
    void aSegmentThatIsShorterThanItsSnapshotIsReadWhole() throws Exception {
        dir.snapshotIdle(System.currentTimeMillis());
        crash(dir);
        try (FileChannel channel = FileChannel.open(segment(), StandardOpenOption.WRITE)) {
            channel.truncate(channel.size() - 1);
        }
        dir = LogDir.open(root, 1, Optional.empty(), disk);
        opened = dir.open(PID, PARTITION, CONFIG);
        assertEquals(BATCHES - 1, opened.logEndOffset());
        append(BATCHES - 1, BATCHES + 1);
        reopen();
        assertWhole(BATCHES + 1);
    }

    @Test
    void aLogThatIsFlushedIsWrittenDownNowAndThen() throws Exception {
        int bytes = one(0).remaining();
        long more = LogSnapshots.EVERY_BYTES / bytes + 1;
        ByteBuffer[] group = new ByteBuffer[500];
        long end = BATCHES;
        while (end < BATCHES + more) {
            for (int i = 0; i < group.length; i++) {
                group[i] = one(end + i);
            }
            dir.append(PID, "w1", group(group), false, 0).join();
            end += group.length;
        }
        for (int i = 0; i < 3; i++) {
            dir.append(PID, "w1", group(one(end)), true, 0).join();
            dir.awaitBackground();
            end++;
        }
        long read = reopen();
        assertTrue(read <= MOST_BYTES, read + " bytes read");
        assertEquals(end, opened.logEndOffset());
    }
}
