package io.troupe.api;

import io.troupe.config.HostPort;
import io.troupe.config.Listener;
import io.troupe.controller.ControllerClient;
import io.troupe.controller.ControllerCommand;
import io.troupe.controller.ControllerReply;
import io.troupe.metadata.BrokerImage;
import io.troupe.metadata.MetadataCache;
import io.troupe.metadata.MetadataEvent;
import io.troupe.metadata.PartitionImage;
import io.troupe.metadata.TopicImage;
import io.troupe.partition.LocalReplicas;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.Uuid;

/** A controller that answers when the test says so, and the metadata that it publishes. */
final class FakeController implements ControllerClient {
    record Asked(ControllerCommand command, CompletableFuture<ControllerReply> reply) {}

    final MetadataCache metadata = new MetadataCache();
    final LocalReplicas replicas = new LocalReplicas();
    final List<Asked> asked = new ArrayList<>();

    FakeController() {
        publish(new MetadataEvent.ControllerElected(1, 1, "cluster-1"));
        publish(new MetadataEvent.BrokerRegistered(broker(1, false), true));
        publish(new MetadataEvent.BrokerFencingChanged(1, metadata.current().index(), false, false));
    }

    static BrokerImage broker(int id, boolean fenced) {
        Listener listener = new Listener(
                FakeContext.LISTENER.name(), FakeContext.LISTENER.protocol(), new HostPort("host" + id, 9092));
        return new BrokerImage(id, 1, List.of(listener), Optional.empty(), fenced, false);
    }

    void publish(MetadataEvent event) {
        metadata.publish(metadata.current().apply(metadata.current().index() + 1, event));
    }

    TopicImage create(String name, int partitions, Map<String, String> configs, Integer... replicas) {
        List<PartitionImage> images = new ArrayList<>();
        for (int p = 0; p < partitions; p++) {
            images.add(new PartitionImage(
                    p, List.of(replicas), replicas[0], 0, 0, List.of(replicas), List.of(), List.of()));
        }
        TopicImage topic = new TopicImage(name, Uuid.randomUuid(), images, configs);
        publish(new MetadataEvent.TopicCreated(topic));
        for (int p = 0; p < partitions; p++) {
            this.replicas.lead(new TopicIdPartition(topic.topicId(), p, name), new LocalReplicas.Leader(null, null));
        }
        return topic;
    }

    /** Creates what the oldest unanswered command asks for, on broker 1, and answers it. */
    void createAsked(int place) {
        List<ControllerReply.TopicResult> results = new ArrayList<>();
        for (var topic : ((ControllerCommand.CreateTopics) asked.get(place).command()).topics()) {
            TopicImage image = create(topic.name(), topic.partitions(), topic.configs(), 1);
            results.add(new ControllerReply.TopicResult(
                    topic.name(), image.topicId(), topic.partitions(), (short) 1, topic.configs(), Optional.empty()));
        }
        asked.get(place).reply().complete(new ControllerReply.Topics(results));
    }

    @Override
    public CompletionStage<ControllerReply> submit(ControllerCommand command, int timeoutMs) {
        CompletableFuture<ControllerReply> reply = new CompletableFuture<>();
        asked.add(new Asked(command, reply));
        return reply;
    }
}
