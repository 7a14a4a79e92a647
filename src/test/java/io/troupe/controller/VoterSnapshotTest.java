package io.troupe.controller;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.typesafe.config.ConfigFactory;
import io.troupe.config.BrokerConfig;
import io.troupe.config.ServerProperties;
import io.troupe.journal.Journals;
import io.troupe.metadata.MetadataCodec;
import io.troupe.metadata.MetadataEvent;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.kafka.common.Uuid;
import org.apache.pekko.actor.BootstrapSetup;
import org.apache.pekko.actor.setup.ActorSystemSetup;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.javadsl.AskPattern;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.cluster.typed.Cluster;
import org.apache.pekko.cluster.typed.Join;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A voter in its journal and snapshots on a real disk (SAFETY 2.7, 2.9). */
@Timeout(600)
class VoterSnapshotTest {
    private static final Epoch EPOCH = new Epoch(1, 1);

    @TempDir
    Path dir;

    /** The voter's process: started on what the disk holds. */
    private final class Node implements AutoCloseable {
        final Journals journals;
        final ActorSystem<MetadataVoter.Command> system;
        final TestProbe<Quorum.Reply> probe;

        Node() throws Exception {
            BrokerConfig config = ServerProperties.parse(Map.of(
                            "node.id", "1", "listeners", "PLAINTEXT://127.0.0.1:9092", "log.dirs", dir.toString()))
                    .config();
            journals = Journals.open(config);
            system = ActorSystem.create(
                    Behaviors.setup(
                            context -> MetadataVoter.create(1, journals.metadataPlugin(), journals.snapshotPlugin())),
                    "troupe",
                    ActorSystemSetup.create(
                            BootstrapSetup.create(ConfigFactory.parseString("""
                                            pekko.remote.artery.canonical.hostname = 127.0.0.1
                                            pekko.remote.artery.canonical.port = 0
                                            """)
                                    .withFallback(journals.pluginConfig())
                                    .withFallback(ConfigFactory.parseResources("troupe.conf"))
                                    .withFallback(ConfigFactory.load())
                                    .resolve()),
                            journals));
            probe = TestProbe.create(system);
            Cluster cluster = Cluster.get(system);
            cluster.manager().tell(Join.create(cluster.selfMember().address()));
            probe.awaitAssert(Duration.ofSeconds(30), () -> {
                assertEquals(
                        org.apache.pekko.cluster.MemberStatus.up(),
                        cluster.selfMember().status());
                return null;
            });
        }

        Quorum.Reply ask(Quorum.Request request) {
            return AskPattern.<MetadataVoter.Command, Quorum.Reply>ask(
                            system,
                            (ActorRef<Quorum.Reply> to) -> new MetadataVoter.Ask(request, to),
                            Duration.ofSeconds(30),
                            system.scheduler())
                    .toCompletableFuture()
                    .join();
        }

        Quorum.Acked append(long index, MetadataEvent event) {
            return (Quorum.Acked) ask(new Quorum.Append(
                    EPOCH,
                    index + 1,
                    index - 1,
                    index == 0 ? Epoch.NONE : EPOCH,
                    List.of(new Quorum.Entry(EPOCH, MetadataCodec.encode(event))),
                    index - 1));
        }

        @Override
        public void close() {
            system.terminate();
            system.getWhenTerminated().toCompletableFuture().join();
            journals.close();
        }
    }

    private List<Path> snapshots() throws Exception {
        try (Stream<Path> files = Files.list(dir)) {
            return files.filter(f -> f.toString().endsWith(".snapshot"))
                    .sorted()
                    .toList();
        }
    }

    private static MetadataEvent event(long index, Uuid disk) {
        return index == 0
                ? new MetadataEvent.ControllerElected(1, 1, "cluster")
                : index == 1
                        ? new MetadataEvent.VoterAdmitted(1, disk)
                        : new MetadataEvent.ProducerIdsAllocated(1, 0, index, 1);
    }

    @Test
    void aVoterComesBackFromItsSnapshotOrTheOneBeforeOrAsAnEmptyOne() throws Exception {
        Uuid disk;
        try (Node node = new Node()) {
            Quorum.Promised promised = (Quorum.Promised) node.ask(new Quorum.Claim(EPOCH));
            assertFalse(promised.admitted());
            disk = promised.disk();
            for (long index = 0; index < 3300; index++) {
                assertEquals(index, node.append(index, event(index, disk)).matchedIndex());
            }
            // They are written beside the records. Pekko lets one go only after the records that rest on it.
            node.probe.awaitAssert(Duration.ofSeconds(30), () -> {
                assertEquals(3, snapshots().size());
                return null;
            });
        }
        List<Path> files = snapshots();
        assertEquals(3, files.size());
        Quorum.Promised whole = claim(2);
        assertEquals(new Quorum.Promised(1, new Epoch(2, 1), EPOCH, 3299, disk, true, "cluster"), whole);
        damage(files.get(2));
        assertEquals(new Quorum.Promised(1, new Epoch(3, 1), EPOCH, 3299, disk, true, "cluster"), claim(3));
        // Among them the one that was written after that recovery.
        for (Path file : snapshots()) {
            Files.write(file, new byte[5]);
        }
        try (Node node = new Node()) {
            node.ask(new Quorum.Claim(new Epoch(4, 1)));
            Quorum.Promised empty = (Quorum.Promised) node.ask(new Quorum.Claim(new Epoch(5, 1)));
            assertEquals(-1, empty.lastIndex(), "what the journal still holds rests on nothing");
            assertFalse(empty.admitted());
            assertFalse(empty.disk().equals(disk), "it is another disk");
        }
        Quorum.Promised again = claim(6);
        assertEquals(-1, again.lastIndex());
        assertTrue(again.clusterId() == null);
    }

    private Quorum.Promised claim(int round) throws Exception {
        try (Node node = new Node()) {
            return (Quorum.Promised) node.ask(new Quorum.Claim(new Epoch(round, 1)));
        }
    }

    private static void damage(Path file) throws Exception {
        byte[] bytes = Files.readAllBytes(file);
        bytes[bytes.length / 2] ^= 1;
        Files.write(file, bytes);
    }
}
