package io.troupe.config;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Host and port texts, as Kafka's listener keys write them; IPv6 addresses stand in brackets. */
final class Addresses {
    static final String LOOPBACK = "127.0.0.1";
    private static final Pattern HOST_PORT = Pattern.compile("(?:\\[([0-9a-fA-F:.%]+)]|([^\\[\\]:/@\\s]*)):(\\d{1,5})");

    private Addresses() {}

    /**
     * Reads {@code host:port}; the host may be empty.
     *
     * @throws IllegalArgumentException saying what is allowed
     */
    static HostPort parse(String text) {
        Matcher m = HOST_PORT.matcher(text);
        if (!m.matches()) {
            throw new IllegalArgumentException("must be host:port (an IPv6 address in brackets)");
        }
        int port = Integer.parseInt(m.group(3));
        if (port > 65_535) {
            throw new IllegalArgumentException("has port " + port + "; a port is from 0 to 65535");
        }
        return new HostPort(m.group(1) != null ? m.group(1) : m.group(2), port);
    }

    /** Whether binding this host opens every interface. */
    static boolean isWildcard(String host) {
        return host.isEmpty() || host.equals("0.0.0.0") || host.equals("::") || host.equals("0:0:0:0:0:0:0:0");
    }

    static boolean isLoopback(String host) {
        return host.equalsIgnoreCase("localhost") || host.startsWith("127.") || host.equals("::1");
    }

    /** The name by which Kafka advertises a machine whose listener names none. */
    static String canonicalHostName() {
        try {
            return InetAddress.getLocalHost().getCanonicalHostName();
        } catch (UnknownHostException e) {
            return "localhost";
        }
    }
}
