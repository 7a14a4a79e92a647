package io.troupe.api;

import io.troupe.config.BrokerConfig;
import io.troupe.config.LogConfig;
import io.troupe.config.TopicConfigs;
import io.troupe.metadata.TopicImage;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import org.apache.kafka.common.Uuid;

/** Topics' effective settings, computed once for each set of overrides. Any thread. */
final class TopicLogConfigs {
    /** Deleted topics leave an entry behind; when so many have gathered all are dropped and computed again. */
    private static final int MAX_ENTRIES = 10_000;

    private record Entry(Map<String, String> overrides, LogConfig effective) {}

    private final Function<Map<String, String>, LogConfig> effective;
    private final ConcurrentHashMap<Uuid, Entry> entries = new ConcurrentHashMap<>();

    TopicLogConfigs(BrokerConfig broker) {
        this(overrides -> TopicConfigs.effective(broker, overrides));
    }

    TopicLogConfigs(Function<Map<String, String>, LogConfig> effective) {
        this.effective = effective;
    }

    LogConfig of(TopicImage topic) {
        Entry entry = entries.get(topic.topicId());
        // Images are immutable, so the same map means the same overrides without a look inside.
        if (entry != null && entry.overrides == topic.configs()) {
            return entry.effective;
        }
        if (entries.size() >= MAX_ENTRIES) {
            entries.clear();
        }
        LogConfig computed = effective.apply(topic.configs());
        entries.put(topic.topicId(), new Entry(topic.configs(), computed));
        return computed;
    }
}
