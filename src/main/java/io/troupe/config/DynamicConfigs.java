package io.troupe.config;

import io.troupe.config.TopicConfigs.Source;
import io.troupe.config.TopicConfigs.Synonym;
import io.troupe.model.Refusal;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import org.apache.kafka.common.protocol.Errors;

/**
 * The settings of a broker that were given while it ran, which go before its file; immutable. They are few: the rates of
 * throttled replication (KIP-73), and what the broker's keys say of topics that say nothing themselves, save what the controller
 * decides by, for that must not depend on whose node it is.
 *
 * @param own of this broker alone, by name
 * @param all of all brokers, by name
 */
public record DynamicConfigs(Map<String, String> own, Map<String, String> all) {
    public static final DynamicConfigs NONE = new DynamicConfigs(Map.of(), Map.of());
    public static final String LEADER_RATE = "leader.replication.throttled.rate";
    public static final String FOLLOWER_RATE = "follower.replication.throttled.rate";

    private static final Set<String> NOT_AT_RUN_TIME = Set.of(
            "min.insync.replicas",
            "unclean.leader.election.enable",
            // These mean nothing to Troupe's journal.
            "log.preallocate",
            "log.index.size.max.bytes");

    private static final SortedMap<String, ConfigKey> KEYS = new TreeMap<>();
    /** Topic config name by broker key. */
    private static final Map<String, String> TOPIC_NAMES = new HashMap<>();

    static {
        for (String name : List.of(LEADER_RATE, FOLLOWER_RATE)) {
            KEYS.put(
                    name,
                    ConfigKey.atLeast(
                            name,
                            TopicConfigs.Type.LONG,
                            Long.MAX_VALUE,
                            0,
                            "Most bytes a second for throttled replicas that are not in sync, as their "
                                    + (name.equals(LEADER_RATE) ? "leader sends" : "follower takes") + " them."));
        }
        for (TopicKeys.Row row : TopicKeys.ALL.values()) {
            if (!row.held() || row.brokerKeys().isEmpty()) {
                continue;
            }
            TopicKeys.BrokerKey key = row.brokerKeys().get(0);
            if (key.unitMs() == 1 && !NOT_AT_RUN_TIME.contains(key.name())) {
                KEYS.put(key.name(), row.key().named(key.name()));
                TOPIC_NAMES.put(key.name(), row.key().name());
            }
        }
    }

    /** Checks what is to be set; empty when each may be, else the refusal (INVALID_REQUEST, as in Kafka). */
    public static Optional<Refusal> validate(Map<String, String> settings) {
        List<String> others = settings.keySet().stream()
                .filter(name -> !isDynamic(name))
                .sorted()
                .toList();
        if (!others.isEmpty()) {
            return invalid("Cannot update these configs dynamically: " + others + ". Those that can be are "
                    + KEYS.keySet() + "; others are changed in server.properties, with a restart.");
        }
        for (Map.Entry<String, String> setting : settings.entrySet()) {
            try {
                KEYS.get(setting.getKey()).parse(setting.getValue());
            } catch (IllegalArgumentException e) {
                return invalid(
                        "Broker config " + setting.getKey() + "=" + setting.getValue() + " " + e.getMessage() + ".");
            }
        }
        return Optional.empty();
    }

    private static Optional<Refusal> invalid(String message) {
        return Optional.of(new Refusal(Errors.INVALID_REQUEST, message));
    }

    /** Whether that key may be set at run time. */
    public static boolean isDynamic(String name) {
        return name != null && KEYS.containsKey(name);
    }

    /** Whether it takes a list, so that one may append to and subtract from it. */
    public static boolean isList(String name) {
        return isDynamic(name) && KEYS.get(name).type() == TopicConfigs.Type.LIST;
    }

    static SortedMap<String, ConfigKey> keys() {
        return KEYS;
    }

    /** What holds for the broker; null when it was not set. */
    public String get(String name) {
        String value = own.get(name);
        return value == null ? all.get(name) : value;
    }

    /** A rate in bytes a second, {@link Long#MAX_VALUE} when there is none. */
    public long rate(String name) {
        String value = get(name);
        return value == null ? Long.MAX_VALUE : Long.parseLong(value.trim());
    }

    /** What the broker says of topics that say nothing themselves, by topic config name. */
    public Map<String, String> topicDefaults(BrokerConfig file) {
        if (own.isEmpty() && all.isEmpty()) {
            return file.topicDefaults();
        }
        Map<String, String> defaults = new HashMap<>(file.topicDefaults());
        for (Map<String, String> layer : List.of(all, own)) {
            layer.forEach((name, value) -> {
                String topicName = TOPIC_NAMES.get(name);
                if (topicName != null) {
                    defaults.put(topicName, value);
                }
            });
        }
        return Map.copyOf(defaults);
    }

    /** Where a broker's value comes from, the first that holds first; empty when it was not set at run time. */
    List<Synonym> synonyms(String name) {
        List<Synonym> synonyms = new ArrayList<>(2);
        if (own.containsKey(name)) {
            synonyms.add(new Synonym(name, own.get(name), Source.DYNAMIC_BROKER_CONFIG));
        }
        if (all.containsKey(name)) {
            synonyms.add(new Synonym(name, all.get(name), Source.DYNAMIC_DEFAULT_BROKER_CONFIG));
        }
        return synonyms;
    }
}
