package io.troupe.embedded;

import io.troupe.config.ServerProperties;
import io.troupe.server.Broker;
import io.troupe.server.HeldPort;
import java.util.List;
import java.util.Map;

/**
 * One broker of an {@link EmbeddedTroupe}, running or down, with its settings and ports, which stay the same. What is called by {@code
 * close} may be called beside anything else; the rest one at a time.
 */
final class EmbeddedBroker implements AutoCloseable {
    private final int id;
    private final Map<String, String> settings;
    private final List<HeldPort> ports;
    /** Null while it is down. */
    private volatile Broker running;

    private volatile String address;

    /** @param ports that the settings name and that are this broker's until {@link #close} */
    EmbeddedBroker(int id, Map<String, String> settings, List<HeldPort> ports) {
        this.id = id;
        this.settings = Map.copyOf(settings);
        this.ports = List.copyOf(ports);
    }

    int id() {
        return id;
    }

    /** Locks its ports and log dirs; {@link Broker#serve} does the rest. */
    void open() {
        Broker broker = Broker.open(ServerProperties.parse(settings).config());
        address = broker.listeners().get(0).address().toString();
        running = broker;
    }

    Broker running() {
        return running;
    }

    boolean isDown() {
        return running == null;
    }

    /** Where clients connect, host:port. */
    String address() {
        return address;
    }

    void stop() {
        Broker broker = running;
        if (broker != null) {
            broker.close();
            running = null;
        }
    }

    void kill() {
        Broker broker = running;
        if (broker != null) {
            broker.kill();
            running = null;
        }
    }

    /** Lets go of its ports. */
    @Override
    public void close() {
        ports.forEach(HeldPort::close);
    }
}
