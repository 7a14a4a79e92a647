package io.troupe.protocol;

import io.troupe.config.Listener;
import java.net.InetAddress;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.common.errors.NetworkException;
import org.apache.kafka.common.message.FetchResponseData;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.requests.RequestHeader;

/** A request without a connection. Its answer is a future; who gives that up ends what waits for data. */
final class LocalCall implements RequestContext {
    private static final Runnable NOTHING = () -> {};

    private final RequestHeader header;
    private final Listener listener;
    private final int sizeInBytes;
    private final int mostRecordBytes;
    private final CompletableFuture<ApiMessage> answer = new CompletableFuture<>();
    private final AtomicReference<Runnable> onClosed = new AtomicReference<>(NOTHING);

    /** @param mostRecordBytes of one batch that is taken into memory */
    LocalCall(RequestHeader header, Listener listener, int sizeInBytes, int mostRecordBytes) {
        this.header = header;
        this.listener = listener;
        this.sizeInBytes = sizeInBytes;
        this.mostRecordBytes = mostRecordBytes;
        answer.whenComplete((done, failure) -> {
            if (failure != null) {
                onClosed.getAndSet(NOTHING).run();
            }
        });
    }

    CompletableFuture<ApiMessage> answer() {
        return answer;
    }

    @Override
    public RequestHeader header() {
        return header;
    }

    @Override
    public Listener listener() {
        return listener;
    }

    @Override
    public InetAddress clientAddress() {
        return InetAddress.getLoopbackAddress();
    }

    @Override
    public int sizeInBytes() {
        return sizeInBytes;
    }

    @Override
    public void onClosed(Runnable action) {
        onClosed.set(action);
        if (answer.isCompletedExceptionally()) {
            onClosed.getAndSet(NOTHING).run();
        }
    }

    @Override
    public void respond(ApiMessage response) {
        if (answer.isDone()) {
            RecordsField.discard(response);
        } else if (response instanceof FetchResponseData fetch) {
            RecordsField.toHeap(fetch, mostRecordBytes).whenComplete((done, failure) -> {
                boolean given = failure == null ? answer.complete(fetch) : answer.completeExceptionally(failure);
                if (failure != null || !given) {
                    RecordsField.discard(fetch);
                }
            });
        } else {
            answer.complete(response);
        }
    }

    @Override
    public void noResponse() {
        answer.complete(null);
    }

    @Override
    public void closeConnection(String reason) {
        answer.completeExceptionally(new NetworkException(reason));
    }
}
