package io.troupe.api;

import io.troupe.partition.Replica;
import io.troupe.protocol.RecordsField;
import io.troupe.protocol.RequestContext;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.message.FetchRequestData;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One fetch from its arrival to its one answer.
 *
 * <pre>
 * READING --enough, error, time over--> DONE
 * READING --too little--> WAITING --news or time over--> READING
 * any --connection closed--> DONE
 * </pre>
 *
 * Called by network threads, the reads executor, Replicas' threads and the timer; the monitor guards the state, and
 * nothing slow happens within it.
 */
final class PendingFetch {
    /** After a pass that found some data but too little, so that a busy partition is not read anew for each append. */
    private static final long MIN_PASS_INTERVAL_MS = 5;

    /**
     * Longest wait, whatever the client asks for; it may always be answered earlier. A connection that is not read at
     * the moment shows its end only with the answer, so this bounds what a client that went away leaves behind.
     */
    private static final long MAX_WAIT_MS = 300_000;

    private static final Logger log = LoggerFactory.getLogger(PendingFetch.class);

    private enum State {
        READING,
        WAITING,
        DONE
    }

    /** One registration with the Replicas concerned; a late call of an older one finds itself replaced. */
    private final class Round implements Replica.Waiter {
        private final List<FetchRead.Wait> waits;
        private final boolean hadData;

        Round(FetchRead.Outcome outcome) {
            this.waits = outcome.waits();
            this.hadData = outcome.bytes() > 0;
        }

        @Override
        public void dataMayBeThere() {
            news(this);
        }

        void register(boolean readCommitted) {
            for (FetchRead.Wait wait : waits) {
                wait.replica().replica().tell(new Replica.AwaitData(this, wait.endOffset(), readCommitted));
            }
        }

        void cancel() {
            for (FetchRead.Wait wait : waits) {
                wait.replica().replica().tell(new Replica.CancelWait(this));
            }
        }
    }

    private final RequestContext context;
    private final FetchRequestData request;
    private final FetchRead read;
    private final int maxBytes;
    private final AnswerBudget budget;
    private final ReadLanes lanes;
    private final ScheduledExecutorService timer;
    private final TrafficStats traffic;
    private final long deadlineNanos;

    private State state = State.READING;
    /** Where the next pass runs. */
    private Executor lane;

    private boolean timeOver;
    private Round round;
    private ScheduledFuture<?> timeout;

    PendingFetch(
            RequestContext context,
            FetchRequestData request,
            FetchRead read,
            int maxBytes,
            AnswerBudget budget,
            ReadLanes lanes,
            ScheduledExecutorService timer,
            TrafficStats traffic) {
        this.traffic = traffic;
        this.context = context;
        this.request = request;
        this.read = read;
        this.maxBytes = maxBytes;
        this.budget = budget;
        this.lanes = lanes;
        this.lane = lanes.recent();
        this.timer = timer;
        this.deadlineNanos = System.nanoTime()
                + TimeUnit.MILLISECONDS.toNanos(Math.min(MAX_WAIT_MS, Math.max(0, request.maxWaitMs())));
        this.timeOver = request.maxWaitMs() <= 0 || request.minBytes() <= 0;
    }

    /** On the network thread: a fetch with nothing to read waits, or is answered, without a hop. */
    void start() {
        context.onClosed(this::connectionClosed);
        FetchRead.Outcome first = read.look();
        if (first.bytes() > 0) {
            lane = first.old() ? lanes.old() : lanes.recent();
            lane.execute(this::pass);
        } else {
            decide(first);
        }
    }

    private void pass() {
        Executor here;
        synchronized (this) {
            if (state == State.DONE) {
                return;
            }
            here = lane;
        }
        int granted = budget.take(maxBytes);
        try {
            decide(read.read(granted, here));
        } catch (RuntimeException | OutOfMemoryError e) {
            log.error("Fetch of {} failed", context.clientAddress(), e);
            if (done()) {
                context.closeConnection("its fetch failed");
            }
        } finally {
            budget.giveBack(granted);
        }
    }

    private void decide(FetchRead.Outcome outcome) {
        Round next;
        synchronized (this) {
            if (state == State.DONE) {
                RecordsField.discard(outcome.response());
                return;
            }
            boolean enough = outcome.bytes() >= request.minBytes() || outcome.urgent();
            if (enough || timeOver || outcome.waits().isEmpty()) {
                next = null;
            } else {
                state = State.WAITING;
                // Where there was nothing, news are of what was just written.
                lane = outcome.old() ? lanes.old() : lanes.recent();
                next = new Round(outcome);
                round = next;
                if (timeout == null) {
                    timeout = schedule(this::timeIsOver, Math.max(0, deadlineNanos - System.nanoTime()));
                }
            }
        }
        if (next != null) {
            RecordsField.discard(outcome.response());
            next.register(read.readCommitted());
            withdrawIfStale(next);
        } else if (done()) {
            traffic.fetched(outcome.response());
            context.respond(outcome.response());
        } else {
            RecordsField.discard(outcome.response());
        }
    }

    /** A round that ended while it was registering has cancelled only what it had registered by then. */
    private void withdrawIfStale(Round registered) {
        boolean stale;
        synchronized (this) {
            stale = round != registered;
        }
        if (stale) {
            registered.cancel();
        }
    }

    private void news(Round from) {
        synchronized (this) {
            if (state != State.WAITING || round != from) {
                return;
            }
            state = State.READING;
            round = null;
        }
        from.cancel();
        if (from.hadData) {
            schedule(this::passSoon, TimeUnit.MILLISECONDS.toNanos(MIN_PASS_INTERVAL_MS));
        } else {
            passSoon();
        }
    }

    private void timeIsOver() {
        Round ended;
        synchronized (this) {
            timeOver = true;
            if (state != State.WAITING) {
                // A pass is under way and will answer with whatever it finds.
                return;
            }
            state = State.READING;
            ended = round;
            round = null;
        }
        ended.cancel();
        passSoon();
    }

    private void passSoon() {
        Executor next;
        synchronized (this) {
            next = lane;
        }
        try {
            next.execute(this::pass);
        } catch (RejectedExecutionException e) {
            if (done()) {
                context.closeConnection("the broker stops");
            }
        }
    }

    private void connectionClosed() {
        if (done()) {
            context.noResponse();
        }
    }

    /** Ends it; false when it had ended before. */
    private boolean done() {
        Round open;
        synchronized (this) {
            if (state == State.DONE) {
                return false;
            }
            state = State.DONE;
            open = round;
            round = null;
            if (timeout != null) {
                timeout.cancel(false);
            }
        }
        if (open != null) {
            open.cancel();
        }
        return true;
    }

    private ScheduledFuture<?> schedule(Runnable task, long delayNanos) {
        try {
            return timer.schedule(task, delayNanos, TimeUnit.NANOSECONDS);
        } catch (RejectedExecutionException e) {
            // The broker stops, and with it every connection.
            return null;
        }
    }
}
