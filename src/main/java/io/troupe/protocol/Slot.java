package io.troupe.protocol;

import io.troupe.config.Listener;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.util.List;
import org.apache.kafka.common.network.Send;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.requests.RequestHeader;

/**
 * A request's place in its connection's order of answers. Completed once, from any thread; everything else belongs to the
 * connection's network thread.
 */
final class Slot implements RequestContext {
    private static final VarHandle COMPLETED;

    static {
        try {
            COMPLETED = MethodHandles.lookup().findVarHandle(Slot.class, "completed", boolean.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final Connection connection;
    private final RequestHeader header;
    private final int sizeInBytes;
    private final long sinceNanos = System.nanoTime();

    /** The frame of a request that waits for its turn (one at a time), else null. */
    ByteBuffer deferredBody;

    /** The encoded answer; null for none. */
    Send send;

    /** The part of it that is held in memory. */
    long heldBytes;

    /** The records in it that are to be closed when it has left, or never will. */
    List<AnswerRecords> records = List.of();

    /** Whether the network thread has seen the completion, so that the answer may leave. */
    boolean ready;

    boolean oneAtATime;
    private boolean holdsNext;
    Runnable onClosed;

    /** The answer that waits for a better one; null for none. */
    ApiMessage late;

    /** When that one is to leave. */
    long lateDueNanos;

    /** When that one was given, which ends the time that the request took; 0 for none. */
    private volatile long lateSinceNanos;

    private volatile boolean completed;
    // Written before the completion is queued to the network thread, which orders them.
    ApiMessage response;
    String closeReason;

    Slot(Connection connection, RequestHeader header, int sizeInBytes) {
        this.connection = connection;
        this.header = header;
        this.sizeInBytes = sizeInBytes;
    }

    @Override
    public RequestHeader header() {
        return header;
    }

    /** From when its frame was read to its answer, which is being given now, or has only waited since it was given. */
    long tookNanos() {
        long since = lateSinceNanos;
        return (since == 0 ? System.nanoTime() : since) - sinceNanos;
    }

    @Override
    public Listener listener() {
        return connection.listener();
    }

    @Override
    public InetAddress clientAddress() {
        return connection.clientAddress();
    }

    @Override
    public String clientSoftware() {
        return connection.clientSoftware();
    }

    @Override
    public void clientSoftware(String name) {
        connection.clientSoftware(name);
    }

    @Override
    public int sizeInBytes() {
        return sizeInBytes;
    }

    @Override
    public void onClosed(Runnable action) {
        if (connection.closed()) {
            action.run();
        } else {
            onClosed = action;
        }
    }

    @Override
    public void holdNext() {
        if (!holdsNext) {
            holdsNext = true;
            connection.hold();
        }
    }

    boolean holdsNext() {
        return holdsNext;
    }

    @Override
    public void respond(ApiMessage answer) {
        if (COMPLETED.compareAndSet(this, false, true)) {
            response = answer;
            connection.completed(this);
        } else {
            RecordsField.discard(answer);
        }
    }

    @Override
    public void respondLater(ApiMessage answer, int mostMs) {
        long nowNanos = System.nanoTime();
        lateSinceNanos = nowNanos;
        connection.later(this, answer, nowNanos + mostMs * 1_000_000L);
    }

    /** It need not wait any longer. */
    void letGo() {
        respond(late);
    }

    @Override
    public void noResponse() {
        if (COMPLETED.compareAndSet(this, false, true)) {
            connection.completed(this);
        }
    }

    @Override
    public void closeConnection(String reason) {
        if (COMPLETED.compareAndSet(this, false, true)) {
            closeReason = reason;
            connection.completed(this);
        }
    }

    boolean isCompleted() {
        return completed;
    }
}
