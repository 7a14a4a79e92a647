package io.troupe.journal;

import static io.troupe.journal.JournalFixture.PID;
import static io.troupe.journal.JournalFixture.WRITER;
import static io.troupe.journal.JournalFixture.batch;
import static io.troupe.journal.JournalFixture.config;
import static io.troupe.journal.JournalFixture.readAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.config.LogConfig;
import io.troupe.journal.JournalCommand.Opened;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Truncations and new beginnings in which the power goes, at each operation on the disk: they are whole, or did not happen. */
class CutShortTest extends OnCrashDisk {
    private static final LogConfig CONFIG = config(1 << 20, 1);
    private static final int MOST_OPERATIONS = 40;
    private static final int DRAWS = 12;

    private final ByteBuffer first = batch(0, 3, 1_000, 1, 200);
    // Of several pages, of which a power loss may take any.
    private final ByteBuffer second = batch(3, 3, 2_000, 2, 3_000);

    private interface Change {
        void run() throws IOException;
    }

    private interface Check {
        void of(Opened found) throws Exception;
    }

    private void wherever(Change change, Check check) throws Exception {
        boolean done = false;
        for (int operations = 0; !done; operations++) {
            assertTrue(operations < MOST_OPERATIONS, "it takes more operations than are tried");
            for (int draw = 0; draw < DRAWS; draw++) {
                dir.abandon();
                Directories.deleteRecursively(root.resolve(IndexStore.DIRECTORY));
                disk = CrashDisk.empty(root);
                open();
                open(CONFIG);
                append(WRITER, first.duplicate(), second.duplicate());
                run();
                // So that recovery believes all of it.
                dir.closeLog(PID);
                open(CONFIG);
                disk.cutPowerAfter(operations);
                try {
                    change.run();
                    done = true;
                } catch (IOException e) {
                    assertTrue(disk.isCut(), e.toString());
                }
                dir.abandon();
                disk = disk.survivor(random);
                open();
                check.of(open(CONFIG));
            }
        }
    }

    @Test
    void aTruncationWithinABatchLeavesNothingHalfThere() throws Exception {
        wherever(() -> dir.truncate(PID, 4), found -> {
            long end = found.logEndOffset();
            assertTrue(end == 3 || end == 6, "ends at " + end);
            int bytes = first.limit() + (end == 6 ? second.limit() : 0);
            assertEquals(bytes, readAll(found.reader(), 0).limit());
        });
    }

    @Test
    void aLogThatBeginsAnewIsTheOldOneOrEmpty() throws Exception {
        wherever(() -> dir.startAt(PID, 50), found -> {
            if (found.logStartOffset() == 50) {
                assertEquals(50, found.logEndOffset());
                assertEquals(0, found.reader().sizeInBytes());
                assertEquals(List.of(), found.epochs());
            } else {
                assertEquals(0, found.logStartOffset());
                assertEquals(6, found.logEndOffset());
                assertEquals(
                        first.limit() + second.limit(),
                        readAll(found.reader(), 0).limit());
                assertEquals(2, found.epochs().size());
            }
        });
    }
}
