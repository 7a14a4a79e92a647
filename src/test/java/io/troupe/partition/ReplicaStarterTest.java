package io.troupe.partition;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.typesafe.config.ConfigFactory;
import io.troupe.config.LogConfig;
import io.troupe.controller.BrokerMetadata;
import io.troupe.metadata.BrokerImage;
import io.troupe.metadata.MetadataCache;
import io.troupe.metadata.MetadataEvent;
import io.troupe.metadata.MetadataImage;
import io.troupe.metadata.PartitionImage;
import io.troupe.metadata.TopicImage;
import io.troupe.model.ReplicaId;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import org.apache.kafka.common.Uuid;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.ManualTime;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.cluster.sharding.typed.ShardingEnvelope;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What replicas of broker 1 are told as committed metadata changes: all that concerns them, and nothing else. */
class ReplicaStarterTest {
    private static final Uuid TOPIC = Uuid.randomUuid();
    private static final Uuid OTHER = Uuid.randomUuid();

    /** Time stands still: nobody confirms anything here, so all would be told again after 5 s. */
    private final ActorTestKit kit = ActorTestKit.create(ManualTime.config().withFallback(ConfigFactory.load()));

    private final TestProbe<ShardingEnvelope<Replica.Command>> region = kit.createTestProbe();
    private final TestProbe<BrokerMetadata.Command> metadata = kit.createTestProbe();
    private final ReplicaSettings settings = new ReplicaSettings(
            1,
            new LocalReplicas(),
            kit.<Leadership>createTestProbe().ref(),
            partition -> "none",
            plugin -> null,
            System::currentTimeMillis,
            86_400_000,
            10,
            300_000,
            1 << 20,
            new LeaderEpochClaims(),
            new ReplicationPeers(
                    kit.<ReplicaLinks.Command>createTestProbe().ref(),
                    (command, timeoutMs) -> new CompletableFuture<>(),
                    new MetadataCache(),
                    30_000,
                    false,
                    System::currentTimeMillis));
    private final ActorRef<ReplicaStarter.Command> starter =
            kit.spawn(ReplicaStarter.create(settings, ReplicaStarterTest::configOf, region.ref(), metadata.ref()));
    private MetadataImage image = MetadataImage.empty()
            .apply(0, new MetadataEvent.ControllerElected(1, 1, "cluster"))
            .apply(1, registered(1));

    @AfterEach
    void stop() {
        kit.shutdownTestKit();
    }

    private static LogConfig configOf(TopicImage topic) {
        return TestBatches.config(Integer.parseInt(topic.configs().getOrDefault("min.insync.replicas", "1")));
    }

    private static MetadataEvent registered(long brokerEpoch) {
        return new MetadataEvent.BrokerRegistered(
                new BrokerImage(1, brokerEpoch, List.of(), Optional.empty(), true, false), true);
    }

    private static PartitionImage partition(int number, int partitionEpoch, Integer... replicas) {
        List<Integer> all = List.of(replicas);
        return new PartitionImage(number, all, all.get(0), 0, partitionEpoch, all, List.of(), List.of());
    }

    private void change(MetadataEvent event) {
        image = image.apply(image.index() + 1, event);
        starter.tell(new ReplicaStarter.ImageChanged(image));
    }

    private void created() {
        starter.tell(new ReplicaStarter.Registered(1));
        starter.tell(new ReplicaStarter.ImageChanged(image));
        change(new MetadataEvent.TopicCreated(new TopicImage(
                "t", TOPIC, List.of(partition(0, 0, 1, 2), partition(1, 0, 2, 1), partition(2, 0, 2, 3)), Map.of())));
        change(new MetadataEvent.TopicCreated(new TopicImage("o", OTHER, List.of(partition(0, 0, 1, 2)), Map.of())));
        expect("assigned 0", "assigned 1", "assigned o-0");
    }

    /** In any order. */
    private void expect(String... told) {
        Set<String> heard = new TreeSet<>();
        for (int i = 0; i < told.length; i++) {
            ShardingEnvelope<Replica.Command> envelope = region.receiveMessage();
            ReplicaId id = ReplicaId.parse(envelope.entityId());
            String which = (id.topicId().equals(TOPIC) ? "" : "o-") + id.partition();
            heard.add(
                    envelope.message() instanceof ReplicaActor.Assigned
                            ? "assigned " + which
                            : envelope.message() instanceof ReplicaActor.Delete ? "deleted " + which : "" + envelope);
        }
        assertEquals(new TreeSet<>(List.of(told)), heard);
        region.expectNoMessage(Duration.ofMillis(50));
    }

    @Test
    void onlyWhatChangedIsTold() {
        created();
        change(new MetadataEvent.PartitionsChanged(TOPIC, List.of(partition(1, 1, 1, 2))));
        expect("assigned 1");
        change(new MetadataEvent.ProducerIdsAllocated(1, 1, 0, 1000));
        expect();
    }

    @Test
    void replicasThatMoveAwayAreDeletedAndMayComeBack() {
        created();
        change(new MetadataEvent.PartitionsChanged(TOPIC, List.of(partition(0, 1, 2, 3), partition(2, 1, 2, 1))));
        expect("deleted 0", "assigned 2");
        change(new MetadataEvent.PartitionsChanged(TOPIC, List.of(partition(0, 2, 2, 1), partition(2, 2, 2, 3))));
        expect("assigned 0", "deleted 2");
    }

    @Test
    void addedPartitionsAreStarted() {
        created();
        change(new MetadataEvent.PartitionsChanged(TOPIC, List.of(partition(3, 0, 1, 3), partition(4, 0, 2, 3))));
        expect("assigned 3");
    }

    @Test
    void otherSettingsAreToldToAllOfTheTopic() {
        created();
        change(new MetadataEvent.TopicConfigsChanged(TOPIC, Map.of("min.insync.replicas", "2")));
        expect("assigned 0", "assigned 1");
        // A topic's setting that is none of a log's.
        change(new MetadataEvent.TopicConfigsChanged(
                TOPIC, Map.of("min.insync.replicas", "2", "follower.replication.throttled.replicas", "*")));
        expect();
    }

    @Test
    void aDeletedTopicTakesOnlyItsOwnAlong() {
        created();
        change(new MetadataEvent.TopicDeleted(TOPIC));
        expect("deleted 0", "deleted 1");
        change(new MetadataEvent.PartitionsChanged(OTHER, List.of(partition(0, 1, 1, 3))));
        expect("assigned o-0");
    }

    @Test
    void allAreToldOfANewBrokerEpochAndNothingBefore() {
        created();
        change(registered(image.index() + 1));
        change(new MetadataEvent.PartitionsChanged(TOPIC, List.of(partition(1, 9, 3, 2))));
        region.expectNoMessage(Duration.ofMillis(50));
        starter.tell(new ReplicaStarter.Registered(image.broker(1).orElseThrow().brokerEpoch()));
        expect("assigned 0", "deleted 1", "assigned o-0");
    }
}
