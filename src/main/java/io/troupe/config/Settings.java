package io.troupe.config;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** The operator's settings while they are being checked: typed access, and every problem and warning found so far. */
final class Settings {
    private final Map<String, String> settings;
    private final List<String> problems = new ArrayList<>();
    private final List<String> warnings = new ArrayList<>();

    Settings(Map<String, String> settings) {
        this.settings = settings;
    }

    boolean has(String key) {
        return settings.containsKey(key);
    }

    /** The text as given, else the default; null when there is neither. */
    String text(String key) {
        String given = settings.get(key);
        return given != null ? given : ServerKeys.ALL.get(key).defaultValue();
    }

    int integer(String key) {
        return (Integer) value(key, 0);
    }

    long number(String key) {
        return (Long) value(key, 0L);
    }

    double decimal(String key) {
        return (Double) value(key, 1.0);
    }

    boolean bool(String key) {
        return (Boolean) value(key, false);
    }

    /** {@code key=value}, as the operator wrote it. */
    String shown(String key) {
        return key + "=" + text(key);
    }

    void problem(String sentence) {
        if (!problems.contains(sentence)) {
            problems.add(sentence);
        }
    }

    void warn(String sentence) {
        if (!warnings.contains(sentence)) {
            warnings.add(sentence);
        }
    }

    List<String> problems() {
        return problems;
    }

    List<String> warnings() {
        return List.copyOf(warnings);
    }

    private Object value(String key, Object whenBad) {
        String text = text(key);
        try {
            return text == null ? whenBad : ServerKeys.ALL.get(key).parse(text);
        } catch (IllegalArgumentException e) {
            problem(shown(key) + " " + e.getMessage());
            return whenBad;
        }
    }
}
