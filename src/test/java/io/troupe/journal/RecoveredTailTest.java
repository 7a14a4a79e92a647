package io.troupe.journal;

import static io.troupe.journal.JournalFixture.PID;
import static io.troupe.journal.JournalFixture.WRITER;
import static io.troupe.journal.JournalFixture.config;
import static io.troupe.journal.JournalFixture.group;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.config.LogConfig;
import io.troupe.journal.JournalCommand.EpochStart;
import io.troupe.journal.JournalCommand.Opened;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/** How durable it is what a start finds after a kill and nobody had forced: as before the kill, unless the settings ask for more. */
class RecoveredTailTest extends OnCrashDisk {
    /** Or somebody would read a record that is not, where the settings say that nobody does. */
    @Test
    void whatAKilledProcessWroteIsDurableOnceTheNextHasOpenedItWhereFlushMessagesIsSet() throws Exception {
        open(ONE_BATCH_SEGMENTS);
        append(WRITER, one(0), one(1), one(2));
        kill();
        assertEquals(3, open(config(150, 1_000)).logEndOffset());
        cutPower();
        assertEquals(3, open(ONE_BATCH_SEGMENTS).logEndOffset());
    }

    @Test
    void elseItServesUnforcedAndClosedSegmentsAreForcedInTheBackground() throws Exception {
        open(ONE_BATCH_SEGMENTS);
        append(WRITER, one(0), one(1), one(2));
        kill();
        long before = disk.fsyncs();
        assertEquals(3, open(ONE_BATCH_SEGMENTS).logEndOffset());
        assertEquals(before, disk.fsyncs(), "nobody waits for the disk");
        run();
        cutPower();
        // As before the kill: only what a roll leaves behind is forced unasked.
        assertEquals(2, open(ONE_BATCH_SEGMENTS).logEndOffset());
    }

    @Test
    void aRecoveredTailIsForcedAfterFlushMs() throws Exception {
        LogConfig config = config(1 << 20, Long.MAX_VALUE, "flush.ms", 50);
        open(config);
        append(WRITER, one(0));
        kill();
        assertEquals(1, open(config).logEndOffset());
        background.timersGoOff();
        run();
        run();
        cutPower();
        assertEquals(1, open(config).logEndOffset());
    }

    @Test
    void aRecoveredTailIsForcedWithWhatIsFlushedBehindIt() throws Exception {
        open(ONE_BATCH_SEGMENTS);
        append(WRITER, one(0), one(1));
        kill();
        open(ONE_BATCH_SEGMENTS);
        CompletableFuture<Void> answer = dir.append(PID, "w2", group(one(2)), true, 0);
        fsyncs.runAll(random);
        assertTrue(answer.isDone());
        cutPower();
        assertEquals(3, open(ONE_BATCH_SEGMENTS).logEndOffset());
    }

    @Test
    void aRecoveredTailIsForcedBeforeItsLogOrItsDirIsClosedInOrder() throws Exception {
        for (boolean wholeDir : new boolean[] {false, true}) {
            open(ONE_BATCH_SEGMENTS);
            long end = dir.readerOf(PID).logEndOffset();
            append("w" + end, one(end), one(end + 1));
            kill();
            open(ONE_BATCH_SEGMENTS);
            if (wholeDir) {
                dir.close();
            } else {
                dir.closeLog(PID);
            }
            cutPower();
            Opened opened = open(ONE_BATCH_SEGMENTS);
            assertTrue(opened.cleanShutdown() || !wholeDir);
            assertEquals(end + 2, opened.logEndOffset());
        }
    }

    /** Of a write that the kill tore: what comes in its place must not be mixed with it by a power cut. */
    @Test
    void aTornTailIsCutUnforcedAndTheLogGoesOnInAnotherFile() throws Exception {
        LogConfig config = config(1 << 20, Long.MAX_VALUE);
        open(config);
        append(WRITER, one(0), one(1));
        dir.abandon();
        int whole = one(0).remaining();
        try (var channel = disk.open(segment(0), StandardOpenOption.WRITE)) {
            channel.truncate(2L * whole - 1);
        }
        open();
        long before = disk.fsyncs();
        assertEquals(1, open(config).logEndOffset());
        assertEquals(before, disk.fsyncs(), "nobody waits for the disk");
        assertEquals(whole, disk.size(segment(0)));
        append("w2", one(1, 7));
        kill();
        Opened opened = open(config);
        assertEquals(2, opened.logEndOffset());
        assertEquals(one(1, 7), opened.reader().read(1, 2, 1 << 16, true));
        assertEquals(whole, disk.size(segment(1)));
        run();
        cutPower();
        assertEquals(1, open(config).logEndOffset(), "closed, and forced in the background");
    }

    /** The recovery point stays where it was: what stands below it is never looked at again. */
    @Test
    void aRecoveredTailThatThePowerSpoiltIsCutByTheNextRecovery() throws Exception {
        LogConfig config = config(1 << 20, Long.MAX_VALUE);
        open(config);
        append(WRITER, one(0), one(1));
        kill();
        assertEquals(2, open(config).logEndOffset());
        dir.abandon();
        disk.spoil(segment(0), one(0).remaining() + 70);
        open();
        assertEquals(1, open(config).logEndOffset());
    }

    /** A follower would tell its leader that it has what lay in the hole. */
    @Test
    void aHoleInACompactedLogIsNoneOfCompactionsThoughTheMetaLogIsDamaged() throws Exception {
        LogConfig config = config(150, Long.MAX_VALUE, "cleanup.policy", "compact");
        open(config);
        append(WRITER, one(0), one(1), one(2));
        dir.abandon();
        disk.delete(segment(1));
        disk.spoil(root.resolve(MetaLog.FILE), 10);
        open();
        Opened opened = open(config);
        assertEquals(1, opened.logEndOffset());
        assertEquals(one(0), opened.reader().read(0, 9, 1 << 16, true));
    }

    /** It would name the epoch of records that other ones took the place of. */
    @Test
    void anEpochBeyondTheEndIsForgottenForGood() throws Exception {
        LogConfig config = config(1 << 20, Long.MAX_VALUE);
        open(config);
        append(WRITER, one(0, 1), one(1, 1));
        dir.startEpoch(PID, 5, 2);
        fsyncs.runAll(random);
        cutPower();
        // The records are gone, and with them where the epoch began.
        assertEquals(List.of(new EpochStart(1, 0)), open(config).epochs());
        append("w2", one(0, 1), one(1, 1), one(2, 1));
        dir.append(PID, "w2", group(one(3, 1)), true, 0);
        fsyncs.runAll(random);
        cutPower();
        assertEquals(List.of(new EpochStart(1, 0)), open(config).epochs());
    }
}
