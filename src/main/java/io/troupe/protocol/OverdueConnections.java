package io.troupe.protocol;

import java.util.ArrayList;
import java.util.Collection;
import java.util.function.BiConsumer;
import java.util.function.Function;
import org.apache.kafka.common.network.NetworkReceive;

/**
 * Finds the connections of a network thread whose time is up: those on which nothing was read or written for
 * {@code connections.max.idle.ms}, whatever is under way there (as in Kafka), and, while the in-flight bytes are used up, those that owe the
 * rest of a frame. It asks each connection now and then; an order of all of them, renewed with each request, costs more. Time in which this
 * thread stood still counts for nobody: what clients sent meanwhile has not been read yet.
 * Owned by one network thread.
 */
final class OverdueConnections {
    /** While the in-flight bytes are used up, a frame that stands still for so long costs its connection. */
    static final long STALL_NANOS = 5_000_000_000L;

    private static final long STALL_CHECK_NANOS = 500_000_000L;
    /** An idle connection goes late by this part of the time that it has, and by this at most. */
    private static final long IDLE_CHECKS = 20;

    private static final long MOST_IDLE_CHECK_NANOS = 5_000_000_000L;
    /** What counts of the time between two turns, which follow each other faster. */
    private static final long MOST_BETWEEN_NANOS = 500_000_000L;

    private final InFlightBytes inFlight;
    private final long maxIdleNanos;
    private final long idleCheckNanos;
    private final Function<Connection, NetworkReceive> reading;
    private long idleCheckedNanos;
    private long turnNanos;
    private boolean exhausted;
    private long stallsCheckedNanos;

    /**
     * @param maxIdleMs below 0 for no bound
     * @param reading the frame that is being read from a connection; null when none is
     */
    OverdueConnections(
            InFlightBytes inFlight, long maxIdleMs, long nowNanos, Function<Connection, NetworkReceive> reading) {
        this.inFlight = inFlight;
        this.maxIdleNanos =
                maxIdleMs < 0 ? Long.MAX_VALUE : Math.min(maxIdleMs, Long.MAX_VALUE / 1_000_000) * 1_000_000;
        this.idleCheckNanos = Math.min(maxIdleNanos / IDLE_CHECKS, MOST_IDLE_CHECK_NANOS);
        this.reading = reading;
        this.idleCheckedNanos = nowNanos;
        this.turnNanos = nowNanos;
    }

    /** To be called in each turn. */
    void close(Collection<Connection> connections, long nowNanos, BiConsumer<Connection, String> close) {
        closeStalled(connections, nowNanos, close);
        if (maxIdleNanos == Long.MAX_VALUE) {
            return;
        }
        long stoodStillNanos = nowNanos - turnNanos - MOST_BETWEEN_NANOS;
        turnNanos = nowNanos;
        if (stoodStillNanos > 0) {
            connections.forEach(connection -> connection.notLookedAfter(stoodStillNanos, nowNanos));
        }
        if (nowNanos - idleCheckedNanos < idleCheckNanos) {
            return;
        }
        idleCheckedNanos = nowNanos;
        for (Connection connection : new ArrayList<>(connections)) {
            if (connection.idleNanos(reading.apply(connection), nowNanos) >= maxIdleNanos) {
                close.accept(connection, null);
            }
        }
    }

    /** Frames announced and not sent must not keep everybody else's from being read. */
    private void closeStalled(Collection<Connection> connections, long nowNanos, BiConsumer<Connection, String> close) {
        if (!inFlight.scarce()) {
            exhausted = false;
            return;
        }
        if (!exhausted) {
            exhausted = true;
            // What was seen the last time is no measure any more.
            connections.forEach(connection -> connection.stalledNanos(null, nowNanos));
        } else if (nowNanos - stallsCheckedNanos < STALL_CHECK_NANOS) {
            return;
        }
        stallsCheckedNanos = nowNanos;
        for (Connection connection : new ArrayList<>(connections)) {
            NetworkReceive frame = reading.apply(connection);
            if (connection.stalledNanos(frame, nowNanos) >= STALL_NANOS) {
                close.accept(
                        connection, "the rest of its frame does not come, and queued.max.request.bytes is used up");
            }
        }
    }
}
