package io.troupe.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;

import io.troupe.config.HostPort;
import io.troupe.config.Voter;
import io.troupe.controller.ControllerCommand;
import io.troupe.controller.ControllerReply;
import io.troupe.controller.ControllerReply.PartitionResult;
import io.troupe.controller.ControllerReply.QuorumReplica;
import io.troupe.metadata.MetadataEvent;
import io.troupe.metadata.PartitionImage;
import io.troupe.metadata.TopicImage;
import io.troupe.model.Refusal;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.common.ElectionType;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.message.AlterPartitionReassignmentsRequestData;
import org.apache.kafka.common.message.AlterPartitionReassignmentsRequestData.ReassignablePartition;
import org.apache.kafka.common.message.AlterPartitionReassignmentsRequestData.ReassignableTopic;
import org.apache.kafka.common.message.AlterPartitionReassignmentsResponseData;
import org.apache.kafka.common.message.DescribeQuorumResponseData;
import org.apache.kafka.common.message.DescribeTopicPartitionsRequestData;
import org.apache.kafka.common.message.DescribeTopicPartitionsRequestData.TopicRequest;
import org.apache.kafka.common.message.DescribeTopicPartitionsResponseData;
import org.apache.kafka.common.message.DescribeTopicPartitionsResponseData.DescribeTopicPartitionsResponsePartition;
import org.apache.kafka.common.message.DescribeTopicPartitionsResponseData.DescribeTopicPartitionsResponseTopic;
import org.apache.kafka.common.message.ElectLeadersRequestData;
import org.apache.kafka.common.message.ElectLeadersRequestData.TopicPartitions;
import org.apache.kafka.common.message.ElectLeadersRequestData.TopicPartitionsCollection;
import org.apache.kafka.common.message.ElectLeadersResponseData;
import org.apache.kafka.common.message.ListPartitionReassignmentsRequestData;
import org.apache.kafka.common.message.ListPartitionReassignmentsRequestData.ListPartitionReassignmentsTopics;
import org.apache.kafka.common.message.ListPartitionReassignmentsResponseData;
import org.apache.kafka.common.message.ListPartitionReassignmentsResponseData.OngoingPartitionReassignment;
import org.apache.kafka.common.message.UnregisterBrokerRequestData;
import org.apache.kafka.common.message.UnregisterBrokerResponseData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;
import org.junit.jupiter.api.Test;

/** The APIs by which a cluster is looked after: what they ask the controller, and what they answer. */
class ClusterHandlersTest {
    private static final Refusal NO = new Refusal(Errors.INVALID_REPLICA_ASSIGNMENT, "no");
    private final FakeController controller = new FakeController();

    private <T extends ControllerCommand> T asked(Class<T> type) {
        return assertInstanceOf(type, controller.asked.get(0).command());
    }

    private void answer(ControllerReply reply) {
        controller.asked.get(0).reply().complete(reply);
    }

    @Test
    void reassignmentsGoToTheControllerAndEachPartitionIsAnswered() {
        FakeContext context = new FakeContext(ApiKeys.ALTER_PARTITION_REASSIGNMENTS, 1);
        new AlterPartitionReassignmentsHandler(controller)
                .handle(
                        context,
                        new AlterPartitionReassignmentsRequestData()
                                .setAllowReplicationFactorChange(false)
                                .setTopics(List.of(new ReassignableTopic()
                                        .setName("t")
                                        .setPartitions(List.of(
                                                new ReassignablePartition()
                                                        .setPartitionIndex(0)
                                                        .setReplicas(List.of(1, 2)),
                                                new ReassignablePartition()
                                                        .setPartitionIndex(1)
                                                        .setReplicas(null))))));
        ControllerCommand.AlterReassignments command = asked(ControllerCommand.AlterReassignments.class);
        assertEquals(false, command.allowFactorChange());
        assertEquals(
                List.of(
                        new ControllerCommand.Reassignment("t", 0, Optional.of(List.of(1, 2))),
                        new ControllerCommand.Reassignment("t", 1, Optional.empty())),
                command.partitions());
        answer(new ControllerReply.Partitions(
                List.of(new PartitionResult("t", 0, Optional.of(NO)), new PartitionResult("t", 1, Optional.empty()))));
        AlterPartitionReassignmentsResponseData response = context.answer();
        assertEquals(0, response.errorCode());
        var partitions = response.responses().get(0).partitions();
        assertEquals(Errors.INVALID_REPLICA_ASSIGNMENT.code(), partitions.get(0).errorCode());
        assertEquals("no", partitions.get(0).errorMessage());
        assertEquals(0, partitions.get(1).errorCode());
    }

    /** Kafka's client counts the partitions in the answer, whatever the error of all of them. */
    @Test
    void aControllerThatCannotAnswerIsToldForTheWholeRequestAndForEachPartition() {
        FakeContext context = new FakeContext(ApiKeys.ALTER_PARTITION_REASSIGNMENTS, 0);
        new AlterPartitionReassignmentsHandler(controller)
                .handle(
                        context,
                        new AlterPartitionReassignmentsRequestData()
                                .setTopics(List.of(new ReassignableTopic()
                                        .setName("t")
                                        .setPartitions(List.of(new ReassignablePartition().setPartitionIndex(7))))));
        answer(new ControllerReply.Refused(new Refusal(Errors.REQUEST_TIMED_OUT, "late")));
        AlterPartitionReassignmentsResponseData response = context.answer();
        assertEquals(Errors.REQUEST_TIMED_OUT.code(), response.errorCode());
        var partition = response.responses().get(0).partitions().get(0);
        assertEquals(7, partition.partitionIndex());
        assertEquals(Errors.REQUEST_TIMED_OUT.code(), partition.errorCode());
    }

    @Test
    void reassignmentsUnderWayAreListedAllOrThoseAskedFor() {
        TopicImage topic = controller.create("t", 2, Map.of(), 1, 2);
        PartitionImage moving = topic.partitions().get(1).withReplicas(List.of(3, 1, 2), List.of(3), List.of(2));
        controller.publish(new MetadataEvent.PartitionsChanged(topic.topicId(), List.of(moving)));
        List<List<ListPartitionReassignmentsTopics>> requests = new ArrayList<>();
        requests.add(null);
        requests.add(List.of(
                new ListPartitionReassignmentsTopics().setName("t").setPartitionIndexes(List.of(-1, 0, 1, 1, 2))));
        for (List<ListPartitionReassignmentsTopics> topics : requests) {
            FakeContext context = new FakeContext(ApiKeys.LIST_PARTITION_REASSIGNMENTS, 0);
            new ListPartitionReassignmentsHandler(controller.metadata)
                    .handle(context, new ListPartitionReassignmentsRequestData().setTopics(topics));
            ListPartitionReassignmentsResponseData response = context.answer();
            assertEquals(
                    List.of(new OngoingPartitionReassignment()
                            .setPartitionIndex(1)
                            .setReplicas(List.of(3, 1, 2))
                            .setAddingReplicas(List.of(3))
                            .setRemovingReplicas(List.of(2))),
                    response.topics().get(0).partitions());
        }
        FakeContext none = new FakeContext(ApiKeys.LIST_PARTITION_REASSIGNMENTS, 0);
        new ListPartitionReassignmentsHandler(controller.metadata)
                .handle(
                        none,
                        new ListPartitionReassignmentsRequestData()
                                .setTopics(List.of(new ListPartitionReassignmentsTopics()
                                        .setName("other")
                                        .setPartitionIndexes(List.of(0)))));
        assertEquals(
                List.of(), none.<ListPartitionReassignmentsResponseData>answer().topics());
    }

    @Test
    void electionsAreAskedForByTypeAndAnsweredByTopic() {
        FakeContext context = new FakeContext(ApiKeys.ELECT_LEADERS, 2);
        TopicPartitionsCollection topics = new TopicPartitionsCollection();
        topics.add(new TopicPartitions().setTopic("t").setPartitions(List.of(0, 1)));
        new ElectLeadersHandler(controller)
                .handle(
                        context,
                        new ElectLeadersRequestData().setElectionType((byte) 1).setTopicPartitions(topics));
        assertEquals(
                new ControllerCommand.ElectLeaders(
                        ElectionType.UNCLEAN,
                        Optional.of(List.of(new TopicPartition("t", 0), new TopicPartition("t", 1)))),
                asked(ControllerCommand.ElectLeaders.class));
        answer(new ControllerReply.Partitions(List.of(
                new PartitionResult("t", 0, Optional.of(Refusal.of(Errors.ELECTION_NOT_NEEDED))),
                new PartitionResult("t", 1, Optional.empty()))));
        ElectLeadersResponseData response = context.answer();
        var results = response.replicaElectionResults().get(0).partitionResult();
        assertEquals(Errors.ELECTION_NOT_NEEDED.code(), results.get(0).errorCode());
        assertEquals(0, results.get(1).errorCode());
    }

    @Test
    void versionZeroElectsPreferredLeadersAndTellsErrorsOfEachPartition() {
        FakeContext context = new FakeContext(ApiKeys.ELECT_LEADERS, 0);
        TopicPartitionsCollection topics = new TopicPartitionsCollection();
        topics.add(new TopicPartitions().setTopic("t").setPartitions(List.of(3)));
        new ElectLeadersHandler(controller).handle(context, new ElectLeadersRequestData().setTopicPartitions(topics));
        assertEquals(
                ElectionType.PREFERRED,
                asked(ControllerCommand.ElectLeaders.class).type());
        answer(new ControllerReply.Refused(Refusal.of(Errors.REQUEST_TIMED_OUT)));
        ElectLeadersResponseData response = context.answer();
        assertEquals(
                Errors.REQUEST_TIMED_OUT.code(),
                response.replicaElectionResults()
                        .get(0)
                        .partitionResult()
                        .get(0)
                        .errorCode());
        FakeContext unknown = new FakeContext(ApiKeys.ELECT_LEADERS, 2);
        new ElectLeadersHandler(controller).handle(unknown, new ElectLeadersRequestData().setElectionType((byte) 5));
        assertEquals(
                Errors.INVALID_REQUEST.code(),
                unknown.<ElectLeadersResponseData>answer().errorCode());
    }

    private DescribeTopicPartitionsResponseData describe(
            List<String> topics, int limit, DescribeTopicPartitionsResponseData.Cursor from) {
        FakeContext context = new FakeContext(ApiKeys.DESCRIBE_TOPIC_PARTITIONS, 0);
        DescribeTopicPartitionsRequestData request = new DescribeTopicPartitionsRequestData()
                .setResponsePartitionLimit(limit)
                .setTopics(
                        topics.stream().map(t -> new TopicRequest().setName(t)).toList());
        if (from != null) {
            request.setCursor(new DescribeTopicPartitionsRequestData.Cursor()
                    .setTopicName(from.topicName())
                    .setPartitionIndex(from.partitionIndex()));
        }
        new DescribeTopicPartitionsHandler(controller.metadata).handle(context, request);
        return context.answer();
    }

    @Test
    void partitionsAreDescribedWithTheirEligibleLeaders() {
        TopicImage topic = controller.create("t", 1, Map.of(), 1, 2, 3);
        controller.publish(new MetadataEvent.PartitionsChanged(
                topic.topicId(),
                List.of(topic.partitions()
                        .get(0)
                        .withIsr(List.of(1), List.of(2), List.of(3))
                        .withPartitionEpoch(7))));
        DescribeTopicPartitionsResponseData response = describe(List.of("t", "none", "bad/name"), 2000, null);
        DescribeTopicPartitionsResponsePartition p =
                response.topics().find("t").partitions().get(0);
        assertEquals(List.of(1), p.isrNodes());
        assertEquals(List.of(2), p.eligibleLeaderReplicas());
        assertEquals(List.of(3), p.lastKnownElr());
        assertEquals(List.of(2, 3), p.offlineReplicas());
        assertEquals(1, p.leaderId());
        assertEquals(
                Errors.UNKNOWN_TOPIC_OR_PARTITION.code(),
                response.topics().find("none").errorCode());
        assertEquals(
                Errors.INVALID_TOPIC_EXCEPTION.code(),
                response.topics().find("bad/name").errorCode());
        assertNull(response.nextCursor());
        assertEquals(1, p.unknownTaggedFields().size(), "for its partition epoch Kafka has no place");
        assertEquals(7, ByteBuffer.wrap(p.unknownTaggedFields().get(0).data()).getInt());
    }

    @Test
    void aLongAnswerGoesOnAtItsCursorWithoutGapOrRepetition() {
        controller.create("a", 3, Map.of(), 1);
        controller.create("b", 2, Map.of(), 1);
        controller.create("c", 1, Map.of(), 1);
        for (int limit : new int[] {1, 2, 3, 4, 6, 2000, 0, -5}) {
            List<String> seen = new ArrayList<>();
            DescribeTopicPartitionsResponseData.Cursor cursor = null;
            for (int answers = 0; answers < 20; answers++) {
                DescribeTopicPartitionsResponseData response = describe(List.of(), limit, cursor);
                for (DescribeTopicPartitionsResponseTopic topic : response.topics()) {
                    topic.partitions().forEach(p -> seen.add(topic.name() + p.partitionIndex()));
                }
                cursor = response.nextCursor();
                if (cursor == null) {
                    break;
                }
            }
            assertEquals(List.of("a0", "a1", "a2", "b0", "b1", "c0"), seen, "limit " + limit);
        }
    }

    @Test
    void aBrokerIsForgottenOrTheReasonTold() {
        FakeContext context = new FakeContext(ApiKeys.UNREGISTER_BROKER, 0);
        new UnregisterBrokerHandler(controller).handle(context, new UnregisterBrokerRequestData().setBrokerId(9));
        assertEquals(9, asked(ControllerCommand.UnregisterBroker.class).brokerId());
        answer(new ControllerReply.Refused(new Refusal(Errors.BROKER_ID_NOT_REGISTERED, "none")));
        UnregisterBrokerResponseData response = context.answer();
        assertEquals(Errors.BROKER_ID_NOT_REGISTERED.code(), response.errorCode());
        assertEquals("none", response.errorMessage());
    }

    /** KIP-853: a voter that is no broker has an address, too. */
    @Test
    void theQuorumsVotersAreToldWithTheirAddresses() {
        FakeContext context = new FakeContext(ApiKeys.DESCRIBE_QUORUM, DescribeQuorumHandler.VERSION);
        List<Voter> voters =
                List.of(new Voter(1, new HostPort("host1", 19092)), new Voter(7, new HostPort("host7", 19093)));
        new DescribeQuorumHandler(controller.metadata, controller, voters).handle(context, DescribeQuorumHandler.ask());
        asked(ControllerCommand.DescribeQuorum.class);
        answer(new ControllerReply.QuorumState(
                1,
                4,
                10,
                List.of(
                        new QuorumReplica(1, Optional.empty(), 10, 5000, 5000),
                        new QuorumReplica(7, Optional.empty(), 8, 4000, -1)),
                List.of()));
        DescribeQuorumResponseData response = context.answer();
        assertEquals(
                List.of("1 PLAINTEXT://host1:9092", "1 CONTROLLER://host1:19092", "7 CONTROLLER://host7:19093"),
                response.nodes().stream()
                        .flatMap(node -> node.listeners().stream()
                                .map(l -> node.nodeId() + " " + l.name() + "://" + l.host() + ":" + l.port()))
                        .toList());
        var told = response.topics().get(0).partitions().get(0).currentVoters().get(1);
        assertEquals(8, told.logEndOffset());
        assertEquals(4000, told.lastFetchTimestamp());
        assertEquals(-1, told.lastCaughtUpTimestamp());
    }
}
