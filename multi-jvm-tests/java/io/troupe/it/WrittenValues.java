package io.troupe.it;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What one producer wrote, each value once, and what became of it; {@link #anomalies} holds that against what is read in the end. Value n
 * goes to partition n modulo the number of partitions, in this order. No client in here. Thread-safe.
 */
final class WrittenValues {

    /** What the producer may expect of its retries. */
    enum Delivery {
        /** Idempotent: no value twice. */
        ONCE,
        /** A retry may write a value again. Those behind it may come again, too, but none overtakes. */
        AT_LEAST_ONCE
    }

    /** A record as the last reader saw it. */
    record Read(long offset, String value) {}

    private static final int SHOWN = 5;

    private final String writer;
    private final int partitions;
    private final Delivery delivery;
    private final BitSet acknowledged = new BitSet();
    private final Map<Integer, Long> offsets = new HashMap<>();
    private final Map<Integer, String> failures = new TreeMap<>();
    private int sent;

    /** @param writer no other writer of the topic has this name, and no dash is in it */
    WrittenValues(String writer, int partitions, Delivery delivery) {
        this.writer = writer;
        this.partitions = partitions;
        this.delivery = delivery;
    }

    /** The number of the next value, which from now on may be there. */
    synchronized int next() {
        return sent++;
    }

    String value(int number) {
        return writer + "-" + number;
    }

    int partition(int number) {
        return number % partitions;
    }

    /** @param offset as told to the producer, -1 when it was not told */
    synchronized void acknowledged(int number, long offset) {
        acknowledged.set(number);
        offsets.put(number, offset);
    }

    /** Nobody knows whether it is there. */
    synchronized void failed(int number, String why) {
        failures.put(number, why);
    }

    synchronized int acknowledged() {
        return acknowledged.cardinality();
    }

    /** The values that were begun so far are those below this number. */
    synchronized int begun() {
        return sent;
    }

    /** The first acknowledged values from this number on. */
    synchronized List<String> acknowledgedFrom(int number) {
        return acknowledged.stream()
                .filter(n -> n >= number)
                .limit(SHOWN)
                .mapToObj(n -> value(n) + " at offset " + offsets.get(n))
                .toList();
    }

    /** Acknowledged values of one partition. */
    synchronized int acknowledgedIn(int partition) {
        return (int)
                acknowledged.stream().filter(n -> partition(n) == partition).count();
    }

    /** The first values that failed, and why. */
    synchronized List<String> failures() {
        return failures.entrySet().stream()
                .limit(SHOWN)
                .map(e -> value(e.getKey()) + ": " + e.getValue())
                .toList();
    }

    /**
     * What must not be: acknowledged values that are missing or stand at another offset than was told, values twice, out of order, in
     * another partition, or never written.
     *
     * @param read all that a partition holds, in the order of offsets; partitions that are not in it are not judged
     * @return nothing when all is well
     */
    synchronized List<String> anomalies(Map<Integer, List<Read>> read) {
        Map<String, List<String>> found = new TreeMap<>();
        read.forEach((partition, records) -> {
            BitSet seen = new BitSet();
            int last = -1;
            for (Read record : records) {
                int number = number(record.value());
                if (number < 0) {
                    continue;
                }
                String which = partition + "@" + record.offset() + " " + record.value();
                if (number >= sent || partition(number) != partition) {
                    add(found, "never written there", which);
                } else if (seen.get(number)) {
                    if (delivery == Delivery.ONCE) {
                        add(found, "twice", which);
                    }
                } else {
                    if (number < last) {
                        add(found, "behind a later one", which);
                    }
                    last = number;
                    seen.set(number);
                    long told = offsets.getOrDefault(number, -1L);
                    if (delivery == Delivery.ONCE && told >= 0 && told != record.offset()) {
                        add(found, "not at the offset that was told, " + told, which);
                    }
                }
            }
            acknowledged.stream()
                    .filter(n -> partition(n) == partition && !seen.get(n))
                    .forEach(n ->
                            add(found, "acknowledged and lost", partition + "@" + offsets.get(n) + " " + value(n)));
        });
        List<String> shown = new ArrayList<>();
        found.forEach((what, which) ->
                shown.add(what + ": " + which.size() + ", first " + which.subList(0, Math.min(SHOWN, which.size()))));
        return shown;
    }

    /** Of a value of this writer, else -1. */
    private int number(String value) {
        int dash = value.indexOf('-');
        return value.startsWith(writer + "-") ? Integer.parseInt(value.substring(dash + 1)) : -1;
    }

    private static void add(Map<String, List<String>> found, String what, String which) {
        found.computeIfAbsent(what, w -> new ArrayList<>()).add(which);
    }
}
