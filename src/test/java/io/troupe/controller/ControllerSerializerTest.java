package io.troupe.controller;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.typesafe.config.ConfigFactory;
import io.troupe.config.HostPort;
import io.troupe.config.Listener;
import io.troupe.controller.ControllerCommand.ConfigChange;
import io.troupe.controller.ControllerCommand.MorePartitions;
import io.troupe.controller.ControllerCommand.NewTopic;
import io.troupe.controller.ControllerCommand.TopicRef;
import io.troupe.metadata.PartitionImage;
import io.troupe.model.Refusal;
import java.io.NotSerializableException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.apache.kafka.clients.admin.AlterConfigOp.OpType;
import org.apache.kafka.common.ElectionType;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.security.auth.SecurityProtocol;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.serialization.Serialization;
import org.apache.pekko.serialization.SerializationExtension;
import org.apache.pekko.serialization.SerializerWithStringManifest;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/** Every message between nodes survives its bytes, by the binding in troupe.conf, and no damaged bytes do harm. */
class ControllerSerializerTest {
    private static final ActorTestKit KIT = ActorTestKit.create(
            "troupe",
            ConfigFactory.parseString("""
                            pekko.remote.artery.canonical.hostname = 127.0.0.1
                            pekko.remote.artery.canonical.port = 0
                            """)
                    .withFallback(ConfigFactory.parseResources("troupe.conf"))
                    .withFallback(ConfigFactory.load())
                    .resolve());

    @AfterAll
    static void stop() {
        KIT.shutdownTestKit();
    }

    private final Serialization serialization = SerializationExtension.get(KIT.system());
    private final Epoch epoch = new Epoch(7, 2);
    private final Uuid id = Uuid.randomUuid();
    private final Formation.Node node =
            new Formation.Node(1, -9, "1@a:1", Optional.of("cluster"), true, List.of(1, 3), List.of(-9L, 8L));

    private byte[] roundTrip(Object message) throws NotSerializableException {
        SerializerWithStringManifest serializer =
                (SerializerWithStringManifest) serialization.findSerializerFor(message);
        assertSame(ControllerSerializer.class, serializer.getClass());
        byte[] bytes = serializer.toBinary(message);
        Object read = serializer.fromBinary(bytes, serializer.manifest(message));
        assertEquals(message.getClass(), read.getClass());
        // Arrays inside make equals useless for some: equal bytes do.
        assertArrayEquals(bytes, serializer.toBinary(read), message.toString());
        Random random = new Random(bytes.length);
        for (int i = 0; i < 40; i++) {
            byte[] damaged = bytes.clone();
            damaged[random.nextInt(bytes.length)] = (byte) random.nextInt();
            byte[] cut = java.util.Arrays.copyOf(damaged, random.nextInt(bytes.length + 1));
            try {
                serializer.fromBinary(i % 2 == 0 ? damaged : cut, serializer.manifest(message));
            } catch (NotSerializableException expected) {
                // The only way in which it may fail.
            }
        }
        return bytes;
    }

    @Test
    void commandsAndReplies() throws Exception {
        TestProbe<Controller.Answer> probe = KIT.createTestProbe();
        List<ControllerCommand> commands = List.of(
                new ControllerCommand.CreateTopics(
                        List.of(new NewTopic("t", -1, (short) -1, Map.of(0, List.of(1, 2)), Map.of("a", "b"))), true),
                new ControllerCommand.DeleteTopics(List.of(new TopicRef(null, id), new TopicRef("t", Uuid.ZERO_UUID))),
                new ControllerCommand.AlterTopicConfigs(
                        Map.of("t", List.of(new ConfigChange("k", OpType.DELETE, null))), false, true),
                new ControllerCommand.AlterBrokerConfigs(
                        Map.of("", List.of(new ConfigChange("k", OpType.SET, "v"))), true, false),
                new ControllerCommand.AlterGroupConfigs(
                        Map.of("g", List.of(new ConfigChange("k", OpType.SET, "v"))), true, false),
                new ControllerCommand.RegisterBroker(
                        3,
                        id,
                        List.of(new Listener("PLAINTEXT", SecurityProtocol.PLAINTEXT, new HostPort("h", 9))),
                        Optional.of("rack"),
                        8,
                        true,
                        false),
                new ControllerCommand.BrokerHeartbeat(3, Long.MAX_VALUE, -1, true),
                new ControllerCommand.AlterPartition(
                        3, 4, new TopicIdPartition(id, 5, "t"), 6, 7, List.of(1, 2, 3), List.of(9L, 10L, 11L)),
                new ControllerCommand.AlterReassignments(
                        List.of(
                                new ControllerCommand.Reassignment("t", 1, Optional.of(List.of(1, 2))),
                                new ControllerCommand.Reassignment("t", 2, Optional.empty())),
                        true),
                new ControllerCommand.ElectLeaders(
                        ElectionType.UNCLEAN, Optional.of(List.of(new TopicPartition("t", 3)))),
                new ControllerCommand.ElectLeaders(ElectionType.PREFERRED, Optional.empty()),
                new ControllerCommand.UnregisterBroker(7),
                new ControllerCommand.ReportLogs(
                        3, 4, List.of(new ControllerCommand.LogReport(id, 1, 2, -1, Long.MAX_VALUE))),
                new ControllerCommand.FailLogs(3, 4, List.of(new ControllerCommand.LogRef(id, 1))),
                new ControllerCommand.AllocateProducerIds(3, 4),
                ControllerCommand.DescribeQuorum.DESCRIBE_QUORUM,
                new ControllerCommand.CreatePartitions(
                        List.of(
                                new MorePartitions("t", 4, Optional.of(List.of(List.of(1, 2), List.of(2, 3)))),
                                new MorePartitions("u", 2, Optional.of(List.of())),
                                new MorePartitions("v", 2, Optional.empty())),
                        true));
        for (ControllerCommand command : commands) {
            roundTrip(new Controller.Execute("id", command, probe.getRef()));
        }
        PartitionImage p = new PartitionImage(5, List.of(1, 2), 1, 2, 3, List.of(1), List.of(2), List.of());
        Refusal refusal = new Refusal(Errors.INVALID_CONFIG, "no");
        List<ControllerReply> replies = List.of(
                new ControllerReply.Partitions(List.of(
                        new ControllerReply.PartitionResult("t", 1, Optional.of(refusal)),
                        new ControllerReply.PartitionResult("t", 2, Optional.empty()))),
                new ControllerReply.Topics(List.of(
                        new ControllerReply.TopicResult("t", id, 1, (short) 1, Map.of(), Optional.of(refusal)),
                        new ControllerReply.TopicResult(null, id, 1, (short) 1, Map.of("a", "b"), Optional.empty()))),
                new ControllerReply.Resources(List.of(
                        new ControllerReply.ResourceResult("", Optional.empty()),
                        new ControllerReply.ResourceResult("1", Optional.of(refusal)))),
                new ControllerReply.Registered(-1),
                new ControllerReply.PartitionAltered(p),
                new ControllerReply.ProducerIds(1000, 1000),
                ControllerReply.Done.DONE,
                new ControllerReply.QuorumState(
                        2,
                        7,
                        99,
                        List.of(new ControllerReply.QuorumReplica(2, Optional.of(id), 100, 5, 6)),
                        List.of(new ControllerReply.QuorumReplica(9, Optional.empty(), 98, -1, -1))),
                new ControllerReply.Refused(refusal));
        for (ControllerReply reply : replies) {
            roundTrip(new Controller.Answer("id", 42, reply));
        }
    }

    @Test
    void quorumPublicationsAndFormation() throws Exception {
        List<Quorum.Entry> entries =
                List.of(new Quorum.Entry(epoch, new byte[] {1, 2}), new Quorum.Entry(epoch, new byte[0]));
        TestProbe<Quorum.Reply> voters = KIT.createTestProbe();
        List<Quorum.Request> requests = List.of(
                new Quorum.Claim(epoch),
                new Quorum.ReadLog(epoch, 5, 77),
                new Quorum.InstallSnapshot(epoch, 9, 4, epoch, 3, 5, new byte[] {7, 8}),
                new Quorum.Append(epoch, 9, -1, Epoch.NONE, entries, -1));
        for (Quorum.Request request : requests) {
            roundTrip(new MetadataVoter.Ask(request, voters.getRef()));
        }
        List<RemoteMessage> messages = new ArrayList<>(List.of(
                new Quorum.Promised(1, epoch, Epoch.NONE, -1, id, true, null),
                new Quorum.Rejected(1, epoch, epoch),
                new Quorum.LogSlice(1, epoch, 0, entries, 1),
                new Quorum.Acked(1, epoch, 9, 1, id),
                new Quorum.Mismatched(1, epoch, 9, 4, 2, id),
                new Quorum.SnapshotSlice(1, epoch, 4, epoch, 0, 2, new byte[] {5, 6}),
                new Quorum.SnapshotTaken(1, epoch, 9, 4, 2, id),
                new Publication.Committed(epoch, 3, List.of(new byte[] {3})),
                new Publication.SnapshotPart(epoch, 3, 0, 2, new byte[] {4}),
                new ClusterFormation.Gone(2, -9),
                new ClusterFormation.Present(node, 4, true)));
        messages.add(
                new Controller.Follow(1, 3, KIT.<Publication>createTestProbe().getRef()));
        messages.add(new ClusterFormation.Probe(
                node, 4, true, KIT.<ClusterFormation.Present>createTestProbe().getRef()));
        for (RemoteMessage message : messages) {
            roundTrip(message);
        }
    }

    @Test
    void unknownManifestIsRefused() {
        ControllerSerializer serializer =
                (ControllerSerializer) serialization.serializerByIdentity().apply(7301);
        assertThrows(NotSerializableException.class, () -> serializer.fromBinary(new byte[0], "new"));
    }
}
