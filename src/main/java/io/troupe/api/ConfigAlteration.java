package io.troupe.api;

import io.troupe.config.TopicConfigs;
import io.troupe.controller.ControllerClient;
import io.troupe.controller.ControllerCommand;
import io.troupe.controller.ControllerCommand.ConfigChange;
import io.troupe.controller.ControllerReply;
import io.troupe.model.Refusal;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.apache.kafka.clients.admin.AlterConfigOp.OpType;
import org.apache.kafka.common.protocol.Errors;

/** What both alter-configs APIs have in common: checks of each resource, then one command for all that passed. */
final class ConfigAlteration {

    /** A resource by type code and name. */
    record Resource(byte type, String name) {}

    /** What a request asks of one resource; a change without operation (null) is of a kind unknown here. */
    record Asked(Resource resource, List<ConfigChange> changes) {}

    /** Broker configs that Kafka's tools set for a while; here none is ever set. */
    private static final Set<String> THROTTLES = Set.of(
            "leader.replication.throttled.rate",
            "follower.replication.throttled.rate",
            "replica.alter.log.dirs.io.max.bytes.per.second");

    private final ControllerClient controller;

    ConfigAlteration(ControllerClient controller) {
        this.controller = controller;
    }

    /**
     * Applies changes, each resource by itself.
     *
     * @param request in its order; a resource listed more than once is refused
     * @return never fails: why a resource was not changed, empty for success, in the order given
     */
    CompletionStage<Map<Resource, Optional<Refusal>>> apply(
            List<Asked> request, boolean replaceAll, boolean validateOnly) {
        Map<Resource, List<ConfigChange>> changes = new LinkedHashMap<>();
        Set<Resource> twice = new HashSet<>();
        for (Asked asked : request) {
            if (changes.put(asked.resource(), asked.changes()) != null) {
                twice.add(asked.resource());
            }
        }
        Map<Resource, Optional<Refusal>> results = new LinkedHashMap<>();
        Map<String, List<ConfigChange>> topics = new LinkedHashMap<>();
        changes.forEach((resource, wanted) -> {
            Optional<Refusal> refusal = twice.contains(resource)
                    ? Optional.of(invalid("Resource " + resource.name() + " is listed twice."))
                    : check(resource, wanted);
            results.put(resource, refusal);
            if (refusal.isEmpty() && resource.type() == ConfigCodes.TOPIC) {
                topics.put(resource.name(), wanted);
            }
        });
        if (topics.isEmpty()) {
            return CompletableFuture.completedFuture(results);
        }
        return controller
                .submit(new ControllerCommand.AlterTopicConfigs(topics, replaceAll, validateOnly), Timeouts.DEFAULT_MS)
                .thenApply(reply -> {
                    Map<String, Optional<Refusal>> byName = new HashMap<>();
                    if (reply instanceof ControllerReply.Topics done) {
                        done.results().forEach(r -> byName.put(r.name(), r.refusal()));
                    }
                    Refusal all = reply instanceof ControllerReply.Refused refused
                            ? refused.refusal()
                            : Refusal.of(Errors.UNKNOWN_SERVER_ERROR);
                    results.replaceAll((resource, refusal) ->
                            refusal.isPresent() ? refusal : byName.getOrDefault(resource.name(), Optional.of(all)));
                    return results;
                });
    }

    private static Optional<Refusal> check(Resource resource, List<ConfigChange> changes) {
        if (resource.type() == ConfigCodes.BROKER && changes.stream().allMatch(ConfigAlteration::removesThrottle)) {
            return Optional.empty();
        }
        if (resource.type() != ConfigCodes.TOPIC) {
            return Optional.of(invalid(
                    resource.type() == ConfigCodes.BROKER
                            ? "Broker configs cannot be changed while a broker runs; change its server.properties and"
                                    + " restart it."
                            : "Resource type " + resource.type() + " has no configs here, only topics (2)."));
        }
        Set<String> keys = new HashSet<>();
        for (ConfigChange change : changes) {
            String key = change.key();
            if (!keys.add(key)) {
                return Optional.of(invalid("Config " + key + " of topic " + resource.name() + " is changed twice."));
            }
            if (change.op() == null) {
                return Optional.of(invalid("The operation on config " + key + " of topic " + resource.name()
                        + " is none of set (0), delete (1), append (2), subtract (3)."));
            }
            if (change.op() == OpType.DELETE) {
                continue;
            }
            if (change.value() == null) {
                return Optional.of(invalid("Config " + key + " of topic " + resource.name() + " has no value."));
            }
            boolean isSet = change.op() == OpType.SET;
            if (!isSet && !TopicConfigs.isList(key)) {
                return Optional.of(new Refusal(
                        Errors.INVALID_CONFIG,
                        "Config " + key + " takes no list, so nothing can be appended to it or taken off it."));
            }
            Optional<Refusal> bad =
                    isSet ? TopicConfigs.validate(Map.of(String.valueOf(key), change.value())) : Optional.empty();
            if (bad.isPresent()) {
                return bad;
            }
        }
        return Optional.empty();
    }

    /** Kafka's tool for reassignments takes throttles away that nobody has set. */
    private static boolean removesThrottle(ConfigChange change) {
        return change.op() == OpType.DELETE && THROTTLES.contains(String.valueOf(change.key()));
    }

    private static Refusal invalid(String message) {
        return new Refusal(Errors.INVALID_REQUEST, message);
    }
}
