package io.troupe.config;

import org.apache.kafka.common.security.auth.SecurityProtocol;

/**
 * One entry of {@code listeners} or {@code advertised.listeners}.
 *
 * @param name the listener's name, upper case, as in {@code PLAINTEXT}
 * @param protocol how its connections are secured
 * @param address where it binds (an empty host binds all interfaces) or what clients are told
 */
public record Listener(String name, SecurityProtocol protocol, HostPort address) {}
