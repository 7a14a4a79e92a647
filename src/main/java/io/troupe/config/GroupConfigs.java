package io.troupe.config;

import static io.troupe.config.ConfigKey.atLeast;
import static io.troupe.config.ConfigKey.between;
import static io.troupe.config.ConfigKey.oneOf;

import io.troupe.config.TopicConfigs.Entry;
import io.troupe.config.TopicConfigs.Source;
import io.troupe.config.TopicConfigs.Synonym;
import io.troupe.config.TopicConfigs.Type;
import io.troupe.model.Refusal;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import org.apache.kafka.common.protocol.Errors;

/**
 * The settings that a single group may have, by which the coordinator treats its members of the consumer protocol (KIP-848).
 * Names, types and checks are Kafka's; classic members bring their own times and are not touched by them.
 *
 * <p>When they are set they must lie within the broker's bounds ({@link ConsumerGroupConfig.Bounds}). Should those be narrowed
 * later, the nearest value that they allow holds.
 */
public final class GroupConfigs {
    public static final String SESSION_TIMEOUT = "consumer.session.timeout.ms";
    public static final String HEARTBEAT_INTERVAL = "consumer.heartbeat.interval.ms";

    private static final SortedMap<String, ConfigKey> KEYS = new TreeMap<>();

    static {
        add(atLeast(
                SESSION_TIMEOUT,
                Type.INT,
                ConsumerGroupConfig.DEFAULTS.sessionTimeoutMs(),
                1,
                "Silence after which a member of the consumer protocol is taken out of the group."));
        add(atLeast(
                HEARTBEAT_INTERVAL,
                Type.INT,
                ConsumerGroupConfig.CHOSEN_WHEN_SETTLED_MS,
                1,
                "How often members of the consumer protocol come; unset for group and broker: 500 ms, less while the group is"
                        + " on the move, more when the broker has many members."));
        add(between(
                "consumer.assignment.interval.ms",
                Type.INT,
                0,
                0,
                0,
                "Time between two assignments; Troupe assigns as soon as there is something to assign."));
        add(oneOf(
                "consumer.assignor.offload.enable",
                "true",
                "Whether assignments are made apart from the coordinator's other work; in Troupe each group makes its own.",
                "true"));
    }

    private GroupConfigs() {}

    private static void add(ConfigKey key) {
        KEYS.put(key.name(), key);
    }

    /**
     * Checks all that a group is to have; empty when each is known and allowed, and they go together, else the refusal
     * (INVALID_CONFIG).
     */
    public static Optional<Refusal> validate(ConsumerGroupConfig broker, Map<String, String> overrides) {
        for (Map.Entry<String, String> override : overrides.entrySet()) {
            Optional<Refusal> problem = validate(override.getKey(), override.getValue());
            if (problem.isPresent()) {
                return problem;
            }
        }
        int session = integer(overrides, SESSION_TIMEOUT, broker.sessionTimeoutMs());
        int interval = integer(overrides, HEARTBEAT_INTERVAL, broker.heartbeatIntervalMs());
        ConsumerGroupConfig.Bounds b = broker.bounds();
        Optional<Refusal> outside = outside(
                        overrides, SESSION_TIMEOUT, b.minSessionTimeoutMs(), b.maxSessionTimeoutMs())
                .or(() ->
                        outside(overrides, HEARTBEAT_INTERVAL, b.minHeartbeatIntervalMs(), b.maxHeartbeatIntervalMs()));
        // An interval that the coordinator chooses fits any session.
        return outside.isPresent() || session > interval
                ? outside
                : invalid(SESSION_TIMEOUT + " (" + session + ") must be greater than " + HEARTBEAT_INTERVAL + " ("
                        + interval + ").");
    }

    /** Checks one setting by itself, whatever the broker's bounds. */
    public static Optional<Refusal> validate(String name, String value) {
        ConfigKey key = name == null ? null : KEYS.get(name);
        if (key == null) {
            return invalid(unknown(name));
        }
        if (value == null) {
            return invalid("Group config " + name + " has no value; it must be " + key.allowed() + ".");
        }
        try {
            key.parse(value);
            return Optional.empty();
        } catch (IllegalArgumentException e) {
            return invalid("Group config " + name + "=" + value + " " + e.getMessage() + ". " + key.documentation());
        }
    }

    private static String unknown(String name) {
        if (name != null && (name.startsWith("share.") || name.startsWith("streams."))) {
            return "Group config " + name + " is for " + name.substring(0, name.indexOf('.'))
                    + " groups, and Troupe has none. Those that groups can have are " + KEYS.keySet() + ".";
        }
        String suggestion = Suggestion.of(name, KEYS.keySet());
        return "Unknown group config " + name + (suggestion.isEmpty() ? "." : suggestion);
    }

    private static Optional<Refusal> outside(Map<String, String> overrides, String name, int least, int most) {
        int value = integer(overrides, name, least);
        String ofBroker = "group.consumer.%s." + name.substring("consumer.".length()) + "=%d";
        if (value < least) {
            return invalid("Group config " + name + "=" + value + " must be at least "
                    + ofBroker.formatted("min", least) + ", the broker's bound.");
        }
        return value <= most
                ? Optional.empty()
                : invalid("Group config " + name + "=" + value + " must be at most " + ofBroker.formatted("max", most)
                        + ", the broker's bound.");
    }

    private static int integer(Map<String, String> overrides, String name, int otherwise) {
        String value = overrides.get(name);
        return value == null ? otherwise : Integer.parseInt(value.trim());
    }

    private static Optional<Refusal> invalid(String message) {
        return Optional.of(new Refusal(Errors.INVALID_CONFIG, message));
    }

    /** What holds for a group with these overrides (each valid by itself) on this broker. */
    public static ConsumerGroupConfig effective(ConsumerGroupConfig broker, Map<String, String> overrides) {
        if (overrides.isEmpty()) {
            return broker;
        }
        ConsumerGroupConfig.Bounds b = broker.bounds();
        int session = broker.sessionTimeoutMs();
        if (overrides.containsKey(SESSION_TIMEOUT)) {
            session = clamp(integer(overrides, SESSION_TIMEOUT, 0), b.minSessionTimeoutMs(), b.maxSessionTimeoutMs());
        }
        int interval = broker.heartbeatIntervalMs();
        if (overrides.containsKey(HEARTBEAT_INTERVAL)) {
            interval = clamp(
                    integer(overrides, HEARTBEAT_INTERVAL, 0), b.minHeartbeatIntervalMs(), b.maxHeartbeatIntervalMs());
        }
        return broker.with(session, interval);
    }

    private static int clamp(int value, int least, int most) {
        return Math.max(least, Math.min(most, value));
    }

    /** Every group config with the value that holds, sorted by name. What was set stands among the synonyms. */
    public static List<Entry> describe(BrokerConfig broker, Map<String, String> overrides) {
        ConsumerGroupConfig effective = effective(broker.group().consumer(), overrides);
        List<Entry> entries = new ArrayList<>();
        for (ConfigKey key : KEYS.values()) {
            List<Synonym> synonyms = synonyms(key, broker, overrides);
            Synonym first = synonyms.get(0);
            String value =
                    switch (key.name()) {
                        case SESSION_TIMEOUT -> Integer.toString(effective.sessionTimeoutMs());
                        case HEARTBEAT_INTERVAL ->
                            effective.heartbeatIntervalMs() == ConsumerGroupConfig.CHOSEN_BY_LOAD
                                    ? first.value()
                                    : Integer.toString(effective.heartbeatIntervalMs());
                        default -> first.value();
                    };
            entries.add(new Entry(key.name(), value, first.source(), key.type(), key.documentation(), synonyms));
        }
        return entries;
    }

    private static List<Synonym> synonyms(ConfigKey key, BrokerConfig broker, Map<String, String> overrides) {
        List<Synonym> synonyms = new ArrayList<>(3);
        String override = overrides.get(key.name());
        if (override != null) {
            synonyms.add(new Synonym(key.name(), override, Source.DYNAMIC_GROUP_CONFIG));
        }
        String brokerKey = "group." + key.name();
        String inFile =
                ServerKeys.ALL.containsKey(brokerKey) ? broker.originals().get(brokerKey) : null;
        if (inFile != null) {
            synonyms.add(new Synonym(brokerKey, inFile.trim(), Source.STATIC_BROKER_CONFIG));
        }
        synonyms.add(new Synonym(brokerKey, key.defaultValue(), Source.DEFAULT_CONFIG));
        return synonyms;
    }

    /** No group config takes a list that one could append to. */
    public static boolean isList(String name) {
        return false;
    }
}
