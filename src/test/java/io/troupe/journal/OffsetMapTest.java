package io.troupe.journal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class OffsetMapTest {
    @Test
    void theGreatestOffsetOfAKeyCounts() {
        OffsetMap map = OffsetMap.of(10, 1 << 20, 0.9);
        assertEquals(OffsetMap.NOT_FOUND, map.get(1, 2));
        assertTrue(map.put(1, 2, 0));
        assertEquals(0, map.get(1, 2));
        assertTrue(map.put(1, 2, 7));
        assertTrue(map.put(1, 2, 5));
        assertEquals(7, map.get(1, 2));
        assertEquals(OffsetMap.NOT_FOUND, map.get(2, 1));
        assertEquals(1, map.size());
    }

    @Test
    void aKeyWhoseHashIsZeroIsAKey() {
        OffsetMap map = OffsetMap.of(10, 1 << 20, 0.9);
        assertEquals(OffsetMap.NOT_FOUND, map.get(0, 0));
        assertTrue(map.put(0, 0, 3));
        assertEquals(3, map.get(0, 0));
    }

    @Test
    void aFullMapTakesOnlyKeysThatItKnows() {
        OffsetMap map = OffsetMap.of(1_000_000, 24 * 10, 0.5);
        assertEquals(5, map.capacity());
        for (int i = 0; i < 5; i++) {
            assertTrue(map.put(i, i, i));
        }
        assertFalse(map.put(9, 9, 9));
        assertEquals(OffsetMap.NOT_FOUND, map.get(9, 9));
        assertTrue(map.put(3, 3, 99));
        assertEquals(99, map.get(3, 3));
        map.clear();
        assertEquals(OffsetMap.NOT_FOUND, map.get(3, 3));
        assertTrue(map.put(9, 9, 9));
    }

    @Test
    void memoryIsWhatTheKeysNeedAndNeverMoreThanAllowed() {
        assertTrue(OffsetMap.of(100, 128 << 20, 0.9).capacity() >= 100);
        assertTrue(OffsetMap.of(100, 128 << 20, 0.9).capacity() < 120);
        assertEquals(
                (int) ((1 << 20) / 24 * 0.9),
                OffsetMap.of(Long.MAX_VALUE, 1 << 20, 0.9).capacity());
        assertEquals(1, OffsetMap.of(5, 0, 1).capacity());
    }

    /** Few distinct low bits, so that probing runs long and wraps around the end. */
    @Test
    void agreesWithAPlainMapUnderCollisions() {
        Random random = new Random(4);
        OffsetMap map = OffsetMap.of(300, 1 << 20, 1);
        Map<Long, Long> model = new HashMap<>();
        for (int i = 0; i < 20_000; i++) {
            long low = random.nextInt(280);
            long high = random.nextBoolean() ? -1L : 7;
            long key = high * 1000 + low;
            if (model.size() < map.capacity() || model.containsKey(key)) {
                assertTrue(map.put(high, low, i));
                model.put(key, (long) i);
            }
            assertEquals(model.getOrDefault(key, OffsetMap.NOT_FOUND), map.get(high, low));
        }
        assertEquals(model.size(), map.size());
    }
}
