package io.troupe.protocol;

import io.troupe.config.Listener;
import io.troupe.config.NetworkConfig;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.channels.Channel;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One listener's socket and the thread that takes connections from it and deals them to the event loops in turn. */
final class Acceptor implements Runnable {
    private static final Logger log = LoggerFactory.getLogger(Acceptor.class);

    private final Listener listener;
    private final NetworkConfig config;
    private final ServerSocketChannel server;
    private final List<EventLoop> loops;
    private final ConnectionLimits limits;
    private final NetworkStats stats;
    private final RateLimitedLog peerLog;
    private final Consumer<String> onDeath;
    private final Thread thread;
    private int next;

    /**
     * Binds; connections wait in the backlog until {@link #start}.
     *
     * @param onDeath called with the reason when the thread ends unasked: nobody can connect any more
     */
    Acceptor(
            Listener listener,
            NetworkConfig config,
            List<EventLoop> loops,
            ConnectionLimits limits,
            NetworkStats stats,
            RateLimitedLog peerLog,
            Consumer<String> onDeath)
            throws IOException {
        this.listener = listener;
        this.config = config;
        this.loops = loops;
        this.limits = limits;
        this.stats = stats;
        this.peerLog = peerLog;
        this.onDeath = onDeath;
        this.thread = new Thread(this, "kafka-acceptor-" + listener.name());
        this.thread.setDaemon(true);
        String host = listener.address().host();
        int port = listener.address().port();
        InetSocketAddress address = host.isEmpty() ? new InetSocketAddress(port) : new InetSocketAddress(host, port);
        if (address.isUnresolved()) {
            throw new IOException("the host name " + host + " does not resolve");
        }
        this.server = ServerSocketChannel.open();
        try {
            if (config.socketReceiveBufferBytes() > 0) {
                server.setOption(StandardSocketOptions.SO_RCVBUF, config.socketReceiveBufferBytes());
            }
            server.bind(address, config.socketListenBacklogSize());
        } catch (IOException | RuntimeException e) {
            closeQuietly(server);
            throw e;
        }
    }

    int port() throws IOException {
        return ((InetSocketAddress) server.getLocalAddress()).getPort();
    }

    Listener listener() {
        return listener;
    }

    void start() {
        thread.start();
    }

    void stop() {
        closeQuietly(server);
    }

    void join(long timeoutMs) throws InterruptedException {
        thread.join(timeoutMs);
    }

    @Override
    public void run() {
        try {
            acceptAll();
        } catch (Throwable e) {
            log.error("Acceptor thread {} ends", thread.getName(), e);
            onDeath.accept("acceptor thread " + thread.getName() + " has ended: " + e);
        }
    }

    private void acceptAll() {
        while (server.isOpen()) {
            try {
                accept(server.accept());
            } catch (ClosedChannelException e) {
                return;
            } catch (IOException | RuntimeException | OutOfMemoryError e) {
                peerLog.warn("accept " + listener.name(), "Listener " + listener.name() + " cannot accept: " + e);
                // Out of file descriptors, most likely: the connection stays in the backlog, so do not spin on it.
                LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(100));
            }
        }
    }

    private void accept(SocketChannel channel) throws IOException {
        InetAddress address = null;
        try {
            address = ((InetSocketAddress) channel.getRemoteAddress()).getAddress();
            String full = limits.acquire(address);
            if (full != null) {
                stats.connectionsRefused.increment();
                peerLog.warn("full " + address, "Closing a new connection of " + address + ": " + full);
                closeQuietly(channel);
                return;
            }
        } catch (IOException | RuntimeException e) {
            closeQuietly(channel);
            throw e;
        }
        try {
            channel.configureBlocking(false);
            channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
            channel.setOption(StandardSocketOptions.SO_KEEPALIVE, true);
            if (config.socketSendBufferBytes() > 0) {
                channel.setOption(StandardSocketOptions.SO_SNDBUF, config.socketSendBufferBytes());
            }
        } catch (IOException | RuntimeException e) {
            log.debug("Connection of {} broke while it was accepted", address, e);
            closeQuietly(channel);
            limits.release(address);
            return;
        }
        stats.connections.increment();
        loops.get(next).accept(channel, address);
        next = (next + 1) % loops.size();
    }

    static void closeQuietly(Channel channel) {
        try {
            channel.close();
        } catch (IOException e) {
            log.debug("Closing failed", e);
        }
    }
}
