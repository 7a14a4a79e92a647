package io.troupe.config;

import java.util.List;

/**
 * Limits of the HTTP port.
 *
 * @param maxConnections connections accepted at a time ({@code troupe.http.max.connections})
 * @param maxRequests requests under way, streams included ({@code troupe.http.max.requests})
 * @param requestMaxBytes largest body, and largest record of a stream ({@code troupe.http.request.max.bytes})
 * @param responseMaxBytes most record bytes of one answer that is no stream ({@code troupe.http.response.max.bytes})
 * @param requestTimeoutMs for a body to come, and again for the work ({@code troupe.http.request.timeout.ms})
 * @param corsOrigins origins whose pages may call; {@code *} for all, empty for none ({@code troupe.http.cors.origins})
 */
public record HttpConfig(
        int maxConnections,
        int maxRequests,
        int requestMaxBytes,
        int responseMaxBytes,
        int requestTimeoutMs,
        List<String> corsOrigins) {}
