package io.troupe.api;

import io.troupe.config.HostPort;
import io.troupe.config.Listener;
import io.troupe.protocol.RequestContext;
import java.net.InetAddress;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.MessageSizeAccumulator;
import org.apache.kafka.common.protocol.ObjectSerializationCache;
import org.apache.kafka.common.requests.RequestHeader;
import org.apache.kafka.common.security.auth.SecurityProtocol;

/** A request without a connection, which keeps how it ended; every answer must be writable in the request's version. */
final class FakeContext implements RequestContext {
    static final String NO_RESPONSE = "no response";
    static final Listener LISTENER =
            new Listener("PLAINTEXT", SecurityProtocol.PLAINTEXT, new HostPort("127.0.0.1", 9092));

    /** Answers, {@link #NO_RESPONSE} or the reason of a close; more than one is a bug. */
    final LinkedBlockingQueue<Object> ends = new LinkedBlockingQueue<>();

    Runnable onClosed;
    boolean holdsNext;
    private final RequestHeader header;

    FakeContext(ApiKeys key, int version) {
        header = new RequestHeader(key, (short) version, "c", 1);
    }

    <T> T end(Class<T> type) throws InterruptedException {
        Object end = ends.poll(30, TimeUnit.SECONDS);
        if (!type.isInstance(end)) {
            throw new AssertionError("expected " + type + ", got " + end);
        }
        return type.cast(end);
    }

    boolean answered() {
        return !ends.isEmpty();
    }

    /** The answer, which must have been given, and once. */
    @SuppressWarnings("unchecked")
    <T extends ApiMessage> T answer() {
        if (ends.size() != 1 || !(ends.peek() instanceof ApiMessage answer)) {
            throw new AssertionError("expected one answer, got " + ends);
        }
        return (T) answer;
    }

    @Override
    public RequestHeader header() {
        return header;
    }

    @Override
    public Listener listener() {
        return LISTENER;
    }

    @Override
    public InetAddress clientAddress() {
        return InetAddress.getLoopbackAddress();
    }

    @Override
    public int sizeInBytes() {
        return 0;
    }

    @Override
    public void onClosed(Runnable action) {
        onClosed = action;
    }

    @Override
    public void holdNext() {
        holdsNext = true;
    }

    @Override
    public void respond(ApiMessage response) {
        response.addSize(new MessageSizeAccumulator(), new ObjectSerializationCache(), header.apiVersion());
        ends.add(response);
    }

    @Override
    public void noResponse() {
        ends.add(NO_RESPONSE);
    }

    @Override
    public void closeConnection(String reason) {
        ends.add(reason);
    }
}
