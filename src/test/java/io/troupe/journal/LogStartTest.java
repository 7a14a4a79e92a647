package io.troupe.journal;

import static io.troupe.journal.JournalFixture.PARTITION;
import static io.troupe.journal.JournalFixture.PID;
import static io.troupe.journal.JournalFixture.append;
import static io.troupe.journal.JournalFixture.batch;
import static io.troupe.journal.JournalFixture.config;
import static io.troupe.journal.JournalFixture.crash;
import static io.troupe.journal.JournalFixture.dir;
import static io.troupe.journal.JournalFixture.group;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.config.LogConfig;
import io.troupe.journal.JournalCommand.Opened;
import io.troupe.journal.LogReader.SegmentInfo;
import io.troupe.record.ProducerStates;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.errors.OffsetOutOfRangeException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What becomes of a log whose start moves up: its files, its readers, its next opening. */
class LogStartTest {
    /** One batch to a segment. */
    private static final LogConfig SMALL = config(100, Long.MAX_VALUE);

    @TempDir
    Path root;

    private List<String> files() throws Exception {
        try (Stream<Path> files = Files.list(root.resolve("orders-0"))) {
            return files.map(f -> f.getFileName().toString()).sorted().toList();
        }
    }

    private static void await(Callable<Boolean> condition) throws Exception {
        long end = System.nanoTime() + 60_000_000_000L;
        while (!condition.call()) {
            assertTrue(System.nanoTime() < end, "not within 60 s");
            Thread.sleep(5);
        }
    }

    private static LogConfig rolling(long segmentMs) {
        return config(1 << 20, 1, "segment.ms", segmentMs);
    }

    @Test
    void segmentsTellTheirSizesAndTimes() throws Exception {
        LogDir dir = dir(root);
        LogReader reader = dir.open(PID, PARTITION, SMALL).reader();
        append(dir, batch(0, 2, 1_000, 0, 40));
        append(dir, batch(2, 1, 500, 0, 40));
        append(dir, batch(3, 1, -1, 0, 40));
        List<SegmentInfo> segments = reader.segments();
        assertEquals(3, segments.size());
        assertEquals(
                new SegmentInfo(0, 2, (int) Files.size(root.resolve("orders-0/" + Segment.fileName(0))), 1_001),
                segments.get(0));
        assertEquals(500, segments.get(1).largestTimestampMs());
        Path last = root.resolve("orders-0/" + Segment.fileName(3));
        assertEquals(Files.getLastModifiedTime(last).toMillis(), segments.get(2).largestTimestampMs());
        assertEquals(
                reader.sizeInBytes(),
                segments.stream().mapToLong(SegmentInfo::sizeInBytes).sum());
        dir.close();
    }

    @Test
    void filesBelowTheStartAreRenamedAtOnceAndGoneAtTheLatestAtTheNextOpening() throws Exception {
        LogDir dir = dir(root);
        dir.open(PID, PARTITION, config(100, Long.MAX_VALUE, "file.delete.delay.ms", 60_000));
        for (int i = 0; i < 4; i++) {
            append(dir, batch(i, 1, 1, 0, 40));
        }
        assertEquals(2, dir.advanceLogStart(PID, 2, false).join());
        String deleted = Segment.DELETED_SUFFIX;
        await(() -> files().equals(List.of(
                Segment.fileName(0) + deleted,
                Segment.fileName(1) + deleted,
                Segment.fileName(2),
                Segment.fileName(3))));
        dir.close();
        LogDir again = dir(root);
        assertEquals(2, again.open(PID, PARTITION, SMALL).logStartOffset());
        assertEquals(List.of(Segment.fileName(2), Segment.fileName(3)), files());
        again.advanceLogStart(PID, 3, false).join();
        await(() -> files().equals(List.of(Segment.fileName(3))));
        again.close();
    }

    @Test
    void theActiveSegmentStaysUnlessItIsAskedFor() throws Exception {
        LogDir dir = dir(root);
        LogReader reader = dir.open(PID, PARTITION, config(1 << 20, 1)).reader();
        append(dir, batch(0, 5, 1, 0, 10));
        assertEquals(5, dir.advanceLogStart(PID, 5, false).join());
        assertEquals(0, reader.segments().get(0).baseOffset());
        assertThrows(OffsetOutOfRangeException.class, () -> reader.read(4, 5, 100, true));
        assertFalse(reader.read(5, 5, 100, true).hasRemaining());
        assertEquals(5, dir.advanceLogStart(PID, 5, true).join());
        assertEquals(5, reader.segments().get(0).baseOffset());
        await(() -> files().equals(List.of(Segment.fileName(5))));
        append(dir, batch(5, 1, 1, 0, 10));
        assertTrue(reader.read(5, 6, 100, true).hasRemaining());
        assertEquals(6, dir.advanceLogStart(PID, 99, true).join(), "never beyond the end");
        dir.close();
    }

    @Test
    void whatWasAppendedSinceTheDecisionKeepsTheActiveSegment() throws Exception {
        LogDir dir = dir(root);
        LogReader reader = dir.open(PID, PARTITION, config(1 << 20, 1)).reader();
        append(dir, batch(0, 5, 1, 0, 10));
        append(dir, batch(5, 1, 1, 0, 10));
        assertEquals(5, dir.advanceLogStart(PID, 5, true).join());
        assertEquals(1, reader.segments().size());
        assertTrue(reader.read(5, 6, 1000, true).hasRemaining());
        dir.close();
    }

    @Test
    void aWhollyDeletedLogKeepsItsOffsetsAndProducersThroughACrash() throws Exception {
        LogDir dir = dir(root);
        dir.open(PID, PARTITION, SMALL);
        for (int i = 0; i < 3; i++) {
            append(dir, batch(i, 1, 1, 0, 40, Compression.NONE, 77, i));
        }
        dir.advanceLogStart(PID, 3, true).join();
        await(() -> files().equals(List.of(Segment.fileName(3))));
        crash(dir);
        LogDir again = dir(root);
        Opened opened = again.open(PID, PARTITION, SMALL);
        assertEquals(3, opened.logStartOffset());
        assertEquals(3, opened.logEndOffset());
        assertInstanceOf(
                ProducerStates.Check.Duplicate.class, opened.producers().check(77, (short) 0, 2, 2));
        again.append(PID, "writer-2", group(batch(3, 1, 1, 0, 40)), false, 0).join();
        again.close();
    }

    @Test
    void segmentsThatACrashLeftBelowTheStartGoAtTheNextOpening() throws Exception {
        LogDir dir = dir(root);
        dir.open(PID, PARTITION, SMALL);
        for (int i = 0; i < 4; i++) {
            append(dir, batch(i, 1, 1, 0, 40, Compression.NONE, 77, i));
        }
        Path first = root.resolve("orders-0/" + Segment.fileName(0));
        byte[] content = Files.readAllBytes(first);
        dir.advanceLogStart(PID, 2, false).join();
        await(() -> files().equals(List.of(Segment.fileName(2), Segment.fileName(3))));
        crash(dir);
        Files.write(first, content);
        LogDir again = dir(root);
        Opened opened = again.open(PID, PARTITION, SMALL);
        assertEquals(2, opened.logStartOffset());
        assertEquals(2, opened.reader().segments().get(0).baseOffset());
        await(() -> files().equals(List.of(Segment.fileName(2), Segment.fileName(3))));
        assertInstanceOf(
                ProducerStates.Check.Duplicate.class, opened.producers().check(77, (short) 0, 1, 1));
        again.close();
    }

    /** A power loss may take records that were deleted, for only their deletion was forced to disk. */
    @Test
    void offsetsBelowTheStartAreNeverGivenOutAgain() throws Exception {
        LogDir dir = dir(root);
        dir.open(PID, PARTITION, config(1 << 20, Long.MAX_VALUE));
        append(dir, batch(0, 3, 1, 0, 10));
        long whole = Files.size(root.resolve("orders-0/" + Segment.fileName(0)));
        append(dir, batch(3, 3, 1, 0, 10));
        dir.advanceLogStart(PID, 6, false).join();
        crash(dir);
        try (FileChannel file = FileChannel.open(
                root.resolve("orders-0/" + Segment.fileName(0)), java.nio.file.StandardOpenOption.WRITE)) {
            file.truncate(whole);
        }
        LogDir again = dir(root);
        Opened opened = again.open(PID, PARTITION, SMALL);
        assertEquals(6, opened.logStartOffset());
        assertEquals(6, opened.logEndOffset());
        assertEquals(List.of(Segment.fileName(6)), files());
        again.append(PID, "writer-2", group(batch(6, 1, 1, 0, 10)), false, 0).join();
        again.close();
        LogDir third = dir(root);
        assertEquals(7, third.open(PID, PARTITION, SMALL).logEndOffset());
        third.close();
    }

    @Test
    void aTruncationBelowTheStartMovesItDownForGood() throws Exception {
        LogDir dir = dir(root);
        dir.open(PID, PARTITION, config(1 << 20, 1));
        append(dir, batch(0, 3, 1, 0, 10));
        append(dir, batch(3, 3, 1, 0, 10));
        dir.advanceLogStart(PID, 5, false).join();
        dir.truncate(PID, 3);
        Opened opened = dir.open(PID, PARTITION, config(1 << 20, 1));
        assertEquals(3, opened.logStartOffset());
        assertEquals(3, opened.logEndOffset());
        dir.close();
    }

    @Test
    void aReadUnderWayOnADeletedSegmentFinishes() throws Exception {
        Segment segment = Segment.create(root, 0, 4096, Disk.SYSTEM);
        ByteBuffer written = batch(0, 1, 1, 0, 100);
        segment.append(new ByteBuffer[] {written.duplicate()}, new WriteBuffer());
        segment.closeWriter();
        FileChannel reading = segment.acquire();
        segment.retire();
        Files.delete(segment.path());
        ByteBuffer read = ByteBuffer.allocate(written.remaining());
        BatchCursor.readFully(reading, read, 0);
        assertEquals(written, read.flip());
        assertThrows(SegmentGoneException.class, segment::acquire);
        segment.release();
        assertFalse(reading.isOpen(), "the last reader closes it");
    }

    /** What cannot be read must not look ancient: retention would delete it. */
    @Test
    void aDamagedSegmentIsAsYoungAsItsFile() throws Exception {
        LogDir dir = dir(root);
        dir.open(PID, PARTITION, SMALL);
        append(dir, batch(0, 1, 1_000, 0, 40));
        append(dir, batch(1, 1, 2_000, 0, 40));
        dir.close();
        Path first = root.resolve("orders-0/" + Segment.fileName(0));
        byte[] bytes = Files.readAllBytes(first);
        bytes[16] = 9;
        Files.write(first, bytes);
        Directories.deleteRecursively(root.resolve(IndexStore.DIRECTORY));
        LogDir again = dir(root);
        SegmentInfo damaged =
                again.open(PID, PARTITION, SMALL).reader().segments().get(0);
        assertEquals(Files.getLastModifiedTime(first).toMillis(), damaged.largestTimestampMs());
        again.close();
    }

    /** By record time, as Kafka: it goes on where it was after a restart, and nothing rolls without an append. */
    @Test
    void aSegmentRollsWhenRecordsAreSegmentMsYoungerThanItsFirst() throws Exception {
        LogDir dir = dir(root);
        LogReader reader = dir.open(PID, PARTITION, rolling(1_000)).reader();
        append(dir, batch(0, 1, 10_000, 0, 10));
        append(dir, batch(1, 1, 11_000, 0, 10));
        assertEquals(1, reader.segments().size());
        dir.close();
        LogDir again = dir(root);
        reader = again.open(PID, PARTITION, rolling(1_000)).reader();
        again.append(PID, "writer-2", group(batch(2, 1, 9_000, 0, 10), batch(3, 1, 11_001, 0, 10)), false, 0)
                .join();
        assertEquals(
                List.of(0L, 3L),
                reader.segments().stream().map(SegmentInfo::baseOffset).toList());
        again.append(PID, "writer-2", group(batch(4, 1, 12_001, 0, 10)), false, Long.MAX_VALUE / 2)
                .join();
        assertEquals(2, reader.segments().size());
        again.close();
    }

    @Test
    void recordsWithoutTimesRollByTheClock() throws Exception {
        LogDir dir = dir(root);
        LogReader reader = dir.open(PID, PARTITION, rolling(1_000)).reader();
        long now = System.currentTimeMillis();
        dir.append(PID, "w", group(batch(0, 1, -1, 0, 10)), false, now).join();
        dir.append(PID, "w", group(batch(1, 1, -1, 0, 10)), false, now).join();
        assertEquals(1, reader.segments().size());
        dir.append(PID, "w", group(batch(2, 1, -1, 0, 10)), false, now + 60_000).join();
        assertEquals(2, reader.segments().size());
        dir.close();
    }
}
