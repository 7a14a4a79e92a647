package io.troupe.protocol;

import java.util.function.BiConsumer;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ApiMessage;

/** A handler made of a lambda. */
record ToyHandler<T extends ApiMessage>(
        ApiKeys apiKey, short minVersion, short maxVersion, boolean oneAtATime, BiConsumer<RequestContext, T> body)
        implements ApiHandler<T> {

    static <T extends ApiMessage> ToyHandler<T> of(ApiKeys key, BiConsumer<RequestContext, T> body) {
        return new ToyHandler<>(key, key.oldestVersion(), key.latestVersion(), false, body);
    }

    @Override
    public void handle(RequestContext context, T request) {
        body.accept(context, request);
    }
}
