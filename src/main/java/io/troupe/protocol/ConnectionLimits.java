package io.troupe.protocol;

import java.net.InetAddress;
import java.util.HashMap;
import java.util.Map;

/** Counts open connections against {@code max.connections} and {@code max.connections.per.ip}. Any thread. */
final class ConnectionLimits {
    private final int maxConnections;
    private final int maxConnectionsPerIp;
    private final Map<InetAddress, Integer> perIp = new HashMap<>();
    private int total;

    ConnectionLimits(int maxConnections, int maxConnectionsPerIp) {
        this.maxConnections = maxConnections;
        this.maxConnectionsPerIp = maxConnectionsPerIp;
    }

    /** Null when the connection may stay (and must be released later), else which limit it meets. */
    synchronized String acquire(InetAddress address) {
        if (total >= maxConnections) {
            return "max.connections=" + maxConnections + " are open";
        }
        int ofAddress = perIp.getOrDefault(address, 0);
        if (ofAddress >= maxConnectionsPerIp) {
            return "max.connections.per.ip=" + maxConnectionsPerIp + " are open from this address";
        }
        total++;
        perIp.put(address, ofAddress + 1);
        return null;
    }

    synchronized void release(InetAddress address) {
        Integer ofAddress = perIp.get(address);
        if (ofAddress == null) {
            throw new IllegalStateException("no connection of " + address + " was counted");
        }
        total--;
        if (ofAddress == 1) {
            perIp.remove(address);
        } else {
            perIp.put(address, ofAddress - 1);
        }
    }
}
