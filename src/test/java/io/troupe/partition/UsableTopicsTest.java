package io.troupe.partition;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.controller.ControllerCommand;
import io.troupe.controller.ControllerReply;
import io.troupe.metadata.MetadataCache;
import io.troupe.metadata.MetadataEvent;
import io.troupe.metadata.MetadataImage;
import io.troupe.metadata.PartitionImage;
import io.troupe.metadata.TopicImage;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.Uuid;
import org.junit.jupiter.api.Test;

/** A topic just created must be usable at once. */
class UsableTopicsTest {
    private static final Uuid TOPIC = Uuid.randomUuid();

    private final MetadataCache metadata = new MetadataCache();
    private final LocalReplicas replicas = new LocalReplicas();
    private final ControllerReply created = new ControllerReply.Topics(
            List.of(new ControllerReply.TopicResult("t", TOPIC, 2, (short) 1, Map.of(), Optional.empty())));

    @Test
    void aCreationIsAnsweredOnceThisBrokerLeadsItsPartitionsAndWaitsForNoOthers() {
        metadata.publish(MetadataImage.empty()
                .apply(0, new MetadataEvent.ControllerElected(1, 1, "cluster"))
                .apply(1, new MetadataEvent.TopicCreated(topic())));
        CompletableFuture<ControllerReply> answer = submit(false);
        assertFalse(answer.isDone(), "answered before partition 0 is led");
        replicas.lead(new TopicIdPartition(TOPIC, 0, "t"), new LocalReplicas.Leader(null, null));
        assertTrue(answer.isDone(), "partition 1 is another broker's");
        assertEquals(created, answer.join());
    }

    @Test
    void soAreAddedPartitions() {
        metadata.publish(MetadataImage.empty()
                .apply(0, new MetadataEvent.ControllerElected(1, 1, "cluster"))
                .apply(1, new MetadataEvent.TopicCreated(topic())));
        CompletableFuture<ControllerReply> answer = submit(new ControllerCommand.CreatePartitions(List.of(), false));
        assertFalse(answer.isDone());
        replicas.lead(new TopicIdPartition(TOPIC, 0, "t"), new LocalReplicas.Leader(null, null));
        assertTrue(answer.isDone());
    }

    @Test
    void aDryRunIsAnsweredAtOnce() {
        assertTrue(submit(true).isDone());
        assertTrue(
                submit(new ControllerCommand.CreatePartitions(List.of(), true)).isDone());
    }

    private CompletableFuture<ControllerReply> submit(boolean validateOnly) {
        return submit(new ControllerCommand.CreateTopics(List.of(), validateOnly));
    }

    private CompletableFuture<ControllerReply> submit(ControllerCommand asked) {
        UsableTopics client = new UsableTopics(
                (command, timeoutMs) -> CompletableFuture.completedFuture(created), metadata, replicas, 1);
        return client.submit(asked, 60_000).toCompletableFuture();
    }

    private static TopicImage topic() {
        return new TopicImage("t", TOPIC, List.of(partition(0, 1), partition(1, 2)), Map.of());
    }

    private static PartitionImage partition(int number, int leader) {
        return new PartitionImage(number, List.of(leader), leader, 0, 0, List.of(leader), List.of(), List.of());
    }
}
