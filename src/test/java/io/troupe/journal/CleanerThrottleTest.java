package io.troupe.journal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class CleanerThrottleTest {
    private final AtomicLong nanos = new AtomicLong(77);

    @Test
    void bytesCostTimeAtTheRate() {
        CleanerThrottle throttle = new CleanerThrottle(1000, nanos::get);
        assertEquals(nanos.get() + 1_000_000_000L, throttle.debt(1000));
        assertEquals(nanos.get() + 1_500_000_000L, throttle.debt(500));
        nanos.addAndGet(1_500_000_000L);
        assertEquals(nanos.get() + 100_000_000L, throttle.debt(100));
    }

    @Test
    void timeInWhichNothingWasMovedIsNotSaved() {
        CleanerThrottle throttle = new CleanerThrottle(1000, nanos::get);
        nanos.addAndGet(60_000_000_000L);
        assertEquals(nanos.get() + 1_000_000_000L, throttle.debt(1000));
    }

    @Test
    void smallDebtsRunUpBeforeAnybodyWaits() {
        CleanerThrottle throttle = new CleanerThrottle(1_000_000, nanos::get);
        assertEquals(nanos.get(), throttle.debt(1000));
        assertEquals(nanos.get() + 21_000_000L, throttle.debt(20_000));
    }

    @Test
    void withoutALimitNobodyWaits() {
        CleanerThrottle throttle = new CleanerThrottle(Double.MAX_VALUE, nanos::get);
        assertEquals(nanos.get(), throttle.debt(Long.MAX_VALUE));
    }

    @Test
    void whatWasMovedIsCountedAlthoughNobodyHasPaidYet() {
        CleanerThrottle throttle = new CleanerThrottle(1, nanos::get);
        throttle.moved(1000, () -> true);
        throttle.moved(500, () -> true);
        assertEquals(1500, throttle.movedBytes());
    }

    @Test
    void whoIsCancelledWaitsNoLonger() {
        CleanerThrottle throttle = new CleanerThrottle(1, nanos::get);
        AtomicBoolean asked = new AtomicBoolean();
        throttle.moved(1_000_000, () -> {
            asked.set(true);
            return true;
        });
        assertTrue(asked.get());
    }
}
