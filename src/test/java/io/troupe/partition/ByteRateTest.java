package io.troupe.partition;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.junit.jupiter.api.Test;

class ByteRateTest {
    private final ByteRate rate = new ByteRate();

    @Test
    void overAnySpanNoMorePassesThanItsSecondsAndOneMoreAndAMessage() {
        for (int seed = 0; seed < 200; seed++) {
            Random random = new Random(seed);
            ByteRate bound = new ByteRate();
            long perSecond = 1 + random.nextInt(5_000);
            long[] passedAt = new long[60_001];
            for (int nowMs = 1; nowMs <= 60_000; nowMs++) {
                passedAt[nowMs] = passedAt[nowMs - 1];
                if (random.nextInt(20) == 0 && bound.hasRoom(perSecond, nowMs)) {
                    int message = 1 + random.nextInt(3_000);
                    bound.passed(message, perSecond, nowMs);
                    passedAt[nowMs] += message;
                }
            }
            for (int i = 0; i < 1_000; i++) {
                int from = random.nextInt(60_000);
                int to = from + random.nextInt(60_000 - from) + 1;
                long most = perSecond * (to - from) / 1000 + perSecond + 3_000 + 1;
                assertTrue(passedAt[to] - passedAt[from] <= most, "seed " + seed + " from " + from + " to " + to);
            }
            long least = Math.min(perSecond * 50, 1_000_000);
            assertTrue(passedAt[60_000] >= least * 8 / 10, "seed " + seed + ": " + passedAt[60_000] + " of " + least);
        }
    }

    @Test
    void whatIsLargerThanASecondsBytesPassesAndIsWaitedForAfterwards() {
        assertFalse(rate.hasRoom(100, 0));
        assertTrue(rate.hasRoom(100, 10));
        rate.passed(1_001, 100, 10);
        assertFalse(rate.hasRoom(100, 9_000));
        assertFalse(rate.hasRoom(100, 10_010));
        assertTrue(rate.hasRoom(100, 10_040));
    }

    @Test
    void aRateOfNothingLetsNothingPassAndNoRateEverything() {
        assertTrue(rate.hasRoom(Long.MAX_VALUE, 0));
        assertFalse(rate.hasRoom(0, 1));
        assertFalse(rate.hasRoom(0, 1_000_000));
        assertTrue(rate.hasRoom(1_000_000_000_000L, 1_000_001), "a new rate counts at once");
    }

    @Test
    void aClockThatStandsStillGivesNothing() {
        rate.hasRoom(1_000, 50);
        assertTrue(rate.hasRoom(1_000, 60));
        rate.passed(10, 1_000, 60);
        assertFalse(rate.hasRoom(1_000, 60));
        assertFalse(rate.hasRoom(1_000, 55));
        assertEquals(true, rate.hasRoom(1_000, 61));
    }
}
