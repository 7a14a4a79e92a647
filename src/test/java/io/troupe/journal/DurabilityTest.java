package io.troupe.journal;

import static io.troupe.journal.JournalFixture.PID;
import static io.troupe.journal.JournalFixture.WRITER;
import static io.troupe.journal.JournalFixture.batch;
import static io.troupe.journal.JournalFixture.config;
import static io.troupe.journal.JournalFixture.readAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.config.CleanerConfig;
import io.troupe.config.LogConfig;
import io.troupe.journal.CrashDisk.Loss;
import io.troupe.journal.JournalCommand.EpochStart;
import io.troupe.journal.JournalCommand.Opened;
import io.troupe.journal.MetaRecord.Kind;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.apache.kafka.common.compress.Compression;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What the next start makes of what a kill, a power cut or damage left on disk: one case per rule. */
class DurabilityTest extends OnCrashDisk {
    @ParameterizedTest
    @ValueSource(strings = {"delete", "compact"})
    void aSegmentBehindLostRecordsIsPutAside(String cleanupPolicy) throws Exception {
        LogConfig config = config(150, Long.MAX_VALUE, "cleanup.policy", cleanupPolicy);
        open(config);
        append(WRITER, one(0), one(1), one(2));
        dir.abandon();
        assertTrue(disk.delete(segment(1)));
        open();
        Opened opened = open(config);
        assertEquals(1, opened.logEndOffset());
        assertEquals(one(0), readAll(opened.reader(), 0));
        assertTrue(disk.exists(segment(2).resolveSibling(Segment.fileName(2) + ".cut")));
        append("w2", one(1));
        assertEquals(2, opened.reader().logEndOffset());
    }

    @Test
    void whatIsWrittenInThePlaceOfLostRecordsIsNotCleanedUnderTheirHighWatermark() throws Exception {
        LogConfig config = config(150, Long.MAX_VALUE, "cleanup.policy", "compact", "min.cleanable.dirty.ratio", 0);
        open(config);
        append(WRITER, one(0), one(1), one(2), one(3));
        dir.checkpointHighWatermark(PID, 4, 1_000_000);
        dir.abandon();
        assertTrue(disk.delete(segment(1)));
        open();
        assertEquals(1, open(config).highWatermark());
        append("w2", one(1), one(2), one(3));
        run();
        LogCleaner cleaner = dir.newCleaner(
                CleanerConfig.DEFAULT, new CleanerThrottle(Double.MAX_VALUE), Long.MAX_VALUE, () -> 1_000_000);
        assertTrue(cleaner.cleanNext(), "offset 0");
        assertFalse(cleaner.cleanNext(), "nothing else is below the high watermark");
        assertEquals(1, cleaner.counters().recordsBefore());
    }

    /** The log had been closed with a last segment of the same size, and that is the newest that meta.log knows. */
    @Test
    void aSegmentAsLongAsTheOneThatWasLastAtTheClosingIsNotTakenForIt() throws Exception {
        LogConfig config = config(150, 1);
        open(config);
        append(WRITER, one(0));
        dir.close();
        open();
        open(config);
        CompletableFuture<Void> answer = append("w2", one(1));
        fsyncs.runAll(random);
        assertTrue(answer.isDone());
        cutPower();
        Opened opened = open(config);
        assertFalse(opened.cleanShutdown());
        assertEquals(2, opened.logEndOffset());
    }

    @Test
    void aLogStartNeverGoesBackWhenTheRecordsBelowItAreLost() throws Exception {
        LogConfig config = config(1 << 20, Long.MAX_VALUE);
        open(config);
        append(WRITER, one(0), one(1), one(2), one(3));
        CompletableFuture<Long> answer = dir.advanceLogStart(PID, 3, false);
        run();
        assertTrue(answer.isDone());
        cutPower();
        Opened opened = open(config);
        assertEquals(3, opened.logStartOffset());
        assertEquals(3, opened.logEndOffset());
        assertTrue(append("w2", one(3)).isDone());
        kill();
        opened = open(config);
        assertEquals(3, opened.logStartOffset());
        assertEquals(4, opened.logEndOffset());
    }

    @Test
    void aDeletionBelowTheLogStartThatIsHalfUndoneCostsNothingAbove() throws Exception {
        open(ONE_BATCH_SEGMENTS);
        append(WRITER, one(0), one(1), one(2), one(3));
        dir.advanceLogStart(PID, 2, false);
        fsyncs.runAll(random);
        dir.abandon();
        assertTrue(disk.delete(segment(1)));
        open();
        Opened opened = open(ONE_BATCH_SEGMENTS);
        assertEquals(2, opened.logStartOffset());
        assertEquals(4, opened.logEndOffset());
        assertFalse(disk.exists(segment(0)), "retention had it");
    }

    @Test
    void aTruncationBelowTheLogStartIsRemembered() throws Exception {
        LogConfig config = config(1 << 20, 1);
        open(config);
        append(WRITER, one(0), one(1), one(2), one(3));
        dir.advanceLogStart(PID, 3, false);
        run();
        dir.truncate(PID, 1);
        assertEquals(1, open(config).logStartOffset());
        append("w2", one(1), one(2), one(3));
        run();
        cutPower();
        Opened opened = open(config);
        assertEquals(1, opened.logStartOffset());
        assertEquals(4, opened.logEndOffset());
    }

    /** Of the names that a truncation of everything deletes, a power loss may bring any back. */
    @Test
    void aSegmentThatOutlivesATruncationOfAllBeforeItIsPutAside() throws Exception {
        open(ONE_BATCH_SEGMENTS);
        append(WRITER, one(0), one(1), one(2));
        run();
        dir.truncate(PID, 0);
        dir.abandon();
        try (var late = disk.open(segment(2), StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            late.write(one(2), 0);
        }
        open();
        Opened opened = open(ONE_BATCH_SEGMENTS);
        assertEquals(0, opened.logStartOffset());
        assertEquals(0, opened.logEndOffset());
    }

    /** One that later ones outlived, as none of them was fsynced. */
    @Test
    void anEpochWhoseRecordIsLostIsLearntAgainFromItsBatches() throws Exception {
        LogConfig config = config(1 << 20, Long.MAX_VALUE);
        open(config);
        append(WRITER, one(0, 1));
        int at = (int) disk.size(root.resolve(MetaLog.FILE));
        append(WRITER, one(1, 2));
        append(WRITER, one(2, 3), one(3, 3));
        dir.abandon();
        disk.spoil(root.resolve(MetaLog.FILE), at + 10);
        open();
        assertEquals(
                List.of(new EpochStart(1, 0), new EpochStart(2, 1), new EpochStart(3, 2)),
                open(config).epochs());
    }

    /** Not even when it is the active segment's, which an unclean start reads: it was durable, and what follows is. */
    @Test
    void aFlippedBitInDurableRecordsCutsNothing() throws Exception {
        LogConfig config = config(1 << 20, Long.MAX_VALUE);
        open(config);
        append(WRITER, one(0), one(1), one(2));
        dir.closeLog(PID);
        open(config);
        append("w2", one(3));
        dir.abandon();
        disk.spoil(segment(0), 2 * one(0).remaining() - 5);
        open();
        Opened opened = open(config);
        assertEquals(4, opened.logEndOffset());
        assertEquals(one(0), opened.reader().read(0, 4, 1 << 16, true));
        assertThrows(CorruptLogException.class, () -> opened.reader().read(1, 4, 1 << 16, true));
        assertEquals(one(2), opened.reader().read(2, 3, 1 << 16, true));
        // A length that is wrong leaves no choice, once nobody knows any more where the next batch begins.
        dir.abandon();
        disk.spoil(segment(0), one(0).remaining() + 8);
        open();
        assertEquals(4, open(config).logEndOffset());
        dir.abandon();
        Directories.deleteRecursively(root.resolve(IndexStore.DIRECTORY));
        open();
        assertEquals(1, open(config).logEndOffset());
        assertEquals(
                one(0).remaining() * 4,
                disk.size(segment(0).resolveSibling(Segment.fileName(0) + ".cut")),
                "kept whole");
    }

    @Test
    void aMissingFileOfDurableRecordsCostsOnlyThose() throws Exception {
        open(ONE_BATCH_SEGMENTS);
        append(WRITER, one(0), one(1), one(2));
        dir.close();
        assertTrue(disk.delete(segment(1)));
        for (boolean clean : new boolean[] {true, false}) {
            open();
            Opened opened = open(ONE_BATCH_SEGMENTS);
            assertEquals(clean, opened.cleanShutdown());
            assertEquals(3, opened.logEndOffset());
            assertEquals(one(0), opened.reader().read(0, 3, 1 << 16, true));
            assertEquals(one(2), opened.reader().read(1, 3, 1 << 16, true));
            dir.abandon();
        }
        open();
    }

    // ---- meta.log ----

    @Test
    void epochsAreDurableBeforeARecoveryPointThatHidesThem() throws Exception {
        MetaLog log = MetaLog.open(root, disk);
        log.append(MetaRecord.log(JournalFixture.ID, "orders"));
        log.force();
        long before = disk.fsyncs();
        log.forceShape();
        assertEquals(before, disk.fsyncs(), "nothing to do");
        log.append(MetaRecord.of(Kind.EPOCH, JournalFixture.ID, 3, 5));
        log.forceShape();
        log.forceShape();
        assertEquals(before + 1, disk.fsyncs());
        log.close();
        MetaLog left = MetaLog.open(root, disk.survivor(random, Loss.EVERYTHING));
        assertEquals(List.of(new EpochStart(3, 5)), left.log(JournalFixture.ID).epochs);
        left.close();
    }

    /** The length says how far the next one is; a wrong one must not take the rest of the file with it. */
    @Test
    void aDamagedLengthInMetaLogCostsOneRecordAndMakesOneStartUnclean() throws Exception {
        open(ONE_BATCH_SEGMENTS);
        long at = disk.size(root.resolve(MetaLog.FILE));
        dir.checkpointHighWatermark(PID, 5, 10_000);
        dir.startEpoch(PID, 7, 0);
        dir.close();
        disk.spoil(root.resolve(MetaLog.FILE), (int) at + 3);
        open();
        assertFalse(dir.cleanStart());
        assertEquals(List.of(new EpochStart(7, 0)), open(ONE_BATCH_SEGMENTS).epochs());
        dir.close();
        open();
        assertTrue(dir.cleanStart());
    }

    // ---- producers ----

    /** Between it and the first segment others wrote, whom nobody remembers: a gap in sequences would be seen where is none. */
    @Test
    void aProducerSnapshotFromBeforeTheFirstSegmentIsNotUsed() throws Exception {
        open(ONE_BATCH_SEGMENTS);
        append(WRITER, batch(0, 1, 1, 0, 50, Compression.NONE, 9, 0));
        dir.closeLog(PID);
        open(ONE_BATCH_SEGMENTS);
        append("w2", batch(1, 1, 1, 0, 50, Compression.NONE, 9, 1));
        append("w2", one(2), one(3));
        dir.advanceLogStart(PID, 3, false);
        fsyncs.runAll(random);
        dir.abandon();
        // As a power loss would: the deletion took place, the snapshots of the rolls did not.
        disk.delete(segment(0));
        disk.delete(segment(1));
        disk.delete(segment(2));
        open();
        Opened opened = open(ONE_BATCH_SEGMENTS);
        assertEquals(4, opened.logEndOffset());
        assertEquals(0, opened.producers().size());
    }
}
