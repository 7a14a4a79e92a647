package io.troupe.journal;

import static io.troupe.journal.JournalFixture.PARTITION;
import static io.troupe.journal.JournalFixture.PID;
import static io.troupe.journal.JournalFixture.append;
import static io.troupe.journal.JournalFixture.batch;
import static io.troupe.journal.JournalFixture.config;
import static io.troupe.journal.JournalFixture.crash;
import static io.troupe.journal.JournalFixture.dir;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.config.LogConfig;
import io.troupe.journal.LogReader.InFile;
import io.troupe.journal.LogReader.InMemory;
import io.troupe.record.BatchHeader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Batches that are too large to be held in memory for a reader. */
class LargeBatchTest {
    private static final int MOST_IN_MEMORY = 100_000;
    private static final int LARGE = 1 << 20;

    @TempDir
    Path root;

    private final LogConfig config = config(64 << 20, Long.MAX_VALUE);
    private final ByteBuffer small = batch(0, 1, 1_000, 1, 100);
    private final ByteBuffer large = batch(1, 3, 2_000, 1, LARGE);
    private final ByteBuffer last = batch(4, 1, 3_000, 1, 100);

    private LogReader written(LogDir dir) throws Exception {
        LogReader reader = dir.open(PID, PARTITION, config).reader();
        append(dir, small.duplicate(), large.duplicate(), last.duplicate());
        return reader;
    }

    private static LogReader.Slice slice(LogReader reader, long offset, int maxBytes) throws IOException {
        return reader.slice(offset, Long.MAX_VALUE, maxBytes, true, MOST_IN_MEMORY, ByteBuffer::allocate);
    }

    private static ByteBuffer bytes(InFile slice) throws IOException {
        try (FileChannel file = slice.file()) {
            ByteBuffer all = ByteBuffer.allocate(slice.sizeInBytes());
            BatchCursor.readFully(file, all, slice.position());
            return all.flip();
        }
    }

    @Test
    void aLargeBatchComesAloneAndStaysInItsFile() throws Exception {
        try (LogDir dir = dir(root)) {
            LogReader reader = written(dir);
            assertEquals(
                    small,
                    assertInstanceOf(InMemory.class, slice(reader, 0, 10_000)).batches());
            for (long offset = 1; offset < 4; offset++) {
                InFile slice = assertInstanceOf(InFile.class, slice(reader, offset, 1));
                assertEquals(large, bytes(slice));
            }
            assertInstanceOf(InFile.class, slice(reader, 1, Integer.MAX_VALUE));
            assertEquals(
                    last, assertInstanceOf(InMemory.class, slice(reader, 4, 1)).batches());
            assertEquals(
                    0,
                    reader.slice(1, Long.MAX_VALUE, 1, false, MOST_IN_MEMORY, ByteBuffer::allocate)
                            .sizeInBytes());
            assertEquals(
                    0,
                    reader.slice(1, 3, 1, true, MOST_IN_MEMORY, ByteBuffer::allocate)
                            .sizeInBytes(),
                    "beyond the HW");
        }
    }

    @Test
    void itIsReadToItsEndAlthoughItsSegmentIsDeleted() throws Exception {
        try (LogDir dir = dir(root)) {
            InFile slice = assertInstanceOf(InFile.class, slice(written(dir), 1, 1));
            Files.delete(segment());
            assertEquals(large, bytes(slice));
        }
    }

    @Test
    void oneThatTheDiskHasSpoiltIsNotHandedOn() throws Exception {
        try (LogDir before = dir(root)) {
            written(before);
        }
        try (FileChannel file = FileChannel.open(segment(), StandardOpenOption.WRITE)) {
            file.write(ByteBuffer.wrap(new byte[] {77}), small.limit() + large.limit() - 5L);
        }
        try (LogDir dir = dir(root)) {
            LogReader reader = dir.open(PID, PARTITION, config).reader();
            assertEquals(5, reader.logEndOffset(), "a clean stop: nothing was read at the start");
            IOException corrupt = assertThrows(IOException.class, () -> slice(reader, 1, 1));
            assertTrue(corrupt.getMessage().contains("CRC"), corrupt.getMessage());
            assertEquals(
                    last, assertInstanceOf(InMemory.class, slice(reader, 4, 1)).batches());
        }
    }

    @Test
    void aSoundOneIsServedAgainAfterACrash() throws Exception {
        LogDir before = dir(root);
        written(before);
        crash(before);
        try (LogDir dir = dir(root)) {
            LogReader reader = dir.open(PID, PARTITION, config).reader();
            assertEquals(large, bytes(assertInstanceOf(InFile.class, slice(reader, 2, 1))));
        }
    }

    @Test
    void aLookUpByTimeFindsTheRecordWithinIt() throws Exception {
        try (LogDir dir = dir(root)) {
            LogReader reader = written(dir);
            assertEquals(
                    Optional.of(new LogReader.TimestampedOffset(2, 2_001, 1)),
                    reader.offsetForTimestamp(2_001, Long.MAX_VALUE));
            assertEquals(
                    Optional.of(new LogReader.TimestampedOffset(4, 3_000, 1)), reader.maxTimestamp(Long.MAX_VALUE));
        }
    }

    @Test
    void withOneTimeForAllRecordsTheFirstIsTheAnswer() throws Exception {
        try (LogDir dir = dir(root)) {
            BatchHeader.stampLogAppendTime(large, 0, 2_500);
            LogReader reader = written(dir);
            assertEquals(
                    Optional.of(new LogReader.TimestampedOffset(1, 2_500, 1)),
                    reader.offsetForTimestamp(1_001, Long.MAX_VALUE));
        }
    }

    private Path segment() throws IOException {
        try (Stream<Path> files = Files.walk(root)) {
            return files.filter(f -> f.toString().endsWith("00000000000000000000.log"))
                    .findFirst()
                    .orElseThrow();
        }
    }
}
