package io.troupe.journal;

import static io.troupe.journal.JournalFixture.PARTITION;
import static io.troupe.journal.JournalFixture.PID;
import static io.troupe.journal.JournalFixture.WRITER;
import static io.troupe.journal.JournalFixture.config;
import static io.troupe.journal.JournalFixture.group;
import static io.troupe.journal.JournalFixture.readAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.config.LogConfig;
import io.troupe.journal.JournalCommand.Opened;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.Uuid;
import org.junit.jupiter.api.Test;

/** When what was written, or deleted, is on disk: one case per rule. */
class FlushingTest extends OnCrashDisk {
    @Test
    void flushMessagesOfOneIsOneFsyncPerGroupBeforeTheAnswer() throws Exception {
        open(config(1 << 20, 1));
        append(WRITER, one(0));
        run();
        long before = disk.fsyncs();
        CompletableFuture<Void> answer = append(WRITER, one(1), one(2), one(3));
        assertFalse(answer.isDone());
        run();
        assertTrue(answer.isDone());
        assertEquals(before + 1, disk.fsyncs());
        cutPower();
        assertEquals(4, open(config(1 << 20, 1)).logEndOffset());
    }

    /** Those that were written while one fsync was under way are all covered by the next. */
    @Test
    void groupsThatWaitTogetherShareAnFsync() throws Exception {
        open(config(1 << 20, 1));
        append(WRITER, one(0));
        run();
        long before = disk.fsyncs();
        for (int i = 1; i < 20; i++) {
            append(WRITER, one(i));
        }
        run();
        assertEquals(before + 1, disk.fsyncs());
        cutPower();
        assertEquals(20, open(config(1 << 20, 1)).logEndOffset());
    }

    @Test
    void flushMessagesOfMoreAnswersAtOnceUntilSoManyAreWritten() throws Exception {
        open(config(1 << 20, 3));
        assertTrue(append(WRITER, one(0)).isDone());
        assertTrue(append(WRITER, one(1)).isDone());
        CompletableFuture<Void> third = append(WRITER, one(2));
        assertFalse(third.isDone());
        run();
        assertTrue(third.isDone());
        assertTrue(append(WRITER, one(3)).isDone());
        cutPower();
        assertEquals(3, open(config(1 << 20, 3)).logEndOffset());
    }

    @Test
    void flushMsMakesDurableWhatNobodyWaitsFor() throws Exception {
        LogConfig config = config(1 << 20, Long.MAX_VALUE, "flush.ms", 50);
        open(config);
        assertTrue(append(WRITER, one(0)).isDone());
        assertTrue(append(WRITER, one(1)).isDone());
        background.timersGoOff();
        run();
        run();
        cutPower();
        assertEquals(2, open(config).logEndOffset());
    }

    @Test
    void aFlushAfterARollKeepsTheNewSegmentsName() throws Exception {
        LogConfig config = config(150, 1);
        open(config);
        append(WRITER, one(0));
        CompletableFuture<Void> rolled = append(WRITER, one(1), one(2));
        // Without what the roll does in the background.
        fsyncs.runAll(random);
        assertTrue(rolled.isDone());
        cutPower();
        assertEquals(3, open(config).logEndOffset());
    }

    /** Its first segment was never fsynced, and its log start is not durable yet. */
    @Test
    void aFlushOfALogWhoseStartHasJustMovedIsNoneWithoutThatStart() throws Exception {
        open(ONE_BATCH_SEGMENTS);
        append(WRITER, one(0), one(1));
        dir.advanceLogStart(PID, 1, false);
        CompletableFuture<Void> answer = dir.append(PID, WRITER, group(one(2)), true, 0);
        // The flush overtakes the fsync of meta.log that the log start waits for.
        for (int i = 0; !answer.isDone() && i < 100; i++) {
            fsyncs.runLast();
        }
        assertTrue(answer.isDone());
        cutPower();
        Opened opened = open(ONE_BATCH_SEGMENTS);
        assertEquals(3, opened.logEndOffset());
    }

    // ---- deletion ----

    /** The old log's names are those of the new one. */
    @Test
    void aLateDeletionOfSegmentsSparesATopicMadeAnew() throws Exception {
        open(ONE_BATCH_SEGMENTS);
        append(WRITER, one(0), one(1), one(2));
        dir.advanceLogStart(PID, 2, false);
        fsyncs.runAll(random);
        dir.delete(PID, PARTITION);
        TopicIdPartition anew = new TopicIdPartition(new Uuid(8, 8), 0, PARTITION.topic());
        LogReader reader = dir.open("anew", anew, ONE_BATCH_SEGMENTS).reader();
        dir.append("anew", WRITER, group(one(0)), false, 0).join();
        run();
        assertTrue(disk.exists(segment(0)));
        assertEquals(one(0), readAll(reader, 0));
        kill();
        assertEquals(1, dir.open("anew", anew, ONE_BATCH_SEGMENTS).logEndOffset());
    }

    @Test
    void aRepeatedDeletionIsNotAnsweredBeforeTheFirstIsDurable() throws Exception {
        open(ONE_BATCH_SEGMENTS);
        dir.delete(PID, PARTITION);
        CompletableFuture<Void> again = dir.delete(PID, PARTITION);
        assertFalse(again.isDone());
        fsyncs.runAll(random);
        assertTrue(again.isDone());
        cutPower();
        assertEquals(List.of(), dir.knownLogs());
    }
}
