package io.troupe.protocol;

import io.troupe.config.Listener;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.errors.UnknownServerException;
import org.apache.kafka.common.errors.UnsupportedVersionException;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.requests.RequestHeader;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Calls this broker's own handlers on the caller's thread, and other brokers by way of {@link RemoteCalls}. */
public final class InProcessCalls implements BrokerCalls, AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(InProcessCalls.class);

    private final int ownId;
    private final String clientId;
    private final Listener listener;
    private final ApiDispatcher dispatcher;
    private final RemoteCalls remote;
    private final int mostRecordBytes;

    /**
     * @param clientId under which the handlers know these requests
     * @param listener by whose name other brokers' addresses are told
     * @param mostRecordBytes of one batch that is taken into memory
     */
    public InProcessCalls(
            int ownId,
            String clientId,
            Listener listener,
            ApiDispatcher dispatcher,
            RemoteCalls remote,
            int mostRecordBytes) {
        this.ownId = ownId;
        this.clientId = clientId;
        this.listener = listener;
        this.dispatcher = dispatcher;
        this.remote = remote;
        this.mostRecordBytes = mostRecordBytes;
    }

    @Override
    public CompletionStage<ApiMessage> call(
            int brokerId, int version, ApiMessage request, int sizeInBytes, int timeoutMs) {
        if (brokerId != ownId) {
            return remote.call(brokerId, (short) version, request, timeoutMs);
        }
        ApiKeys key = ApiKeys.forId(request.apiKey());
        ApiHandler<?> handler = dispatcher.handler(key);
        if (handler == null || version < handler.minServedVersion() || version > handler.maxVersion()) {
            return CompletableFuture.failedFuture(
                    new UnsupportedVersionException(key + " version " + version + " is not served"));
        }
        LocalCall call = new LocalCall(
                new RequestHeader(key, (short) version, clientId, 0), listener, sizeInBytes, mostRecordBytes);
        try {
            ApiDispatcher.call(handler, call, request);
        } catch (RuntimeException | LinkageError e) {
            log.error("{} version {} from within failed", key, version, e);
            call.answer().completeExceptionally(new UnknownServerException("The broker failed; its log says why."));
        }
        return call.answer().orTimeout(timeoutMs, TimeUnit.MILLISECONDS);
    }

    @Override
    public void close() {
        remote.close();
    }
}
