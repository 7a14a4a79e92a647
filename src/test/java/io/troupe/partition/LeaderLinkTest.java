package io.troupe.partition;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.journal.JournalCommand.EpochStart;
import io.troupe.metadata.BrokerImage;
import io.troupe.metadata.MetadataCache;
import io.troupe.metadata.MetadataEvent;
import io.troupe.metadata.MetadataImage;
import io.troupe.partition.LinkMessage.Piece;
import io.troupe.partition.LinkMessage.Position;
import io.troupe.partition.LinkMessage.Positions;
import io.troupe.partition.LinkMessage.Records;
import io.troupe.partition.LinkMessage.Session;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.Uuid;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.FishingOutcomes;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The leader's end of a link as an actor; what it decides is in {@link LinkSimulationTest}. */
class LeaderLinkTest {
    private static final PartitionKey KEY = new PartitionKey(Uuid.randomUuid(), 0);

    private final ActorTestKit kit = ActorTestKit.create();
    private final LocalReplicas local = new LocalReplicas();
    private final MetadataCache metadata = new MetadataCache();
    private final TestProbe<FollowerLink.Command> follower = kit.createTestProbe();

    @AfterEach
    void stop() {
        kit.shutdownTestKit();
    }

    @Test
    void outlivesThreadsThatTakeNoReadAndReadsWithTheNextBeat() {
        MetadataImage image = MetadataImage.empty().apply(0, new MetadataEvent.ControllerElected(1, 1, "cluster"));
        for (int id = 1; id <= 2; id++) {
            image = image.apply(
                    id,
                    new MetadataEvent.BrokerRegistered(
                            new BrokerImage(id, id, List.of(), Optional.empty(), true, false), true));
        }
        metadata.publish(image);
        MemoryLog log = new MemoryLog();
        log.append(3, 1);
        local.lead(
                new TopicIdPartition(KEY.topicId(), 0, "t"),
                new LocalReplicas.Leader(
                        kit.<Replica.Command>createTestProbe().ref(),
                        log.view(KEY, 1, 0, List.of(new EpochStart(1, 0)))));
        AtomicInteger asked = new AtomicInteger();
        Executor reads = task -> {
            if (asked.getAndIncrement() == 0) {
                throw new RejectedExecutionException("shut down");
            }
            task.run();
        };
        ActorRef<LeaderLink.Command> link = kit.spawn(LeaderLink.create(1, 2, local, metadata, Throttle.NONE, reads));
        link.tell(new LeaderLink.Peer(follower.ref()));
        link.tell(new Positions(2, new Session(2, 0), 0, 0, 0, List.of(new Position(KEY, 1, 0, -1, true))));
        List<FollowerLink.Command> told = follower.fishForMessage(
                Duration.ofSeconds(30),
                message -> message instanceof Records records
                                && records.items().stream()
                                        .anyMatch(item -> item instanceof Piece piece && piece.sizeInBytes() > 0)
                        ? FishingOutcomes.complete()
                        : FishingOutcomes.continueAndIgnore());
        assertEquals(1, told.size());
        assertTrue(asked.get() >= 2);
    }
}
