package io.troupe.metadata;

import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;
import scala.collection.immutable.HashMap;
import scala.collection.immutable.HashMap$;
import scala.jdk.javaapi.CollectionConverters;
import scala.jdk.javaapi.OptionConverters;

/** What was set at run time of brokers and of groups, by their names; immutable, nobody's settings are empty. Topics keep their own. */
final class RunTimeConfigs {
    static final RunTimeConfigs NONE = new RunTimeConfigs(Map.of(), HashMap$.MODULE$.empty());

    /** By broker id or {@link MetadataImage#ALL_BROKERS}; few, and copied on change. */
    private final Map<String, Map<String, String>> brokers;
    /** May be many, so that a change shares the rest. */
    private final HashMap<String, Map<String, String>> groups;

    private RunTimeConfigs(Map<String, Map<String, String>> brokers, HashMap<String, Map<String, String>> groups) {
        this.brokers = brokers;
        this.groups = groups;
    }

    Map<String, Map<String, String>> brokers() {
        return Collections.unmodifiableMap(brokers);
    }

    Map<String, Map<String, String>> groups() {
        return CollectionConverters.asJava(groups);
    }

    /** The same object until it changes. */
    Map<String, String> ofBroker(String broker) {
        return brokers.getOrDefault(broker, Map.of());
    }

    /** The same object until it changes. */
    Map<String, String> ofGroup(String groupId) {
        return OptionConverters.toJava(groups.get(groupId)).orElse(Map.of());
    }

    RunTimeConfigs withBroker(String broker, Map<String, String> configs) {
        Map<String, Map<String, String>> changed = new TreeMap<>(brokers);
        if (configs.isEmpty()) {
            changed.remove(broker);
        } else {
            changed.put(broker, Map.copyOf(configs));
        }
        return new RunTimeConfigs(changed, groups);
    }

    RunTimeConfigs withGroup(String groupId, Map<String, String> configs) {
        return new RunTimeConfigs(
                brokers, configs.isEmpty() ? groups.removed(groupId) : groups.updated(groupId, Map.copyOf(configs)));
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof RunTimeConfigs o && brokers.equals(o.brokers) && groups.equals(o.groups);
    }

    @Override
    public int hashCode() {
        return brokers.hashCode() * 31 + groups.hashCode();
    }
}
