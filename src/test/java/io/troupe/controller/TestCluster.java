package io.troupe.controller;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.troupe.config.ServerProperties;
import io.troupe.controller.ControllerCommand.NewTopic;
import io.troupe.metadata.BrokerImage;
import io.troupe.metadata.MetadataCodec;
import io.troupe.metadata.MetadataEvent;
import io.troupe.metadata.MetadataImage;
import io.troupe.metadata.PartitionImage;
import io.troupe.model.Refusal;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.protocol.Errors;

/** Brokers and topics as the controller's decisions make them; every event goes through its bytes. */
final class TestCluster {
    final ControllerSettings settings = ControllerSettings.of(ServerProperties.parse(Map.of(
                    "node.id", "1", "listeners", "PLAINTEXT://127.0.0.1:9092", "log.dirs", "/tmp/troupe-test-cluster"))
            .config());
    final BrokerDecisions brokers = new BrokerDecisions(settings);
    final Elections elections = new Elections(settings);
    private final TopicDecisions topics = new TopicDecisions(settings, Uuid::randomUuid);
    MetadataImage image = MetadataImage.empty().apply(0, new MetadataEvent.ControllerElected(1, 1, "cluster"));

    /** Brokers 1 to {@code count}, all up. */
    static TestCluster of(int count) {
        TestCluster cluster = new TestCluster();
        for (int id = 1; id <= count; id++) {
            cluster.start(id, true);
        }
        return cluster;
    }

    ControllerReply take(Decision decision) {
        for (MetadataEvent event : decision.events()) {
            MetadataEvent read = MetadataCodec.decode(MetadataCodec.encode(event));
            assertEquals(event, read);
            image = image.apply(image.index() + 1, read);
        }
        assertEquals(decision.image(), image);
        assertEquals(image, MetadataCodec.decodeImage(MetadataCodec.encodeImage(image)));
        return decision.reply();
    }

    void start(int id, boolean clean) {
        start(id, clean ? image.broker(id).map(BrokerImage::brokerEpoch).orElse(-1L) : -1, false);
    }

    void start(int id, long provenEpoch, boolean lostDir) {
        register(id, provenEpoch, lostDir);
        heartbeat(id, false);
    }

    /** The broker begins and stays fenced. */
    void register(int id, long provenEpoch, boolean lostDir) {
        take(brokers.register(
                image,
                new ControllerCommand.RegisterBroker(
                        id, Uuid.randomUuid(), List.of(), Optional.empty(), provenEpoch, lostDir, false),
                false,
                false));
    }

    BrokerImage broker(int id) {
        return image.broker(id).orElseThrow();
    }

    ControllerReply heartbeat(int id, boolean wantShutdown) {
        return take(brokers.heartbeat(
                image,
                new ControllerCommand.BrokerHeartbeat(id, broker(id).brokerEpoch(), image.index(), wantShutdown)));
    }

    void fence(int id) {
        take(brokers.fence(image, id, broker(id).brokerEpoch()));
    }

    /** Topic "t" with these replicas for its partitions; the first of each leads. */
    void create(Map<String, String> configs, List<List<Integer>> replicas) {
        Map<Integer, List<Integer>> assignment = new java.util.HashMap<>();
        for (int p = 0; p < replicas.size(); p++) {
            assignment.put(p, replicas.get(p));
        }
        NewTopic topic = new NewTopic("t", -1, (short) -1, assignment, configs);
        ControllerReply reply = take(topics.create(image, new ControllerCommand.CreateTopics(List.of(topic), false)));
        assertEquals(
                Optional.empty(),
                ((ControllerReply.Topics) reply).results().get(0).refusal());
    }

    PartitionImage t(int partition) {
        return image.partition(new TopicPartition("t", partition)).orElseThrow();
    }

    /** t-{@code partition} by id. */
    TopicIdPartition id(int partition) {
        return new TopicIdPartition(image.topic("t").orElseThrow().topicId(), partition, "t");
    }

    /** What the leader of t-{@code partition} proposes, in the members' present broker epochs. */
    Errors isr(int partition, Integer... isr) {
        PartitionImage p = t(partition);
        List<Long> epochs =
                List.of(isr).stream().map(id -> broker(id).brokerEpoch()).toList();
        ControllerReply reply = take(brokers.alterPartition(
                image,
                new ControllerCommand.AlterPartition(
                        p.leader(),
                        broker(p.leader()).brokerEpoch(),
                        id(partition),
                        p.leaderEpoch(),
                        p.partitionEpoch(),
                        List.of(isr),
                        epochs)));
        return reply instanceof ControllerReply.Refused r ? r.refusal().error() : Errors.NONE;
    }

    static List<Errors> errors(ControllerReply reply) {
        return ((ControllerReply.Partitions) reply)
                .results().stream()
                        .map(r -> r.refusal().map(Refusal::error).orElse(Errors.NONE))
                        .toList();
    }
}
