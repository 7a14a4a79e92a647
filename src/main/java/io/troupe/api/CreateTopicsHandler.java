package io.troupe.api;

import io.troupe.config.BrokerConfig;
import io.troupe.config.TopicConfigs;
import io.troupe.controller.ControllerClient;
import io.troupe.controller.ControllerCommand;
import io.troupe.controller.ControllerCommand.NewTopic;
import io.troupe.controller.ControllerReply;
import io.troupe.controller.ControllerReply.TopicResult;
import io.troupe.metadata.MetadataCache;
import io.troupe.model.Refusal;
import io.troupe.protocol.ApiHandler;
import io.troupe.protocol.RequestContext;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.errors.InvalidTopicException;
import org.apache.kafka.common.internals.Topic;
import org.apache.kafka.common.message.CreateTopicsRequestData;
import org.apache.kafka.common.message.CreateTopicsRequestData.CreatableReplicaAssignment;
import org.apache.kafka.common.message.CreateTopicsRequestData.CreatableTopic;
import org.apache.kafka.common.message.CreateTopicsRequestData.CreatableTopicConfig;
import org.apache.kafka.common.message.CreateTopicsResponseData;
import org.apache.kafka.common.message.CreateTopicsResponseData.CreatableTopicConfigs;
import org.apache.kafka.common.message.CreateTopicsResponseData.CreatableTopicResult;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;

/**
 * CreateTopics, versions 2 to 7: what can be told from the request alone is checked here, the rest by the controller. v5
 * answers the topic's size and configs (KIP-525), v7 its id.
 */
public final class CreateTopicsHandler implements ApiHandler<CreateTopicsRequestData> {
    private final BrokerConfig config;
    private final MetadataCache metadata;
    private final ControllerClient controller;

    public CreateTopicsHandler(BrokerConfig config, MetadataCache metadata, ControllerClient controller) {
        this.config = config;
        this.metadata = metadata;
        this.controller = controller;
    }

    @Override
    public ApiKeys apiKey() {
        return ApiKeys.CREATE_TOPICS;
    }

    @Override
    public short minVersion() {
        return 2;
    }

    @Override
    public short maxVersion() {
        return 7;
    }

    @Override
    public void handle(RequestContext context, CreateTopicsRequestData request) {
        Map<String, CreatableTopicResult> results = new LinkedHashMap<>();
        Map<String, NewTopic> wanted = new LinkedHashMap<>();
        for (CreatableTopic topic : request.topics()) {
            String name = topic.name();
            if (results.containsKey(name)) {
                wanted.remove(name);
                results.put(name, refused(name, Errors.INVALID_REQUEST, "Topic " + name + " is listed twice."));
                continue;
            }
            Refusal refusal = check(topic);
            results.put(name, refusal == null ? null : refused(name, refusal.error(), refusal.message()));
            if (refusal == null) {
                wanted.put(name, newTopic(topic));
            }
        }
        if (wanted.isEmpty()) {
            respond(context, results);
            return;
        }
        controller
                .submit(
                        new ControllerCommand.CreateTopics(List.copyOf(wanted.values()), request.validateOnly()),
                        Timeouts.bounded(request.timeoutMs()))
                .thenAccept(reply -> {
                    if (reply instanceof ControllerReply.Topics topics) {
                        topics.results().forEach(r -> results.replace(r.name(), result(r, request.validateOnly())));
                    }
                    Refusal all = reply instanceof ControllerReply.Refused refused
                            ? refused.refusal()
                            : Refusal.of(Errors.UNKNOWN_SERVER_ERROR);
                    results.replaceAll((name, r) -> r == null ? refused(name, all.error(), all.message()) : r);
                    respond(context, results);
                })
                .exceptionally(Unanswered.answer(context, request));
    }

    private static Refusal check(CreatableTopic topic) {
        try {
            Topic.validate(topic.name());
        } catch (InvalidTopicException e) {
            return new Refusal(Errors.INVALID_TOPIC_EXCEPTION, e.getMessage());
        }
        int partitions = topic.numPartitions();
        short replicas = topic.replicationFactor();
        if (!topic.assignments().isEmpty()) {
            if (partitions != -1 || replicas != -1) {
                return new Refusal(
                        Errors.INVALID_REQUEST,
                        "Topic " + topic.name() + " has a replica assignment, so its number of partitions and its"
                                + " replication factor must be -1.");
            }
            Set<Integer> assigned = new HashSet<>();
            for (CreatableReplicaAssignment assignment : topic.assignments()) {
                if (!assigned.add(assignment.partitionIndex())) {
                    return new Refusal(
                            Errors.INVALID_REPLICA_ASSIGNMENT,
                            "Partition " + assignment.partitionIndex() + " of topic " + topic.name()
                                    + " is assigned twice.");
                }
            }
        } else if (partitions == 0 || partitions < -1) {
            return new Refusal(
                    Errors.INVALID_PARTITIONS,
                    "Topic " + topic.name() + " cannot have " + partitions
                            + " partitions; at least 1, or -1 for the broker's default.");
        } else if (replicas == 0 || replicas < -1) {
            return new Refusal(
                    Errors.INVALID_REPLICATION_FACTOR,
                    "Topic " + topic.name() + " cannot have replication factor " + replicas
                            + "; at least 1, or -1 for the broker's default.");
        }
        Map<String, String> configs = new LinkedHashMap<>();
        for (CreatableTopicConfig setting : topic.configs()) {
            if (configs.containsKey(setting.name())) {
                return new Refusal(
                        Errors.INVALID_CONFIG,
                        "Config " + setting.name() + " of topic " + topic.name() + " is given twice.");
            }
            configs.put(setting.name(), setting.value());
        }
        return TopicConfigs.validate(configs).orElse(null);
    }

    private NewTopic newTopic(CreatableTopic topic) {
        Map<Integer, List<Integer>> assignment = new LinkedHashMap<>();
        topic.assignments().forEach(a -> assignment.put(a.partitionIndex(), List.copyOf(a.brokerIds())));
        Map<String, String> configs = new LinkedHashMap<>();
        topic.configs().forEach(c -> configs.put(c.name(), c.value()));
        boolean placed = !assignment.isEmpty();
        int partitions = placed || topic.numPartitions() != -1 ? topic.numPartitions() : config.numPartitions();
        short replicas = placed || topic.replicationFactor() != -1
                ? topic.replicationFactor()
                : config.defaultReplicationFactor();
        return new NewTopic(topic.name(), partitions, replicas, assignment, configs);
    }

    private CreatableTopicResult result(TopicResult result, boolean validateOnly) {
        if (result.refusal().isPresent()) {
            Refusal refusal = result.refusal().get();
            return refused(result.name(), refusal.error(), refusal.message());
        }
        List<CreatableTopicConfigs> configs = new ArrayList<>();
        for (TopicConfigs.Entry entry :
                TopicConfigs.describe(config, metadata.current().dynamicConfigs(config.nodeId()), result.configs())) {
            configs.add(new CreatableTopicConfigs()
                    .setName(entry.name())
                    .setValue(entry.value())
                    .setConfigSource(ConfigCodes.source(entry.source())));
        }
        return new CreatableTopicResult()
                .setName(result.name())
                .setTopicId(validateOnly || result.topicId() == null ? Uuid.ZERO_UUID : result.topicId())
                .setNumPartitions(result.partitions())
                .setReplicationFactor(result.replicationFactor())
                .setConfigs(configs);
    }

    private static CreatableTopicResult refused(String name, Errors error, String message) {
        return new CreatableTopicResult()
                .setName(name)
                .setErrorCode(error.code())
                .setErrorMessage(message)
                .setConfigs(List.of());
    }

    private static void respond(RequestContext context, Map<String, CreatableTopicResult> results) {
        CreateTopicsResponseData response = new CreateTopicsResponseData();
        results.values().forEach(result -> response.topics().add(result));
        context.respond(response);
    }
}
