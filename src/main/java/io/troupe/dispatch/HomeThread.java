package io.troupe.dispatch;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.IdentityHashMap;
import java.util.Map;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.LongSupplier;

/**
 * A thread that itself runs the actors to which its work sends messages, when that work has ended, instead of waking
 * another thread for them. Waking one costs more than what most messages ask for, and a core that is busy lets it wait.
 *
 * <p>Only actors whose dispatcher is a {@link HomeExecutor} are run here, and only so many ({@link #MOST}) for so long
 * ({@link #MOST_NANOS}) between two pieces of the thread's own work: what is beyond goes to that dispatcher's pool, so neither
 * waits long for the other. One that has computed for long by itself ({@link #SLOW_NANOS}: a large group's assignment) runs on
 * the pool alone for a while, for many wait for this thread: a connection's clients, or all that is written to a disk.
 */
public class HomeThread extends Thread {
    /** Runs of mailboxes (each several messages) between two pieces of own work. */
    static final int MOST = 16;

    /** After which no other one is begun. */
    static final long MOST_NANOS = 5_000_000;

    /** A run that took longer has the next ones of that mailbox on the pool. */
    static final long SLOW_NANOS = 20_000_000;

    /** Not for ever: what took long may have been the collector or the system. */
    static final long SLOW_FOR_NANOS = 1_000_000_000;

    private record Waiting(Runnable task, Executor pool) {}

    private final LongSupplier nanoClock;
    private final Deque<Waiting> waiting = new ArrayDeque<>();
    /** Until when, of what took long here. As each took its time of this thread's, there are never many. */
    private final Map<Runnable, Long> slow = new IdentityHashMap<>();

    private boolean ended;

    public HomeThread(Runnable work, String name) {
        this(work, name, System::nanoTime);
    }

    HomeThread(Runnable work, String name, LongSupplier nanoClock) {
        super(work, name);
        this.nanoClock = nanoClock;
    }

    /** Only on this thread: runs what its work scheduled since. */
    public final void runWaiting() {
        if (waiting.isEmpty()) {
            return;
        }
        long since = nanoClock.getAsLong();
        long now = since;
        for (int run = 0; run < MOST && now - since < MOST_NANOS; run++) {
            Waiting next = waiting.poll();
            if (next == null) {
                return;
            }
            try {
                next.task.run();
            } catch (Throwable e) { // no actor's failure: those end in its supervisor
                next.pool.execute(() -> fail(e));
            }
            long begun = now;
            now = nanoClock.getAsLong();
            if (now - begun > SLOW_NANOS) {
                long end = now;
                slow.values().removeIf(until -> until - end <= 0);
                slow.put(next.task, end + SLOW_FOR_NANOS);
            }
        }
        handOn();
    }

    private boolean isSlow(Runnable task) {
        Long until = slow.isEmpty() ? null : slow.get(task);
        if (until != null && until - nanoClock.getAsLong() <= 0) {
            slow.remove(task);
            return false;
        }
        return until != null;
    }

    /** On a thread of the pool, whose actor system ends by an error that no actor survives. */
    private static void fail(Throwable error) {
        if (error instanceof Error fatal) {
            throw fatal;
        }
        throw new IllegalStateException(error);
    }

    /** Only on this thread: whether there is something to run, so that it must not sleep. */
    public final boolean hasWaiting() {
        return !waiting.isEmpty();
    }

    /** Only on this thread, which runs nothing more: pools run what waits and what is yet to come. */
    public final void endWaiting() {
        ended = true;
        handOn();
    }

    private void handOn() {
        for (Waiting next = waiting.poll(); next != null; next = waiting.poll()) {
            try {
                next.pool.execute(next.task);
            } catch (RejectedExecutionException e) {
                // A dispatcher without actors has closed its pool, or all have; a mailbox that ran nowhere would never
                // be run again.
                next.task.run();
            }
        }
    }

    /** Has the calling thread run the task after its work, or the pool, if the calling thread is none of this kind. */
    static void execute(Runnable task, Executor pool) {
        if (Thread.currentThread() instanceof HomeThread home && !home.ended && !home.isSlow(task)) {
            home.waiting.add(new Waiting(task, pool));
        } else {
            pool.execute(task);
        }
    }
}
