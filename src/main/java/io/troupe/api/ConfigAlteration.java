package io.troupe.api;

import io.troupe.config.DynamicConfigs;
import io.troupe.config.TopicConfigs;
import io.troupe.controller.ControllerClient;
import io.troupe.controller.ControllerCommand;
import io.troupe.controller.ControllerCommand.ConfigChange;
import io.troupe.controller.ControllerReply;
import io.troupe.model.Refusal;
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

/** What both alter-configs APIs have in common: checks of each resource, then a command for topics and one for brokers. */
final class ConfigAlteration {

    /** A resource by type code and name. */
    record Resource(byte type, String name) {}

    /** What a request asks of one resource; a change without operation (null) is of a kind unknown here. */
    record Asked(Resource resource, List<ConfigChange> changes) {}

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
        Map<String, List<ConfigChange>> brokers = new LinkedHashMap<>();
        changes.forEach((resource, wanted) -> {
            Optional<Refusal> refusal = twice.contains(resource)
                    ? Optional.of(invalid("Resource " + resource.name() + " is listed twice."))
                    : check(resource, wanted);
            results.put(resource, refusal);
            if (refusal.isEmpty()) {
                (resource.type() == ConfigCodes.TOPIC ? topics : brokers).put(resource.name(), wanted);
            }
        });
        CompletionStage<ControllerReply> ofTopics =
                submit(topics, new ControllerCommand.AlterTopicConfigs(topics, replaceAll, validateOnly));
        CompletionStage<ControllerReply> ofBrokers =
                submit(brokers, new ControllerCommand.AlterBrokerConfigs(brokers, replaceAll, validateOnly));
        return ofTopics.thenCombine(ofBrokers, (topicsReply, brokersReply) -> {
            results.replaceAll((resource, refusal) -> refusal.isPresent()
                    ? refusal
                    : result(resource.type() == ConfigCodes.TOPIC ? topicsReply : brokersReply, resource.name()));
            return results;
        });
    }

    private CompletionStage<ControllerReply> submit(
            Map<String, List<ConfigChange>> changes, ControllerCommand command) {
        return changes.isEmpty()
                ? CompletableFuture.completedFuture(ControllerReply.Done.DONE)
                : controller.submit(command, Timeouts.DEFAULT_MS);
    }

    private static Optional<Refusal> result(ControllerReply reply, String name) {
        if (reply instanceof ControllerReply.Topics done) {
            for (ControllerReply.TopicResult result : done.results()) {
                if (name.equals(result.name())) {
                    return result.refusal();
                }
            }
        } else if (reply instanceof ControllerReply.Brokers done) {
            for (ControllerReply.BrokerResult result : done.results()) {
                if (name.equals(result.name())) {
                    return result.refusal();
                }
            }
        }
        return Optional.of(
                reply instanceof ControllerReply.Refused refused
                        ? refused.refusal()
                        : Refusal.of(Errors.UNKNOWN_SERVER_ERROR));
    }

    private static Optional<Refusal> check(Resource resource, List<ConfigChange> changes) {
        boolean isTopic = resource.type() == ConfigCodes.TOPIC;
        if (!isTopic && resource.type() != ConfigCodes.BROKER) {
            return Optional.of(invalid("Resource type " + resource.type()
                    + " has no configs here that could be changed, only topics (2) and brokers (4)."));
        }
        String whose = (isTopic ? " of topic " : " of broker ") + resource.name();
        Set<String> keys = new HashSet<>();
        for (ConfigChange change : changes) {
            String key = change.key();
            if (!keys.add(key)) {
                return Optional.of(invalid("Config " + key + whose + " is changed twice."));
            }
            if (change.op() == null) {
                return Optional.of(invalid("The operation on config " + key + whose
                        + " is none of set (0), delete (1), append (2), subtract (3)."));
            }
            if (change.op() == OpType.DELETE) {
                continue;
            }
            if (change.value() == null) {
                return Optional.of(invalid("Config " + key + whose + " has no value."));
            }
            boolean isSet = change.op() == OpType.SET;
            if (!isSet && !(isTopic ? TopicConfigs.isList(key) : DynamicConfigs.isList(key))) {
                return Optional.of(new Refusal(
                        Errors.INVALID_CONFIG,
                        "Config " + key + " takes no list, so nothing can be appended to it or taken off it."));
            }
            Map<String, String> value = Map.of(String.valueOf(key), change.value());
            Optional<Refusal> bad =
                    !isSet ? Optional.empty() : isTopic ? TopicConfigs.validate(value) : DynamicConfigs.validate(value);
            if (bad.isPresent()) {
                return bad;
            }
        }
        return Optional.empty();
    }

    private static Refusal invalid(String message) {
        return new Refusal(Errors.INVALID_REQUEST, message);
    }
}
