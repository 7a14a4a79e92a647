package io.troupe.journal;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.AbstractExecutorService;
import java.util.concurrent.Callable;
import java.util.concurrent.Delayed;
import java.util.concurrent.FutureTask;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;

/**
 * Threads that run when the test says so, on the test's own: what a log dir does in the background becomes a matter of the
 * seed. Timers go off when asked, whatever their delay. For one thread.
 */
final class StepExecutor extends AbstractExecutorService implements ScheduledExecutorService {
    private final boolean inOrder;
    private final List<Runnable> ready = new ArrayList<>();
    private final List<Timer> timers = new ArrayList<>();
    private boolean shutdown;

    /** @param inOrder whether it stands for one thread, or for several, which may overtake each other */
    StepExecutor(boolean inOrder) {
        this.inOrder = inOrder;
    }

    /** Runs one task; false when there is none. */
    boolean runOne(Random random) {
        if (ready.isEmpty()) {
            return false;
        }
        ready.remove(inOrder ? 0 : random.nextInt(ready.size())).run();
        return true;
    }

    /** Runs the task that came last, before all others. */
    void runLast() {
        if (!ready.isEmpty()) {
            ready.remove(ready.size() - 1).run();
        }
    }

    /** Runs what is there and what that brings. */
    void runAll(Random random) {
        for (int i = 0; runOne(random); i++) {
            if (i == 100_000) {
                throw new IllegalStateException("tasks beget tasks without end");
            }
        }
    }

    /** Makes all timers due. */
    void timersGoOff() {
        ready.addAll(timers);
        timers.clear();
    }

    @Override
    public void execute(Runnable task) {
        if (shutdown) {
            throw new RejectedExecutionException("shut down");
        }
        ready.add(task);
    }

    @Override
    public ScheduledFuture<?> schedule(Runnable task, long delay, TimeUnit unit) {
        if (shutdown) {
            throw new RejectedExecutionException("shut down");
        }
        Timer timer = new Timer(task);
        if (delay > 0) {
            timers.add(timer);
        } else {
            ready.add(timer);
        }
        return timer;
    }

    private static final class Timer extends FutureTask<Void> implements ScheduledFuture<Void> {
        Timer(Runnable task) {
            super(task, null);
        }

        @Override
        public long getDelay(TimeUnit unit) {
            return 0;
        }

        @Override
        public int compareTo(Delayed other) {
            return 0;
        }
    }

    @Override
    public void shutdown() {
        shutdown = true;
        timers.clear();
    }

    @Override
    public List<Runnable> shutdownNow() {
        shutdown();
        List<Runnable> left = List.copyOf(ready);
        ready.clear();
        return left;
    }

    @Override
    public boolean isShutdown() {
        return shutdown;
    }

    @Override
    public boolean isTerminated() {
        return shutdown && ready.isEmpty();
    }

    @Override
    public boolean awaitTermination(long timeout, TimeUnit unit) {
        runAll(new Random(0));
        return true;
    }

    @Override
    public <V> ScheduledFuture<V> schedule(Callable<V> task, long delay, TimeUnit unit) {
        throw new UnsupportedOperationException();
    }

    @Override
    public ScheduledFuture<?> scheduleAtFixedRate(Runnable task, long initial, long period, TimeUnit unit) {
        throw new UnsupportedOperationException();
    }

    @Override
    public ScheduledFuture<?> scheduleWithFixedDelay(Runnable task, long initial, long delay, TimeUnit unit) {
        throw new UnsupportedOperationException();
    }
}
