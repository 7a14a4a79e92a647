package io.troupe.protocol;

import com.sun.management.UnixOperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.util.HashMap;
import java.util.Map;

/**
 * Counts open connections against {@code max.connections} and {@code max.connections.per.ip}. Any thread.
 *
 * <p>Whatever is configured, connections may take half of the files that the process may have open: a log that cannot open
 * its next segment takes its log dir offline, so peers must not be able to use up the rest.
 */
final class ConnectionLimits {
    private final int maxConnections;
    private final boolean byOpenFiles;
    private final int maxConnectionsPerIp;
    private final Map<InetAddress, Integer> perIp = new HashMap<>();
    private int total;

    ConnectionLimits(int maxConnections, int maxConnectionsPerIp) {
        this(maxConnections, maxConnectionsPerIp, maxOpenFiles());
    }

    /** @param maxOpenFiles of this process, sockets included */
    ConnectionLimits(int maxConnections, int maxConnectionsPerIp, long maxOpenFiles) {
        this.maxConnections = (int) Math.min(maxConnections, maxOpenFiles / 2);
        this.byOpenFiles = this.maxConnections < maxConnections;
        this.maxConnectionsPerIp = maxConnectionsPerIp;
    }

    private static long maxOpenFiles() {
        return ManagementFactory.getOperatingSystemMXBean() instanceof UnixOperatingSystemMXBean system
                ? system.getMaxFileDescriptorCount()
                : Long.MAX_VALUE;
    }

    /** Null when the connection may stay (and must be released later), else which limit it meets. */
    synchronized String acquire(InetAddress address) {
        if (total >= maxConnections) {
            return byOpenFiles
                    ? maxConnections + " are open, half of the files that this process may open (ulimit -n)"
                    : "max.connections=" + maxConnections + " are open";
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
