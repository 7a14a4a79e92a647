package io.troupe.client;

import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigException;

/** The checks that all settings share. Each failure is an {@link IllegalArgumentException} that names the setting, its value and what is allowed. */
final class Settings {

    static void atLeast(String name, long value, long least) {
        if (value < least) {
            throw new IllegalArgumentException(name + " is " + value + "; it must be at least " + least);
        }
    }

    static void given(String name, Object value) {
        if (value == null) {
            throw new IllegalArgumentException(name + " is missing");
        }
    }

    /** Kafka's own properties, checked by Kafka's own rules; {@code extra} stands for what the actors set themselves. */
    static Map<String, String> kafka(
            String whose, Map<String, String> properties, Map<String, Object> extra, ConfigDef rules) {
        given(whose + ": properties", properties);
        properties.forEach((key, value) -> {
            if (key == null || value == null) {
                throw new IllegalArgumentException(
                        whose + ": " + key + " is " + value + "; a property needs a name and a value");
            }
            if (extra.containsKey(key)) {
                throw new IllegalArgumentException(
                        whose + ": " + key + " is " + value + ", but the actor sets it itself; leave it out");
            }
        });
        if (properties.getOrDefault("bootstrap.servers", "").isBlank()) {
            throw new IllegalArgumentException(
                    whose + ": bootstrap.servers is missing; give host:port of one or more brokers, by comma");
        }
        Map<String, Object> all = new HashMap<>(properties);
        all.putAll(extra);
        try {
            rules.parse(all);
        } catch (ConfigException e) {
            throw new IllegalArgumentException(whose + ": " + e.getMessage(), e);
        }
        return Map.copyOf(properties);
    }

    /** A copy with one property more, or another value of it. */
    static Map<String, String> with(Map<String, String> properties, String key, String value) {
        Map<String, String> copy = new HashMap<>(properties);
        copy.put(key, value);
        return copy;
    }

    private Settings() {}
}
