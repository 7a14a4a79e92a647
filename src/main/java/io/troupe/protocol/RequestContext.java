package io.troupe.protocol;

import io.troupe.config.Listener;
import java.net.InetAddress;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.requests.RequestHeader;

/**
 * One request under way: who sent it and how to answer. Answer once, from any thread; answers of one connection leave in
 * the order of its requests, whatever order they are given in.
 */
public interface RequestContext {
    RequestHeader header();

    /** The listener that the connection came in by. */
    Listener listener();

    InetAddress clientAddress();

    /**
     * The name by which the client's software introduced itself on this connection (KIP-511); empty when it did not. Call on
     * the network thread, from within the handler.
     */
    default String clientSoftware() {
        return "";
    }

    /** The client has introduced itself. Call on the network thread, from within the handler. */
    default void clientSoftware(String name) {}

    /** Bytes of the request's frame; they count as in flight until answered. */
    int sizeInBytes();

    /**
     * What to do when the connection closes before the answer was given: a handler that waits for something forgets it
     * (and still ends the request, whose answer goes nowhere). Runs at most once, on the network thread; at once when the
     * connection is closed already. One action a request; call on the network thread, from within the handler.
     */
    default void onClosed(Runnable action) {}

    /**
     * Reads nothing more of this connection until this request is answered: for a handler that hands a request to another
     * thread and must not be overtaken by the next one. Call on the network thread, from within the handler.
     */
    default void holdNext() {}

    /** Sends an answer, encoded with the request's version. */
    void respond(ApiMessage response);

    /**
     * Gives an answer that may wait, in case that {@link #respond} gives a better one. It leaves as soon as the connection's next
     * request comes, so that nobody is kept waiting by it; at once when other requests of the connection are under way; and after
     * {@code mostMs} in any case. From any thread. Without a connection it is given at once.
     */
    default void respondLater(ApiMessage response, int mostMs) {
        respond(response);
    }

    /** Ends a request that has no answer (acks=0). */
    void noResponse();

    /** Closes the connection, because the request cannot be answered. */
    void closeConnection(String reason);
}
