package io.troupe.partition;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;

import com.typesafe.config.ConfigFactory;
import io.troupe.config.ServerProperties;
import io.troupe.controller.BrokerMetadata;
import io.troupe.journal.Journals;
import io.troupe.metadata.BrokerImage;
import io.troupe.metadata.MetadataCache;
import io.troupe.metadata.MetadataEvent;
import io.troupe.metadata.MetadataImage;
import io.troupe.metadata.PartitionImage;
import io.troupe.metadata.TopicImage;
import io.troupe.model.Refusal;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.pekko.actor.BootstrapSetup;
import org.apache.pekko.actor.setup.ActorSystemSetup;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Props;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.cluster.typed.Cluster;
import org.apache.pekko.cluster.typed.Join;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** One node: replicas started through sharding from committed metadata, on the real journal, across a restart. */
class ReplicaShardingTest {
    private static final Uuid TOPIC = Uuid.randomUuid();

    @TempDir
    Path path;

    private final LocalReplicas local = new LocalReplicas();

    /** A broker of the rooms below: journals, actor system, region, starter. */
    private final class Node {
        final Journals journals = Journals.open(ServerProperties.parse(
                        Map.of("node.id", "1", "log.dirs", path.toString(), "listeners", "PLAINTEXT://127.0.0.1:9092"))
                .config());
        final ActorSystem<Void> system = ActorSystem.create(
                Behaviors.empty(),
                "troupe",
                ActorSystemSetup.create(
                        journals,
                        BootstrapSetup.create(journals.pluginConfig()
                                .withFallback(ConfigFactory.parseString("""
                                        pekko.loglevel = WARNING
                                        pekko.actor.provider = cluster
                                        pekko.remote.artery.canonical { hostname = "127.0.0.1", port = 0 }
                                        pekko.cluster.roles = ["broker-1"]
                                        pekko.cluster.jmx.enabled = off
                                        pekko.cluster.sharding.distributed-data.durable.keys = []
                                        pekko.cluster.sharding.retry-interval = 200 ms
                                        pekko.coordinated-shutdown.exit-jvm = off
                                        """))
                                .withFallback(ConfigFactory.load()))));
        final ActorTestKit kit = ActorTestKit.create(system);
        final TestProbe<Leadership> leadership = kit.createTestProbe();
        final TestProbe<BrokerMetadata.Command> metadata = kit.createTestProbe();
        final ActorRef<ReplicaStarter.Command> starter;

        Node() {
            Cluster cluster = Cluster.get(system);
            cluster.manager().tell(Join.create(cluster.selfMember().address()));
            ReplicaSettings settings = ReplicaSettings.of(
                    1,
                    Adapter.toClassic(system),
                    journals,
                    local,
                    leadership.ref(),
                    86_400_000,
                    300_000,
                    new ReplicationPeers(
                            kit.<ReplicaLinks.Command>createTestProbe().ref(),
                            (command, timeoutMs) -> new CompletableFuture<>(),
                            new MetadataCache(),
                            30_000,
                            false,
                            () -> System.nanoTime() / 1_000_000));
            starter = kit.spawn(ReplicaStarter.create(
                    settings,
                    topic -> TestBatches.config(1),
                    ReplicaSharding.start(system, settings, Props.empty()),
                    metadata.ref()));
            metadata.expectMessageClass(BrokerMetadata.AwaitRegistration.class);
            metadata.expectMessageClass(BrokerMetadata.Subscribe.class);
        }

        Leadership.Elected elected() {
            return leadership.expectMessageClass(Leadership.Elected.class, Duration.ofSeconds(30));
        }

        void stop() throws Exception {
            TestProbe<ReplicaStarter.Done> done = kit.createTestProbe();
            starter.tell(new ReplicaStarter.Stop(done.ref()));
            done.expectMessage(Duration.ofSeconds(30), ReplicaStarter.Done.DONE);
            system.terminate();
            system.getWhenTerminated().toCompletableFuture().get(60, TimeUnit.SECONDS);
            journals.close();
        }
    }

    @Test
    void replicasFollowTheMetadataAndTheirLogsOutliveTheProcess() throws Exception {
        MetadataImage registered = MetadataImage.empty()
                .apply(0, new MetadataEvent.ControllerElected(1, 1, "cluster"))
                .apply(
                        1,
                        new MetadataEvent.BrokerRegistered(
                                new BrokerImage(1, 1, List.of(), Optional.empty(), true, false), true));
        MetadataImage created = registered.apply(2, topic());
        Node node = new Node();
        node.starter.tell(new ReplicaStarter.ImageChanged(created));
        node.leadership.expectNoMessage(Duration.ofMillis(100)); // rule 1.1: its own registration is not known yet
        node.starter.tell(new ReplicaStarter.Registered(1));
        List<Leadership.Elected> elected = new ArrayList<>();
        for (int i = 0; i < 40; i++) {
            elected.add(node.elected());
        }
        assertEquals(40, elected.stream().map(Leadership::partition).distinct().count());
        assertEquals(0, append(0, TestBatches.idempotent(5, 0, 0, 3)));
        assertEquals(3, append(0, TestBatches.idempotent(5, 0, 3, 2)));
        assertEquals(5, local.leader(TOPIC, 0).view().highWatermark());
        node.stop();
        assertNull(local.leader(TOPIC, 0), "resigned");

        node = new Node();
        assertEquals(true, node.journals.cleanShutdown());
        MetadataImage again = created.apply(
                        3,
                        new MetadataEvent.BrokerRegistered(
                                new BrokerImage(1, 3, List.of(), Optional.empty(), true, false), true))
                .apply(4, new MetadataEvent.PartitionsChanged(TOPIC, List.of(partition(0, 9))));
        node.starter.tell(new ReplicaStarter.Registered(3));
        node.starter.tell(new ReplicaStarter.ImageChanged(again));
        assertEquals(
                5, node.elected().epochStartOffset(), "a registration ended all leaderships; one has a new leader");
        assertEquals(0, append(0, TestBatches.idempotent(5, 0, 0, 3)), "a duplicate is known after a restart");
        assertEquals(5, append(0, TestBatches.idempotent(5, 0, 5, 1)));
        LogView view = local.leader(TOPIC, 0).view();
        ByteBuffer bytes = view.reader().read(0, view.highWatermark(), 1 << 20, true);
        List<Integer> epochs = new ArrayList<>();
        MemoryRecords.readableRecords(bytes).batches().forEach(b -> epochs.add(b.partitionLeaderEpoch()));
        assertEquals(List.of(0, 0, 9), epochs);

        node.starter.tell(new ReplicaStarter.ImageChanged(again.apply(5, new MetadataEvent.TopicDeleted(TOPIC))));
        node.leadership.expectMessageClass(Leadership.Resigned.class, Duration.ofSeconds(30));
        assertNull(local.leader(TOPIC, 0));
        // A stop does not wait for what is being deleted.
        node.leadership.awaitAssert(Duration.ofSeconds(60), () -> {
            assertFalse(Files.exists(path.resolve("__consumer_offsets-0")));
            return null;
        });
        node.stop();
    }

    private long append(int partition, ByteBuffer batch) throws Exception {
        CompletableFuture<Long> base = new CompletableFuture<>();
        local.leader(TOPIC, partition)
                .replica()
                .tell(new Replica.Append(batch, (short) -1, -1, 60_000, false, new Replica.AppendReply() {
                    @Override
                    public void appended(long baseOffset, long last, long timeMs, long logStart, int leaderEpoch) {
                        base.complete(baseOffset);
                    }

                    @Override
                    public void refused(Refusal refusal, long logStartOffset) {
                        base.completeExceptionally(new AssertionError(refusal));
                    }
                }));
        return base.get(60, TimeUnit.SECONDS);
    }

    private static MetadataEvent topic() {
        List<PartitionImage> partitions = new ArrayList<>();
        for (int i = 0; i < 40; i++) {
            partitions.add(partition(i, 0));
        }
        return new MetadataEvent.TopicCreated(new TopicImage("__consumer_offsets", TOPIC, partitions, Map.of()));
    }

    private static PartitionImage partition(int index, int leaderEpoch) {
        return new PartitionImage(index, List.of(1), 1, leaderEpoch, leaderEpoch, List.of(1), List.of(), List.of());
    }
}
