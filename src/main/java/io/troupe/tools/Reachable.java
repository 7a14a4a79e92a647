package io.troupe.tools;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.common.utils.Utils;

/**
 * Whether anybody listens where a client is to connect. The client itself goes on trying until its time is up and then does
 * not say which address it was.
 */
final class Reachable {
    private static final int PATIENCE_MS = 3000;

    private Reachable() {}

    /**
     * Tries the addresses in turn until one takes a connection. An address that is none is left to the client, which refuses it.
     *
     * @param addresses {@code host:port} each
     * @return what is wrong with each of them and what to check; empty when one answers
     */
    static Optional<String> problem(List<String> addresses) {
        Map<String, String> failures = new LinkedHashMap<>();
        for (String address : addresses) {
            String host = Utils.getHost(address);
            Integer port = Utils.getPort(address);
            if (host == null || port == null) {
                return Optional.empty();
            }
            InetSocketAddress at = new InetSocketAddress(host, port);
            if (at.isUnresolved()) {
                failures.put(address, "the host is unknown to this machine");
                continue;
            }
            try (Socket socket = new Socket()) {
                socket.connect(at, PATIENCE_MS);
                return Optional.empty();
            } catch (IOException e) {
                failures.put(address, e.getMessage());
            }
        }
        StringBuilder answer = new StringBuilder();
        failures.forEach((address, why) -> answer.append("Nobody answers at ")
                .append(address)
                .append(": ")
                .append(why)
                .append(System.lineSeparator()));
        return Optional.of(answer
                + "Does a broker run there (its log says \"is ready, serving ...\"), is this the port of its listeners, and can this"
                + " machine reach it?");
    }
}
