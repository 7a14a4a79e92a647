package io.troupe.http;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.pekko.http.javadsl.model.AttributeKey;
import org.apache.pekko.http.javadsl.model.HttpEntities;
import org.apache.pekko.http.javadsl.model.HttpEntity;
import org.apache.pekko.http.javadsl.model.HttpHeader;
import org.apache.pekko.http.javadsl.model.HttpRequest;
import org.apache.pekko.http.javadsl.model.HttpResponse;
import org.apache.pekko.http.javadsl.model.Query;
import org.apache.pekko.http.javadsl.model.Uri;
import org.apache.pekko.http.scaladsl.model.EntityStreamSizeException;
import org.apache.pekko.stream.SharedKillSwitch;
import org.apache.pekko.stream.javadsl.Source;
import org.apache.pekko.util.ByteString;

/** One request and the ways to answer it. It holds its place among the requests under way until its answer has left. */
final class Exchange {
    /** An answer's stream that nobody begins to read within this never will be read: its connection ended before. */
    private static final long UNREAD_S = 60;

    /** While a body is read it is in memory so many times more than it is while it comes: as characters, as records and as batches. */
    static final int READING = 3;

    /** Pieces of a body that are smaller are put together as they come: one by one they would take many times their bytes. */
    private static final int SMALL_BYTES = 1024;

    /** Of an answer that is a stream. */
    static final AttributeKey<Sending> SENDING = AttributeKey.create("sending", Sending.class);

    private final HttpRequest request;
    private final Map<String, String> path;
    private final HttpLimits limits;
    private final ConnectionTasks connection;
    private final SharedKillSwitch streams;
    private final Runnable onEnd;
    private final AtomicBoolean ended = new AtomicBoolean();
    /** What it has of the memory that all share; guarded by this. */
    private long bodyBytes;

    private long answerBytes;
    private boolean gaveBack;
    private boolean bodyUsed;
    private volatile boolean streaming;
    /** Once it was asked for. */
    private volatile Query query;

    /** @param done when nothing more of it will be sent */
    record Sending(CompletionStage<Void> done) {}

    /** Bounds of a request. */
    record HttpLimits(int bodyBytes, int responseBytes, int timeoutMs, BodyMemory memory) {}

    /**
     * @param path the values of the route's parts in braces
     * @param streams ends answers that would go on and on
     * @param onEnd runs once
     */
    Exchange(
            HttpRequest request,
            Map<String, String> path,
            HttpLimits limits,
            ConnectionTasks connection,
            SharedKillSwitch streams,
            Runnable onEnd) {
        this.request = request;
        this.path = path;
        this.limits = limits;
        this.connection = connection;
        this.streams = streams;
        this.onEnd = onEnd;
    }

    /** Whether an answer that was not given yet most likely reaches nobody: the connection has ended, or the client's side of it. */
    boolean isGone() {
        return connection.isGone();
    }

    /** Whether it is a GET whose answer is to stay without its body. */
    boolean isHead() {
        return request.method().name().equals("HEAD");
    }

    String path(String name) {
        return path.get(name);
    }

    HttpLimits limits() {
        return limits;
    }

    /** Where the request is worked on, one thing after another: nothing else of its connection is done meanwhile. Bodies are read there. */
    Executor executor() {
        return connection;
    }

    Optional<String> header(String name) {
        return request.getHeader(name).map(HttpHeader::value);
    }

    Optional<String> accept() {
        return header("Accept");
    }

    /** As it was sent; empty for none. */
    String contentType() {
        String type = request.entity().getContentType().toString();
        return type.equals("none/none") ? "" : type;
    }

    /** Where this request was sent to, as in {@code http://localhost:8082}. */
    String base() {
        Uri uri = request.getUri();
        String host = uri.getHost().toString();
        return uri.getScheme() + "://" + host + (uri.getPort() > 0 ? ":" + uri.getPort() : "");
    }

    /** @throws HttpFailure 400 when the query cannot be read */
    Optional<String> query(String name) {
        try {
            if (query == null) {
                query = request.getUri().query(StandardCharsets.UTF_8, Uri.RELAXED);
            }
            return query.get(name);
        } catch (RuntimeException e) {
            throw new HttpFailure(400, "The query after ? cannot be read.");
        }
    }

    boolean flag(String name) {
        return query(name).filter("true"::equalsIgnoreCase).isPresent();
    }

    /** @throws HttpFailure 42206 */
    int number(String name, int byDefault, int least, int most) {
        Optional<String> text = query(name);
        try {
            int number = text.isEmpty() ? byDefault : Integer.parseInt(text.get());
            if (number >= least && number <= most) {
                return number;
            }
        } catch (NumberFormatException e) {
            // Told below.
        }
        throw new HttpFailure(
                HttpFailure.BAD_PAYLOAD,
                name + "=" + HttpFailure.shown(text.orElse("")) + " must be a whole number from " + least + " to "
                        + most + ".");
    }

    /** The whole body, of JSON; fails with HttpFailure 415, 413, 408, 400 or 503. */
    CompletionStage<byte[]> body() {
        MediaTypes.requireJson(contentType());
        bodyUsed = true;
        long declared = request.entity().getContentLengthOption().orElse(0);
        if (declared > limits.bodyBytes()) {
            connection.execute(this::passOver);
            return CompletableFuture.failedFuture(tooLarge());
        }
        if (request.entity() instanceof HttpEntity.Strict whole) {
            return CompletableFuture.completedFuture(whole.getData()).thenApply(this::read);
        }
        return CompletableFuture.supplyAsync(this::collected, connection).thenCompose(all -> all);
    }

    private CompletionStage<byte[]> collected() {
        return request.entity()
                .withSizeLimit(limits.bodyBytes())
                .getDataBytes()
                .completionTimeout(Duration.ofMillis(limits.timeoutMs()))
                .runFold(
                        ByteString.createBuilder(),
                        (all, more) -> {
                            hold(more.size());
                            return more.size() < SMALL_BYTES ? all.putBytes(more.toArray()) : all.append(more);
                        },
                        connection.materializer())
                .handle((all, failure) -> {
                    if (failure != null) {
                        throw bodyFailure(HttpFailure.cause(failure));
                    }
                    release(all.length());
                    return read(all.result());
                });
    }

    private byte[] read(ByteString body) {
        hold((1L + READING) * body.size());
        return body.toArray();
    }

    /** The whole body, of JSON; empty for none, whatever it says that it is. */
    CompletionStage<byte[]> bodyIfAny() {
        return request.entity().isKnownEmpty() ? CompletableFuture.completedFuture(new byte[0]) : body();
    }

    /**
     * So much more of the body is in memory.
     *
     * @throws HttpFailure 503 when there is no more memory for answers and bodies
     */
    synchronized void hold(long bytes) {
        limits.memory().take(bytes);
        bodyBytes += bytes;
        if (gaveBack) {
            giveBack();
        }
    }

    /** So much of the body is not in memory any more. */
    synchronized void release(long bytes) {
        if (!gaveBack) {
            limits.memory().giveBack(bytes);
            bodyBytes -= bytes;
        }
    }

    /**
     * The answer holds so much now, and no longer what it held before.
     *
     * @throws HttpFailure 503 when there is no more memory for answers and bodies; then it holds what it held before, of which the last text
     *     may still be on its way
     */
    synchronized void keep(long bytes) {
        if (bytes > answerBytes) {
            limits.memory().take(bytes - answerBytes);
        } else {
            limits.memory().giveBack(answerBytes - bytes);
        }
        answerBytes = bytes;
        if (gaveBack) {
            giveBack();
        }
    }

    private void passOver() {
        request.discardEntityBytes(connection.materializer());
    }

    private HttpFailure tooLarge() {
        return new HttpFailure(
                413,
                "The body has more than " + limits.bodyBytes()
                        + " bytes (troupe.http.request.max.bytes); send it in parts, or as a stream.");
    }

    private HttpFailure bodyFailure(Throwable failure) {
        if (failure instanceof HttpFailure known) {
            return known;
        }
        if (failure instanceof EntityStreamSizeException) {
            return tooLarge();
        }
        return failure instanceof java.util.concurrent.TimeoutException
                ? new HttpFailure(408, "The body did not come within " + limits.timeoutMs() + " ms.")
                : new HttpFailure(400, "The body cannot be read.");
    }

    /** The body as it comes; read no faster than it is taken. */
    Source<ByteString, ?> bytes() {
        bodyUsed = true;
        return request.entity().withoutSizeLimit().getDataBytes();
    }

    /** An answer in the type of answers without records. */
    HttpResponse json(int status, Json.Writer writer) {
        return answer(status, MediaTypes.control(accept()), Json.bytes(writer));
    }

    static HttpResponse answer(int status, String contentType, byte[] body) {
        return HttpResponse.create()
                .withStatus(status)
                .withEntity(HttpEntities.create(MediaTypes.contentType(contentType), body));
    }

    /** An answer without an end, which ends when the port closes. */
    HttpResponse endless(String contentType, Source<ByteString, ?> bytes) {
        return stream(contentType, bytes.via(streams.flow()));
    }

    /** An answer that is made while it is sent, no faster than it is read. */
    HttpResponse stream(String contentType, Source<ByteString, ?> bytes) {
        streaming = true;
        CompletableFuture<Void> begun = new CompletableFuture<>();
        CompletableFuture<Void> sent = new CompletableFuture<>();
        sent.thenRun(this::end);
        connection.awaits(begun);
        begun.orTimeout(UNREAD_S, TimeUnit.SECONDS).exceptionally(never -> {
            sent.complete(null);
            return null;
        });
        Source<ByteString, ?> counted = bytes.mapConcat(RecordText::pieces).watchTermination((value, done) -> {
            begun.complete(null);
            done.whenComplete((d, failure) -> sent.complete(null));
            return value;
        });
        return HttpResponse.create()
                .withEntity(HttpEntities.createChunked(MediaTypes.contentType(contentType), counted))
                .addAttribute(SENDING, new Sending(sent));
    }

    /** The request goes on when it is answered, and holds its place until this is done. */
    void until(CompletionStage<?> work) {
        streaming = true;
        work.whenComplete((done, failure) -> end());
    }

    /** The handler is done; what it did not read of the body is passed over. */
    void handled() {
        if (!bodyUsed && !request.entity().isKnownEmpty()) {
            connection.execute(this::passOver);
        }
        if (!streaming) {
            end();
        }
    }

    private void end() {
        if (ended.compareAndSet(false, true)) {
            onEnd.run();
        }
        giveBack();
    }

    private synchronized void giveBack() {
        gaveBack = true;
        limits.memory().giveBack(bodyBytes + answerBytes);
        bodyBytes = 0;
        answerBytes = 0;
    }
}
