package io.troupe.journal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.apache.kafka.common.record.internal.ControlRecordType;
import org.apache.kafka.common.record.internal.MutableRecordBatch;
import org.apache.kafka.common.record.internal.Record;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Whatever is cleaned, a reader of committed records finds the last committed value of each key. Random transactions of
 * several producers, interleaved; {@code -Dseed=} replays one history.
 */
class TransactionalCompactionTest {
    private static final int HISTORIES = Integer.getInteger("histories", 8);

    @TempDir
    Path temp;

    @Test
    void committedValuesSurviveAndAbortedOnesNeverShow() throws Exception {
        long first = Long.getLong("seed", 1);
        int histories = System.getProperty("seed") == null ? HISTORIES : 1;
        long cleanings = 0;
        for (long seed = first; seed < first + histories; seed++) {
            Path dir = Files.createDirectory(temp.resolve("h" + seed));
            try (CompactedLog log = new CompactedLog(dir, CompactedLog.config(300)).open()) {
                cleanings += history(log, new Random(seed));
            } catch (Exception | AssertionError e) {
                throw new AssertionError("seed " + seed + ": " + e, e);
            }
        }
        assertTrue(cleanings >= histories, "only " + cleanings + " cleanings");
    }

    /** A record as it stands in the log; readers of committed records get them in the order of offsets. */
    private record Put(long offset, String key, String value) {
        static Put of(long offset, String record) {
            int equals = record.indexOf('=');
            return new Put(
                    offset,
                    equals < 0 ? record : record.substring(0, equals),
                    equals < 0 ? null : record.substring(equals + 1));
        }

        void into(Map<String, Put> table) {
            table.merge(key, this, (a, b) -> a.offset > b.offset ? a : b);
        }
    }

    private static long history(CompactedLog log, Random random) throws Exception {
        Map<String, Put> committed = new HashMap<>();
        Map<Long, List<Put>> open = new HashMap<>();
        Map<Long, Integer> sequences = new HashMap<>();
        long cleanings = 0;
        for (int step = 0; step < 120; step++) {
            long producer = random.nextInt(4);
            String key = "k" + random.nextInt(6);
            String record = random.nextInt(5) == 0 ? key : key + "=" + step;
            int what = random.nextInt(10);
            if (what < 2) {
                Put.of(log.write(record), record).into(committed);
            } else if (what < 7) {
                int sequence = sequences.merge(producer, 1, Integer::sum) - 1;
                open.computeIfAbsent(producer, p -> new ArrayList<>())
                        .add(Put.of(log.writeTransactional(producer, sequence, record), record));
            } else if (open.containsKey(producer)) {
                boolean commit = random.nextBoolean();
                List<Put> records = open.remove(producer);
                log.end(producer, commit);
                if (commit) {
                    records.forEach(r -> r.into(committed));
                }
            }
            if (random.nextInt(12) == 0) {
                log.mapBytes = random.nextInt(3) == 0 ? OffsetMap.SLOT_BYTES * 4L : 1 << 20;
                log.settle();
                cleanings += log.clean();
                assertEquals(values(committed), view(log));
                log.nowMs += random.nextInt(2) * 2 * CompactedLog.DELETE_RETENTION_MS;
            }
        }
        return cleanings;
    }

    /** By key, tombstones left out: those may be gone. */
    private static Map<String, String> values(Map<String, Put> table) {
        Map<String, String> values = new HashMap<>();
        table.forEach((key, put) -> {
            if (put.value() != null) {
                values.put(key, put.value());
            }
        });
        return values;
    }

    /** What a reader of committed records makes of the log. */
    private static Map<String, String> view(CompactedLog log) throws Exception {
        Map<String, Put> table = new HashMap<>();
        Map<Long, List<Put>> open = new HashMap<>();
        for (MutableRecordBatch batch : log.batches()) {
            batch.ensureValid();
            if (batch.isControlBatch()) {
                Record marker = batch.iterator().hasNext() ? batch.iterator().next() : null;
                List<Put> records = open.remove(batch.producerId());
                if (marker != null
                        && ControlRecordType.parse(marker.key()) == ControlRecordType.COMMIT
                        && records != null) {
                    records.forEach(r -> r.into(table));
                }
                continue;
            }
            for (Record record : batch) {
                Put put = new Put(record.offset(), text(record.key()), text(record.value()));
                if (batch.isTransactional()) {
                    open.computeIfAbsent(batch.producerId(), p -> new ArrayList<>())
                            .add(put);
                } else {
                    put.into(table);
                }
            }
        }
        return values(table);
    }

    private static String text(ByteBuffer bytes) {
        return bytes == null ? null : StandardCharsets.UTF_8.decode(bytes).toString();
    }
}
