package io.troupe.metadata;

import io.troupe.config.BrokerConfig;
import io.troupe.config.DynamicConfigs;
import java.util.Map;
import java.util.function.Supplier;

/**
 * What a broker says of topics that say nothing themselves, by topic config name: its file, and over it what was set at run time.
 * The same object until that changes. Any thread.
 */
public final class TopicDefaults implements Supplier<Map<String, String>> {
    private record Known(DynamicConfigs dynamic, Map<String, String> defaults) {}

    private final BrokerConfig file;
    private final MetadataCache metadata;
    private volatile Known known;

    public TopicDefaults(BrokerConfig file, MetadataCache metadata) {
        this.file = file;
        this.metadata = metadata;
        this.known = new Known(DynamicConfigs.NONE, file.topicDefaults());
    }

    @Override
    public Map<String, String> get() {
        DynamicConfigs now = metadata.current().dynamicConfigs(file.nodeId());
        Known last = known;
        // Images share what did not change.
        if (now.own() != last.dynamic().own() || now.all() != last.dynamic().all()) {
            last = new Known(now, now.topicDefaults(file));
            known = last;
        }
        return last.defaults();
    }
}
