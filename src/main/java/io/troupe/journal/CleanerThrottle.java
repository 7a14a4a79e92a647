package io.troupe.journal;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;

/**
 * Holds the cleaners of all log dirs together to {@code log.cleaner.io.max.bytes.per.second}, bytes read and written counted
 * alike. Bytes are paid for after they were moved, so one large batch passes and is waited for. Safe from any thread.
 */
final class CleanerThrottle {
    /** Debts below this are let run up, for a sleep is never exact. */
    private static final long LEAST_WAIT_NANOS = TimeUnit.MILLISECONDS.toNanos(20);

    private static final long LONGEST_SLEEP_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

    private final double bytesPerSecond;
    private final LongSupplier nanos;
    private final LongAdder movedBytes = new LongAdder();
    private long paidUntil;

    CleanerThrottle(double bytesPerSecond) {
        this(bytesPerSecond, System::nanoTime);
    }

    CleanerThrottle(double bytesPerSecond, LongSupplier nanos) {
        this.bytesPerSecond = bytesPerSecond;
        this.nanos = nanos;
        this.paidUntil = nanos.getAsLong();
    }

    /** Tells of bytes moved, and waits until they are within the rate or {@code cancelled}. */
    void moved(long bytes, BooleanSupplier cancelled) {
        movedBytes.add(bytes);
        long until = debt(bytes);
        for (long left = until - nanos.getAsLong(); left > 0; left = until - nanos.getAsLong()) {
            if (cancelled.getAsBoolean()) {
                return;
            }
            LockSupport.parkNanos(Math.min(left, LONGEST_SLEEP_NANOS));
        }
    }

    /** Bytes read and written so far, those of cleanings under way too. */
    long movedBytes() {
        return movedBytes.sum();
    }

    /** When the bytes are paid for, on the clock of {@link System#nanoTime}; in the past when there is nothing to wait for. */
    synchronized long debt(long bytes) {
        long now = nanos.getAsLong();
        double cost = bytes / bytesPerSecond * TimeUnit.SECONDS.toNanos(1);
        paidUntil = Math.max(paidUntil, now) + (long) Math.min(cost, TimeUnit.DAYS.toNanos(1));
        return paidUntil - now < LEAST_WAIT_NANOS ? now : paidUntil;
    }
}
