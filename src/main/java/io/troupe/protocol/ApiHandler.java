package io.troupe.protocol;

import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ApiMessage;

/**
 * Serves one Kafka API key.
 *
 * @param <T> the generated request data
 */
public interface ApiHandler<T extends ApiMessage> {
    ApiKeys apiKey();

    /** Lowest version advertised. */
    short minVersion();

    /** Highest version served. */
    short maxVersion();

    /** Lowest version served, when lower ones are advertised only for the sake of clients' feature detection. */
    default short minServedVersion() {
        return minVersion();
    }

    /**
     * Whether a connection may have only one such request under way, answer included: for answers that can be large, so
     * that a client that asks and never reads holds no more than one of them. Later requests wait unread.
     */
    default boolean oneAtATime() {
        return false;
    }

    /** Runs on a network thread: decode, check, tell, return; never block. An exception answers UNKNOWN_SERVER_ERROR. */
    void handle(RequestContext context, T request);
}
