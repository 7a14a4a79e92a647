package io.troupe.api;

import io.troupe.protocol.FailedRequest;
import io.troupe.protocol.RequestContext;
import java.util.function.Function;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.MessageUtil;

/**
 * What becomes of a request whose answer could not be made after the handler had returned: the same as of one whose handler
 * threw. It must end somehow, since all later answers of its connection wait behind it.
 */
final class Unanswered {
    private Unanswered() {}

    /** For {@code exceptionally} at the end of a handler's stages. */
    static Function<Throwable, Void> answer(RequestContext context, ApiMessage request) {
        return failure -> {
            try {
                FailedRequest.answer(
                        context,
                        MessageUtil.toByteBufferAccessor(
                                request, context.header().apiVersion()),
                        failure);
            } catch (RuntimeException e) {
                context.closeConnection("The answer to " + context.header().apiKey() + " could not be made: " + e);
            }
            return null;
        };
    }
}
