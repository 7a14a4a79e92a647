package io.troupe.journal;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** What goes on beside compaction, or comes in its way: readers, appends, cuts, damage. */
class BesideCleaningTest extends OnCompactedLog {
    @Test
    void aReadUnderWayEndsOnTheOldFile() throws Exception {
        open();
        for (int i = 0; i < 10; i++) {
            log.write("a=" + i);
        }
        roll();
        Segment old = segments()[0];
        byte[] expected = Files.readAllBytes(old.path());
        FileChannel channel = old.acquire();
        try {
            log.clean();
            ByteBuffer read = ByteBuffer.allocate(expected.length);
            BatchCursor.readFully(channel, read, 0);
            assertArrayEquals(expected, read.array());
        } finally {
            old.release();
        }
        assertEquals("9:a=9", log.texts().get(0));
    }

    private Segment[] segments() {
        return ((SegmentReader) log.reader()).published();
    }

    @Test
    void aDamagedSegmentIsLeftAlone() throws Exception {
        open();
        for (int i = 0; i < 10; i++) {
            log.write("a=" + i);
        }
        roll();
        Path second = segments()[1].path();
        try (FileChannel channel = FileChannel.open(second, StandardOpenOption.WRITE)) {
            channel.write(ByteBuffer.wrap(new byte[] {99}), 70);
        }
        byte[] damaged = Files.readAllBytes(second);
        LogCleaner cleaner = log.cleaner();
        assertTrue(cleaner.cleanNext());
        assertEquals(1, cleaner.counters().failures());
        assertEquals(1, cleaner.state().uncleanable());
        assertEquals(List.of(second.toString()), log.dir.state().damaged());
        assertFalse(cleaner.cleanNext(), "it is not tried again and again");
        Segment[] all = segments();
        assertEquals(
                log.reader().sizeInBytes() - all[all.length - 1].size(),
                cleaner.state().uncleanableBytes());
        assertArrayEquals(damaged, Files.readAllBytes(second));
        assertEquals(0, files(".cleaned"));
        log.write("a=more");
    }

    /** What is left of them would be believed by the next start, if the new file had the old one's size. */
    @Test
    void indexKeysGoBeforeTheFiles() throws Exception {
        log = new CompactedLog(temp, CompactedLog.config(SEGMENT_BYTES)).open(new Disk() {
            @Override
            public void rename(Path from, Path to) throws IOException {
                if (to.toString().endsWith(".swap")) {
                    throw new IOException("killed");
                }
                Disk.super.rename(from, to);
            }
        });
        for (int i = 0; i < 10; i++) {
            log.write("a=" + i);
        }
        roll();
        assertTrue(log.cleaner().cleanNext());
        log.dir.abandon();
        try (IndexStore indexes = IndexStore.open(temp.resolve(IndexStore.DIRECTORY))) {
            assertEquals(Optional.empty(), indexes.summary(JournalFixture.ID, 0));
            assertTrue(indexes.summary(JournalFixture.ID, 2).isPresent());
        }
        log.open();
        assertEquals(11, log.entries().size());
    }

    @Test
    void aLogWhoseFrontIsGoneIsCleanedOn() throws Exception {
        open();
        for (int i = 0; i < 20; i++) {
            log.write("a=" + i, "b" + i + "=x");
        }
        roll();
        log.clean();
        log.dir.advanceLogStart(JournalFixture.PID, 17, false).get();
        log.settle();
        for (int i = 20; i < 30; i++) {
            log.write("a=" + i, "b" + i + "=x");
        }
        roll();
        assertEquals(1, log.clean());
        assertEquals(List.of("17:b8=x", "19:b9=x", "21:b10=x"), log.texts().subList(0, 3));
        List<String> before = log.texts();
        log.kill();
        assertEquals(17, log.reader().logStartOffset());
        assertEquals(before, log.texts());
        assertTrue(log.reader().logEndOffset() > 59);
    }

    @Test
    void readsAndAppendsGoOnDuringCleanings() throws Exception {
        open();
        LogCleaner cleaner = log.cleaner();
        AtomicBoolean done = new AtomicBoolean();
        Callable<Void> read = () -> {
            while (!done.get()) {
                long before = -1;
                for (CompactedLog.Entry entry : log.entries()) {
                    assertTrue(entry.offset() > before);
                    before = entry.offset();
                }
                assertTrue(before >= 0, "there is always something to read");
            }
            return null;
        };
        ExecutorService threads = Executors.newFixedThreadPool(2);
        try {
            log.write("k0=0");
            Future<Void> reader = threads.submit(read);
            AtomicInteger cleanings = new AtomicInteger();
            Future<?> cleaning = threads.submit(() -> {
                while (!done.get()) {
                    if (cleaner.cleanNext()) {
                        cleanings.incrementAndGet();
                    }
                }
                return null;
            });
            for (int i = 1; i <= 600; i++) {
                log.write("k" + i % 5 + "=" + i);
                if (i % 200 == 0) {
                    // However seldom the machine lets the cleaner run.
                    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
                    while (cleanings.get() < i / 200 && !cleaning.isDone()) {
                        assertTrue(System.nanoTime() < end, "nothing was cleaned");
                        TimeUnit.MILLISECONDS.sleep(1);
                    }
                }
            }
            done.set(true);
            reader.get(60, TimeUnit.SECONDS);
            cleaning.get(60, TimeUnit.SECONDS);
            assertTrue(cleanings.get() > 1);
        } finally {
            done.set(true);
            threads.shutdownNow();
        }
        roll();
        log.clean();
        assertEquals(
                List.of("596:k1=596", "597:k2=597", "598:k3=598", "599:k4=599", "600:k0=600"),
                log.texts().subList(0, 5));
    }

    @Test
    void whatWasCutIsNotCleaned() throws Exception {
        open();
        for (int i = 0; i < 10; i++) {
            log.write("a=" + i);
        }
        roll();
        Segment first = segments()[0];
        Segment second = segments()[1];
        log.dir.truncate(JournalFixture.PID, 1);
        log.opened = log.dir.open(JournalFixture.PID, JournalFixture.PARTITION, CompactedLog.config(SEGMENT_BYTES));
        assertFalse(List.of(segments()).contains(first) && List.of(segments()).contains(second));
        assertEquals(0, log.clean());
        assertEquals(List.of("0:a=0"), log.texts());
    }

    @Test
    void countersTellWhatWasDone() throws Exception {
        open();
        for (int i = 0; i < 10; i++) {
            log.write("a=" + i);
        }
        roll();
        LogCleaner cleaner = log.cleaner();
        assertTrue(cleaner.cleanNext());
        CompactionCounters counters = cleaner.counters();
        assertEquals(1, counters.cleanings());
        assertEquals(10, counters.recordsBefore());
        assertEquals(1, counters.recordsAfter());
        assertTrue(counters.bytesAfter() < counters.bytesBefore());
        assertEquals(1.0, cleaner.state().maxDirtyRatio());
        assertEquals(
                counters.bytesAfter() / (double) counters.bytesBefore(),
                cleaner.state().lastRecopyRatio());
        assertFalse(cleaner.cleanNext());
        assertEquals(0.0, cleaner.state().maxDirtyRatio());
    }
}
