package io.troupe.protocol;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import org.apache.kafka.common.network.InvalidReceiveException;
import org.apache.kafka.common.utils.internals.LogContext;
import org.slf4j.Logger;

/**
 * Gives the Selector a logger whose warnings about a peer (an oversize or negative frame size is one, with a stack each)
 * are one line per peer and minute, and counts refused frames.
 */
final class PeerLogContext extends LogContext {
    private final RateLimitedLog peerLog;
    private final NetworkStats stats;

    PeerLogContext(RateLimitedLog peerLog, NetworkStats stats) {
        this.peerLog = peerLog;
        this.stats = stats;
    }

    @Override
    public Logger logger(Class<?> owner) {
        Logger delegate = super.logger(owner);
        return (Logger) Proxy.newProxyInstance(
                Logger.class.getClassLoader(), new Class<?>[] {Logger.class}, (proxy, method, args) -> {
                    if (method.getName().equals("warn") && args.length > 1) {
                        warn(args);
                        return null;
                    }
                    try {
                        return method.invoke(delegate, args);
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                });
    }

    /** The Selector's warnings name the peer first ({@code address (channelId=...)}) and end with the exception. */
    private void warn(Object[] args) {
        Object[] values = args[args.length - 1] instanceof Object[] array ? array : args;
        Object cause = values[values.length - 1];
        if (cause instanceof InvalidReceiveException) {
            stats.malformedRequests.increment();
        }
        String peer = String.valueOf(values.length > 1 ? values[args == values ? 1 : 0] : args[1]);
        int end = peer.indexOf(" (");
        String address = end < 0 ? peer : peer.substring(0, end);
        peerLog.warn("frame " + address, "Closing the connection of " + address + ": " + cause);
    }
}
