package io.troupe.dispatch;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;

/**
 * A thread that itself runs the actors to which its work sends messages, when that work has ended, instead of waking
 * another thread for them. Waking one costs more than what most messages ask for, and a core that is busy lets it wait.
 *
 * <p>Only actors whose dispatcher is a {@link HomeExecutor} are run here, and only so many between two pieces of the
 * thread's own work ({@link #MOST}): what is beyond goes to that dispatcher's pool, so neither waits long for the other.
 */
public class HomeThread extends Thread {
    /** Runs of mailboxes (each several messages) between two pieces of own work. */
    static final int MOST = 16;

    private record Waiting(Runnable task, Executor pool) {}

    private final Deque<Waiting> waiting = new ArrayDeque<>();
    private boolean ended;

    public HomeThread(Runnable work, String name) {
        super(work, name);
    }

    /** Only on this thread: runs what its work scheduled since. */
    public final void runWaiting() {
        for (int run = 0; run < MOST; run++) {
            Waiting next = waiting.poll();
            if (next == null) {
                return;
            }
            try {
                next.task.run();
            } catch (Throwable e) { // no actor's failure: those end in its supervisor
                next.pool.execute(() -> fail(e));
            }
        }
        handOn();
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
                // Its actor system has ended.
            }
        }
    }

    /** Has the calling thread run the task after its work, or the pool, if the calling thread is none of this kind. */
    static void execute(Runnable task, Executor pool) {
        if (Thread.currentThread() instanceof HomeThread home && !home.ended) {
            home.waiting.add(new Waiting(task, pool));
        } else {
            pool.execute(task);
        }
    }
}
