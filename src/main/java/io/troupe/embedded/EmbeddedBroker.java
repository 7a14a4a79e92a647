package io.troupe.embedded;

import io.troupe.config.BrokerConfig;
import io.troupe.config.ServerProperties;
import io.troupe.server.Broker;
import io.troupe.server.HeldPort;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One broker of an {@link EmbeddedTroupe}, running or down, with its settings and ports, which stay the same. What is called by {@code
 * close} may be called beside anything else; the rest one at a time.
 */
final class EmbeddedBroker implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(EmbeddedBroker.class);

    private final int id;
    private final BrokerConfig config;
    private final List<HeldPort> ports;
    /** Null while it is down. */
    private volatile Broker running;

    private volatile String address;

    /**
     * @param ports that the settings name and that are this broker's until {@link #close}
     * @throws io.troupe.config.ConfigurationException naming what is wrong with the settings
     */
    EmbeddedBroker(int id, Map<String, String> settings, List<HeldPort> ports) {
        ServerProperties.Loaded loaded = ServerProperties.parse(settings);
        if (id == 1) {
            // The others have the same.
            loaded.warnings().forEach(log::warn);
        }
        this.id = id;
        this.config = loaded.config();
        this.ports = List.copyOf(ports);
    }

    int id() {
        return id;
    }

    /** Locks its ports and log dirs; {@link Broker#serve} does the rest. */
    void open() {
        Broker broker = Broker.open(config);
        broker.embedded();
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
