package io.troupe.api;

import io.troupe.config.HostPort;
import io.troupe.config.Listener;
import io.troupe.metadata.BrokerImage;
import java.util.Optional;

/** Which address of a broker a client is told: the one on the listener that the client itself came in by. */
final class Endpoints {
    private Endpoints() {}

    static Optional<HostPort> of(BrokerImage broker, Listener cameInBy) {
        return broker.listeners().stream()
                .filter(listener -> listener.name().equals(cameInBy.name()))
                .map(Listener::address)
                .findFirst();
    }
}
