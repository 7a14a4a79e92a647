package io.troupe.controller;

import io.troupe.controller.ControllerCommand.ConfigChange;
import io.troupe.controller.TopicDecisions.Refused;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.common.protocol.Errors;

/** Single changes of a set of settings, a topic's or a broker's (KIP-339). Pure. */
final class ConfigChanges {
    private ConfigChanges() {}

    /**
     * What the settings are with the changes; not yet validated.
     *
     * @param isList which keys take lists
     */
    static Map<String, String> apply(Map<String, String> before, List<ConfigChange> changes, Predicate<String> isList)
            throws Refused {
        Map<String, String> configs = new HashMap<>(before);
        Set<String> seen = new HashSet<>();
        for (ConfigChange change : changes) {
            String key = change.key();
            if (!seen.add(key)) {
                throw new Refused(Errors.INVALID_REQUEST, "Config " + key + " is changed twice in one request.");
            }
            if (change.op() == AlterConfigOp.OpType.DELETE) {
                configs.remove(key);
                continue;
            }
            if (change.value() == null) {
                throw new Refused(Errors.INVALID_CONFIG, "Config " + key + " has no value.");
            }
            if (change.op() == AlterConfigOp.OpType.SET) {
                configs.put(key, change.value());
                continue;
            }
            if (!isList.test(key)) {
                throw new Refused(
                        Errors.INVALID_CONFIG,
                        "Config " + key + " is no list, so that nothing can be appended to it or subtracted from it.");
            }
            Set<String> values = elements(configs.getOrDefault(key, ""));
            if (change.op() == AlterConfigOp.OpType.APPEND) {
                values.addAll(elements(change.value()));
            } else {
                values.removeAll(elements(change.value()));
            }
            configs.put(key, String.join(",", values));
        }
        return configs;
    }

    private static Set<String> elements(String list) {
        Set<String> elements = new LinkedHashSet<>();
        Arrays.stream(list.split(","))
                .map(String::trim)
                .filter(s -> !s.isEmpty())
                .forEach(elements::add);
        return elements;
    }
}
