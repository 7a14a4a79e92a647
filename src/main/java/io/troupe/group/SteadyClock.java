package io.troupe.group;

import java.util.function.LongSupplier;

/** The wall clock as of its making, carried on by the machine's monotonic one: sessions survive a clock that is set. */
public final class SteadyClock implements LongSupplier {
    private final long startMs = System.currentTimeMillis();
    private final long startNanos = System.nanoTime();

    @Override
    public long getAsLong() {
        return startMs + (System.nanoTime() - startNanos) / 1_000_000;
    }
}
