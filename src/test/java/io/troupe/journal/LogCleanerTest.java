package io.troupe.journal;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.journal.LogReader.TimestampedOffset;
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
import java.util.stream.Stream;
import org.apache.kafka.common.record.internal.CompressionType;
import org.apache.kafka.common.record.internal.MutableRecordBatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What compaction leaves of a log on a real directory, and what everybody else sees of it. */
class LogCleanerTest {
    private static final int SEGMENT_BYTES = 200;

    @TempDir
    Path temp;

    private CompactedLog log;

    @AfterEach
    void close() {
        log.close();
    }

    private void open() throws Exception {
        log = new CompactedLog(temp, CompactedLog.config(SEGMENT_BYTES)).open();
    }

    /** Pushes what stands there out of the active segment. */
    private void roll() throws Exception {
        log.write("filler=" + "x".repeat(SEGMENT_BYTES));
        log.settle();
    }

    private Path directory() {
        return temp.resolve("orders-0");
    }

    private long files(String suffix) throws IOException {
        try (Stream<Path> files = Files.list(directory())) {
            return files.filter(f -> f.toString().endsWith(suffix)).count();
        }
    }

    @Test
    void theLastValueOfEachKeyStaysAtItsOffset() throws Exception {
        open();
        log.write("a=1", "b=1", "a=2");
        log.write("c=1", "b=2");
        log.write("a=3");
        roll();
        assertEquals(1, log.clean());
        assertEquals(List.of("3:c=1", "4:b=2", "5:a=3"), log.texts().subList(0, 3));
        log.restart();
        assertEquals(List.of("3:c=1", "4:b=2", "5:a=3"), log.texts().subList(0, 3));
        assertEquals(0, log.clean(), "nothing is dirty");
        log.kill();
        assertEquals(List.of("3:c=1", "4:b=2", "5:a=3"), log.texts().subList(0, 3));
    }

    @Test
    void theActiveSegmentAndWhatIsAboveTheHighWatermarkStay() throws Exception {
        open();
        log.write("a=1");
        log.write("a=2");
        assertEquals(0, log.clean());
        roll();
        log.dir.checkpointHighWatermark(JournalFixture.PID, 1, log.nowMs);
        assertEquals(0, log.clean());
        assertEquals(3, log.entries().size());
        log.dir.checkpointHighWatermark(JournalFixture.PID, 2, log.nowMs);
        assertEquals(1, log.clean());
        assertEquals(2, log.entries().size());
    }

    @Test
    void aTombstoneGoesAfterItsTime() throws Exception {
        open();
        log.write("a=1");
        roll();
        log.clean();
        log.write("a");
        roll();
        log.clean();
        assertTrue(log.texts().contains("2:a"), "the tombstone gets its horizon");
        assertFalse(log.texts().contains("0:a=1"));
        log.nowMs += CompactedLog.DELETE_RETENTION_MS - 1;
        roll();
        log.clean();
        assertTrue(log.texts().contains("2:a"));
        log.nowMs += 1;
        roll();
        log.clean();
        assertFalse(log.texts().contains("2:a"));
    }

    @Test
    void smallSegmentsBecomeOne() throws Exception {
        open();
        for (int i = 0; i < 30; i++) {
            log.write("key=" + "v".repeat(100));
        }
        roll();
        long before = files(".log");
        log.clean();
        roll();
        log.clean();
        assertTrue(files(".log") < before / 3, before + " to " + files(".log"));
        assertEquals(0, files(".swap") + files(".cleaned"));
        assertEquals("29:key=" + "v".repeat(100), log.texts().get(0));
    }

    @Test
    void readsInAGapGiveTheNextBatch() throws Exception {
        open();
        for (int i = 0; i < 20; i++) {
            log.write("a=" + i);
        }
        roll();
        log.clean();
        for (long at = 0; at <= 19; at++) {
            ByteBuffer read = log.reader().read(at, 20, 1 << 16, true);
            assertTrue(read.hasRemaining(), "at " + at);
            assertEquals(19, io.troupe.record.BatchHeader.lastOffset(read, 0));
        }
    }

    @Test
    void timesAreThoseOfTheRecordsThatAreLeft() throws Exception {
        open();
        log.nowMs = 5_000;
        log.write(CompressionType.NONE, 7, 0, "a=1");
        log.nowMs = 3_000;
        log.write("b=1");
        log.nowMs = 4_000;
        log.write("a=2");
        roll();
        log.clean();
        assertEquals("1:b=1", log.texts().get(0));
        assertEquals(0, log.batches().get(0).countOrNull(), "kept for its producer");
        long end = log.reader().logEndOffset();
        assertEquals(
                Optional.of(new TimestampedOffset(2, 4_000, 0)), log.reader().maxTimestamp(end));
        assertEquals(
                Optional.of(new TimestampedOffset(2, 4_000, 0)), log.reader().offsetForTimestamp(3_500, end));
        assertEquals(Optional.empty(), log.reader().offsetForTimestamp(4_001, end));
        log.kill();
        assertEquals(
                Optional.of(new TimestampedOffset(2, 4_000, 0)), log.reader().maxTimestamp(end));
    }

    @Test
    void producerStateComesBackTheSame() throws Exception {
        open();
        for (int i = 0; i < 12; i++) {
            log.write(CompressionType.NONE, 7, i, "a=" + i);
            log.write(CompressionType.ZSTD, 8, i * 2, "b=" + i, "b=x" + i);
        }
        roll();
        log.restart();
        String before = producers();
        log.clean();
        assertEquals(3, log.entries().size());
        log.restart();
        assertEquals(before, producers());
        log.kill();
        assertEquals(before, producers());
        log.dir.close();
        Directories.deleteRecursively(temp.resolve(IndexStore.DIRECTORY));
        log.open();
        assertEquals(before, producers(), "from the batches alone");
    }

    private String producers() {
        ByteBuffer bytes = log.opened.producers().snapshot();
        byte[] all = new byte[bytes.remaining()];
        bytes.get(all);
        return java.util.HexFormat.of().formatHex(all, 6, all.length);
    }

    @Test
    void compressedBatchesKeepTheirCodec() throws Exception {
        open();
        for (CompressionType codec : CompressionType.values()) {
            log.write(codec, -1, 0, codec.name + "=1", "x=1", codec.name + "=2");
        }
        roll();
        log.clean();
        List<MutableRecordBatch> batches = log.batches();
        for (CompressionType codec : CompressionType.values()) {
            assertEquals(codec, batches.get(codec.id).compressionType());
        }
        assertEquals(
                List.of("2:none=2", "5:gzip=2", "8:snappy=2", "11:lz4=2", "13:x=1", "14:zstd=2"),
                log.texts().subList(0, 6));
    }

    @Test
    void aBatchMayBeLargerThanTheBuffers() throws Exception {
        open();
        log.bufferBytes = 0;
        String large = "y".repeat(100_000);
        log.write("a=" + large, "b=" + large, "a=1");
        log.write("c=1");
        roll();
        log.clean();
        assertEquals(List.of("1:b=" + large, "2:a=1", "3:c=1"), log.texts().subList(0, 3));
    }

    @Test
    void aSmallMapTakesSeveralCleanings() throws Exception {
        open();
        log.mapBytes = OffsetMap.SLOT_BYTES * 4;
        for (int i = 0; i < 60; i++) {
            log.write("k" + i % 10 + "=" + i, "m" + i % 7 + "=" + i);
        }
        roll();
        assertTrue(log.clean() > 10);
        List<String> texts = log.texts();
        assertEquals(10 + 7 + 1, texts.size());
        assertEquals(texts, texts.stream().distinct().toList());
    }

    @Test
    void abortedRecordsGoAndUndecidedOnesStay() throws Exception {
        open();
        log.write("a=1", "b=1");
        log.writeTransactional(7, 0, "a=aborted");
        log.writeTransactional(8, 0, "b=2");
        log.end(7, false);
        log.end(8, true);
        long undecided = log.writeTransactional(9, 0, "c=1");
        log.write("c=2");
        log.write("c=3");
        roll();
        log.clean();
        List<String> texts = log.texts();
        assertEquals(List.of("0:a=1", "3:b=2", "6:c=1", "7:c=2", "8:c=3"), texts.subList(0, 5));
        assertTrue(log.clean() <= 1, "an undecided transaction does not keep the cleaner busy");
        log.end(9, true);
        roll();
        log.clean();
        assertEquals(List.of("0:a=1", "3:b=2", "8:c=3"), log.texts().subList(0, 3));
        assertTrue(undecided > 0);
    }

    @Test
    void anEndMarkerOutlivesItsRecords() throws Exception {
        open();
        log.writeTransactional(7, 0, "a=1");
        long marker = log.end(7, true);
        log.writeTransactional(7, 1, "z=1");
        log.end(7, true);
        for (int i = 2; i < 9; i++) {
            log.write(CompressionType.NONE, 7, i, "z=" + i);
        }
        log.write("a=2");
        roll();
        log.clean();
        assertTrue(markers().contains(marker), "its record was there when the cleaning began");
        roll();
        log.clean();
        assertTrue(markers().contains(marker), "it has a horizon now");
        log.nowMs += CompactedLog.DELETE_RETENTION_MS;
        roll();
        log.clean();
        assertFalse(markers().contains(marker));
    }

    private List<Long> markers() throws Exception {
        return log.batches().stream()
                .filter(MutableRecordBatch::isControlBatch)
                .map(MutableRecordBatch::baseOffset)
                .toList();
    }

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
            Future<Integer> cleaning = threads.submit(() -> {
                int cleanings = 0;
                while (!done.get()) {
                    cleanings += cleaner.cleanNext() ? 1 : 0;
                }
                return cleanings;
            });
            for (int i = 1; i <= 600; i++) {
                log.write("k" + i % 5 + "=" + i);
            }
            done.set(true);
            reader.get(60, TimeUnit.SECONDS);
            assertTrue(cleaning.get(60, TimeUnit.SECONDS) > 1);
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
