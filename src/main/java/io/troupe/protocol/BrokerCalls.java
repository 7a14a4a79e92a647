package io.troupe.protocol;

import java.util.concurrent.CompletionStage;
import org.apache.kafka.common.protocol.ApiMessage;

/**
 * Kafka requests that come from within this process (the HTTP API) and are answered by the handlers that answer clients: here,
 * or on another broker.
 */
public interface BrokerCalls {
    /**
     * Asks a broker. Any thread; never blocks.
     *
     * @param brokerId this broker, which is called without a socket, or another
     * @param version of the request's API
     * @param request the generated request data
     * @param sizeInBytes about what it holds, for the bounds on unpacking
     * @param timeoutMs how long an answer is waited for
     * @return the generated response data, records in memory, which whoever has read them gives back ({@link RecordsField#discard}); or
     *     fails with Kafka's exceptions, of which the retriable ones say that another try may help
     */
    CompletionStage<ApiMessage> call(int brokerId, int version, ApiMessage request, int sizeInBytes, int timeoutMs);
}
