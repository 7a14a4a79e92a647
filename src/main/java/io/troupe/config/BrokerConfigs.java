package io.troupe.config;

import io.troupe.config.TopicConfigs.Entry;
import io.troupe.config.TopicConfigs.Source;
import io.troupe.config.TopicConfigs.Synonym;
import io.troupe.config.TopicConfigs.Type;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** A broker's own settings as DescribeConfigs tells them; none of them changes while the broker runs. */
public final class BrokerConfigs {
    private BrokerConfigs() {}

    /**
     * Every key that Troupe honours and every other that the operator wrote, sorted by name. The value of a secret is
     * null, and so is that of a key without value or default.
     */
    public static List<Entry> describe(BrokerConfig broker) {
        Map<String, Entry> entries = new TreeMap<>();
        for (ConfigKey key : ServerKeys.ALL.values()) {
            entries.put(key.name(), entry(key.name(), key.type(), key.documentation(), key.defaultValue(), broker));
        }
        for (String name : broker.originals().keySet()) {
            entries.computeIfAbsent(name, n -> entry(n, Type.STRING, "Has no effect in Troupe.", null, broker));
        }
        return List.copyOf(entries.values());
    }

    private static Entry entry(String name, Type type, String documentation, String byDefault, BrokerConfig broker) {
        String given = broker.originals().get(name);
        boolean secret = Secrets.isSecret(name);
        List<Synonym> synonyms = new ArrayList<>(2);
        if (given != null) {
            synonyms.add(new Synonym(name, secret ? null : given, Source.STATIC_BROKER_CONFIG));
        }
        if (byDefault != null) {
            synonyms.add(new Synonym(name, secret ? null : byDefault, Source.DEFAULT_CONFIG));
        }
        String value = given != null ? given : computed(name, byDefault, broker);
        Source source = given != null ? Source.STATIC_BROKER_CONFIG : Source.DEFAULT_CONFIG;
        return new Entry(name, secret ? null : value, source, type, documentation, List.copyOf(synonyms));
    }

    /** The values that follow from others when they are not given. */
    private static String computed(String name, String byDefault, BrokerConfig broker) {
        return switch (name) {
            case "node.id", "broker.id" -> Integer.toString(broker.nodeId());
            case "troupe.actor.listener" -> broker.actorListener().toString();
            case "troupe.http.listener" ->
                broker.httpListener().map(HostPort::toString).orElse("none");
            case "queued.max.request.bytes" -> Long.toString(broker.network().maxInFlightBytes());
            default -> byDefault;
        };
    }
}
