package io.troupe.config;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** Reads {@code server.properties} and command-line overrides into a {@link BrokerConfig}. */
public final class ServerProperties {

    /**
     * What reading gave.
     *
     * @param config the validated configuration
     * @param warnings one sentence for each key that is accepted but does not mean here what it means to Kafka
     */
    public record Loaded(BrokerConfig config, List<String> warnings) {}

    private ServerProperties() {}

    /**
     * Reads a file and applies overrides in order.
     *
     * @throws ConfigurationException naming key, value and what is allowed
     */
    public static Loaded load(Path file, List<String> overrides) {
        throw new ConfigurationException("not yet: " + file + overrides);
    }

    /**
     * Validates settings already read.
     *
     * @throws ConfigurationException naming key, value and what is allowed
     */
    public static Loaded parse(Map<String, String> settings) {
        throw new ConfigurationException("not yet: " + settings);
    }
}
