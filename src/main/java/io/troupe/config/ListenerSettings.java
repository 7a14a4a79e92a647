package io.troupe.config;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.common.security.auth.SecurityProtocol;

/** Reads {@code listeners}, {@code advertised.listeners} and their protocol map. */
final class ListenerSettings {
    private final Settings settings;
    private final Map<String, String> protocols = new HashMap<>();
    private final Set<String> controllerNames = new HashSet<>();

    ListenerSettings(Settings settings, String controllerListenerNames) {
        this.settings = settings;
        for (SecurityProtocol protocol : SecurityProtocol.values()) {
            protocols.put(protocol.name, protocol.name);
        }
        for (String entry : ConfigKey.split(settings.text("listener.security.protocol.map"))) {
            int colon = entry.indexOf(':');
            String protocol = colon < 0 ? "" : entry.substring(colon + 1).trim().toUpperCase(Locale.ROOT);
            if (colon <= 0 || !SecurityProtocol.names().contains(protocol)) {
                settings.problem("listener.security.protocol.map has the entry " + entry
                        + "; an entry is NAME:PROTOCOL with a protocol of " + SecurityProtocol.names());
                continue;
            }
            protocols.put(entry.substring(0, colon).trim().toUpperCase(Locale.ROOT), protocol);
        }
        for (String name : ConfigKey.split(controllerListenerNames)) {
            controllerNames.add(name.toUpperCase(Locale.ROOT));
        }
    }

    /** The Kafka ports; listeners that only controllers use are left out, since Troupe's controllers speak as actors. */
    List<Listener> listeners() {
        List<Listener> all = parse("listeners");
        all.removeIf(l -> controllerNames.contains(l.name()));
        for (Listener listener : all) {
            if (listener.protocol() != SecurityProtocol.PLAINTEXT) {
                settings.problem(settings.shown("listeners") + ": listener " + listener.name() + " asks for "
                        + listener.protocol() + "; only PLAINTEXT is supported yet");
            }
            if (Addresses.isWildcard(listener.address().host())) {
                settings.warn(settings.shown("listeners") + ": listener " + listener.name()
                        + " accepts connections on every network interface and asks nobody who they are; anyone who"
                        + " reaches this machine may read and write. PLAINTEXT://localhost:"
                        + listener.address().port() + " keeps it to this machine.");
            }
        }
        return List.copyOf(all);
    }

    /** What clients are told, one for each of {@code listeners}, in their order. */
    List<Listener> advertised(List<Listener> listeners) {
        boolean given = settings.has("advertised.listeners");
        List<Listener> told = given ? parse("advertised.listeners") : List.of();
        for (Listener listener : told) {
            if (listeners.stream().noneMatch(l -> l.name().equals(listener.name()))
                    && !controllerNames.contains(listener.name())) {
                settings.problem(settings.shown("advertised.listeners") + ": listener " + listener.name()
                        + " is not among listeners=" + settings.text("listeners"));
            }
        }
        List<Listener> result = new ArrayList<>();
        for (Listener listener : listeners) {
            Listener advertised = told.stream()
                    .filter(l -> l.name().equals(listener.name()))
                    .findFirst()
                    .orElse(listener);
            HostPort address = advertised.address();
            if (!address.host().isEmpty() && Addresses.isWildcard(address.host())) {
                settings.problem((given ? settings.shown("advertised.listeners") : settings.shown("listeners"))
                        + ": clients cannot connect to " + address.host()
                        + "; set advertised.listeners to an address that they can reach");
            }
            if (address.host().isEmpty()) {
                address = new HostPort(Addresses.canonicalHostName(), address.port());
            }
            result.add(new Listener(listener.name(), listener.protocol(), address));
        }
        return List.copyOf(result);
    }

    private List<Listener> parse(String key) {
        List<Listener> result = new ArrayList<>();
        Set<String> names = new HashSet<>();
        List<String> entries = ConfigKey.split(settings.text(key));
        if (entries.isEmpty()) {
            settings.problem(
                    settings.shown(key) + " must name at least one listener, as in PLAINTEXT://localhost:9092");
        }
        for (String entry : entries) {
            int colon = entry.indexOf("://");
            if (colon <= 0) {
                settings.problem(settings.shown(key) + ": " + entry + " must be NAME://host:port");
                continue;
            }
            String name = entry.substring(0, colon).toUpperCase(Locale.ROOT);
            String protocol = protocols.get(name);
            if (protocol == null && controllerNames.contains(name)) {
                protocol = SecurityProtocol.PLAINTEXT.name;
            }
            if (protocol == null) {
                settings.problem(settings.shown(key) + ": listener " + name
                        + " has no protocol; add it to listener.security.protocol.map, as in " + name + ":PLAINTEXT");
                continue;
            }
            if (!names.add(name)) {
                settings.problem(settings.shown(key) + ": listener " + name + " is given twice");
                continue;
            }
            try {
                HostPort address = Addresses.parse(entry.substring(colon + 3));
                result.add(new Listener(name, SecurityProtocol.forName(protocol), address));
            } catch (IllegalArgumentException e) {
                settings.problem(settings.shown(key) + ": " + entry + " " + e.getMessage());
            }
        }
        return result;
    }
}
