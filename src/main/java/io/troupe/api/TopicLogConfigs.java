package io.troupe.api;

import io.troupe.config.LogConfig;
import io.troupe.config.TopicConfigs;
import io.troupe.metadata.TopicImage;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import org.apache.kafka.common.Uuid;

/** Topics' effective settings, computed once for each set of overrides. Any thread. */
public final class TopicLogConfigs {
    /** Deleted topics leave an entry behind; when so many have gathered all are dropped and computed again. */
    private static final int MAX_ENTRIES = 10_000;

    private record Entry(Map<String, String> defaults, Map<String, String> overrides, LogConfig effective) {}

    private final Supplier<Map<String, String>> defaults;
    private final ConcurrentHashMap<Uuid, Entry> entries = new ConcurrentHashMap<>();

    /** @param defaults what the broker says of topics; the same object until it changes */
    public TopicLogConfigs(Supplier<Map<String, String>> defaults) {
        this.defaults = defaults;
    }

    public LogConfig of(TopicImage topic) {
        Entry entry = entries.get(topic.topicId());
        Map<String, String> now = defaults.get();
        // Both are immutable, so the same map means the same settings without a look inside.
        if (entry != null && entry.overrides == topic.configs() && entry.defaults == now) {
            return entry.effective;
        }
        if (entries.size() >= MAX_ENTRIES) {
            entries.clear();
        }
        LogConfig computed = TopicConfigs.effective(now, topic.configs());
        entries.put(topic.topicId(), new Entry(now, topic.configs(), computed));
        return computed;
    }
}
