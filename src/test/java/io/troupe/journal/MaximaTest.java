package io.troupe.journal;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Random;
import org.junit.jupiter.api.Test;

/** Against a plain search, over every stretch. */
class MaximaTest {
    @Test
    void anyStretchTellsItsGreatestAndWhereItFirstReachesAValue() {
        long seed = 5;
        Random random = new Random(seed);
        Maxima maxima = new Maxima();
        long[] all = random.longs(5_000, 0, 4_000).toArray();
        for (int n = 0; n < all.length; n++) {
            maxima.add(all[n]);
            int to = random.nextInt(n + 2);
            check(maxima, all, random.nextInt(to + 1), to, random.nextInt(4_100));
        }
        for (int i = 0; i < 5_000; i++) {
            int to = random.nextInt(all.length + 1);
            check(maxima, all, random.nextInt(to + 1), to, 3_900 + random.nextInt(101));
        }
        check(maxima, all, 0, all.length, 4_001);
    }

    private static void check(Maxima maxima, long[] all, int from, int to, long least) {
        long greatest = Long.MIN_VALUE;
        int first = to;
        for (int i = to - 1; i >= from; i--) {
            greatest = Math.max(greatest, all[i]);
            first = all[i] >= least ? i : first;
        }
        assertEquals(greatest, maxima.greatest(from, to), "in [" + from + ", " + to + ")");
        assertEquals(first, maxima.firstAtLeast(least, from, to), least + " in [" + from + ", " + to + ")");
    }
}
