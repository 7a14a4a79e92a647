package io.troupe.journal;

import io.troupe.record.BatchHeader;
import io.troupe.record.ProducerStates;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.MutableRecordBatch;
import org.apache.kafka.common.record.internal.Record;

/**
 * What a compacted log must hold of what was written to it: the last value of each key, at its offset, in batches that are
 * what they were but for the records that went; and everything that no cleaning may have touched, byte for byte.
 */
final class ExpectedKeys {
    private record Entry(String key, String value, long timestampMs) {}

    /** Everything below {@code bound} may have been cleaned at that time. */
    private record Cleaning(long bound, long atMs) {}

    private final long deleteRetentionMs;
    private final List<Cleaning> cleanings = new ArrayList<>();
    private long bound;

    ExpectedKeys(long deleteRetentionMs) {
        this.deleteRetentionMs = deleteRetentionMs;
    }

    /** Exclusive end of what any cleaning may have touched. */
    long bound() {
        return bound;
    }

    /** A cleaning begins that may touch what lies below {@code end}. */
    void cleaning(long end, long nowMs) {
        cleanings.add(new Cleaning(end, nowMs));
        bound = Math.max(bound, end);
    }

    /**
     * Compares.
     *
     * @param written all batches ever, but for those cut away
     * @param durable exclusive; what lies below must be there, what lies above may be, batch by batch
     * @return those of the batches that are there, or were cleaned, or lie below the start
     */
    List<ByteBuffer> check(List<ByteBuffer> written, LogReader reader, ProducerStates producers, long durable)
            throws Exception {
        long start = reader.logStartOffset();
        TreeMap<Long, ByteBuffer> byLastOffset = new TreeMap<>();
        written.forEach(b -> byLastOffset.put(BatchHeader.lastOffset(b, 0), b));
        List<MutableRecordBatch> found = new ArrayList<>();
        MemoryRecords.readableRecords(JournalFixture.readAll(reader, start))
                .batches()
                .forEach(found::add);
        TreeMap<Long, Entry> entries = new TreeMap<>();
        long next = 0;
        for (MutableRecordBatch batch : found) {
            batch.ensureValid();
            ByteBuffer original = byLastOffset.get(batch.lastOffset());
            expect(original != null, () -> batch + " was never written");
            expect(batch.baseOffset() >= next, () -> batch + " overlaps the one before it");
            next = batch.lastOffset() + 1;
            checkBatch(batch, original);
            entries.putAll(entries(batch));
        }
        checkLastValues(written, entries, start);
        checkLookUps(found, reader, start);

        Set<Long> lastOffsets =
                found.stream().map(MutableRecordBatch::lastOffset).collect(Collectors.toSet());
        List<ByteBuffer> left = new ArrayList<>();
        for (ByteBuffer batch : written) {
            long last = BatchHeader.lastOffset(batch, 0);
            boolean there = lastOffsets.contains(last);
            expect(
                    there || last < Math.max(start, bound) || last >= durable,
                    () -> "the batch that ends at offset " + last + " is gone; offsets up to " + durable
                            + " were durable");
            if (there || last < Math.max(start, bound)) {
                left.add(batch);
            }
        }
        checkProducers(left, lastOffsets, producers);
        return left;
    }

    private void checkBatch(MutableRecordBatch batch, ByteBuffer original) {
        MutableRecordBatch was = batch(original);
        if (batch.lastOffset() >= bound) {
            ByteBuffer bytes = ByteBuffer.allocate(batch.sizeInBytes());
            batch.writeTo(bytes);
            expect(bytes.flip().equals(original), () -> batch + " is not the one that was written");
        }
        expect(
                batch.baseOffset() == was.baseOffset()
                        && batch.partitionLeaderEpoch() == was.partitionLeaderEpoch()
                        && batch.producerId() == was.producerId()
                        && batch.baseSequence() == was.baseSequence()
                        && batch.lastSequence() == was.lastSequence()
                        && (batch.compressionType() == was.compressionType() || batch.countOrNull() == 0),
                () -> batch + " was " + was);
        Map<Long, Entry> entries = entries(was);
        entries(batch)
                .forEach((offset, entry) -> expect(
                        entry.equals(entries.get(offset)),
                        () -> "at offset " + offset + " stands " + entry + ", written was " + entries.get(offset)));
    }

    /** The last value of each key below the bound; what was written after it stands for itself. */
    private void checkLastValues(List<ByteBuffer> written, TreeMap<Long, Entry> found, long start) {
        Map<String, Long> last = new HashMap<>();
        Map<Long, Entry> all = new HashMap<>();
        for (ByteBuffer batch : written) {
            if (BatchHeader.lastOffset(batch, 0) < bound) {
                entries(batch(batch)).forEach((offset, entry) -> {
                    last.put(entry.key, offset);
                    all.put(offset, entry);
                });
            }
        }
        last.forEach((key, offset) -> {
            if (offset < start || found.containsKey(offset)) {
                return;
            }
            expect(
                    all.get(offset).value == null && mayHaveExpired(offset),
                    () -> "the last value of key " + key + ", " + all.get(offset) + " at offset " + offset
                            + ", is gone");
            found.headMap(offset)
                    .forEach((o, entry) -> expect(
                            !entry.key.equals(key),
                            () -> "key " + key + " was deleted at offset " + offset + " and is back with " + entry));
        });
    }

    /** A tombstone's time begins with the first cleaning that meets it, and a later one takes it. */
    private boolean mayHaveExpired(long offset) {
        Optional<Cleaning> first =
                cleanings.stream().filter(c -> c.bound > offset).findFirst();
        return first.isPresent()
                && cleanings.stream().anyMatch(c -> c.bound > offset && c.atMs >= first.get().atMs + deleteRetentionMs);
    }

    /** Whoever asks for an offset in a gap gets what comes behind it. */
    private static void checkLookUps(List<MutableRecordBatch> found, LogReader reader, long start) throws Exception {
        long from = start;
        for (int i = 0; i < found.size(); i++) {
            MutableRecordBatch batch = found.get(i);
            if (i % 7 == 0) {
                long offset = from;
                ByteBuffer read = reader.read(offset, Long.MAX_VALUE, 1, true);
                expect(
                        BatchHeader.lastOffset(read, 0) == batch.lastOffset(),
                        () -> "offset " + offset + " is looked up at " + BatchHeader.baseOffset(read, 0) + ", not at "
                                + batch);
            }
            from = batch.lastOffset() + 1;
        }
    }

    /** Of each producer's last five batches, those that are there are known again. */
    private static void checkProducers(List<ByteBuffer> written, Set<Long> found, ProducerStates producers) {
        Map<Long, Integer> later = new HashMap<>();
        for (int i = written.size() - 1; i >= 0; i--) {
            ByteBuffer batch = written.get(i);
            long id = BatchHeader.producerId(batch, 0);
            if (id >= 0
                    && later.merge(id, 1, Integer::sum) <= ProducerStates.BATCHES_KEPT
                    && found.contains(BatchHeader.lastOffset(batch, 0))) {
                ProducerStates.Check check = producers.check(
                        id,
                        BatchHeader.producerEpoch(batch, 0),
                        BatchHeader.baseSequence(batch, 0),
                        BatchHeader.lastSequence(batch, 0));
                expect(
                        check instanceof ProducerStates.Check.Duplicate duplicate
                                && duplicate.baseOffset() == BatchHeader.baseOffset(batch, 0)
                                && duplicate.lastOffset() == BatchHeader.lastOffset(batch, 0),
                        () -> batch(batch) + " would not be known again but " + check);
            }
        }
    }

    private static MutableRecordBatch batch(ByteBuffer bytes) {
        return MemoryRecords.readableRecords(bytes.duplicate())
                .batches()
                .iterator()
                .next();
    }

    private static Map<Long, Entry> entries(MutableRecordBatch batch) {
        Map<Long, Entry> entries = new TreeMap<>();
        for (Record record : batch) {
            entries.put(record.offset(), new Entry(text(record.key()), text(record.value()), record.timestamp()));
        }
        return entries;
    }

    private static String text(ByteBuffer bytes) {
        return bytes == null ? null : StandardCharsets.ISO_8859_1.decode(bytes).toString();
    }

    private static void expect(boolean holds, Supplier<String> what) {
        if (!holds) {
            throw new AssertionError(what.get());
        }
    }
}
