package io.troupe.journal;

import static io.troupe.journal.JournalFixture.PARTITION;
import static io.troupe.journal.JournalFixture.PID;
import static io.troupe.journal.JournalFixture.append;
import static io.troupe.journal.JournalFixture.batch;
import static io.troupe.journal.JournalFixture.config;
import static io.troupe.journal.JournalFixture.crash;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What fails, or begins again, keeps no file open. */
class OpenFilesTest {
    @TempDir
    Path root;

    private final FaultyDisk disk = new FaultyDisk();

    private LogDir dir() {
        return LogDir.open(root, 1, Optional.empty(), disk);
    }

    private List<Path> openSegments() {
        return disk.openFiles(FaultyDisk.segments());
    }

    @Test
    void aRecoveryThatFailsLeavesNoneOpen() throws Exception {
        LogDir before = dir();
        before.open(PID, PARTITION, config(100, Long.MAX_VALUE));
        append(before, batch(0, 1, 1, 0, 50), batch(1, 1, 2, 0, 50), batch(2, 1, 3, 0, 50));
        crash(before);
        List<Path> ofTheKilledOne = openSegments();

        try (LogDir dir = dir()) {
            // The tail is forced before the log serves.
            disk.failNextFsync = FaultyDisk.segments();
            assertThrows(IOException.class, () -> dir.open(PID, PARTITION, config(100, 1)));
            assertEquals(ofTheKilledOne, openSegments());
        }
    }

    @Test
    void aReadThatMustBeginAnewLeavesNoneOpen() throws Exception {
        int large = 1 << 20;
        try (LogDir dir = dir()) {
            LogReader reader =
                    dir.open(PID, PARTITION, config(64 << 20, Long.MAX_VALUE)).reader();
            append(dir, batch(0, 1, 1, 0, large), batch(1, 1, 2, 0, 50));
            AtomicInteger opened = new AtomicInteger();
            disk.opened = path -> {
                // First the reader's channel, then the answer's own: just then the log is cut.
                if (opened.incrementAndGet() == 2) {
                    truncate(dir, 1);
                }
            };
            assertThrows(
                    IOException.class, () -> reader.slice(0, Long.MAX_VALUE, 1, true, large / 2, ByteBuffer::allocate));
            assertEquals(List.of(), openSegments());
        }
    }

    private static void truncate(LogDir dir, long endOffset) {
        try {
            dir.truncate(PID, endOffset);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }
}
