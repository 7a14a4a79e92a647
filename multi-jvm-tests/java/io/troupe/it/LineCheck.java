package io.troupe.it;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Checks what a reader saw against what was sent. A value is {@code <producer> <number> <line>}; per producer each number must come
 * exactly once, with its line unchanged, and rising within a partition. Not thread-safe.
 */
final class LineCheck {
    private static final int REPORTED = 10;

    private final List<String> lines;
    private final Map<String, BitSet> seen = new LinkedHashMap<>();
    private final Map<String, Integer> last = new HashMap<>();
    private final List<String> wrong = new ArrayList<>();

    LineCheck(List<String> lines) {
        this.lines = lines;
    }

    static String value(String producer, int number, String line) {
        return producer + " " + number + " " + line;
    }

    void saw(int partition, String value) {
        String[] parts = value.split(" ", 3);
        if (parts.length < 3 || !parts[1].matches("[0-9]{1,9}") || Integer.parseInt(parts[1]) >= lines.size()) {
            wrong("partition " + partition + " holds what nobody sent: " + value);
            return;
        }
        int number = Integer.parseInt(parts[1]);
        if (!parts[2].equals(lines.get(number))) {
            wrong("partition " + partition + " changed line " + number + " into: " + value);
        }
        BitSet numbers = seen.computeIfAbsent(parts[0], name -> new BitSet());
        if (numbers.get(number)) {
            wrong(parts[0] + " " + number + " came twice, the second time from partition " + partition);
        }
        numbers.set(number);
        Integer before = last.put(parts[0] + "/" + partition, number);
        if (before != null && before >= number) {
            wrong(parts[0] + " " + number + " came after " + before + " in partition " + partition);
        }
    }

    /** Fails unless exactly those producers' lines, and all of them, were seen. */
    void complete(List<String> producers) {
        for (String producer : producers) {
            BitSet numbers = seen.getOrDefault(producer, new BitSet());
            if (numbers.cardinality() != lines.size()) {
                wrong(producer + " lacks " + (lines.size() - numbers.cardinality()) + " lines, the first is "
                        + numbers.nextClearBit(0));
            }
        }
        assertEquals(List.of(), wrong);
        assertEquals(Set.copyOf(producers), seen.keySet());
    }

    private void wrong(String what) {
        if (wrong.size() < REPORTED) {
            wrong.add(what);
        }
    }
}
