package io.troupe.server;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;

/**
 * A TCP port that the system chose and gives to nobody else who lets it choose, until {@link #close}: bound, but not listening, so that
 * who connects is refused, and that a server of this machine can bind and leave it as often as it likes meanwhile. So a port can be told
 * to others before anything serves on it, and stays its broker's while that is down.
 *
 * <p>Linux lets a server listen on a port that is so bound. Where that is not so the port is let go at once and only was free a moment ago.
 */
public final class HeldPort implements AutoCloseable {
    private final SocketChannel holder;
    private final int port;

    private HeldPort(SocketChannel holder, int port) {
        this.holder = holder;
        this.port = port;
    }

    /** @throws StartException when there is no port */
    public static HeldPort onLoopback() {
        return any(new InetSocketAddress("127.0.0.1", 0));
    }

    /**
     * @param address whose port is 0
     * @throws StartException when there is no port, or the address is not of this machine
     */
    static HeldPort any(InetSocketAddress address) {
        try {
            return hold(address);
        } catch (IOException e) {
            throw new StartException("No port can be had on " + address.getHostString() + ": " + e.getMessage(), e);
        }
    }

    private static HeldPort hold(InetSocketAddress address) throws IOException {
        SocketChannel holder = SocketChannel.open();
        try {
            holder.setOption(StandardSocketOptions.SO_REUSEADDR, true);
            holder.bind(address);
            InetSocketAddress bound = (InetSocketAddress) holder.getLocalAddress();
            if (!canServeOn(bound)) {
                holder.close();
            }
            return new HeldPort(holder, bound.getPort());
        } catch (IOException | RuntimeException e) {
            holder.close();
            throw e;
        }
    }

    private static boolean canServeOn(InetSocketAddress held) {
        try (ServerSocketChannel server = ServerSocketChannel.open()) {
            server.bind(held);
            return true;
        } catch (IOException e) {
            return false;
        }
    }

    public int port() {
        return port;
    }

    /** Idempotent. */
    @Override
    public void close() {
        try {
            holder.close();
        } catch (IOException e) {
            throw new StartException("Port " + port + " cannot be let go: " + e.getMessage(), e);
        }
    }
}
