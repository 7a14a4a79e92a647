package io.troupe.config;

/** A host name or address and a TCP port (0 to 65535; 0 asks the system for a free one). */
public record HostPort(String host, int port) {
    @Override
    public String toString() {
        return (host.indexOf(':') >= 0 ? "[" + host + "]" : host) + ":" + port;
    }
}
