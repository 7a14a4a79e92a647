package io.troupe.journal;

import static io.troupe.journal.JournalFixture.PARTITION;
import static io.troupe.journal.JournalFixture.PID;
import static io.troupe.journal.JournalFixture.append;
import static io.troupe.journal.JournalFixture.batch;
import static io.troupe.journal.JournalFixture.config;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.config.LogConfig;
import io.troupe.journal.LogReader.TimestampedOffset;
import io.troupe.record.BatchHeader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a look-up reads of the segments, in bytes: the same whether the log is short or long. */
class LookupCostTest {
    private static final int BATCHES_PER_SEGMENT = 150;
    private static final LogConfig CONFIG =
            config(BATCHES_PER_SEGMENT * 2_200, Long.MAX_VALUE, "index.interval.bytes", 4_096);
    /** Two looks near an index entry, each of a window and what of a batch goes beyond it. */
    private static final long MOST_BYTES = 2 * (BatchCursor.LOOKUP_WINDOW + 4_096);

    @TempDir
    Path root;

    private FaultyDisk disk = new FaultyDisk();

    private interface Lookup {
        Optional<TimestampedOffset> run() throws IOException;
    }

    private long bytesRead(Path path) throws IOException {
        try (Stream<Path> files = Files.list(path.resolve("orders-0"))) {
            return files.mapToLong(disk::bytesRead).sum();
        }
    }

    private void assertCheap(Path path, long expectedOffset, Lookup lookup) throws IOException {
        long before = bytesRead(path);
        assertEquals(expectedOffset, lookup.run().map(TimestampedOffset::offset).orElse(-1L));
        long read = bytesRead(path) - before;
        assertTrue(read <= MOST_BYTES, read + " bytes read, at most " + MOST_BYTES + " expected");
    }

    /** Batches of one record at times 1000, 1001, and so on, but for one in the middle that has the greatest. */
    private LogReader written(LogDir dir, int segments) throws IOException {
        LogReader reader = dir.open(PID, PARTITION, CONFIG).reader();
        int batches = segments * BATCHES_PER_SEGMENT;
        for (int i = 0; i < batches; i++) {
            append(dir, batch(i, 1, i == batches / 2 ? 1_000_000 : 1_000 + i, 0, 2_048));
        }
        assertTrue(reader.segments().size() >= segments, reader.segments().size() + " segments");
        return reader;
    }

    @Test
    void lookupsReadAFewBatchesHoweverLongTheLogIs() throws Exception {
        for (int segments : new int[] {2, 12}) {
            Path path = root.resolve("of-" + segments);
            LogDir dir = LogDir.open(path, 1, Optional.empty(), disk);
            LogReader reader = written(dir, segments);
            dir.awaitBackground();
            long end = reader.logEndOffset();
            long middle = end / 2;
            for (long offset : List.of(0L, middle / 3, middle, middle + middle / 2, end - 1)) {
                assertCheap(path, offset, () -> {
                    long found = BatchHeader.baseOffset(reader.read(offset, Long.MAX_VALUE, 1, true), 0);
                    return Optional.of(new TimestampedOffset(found, 0, 0));
                });
                long at = offset <= middle ? offset : middle;
                assertCheap(path, at, () -> reader.offsetForTimestamp(1_000 + offset, Long.MAX_VALUE));
                assertCheap(path, offset, () -> reader.firstRecord(offset, Long.MAX_VALUE));
            }
            assertCheap(path, -1, () -> reader.firstRecord(end, Long.MAX_VALUE));
            assertCheap(path, middle, () -> reader.offsetForTimestamp(900_000, Long.MAX_VALUE));
            assertCheap(path, -1, () -> reader.offsetForTimestamp(1_000_001, Long.MAX_VALUE));
            assertCheap(path, middle, () -> reader.maxTimestamp(Long.MAX_VALUE));
            assertCheap(path, middle, () -> reader.maxTimestamp(middle + 40));
            assertCheap(path, middle - 1, () -> reader.maxTimestamp(middle));

            // The log start in the middle of a segment.
            long start = middle - 40;
            dir.advanceLogStart(PID, start, false).join();
            assertCheap(path, start, () -> reader.offsetForTimestamp(0, Long.MAX_VALUE));
            assertCheap(path, middle, () -> reader.maxTimestamp(Long.MAX_VALUE));
            assertCheap(path, middle, () -> reader.maxTimestamp(middle + 40));
            assertCheap(path, middle - 1, () -> reader.maxTimestamp(middle));

            // And behind the batch with the greatest timestamp, which still stands in the first segment.
            long behind = middle + 5;
            dir.advanceLogStart(PID, behind, false).join();
            assertCheap(path, end - 1, () -> reader.maxTimestamp(Long.MAX_VALUE));
            assertCheap(path, end - 2, () -> reader.maxTimestamp(end - 1));
            assertCheap(path, behind + 60, () -> reader.offsetForTimestamp(1_000 + behind + 60, Long.MAX_VALUE));
            assertCheap(path, -1, () -> reader.offsetForTimestamp(900_000, Long.MAX_VALUE));
            dir.close();
        }
    }

    /** Against a plain search, with times in any order and any two bounds. */
    @Test
    void theGreatestTimestampBetweenAnyBoundsIsFound() throws Exception {
        long seed = 11;
        Random random = new Random(seed);
        LogDir dir = LogDir.open(root, 1, Optional.empty(), disk);
        LogConfig config = config(3_000, Long.MAX_VALUE, "index.interval.bytes", 300);
        LogReader reader = dir.open(PID, PARTITION, config).reader();
        int[] times = random.ints(120, 1, 60).toArray();
        for (int i = 0; i < times.length; i++) {
            append(dir, batch(i, 1, times[i], 0, 40));
        }
        for (int start = 0; start < times.length; start += random.nextInt(6)) {
            dir.advanceLogStart(PID, start, false).join();
            for (int i = 0; i < 20; i++) {
                int end = start + random.nextInt(times.length - start + 1);
                long expected = -1;
                for (int at = start; at < end; at++) {
                    expected = expected < 0 || times[at] > times[(int) expected] ? at : expected;
                }
                long found =
                        reader.maxTimestamp(end).map(TimestampedOffset::offset).orElse(-1L);
                assertEquals(expected, found, "in [" + start + ", " + end + "), seed " + seed);
            }
        }
        dir.close();
    }
}
