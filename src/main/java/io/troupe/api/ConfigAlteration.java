package io.troupe.api;

import io.troupe.config.DynamicConfigs;
import io.troupe.config.GroupConfigs;
import io.troupe.config.TopicConfigs;
import io.troupe.controller.ControllerClient;
import io.troupe.controller.ControllerCommand;
import io.troupe.controller.ControllerCommand.ConfigChange;
import io.troupe.controller.ControllerReply;
import io.troupe.model.Refusal;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.BiFunction;
import java.util.function.Predicate;
import org.apache.kafka.clients.admin.AlterConfigOp.OpType;
import org.apache.kafka.common.protocol.Errors;

/** What both alter-configs APIs have in common: checks of each resource, then one command for each kind of them. */
final class ConfigAlteration {

    /** A resource by type code and name. */
    record Resource(byte type, String name) {}

    /** What a request asks of one resource; a change without operation (null) is of a kind unknown here. */
    record Asked(Resource resource, List<ConfigChange> changes) {}

    /** Makes the command for all resources of a kind. */
    private interface Command {
        ControllerCommand of(Map<String, List<ConfigChange>> changes, boolean replaceAll, boolean validateOnly);
    }

    /** The kinds of resources whose configs can be changed. */
    private enum Kind {
        TOPIC(
                ConfigCodes.TOPIC,
                "topic",
                TopicConfigs::isList,
                (key, value) -> TopicConfigs.validate(Map.of(key, value)),
                ControllerCommand.AlterTopicConfigs::new),
        BROKER(
                ConfigCodes.BROKER,
                "broker",
                DynamicConfigs::isList,
                (key, value) -> DynamicConfigs.validate(Map.of(key, value)),
                ControllerCommand.AlterBrokerConfigs::new),
        GROUP(
                ConfigCodes.GROUP,
                "group",
                GroupConfigs::isList,
                GroupConfigs::validate,
                ControllerCommand.AlterGroupConfigs::new);

        final byte code;
        final String word;
        final Predicate<String> isList;
        /** Checks one setting by itself; the controller checks them together. */
        final BiFunction<String, String, Optional<Refusal>> validate;

        final Command command;

        Kind(
                byte code,
                String word,
                Predicate<String> isList,
                BiFunction<String, String, Optional<Refusal>> validate,
                Command command) {
            this.code = code;
            this.word = word;
            this.isList = isList;
            this.validate = validate;
            this.command = command;
        }

        /** Null for a type whose configs cannot be changed. */
        static Kind of(Resource resource) {
            for (Kind kind : values()) {
                if (kind.code == resource.type()) {
                    return kind;
                }
            }
            return null;
        }
    }

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
        Map<Kind, Map<String, List<ConfigChange>>> good = new EnumMap<>(Kind.class);
        changes.forEach((resource, wanted) -> {
            Optional<Refusal> refusal = twice.contains(resource)
                    ? Optional.of(invalid("Resource " + resource.name() + " is listed twice."))
                    : check(resource, wanted);
            results.put(resource, refusal);
            if (refusal.isEmpty()) {
                good.computeIfAbsent(Kind.of(resource), kind -> new LinkedHashMap<>())
                        .put(resource.name(), wanted);
            }
        });
        Map<Kind, CompletableFuture<ControllerReply>> replies = new EnumMap<>(Kind.class);
        good.forEach((kind, ofKind) -> replies.put(
                kind,
                controller
                        .submit(kind.command.of(ofKind, replaceAll, validateOnly), Timeouts.DEFAULT_MS)
                        .toCompletableFuture()));
        return CompletableFuture.allOf(replies.values().toArray(CompletableFuture[]::new))
                .thenApply(all -> {
                    results.replaceAll((resource, refusal) -> refusal.isPresent()
                            ? refusal
                            : result(replies.get(Kind.of(resource)).join(), resource.name()));
                    return results;
                });
    }

    private static Optional<Refusal> result(ControllerReply reply, String name) {
        if (reply instanceof ControllerReply.Topics done) {
            for (ControllerReply.TopicResult result : done.results()) {
                if (name.equals(result.name())) {
                    return result.refusal();
                }
            }
        } else if (reply instanceof ControllerReply.Resources done) {
            for (ControllerReply.ResourceResult result : done.results()) {
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
        Kind kind = Kind.of(resource);
        if (kind == null) {
            return Optional.of(invalid("Resource type " + resource.type()
                    + " has no configs here that could be changed, only topics (2), brokers (4) and groups (32)."));
        }
        String whose = " of " + kind.word + " " + resource.name();
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
            if (!isSet && !kind.isList.test(key)) {
                return Optional.of(new Refusal(
                        Errors.INVALID_CONFIG,
                        "Config " + key + " takes no list, so nothing can be appended to it or taken off it."));
            }
            Optional<Refusal> bad = isSet ? kind.validate.apply(String.valueOf(key), change.value()) : Optional.empty();
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
