package io.troupe.partition;

import io.troupe.controller.ControllerClient;
import io.troupe.controller.ControllerCommand;
import io.troupe.controller.ControllerReply;
import io.troupe.metadata.MetadataCache;
import io.troupe.metadata.MetadataImage;
import io.troupe.metadata.PartitionImage;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.apache.kafka.common.TopicIdPartition;

/**
 * A {@link ControllerClient} that answers the creation of topics and partitions only when this broker serves its part of them, so that
 * whoever was told of a topic can use it at once. Any thread.
 */
public final class UsableTopics implements ControllerClient {
    /** A log that takes longer to open does not hold back the answer: the topic exists, and clients try again. */
    private static final long PATIENCE_MS = 2_000;

    private final ControllerClient controller;
    private final MetadataCache metadata;
    private final LocalReplicas replicas;
    private final int brokerId;

    public UsableTopics(ControllerClient controller, MetadataCache metadata, LocalReplicas replicas, int brokerId) {
        this.controller = controller;
        this.metadata = metadata;
        this.replicas = replicas;
        this.brokerId = brokerId;
    }

    @Override
    public CompletionStage<ControllerReply> submit(ControllerCommand command, int timeoutMs) {
        CompletionStage<ControllerReply> reply = controller.submit(command, timeoutMs);
        return creates(command) ? reply.thenCompose(answer -> whenLed(answer, timeoutMs)) : reply;
    }

    private static boolean creates(ControllerCommand command) {
        return command instanceof ControllerCommand.CreateTopics topics && !topics.validateOnly()
                || command instanceof ControllerCommand.CreatePartitions partitions && !partitions.validateOnly();
    }

    private CompletionStage<ControllerReply> whenLed(ControllerReply answer, int timeoutMs) {
        List<TopicIdPartition> own = answer instanceof ControllerReply.Topics topics ? ownOf(topics) : List.of();
        return own.isEmpty()
                ? CompletableFuture.completedFuture(answer)
                : replicas.awaitLed(own, Math.min(PATIENCE_MS, Math.max(0, timeoutMs)))
                        .thenApply(led -> answer);
    }

    private List<TopicIdPartition> ownOf(ControllerReply.Topics created) {
        MetadataImage image = metadata.current();
        List<TopicIdPartition> own = new ArrayList<>();
        for (ControllerReply.TopicResult result : created.results()) {
            if (result.refusal().isEmpty()) {
                image.topic(result.topicId()).ifPresent(topic -> {
                    for (PartitionImage partition : topic.partitions()) {
                        if (partition.leader() == brokerId) {
                            own.add(new TopicIdPartition(topic.topicId(), partition.partition(), topic.name()));
                        }
                    }
                });
            }
        }
        return own;
    }
}
