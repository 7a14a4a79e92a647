package io.troupe.http;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * The port's connections, so that those on which nothing is done keep nobody out: when there are too many, the one goes on which nothing was
 * done for longest, and each has a time for its first request to be whole and, after an answer, for the next one. A connection is busy from when a
 * request's headers are whole until its answer was made, or until the last of an answer that is a stream. Any thread.
 */
final class Connections {
    static final long FIRST_REQUEST_NANOS = TimeUnit.SECONDS.toNanos(20);
    static final long NEXT_REQUEST_NANOS = TimeUnit.SECONDS.toNanos(60);

    /** One of them; all of it is guarded by the connections. */
    static final class Connection {
        private final Runnable close;
        private long sinceNanos;
        private int underWay;
        private boolean used;
        private boolean closing;
        private boolean closed;

        private Connection(Runnable close, long nowNanos) {
            this.close = close;
            this.sinceNanos = nowNanos;
        }
    }

    private final int most;
    /** On which nothing is done, that one first on which it is so for longest. */
    private final LinkedHashSet<Connection> idle = new LinkedHashSet<>();

    private int open;

    /** @param most connections at a time, unless all of them are busy */
    Connections(int most) {
        this.most = most;
    }

    /**
     * A new one; may close another.
     *
     * @param close asks for the end of it; not waited for, and in vain when a request came meanwhile
     */
    Connection opened(Runnable close, long nowNanos) {
        Connection connection = new Connection(close, nowNanos);
        Connection shed = null;
        synchronized (this) {
            idle.add(connection);
            open++;
            if (open > most) {
                shed = idle.iterator().next();
                closing(shed);
            }
        }
        if (shed != null) {
            shed.close.run();
        }
        return connection;
    }

    private void closing(Connection connection) {
        idle.remove(connection);
        connection.closing = true;
        open--;
    }

    /** A request has come. */
    synchronized void begun(Connection connection) {
        connection.underWay++;
        idle.remove(connection);
        if (connection.closing) {
            connection.closing = false;
            open++;
        }
    }

    /** A request is answered. */
    synchronized void done(Connection connection, long nowNanos) {
        connection.used = true;
        connection.sinceNanos = nowNanos;
        if (--connection.underWay == 0 && !connection.closed) {
            idle.add(connection);
        }
    }

    synchronized void closed(Connection connection) {
        if (!connection.closed) {
            connection.closed = true;
            idle.remove(connection);
            if (!connection.closing) {
                open--;
            }
        }
    }

    /** Closes those whose time is up; to be called every few seconds. */
    void sweep(long nowNanos) {
        List<Connection> late = new ArrayList<>();
        synchronized (this) {
            for (Iterator<Connection> all = idle.iterator(); all.hasNext(); ) {
                Connection connection = all.next();
                long patience = connection.used ? NEXT_REQUEST_NANOS : FIRST_REQUEST_NANOS;
                if (nowNanos - connection.sinceNanos >= patience) {
                    all.remove();
                    connection.closing = true;
                    open--;
                    late.add(connection);
                }
            }
        }
        late.forEach(connection -> connection.close.run());
    }

    /** Those that are not closed, and were not asked to close. */
    synchronized int open() {
        return open;
    }
}
