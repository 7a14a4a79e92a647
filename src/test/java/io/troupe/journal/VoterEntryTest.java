package io.troupe.journal;

import static io.troupe.journal.JournalFixture.PID;
import static io.troupe.journal.JournalFixture.WRITER;
import static io.troupe.journal.JournalFixture.batch;
import static io.troupe.journal.JournalFixture.group;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.journal.JournalCommand.Opened;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/** What a voter makes of an entry that is not what was written. */
class VoterEntryTest extends OnCrashDisk {
    /** A broker alone would not start again after a power cut: this entry was never answered. */
    @Test
    void aVotersEntryThatThePowerCutIsNoDamage() throws Exception {
        dir.open(PID, Journals.METADATA_PARTITION, Journals.METADATA_LOG);
        CompletableFuture<Void> answer = dir.append(PID, WRITER, group(one(0)), true, 0);
        run();
        assertTrue(answer.isDone());
        dir.append(PID, WRITER, group(batch(1, 1, 1, 1, 10_000)), true, 0);
        dir.abandon();
        Path file = root.resolve("__cluster_metadata-0").resolve(Segment.fileName(0));
        try (var channel = disk.open(file, StandardOpenOption.WRITE)) {
            channel.write(ByteBuffer.allocate(CrashFile.PAGE), CrashFile.PAGE);
        }
        open();
        assertEquals(
                1,
                dir.open(PID, Journals.METADATA_PARTITION, Journals.METADATA_LOG)
                        .logEndOffset());
    }

    private Opened openVoter() throws Exception {
        return dir.open(PID, Journals.METADATA_PARTITION, Journals.METADATA_LOG);
    }

    /** However little of it lay in the page that was lost. */
    @Test
    void aVotersEntryIsNoDamageHoweverFewBytesThePowerCutTook() throws Exception {
        Path file = root.resolve("__cluster_metadata-0").resolve(Segment.fileName(0));
        int overhead = VoterEntry.batch(0, new byte[200], 1).remaining() - 200;
        for (int over = 1; over < 20; over++) {
            for (boolean damaged : new boolean[] {false, true}) {
                long end = openVoter().logEndOffset();
                int free = CrashFile.PAGE - (int) disk.size(file) % CrashFile.PAGE;
                ByteBuffer fills = VoterEntry.batch(end, new byte[free + CrashFile.PAGE - overhead + over], 1);
                dir.append(PID, "w" + end, group(fills), true, 0);
                run();
                dir.abandon();
                int size = (int) disk.size(file);
                int last = size % CrashFile.PAGE;
                assertEquals(over, last, "bytes in the last page");
                if (damaged) {
                    disk.spoil(file, size - CrashFile.PAGE);
                } else {
                    try (var channel = disk.open(file, StandardOpenOption.WRITE)) {
                        channel.write(ByteBuffer.allocate(last), size - last);
                    }
                }
                open();
                if (damaged) {
                    assertThrows(IOException.class, this::openVoter);
                    dir.abandon();
                    disk.spoil(file, size - CrashFile.PAGE);
                    open();
                    assertEquals(end + 1, openVoter().logEndOffset());
                    dir.truncate(PID, 0);
                } else {
                    assertEquals(end, openVoter().logEndOffset(), last + " bytes in the last page");
                }
            }
        }
    }

    /** Of a build before entries were marked: its last bytes may be zeroes of its own, so what is wrong lies elsewhere. */
    @Test
    void anEntryWithoutMarkIsNotTornForAFewZeroes() {
        int overhead = batch(0, 1, 1, 0, 200).remaining() - 200;
        for (int over = 1; over < 16; over++) {
            ByteBuffer entry = batch(0, 1, 1, 0, CrashFile.PAGE - overhead + over);
            assertEquals(CrashFile.PAGE + over, entry.remaining());
            for (int at = CrashFile.PAGE; at < entry.limit(); at++) {
                assertEquals(0, entry.get(at));
            }
            assertFalse(VoterEntry.isTorn(entry, 0), over + " zeroes");
            assertTrue(VoterEntry.isTorn(batch(0, 1, 1, 0, CrashFile.PAGE - overhead + 16), 0));
        }
    }
}
