package io.troupe.config;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;

/** Settings for tests, by the names that users give them: what a test does not name stands at its default. */
public final class LogConfigs {
    private LogConfigs() {}

    /**
     * A topic's settings.
     *
     * @param namesAndValues a topic config's name, its value, the next name, and so on; of two of one name the later counts
     * @throws AssertionError for a name or value that a topic may not have
     */
    public static LogConfig of(Object... namesAndValues) {
        Map<String, String> overrides = new LinkedHashMap<>();
        for (int i = 0; i < namesAndValues.length; i += 2) {
            overrides.put((String) namesAndValues[i], Objects.toString(namesAndValues[i + 1]));
        }
        TopicConfigs.validate(overrides).ifPresent(refusal -> {
            throw new AssertionError(refusal.message());
        });
        return TopicConfigs.effective(overrides);
    }
}
