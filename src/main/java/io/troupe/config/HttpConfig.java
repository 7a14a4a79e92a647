package io.troupe.config;

import java.util.List;
import java.util.Set;

/**
 * Limits of the HTTP port.
 *
 * @param maxConnections connections at a time; for one more the one goes on which nothing was done for longest ({@code troupe.http.max.connections})
 * @param maxRequests requests under way, streams included ({@code troupe.http.max.requests})
 * @param requestMaxBytes largest body, and largest record of a stream ({@code troupe.http.request.max.bytes})
 * @param responseMaxBytes most record bytes of one answer that is no stream ({@code troupe.http.response.max.bytes})
 * @param requestTimeoutMs for a body to come, and again for the work ({@code troupe.http.request.timeout.ms})
 * @param maxConsumerInstances that this broker makes at a time ({@code troupe.http.max.consumer.instances})
 * @param consumerInstanceTimeoutMs after which one that nobody uses is deleted ({@code troupe.http.consumer.instance.timeout.ms})
 * @param corsOrigins origins whose pages may call; {@code *} for all, empty for none ({@code troupe.http.cors.origins})
 * @param allowedHosts names, in lower case, that requests may call the port besides localhost and addresses; {@code *} for any, which is the default
 *     of a port that others than this machine reach ({@code troupe.http.allowed.hosts})
 */
public record HttpConfig(
        int maxConnections,
        int maxRequests,
        int requestMaxBytes,
        int responseMaxBytes,
        int requestTimeoutMs,
        int maxConsumerInstances,
        int consumerInstanceTimeoutMs,
        List<String> corsOrigins,
        Set<String> allowedHosts) {}
