package io.troupe.api;

import io.troupe.config.HostPort;
import io.troupe.config.Listener;
import io.troupe.protocol.RequestContext;
import java.net.InetAddress;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.MessageUtil;
import org.apache.kafka.common.requests.RequestHeader;
import org.apache.kafka.common.security.auth.SecurityProtocol;

/** A request under way in a test; keeps the answer, having checked that the request's version can carry it. */
final class FakeRequest implements RequestContext {
    static final Listener LISTENER =
            new Listener("PLAINTEXT", SecurityProtocol.PLAINTEXT, new HostPort("localhost", 9092));

    private final RequestHeader header;
    private ApiMessage response;

    FakeRequest(ApiKeys api, int version) {
        this.header = new RequestHeader(api, (short) version, "test", 1);
    }

    /** The answer, which must have been given. */
    @SuppressWarnings("unchecked")
    <T extends ApiMessage> T answer() {
        if (response == null) {
            throw new AssertionError("not answered");
        }
        return (T) response;
    }

    boolean answered() {
        return response != null;
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
    public void respond(ApiMessage message) {
        if (response != null) {
            throw new AssertionError("answered twice");
        }
        MessageUtil.toByteBufferAccessor(message, header.apiVersion());
        response = message;
    }

    @Override
    public void noResponse() {
        throw new AssertionError("no answer");
    }

    @Override
    public void closeConnection(String reason) {
        throw new AssertionError("closed: " + reason);
    }
}
