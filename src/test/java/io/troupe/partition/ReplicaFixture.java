package io.troupe.partition;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.typesafe.config.ConfigFactory;
import io.troupe.controller.ControllerCommand;
import io.troupe.controller.ControllerReply;
import io.troupe.metadata.MetadataCache;
import io.troupe.metadata.PartitionImage;
import io.troupe.model.Refusal;
import io.troupe.model.ReplicaId;
import io.troupe.partition.ReplicaActor.Assigned;
import io.troupe.partition.ReplicaActor.Settled;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.Uuid;
import org.apache.pekko.actor.BootstrapSetup;
import org.apache.pekko.actor.setup.ActorSystemSetup;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.apache.pekko.persistence.Persistence;
import org.junit.jupiter.api.AfterEach;

/** A Replica's actor against a journal that the test holds in its hand. */
abstract class ReplicaFixture {
    static final TopicIdPartition PARTITION = new TopicIdPartition(Uuid.randomUuid(), 0, "__consumer_offsets");
    static final long BROKER_EPOCH = 11;
    static final PartitionKey KEY = new PartitionKey(PARTITION.topicId(), 0);
    static final ReplicaId ID = new ReplicaId(PARTITION.topicId(), 0, 1);

    final StubJournal.Control journal = new StubJournal.Control();
    final org.apache.pekko.actor.ActorSystem classic = org.apache.pekko.actor.ActorSystem.create(
            "replica",
            ActorSystemSetup.create(
                    journal,
                    BootstrapSetup.create(StubJournal.config()
                            .withFallback(ConfigFactory.parseString("pekko.loglevel = OFF"))
                            .withFallback(ConfigFactory.load()))));
    final ActorSystem<Void> system = Adapter.toTyped(classic);
    final ActorTestKit kit = ActorTestKit.create(system);
    final LocalReplicas local = new LocalReplicas();
    final TestProbe<Leadership> leadership = kit.createTestProbe();
    final TestProbe<Settled> settled = kit.createTestProbe();
    final TestProbe<ReplicaLinks.Command> links = kit.createTestProbe();
    final BlockingQueue<ControllerCommand> commands = new LinkedBlockingQueue<>();
    final BlockingQueue<CompletableFuture<ControllerReply>> replies = new LinkedBlockingQueue<>();
    final MetadataCache metadata = new MetadataCache();
    final ReplicaSettings settings = new ReplicaSettings(
            1,
            local,
            leadership.ref(),
            partition -> StubJournal.PLUGIN,
            plugin -> Persistence.get(classic).journalFor(plugin, ConfigFactory.empty()),
            System::currentTimeMillis,
            86_400_000,
            10,
            300_000,
            1 << 20,
            new LeaderEpochClaims(),
            new ReplicationPeers(
                    links.ref(),
                    (command, timeoutMs) -> {
                        commands.add(command);
                        CompletableFuture<ControllerReply> reply = new CompletableFuture<>();
                        replies.add(reply);
                        return reply;
                    },
                    metadata,
                    30_000,
                    false,
                    () -> System.nanoTime() / 1_000_000));
    final BlockingQueue<String> answers = new LinkedBlockingQueue<>();
    ActorRef<Replica.Command> replica = kit.spawn(ReplicaActor.create(ID, settings));

    @AfterEach
    void stop() {
        kit.shutdownTestKit();
    }

    void elect(int leaderEpoch) {
        assign(image(leaderEpoch, leaderEpoch));
        Settled told = settled.receiveMessage();
        assertEquals(leaderEpoch, told.leaderEpoch());
    }

    void assign(PartitionImage image) {
        replica.tell(new Assigned(PARTITION, image, TestBatches.config(1), BROKER_EPOCH, settled.ref()));
    }

    static PartitionImage image(int leaderEpoch, int partitionEpoch) {
        return new PartitionImage(0, List.of(1), 1, leaderEpoch, partitionEpoch, List.of(1), List.of(), List.of());
    }

    void append(String name, int acks) {
        append(name, acks, 30_000);
    }

    void append(String name, int acks, int timeoutMs) {
        replica.tell(
                new Replica.Append(TestBatches.batch(1), (short) acks, -1, timeoutMs, false, new Replica.AppendReply() {
                    @Override
                    public void appended(long base, long last, long timeMs, long logStartOffset, int leaderEpoch) {
                        answers.add(name + "@" + base);
                    }

                    @Override
                    public void refused(Refusal refusal, long logStartOffset) {
                        answers.add(name + "!" + refusal.error());
                    }
                }));
    }

    void assertAnswers(String... expected) throws InterruptedException {
        for (String answer : expected) {
            assertEquals(answer, answers.poll(30, TimeUnit.SECONDS));
        }
    }
}
