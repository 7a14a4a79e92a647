package io.troupe.group.assignor;

import java.util.AbstractSet;
import java.util.Arrays;
import java.util.Iterator;
import java.util.NoSuchElementException;

/** Partition numbers of one topic, ascending. Immutable: the array belongs to the set. */
final class PartitionSet extends AbstractSet<Integer> {
    private final int[] sorted;

    /**
     * @param sorted ascending, without repeats; not written any more
     */
    PartitionSet(int[] sorted) {
        this.sorted = sorted;
    }

    /**
     * @param first inclusive
     * @param end exclusive
     */
    static PartitionSet range(int first, int end) {
        int[] sorted = new int[end - first];
        Arrays.setAll(sorted, i -> first + i);
        return new PartitionSet(sorted);
    }

    @Override
    public Iterator<Integer> iterator() {
        return new Iterator<>() {
            private int next;

            @Override
            public boolean hasNext() {
                return next < sorted.length;
            }

            @Override
            public Integer next() {
                if (next == sorted.length) {
                    throw new NoSuchElementException();
                }
                return sorted[next++];
            }
        };
    }

    @Override
    public int size() {
        return sorted.length;
    }

    @Override
    public boolean contains(Object partition) {
        return partition instanceof Integer p && Arrays.binarySearch(sorted, p) >= 0;
    }
}
