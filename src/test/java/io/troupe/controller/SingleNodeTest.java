package io.troupe.controller;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.troupe.config.BrokerConfig;
import io.troupe.config.ServerProperties;
import io.troupe.metadata.MetadataCache;
import io.troupe.metadata.PartitionImage;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.TopicPartition;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** One node through the whole path: cluster, voter, controller, registration, commands; and again after a restart. */
@Timeout(60)
class SingleNodeTest {
    @TempDir
    Path dir;

    /** The guardian's part of this room, on a real cluster of one with a free port. */
    private final class Node implements AutoCloseable {
        final ActorTestKit kit;
        final MetadataCache cache = new MetadataCache();
        final ControllerClient client;
        final ActorRef<BrokerMetadata.Command> metadata;

        Node(boolean cleanShutdown) {
            BrokerConfig config = ServerProperties.parse(Map.of(
                            "node.id", "1",
                            "listeners", "PLAINTEXT://127.0.0.1:9092",
                            "log.dirs", dir.toString()))
                    .config();
            Config settings = ConfigFactory.parseString("""
                            pekko.remote.artery.canonical.hostname = 127.0.0.1
                            pekko.remote.artery.canonical.port = 0
                            pekko.cluster.roles = [voter, broker]
                            test.journal { class = "io.troupe.controller.TestJournal", disk = "%s" }
                            """.formatted(dir))
                    .withFallback(ConfigFactory.parseResources("troupe.conf"))
                    .withFallback(ConfigFactory.load());
            kit = ActorTestKit.create("troupe", settings.resolve());
            kit.spawn(MetadataVoter.create(1, "test.journal"), MetadataVoter.NAME);
            kit.spawn(ClusterFormation.create(config), ClusterFormation.NAME);
            ActorRef<Controller.Command> controller = ControllerSingleton.init(kit.system(), config, Optional.empty());
            metadata = kit.spawn(BrokerMetadata.create(
                    BrokerMetadata.Self.of(config, config.advertisedListeners(), cleanShutdown), controller, cache));
            client = ControllerRequests.client(kit.spawn(ControllerRequests.create(controller, metadata, cache)));
        }

        void awaitRegistration() {
            TestProbe<BrokerMetadata.Registered> probe = kit.createTestProbe();
            metadata.tell(new BrokerMetadata.AwaitRegistration(probe.getRef()));
            probe.expectMessageClass(BrokerMetadata.Registered.class, java.time.Duration.ofSeconds(20));
        }

        ControllerReply submit(ControllerCommand command) throws Exception {
            return client.submit(command, 10_000).toCompletableFuture().get(15, TimeUnit.SECONDS);
        }

        @Override
        public void close() {
            kit.shutdownTestKit();
        }
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
            clusterId = node.cache.current().clusterId();
        }
        // Rules 1.1 and 1.10: killed, so no proof of a clean shutdown; the only replica leads again, in a higher epoch.
        try (Node node = new Node(false)) {
            node.awaitRegistration();
            assertEquals(clusterId, node.cache.current().clusterId());
            PartitionImage p = node.cache.current().partition(partition).orElseThrow();
            assertEquals(1, p.leader());
            assertEquals(List.of(1), p.isr());
            assertTrue(p.leaderEpoch() > 0, p.toString());
        }
    }
}
