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
 * @param fsyncs those that may wait for a disk
 * @param background one for what nobody waits for, in order; refuses work, and forgets what is not due, once shut down
 */
record LogDirThreads(ExecutorService fsyncs, ScheduledExecutorService background) {
    private static final int FSYNC_THREADS = 4;

    static LogDirThreads of(Path dir) {
        ThreadPoolExecutor fsyncs = new ThreadPoolExecutor(
                FSYNC_THREADS, FSYNC_THREADS, 10, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), daemon("fsync", dir));
        fsyncs.allowCoreThreadTimeOut(true);
        ScheduledThreadPoolExecutor background = new ScheduledThreadPoolExecutor(1, daemon("background", dir));
        background.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
        background.setRemoveOnCancelPolicy(true);
        return new LogDirThreads(fsyncs, background);
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
        background.shutdown();
        fsyncs.shutdown();
        await();
    }

    /** Drops what has not begun and waits for what has: a killed process does nothing more either. */
    void abandon() {
        background.shutdownNow();
        fsyncs.shutdownNow();
        await();
    }

    private void await() {
        try {
            fsyncs.awaitTermination(30, TimeUnit.SECONDS);
            background.awaitTermination(30, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
