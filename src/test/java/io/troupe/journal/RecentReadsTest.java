package io.troupe.journal;

import static io.troupe.journal.JournalFixture.PARTITION;
import static io.troupe.journal.JournalFixture.PID;
import static io.troupe.journal.JournalFixture.WRITER;
import static io.troupe.journal.JournalFixture.batch;
import static io.troupe.journal.JournalFixture.config;
import static io.troupe.journal.JournalFixture.dir;
import static io.troupe.journal.JournalFixture.group;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.config.LogConfig;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Which reads are expected to find the page cache. */
class RecentReadsTest {
    private static final int MIB = 1 << 20;

    @TempDir
    Path root;

    private final LogConfig config = config(4 * MIB, Long.MAX_VALUE);

    private static void append(LogDir dir, long offset, long nowMs) {
        dir.append(PID, WRITER, group(batch(offset, 1, 1_000, 1, MIB)), false, nowMs);
    }

    @Test
    void theLastMegabytesOfALogThatIsWrittenAreRecentWhicheverSegmentTheyAreIn() throws Exception {
        try (LogDir dir = dir(root)) {
            LogReader reader = dir.open(PID, PARTITION, config).reader();
            assertFalse(reader.isRecent(0), "nothing was written");
            for (int i = 0; i < 40; i++) {
                append(dir, i, System.currentTimeMillis());
            }
            assertTrue(reader.isRecent(40));
            assertTrue(reader.isRecent(39));
            assertTrue(reader.isRecent(26));
            assertFalse(reader.isRecent(22));
            assertFalse(reader.isRecent(0));
        }
    }

    @Test
    void whatWasWrittenLongAgoOrByAnotherProcessIsNot() throws Exception {
        try (LogDir dir = dir(root)) {
            LogReader reader = dir.open(PID, PARTITION, config).reader();
            append(dir, 0, System.currentTimeMillis() - 120_000);
            assertFalse(reader.isRecent(0));
            append(dir, 1, System.currentTimeMillis());
            assertTrue(reader.isRecent(0));
        }
        try (LogDir dir = dir(root)) {
            assertFalse(dir.open(PID, PARTITION, config).reader().isRecent(1));
        }
    }
}
