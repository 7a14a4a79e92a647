package io.troupe.protocol;

import java.util.concurrent.atomic.LongAdder;

/** Counters of the Kafka port, written by network threads and read by metrics. Only connections and
 * queuedResponseBytes go down. */
public final class NetworkStats {
    final LongAdder connections = new LongAdder();
    final LongAdder connectionsRefused = new LongAdder();
    final LongAdder requests = new LongAdder();
    final LongAdder malformedRequests = new LongAdder();
    final LongAdder requestBytes = new LongAdder();
    final LongAdder responseBytes = new LongAdder();
    final LongAdder queuedResponseBytes = new LongAdder();
    private final RequestTimes times = new RequestTimes();

    /** How long requests take. */
    public RequestTimes times() {
        return times;
    }

    /** Open now. */
    public long connections() {
        return connections.sum();
    }

    /** Closed at once because of {@code max.connections} or {@code max.connections.per.ip}. */
    public long connectionsRefused() {
        return connectionsRefused.sum();
    }

    public long requests() {
        return requests.sum();
    }

    /** Requests that cost their connection: malformed, or of an API or version that is not served. */
    public long malformedRequests() {
        return malformedRequests.sum();
    }

    public long requestBytes() {
        return requestBytes.sum();
    }

    public long responseBytes() {
        return responseBytes.sum();
    }

    /** Bytes of answers in memory that clients have not read yet, over all connections. */
    public long queuedResponseBytes() {
        return queuedResponseBytes.sum();
    }
}
