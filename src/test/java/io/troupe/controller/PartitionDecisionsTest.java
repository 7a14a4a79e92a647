package io.troupe.controller;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.config.ServerProperties;
import io.troupe.controller.ControllerCommand.CreatePartitions;
import io.troupe.controller.ControllerCommand.MorePartitions;
import io.troupe.controller.ControllerCommand.NewTopic;
import io.troupe.metadata.BrokerImage;
import io.troupe.metadata.MetadataEvent;
import io.troupe.metadata.MetadataImage;
import io.troupe.metadata.PartitionImage;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.protocol.Errors;
import org.junit.jupiter.api.Test;

/** Adding partitions: Kafka's rules and error codes. */
class PartitionDecisionsTest {
    private final TopicDecisions topics = new TopicDecisions(
            ControllerSettings.of(ServerProperties.parse(Map.of(
                            "node.id",
                            "1",
                            "listeners",
                            "PLAINTEXT://127.0.0.1:9092",
                            "log.dirs",
                            "/tmp/troupe-growth"))
                    .config()),
            Uuid::randomUuid);
    private MetadataImage image = cluster(3);

    private static MetadataImage cluster(int brokers) {
        MetadataImage image = MetadataImage.empty().apply(0, new MetadataEvent.ControllerElected(1, 1, "cluster"));
        for (int id = 1; id <= brokers; id++) {
            BrokerImage broker = new BrokerImage(id, 0, List.of(), Optional.empty(), true, false);
            image = image.apply(image.index() + 1, new MetadataEvent.BrokerRegistered(broker, true));
            image = image.apply(
                    image.index() + 1, new MetadataEvent.BrokerFencingChanged(id, image.index(), false, false));
        }
        return image;
    }

    private void create(String name, int partitions, int factor) {
        NewTopic topic = new NewTopic(name, partitions, (short) factor, Map.of(), Map.of());
        image = topics.create(image, new ControllerCommand.CreateTopics(List.of(topic), false))
                .image();
    }

    private static MorePartitions more(String name, int count) {
        return new MorePartitions(name, count, Optional.empty());
    }

    private static MorePartitions assigned(int count, List<List<Integer>> assignment) {
        return new MorePartitions("t", count, Optional.of(assignment));
    }

    /** Takes the decision on; the error of each topic. */
    private List<Errors> take(MorePartitions... wanted) {
        Decision decision = PartitionDecisions.create(image, new CreatePartitions(List.of(wanted), false));
        image = decision.image();
        return errors(decision);
    }

    private static List<Errors> errors(Decision decision) {
        List<Errors> errors = new ArrayList<>();
        for (ControllerReply.TopicResult result : ((ControllerReply.Topics) decision.reply()).results()) {
            errors.add(result.refusal().map(r -> r.error()).orElse(Errors.NONE));
        }
        return errors;
    }

    private List<PartitionImage> partitions(String topic) {
        return image.topic(topic).orElseThrow().partitions();
    }

    @Test
    void aTopicGrowsAsIfItHadBeenMadeThatLarge() {
        create("t", 2, 2);
        List<PartitionImage> before = partitions("t");
        assertEquals(List.of(Errors.NONE), take(more("t", 5)));
        List<PartitionImage> after = partitions("t");
        assertEquals(before, after.subList(0, 2), "the old ones stay as they are");
        List<List<Integer>> grown = after.stream().map(PartitionImage::replicas).toList();
        for (int p = 0; p < 5; p++) {
            assertEquals(p, after.get(p).partition());
            assertEquals(grown.get(p).get(0), after.get(p).leader());
            assertEquals(grown.get(p), after.get(p).isr());
        }
        image = cluster(3);
        create("t", 5, 2);
        assertEquals(
                grown, partitions("t").stream().map(PartitionImage::replicas).toList());
    }

    @Test
    void onlyAnIncreaseIsAllowed() {
        create("t", 3, 1);
        for (int count : new int[] {3, 2, 0, -1, TopicDecisions.MAX_PARTITIONS + 1}) {
            assertEquals(List.of(Errors.INVALID_PARTITIONS), take(more("t", count)), "count " + count);
        }
        assertEquals(List.of(Errors.UNKNOWN_TOPIC_OR_PARTITION), take(more("nowhere", 4)));
        create("__consumer_offsets", 4, 1);
        assertEquals(List.of(Errors.INVALID_PARTITIONS), take(more("__consumer_offsets", 5)));
        assertEquals(3, partitions("t").size());
    }

    @Test
    void eachTopicFailsByItself() {
        create("a", 1, 1);
        create("b", 1, 1);
        assertEquals(
                List.of(Errors.NONE, Errors.INVALID_PARTITIONS, Errors.INVALID_REQUEST),
                take(more("a", 2), more("b", 1), more("a", 3)));
        assertEquals(2, partitions("a").size());
    }

    @Test
    void anAssignmentIsTakenWhenItFitsTheTopic() {
        create("t", 1, 2);
        Errors bad = Errors.INVALID_REPLICA_ASSIGNMENT;
        assertEquals(List.of(bad), take(assigned(3, List.of(List.of(1, 2)))), "one of two missing");
        assertEquals(List.of(bad), take(assigned(2, List.of(List.of(1, 2), List.of(2, 3)))), "one too many");
        assertEquals(List.of(bad), take(assigned(2, List.of(List.of(1)))), "another factor");
        assertEquals(List.of(bad), take(assigned(2, List.of(List.of(1, 1)))), "twice");
        assertEquals(List.of(bad), take(assigned(2, List.of(List.of(1, 9)))), "unknown broker");
        assertEquals(List.of(bad), take(assigned(2, List.of(List.of()))), "nobody");
        assertEquals(List.of(bad), take(assigned(2, List.of())), "for no partition");
        assertEquals(List.of(Errors.NONE), take(assigned(3, List.of(List.of(3, 1), List.of(2, 3)))));
        assertEquals(List.of(3, 1), partitions("t").get(1).replicas());
        assertEquals(2, partitions("t").get(2).leader());
    }

    @Test
    void aPartitionNeedsABrokerThatIsUp() {
        create("t", 1, 1);
        long epoch = image.broker(3).orElseThrow().brokerEpoch();
        image = image.apply(image.index() + 1, new MetadataEvent.BrokerFencingChanged(3, epoch, true, false));
        assertEquals(List.of(Errors.INVALID_REPLICA_ASSIGNMENT), take(assigned(2, List.of(List.of(3)))));
        assertEquals(List.of(Errors.NONE), take(more("t", 7)));
        assertTrue(partitions("t").stream().skip(1).noneMatch(p -> p.replicas().contains(3)));
    }

    @Test
    void aDryRunChangesNothing() {
        create("t", 1, 1);
        Decision decision = PartitionDecisions.create(image, new CreatePartitions(List.of(more("t", 2)), true));
        assertEquals(List.of(Errors.NONE), errors(decision));
        assertTrue(decision.events().isEmpty());
        assertSame(image, decision.image());
        assertEquals(
                List.of(Errors.INVALID_PARTITIONS),
                errors(PartitionDecisions.create(image, new CreatePartitions(List.of(more("t", 1)), true))));
    }
}
