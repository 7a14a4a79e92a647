package io.troupe.http;

import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executor;
import org.apache.pekko.stream.Materializer;

/**
 * What is done for a connection's requests, one thing after another, where its bytes are read and written: in its stream's actor. So nothing
 * is handed from thread to thread that belongs together, and a body needs no actor of its own. When the connection has ended, what is left
 * is done elsewhere: whoever waits for it must hear of it. Any thread.
 */
final class ConnectionTasks implements Executor {
    private final ConcurrentLinkedQueue<Runnable> tasks = new ConcurrentLinkedQueue<>();
    private final Set<CompletableFuture<?>> awaited = ConcurrentHashMap.newKeySet();
    private final Runnable wake;
    private final Materializer within;
    private final Executor elsewhere;
    private final Materializer materializer;
    private volatile boolean clientLeft;
    private volatile boolean lastAnswer;
    private volatile boolean ended;

    /**
     * @param wake makes the actor {@link #run}, soon and once more; in vain when the connection has ended
     * @param within for streams that are part of the connection's
     * @param elsewhere when the connection has ended, and {@code materializer} then
     */
    ConnectionTasks(Runnable wake, Materializer within, Executor elsewhere, Materializer materializer) {
        this.wake = wake;
        this.within = within;
        this.elsewhere = elsewhere;
        this.materializer = materializer;
    }

    @Override
    public void execute(Runnable task) {
        tasks.add(task);
        // What was added before the end is found at the end, what is added after it here.
        if (ended) {
            elsewhere.execute(this::run);
        } else {
            wake.run();
        }
    }

    /** For the actor; when the connection has ended, elsewhere. */
    void run() {
        for (Runnable task = tasks.poll(); task != null; task = tasks.poll()) {
            task.run();
        }
    }

    /** For an answer that is being made: what only this connection can do; fails when that ends before the answer was {@link #answered}. Any thread. */
    void awaits(CompletableFuture<?> done) {
        awaited.add(done);
        done.whenComplete((result, failure) -> awaited.remove(done));
        if (ended) {
            giveUp();
        }
    }

    private void giveUp() {
        awaited.forEach(done -> done.completeExceptionally(new CancellationException("the connection has ended")));
    }

    /** For a task: what runs a stream that it begins. */
    Materializer materializer() {
        return ended ? materializer : within;
    }

    /**
     * An answer goes to the client: what becomes of it, its own stream tells. For the actor.
     *
     * @param last on this connection, which the server then ends by itself, at some time while the answer is sent; that says nothing of the
     *     client
     */
    void answered(boolean last) {
        awaited.clear();
        lastAnswer = last;
    }

    /** The client's side of the connection has ended, and most likely the other one soon. */
    void clientLeft() {
        clientLeft |= !lastAnswer;
    }

    /** Whether the connection has ended, or the client's side of it. */
    boolean isGone() {
        return clientLeft || ended && !lastAnswer;
    }

    /** The connection has ended. For the actor, the last that it does. */
    void end() {
        ended = true;
        giveUp();
        if (!tasks.isEmpty()) {
            elsewhere.execute(this::run);
        }
    }
}
