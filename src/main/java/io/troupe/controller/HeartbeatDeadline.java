package io.troupe.controller;

import com.typesafe.config.Config;
import java.util.function.LongSupplier;
import org.apache.pekko.event.EventStream;
import org.apache.pekko.remote.FailureDetector;

/**
 * When a member of the cluster counts as unreachable: it answered no heartbeat for {@code heartbeat-interval} and
 * {@code acceptable-heartbeat-pause} together. Time in which this process stood still does not count: the answers that came meanwhile are
 * read after the question whether there are any.
 *
 * <p>The actor library makes one for each member and asks it every {@code unreachable-nodes-reaper-interval}. Its own, which estimates from
 * past intervals what the next one may be, takes up to twice as long on a machine whose heartbeats jitter, and blames others for its own
 * pauses. Any thread may call it.
 */
public final class HeartbeatDeadline implements FailureDetector {
    /** What counts of the time between two questions, in ms: some times the interval at which it is asked. */
    static final long MOST_BETWEEN_MS = 1000;

    private final long deadlineMs;
    private final LongSupplier clockMs;
    private boolean monitoring;
    private long silentMs;
    private long lookedMs;

    /**
     * As the actor library makes it.
     *
     * @param config {@code pekko.cluster.failure-detector}
     * @param events required of such a class
     */
    public HeartbeatDeadline(Config config, EventStream events) {
        this(
                config.getDuration("heartbeat-interval")
                        .plus(config.getDuration("acceptable-heartbeat-pause"))
                        .toMillis(),
                () -> System.nanoTime() / 1_000_000);
    }

    /** @param clockMs monotonic */
    HeartbeatDeadline(long deadlineMs, LongSupplier clockMs) {
        this.deadlineMs = deadlineMs;
        this.clockMs = clockMs;
    }

    @Override
    public synchronized boolean isAvailable() {
        long nowMs = clockMs.getAsLong();
        silentMs += Math.min(MOST_BETWEEN_MS, nowMs - lookedMs);
        lookedMs = nowMs;
        return !monitoring || silentMs < deadlineMs;
    }

    @Override
    public synchronized boolean isMonitoring() {
        return monitoring;
    }

    @Override
    public synchronized void heartbeat() {
        monitoring = true;
        silentMs = 0;
        lookedMs = clockMs.getAsLong();
    }
}
