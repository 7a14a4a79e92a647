package io.troupe.journal;

import static io.troupe.journal.JournalFixture.PARTITION;
import static io.troupe.journal.JournalFixture.PID;
import static io.troupe.journal.JournalFixture.batch;
import static io.troupe.journal.JournalFixture.config;
import static io.troupe.journal.JournalFixture.crash;
import static io.troupe.journal.JournalFixture.dir;
import static io.troupe.journal.JournalFixture.group;
import static io.troupe.journal.JournalFixture.readAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.config.LogConfig;
import io.troupe.journal.JournalCommand.Opened;
import io.troupe.journal.LogReader.TimestampedOffset;
import io.troupe.record.BatchHeader;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.errors.OffsetOutOfRangeException;
import org.apache.kafka.common.record.internal.CompressionType;
import org.apache.kafka.common.record.internal.FileRecords;
import org.apache.kafka.common.record.internal.RecordBatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Appending, rolling, reading, cutting and opening again, against a list of batches as model. */
class PartitionLogTest {
    @TempDir
    Path root;

    /** The model: what the log must hold, batch by batch. */
    private static final class Model {
        final List<ByteBuffer> batches = new ArrayList<>();
        long start;

        long end() {
            return batches.isEmpty() ? 0 : BatchHeader.lastOffset(batches.get(batches.size() - 1), 0) + 1;
        }

        void truncate(long offset) {
            while (!batches.isEmpty() && end() > offset) {
                batches.remove(batches.size() - 1);
            }
        }

        ByteBuffer from(long offset, long endOffset, int maxBytes) {
            ByteBuffer out = ByteBuffer.allocate(1 << 20);
            for (ByteBuffer batch : batches) {
                if (BatchHeader.lastOffset(batch, 0) < offset) {
                    continue;
                }
                boolean fits = out.position() + batch.remaining() <= maxBytes || out.position() == 0;
                if (BatchHeader.lastOffset(batch, 0) >= endOffset || !fits) {
                    break;
                }
                out.put(batch.duplicate());
            }
            return out.flip();
        }

        Optional<TimestampedOffset> atOrAfter(long timestampMs, long endOffset) {
            return first(timestampMs, start, endOffset);
        }

        Optional<TimestampedOffset> firstFrom(long fromOffset, long endOffset) {
            return first(Long.MIN_VALUE, fromOffset, endOffset);
        }

        private Optional<TimestampedOffset> first(long timestampMs, long fromOffset, long endOffset) {
            for (ByteBuffer batch : batches) {
                for (int i = 0; i <= BatchHeader.lastOffsetDelta(batch, 0); i++) {
                    long offset = BatchHeader.baseOffset(batch, 0) + i;
                    long timestamp = BatchHeader.baseTimestamp(batch, 0) + i;
                    if (timestamp >= timestampMs && offset >= fromOffset && offset < endOffset) {
                        return Optional.of(new TimestampedOffset(offset, timestamp, BatchHeader.leaderEpoch(batch, 0)));
                    }
                }
            }
            return Optional.empty();
        }
    }

    @Test
    void aLogBehavesAsAListOfBatches() throws Exception {
        long only = Long.getLong("seed", -1);
        for (long seed = only >= 0 ? only : 1; seed <= (only >= 0 ? only : 12); seed++) {
            try {
                run(new Random(seed), root.resolve("seed" + seed));
            } catch (Throwable e) {
                throw new AssertionError("replay with -Dseed=" + seed, e);
            }
        }
    }

    private void run(Random random, Path path) throws Exception {
        LogConfig config = config(300 + random.nextInt(2_000), random.nextInt(4) == 0 ? 1 : Long.MAX_VALUE);
        Model model = new Model();
        LogDir dir = dir(path);
        Opened opened = dir.open(PID, PARTITION, config);
        int writer = 0;
        for (int step = 0; step < 120; step++) {
            int dice = random.nextInt(20);
            if (dice < 12) {
                List<ByteBuffer> group = new ArrayList<>();
                long next = model.end();
                for (int i = 1 + random.nextInt(4); i > 0; i--) {
                    Compression codec =
                            random.nextInt(3) == 0 ? Compression.gzip().build() : Compression.NONE;
                    ByteBuffer batch = batch(
                            next,
                            1 + random.nextInt(4),
                            1000 + random.nextInt(500) + step * 10L,
                            step / 10,
                            random.nextInt(120),
                            codec,
                            random.nextBoolean() ? 5 : -1,
                            (int) next);
                    group.add(batch);
                    next = BatchHeader.lastOffset(batch, 0) + 1;
                }
                dir.append(PID, "w" + writer, group(group.toArray(ByteBuffer[]::new)), false, step)
                        .join();
                model.batches.addAll(group);
            } else if (dice < 14) {
                model.truncate(Math.max(model.start, model.end() - random.nextInt(12)));
                // Cut inside a batch now and then: it goes whole.
                dir.truncate(PID, model.end());
                opened = dir.open(PID, PARTITION, config);
                writer++;
            } else if (dice < 15) {
                long start = model.start + (model.end() == 0 ? 0 : random.nextInt(8));
                model.start = Math.min(model.end(), Math.max(model.start, start));
                dir.advanceLogStart(PID, model.start, random.nextBoolean()).join();
            } else if (dice < 17) {
                if (random.nextBoolean()) {
                    dir.close();
                } else {
                    crash(dir);
                }
                dir = dir(path);
                opened = dir.open(PID, PARTITION, config);
                writer++;
            }
            assertAgrees(random, model, opened.reader());
        }
        dir.close();
    }

    private void assertAgrees(Random random, Model model, LogReader reader) throws Exception {
        assertEquals(model.end(), reader.logEndOffset());
        assertEquals(model.start, reader.logStartOffset());
        if (model.end() == model.start) {
            return;
        }
        long from = model.start + random.nextInt((int) (model.end() - model.start));
        assertEquals(model.from(from, model.end(), 1 << 20), readAll(reader, from));
        long bound = from + random.nextInt((int) (model.end() - from) + 1);
        int maxBytes = random.nextInt(600);
        ByteBuffer read = reader.read(from, bound, maxBytes, true);
        ByteBuffer most = model.from(from, bound, maxBytes);
        // A read may end with its segment, but what it gives is a prefix, and it gives something when there is
        // something.
        assertEquals(most.slice(0, read.remaining()), read);
        assertEquals(most.hasRemaining(), read.hasRemaining());
        long timestamp = 1000 + random.nextInt(1800);
        assertEquals(model.atOrAfter(timestamp, bound), reader.offsetForTimestamp(timestamp, bound));
        Optional<TimestampedOffset> first = reader.firstRecord(from, bound);
        assertEquals(model.firstFrom(from, bound), first);
    }

    @Test
    void readsOutsideTheLogAreRefused() throws Exception {
        LogDir dir = dir(root);
        Opened opened = dir.open(PID, PARTITION, config(1000, 1));
        JournalFixture.append(dir, batch(0, 3, 1, 0, 5));
        assertFalse(opened.reader().read(3, 10, 100, true).hasRemaining());
        assertThrows(OffsetOutOfRangeException.class, () -> opened.reader().read(4, 10, 100, true));
        assertThrows(OffsetOutOfRangeException.class, () -> opened.reader().read(-1, 10, 100, true));
        dir.close();
    }

    @Test
    void aBatchThatCannotBeUnpackedIsFoundAsAWholeAndHidesNoOther() throws Exception {
        LogDir dir = dir(root);
        LogReader reader = dir.open(PID, PARTITION, config(10_000, 1)).reader();
        ByteBuffer damaged =
                batch(3, 3, 200, 7, 50, Compression.of(CompressionType.GZIP).build(), -1, 0);
        damaged.put(BatchHeader.SIZE, (byte) 0);
        damaged.putInt(17, BatchHeader.computeCrc(damaged, 0));
        JournalFixture.append(dir, batch(0, 3, 100, 7, 5));
        JournalFixture.append(dir, damaged);
        JournalFixture.append(dir, batch(6, 3, 300, 7, 5));
        assertEquals(Optional.of(new TimestampedOffset(1, 101, 7)), reader.offsetForTimestamp(101, 9));
        assertEquals(Optional.of(new TimestampedOffset(3, 202, 7)), reader.offsetForTimestamp(201, 9));
        assertEquals(Optional.of(new TimestampedOffset(8, 302, 7)), reader.offsetForTimestamp(302, 9));
        dir.close();
    }

    @Test
    void maxTimestampIsTheFirstGreatestBelowTheBound() throws Exception {
        LogDir dir = dir(root);
        LogReader reader = dir.open(PID, PARTITION, config(250, Long.MAX_VALUE)).reader();
        assertTrue(reader.maxTimestamp(Long.MAX_VALUE).isEmpty());
        long[] timestamps = {50, 900, 100, 900, 300, 1000, 20};
        for (int i = 0; i < timestamps.length; i++) {
            JournalFixture.append(dir, batch(i, 1, timestamps[i], 0, 40));
        }
        assertEquals(1, reader.maxTimestamp(5).orElseThrow().offset());
        assertEquals(0, reader.maxTimestamp(1).orElseThrow().offset());
        assertEquals(5, reader.maxTimestamp(Long.MAX_VALUE).orElseThrow().offset());
        dir.advanceLogStart(PID, 6, false).join();
        assertEquals(6, reader.maxTimestamp(Long.MAX_VALUE).orElseThrow().offset());
        dir.close();
    }

    @Test
    void groupsThatDoNotFollowAreRefusedAndWriteNothing() throws Exception {
        LogDir dir = dir(root);
        dir.open(PID, PARTITION, config(1000, 1));
        assertTrue(dir.append(PID, "w", group(batch(1, 1, 1, 0, 5)), false, 0).isCompletedExceptionally());
        ByteBuffer cut = batch(0, 1, 1, 0, 50);
        LogAppend torn = new LogAppend(0, 1, List.of(cut.duplicate().limit(70)), 70);
        assertTrue(dir.append(PID, "w", torn, false, 0).isCompletedExceptionally());
        assertFalse(dir.isOffline());
        assertEquals(0, dir.readerOf(PID).logEndOffset());
        dir.append(PID, "w", group(batch(0, 1, 1, 0, 5)), false, 0).join();
        dir.close();
    }

    @Test
    void segmentFilesAreWhatKafkaReads() throws Exception {
        LogDir dir = dir(root);
        dir.open(PID, PARTITION, config(500, 1));
        for (int i = 0; i < 30; i += 3) {
            JournalFixture.append(dir, batch(i, 3, i, 4, 30, Compression.lz4().build(), -1, 0));
        }
        dir.close();
        long next = 0;
        try (Stream<Path> files = Files.list(root.resolve("orders-0")).sorted()) {
            for (Path file : files.toList()) {
                assertEquals(Segment.fileName(next), file.getFileName().toString());
                try (FileRecords records = FileRecords.open(file.toFile(), false)) {
                    for (RecordBatch batch : records.batches()) {
                        batch.ensureValid();
                        assertEquals(next, batch.baseOffset());
                        assertEquals(4, batch.partitionLeaderEpoch());
                        next = batch.nextOffset();
                    }
                }
            }
        }
        assertEquals(30, next);
    }

    @Test
    void aReaderSeesAPrefixWhileTheLogIsAppendedRolledAndDeleted() throws Exception {
        LogDir dir = dir(root);
        LogReader reader =
                dir.open(PID, PARTITION, config(2_000, Long.MAX_VALUE)).reader();
        AtomicBoolean done = new AtomicBoolean();
        List<CompletableFuture<Long>> readers = new ArrayList<>();
        for (int r = 0; r < 2; r++) {
            readers.add(CompletableFuture.supplyAsync(() -> {
                long next = 0;
                while (!done.get() || next < reader.logEndOffset()) {
                    try {
                        ByteBuffer read = reader.read(next, Long.MAX_VALUE, 4_000, true);
                        int at = 0;
                        while (at < read.limit()) {
                            if (BatchHeader.baseOffset(read, at) != next
                                    || BatchHeader.computeCrc(read, at) != BatchHeader.crc(read, at)) {
                                throw new IllegalStateException("bad batch at offset " + next);
                            }
                            next = BatchHeader.lastOffset(read, at) + 1;
                            at += BatchHeader.sizeInBytes(read, at);
                        }
                    } catch (OffsetOutOfRangeException e) {
                        next = reader.logStartOffset();
                    } catch (java.io.IOException e) {
                        throw new IllegalStateException(e);
                    }
                }
                return next;
            }));
        }
        for (int i = 0; i < 3_000; i++) {
            JournalFixture.append(dir, batch(i, 1, i, 0, 100));
            if (i % 100 == 99) {
                dir.advanceLogStart(PID, i - 50, false).join();
            }
        }
        done.set(true);
        for (CompletableFuture<Long> read : readers) {
            assertEquals(3_000, read.get(30, java.util.concurrent.TimeUnit.SECONDS));
        }
        dir.close();
    }
}
