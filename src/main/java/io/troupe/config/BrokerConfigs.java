package io.troupe.config;

import io.troupe.config.TopicConfigs.Entry;
import io.troupe.config.TopicConfigs.Source;
import io.troupe.config.TopicConfigs.Synonym;
import io.troupe.config.TopicConfigs.Type;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** A broker's own settings as DescribeConfigs tells them: what was set while it ran, its file, the defaults. */
public final class BrokerConfigs {
    private BrokerConfigs() {}

    /**
     * Every key that Troupe honours and every other that the operator wrote, sorted by name. The value of a secret is
     * null, and so is that of a key without value or default.
     */
    public static List<Entry> describe(BrokerConfig broker, DynamicConfigs dynamic) {
        Map<String, Entry> entries = new TreeMap<>();
        for (ConfigKey key : ServerKeys.ALL.values()) {
            entries.put(key.name(), entry(key, broker, dynamic));
        }
        for (ConfigKey key : DynamicConfigs.keys().values()) {
            // The rates have no default to show: without one there is no limit.
            if (dynamic.get(key.name()) != null || ServerKeys.ALL.containsKey(key.name())) {
                entries.put(key.name(), entry(key, broker, dynamic));
            }
        }
        for (String name : broker.originals().keySet()) {
            ConfigKey key = new ConfigKey(name, Type.STRING, null, "", v -> true, "Has no effect in Troupe.");
            entries.computeIfAbsent(name, n -> entry(key, broker, DynamicConfigs.NONE));
        }
        return List.copyOf(entries.values());
    }

    /** What was set at run time for all brokers, sorted by name. */
    public static List<Entry> describeDefaults(Map<String, String> all) {
        List<Entry> entries = new ArrayList<>();
        for (String name : new TreeMap<>(all).keySet()) {
            ConfigKey key = DynamicConfigs.keys().get(name);
            List<Synonym> synonyms = new DynamicConfigs(Map.of(), all).synonyms(name);
            entries.add(new Entry(
                    name,
                    all.get(name),
                    Source.DYNAMIC_DEFAULT_BROKER_CONFIG,
                    key == null ? Type.STRING : key.type(),
                    key == null ? "" : key.documentation(),
                    synonyms));
        }
        return entries;
    }

    private static Entry entry(ConfigKey key, BrokerConfig broker, DynamicConfigs dynamic) {
        String name = key.name();
        String byDefault = key.defaultValue();
        String given = broker.originals().get(name);
        boolean secret = Secrets.isSecret(name);
        List<Synonym> synonyms = new ArrayList<>(dynamic.synonyms(name));
        Optional<Synonym> atRunTime = synonyms.stream().findFirst();
        if (given != null) {
            synonyms.add(new Synonym(name, secret ? null : given, Source.STATIC_BROKER_CONFIG));
        }
        if (byDefault != null) {
            synonyms.add(new Synonym(name, secret ? null : byDefault, Source.DEFAULT_CONFIG));
        }
        String value = given != null ? given : computed(name, byDefault, broker);
        Source source = given != null ? Source.STATIC_BROKER_CONFIG : Source.DEFAULT_CONFIG;
        return new Entry(
                name,
                secret ? null : atRunTime.map(Synonym::value).orElse(value),
                atRunTime.map(Synonym::source).orElse(source),
                key.type(),
                key.documentation(),
                List.copyOf(synonyms));
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
