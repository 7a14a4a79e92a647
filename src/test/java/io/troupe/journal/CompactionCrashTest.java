package io.troupe.journal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.apache.kafka.common.record.internal.CompressionType;
import org.apache.kafka.common.record.internal.MutableRecordBatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Random histories on a real directory, cleaned in between, with the process killed at every point of a cleaning. The model
 * is the list of all records written. {@code -Dseed=} replays one history.
 */
class CompactionCrashTest {
    private static final int HISTORIES = Integer.getInteger("histories", 3);
    private static final int SEGMENT_BYTES = 400;

    @TempDir
    Path temp;

    /** What was written, by offset. */
    private final TreeMap<Long, CompactedLog.Entry> model = new TreeMap<>();

    @Test
    void nothingIsLostWhereverACleaningEnds() throws Exception {
        long first = Long.getLong("seed", 1);
        int histories = System.getProperty("seed") == null ? HISTORIES : 1;
        for (long seed = first; seed < first + histories; seed++) {
            Path dir = Files.createDirectory(temp.resolve("h" + seed));
            model.clear();
            try {
                history(dir, new Random(seed));
            } catch (Exception | AssertionError e) {
                throw new AssertionError("seed " + seed + ": " + e, e);
            }
        }
    }

    private void history(Path dir, Random random) throws Exception {
        CompactedLog log = new CompactedLog(dir, CompactedLog.config(SEGMENT_BYTES));
        log.open();
        Map<Long, Integer> sequences = new HashMap<>();
        int kills = 0;
        for (int step = 0; step < 6; step++) {
            write(log, random, sequences);
            log.settle();
            log.mapBytes = random.nextInt(3) == 0 ? OffsetMap.SLOT_BYTES * 5L : 1 << 20;
            log.bufferBytes = random.nextBoolean() ? 0 : 64 << 10;
            String producers = reopened(log, random);
            // A cleaning dies at one operation after the other until one lives through.
            for (int operation = 1; ; operation += 1 + random.nextInt(3)) {
                log.dir.close();
                KillingDisk disk = new KillingDisk(operation);
                log.open(disk);
                disk.armed = true;
                log.clean();
                check(log);
                if (disk.left.get() > 0) {
                    disk.armed = false;
                    break;
                }
                kills++;
                log.dir.abandon();
                if (random.nextInt(3) == 0) {
                    Directories.deleteRecursively(dir.resolve(IndexStore.DIRECTORY));
                }
                log.open();
                check(log);
                assertEquals(producers, producers(log), "producer state after a kill");
                assertTrue(leftovers(dir).isEmpty(), () -> "left over");
                assertTrue(operation < 10_000, "a cleaning that never ends");
            }
            log.nowMs += random.nextInt(3) == 0 ? 2 * CompactedLog.DELETE_RETENTION_MS : 10;
        }
        assertTrue(kills > 8, "the histories are to be killed often, not " + kills + " times");
        log.write("the=end");
        log.write("x=" + "x".repeat(SEGMENT_BYTES));
        log.settle();
        log.mapBytes = 1 << 20;
        log.clean();
        remember(log);
        check(log);
        checkEachKeyOnce(log);
        log.close();
    }

    /** Closed or killed, with the index or without; the producer state that was found. */
    private String reopened(CompactedLog log, Random random) throws Exception {
        switch (random.nextInt(3)) {
            case 0 -> log.restart();
            case 1 -> log.kill();
            default -> {
                log.dir.abandon();
                Directories.deleteRecursively(log.dir.path().resolve(IndexStore.DIRECTORY));
                log.open();
            }
        }
        check(log);
        return producers(log);
    }

    private void write(CompactedLog log, Random random, Map<Long, Integer> sequences) throws Exception {
        for (int i = 0; i < 3 + random.nextInt(12); i++) {
            String[] records = new String[1 + random.nextInt(6)];
            for (int r = 0; r < records.length; r++) {
                String key = "k" + random.nextInt(12);
                records[r] =
                        random.nextInt(5) == 0 ? key : key + "=" + random.nextInt() + "v".repeat(random.nextInt(30));
            }
            long producer = random.nextInt(3) == 0 ? -1 : random.nextInt(3);
            int sequence = sequences.getOrDefault(producer, 0);
            sequences.put(producer, sequence + records.length);
            CompressionType codec = CompressionType.forId(random.nextInt(5));
            log.write(codec, producer, sequence, records);
        }
        remember(log);
    }

    /** The tail, which no cleaning has touched, goes into the model. */
    private void remember(CompactedLog log) throws Exception {
        long from = model.isEmpty() ? -1 : model.lastKey();
        for (CompactedLog.Entry entry : log.entries()) {
            if (entry.offset() > from) {
                model.put(entry.offset(), entry);
            }
        }
    }

    private void check(CompactedLog log) throws Exception {
        Map<String, Long> last = new HashMap<>();
        model.values().forEach(e -> last.put(e.key(), e.offset()));
        long before = -1;
        Map<String, Long> lastRead = new HashMap<>();
        for (CompactedLog.Entry entry : log.entries()) {
            assertTrue(entry.offset() > before, "offsets ascend");
            before = entry.offset();
            assertEquals(model.get(entry.offset()), entry, "a record is what was written there");
            lastRead.put(entry.key(), entry.offset());
        }
        last.forEach((key, offset) -> {
            boolean tombstone = model.get(offset).value() == null;
            Long read = lastRead.get(key);
            assertTrue(
                    offset.equals(read) || (tombstone && read == null),
                    () -> key + " was last written at " + offset + ", read at " + read);
        });
        assertEquals(model.lastKey() + 1, log.reader().logEndOffset());
        Segment active = ((SegmentReader) log.reader()).published()[segmentCount(log) - 1];
        long present = log.entries().stream()
                .filter(e -> e.offset() >= active.baseOffset())
                .count();
        assertEquals(model.tailMap(active.baseOffset()).size(), present, "the active segment is whole");
    }

    private static int segmentCount(CompactedLog log) {
        return ((SegmentReader) log.reader()).published().length;
    }

    private void checkEachKeyOnce(CompactedLog log) throws Exception {
        long active = ((SegmentReader) log.reader()).published()[segmentCount(log) - 1].baseOffset();
        List<String> keys = log.entries().stream()
                .filter(e -> e.offset() < active)
                .map(CompactedLog.Entry::key)
                .toList();
        assertEquals(keys.stream().distinct().toList(), keys);
        for (MutableRecordBatch batch : log.batches()) {
            batch.ensureValid();
        }
    }

    private static String producers(CompactedLog log) {
        ByteBuffer bytes = log.opened.producers().copy().snapshot();
        byte[] all = new byte[bytes.remaining()];
        bytes.get(all);
        return HexFormat.of().formatHex(all);
    }

    private static List<String> leftovers(Path dir) throws IOException {
        List<String> found = new ArrayList<>();
        try (Stream<Path> files = Files.list(dir.resolve("orders-0"))) {
            files.map(f -> f.getFileName().toString())
                    .filter(n -> n.endsWith(".swap") || n.endsWith(".cleaned"))
                    .forEach(found::add);
        }
        return found;
    }

    /** Carries out so many changes of names once armed, and no more. */
    private static final class KillingDisk implements Disk {
        private final AtomicInteger left;
        private volatile boolean armed;

        KillingDisk(int operations) {
            left = new AtomicInteger(operations);
        }

        private void spend(String what) throws IOException {
            if (armed && left.decrementAndGet() < 0) {
                throw new IOException("killed before " + what);
            }
        }

        @Override
        public void rename(Path from, Path to) throws IOException {
            spend("renaming " + from);
            Disk.super.rename(from, to);
        }

        @Override
        public boolean delete(Path file) throws IOException {
            spend("deleting " + file);
            return Disk.super.delete(file);
        }

        @Override
        public void forceDirectory(Path dir) throws IOException {
            spend("forcing " + dir);
            Disk.super.forceDirectory(dir);
        }

        @Override
        public FileChannel open(Path file, OpenOption... options) throws IOException {
            if (List.of(options).contains(StandardOpenOption.WRITE)) {
                spend("opening " + file);
            }
            return Disk.super.open(file, options);
        }
    }
}
