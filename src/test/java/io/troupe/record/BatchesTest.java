package io.troupe.record;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.troupe.record.Batches.KeyValue;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.SimpleRecord;
import org.junit.jupiter.api.Test;

/** The batches that the broker writes itself are, byte for byte, those that Kafka's own writer makes. */
class BatchesTest {
    private static final long TIME_MS = 1_700_000_000_123L;

    private static void assertAsKafkas(List<KeyValue> records) {
        SimpleRecord[] simple = records.stream()
                .map(r -> new SimpleRecord(TIME_MS, r.key(), r.value()))
                .toArray(SimpleRecord[]::new);
        ByteBuffer expected =
                MemoryRecords.withRecords(Compression.NONE, simple).buffer();
        assertEquals(expected, Batches.of(records, TIME_MS));
    }

    @Test
    void oneRecord() {
        assertAsKafkas(List.of(new KeyValue(new byte[] {1, 2, 3}, new byte[] {4})));
    }

    @Test
    void keysAndValuesMayBeEmptyOrAbsent() {
        byte[] some = {7};
        assertAsKafkas(List.of(
                new KeyValue(some, null),
                new KeyValue(null, some),
                new KeyValue(null, null),
                new KeyValue(new byte[0], new byte[0])));
    }

    @Test
    void lengthsAndOffsetsOfSeveralBytes() {
        Random random = new Random(1);
        List<KeyValue> records = new ArrayList<>();
        for (int i = 0; i < 9000; i++) {
            records.add(new KeyValue(new byte[random.nextInt(200)], new byte[i == 5000 ? 1 << 21 : i % 70]));
        }
        assertAsKafkas(records);
    }

    @Test
    void noBatchWithoutRecords() {
        assertThrows(IllegalArgumentException.class, () -> Batches.of(List.of(), TIME_MS));
    }
}
