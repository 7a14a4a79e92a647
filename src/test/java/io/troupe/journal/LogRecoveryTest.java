package io.troupe.journal;

import static io.troupe.journal.JournalFixture.ID;
import static io.troupe.journal.JournalFixture.PARTITION;
import static io.troupe.journal.JournalFixture.PID;
import static io.troupe.journal.JournalFixture.WRITER;
import static io.troupe.journal.JournalFixture.append;
import static io.troupe.journal.JournalFixture.appendTwenty;
import static io.troupe.journal.JournalFixture.batch;
import static io.troupe.journal.JournalFixture.config;
import static io.troupe.journal.JournalFixture.crash;
import static io.troupe.journal.JournalFixture.dir;
import static io.troupe.journal.JournalFixture.group;
import static io.troupe.journal.JournalFixture.readAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.config.LogConfig;
import io.troupe.journal.JournalCommand.EpochStart;
import io.troupe.journal.JournalCommand.Opened;
import io.troupe.record.BatchHeader;
import io.troupe.record.ProducerStates;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.compress.Compression;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a start makes of what the last process, or the disk, left behind. */
class LogRecoveryTest {
    /** Of the active segment's first batch, for the age by which it rolls. */
    private static final int FIRST_HEADER = BatchHeader.SIZE;

    private static final LogConfig ONE_SEGMENT = config(1 << 20, Long.MAX_VALUE);
    private static final LogConfig SMALL_SEGMENTS = config(400, Long.MAX_VALUE);

    @TempDir
    Path root;

    private Path logPath(Path dirPath) {
        return dirPath.resolve("orders-0");
    }

    /** What is done to the file of one log. */
    private interface Damage {
        void strike(Path segment, byte[] whole, int at) throws IOException;
    }

    private static TopicIdPartition partition(int i) {
        return new TopicIdPartition(PARTITION.topicId(), i, PARTITION.topic());
    }

    /** One log per byte of a last batch, each of three batches, a crash, and each damaged at another byte. */
    private void assertLastBatchIsCut(Damage damage) throws Exception {
        ByteBuffer[] batches = {batch(0, 2, 10, 1, 20), batch(2, 1, 20, 1, 20), batch(3, 2, 30, 2, 20)};
        int whole = batches[0].remaining() + batches[1].remaining();
        int last = batches[2].remaining();
        LogDir dir = dir(root);
        for (int i = 0; i < last; i++) {
            dir.open("log-" + i, partition(i), ONE_SEGMENT);
            dir.append("log-" + i, WRITER, group(batches), false, 0).join();
        }
        crash(dir);
        for (int i = 0; i < last; i++) {
            Path segment = root.resolve("orders-" + i).resolve(Segment.fileName(0));
            damage.strike(segment, Files.readAllBytes(segment), whole + i);
        }
        dir = dir(root);
        for (int i = 0; i < last; i++) {
            // The leader epoch is not covered by the CRC: a batch with any value is whole.
            long end = damage instanceof Flip && i >= 12 && i < 16 ? 5 : 3;
            Opened opened = dir.open("log-" + i, partition(i), ONE_SEGMENT);
            assertEquals(end, opened.logEndOffset(), "byte " + i);
            assertFalse(opened.cleanShutdown());
            ByteBuffer read = readAll(opened.reader(), 0).limit(whole);
            assertEquals(batches[0], read.slice(0, batches[0].remaining()));
            assertEquals(batches[1], read.slice(batches[0].remaining(), batches[1].remaining()));
            if (end == 3) {
                assertEquals(whole, Files.size(root.resolve("orders-" + i).resolve(Segment.fileName(0))));
                // And the log goes on from there.
                dir.append("log-" + i, WRITER, group(batch(3, 1, 40, 3, 5)), false, 0)
                        .join();
                assertEquals(4, opened.reader().logEndOffset());
            }
        }
        crash(dir);
        dir = dir(root);
        assertEquals(4, dir.open("log-1", partition(1), ONE_SEGMENT).logEndOffset());
        dir.close();
    }

    private record Flip() implements Damage {
        @Override
        public void strike(Path segment, byte[] whole, int at) throws IOException {
            whole[at] ^= 0x40;
            Files.write(segment, whole);
        }
    }

    @Test
    void aTailTornAtAnyByteOfTheLastBatchIsCutAtTheLastWholeBatch() throws Exception {
        assertLastBatchIsCut((segment, whole, at) -> Files.write(segment, Arrays.copyOf(whole, at)));
    }

    @Test
    void aFlippedBitAnywhereInTheLastBatchOfAnUncleanLogIsCut() throws Exception {
        assertLastBatchIsCut(new Flip());
    }

    @Test
    void aBatchZeroFilledFromAnyByteOnIsCutWithTheZeroesBehindIt() throws Exception {
        assertLastBatchIsCut((segment, whole, at) -> {
            byte[] zeroed = Arrays.copyOf(whole, whole.length + 5_000);
            Arrays.fill(zeroed, at, zeroed.length, (byte) 0);
            zeroed[at] = (byte) ~whole[at];
            Files.write(segment, zeroed);
        });
    }

    private List<Path> segments(Path path) throws IOException {
        try (Stream<Path> files = Files.list(logPath(path))) {
            return files.filter(f -> Segment.baseOffsetOf(f) >= 0).sorted().toList();
        }
    }

    @Test
    void damageInAnOldSegmentIsToldWithPathAndOffsetAndNothingIsDeleted() throws Exception {
        LogDir dir = dir(root);
        dir.open(PID, PARTITION, SMALL_SEGMENTS);
        appendTwenty(dir);
        dir.close();
        List<Path> files = segments(root);
        assertTrue(files.size() > 4, "several segments");
        Path damaged = files.get(1);
        byte[] bytes = Files.readAllBytes(damaged);
        bytes[bytes.length - 3] ^= 1;
        Files.write(damaged, bytes);
        long firstOfThird = Segment.baseOffsetOf(files.get(2));

        LogDir again = dir(root);
        Opened opened = again.open(PID, PARTITION, SMALL_SEGMENTS);
        assertEquals(20, opened.logEndOffset());
        LogReader reader = opened.reader();
        long bad = firstOfThird - 1;
        long lastGood = -1;
        for (long offset = 0; offset < bad; offset++) {
            assertTrue(reader.read(offset, Long.MAX_VALUE, 1 << 16, true).hasRemaining());
            lastGood = offset;
        }
        assertEquals(bad - 1, lastGood);
        IOException e = assertThrows(CorruptLogException.class, () -> reader.read(bad, Long.MAX_VALUE, 1 << 16, true));
        assertThrows(CorruptLogException.class, () -> reader.read(bad, Long.MAX_VALUE, 1 << 16, true));
        assertEquals(1, again.stats().damagedSegments(), "counted once");
        assertTrue(e.getMessage().contains(damaged.toString()), e.getMessage());
        assertTrue(e.getMessage().contains("offset " + bad), e.getMessage());
        assertTrue(reader.read(firstOfThird, Long.MAX_VALUE, 1 << 16, true).hasRemaining());
        crash(again);

        // Nor does an unclean start cut what was durable before.
        LogDir unclean = dir(root);
        assertEquals(20, unclean.open(PID, PARTITION, SMALL_SEGMENTS).logEndOffset());
        assertEquals(files.size(), segments(root).size());
        unclean.close();
    }

    @Test
    void producerStateIsTheSameAfterACleanStopAndAfterACrash() throws Exception {
        List<ByteBuffer> snapshots = new ArrayList<>();
        for (boolean clean : new boolean[] {true, false}) {
            Path path = root.resolve("clean-" + clean);
            LogDir dir = dir(path);
            dir.open(PID, PARTITION, SMALL_SEGMENTS);
            appendTwenty(dir);
            if (clean) {
                dir.close();
            } else {
                crash(dir);
            }
            LogDir again = dir(path);
            Opened opened = again.open(PID, PARTITION, SMALL_SEGMENTS);
            assertEquals(clean, opened.cleanShutdown());
            assertEquals(
                    List.of(new EpochStart(0, 0), new EpochStart(1, 5), new EpochStart(2, 10), new EpochStart(3, 15)),
                    opened.epochs());
            snapshots.add(opened.producers().snapshot());
            again.close();
        }
        assertEquals(snapshots.get(0), snapshots.get(1));
    }

    @Test
    void truncationTakesEpochsIndexAndProducerStateWithIt() throws Exception {
        LogDir dir = dir(root);
        dir.open(PID, PARTITION, SMALL_SEGMENTS);
        appendTwenty(dir);
        dir.truncate(PID, 7);
        Opened opened = dir.open(PID, PARTITION, SMALL_SEGMENTS);
        assertEquals(7, opened.logEndOffset());
        assertEquals(List.of(new EpochStart(0, 0), new EpochStart(1, 5)), opened.epochs());
        assertInstanceOf(ProducerStates.Check.Fresh.class, opened.producers().check(77, (short) 0, 7, 7));
        assertInstanceOf(
                ProducerStates.Check.Duplicate.class, opened.producers().check(77, (short) 0, 2, 2));
        assertTrue(opened.reader().offsetForTimestamp(1007, Long.MAX_VALUE).isEmpty());
        dir.append(PID, "writer-2", group(batch(7, 1, 5000, 9, 50)), false, 0).join();
        dir.close();
        LogDir again = dir(root);
        assertEquals(8, again.open(PID, PARTITION, SMALL_SEGMENTS).logEndOffset());
        again.close();
    }

    @Test
    void logStartHighWatermarkAndEpochsSurviveARestart() throws Exception {
        LogDir dir = dir(root);
        dir.open(PID, PARTITION, SMALL_SEGMENTS);
        appendTwenty(dir);
        dir.startEpoch(PID, 12, 20).join();
        dir.advanceLogStart(PID, 9, false).join();
        dir.checkpointHighWatermark(PID, 17, 10_000);
        crash(dir);
        LogDir again = dir(root);
        Opened opened = again.open(PID, PARTITION, SMALL_SEGMENTS);
        assertEquals(9, opened.logStartOffset());
        assertEquals(17, opened.highWatermark());
        assertEquals(new EpochStart(12, 20), opened.epochs().get(opened.epochs().size() - 1));
        again.close();
    }

    @Test
    void aTruncationThatCutsNoRecordStillCutsAnEpochWithoutRecords() throws Exception {
        LogDir dir = dir(root);
        dir.open(PID, PARTITION, ONE_SEGMENT);
        append(dir, batch(0, 2, 1, 1, 5));
        dir.startEpoch(PID, 5, 2).join();
        dir.truncate(PID, 2);
        assertEquals(
                List.of(new EpochStart(1, 0)),
                dir.open(PID, PARTITION, ONE_SEGMENT).epochs());
        dir.append(PID, "writer-2", group(batch(2, 1, 1, 4, 5)), false, 0).join();
        assertEquals(
                List.of(new EpochStart(1, 0), new EpochStart(4, 2)),
                dir.open(PID, PARTITION, ONE_SEGMENT).epochs());
        dir.close();
    }

    @Test
    void aVotersWholeEntryWithABadCrcIsNotForgottenQuietly() throws Exception {
        LogDir dir = dir(root);
        dir.open(PID, Journals.METADATA_PARTITION, Journals.METADATA_LOG);
        append(dir, batch(0, 1, 1, 0, 50));
        crash(dir);
        Path segment = root.resolve("__cluster_metadata-0").resolve(Segment.fileName(0));
        byte[] bytes = Files.readAllBytes(segment);
        bytes[bytes.length - 2] ^= 1;
        Files.write(segment, bytes);
        LogDir again = dir(root);
        IOException e = assertThrows(
                IOException.class, () -> again.open(PID, Journals.METADATA_PARTITION, Journals.METADATA_LOG));
        assertTrue(e.getMessage().contains(segment.toString()), e.getMessage());
        again.close();
    }

    @Test
    void aRecreatedTopicNeverSeesTheOldOnesData() throws Exception {
        LogDir dir = dir(root);
        dir.open(PID, PARTITION, ONE_SEGMENT);
        append(dir, batch(0, 3, 1, 0, 5));
        dir.delete(PID, PARTITION).join();
        var recreated = new TopicIdPartition(new Uuid(8, 8), 0, PARTITION.topic());
        assertEquals(0, dir.open("replica-y", recreated, ONE_SEGMENT).logEndOffset());
        assertFalse(dir.knownLogs().contains(ID));
        dir.close();
    }

    /** Bytes read of the segments by an opening after so many were written, those of the tail apart. */
    private long bytesRead(Path path, int segments, boolean clean) throws Exception {
        LogConfig config = config(60_000, Long.MAX_VALUE);
        LogDir dir = dir(path);
        dir.open(PID, PARTITION, config);
        // Nine to a segment, the last of which is half full.
        for (int i = 0; i < 9 * segments - 4; i++) {
            append(dir, batch(i, 1, 1000 + i, 0, 6_000, Compression.NONE, 77, i));
        }
        dir.awaitBackground();
        if (clean) {
            dir.close();
        } else {
            crash(dir);
        }
        List<Path> files = segments(path);
        assertEquals(segments, files.size());
        FaultyDisk disk = new FaultyDisk();
        LogDir again = LogDir.open(path, 1, Optional.empty(), disk);
        Opened opened = again.open(PID, PARTITION, config);
        assertInstanceOf(
                ProducerStates.Check.Duplicate.class,
                opened.producers().check(77, (short) 0, 9 * segments - 5, 9 * segments - 5));
        Path last = files.get(segments - 1);
        if (!clean) {
            assertEquals(Files.size(last) + FIRST_HEADER, disk.bytesRead(last));
        }
        long elsewhere =
                files.stream().mapToLong(disk::bytesRead).sum() - FIRST_HEADER - (clean ? 0 : Files.size(last));
        again.close();
        return elsewhere;
    }

    @Test
    void anOpeningReadsTheTailOnceAndNextToNothingElseHoweverLongTheLogIs() throws Exception {
        for (boolean clean : new boolean[] {true, false}) {
            for (int segments : new int[] {3, 12}) {
                long bytes = bytesRead(root.resolve(segments + "-" + clean), segments, clean);
                // One look, to see that the producer state belongs to the batch before it.
                assertTrue(bytes <= BatchCursor.LOOKUP_WINDOW, bytes + " bytes of " + segments + " segments");
            }
        }
    }

    @Test
    void aBatchLargerThanTheWindowIsCheckedWithoutReadingAByteTwice() throws Exception {
        LogDir dir = dir(root);
        dir.open(PID, PARTITION, ONE_SEGMENT);
        append(dir, batch(0, 1, 1, 0, 90_000), batch(1, 1, 1, 0, 700_000), batch(2, 1, 1, 0, 200));
        crash(dir);
        FaultyDisk disk = new FaultyDisk();
        LogDir again = LogDir.open(root, 1, Optional.empty(), disk);
        Path file = segments(root).get(0);
        assertEquals(3, again.open(PID, PARTITION, ONE_SEGMENT).logEndOffset());
        assertEquals(Files.size(file) + FIRST_HEADER, disk.bytesRead(file));
        again.close();
    }

    @Test
    void producersThatAreIdleForLongerThanTheyLiveAreForgottenAndDoNotComeBack() throws Exception {
        long nowMs = System.currentTimeMillis();
        long dayMs = 86_400_000;
        for (boolean clean : new boolean[] {true, false}) {
            Path path = root.resolve("clean-" + clean);
            LogDir dir = dir(path);
            dir.open(PID, PARTITION, SMALL_SEGMENTS);
            append(dir, batch(0, 1, nowMs - dayMs - 60_000, 0, 50, Compression.NONE, 8, 0));
            append(dir, batch(1, 1, nowMs, 0, 50, Compression.NONE, 9, 0));
            if (clean) {
                dir.close();
            } else {
                crash(dir);
            }
            dir = dir(path);
            dir.expireProducersAfter(dayMs);
            Opened opened = dir.open(PID, PARTITION, SMALL_SEGMENTS);
            assertEquals(1, opened.producers().size());
            assertInstanceOf(
                    ProducerStates.Check.Duplicate.class, opened.producers().check(9, (short) 0, 0, 0));

            dir.expireProducers(nowMs + dayMs - 1);
            assertEquals(1, dir.open(PID, PARTITION, SMALL_SEGMENTS).producers().size());
            dir.expireProducers(nowMs + dayMs);
            assertEquals(
                    0,
                    dir.open(PID, PARTITION, SMALL_SEGMENTS).producers().size(),
                    "the journal's own copy is what an owner gets that opens the log again");
            dir.close();
        }
    }

    @Test
    void epochsWhollyBelowTheLogStartAreForgotten() throws Exception {
        LogDir dir = dir(root);
        dir.open(PID, PARTITION, SMALL_SEGMENTS);
        appendTwenty(dir);
        List<EpochStart> left = List.of(new EpochStart(1, 5), new EpochStart(2, 10), new EpochStart(3, 15));
        dir.advanceLogStart(PID, 9, false).join();
        assertEquals(left, dir.open(PID, PARTITION, SMALL_SEGMENTS).epochs());
        crash(dir);
        // The first segment left begins below the log start; nothing is learnt again from there.
        Directories.deleteRecursively(root.resolve(IndexStore.DIRECTORY));
        dir = dir(root);
        Opened opened = dir.open(PID, PARTITION, SMALL_SEGMENTS);
        assertEquals(left, opened.epochs());
        assertEquals(9, opened.logStartOffset());
        assertEquals(20, opened.logEndOffset());
        dir.advanceLogStart(PID, 20, false).join();
        assertEquals(
                List.of(new EpochStart(3, 15)),
                dir.open(PID, PARTITION, SMALL_SEGMENTS).epochs());
        dir.close();
    }
}
