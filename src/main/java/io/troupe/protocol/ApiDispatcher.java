package io.troupe.protocol;

import java.nio.ByteBuffer;
import java.util.Collection;
import java.util.EnumMap;
import java.util.Map;
import org.apache.kafka.common.message.ApiVersionsResponseData;
import org.apache.kafka.common.message.ApiVersionsResponseData.ApiVersion;
import org.apache.kafka.common.message.ApiVersionsResponseData.ApiVersionCollection;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.requests.RequestHeader;

/**
 * Which handler serves which API key and versions, and how a frame becomes a call of one. Immutable once made; shared by
 * all network threads. What is advertised is exactly what is registered here.
 */
public final class ApiDispatcher {
    /**
     * Largest frame of a request that carries no records. The generated readers allocate an array's slots by its count,
     * which they only check against the bytes that remain, so this bounds what a lying count may cost.
     */
    static final int MAX_REQUEST_WITHOUT_RECORDS_BYTES = 16 << 20;

    private final Map<ApiKeys, ApiHandler<?>> handlers = new EnumMap<>(ApiKeys.class);

    /** @throws IllegalArgumentException when two handlers claim one API key, or a range is not one kafka-clients can read */
    public ApiDispatcher(Collection<? extends ApiHandler<?>> handlers) {
        for (ApiHandler<?> handler : handlers) {
            ApiKeys key = handler.apiKey();
            if (handler.minServedVersion() < key.oldestVersion()
                    || handler.maxVersion() > key.latestVersion(true)
                    || handler.minVersion() > handler.minServedVersion()
                    || handler.minServedVersion() > handler.maxVersion()) {
                throw new IllegalArgumentException(key + " cannot be served in versions " + handler.minVersion() + " ("
                        + handler.minServedVersion() + ") to " + handler.maxVersion() + "; the codec knows "
                        + key.oldestVersion() + " to " + key.latestVersion(true));
            }
            if (this.handlers.put(key, handler) != null) {
                throw new IllegalArgumentException("two handlers for " + key);
            }
        }
    }

    /** The ranges of {@code handlers}, as ApiVersions tells them. */
    public static ApiVersionCollection advertised(Collection<? extends ApiHandler<?>> handlers) {
        ApiVersionCollection ranges = new ApiVersionCollection();
        handlers.stream()
                .sorted((a, b) -> Short.compare(a.apiKey().id, b.apiKey().id))
                .forEach(handler -> ranges.add(range(handler)));
        return ranges;
    }

    /** The ranges of all handlers. */
    ApiVersionCollection advertised() {
        return advertised(handlers.values());
    }

    /** Null when nobody serves the key. */
    ApiHandler<?> handler(ApiKeys key) {
        return handlers.get(key);
    }

    /** Why a request cannot be dispatched; null when it can. An ApiVersions request of any version can be answered. */
    String refusal(RequestHeader header, int frameBytes) {
        ApiHandler<?> handler = handlers.get(header.apiKey());
        if (handler == null) {
            return "API key " + header.apiKey() + " is not served";
        }
        short version = header.apiVersion();
        boolean served = version >= handler.minServedVersion() && version <= handler.maxVersion();
        if (!served && header.apiKey() != ApiKeys.API_VERSIONS) {
            return header.apiKey() + " version " + version + " is not served, only " + handler.minServedVersion()
                    + " to " + handler.maxVersion();
        }
        if (frameBytes > MAX_REQUEST_WITHOUT_RECORDS_BYTES && header.apiKey() != ApiKeys.PRODUCE) {
            return header.apiKey() + " of " + frameBytes + " bytes, more than " + MAX_REQUEST_WITHOUT_RECORDS_BYTES
                    + " allowed for a request without records";
        }
        return null;
    }

    /**
     * Decodes the body and calls the handler, on the connection's network thread.
     *
     * @param body positioned after the request header
     * @throws RuntimeException when the body is malformed: the connection is to be closed
     */
    void dispatch(RequestContext context, ByteBuffer body) {
        RequestHeader header = context.header();
        ApiHandler<?> handler = handlers.get(header.apiKey());
        short version = header.apiVersion();
        if (version < handler.minServedVersion() || version > handler.maxVersion()) {
            context.respond(unsupportedVersion(handler));
            return;
        }
        ByteBuffer again = body.duplicate();
        ApiMessage request = header.apiKey().messageType.newRequest();
        request.read(new ByteBufferAccessor(body), version);
        try {
            call(handler, context, request);
        } catch (RuntimeException | LinkageError e) {
            // A codec whose native library cannot be loaded is one request's failure, not the network thread's.
            FailedRequest.answer(context, new ByteBufferAccessor(again), e);
        }
    }

    /** The cast holds because a handler's type parameter is the request data of its own API key. */
    @SuppressWarnings("unchecked")
    static <T extends ApiMessage> void call(ApiHandler<?> handler, RequestContext context, T request) {
        ((ApiHandler<T>) handler).handle(context, request);
    }

    /** Encoded as version 0 whatever was asked: the client reads from it which version to ask again with (KIP-511). */
    private static ApiVersionsResponseData unsupportedVersion(ApiHandler<?> apiVersions) {
        ApiVersionCollection ranges = new ApiVersionCollection();
        ranges.add(range(apiVersions));
        return new ApiVersionsResponseData()
                .setErrorCode(Errors.UNSUPPORTED_VERSION.code())
                .setApiKeys(ranges);
    }

    /** Version in which to encode an answer: the request's, except for an ApiVersions request from the future. */
    short responseVersion(RequestHeader header) {
        if (header.apiKey() == ApiKeys.API_VERSIONS) {
            ApiHandler<?> handler = handlers.get(ApiKeys.API_VERSIONS);
            short version = header.apiVersion();
            return version < handler.minServedVersion() || version > handler.maxVersion() ? 0 : version;
        }
        return header.apiVersion();
    }

    private static ApiVersion range(ApiHandler<?> handler) {
        return new ApiVersion()
                .setApiKey(handler.apiKey().id)
                .setMinVersion(handler.minVersion())
                .setMaxVersion(handler.maxVersion());
    }
}
