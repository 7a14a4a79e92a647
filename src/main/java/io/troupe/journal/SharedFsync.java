package io.troupe.journal;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;

/**
 * One fsync for everybody who waits, of {@code meta.log} or of more that belongs together: those who come while one is under way
 * share the next. Safe from any thread.
 */
final class SharedFsync {
    /** What makes durable all that was done before it. */
    interface Fsync {
        void run() throws IOException;
    }

    private final Fsync fsync;
    private final Availability availability;
    private final Executor fsyncs;
    private List<CompletableFuture<Void>> waiting = new ArrayList<>();
    private boolean running;

    SharedFsync(Fsync fsync, Availability availability, Executor fsyncs) {
        this.fsync = fsync;
        this.availability = availability;
        this.fsyncs = fsyncs;
    }

    /** Completed once all that was done before is durable. */
    synchronized CompletableFuture<Void> force() {
        CompletableFuture<Void> done = new CompletableFuture<>();
        waiting.add(done);
        if (!running) {
            running = true;
            fsyncs.execute(this::run);
        }
        return done;
    }

    private void run() {
        for (List<CompletableFuture<Void>> batch = next(); !batch.isEmpty(); batch = next()) {
            try {
                availability.check();
                fsync.run();
                batch.forEach(done -> done.complete(null));
            } catch (IOException e) {
                IOException cause = availability.fail(e);
                batch.forEach(done -> done.completeExceptionally(cause));
            } catch (RuntimeException e) {
                // A fault of ours; those who come later have their turn all the same.
                batch.forEach(done -> done.completeExceptionally(e));
            }
        }
    }

    private synchronized List<CompletableFuture<Void>> next() {
        List<CompletableFuture<Void>> batch = waiting;
        waiting = new ArrayList<>();
        running = !batch.isEmpty();
        return batch;
    }
}
