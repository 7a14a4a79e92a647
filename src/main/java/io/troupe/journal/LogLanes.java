package io.troupe.journal;

import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;

/**
 * Runs what may take long with one log, beside the journal's own thread: of one log one task at a time, in the order given;
 * of different logs as many side by side as there are threads. Safe from any thread.
 */
final class LogLanes {
    private final Executor threads;
    // Of each log with work the last task; a log without any has no entry.
    private final Map<String, CompletableFuture<?>> last = new ConcurrentHashMap<>();

    LogLanes(Executor threads) {
        this.threads = threads;
    }

    /** Completed as the task ends, with what it gives or throws. */
    <T> CompletableFuture<T> run(String persistenceId, Callable<T> task) {
        CompletableFuture<T> done = new CompletableFuture<>();
        CompletableFuture<?> before = last.put(persistenceId, done);
        done.whenComplete((result, failure) -> last.remove(persistenceId, done));
        Runnable work = () -> {
            try {
                done.complete(task.call());
            } catch (Throwable e) { // whatever it is: the log's next task waits for this one's end
                done.completeExceptionally(e);
            }
        };
        if (before == null) {
            start(work, done);
        } else {
            before.whenComplete((result, failure) -> start(work, done));
        }
        return done;
    }

    private void start(Runnable work, CompletableFuture<?> done) {
        try {
            threads.execute(work);
        } catch (RuntimeException e) {
            // The dir is being closed.
            done.completeExceptionally(new CompletionException(e));
        }
    }
}
