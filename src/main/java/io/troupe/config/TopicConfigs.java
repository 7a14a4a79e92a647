package io.troupe.config;

import io.troupe.model.Refusal;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The topic-level configs: names, types, defaults and checks, as Kafka's topic configs have them. */
public final class TopicConfigs {

    /** Where a value comes from, in Kafka's words for DescribeConfigs. */
    public enum Source {
        DYNAMIC_TOPIC_CONFIG,
        STATIC_BROKER_CONFIG,
        DEFAULT_CONFIG
    }

    /** Kafka's config types that topic configs use. */
    public enum Type {
        BOOLEAN,
        STRING,
        INT,
        LONG,
        DOUBLE,
        LIST
    }

    /** One config of one topic as DescribeConfigs tells it. */
    public record Entry(
            String name, String value, Source source, Type type, String documentation, List<Synonym> synonyms) {}

    /** A place that could give the value, in order of precedence. */
    public record Synonym(String name, String value, Source source) {}

    private TopicConfigs() {}

    /** Checks overrides; empty when all are known and allowed, else the refusal (INVALID_CONFIG) naming the first that is not. */
    public static Optional<Refusal> validate(Map<String, String> overrides) {
        return Optional.empty();
    }

    /** The effective settings of a topic with these (validated) overrides on this broker. */
    public static LogConfig effective(BrokerConfig broker, Map<String, String> overrides) {
        throw new ConfigurationException("not yet: " + broker + overrides);
    }

    /** Every topic config with its effective value, sorted by name. */
    public static List<Entry> describe(BrokerConfig broker, Map<String, String> overrides) {
        return List.of();
    }

    /** Whether {@code name} takes a list, so that IncrementalAlterConfigs may append to and subtract from it. */
    public static boolean isList(String name) {
        return false;
    }
}
