package io.troupe.api;

import io.troupe.config.BrokerConfig;
import io.troupe.controller.ControllerClient;
import io.troupe.controller.ControllerCommand;
import io.troupe.controller.ControllerCommand.NewTopic;
import io.troupe.controller.ControllerReply;
import io.troupe.metadata.MetadataCache;
import io.troupe.model.Refusal;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.kafka.common.internals.Topic;
import org.apache.kafka.common.protocol.Errors;

/**
 * Makes topics that clients name without having created them, and {@code __consumer_offsets}. Any thread; never blocks.
 * However many ask for one topic at once, the controller is asked once; at most {@value #MAX_PENDING} topics are under
 * way, beyond which callers are told to try again.
 */
public final class AutoTopicCreation {
    static final int MAX_PENDING = 1000;
    /** Short, since the answers behind a waiting one wait too; the client asks again. */
    static final int TIMEOUT_MS = 3000;

    private static final short MOST_OFFSETS_REPLICAS = 3;

    private final BrokerConfig config;
    private final MetadataCache metadata;
    private final ControllerClient controller;
    private final ConcurrentHashMap<String, CompletableFuture<Optional<Refusal>>> pending = new ConcurrentHashMap<>();

    public AutoTopicCreation(BrokerConfig config, MetadataCache metadata, ControllerClient controller) {
        this.config = config;
        this.metadata = metadata;
        this.controller = controller;
    }

    /**
     * Makes those of the topics that do not exist.
     *
     * @param names legal topic names
     * @return never fails: for each name, why it does not exist; empty when this broker's image has it
     */
    public CompletionStage<Map<String, Optional<Refusal>>> ensure(Collection<String> names) {
        Map<String, CompletableFuture<Optional<Refusal>>> asked = new HashMap<>();
        List<NewTopic> missing = new ArrayList<>();
        for (String name : names) {
            if (asked.containsKey(name)) {
                continue;
            }
            CompletableFuture<Optional<Refusal>> mine = new CompletableFuture<>();
            CompletableFuture<Optional<Refusal>> first = pending.size() >= MAX_PENDING
                    ? pending.getOrDefault(name, CompletableFuture.completedFuture(Optional.of(tooMany(name))))
                    : pending.putIfAbsent(name, mine);
            asked.put(name, first == null ? mine : first);
            if (first == null) {
                missing.add(newTopic(name));
            }
        }
        if (!missing.isEmpty()) {
            create(missing);
        }
        return CompletableFuture.allOf(asked.values().toArray(CompletableFuture[]::new))
                .thenApply(done -> {
                    Map<String, Optional<Refusal>> results = new HashMap<>();
                    asked.forEach((name, result) -> results.put(name, result.join()));
                    return results;
                });
    }

    private void create(List<NewTopic> topics) {
        CompletionStage<ControllerReply> reply;
        try {
            reply = controller.submit(new ControllerCommand.CreateTopics(topics, false), TIMEOUT_MS);
        } catch (RuntimeException e) {
            reply = CompletableFuture.failedFuture(e);
        }
        reply.whenComplete((answer, failure) -> {
            Map<String, Refusal> refusals = new HashMap<>();
            if (answer instanceof ControllerReply.Topics created) {
                created.results().forEach(r -> r.refusal().ifPresent(refusal -> refusals.put(r.name(), refusal)));
            } else {
                Refusal refusal = answer instanceof ControllerReply.Refused refused
                        ? refused.refusal()
                        : new Refusal(Errors.UNKNOWN_SERVER_ERROR, "The controller could not be asked: " + failure);
                topics.forEach(topic -> refusals.put(topic.name(), refusal));
            }
            for (NewTopic topic : topics) {
                Refusal refusal = refusals.get(topic.name());
                boolean exists = refusal == null || refusal.error() == Errors.TOPIC_ALREADY_EXISTS;
                CompletableFuture<Optional<Refusal>> waiting = pending.remove(topic.name());
                if (waiting != null) {
                    waiting.complete(exists ? Optional.empty() : Optional.of(refusal));
                }
            }
        });
    }

    private NewTopic newTopic(String name) {
        if (!name.equals(Topic.GROUP_METADATA_TOPIC_NAME)) {
            return new NewTopic(name, config.numPartitions(), config.defaultReplicationFactor(), Map.of(), Map.of());
        }
        return new NewTopic(
                name,
                config.group().offsetsTopicPartitions(),
                offsetsReplicas(),
                Map.of(),
                Map.of(
                        "cleanup.policy", "compact",
                        "compression.type", "producer",
                        "segment.bytes", Integer.toString(config.group().offsetsTopicSegmentBytes())));
    }

    private short offsetsReplicas() {
        short configured = config.group().offsetsTopicReplicationFactor();
        if (configured > 0) {
            return configured;
        }
        // One that is down for a moment counts: nobody would add its replica afterwards.
        int brokers = metadata.current().brokers().size();
        return (short) Math.max(1, Math.min(MOST_OFFSETS_REPLICAS, brokers));
    }

    private static Refusal tooMany(String name) {
        return new Refusal(
                Errors.UNKNOWN_TOPIC_OR_PARTITION,
                "Topic " + name + " was not created: " + MAX_PENDING + " topics are being created already.");
    }
}
