package io.troupe.config;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.Predicate;

/**
 * One known setting: its name, type, default and what is allowed. Values travel as text; {@link #parse} is the only
 * place where text becomes a value.
 *
 * @param defaultValue Kafka's default as text; null when there is none
 * @param allowed what a person may write, for messages
 * @param check whether a parsed value is allowed
 */
record ConfigKey(
        String name,
        TopicConfigs.Type type,
        String defaultValue,
        String allowed,
        Predicate<Object> check,
        String documentation) {

    static ConfigKey atLeast(String name, TopicConfigs.Type type, Object defaultValue, long least, String doc) {
        String what = type == TopicConfigs.Type.DOUBLE ? "a number" : "a whole number";
        return new ConfigKey(
                name,
                type,
                text(defaultValue),
                what + " of at least " + least + bound(type),
                v -> ((Number) v).doubleValue() >= least,
                doc);
    }

    static ConfigKey between(
            String name, TopicConfigs.Type type, Object defaultValue, long least, long most, String doc) {
        String what = type == TopicConfigs.Type.DOUBLE ? "a number" : "a whole number";
        return new ConfigKey(
                name,
                type,
                text(defaultValue),
                what + " from " + least + " to " + most,
                v -> ((Number) v).doubleValue() >= least && ((Number) v).doubleValue() <= most,
                doc);
    }

    static ConfigKey bool(String name, boolean defaultValue, String doc) {
        return new ConfigKey(
                name, TopicConfigs.Type.BOOLEAN, Boolean.toString(defaultValue), "true or false", v -> true, doc);
    }

    static ConfigKey string(String name, String defaultValue, String doc) {
        return new ConfigKey(name, TopicConfigs.Type.STRING, defaultValue, "text", v -> true, doc);
    }

    static ConfigKey oneOf(String name, String defaultValue, String doc, String... values) {
        List<String> all = List.of(values);
        return new ConfigKey(
                name,
                TopicConfigs.Type.STRING,
                defaultValue,
                "one of " + String.join(", ", all),
                v -> all.contains(v),
                doc);
    }

    static ConfigKey listOf(String name, String defaultValue, String doc, String... values) {
        List<String> all = List.of(values);
        return new ConfigKey(
                name,
                TopicConfigs.Type.LIST,
                defaultValue,
                "one or more of " + String.join(", ", all),
                v -> !((List<?>) v).isEmpty() && all.containsAll((List<?>) v),
                doc);
    }

    /** The same setting under a broker's name for it. */
    ConfigKey named(String other) {
        return new ConfigKey(other, type, defaultValue, allowed, check, documentation);
    }

    /**
     * Reads a value.
     *
     * @throws IllegalArgumentException saying what is allowed
     */
    Object parse(String raw) {
        String value = raw.trim();
        Object parsed;
        try {
            parsed = switch (type) {
                case BOOLEAN -> parseBoolean(value);
                case STRING -> value;
                case INT -> Integer.valueOf(value);
                case LONG -> Long.valueOf(value);
                case DOUBLE -> Double.valueOf(value);
                case LIST -> split(value);
            };
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("must be " + allowed, e);
        }
        if (!check.test(parsed)) {
            throw new IllegalArgumentException("must be " + allowed);
        }
        return parsed;
    }

    /** The entries of a comma-separated list, without blanks around them; an empty text is an empty list. */
    static List<String> split(String value) {
        return Arrays.stream(value.split(","))
                .map(String::trim)
                .filter(s -> !s.isEmpty())
                .toList();
    }

    private static Boolean parseBoolean(String value) {
        return switch (value.toLowerCase(Locale.ROOT)) {
            case "true" -> true;
            case "false" -> false;
            default -> throw new IllegalArgumentException("must be true or false");
        };
    }

    private static String bound(TopicConfigs.Type type) {
        return type == TopicConfigs.Type.INT ? " (and at most " + Integer.MAX_VALUE + ")" : "";
    }

    private static String text(Object value) {
        return value == null ? null : value.toString();
    }
}
