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

    /** Ends a request that has no answer (acks=0). */
    void noResponse();

    /** Closes the connection, because the request cannot be answered. */
    void closeConnection(String reason);
}
