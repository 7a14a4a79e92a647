package io.troupe.journal;

import java.util.Arrays;

/**
 * The last offset of each key in a stretch of log, in memory of a fixed size: open addressing with linear probing over slots
 * of 24 bytes (a key's 128-bit hash and its offset), in one array. One thread.
 *
 * <p>Keys are told apart by their MD5 alone, as in Kafka. Two keys with one hash would count as one and the older record go;
 * by chance that takes some 10^19 keys in one log, and a client able to construct such a pair could as well overwrite either
 * key. Slots are probed by comparing whole hashes, so no other collision does any harm.
 */
final class OffsetMap {
    /** Bytes of memory for each slot. */
    static final int SLOT_BYTES = 24;

    static final long NOT_FOUND = -1;

    private static final int WORDS = 3;

    // Per slot: hash high, hash low, offset + 1 (0: the slot is free).
    private final long[] slots;
    private final int capacity;
    private final int most;
    private int size;

    private OffsetMap(int capacity, double loadFactor) {
        this.capacity = capacity;
        this.most = Math.max(1, Math.min(capacity - 1, (int) (capacity * loadFactor)));
        this.slots = new long[capacity * WORDS];
    }

    /**
     * A map for {@code keys} keys, or for as many as fit {@code maxBytes}, at least one.
     *
     * @param loadFactor share of the slots that is used, above 0 and at most 1
     */
    static OffsetMap of(long keys, long maxBytes, double loadFactor) {
        double slots = Math.ceil(keys / loadFactor) + 1;
        double fitting = Math.min(maxBytes / (double) SLOT_BYTES, (Integer.MAX_VALUE - 8) / WORDS);
        return new OffsetMap((int) Math.max(2, Math.min(slots, fitting)), loadFactor);
    }

    /**
     * Notes that the key has a record at {@code offset}; the greatest offset counts.
     *
     * @return false when the map is full and does not know the key; nothing was noted
     */
    boolean put(long keyHigh, long keyLow, long offset) {
        int at = find(keyHigh, keyLow);
        if (slots[at + 2] == 0) {
            if (size == most) {
                return false;
            }
            slots[at] = keyHigh;
            slots[at + 1] = keyLow;
            size++;
        }
        slots[at + 2] = Math.max(slots[at + 2], offset + 1);
        return true;
    }

    /** The last offset noted of the key, {@link #NOT_FOUND} for none. */
    long get(long keyHigh, long keyLow) {
        return slots[find(keyHigh, keyLow) + 2] - 1;
    }

    /** The key's slot, or the free one where it would stand; there is always one, for the map is never quite full. */
    private int find(long keyHigh, long keyLow) {
        int slot = (int) Long.remainderUnsigned(keyHigh, capacity);
        while (true) {
            int at = slot * WORDS;
            if (slots[at + 2] == 0 || (slots[at] == keyHigh && slots[at + 1] == keyLow)) {
                return at;
            }
            slot = slot + 1 == capacity ? 0 : slot + 1;
        }
    }

    int size() {
        return size;
    }

    /** Keys that it can hold. */
    int capacity() {
        return most;
    }

    void clear() {
        Arrays.fill(slots, 0);
        size = 0;
    }
}
