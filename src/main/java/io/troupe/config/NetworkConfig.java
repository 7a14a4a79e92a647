package io.troupe.config;

/**
 * Limits and sizes of the Kafka port.
 *
 * @param numNetworkThreads event-loop threads ({@code num.network.threads})
 * @param numIoThreads threads for blocking reads ({@code num.io.threads})
 * @param socketSendBufferBytes SO_SNDBUF, -1 for the system's ({@code socket.send.buffer.bytes})
 * @param socketReceiveBufferBytes SO_RCVBUF, -1 for the system's ({@code socket.receive.buffer.bytes})
 * @param socketRequestMaxBytes largest frame accepted ({@code socket.request.max.bytes})
 * @param socketListenBacklogSize pending connections ({@code socket.listen.backlog.size})
 * @param maxConnections connections in all ({@code max.connections})
 * @param maxConnectionsPerIp connections from one address ({@code max.connections.per.ip})
 * @param connectionsMaxIdleMs an idle connection is closed after this ({@code connections.max.idle.ms})
 * @param maxInFlightBytesPerConnection request bytes of one connection not yet answered; beyond it the connection is
 *     not read ({@code troupe.connection.inflight.max.bytes})
 * @param maxInFlightBytes the same over all connections ({@code queued.max.request.bytes})
 */
public record NetworkConfig(
        int numNetworkThreads,
        int numIoThreads,
        int socketSendBufferBytes,
        int socketReceiveBufferBytes,
        int socketRequestMaxBytes,
        int socketListenBacklogSize,
        int maxConnections,
        int maxConnectionsPerIp,
        long connectionsMaxIdleMs,
        long maxInFlightBytesPerConnection,
        long maxInFlightBytes) {}
