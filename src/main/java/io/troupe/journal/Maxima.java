package io.troupe.journal;

import java.util.Arrays;

/**
 * Numbers in a row, of which any stretch tells its greatest, and where it first reaches a value, in O(log n): above them
 * stand the greatest of every sixteen, of every 256, and so on, each written once all that it sums up is there. One thread
 * adds; others may ask about what they know to have been added.
 */
final class Maxima {
    private static final int FAN_BITS = 4;
    private static final int FAN = 1 << FAN_BITS;

    // Row 0 has the numbers. Replaced as a whole when a row grows, so that readers see whole rows.
    private volatile long[][] rows = {new long[4]};
    private int count;

    void add(long number) {
        long greatest = number;
        int at = count++;
        for (int row = 0; ; row++) {
            put(row, at, greatest);
            if ((at & (FAN - 1)) != FAN - 1) {
                return;
            }
            for (int i = at - FAN + 1; i <= at; i++) {
                greatest = Math.max(greatest, rows[row][i]);
            }
            at >>= FAN_BITS;
        }
    }

    private void put(int row, int at, long number) {
        if (row == rows.length || at == rows[row].length) {
            long[][] more = Arrays.copyOf(rows, Math.max(rows.length, row + 1));
            more[row] = row == rows.length ? new long[4] : Arrays.copyOf(rows[row], 2 * at);
            rows = more;
        }
        rows[row][at] = number;
    }

    /**
     * The greatest of a stretch; {@link Long#MIN_VALUE} for none.
     *
     * @param to exclusive
     */
    long greatest(int from, int to) {
        long[][] seen = rows;
        long greatest = Long.MIN_VALUE;
        for (int at = from; at < to; ) {
            int row = widest(at, to);
            greatest = Math.max(greatest, seen[row][at >> row * FAN_BITS]);
            at += 1 << row * FAN_BITS;
        }
        return greatest;
    }

    /**
     * The first of a stretch that is not below {@code least}; {@code to} when there is none.
     *
     * @param to exclusive
     */
    int firstAtLeast(long least, int from, int to) {
        long[][] seen = rows;
        for (int at = from; at < to; ) {
            int row = widest(at, to);
            if (seen[row][at >> row * FAN_BITS] >= least) {
                while (row > 0) {
                    row--;
                    while (seen[row][at >> row * FAN_BITS] < least) {
                        at += 1 << row * FAN_BITS;
                    }
                }
                return at;
            }
            at += 1 << row * FAN_BITS;
        }
        return to;
    }

    /** The highest row of which one number sums up what begins at {@code at} and ends by {@code to}. */
    private static int widest(int at, int to) {
        int row = 0;
        for (long width = FAN; (at & (width - 1)) == 0 && at + width <= to; width <<= FAN_BITS) {
            row++;
        }
        return row;
    }
}
