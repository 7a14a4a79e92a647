package io.troupe.journal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.journal.LogReader.TimestampedOffset;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;
import org.apache.kafka.common.record.internal.CompressionType;
import org.apache.kafka.common.record.internal.MutableRecordBatch;
import org.junit.jupiter.api.Test;

/** What compaction leaves of a log. */
class LogCleanerTest extends OnCompactedLog {
    @Test
    void theLastValueOfEachKeyStaysAtItsOffset() throws Exception {
        open();
        log.write("a=1", "b=1", "a=2");
        log.write("c=1", "b=2");
        log.write("a=3");
        roll();
        assertEquals(1, log.clean());
        assertEquals(List.of("3:c=1", "4:b=2", "5:a=3"), log.texts().subList(0, 3));
        log.restart();
        assertEquals(List.of("3:c=1", "4:b=2", "5:a=3"), log.texts().subList(0, 3));
        assertEquals(0, log.clean(), "nothing is dirty");
        log.kill();
        assertEquals(List.of("3:c=1", "4:b=2", "5:a=3"), log.texts().subList(0, 3));
    }

    @Test
    void theActiveSegmentAndWhatIsAboveTheHighWatermarkStay() throws Exception {
        open();
        log.write("a=1");
        log.write("a=2");
        assertEquals(0, log.clean());
        roll();
        log.dir.checkpointHighWatermark(JournalFixture.PID, 1, log.nowMs);
        assertEquals(0, log.clean());
        assertEquals(3, log.entries().size());
        log.dir.checkpointHighWatermark(JournalFixture.PID, 2, log.nowMs);
        assertEquals(1, log.clean());
        assertEquals(2, log.entries().size());
    }

    @Test
    void aTombstoneGoesAfterItsTime() throws Exception {
        open();
        log.write("a=1");
        roll();
        log.clean();
        log.write("a");
        roll();
        log.clean();
        assertTrue(log.texts().contains("2:a"), "the tombstone gets its horizon");
        assertFalse(log.texts().contains("0:a=1"));
        log.nowMs += CompactedLog.DELETE_RETENTION_MS - 1;
        roll();
        log.clean();
        assertTrue(log.texts().contains("2:a"));
        log.nowMs += 1;
        roll();
        log.clean();
        assertFalse(log.texts().contains("2:a"));
    }

    @Test
    void smallSegmentsBecomeOne() throws Exception {
        open();
        for (int i = 0; i < 30; i++) {
            log.write("key=" + "v".repeat(100));
        }
        roll();
        long before = files(".log");
        // A segment that nothing is left of still has its last header, a third of what these may have.
        for (int i = 0; i < 3; i++) {
            log.clean();
            roll();
        }
        log.clean();
        assertTrue(files(".log") < before / 3, before + " to " + files(".log"));
        assertEquals(0, files(".swap") + files(".cleaned"));
        assertEquals("29:key=" + "v".repeat(100), log.texts().get(0));
    }

    /** Or recovery could not tell what compaction took from what a power cut did. */
    @Test
    void eachFileEndsWhereTheNextBeginsAlsoWhenNothingIsLeftOfIt() throws Exception {
        open();
        for (int i = 0; i < 10; i++) {
            log.write("a=" + i + "x".repeat(SEGMENT_BYTES / 2));
        }
        roll();
        log.clean();
        assertEquals(2, log.entries().size());
        List<LogReader.SegmentInfo> segments = log.reader().segments();
        assertTrue(segments.size() > 3, segments.toString());
        for (int i = 0; i + 1 < segments.size(); i++) {
            assertEquals(segments.get(i + 1).baseOffset(), segments.get(i).endOffset(), segments.toString());
        }
    }

    @Test
    void readsInAGapGiveTheNextBatch() throws Exception {
        log = new CompactedLog(temp, CompactedLog.config(3_000)).open();
        for (int i = 0; i < 20; i++) {
            log.write("a=" + i);
        }
        log.write("filler=" + "x".repeat(3_000));
        log.settle();
        log.clean();
        for (long at = 0; at <= 19; at++) {
            ByteBuffer read = log.reader().read(at, 20, 1 << 16, true);
            assertTrue(read.hasRemaining(), "at " + at);
            assertEquals(19, io.troupe.record.BatchHeader.lastOffset(read, 0));
        }
    }

    @Test
    void timesAreThoseOfTheRecordsThatAreLeft() throws Exception {
        open();
        log.nowMs = 5_000;
        log.write(CompressionType.NONE, 7, 0, "a=1");
        log.nowMs = 3_000;
        log.write("b=1");
        log.nowMs = 4_000;
        log.write("a=2");
        roll();
        log.clean();
        assertEquals("1:b=1", log.texts().get(0));
        assertEquals(0, log.batches().get(0).countOrNull(), "kept for its producer");
        long end = log.reader().logEndOffset();
        assertEquals(
                Optional.of(new TimestampedOffset(2, 4_000, 0)), log.reader().maxTimestamp(end));
        assertEquals(
                Optional.of(new TimestampedOffset(2, 4_000, 0)), log.reader().offsetForTimestamp(3_500, end));
        assertEquals(Optional.empty(), log.reader().offsetForTimestamp(4_001, end));
        log.kill();
        assertEquals(
                Optional.of(new TimestampedOffset(2, 4_000, 0)), log.reader().maxTimestamp(end));
    }

    @Test
    void producerStateComesBackTheSame() throws Exception {
        open();
        for (int i = 0; i < 12; i++) {
            log.write(CompressionType.NONE, 7, i, "a=" + i);
            log.write(CompressionType.ZSTD, 8, i * 2, "b=" + i, "b=x" + i);
        }
        roll();
        log.restart();
        String before = producers();
        log.clean();
        assertEquals(3, log.entries().size());
        log.restart();
        assertEquals(before, producers());
        log.kill();
        assertEquals(before, producers());
        log.dir.close();
        Directories.deleteRecursively(temp.resolve(IndexStore.DIRECTORY));
        log.open();
        assertEquals(before, producers(), "from the batches alone");
    }

    private String producers() {
        ByteBuffer bytes = log.opened.producers().snapshot();
        byte[] all = new byte[bytes.remaining()];
        bytes.get(all);
        return java.util.HexFormat.of().formatHex(all, 6, all.length);
    }

    @Test
    void compressedBatchesKeepTheirCodec() throws Exception {
        open();
        for (CompressionType codec : CompressionType.values()) {
            log.write(codec, -1, 0, codec.name + "=1", "x=1", codec.name + "=2");
        }
        roll();
        log.clean();
        List<MutableRecordBatch> batches = log.batches();
        for (CompressionType codec : CompressionType.values()) {
            assertEquals(codec, batches.get(codec.id).compressionType());
        }
        assertEquals(
                List.of("2:none=2", "5:gzip=2", "8:snappy=2", "11:lz4=2", "13:x=1", "14:zstd=2"),
                log.texts().subList(0, 6));
    }

    @Test
    void aBatchMayBeLargerThanTheBuffers() throws Exception {
        open();
        log.bufferBytes = 0;
        String large = "y".repeat(100_000);
        log.write("a=" + large, "b=" + large, "a=1");
        log.write("c=1");
        roll();
        log.clean();
        assertEquals(List.of("1:b=" + large, "2:a=1", "3:c=1"), log.texts().subList(0, 3));
    }

    @Test
    void aSmallMapTakesSeveralCleanings() throws Exception {
        open();
        log.mapBytes = OffsetMap.SLOT_BYTES * 4;
        for (int i = 0; i < 60; i++) {
            log.write("k" + i % 10 + "=" + i, "m" + i % 7 + "=" + i);
        }
        roll();
        assertTrue(log.clean() > 10);
        List<String> texts = log.texts();
        assertEquals(10 + 7 + 1, texts.size());
        assertEquals(texts, texts.stream().distinct().toList());
    }

    @Test
    void abortedRecordsGoAndUndecidedOnesStay() throws Exception {
        open();
        log.write("a=1", "b=1");
        log.writeTransactional(7, 0, "a=aborted");
        log.writeTransactional(8, 0, "b=2");
        log.end(7, false);
        log.end(8, true);
        long undecided = log.writeTransactional(9, 0, "c=1");
        log.write("c=2");
        log.write("c=3");
        roll();
        log.clean();
        List<String> texts = log.texts();
        assertEquals(List.of("0:a=1", "3:b=2", "6:c=1", "7:c=2", "8:c=3"), texts.subList(0, 5));
        assertTrue(log.clean() <= 1, "an undecided transaction does not keep the cleaner busy");
        log.end(9, true);
        roll();
        log.clean();
        assertEquals(List.of("0:a=1", "3:b=2", "8:c=3"), log.texts().subList(0, 3));
        assertTrue(undecided > 0);
    }

    @Test
    void anEndMarkerOutlivesItsRecords() throws Exception {
        open();
        log.writeTransactional(7, 0, "a=1");
        long marker = log.end(7, true);
        log.writeTransactional(7, 1, "z=1");
        log.end(7, true);
        for (int i = 2; i < 9; i++) {
            log.write(CompressionType.NONE, 7, i, "z=" + i);
        }
        log.write("a=2");
        roll();
        log.clean();
        assertTrue(markers().contains(marker), "its record was there when the cleaning began");
        roll();
        log.clean();
        assertTrue(markers().contains(marker), "it has a horizon now");
        log.nowMs += CompactedLog.DELETE_RETENTION_MS;
        roll();
        log.clean();
        assertFalse(markers().contains(marker));
    }

    private List<Long> markers() throws Exception {
        return log.batches().stream()
                .filter(MutableRecordBatch::isControlBatch)
                .map(MutableRecordBatch::baseOffset)
                .toList();
    }
}
