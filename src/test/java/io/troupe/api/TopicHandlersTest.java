package io.troupe.api;

import static io.troupe.api.ConfigChanges.change;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.config.BrokerConfig;
import io.troupe.config.DynamicConfigs;
import io.troupe.config.ServerProperties;
import io.troupe.controller.ControllerCommand;
import io.troupe.controller.ControllerReply;
import io.troupe.metadata.MetadataEvent;
import io.troupe.metadata.TopicImage;
import io.troupe.model.Refusal;
import io.troupe.partition.LocalReplicas;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.CreateTopicsRequestData;
import org.apache.kafka.common.message.CreateTopicsRequestData.CreatableTopic;
import org.apache.kafka.common.message.CreateTopicsResponseData;
import org.apache.kafka.common.message.DeleteTopicsRequestData;
import org.apache.kafka.common.message.DeleteTopicsRequestData.DeleteTopicState;
import org.apache.kafka.common.message.DeleteTopicsResponseData;
import org.apache.kafka.common.message.DescribeClusterRequestData;
import org.apache.kafka.common.message.DescribeClusterResponseData;
import org.apache.kafka.common.message.DescribeConfigsRequestData;
import org.apache.kafka.common.message.DescribeConfigsRequestData.DescribeConfigsResource;
import org.apache.kafka.common.message.DescribeConfigsResponseData;
import org.apache.kafka.common.message.FindCoordinatorRequestData;
import org.apache.kafka.common.message.FindCoordinatorResponseData;
import org.apache.kafka.common.message.IncrementalAlterConfigsRequestData;
import org.apache.kafka.common.message.IncrementalAlterConfigsResponseData;
import org.apache.kafka.common.message.InitProducerIdRequestData;
import org.apache.kafka.common.message.InitProducerIdResponseData;
import org.apache.kafka.common.message.MetadataRequestData;
import org.apache.kafka.common.message.MetadataRequestData.MetadataRequestTopic;
import org.apache.kafka.common.message.MetadataResponseData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;
import org.junit.jupiter.api.Test;

class TopicHandlersTest {
    private final BrokerConfig config = ServerProperties.parse(
                    Map.of("node.id", "1", "listeners", "PLAINTEXT://localhost:9092", "num.partitions", "3"))
            .config();
    private final FakeController controller = new FakeController();
    private final AutoTopicCreation creation = new AutoTopicCreation(config, controller.metadata, controller);
    private final MetadataHandler metadata =
            new MetadataHandler(config, controller.metadata, controller.replicas, creation);

    private FakeContext metadata(int version, List<MetadataRequestTopic> topics) {
        FakeContext request = new FakeContext(ApiKeys.METADATA, version);
        metadata.handle(request, new MetadataRequestData().setTopics(topics));
        return request;
    }

    /** A client sends what concerns the cluster to the broker that is named as controller: it must be one that answers. */
    @Test
    void aControllerThatIsSilentIsNotNamed() {
        controller.publish(new MetadataEvent.BrokerRegistered(FakeController.broker(2, false), true));
        controller.publish(new MetadataEvent.BrokerFencingChanged(
                2, controller.metadata.current().index(), false, false));
        controller.publish(new MetadataEvent.ControllerElected(2, 2, "cluster-1"));
        for (boolean silent : new boolean[] {false, true}) {
            controller.metadata.controllerSilent(silent);
            MetadataResponseData told = metadata(12, List.of()).answer();
            assertEquals(silent ? 1 : 2, told.controllerId());
            FakeContext request = new FakeContext(ApiKeys.DESCRIBE_CLUSTER, 1);
            new DescribeClusterHandler(config, controller.metadata).handle(request, new DescribeClusterRequestData());
            DescribeClusterResponseData described = request.answer();
            assertEquals(silent ? 1 : 2, described.controllerId());
        }
    }

    private static MetadataRequestTopic named(String name) {
        return new MetadataRequestTopic().setName(name);
    }

    @Test
    void emptyListMeansAllOnlyInVersion0() {
        controller.create("a", 1, Map.of(), 1);
        assertEquals(
                1,
                metadata(0, List.of()).<MetadataResponseData>answer().topics().size());
        assertEquals(
                0,
                metadata(1, List.of()).<MetadataResponseData>answer().topics().size());
        assertEquals(
                1, metadata(12, null).<MetadataResponseData>answer().topics().size());
    }

    @Test
    void unknownTopicsAreCreatedOnceAndAnsweredWithLeaders() {
        FakeContext first = metadata(12, List.of(named("new"), named("bad name"), named("new")));
        FakeContext second = metadata(12, List.of(named("new")));
        assertFalse(first.answered());
        assertEquals(1, controller.asked.size());
        controller.createAsked(0);
        MetadataResponseData answer = first.answer();
        assertEquals(2, answer.topics().size());
        assertEquals(3, answer.topics().find("new").partitions().size());
        assertEquals(1, answer.topics().find("new").partitions().get(0).leaderId());
        assertEquals(
                Errors.INVALID_TOPIC_EXCEPTION.code(),
                answer.topics().find("bad name").errorCode());
        assertTrue(second.answered());
        assertEquals("cluster-1", answer.clusterId());
        assertEquals("host1", answer.brokers().find(1).host());
    }

    @Test
    void refusedCreationLooksLikeAnUnknownTopicAndMayBeTriedAgain() {
        FakeContext request = metadata(9, List.of(named("new")));
        controller.asked.get(0).reply().complete(new ControllerReply.Refused(Refusal.of(Errors.REQUEST_TIMED_OUT)));
        MetadataResponseData answer = request.answer();
        assertEquals(
                Errors.UNKNOWN_TOPIC_OR_PARTITION.code(),
                answer.topics().find("new").errorCode());
        metadata(9, List.of(named("new")));
        assertEquals(2, controller.asked.size());
    }

    @Test
    void topicsAreFoundByIdAndDeadReplicasAreOffline() {
        TopicImage topic = controller.create("a", 1, Map.of(), 1, 2);
        MetadataResponseData answer = metadata(
                        13,
                        List.of(
                                new MetadataRequestTopic().setName(null).setTopicId(topic.topicId()),
                                new MetadataRequestTopic().setName(null).setTopicId(Uuid.randomUuid())))
                .answer();
        assertEquals(List.of(2), answer.topics().find("a").partitions().get(0).offlineReplicas());
        assertEquals(
                List.of(Errors.NONE.code(), Errors.UNKNOWN_TOPIC_ID.code()),
                answer.topics().stream().map(t -> t.errorCode()).toList());
    }

    /** Else a producer's first batches are refused while the log opens, and one sent after them is taken. */
    @Test
    void aLeaderOfThisBrokerIsAnnouncedOnceItTakesWrites() {
        TopicImage topic = controller.create("a", 1, Map.of(), 1);
        TopicIdPartition partition = new TopicIdPartition(topic.topicId(), 0, "a");
        LocalReplicas.Leader leader = controller.replicas.leader(topic.topicId(), 0);
        controller.replicas.resign(partition, leader);
        var opening = leaderOf("a");
        assertEquals(Errors.LEADER_NOT_AVAILABLE.code(), opening.errorCode());
        assertEquals(-1, opening.leaderId());
        controller.replicas.lead(partition, leader);
        assertEquals(1, leaderOf("a").leaderId());
    }

    private MetadataResponseData.MetadataResponsePartition leaderOf(String topic) {
        MetadataResponseData answer = metadata(12, List.of(named(topic))).answer();
        return answer.topics().find(topic).partitions().get(0);
    }

    @Test
    void coordinatorWaitsForTheOffsetsTopic() {
        FindCoordinatorHandler handler = new FindCoordinatorHandler(controller.metadata, creation);
        FakeContext request = new FakeContext(ApiKeys.FIND_COORDINATOR, 4);
        handler.handle(request, new FindCoordinatorRequestData().setCoordinatorKeys(List.of("g", "h")));
        var command = (ControllerCommand.CreateTopics) controller.asked.get(0).command();
        assertEquals("compact", command.topics().get(0).configs().get("cleanup.policy"));
        assertEquals(1, command.topics().get(0).replicationFactor(), "min(3, brokers)");
        controller.createAsked(0);
        FindCoordinatorResponseData answer = request.answer();
        assertEquals(
                List.of("g", "h"),
                answer.coordinators().stream().map(c -> c.key()).toList());
        assertEquals("host1", answer.coordinators().get(0).host());
    }

    @Test
    void transactionsAreRefusedInWordsWithAnErrorThatNoClientRetries() {
        FindCoordinatorHandler handler = new FindCoordinatorHandler(controller.metadata, creation);
        FakeContext one = new FakeContext(ApiKeys.FIND_COORDINATOR, 2);
        handler.handle(one, new FindCoordinatorRequestData().setKey("t").setKeyType((byte) 1));
        FindCoordinatorResponseData answer = one.answer();
        assertEquals(Errors.CLUSTER_AUTHORIZATION_FAILED.code(), answer.errorCode());
        assertTrue(answer.errorMessage().contains("Transactions are not supported"));
        FakeContext many = new FakeContext(ApiKeys.FIND_COORDINATOR, 6);
        handler.handle(
                many,
                new FindCoordinatorRequestData()
                        .setCoordinatorKeys(List.of("t", "u"))
                        .setKeyType((byte) 1));
        FindCoordinatorResponseData answers = many.answer();
        assertEquals(2, answers.coordinators().size());
        answers.coordinators().forEach(refused -> {
            assertEquals(Errors.CLUSTER_AUTHORIZATION_FAILED.code(), refused.errorCode());
            assertTrue(refused.errorMessage().contains("Transactions are not supported"));
        });
        assertTrue(controller.asked.isEmpty(), "no topic is made for it");
    }

    @Test
    void createTopicsKeepsOrderAndRefusesEachByItself() {
        CreateTopicsRequestData data = new CreateTopicsRequestData().setTimeoutMs(1000);
        data.topics().add(topic("zero", 0, 1));
        data.topics().add(topic("good", -1, -1));
        data.topics().add(topic("twice", 1, 1));
        data.topics().add(topic("twice", 1, 1));
        data.topics().add(topic("..", 1, 1));
        FakeContext request = new FakeContext(ApiKeys.CREATE_TOPICS, 7);
        new CreateTopicsHandler(config, controller.metadata, controller).handle(request, data);
        controller.createAsked(0);
        CreateTopicsResponseData answer = request.answer();
        assertEquals(
                List.of("zero", "good", "twice", ".."),
                answer.topics().stream().map(t -> t.name()).toList());
        assertEquals(
                List.of(
                        Errors.INVALID_PARTITIONS.code(),
                        Errors.NONE.code(),
                        Errors.INVALID_REQUEST.code(),
                        Errors.INVALID_TOPIC_EXCEPTION.code()),
                answer.topics().stream().map(t -> t.errorCode()).toList());
        assertEquals(3, answer.topics().find("good").numPartitions());
    }

    private static CreatableTopic topic(String name, int partitions, int replicas) {
        return new CreatableTopic().setName(name).setNumPartitions(partitions).setReplicationFactor((short) replicas);
    }

    @Test
    void deleteNeedsNameOrIdAndAnswersInOrder() {
        FakeContext request = new FakeContext(ApiKeys.DELETE_TOPICS, 6);
        new DeleteTopicsHandler(config, controller)
                .handle(
                        request,
                        new DeleteTopicsRequestData()
                                .setTopics(List.of(
                                        new DeleteTopicState().setName(null), new DeleteTopicState().setName("a"))));
        controller.asked.get(0).reply().complete(new ControllerReply.Refused(Refusal.of(Errors.REQUEST_TIMED_OUT)));
        DeleteTopicsResponseData answer = request.answer();
        assertEquals(
                List.of(Errors.INVALID_REQUEST.code(), Errors.REQUEST_TIMED_OUT.code()),
                answer.responses().stream().map(r -> r.errorCode()).toList());
    }

    @Test
    void describesTopicsAndThisBrokerOnly() {
        controller.create("a", 1, Map.of("retention.ms", "5"), 1);
        FakeContext request = new FakeContext(ApiKeys.DESCRIBE_CONFIGS, 4);
        new DescribeConfigsHandler(config, controller.metadata)
                .handle(
                        request,
                        new DescribeConfigsRequestData()
                                .setIncludeSynonyms(true)
                                .setResources(List.of(
                                        resource(2, "a", List.of("retention.ms")),
                                        resource(2, "gone", null),
                                        resource(4, "1", null),
                                        resource(4, "2", null),
                                        resource(8, "1", null))));
        DescribeConfigsResponseData answer = request.answer();
        assertEquals("5", answer.results().get(0).configs().get(0).value());
        assertEquals(1, answer.results().get(0).configs().size());
        answer.results()
                .get(2)
                .configs()
                .forEach(c -> assertEquals(!DynamicConfigs.isDynamic(c.name()), c.readOnly(), c.name()));
        assertEquals(
                List.of(
                        Errors.NONE.code(),
                        Errors.UNKNOWN_TOPIC_OR_PARTITION.code(),
                        Errors.NONE.code(),
                        Errors.INVALID_REQUEST.code(),
                        Errors.INVALID_REQUEST.code()),
                answer.results().stream().map(r -> r.errorCode()).toList());
    }

    private static DescribeConfigsResource resource(int type, String name, List<String> keys) {
        return new DescribeConfigsResource()
                .setResourceType((byte) type)
                .setResourceName(name)
                .setConfigurationKeys(keys);
    }

    @Test
    void badChangesNeverReachTheController() {
        IncrementalAlterConfigsRequestData data = new IncrementalAlterConfigsRequestData();
        data.resources().add(change(2, "a", "retention.ms", 0, "soon"));
        data.resources().add(change(2, "b", "retention.ms", 2, "5"));
        data.resources().add(change(2, "c", "retention.ms", 9, "5"));
        data.resources().add(change(2, "d", "retention.ms", 0, null));
        data.resources().add(change(4, "1", "num.io.threads", 0, "5"));
        FakeContext request = new FakeContext(ApiKeys.INCREMENTAL_ALTER_CONFIGS, 1);
        new IncrementalAlterConfigsHandler(controller).handle(request, data);
        IncrementalAlterConfigsResponseData answer = request.answer();
        assertEquals(
                List.of(
                        Errors.INVALID_CONFIG.code(),
                        Errors.INVALID_CONFIG.code(),
                        Errors.INVALID_REQUEST.code(),
                        Errors.INVALID_REQUEST.code(),
                        Errors.INVALID_REQUEST.code()),
                answer.responses().stream().map(r -> r.errorCode()).toList());
        assertEquals(0, controller.asked.size());
    }

    @Test
    void topicsAndBrokersAreChangedByOneRequest() {
        IncrementalAlterConfigsRequestData data = new IncrementalAlterConfigsRequestData();
        data.resources().add(change(4, "", "leader.replication.throttled.rate", 0, "5"));
        data.resources().add(change(2, "a", "retention.ms", 0, "5"));
        data.resources().add(change(4, "7", "log.retention.ms", 1, null));
        FakeContext request = new FakeContext(ApiKeys.INCREMENTAL_ALTER_CONFIGS, 1);
        new IncrementalAlterConfigsHandler(controller).handle(request, data);
        assertEquals(2, controller.asked.size());
        ControllerCommand.AlterBrokerConfigs brokers =
                (ControllerCommand.AlterBrokerConfigs) controller.asked.get(1).command();
        assertEquals(Set.of("", "7"), brokers.changes().keySet());
        controller.asked.get(0).reply().complete(new ControllerReply.Refused(Refusal.of(Errors.NOT_CONTROLLER)));
        controller
                .asked
                .get(1)
                .reply()
                .complete(new ControllerReply.Resources(List.of(
                        new ControllerReply.ResourceResult("", Optional.empty()),
                        new ControllerReply.ResourceResult("7", Optional.of(Refusal.of(Errors.INVALID_REQUEST))))));
        IncrementalAlterConfigsResponseData answer = request.answer();
        assertEquals(
                List.of(Errors.NONE.code(), Errors.NOT_CONTROLLER.code(), Errors.INVALID_REQUEST.code()),
                answer.responses().stream().map(r -> r.errorCode()).toList());
    }

    @Test
    void producerIdsAreUniqueAndFetchedAhead() {
        InitProducerIdHandler handler = new InitProducerIdHandler(new ProducerIds(1, controller.metadata, controller));
        FakeContext first = initProducerId(handler, null);
        FakeContext second = initProducerId(handler, null);
        assertEquals(1, controller.asked.size());
        controller.asked.get(0).reply().complete(new ControllerReply.ProducerIds(1000, 3));
        assertEquals(1000, first.<InitProducerIdResponseData>answer().producerId());
        assertEquals(1001, second.<InitProducerIdResponseData>answer().producerId());
        assertEquals(
                1002,
                initProducerId(handler, null)
                        .<InitProducerIdResponseData>answer()
                        .producerId());
        assertEquals(2, controller.asked.size(), "the next block is asked for before it is needed");
        FakeContext waiting = initProducerId(handler, null);
        controller.asked.get(1).reply().complete(new ControllerReply.Refused(Refusal.of(Errors.REQUEST_TIMED_OUT)));
        assertEquals(
                Errors.COORDINATOR_LOAD_IN_PROGRESS.code(),
                waiting.<InitProducerIdResponseData>answer().errorCode());
        FakeContext transactional = initProducerId(handler, "t");
        assertEquals(
                Errors.CLUSTER_AUTHORIZATION_FAILED.code(),
                transactional.<InitProducerIdResponseData>answer().errorCode());
    }

    private static FakeContext initProducerId(InitProducerIdHandler handler, String transactionalId) {
        FakeContext request = new FakeContext(ApiKeys.INIT_PRODUCER_ID, 4);
        handler.handle(request, new InitProducerIdRequestData().setTransactionalId(transactionalId));
        return request;
    }
}
