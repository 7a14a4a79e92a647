package io.troupe.api;

import io.troupe.protocol.RequestContext;
import java.util.function.Function;

/**
 * What becomes of a request whose answer could not be made after the handler had returned: the connection is closed, since
 * all later answers would wait behind it.
 */
final class Unanswered {
    private Unanswered() {}

    static Function<Throwable, Void> close(RequestContext context) {
        return failure -> {
            context.closeConnection("The answer to " + context.header().apiKey() + " could not be made: " + failure);
            return null;
        };
    }
}
