package io.troupe.journal;

import java.nio.file.Path;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * The threads of one log dir, which shuts them down. Tests put in their place what runs when they say so.
 *
 * @param openings those that open and close logs: apart, for a log may take minutes, and none of its dir waits for it
 * @param fsyncs those that may wait for a disk
 * @param background one for what nobody waits for, in order; refuses work, and forgets what is not due, once shut down
 */
record LogDirThreads(ExecutorService openings, ExecutorService fsyncs, ScheduledExecutorService background) {
    private static final int FSYNC_THREADS = 4;

    /** @param openingThreads how many logs may open or close at a time */
    static LogDirThreads of(Path dir, int openingThreads) {
        ExecutorService openings = pool(openingThreads, daemon("opening", dir));
        ExecutorService fsyncs = pool(FSYNC_THREADS, daemon("fsync", dir));
        ScheduledThreadPoolExecutor background = new ScheduledThreadPoolExecutor(1, daemon("background", dir));
        background.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
        background.setRemoveOnCancelPolicy(true);
        return new LogDirThreads(openings, fsyncs, background);
    }

    private static ExecutorService pool(int threads, ThreadFactory factory) {
        ThreadPoolExecutor pool =
                new ThreadPoolExecutor(threads, threads, 10, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), factory);
        pool.allowCoreThreadTimeOut(true);
        return pool;
    }

    private static ThreadFactory daemon(String duty, Path dir) {
        return task -> {
            Thread thread = new Thread(task, "journal-" + duty + "-" + dir.getFileName());
            thread.setDaemon(true);
            return thread;
        };
    }

    /** Lets the work that was taken on finish. */
    void stop() {
        openings.shutdown();
        awaitEnd(openings);
        background.shutdown();
        fsyncs.shutdown();
        await();
    }

    /** Drops what has not begun and waits for what has: a killed process does nothing more either. */
    void abandon() {
        openings.shutdownNow();
        background.shutdownNow();
        fsyncs.shutdownNow();
        awaitEnd(openings);
        await();
    }

    private void await() {
        awaitEnd(fsyncs);
        awaitEnd(background);
    }

    private static void awaitEnd(ExecutorService pool) {
        try {
            pool.awaitTermination(30, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
