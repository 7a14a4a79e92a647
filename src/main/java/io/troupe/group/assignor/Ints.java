package io.troupe.group.assignor;

import java.util.Arrays;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** A growing list of ints. One thread. */
final class Ints {
    private int[] items = new int[4];
    private int size;

    static Ints[] lists(int count) {
        return IntStream.range(0, count).mapToObj(i -> new Ints()).toArray(Ints[]::new);
    }

    static int[][] toArrays(Ints[] lists) {
        return Stream.of(lists).map(Ints::toArray).toArray(int[][]::new);
    }

    void add(int item) {
        room(1);
        items[size++] = item;
    }

    void addAll(int[] more) {
        room(more.length);
        System.arraycopy(more, 0, items, size, more.length);
        size += more.length;
    }

    private void room(int more) {
        if (size + more > items.length) {
            items = Arrays.copyOf(items, Math.max(size + more, 2 * size));
        }
    }

    int size() {
        return size;
    }

    int get(int index) {
        return items[index];
    }

    /** Removes an item, in whose place the last one comes. */
    int take(int index) {
        int item = items[index];
        items[index] = items[--size];
        return item;
    }

    int[] toArray() {
        return Arrays.copyOf(items, size);
    }
}
