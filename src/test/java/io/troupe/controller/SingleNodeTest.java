package io.troupe.controller;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.troupe.config.BrokerConfig;
import io.troupe.config.ServerProperties;
import io.troupe.journal.Journals;
import io.troupe.metadata.MetadataCache;
import io.troupe.metadata.PartitionImage;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.TopicPartition;
import org.apache.pekko.actor.BootstrapSetup;
import org.apache.pekko.actor.setup.ActorSystemSetup;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** One node through the whole path: cluster, voter, controller, registration, commands; and again after a restart. */
@Timeout(600)
class SingleNodeTest {
    @TempDir
    Path dir;

    /** The guardian's part of this room, on a real cluster of one with a free port. */
    private final class Node implements AutoCloseable {
        final MetadataCache cache = new MetadataCache();
        final Journals journals;
        final ActorSystem<Void> system;
        final CompletableFuture<ControllerClient> client = new CompletableFuture<>();
        final CompletableFuture<Long> registered = new CompletableFuture<>();

        Node(boolean lostDir) { // the first start of the dir, or not
            BrokerConfig config = ServerProperties.parse(Map.of(
                            "node.id", "1",
                            "listeners", "PLAINTEXT://127.0.0.1:9092",
                            "log.dirs", dir.toString()))
                    .config();
            journals = Journals.open(config);
            Config settings = ConfigFactory.parseString("""
                            pekko.remote.artery.canonical.hostname = 127.0.0.1
                            pekko.remote.artery.canonical.port = 0
                            pekko.cluster.roles = [voter, broker]
                            """)
                    .withFallback(journals.pluginConfig())
                    .withFallback(ConfigFactory.parseResources("troupe.conf"))
                    .withFallback(ConfigFactory.load())
                    .resolve();
            system = ActorSystem.create(
                    Behaviors.setup(context -> {
                        context.spawn(
                                MetadataVoter.create(1, journals.metadataPlugin(), journals.snapshotPlugin()),
                                MetadataVoter.NAME);
                        context.spawn(
                                ClusterFormation.create(config, Optional::empty, outcome()), ClusterFormation.NAME);
                        ActorRef<Controller.Command> controller = ControllerSingleton.init(
                                context.getSystem(), config, Optional.empty(), () -> 0, new ControllerStats());
                        BrokerMetadata.Self self =
                                BrokerMetadata.Self.of(config, config.advertisedListeners(), -1, lostDir);
                        ActorRef<BrokerMetadata.Command> metadata = context.spawn(
                                BrokerMetadata.create(self, controller, cache, Optional.empty(), outcome()),
                                "metadata");
                        client.complete(ControllerRequests.client(context.spawn(
                                ControllerRequests.create(controller, metadata, cache), "controller-requests")));
                        metadata.tell(new BrokerMetadata.AwaitRegistration(
                                context.spawnAnonymous(Behaviors.<BrokerMetadata.Registered>receiveMessage(message -> {
                                    registered.complete(message.brokerEpoch());
                                    return Behaviors.stopped();
                                }))));
                        return Behaviors.empty();
                    }),
                    "troupe",
                    ActorSystemSetup.create(BootstrapSetup.create(settings), journals));
        }

        void awaitRegistration() throws Exception {
            registered.get(60, TimeUnit.SECONDS);
        }

        ControllerReply submit(ControllerCommand command) throws Exception {
            return client.get(30, TimeUnit.SECONDS)
                    .submit(command, 30_000)
                    .toCompletableFuture()
                    .get(60, TimeUnit.SECONDS);
        }

        @Override
        public void close() {
            system.terminate();
            system.getWhenTerminated()
                    .toCompletableFuture()
                    .orTimeout(60, TimeUnit.SECONDS)
                    .join();
            journals.close();
        }
    }

    private static ClusterFormation.Outcome outcome() {
        return new ClusterFormation.Outcome() {
            @Override
            public void refused(String reason) {
                throw new AssertionError(reason);
            }

            @Override
            public void rejoin(String reason) {
                throw new AssertionError(reason);
            }
        };
    }

    private static ControllerCommand create(String topic) {
        return new ControllerCommand.CreateTopics(
                List.of(new ControllerCommand.NewTopic(topic, 3, (short) 1, Map.of(), Map.of())), false);
    }

    @Test
    void topicCreatedThroughTheClientIsInThisBrokersImageAndOutlivesARestart() throws Exception {
        String clusterId;
        TopicPartition partition = new TopicPartition("calls", 2);
        try (Node node = new Node(true)) {
            node.awaitRegistration();
            ControllerReply reply = node.submit(create("calls"));
            assertInstanceOf(ControllerReply.Topics.class, reply);
            assertTrue(
                    ((ControllerReply.Topics) reply).results().get(0).refusal().isEmpty(), reply.toString());
            PartitionImage p = node.cache.current().partition(partition).orElseThrow();
            assertEquals(1, p.leader());
            ControllerReply more = node.submit(new ControllerCommand.CreatePartitions(
                    List.of(new ControllerCommand.MorePartitions("calls", 5, Optional.empty())), false));
            assertTrue(
                    ((ControllerReply.Topics) more).results().get(0).refusal().isEmpty(), more.toString());
            assertEquals(
                    5,
                    node.cache
                            .current()
                            .topic("calls")
                            .orElseThrow()
                            .partitions()
                            .size());
            clusterId = node.cache.current().clusterId();
        }
        // Rules 1.1 and 1.10: killed, so no proof of a clean shutdown; the only replica leads again, in a higher epoch.
        try (Node node = new Node(false)) {
            node.awaitRegistration();
            assertEquals(clusterId, node.cache.current().clusterId());
            assertEquals(
                    5,
                    node.cache
                            .current()
                            .topic("calls")
                            .orElseThrow()
                            .partitions()
                            .size());
            PartitionImage p = node.cache.current().partition(partition).orElseThrow();
            assertEquals(1, p.leader());
            assertEquals(List.of(1), p.isr());
            assertTrue(p.leaderEpoch() > 0, p.toString());
        }
    }
}
