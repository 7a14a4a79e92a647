package io.troupe.config;

import io.troupe.model.Refusal;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.record.TimestampType;

/** The topic-level configs: names, types, defaults and checks, as Kafka's topic configs have them. */
public final class TopicConfigs {

    /** Where a value comes from, in Kafka's words for DescribeConfigs. */
    public enum Source {
        DYNAMIC_TOPIC_CONFIG,
        DYNAMIC_BROKER_CONFIG,
        DYNAMIC_DEFAULT_BROKER_CONFIG,
        STATIC_BROKER_CONFIG,
        DEFAULT_CONFIG,
        DYNAMIC_GROUP_CONFIG
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
        for (Map.Entry<String, String> override : overrides.entrySet()) {
            String problem = problem(override.getKey(), override.getValue());
            if (problem != null) {
                return Optional.of(new Refusal(Errors.INVALID_CONFIG, problem));
            }
        }
        return Optional.empty();
    }

    private static String problem(String name, String value) {
        TopicKeys.Row row = name == null ? null : TopicKeys.ALL.get(name);
        if (row == null) {
            String suggestion = Suggestion.of(name, TopicKeys.ALL.keySet());
            return "Unknown topic config " + name + (suggestion.isEmpty() ? "." : suggestion);
        }
        if (value == null) {
            return "Topic config " + name + " has no value; it must be "
                    + row.key().allowed() + ".";
        }
        if (!row.held()) {
            boolean same = value.trim().equalsIgnoreCase(row.key().defaultValue());
            return same
                    ? null
                    : "Topic config " + name + "=" + value + " is not supported; only its default, \""
                            + row.key().defaultValue() + "\", is. " + row.key().documentation();
        }
        try {
            row.key().parse(value);
            return null;
        } catch (IllegalArgumentException e) {
            return "Topic config " + name + "=" + value + " " + e.getMessage() + ".";
        }
    }

    /**
     * The effective settings of a topic with these (validated) overrides on this broker. Costs some microseconds; one
     * who needs it for each request keeps the result with the topic's image.
     */
    public static LogConfig effective(BrokerConfig broker, Map<String, String> overrides) {
        return effective(broker.topicDefaults(), overrides);
    }

    /** @param defaults what the broker says of topics, by topic config name */
    public static LogConfig effective(Map<String, String> defaults, Map<String, String> overrides) {
        return effective(new Values(defaults, overrides));
    }

    /** The settings of a log with these (validated) overrides over Kafka's defaults, whatever a broker's own are. */
    public static LogConfig effective(Map<String, String> overrides) {
        return effective(new Values(Map.of(), overrides));
    }

    private static LogConfig effective(Values v) {
        return new LogConfig(
                v.integer("segment.bytes"),
                v.number("segment.ms"),
                v.number("segment.jitter.ms"),
                v.integer("index.interval.bytes"),
                v.integer("max.message.bytes"),
                v.number("retention.ms"),
                v.number("retention.bytes"),
                Set.copyOf(ConfigKey.split(v.text("cleanup.policy"))),
                v.number("delete.retention.ms"),
                v.number("min.compaction.lag.ms"),
                v.number("max.compaction.lag.ms"),
                Double.parseDouble(v.text("min.cleanable.dirty.ratio")),
                compression(v),
                TimestampType.forName(v.text("message.timestamp.type")),
                v.number("message.timestamp.before.max.ms"),
                v.number("message.timestamp.after.max.ms"),
                v.number("flush.messages"),
                v.number("flush.ms"),
                v.number("file.delete.delay.ms"),
                v.integer("min.insync.replicas"),
                Boolean.parseBoolean(v.text("unclean.leader.election.enable")));
    }

    private static TopicCompression compression(Values v) {
        String codec = v.text("compression.type");
        return switch (codec) {
            case "gzip", "lz4", "zstd" -> new TopicCompression(codec, v.integer("compression." + codec + ".level"));
            default -> new TopicCompression(codec, 0);
        };
    }

    private record Values(Map<String, String> defaults, Map<String, String> overrides) {
        String text(String name) {
            String value = overrides.get(name);
            if (value == null) {
                value = defaults.get(name);
            }
            return (value == null ? TopicKeys.ALL.get(name).key().defaultValue() : value).trim();
        }

        int integer(String name) {
            return Integer.parseInt(text(name));
        }

        long number(String name) {
            return Long.parseLong(text(name));
        }
    }

    /** Every topic config with its effective value, sorted by name. */
    public static List<Entry> describe(BrokerConfig broker, DynamicConfigs dynamic, Map<String, String> overrides) {
        List<Entry> entries = new ArrayList<>(TopicKeys.ALL.size());
        for (TopicKeys.Row row : TopicKeys.ALL.values()) {
            ConfigKey key = row.key();
            List<Synonym> synonyms = synonyms(row, broker, dynamic, overrides);
            Synonym first = synonyms.get(0);
            // A broker's hours or minutes are told in the topic's own unit, as the topic's value.
            String value = first.source() == Source.STATIC_BROKER_CONFIG
                    ? broker.topicDefaults().getOrDefault(key.name(), first.value())
                    : first.value();
            entries.add(new Entry(key.name(), value, first.source(), key.type(), key.documentation(), synonyms));
        }
        return entries;
    }

    private static List<Synonym> synonyms(
            TopicKeys.Row row, BrokerConfig broker, DynamicConfigs dynamic, Map<String, String> overrides) {
        List<Synonym> synonyms = new ArrayList<>(3);
        String override = overrides.get(row.key().name());
        if (override != null) {
            synonyms.add(new Synonym(row.key().name(), override, Source.DYNAMIC_TOPIC_CONFIG));
        }
        row.brokerKeys().forEach(key -> synonyms.addAll(dynamic.synonyms(key.name())));
        for (TopicKeys.BrokerKey brokerKey : row.brokerKeys()) {
            String value = broker.originals().get(brokerKey.name());
            if (value != null) {
                synonyms.add(new Synonym(brokerKey.name(), value.trim(), Source.STATIC_BROKER_CONFIG));
            }
        }
        String defaultName = row.brokerKeys().isEmpty()
                ? row.key().name()
                : row.brokerKeys().get(0).name();
        synonyms.add(new Synonym(defaultName, row.key().defaultValue(), Source.DEFAULT_CONFIG));
        return synonyms;
    }

    /** Whether {@code name} takes a list, so that IncrementalAlterConfigs may append to and subtract from it. */
    public static boolean isList(String name) {
        TopicKeys.Row row = name == null ? null : TopicKeys.ALL.get(name);
        return row != null && row.key().type() == Type.LIST;
    }
}
