package io.troupe.protocol;

import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.protocol.Readable;
import org.apache.kafka.common.requests.AbstractRequest;
import org.apache.kafka.common.requests.AbstractResponse;
import org.apache.kafka.common.requests.RequestHeader;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The answer to a request whose handler failed: UNKNOWN_SERVER_ERROR wherever the answer has a place for it, as Kafka's. */
public final class FailedRequest {
    private static final Logger log = LoggerFactory.getLogger(FailedRequest.class);

    private FailedRequest() {}

    /**
     * Ends the request; a connection whose request has no answer that could tell of an error is closed.
     *
     * @param body the request as it came, positioned after its header
     */
    public static void answer(RequestContext context, Readable body, Throwable failure) {
        RequestHeader header = context.header();
        log.error(
                "{} version {} from {} failed", header.apiKey(), header.apiVersion(), context.clientAddress(), failure);
        AbstractResponse error = AbstractRequest.parseRequest(header.apiKey(), header.apiVersion(), body)
                .request
                .getErrorResponse(0, Errors.UNKNOWN_SERVER_ERROR.exception());
        if (error == null) {
            context.closeConnection("failed without a way to answer");
        } else {
            context.respond(error.data());
        }
    }
}
