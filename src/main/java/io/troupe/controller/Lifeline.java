package io.troupe.controller;

import io.troupe.config.HostPort;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketAddress;

/**
 * A connection to another node's actor port on which nothing is ever said. It ends with that node's process, and with nothing else that keeps
 * its machine's kernel from answering: so when it has ended and nobody listens there any more, the process is gone, and that is told, again and
 * again for as long as it is so. A node that stands still, or that a cut keeps away, refuses nothing and is told of by nobody. Nor is one to
 * which there never was a connection: its name may stand for several addresses, at one of which nobody ever listened.
 *
 * <p>One thread, asleep for as long as the other node lives. {@link #close} from any thread; what is told may come once after it.
 */
final class Lifeline implements AutoCloseable {
    /** One refusal may be that of a machine whose backlog is full. */
    private static final int REFUSALS = 3;

    private static final int CONNECT_TIMEOUT_MS = 2000;
    /** A kernel that hears nothing tries again after a second at the earliest, and only then gives up. */
    private static final int REFUSED_WITHIN_MS = 900;

    private static final long FIRST_PAUSE_MS = 50;
    /** While refused, and when connections are accepted only to be ended: also how often it is told. */
    private static final long MOST_PAUSE_MS = 1000;

    private final HostPort address;
    private final Runnable gone;
    private final Thread thread;
    /** Where the connection was; null before the first. */
    private SocketAddress held;

    private volatile boolean closed;
    private volatile Socket socket;

    /** @param gone told on this line's thread */
    Lifeline(HostPort address, Runnable gone) {
        this.address = address;
        this.gone = gone;
        this.thread = new Thread(this::hold, "lifeline-" + address);
        thread.setDaemon(true);
    }

    void start() {
        thread.start();
    }

    private void hold() {
        int refused = 0;
        long pauseMs = FIRST_PAUSE_MS;
        while (!closed) {
            long beganNanos = System.nanoTime();
            try (Socket line = new Socket()) {
                socket = line;
                refused = connects(line) ? 0 : refused + 1;
                await(line);
            } catch (IOException e) {
                // Nobody knows why, so nothing can be said of the process.
                refused = 0;
            }
            if (refused >= REFUSALS && !closed) {
                gone.run();
            }
            boolean held = refused == 0 && System.nanoTime() - beganNanos > MOST_PAUSE_MS * 1_000_000;
            boolean soon = held || refused > 0 && refused < REFUSALS;
            pauseMs = soon ? FIRST_PAUSE_MS : Math.min(MOST_PAUSE_MS, pauseMs * 2);
            pause(pauseMs);
        }
    }

    /** @return false when the machine says that nobody listens there */
    private boolean connects(Socket line) throws IOException {
        long beganNanos = System.nanoTime();
        try {
            line.setKeepAlive(true);
            line.connect(
                    held == null ? new InetSocketAddress(address.host(), address.port()) : held, CONNECT_TIMEOUT_MS);
            held = line.getRemoteSocketAddress();
            return true;
        } catch (ConnectException e) {
            if (held != null && isRefusal(System.nanoTime() - beganNanos)) {
                return false;
            }
            throw e;
        }
    }

    /** By time, because what a failed connect says of itself is in the system's language. */
    static boolean isRefusal(long failedAfterNanos) {
        return failedAfterNanos < REFUSED_WITHIN_MS * 1_000_000L;
    }

    private void await(Socket line) {
        try {
            while (!closed && line.isConnected() && line.getInputStream().read() >= 0) {
                // The other end says nothing; whatever it said would not matter.
            }
        } catch (IOException e) {
            // It has ended, one way or the other.
        }
    }

    private void pause(long ms) {
        try {
            Thread.sleep(ms);
        } catch (InterruptedException e) {
            // Closed, as the loop sees.
        }
    }

    @Override
    public void close() {
        closed = true;
        thread.interrupt();
        Socket line = socket;
        if (line != null) {
            try {
                line.close();
            } catch (IOException e) {
                // It is of no more use.
            }
        }
    }
}
