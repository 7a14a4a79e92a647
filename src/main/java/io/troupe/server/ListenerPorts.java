package io.troupe.server;

import io.troupe.config.BrokerConfig;
import io.troupe.config.HostPort;
import io.troupe.config.Listener;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.util.ArrayList;
import java.util.List;

/**
 * Where a broker is to bind its Kafka port, and what clients are told. Port 0 means any: the system chooses here, because the registration
 * tells the port before it opens, and it is this broker's from then on until {@link #close}.
 *
 * @param bound the listeners, ports chosen
 * @param advertised {@code advertised.listeners}, ports chosen
 * @param held those that the system chose
 */
record ListenerPorts(List<Listener> bound, List<Listener> advertised, List<HeldPort> held) implements AutoCloseable {

    /** @throws StartException naming the key, when a port is taken or a host unknown: early, where the bind would fail late */
    static ListenerPorts choose(BrokerConfig config) {
        List<Listener> bound = new ArrayList<>();
        List<HeldPort> held = new ArrayList<>();
        try {
            for (Listener listener : config.listeners()) {
                HostPort address = listener.address();
                if (address.port() == 0) {
                    HeldPort port = HeldPort.any(socketAddress("listeners", address));
                    held.add(port);
                    bound.add(at(listener, port.port()));
                } else {
                    requireFree("listeners", address);
                    bound.add(listener);
                }
            }
            requireFree("troupe.actor.listener", config.actorListener());
            if (config.roles().contains(BrokerConfig.Role.BROKER)) {
                config.httpListener().ifPresent(address -> requireFree("troupe.http.listener", address));
            }
            return new ListenerPorts(
                    List.copyOf(bound), withPorts(config.advertisedListeners(), bound), List.copyOf(held));
        } catch (Throwable e) {
            held.forEach(HeldPort::close);
            throw e;
        }
    }

    private static InetSocketAddress socketAddress(String key, HostPort address) {
        InetSocketAddress at = address.host().isEmpty()
                ? new InetSocketAddress(address.port())
                : new InetSocketAddress(address.host(), address.port());
        if (at.isUnresolved()) {
            throw new StartException(key + ": the host " + address.host() + " is unknown to this machine", null);
        }
        return at;
    }

    private static void requireFree(String key, HostPort address) {
        InetSocketAddress at = socketAddress(key, address);
        try (ServerSocket probe = new ServerSocket()) {
            probe.setReuseAddress(true);
            probe.bind(at);
        } catch (IOException e) {
            throw new StartException(
                    key + ": " + address + " cannot be bound (" + e.getMessage()
                            + "); stop the process that uses it, or choose another address",
                    e);
        }
    }

    private static List<Listener> withPorts(List<Listener> advertised, List<Listener> bound) {
        List<Listener> result = new ArrayList<>();
        for (Listener listener : advertised) {
            int port = listener.address().port();
            if (port == 0) {
                port = bound.stream()
                        .filter(b -> b.name().equals(listener.name()))
                        .findFirst()
                        .orElseThrow()
                        .address()
                        .port();
            }
            result.add(at(listener, port));
        }
        return List.copyOf(result);
    }

    private static Listener at(Listener listener, int port) {
        return new Listener(
                listener.name(),
                listener.protocol(),
                new HostPort(listener.address().host(), port));
    }

    @Override
    public void close() {
        held.forEach(HeldPort::close);
    }
}
