package io.troupe.server;

import io.troupe.api.AlterConfigsHandler;
import io.troupe.api.AlterPartitionReassignmentsHandler;
import io.troupe.api.ApiVersionsHandler;
import io.troupe.api.AutoTopicCreation;
import io.troupe.api.ConsumerGroupDescribeHandler;
import io.troupe.api.ConsumerGroupHeartbeatHandler;
import io.troupe.api.CreatePartitionsHandler;
import io.troupe.api.CreateTopicsHandler;
import io.troupe.api.DeleteGroupsHandler;
import io.troupe.api.DeleteRecordsHandler;
import io.troupe.api.DeleteTopicsHandler;
import io.troupe.api.DescribeClusterHandler;
import io.troupe.api.DescribeConfigsHandler;
import io.troupe.api.DescribeGroupsHandler;
import io.troupe.api.DescribeLogDirsHandler;
import io.troupe.api.DescribeQuorumHandler;
import io.troupe.api.DescribeTopicPartitionsHandler;
import io.troupe.api.ElectLeadersHandler;
import io.troupe.api.FetchHandler;
import io.troupe.api.FindCoordinatorHandler;
import io.troupe.api.HeartbeatHandler;
import io.troupe.api.IncrementalAlterConfigsHandler;
import io.troupe.api.InitProducerIdHandler;
import io.troupe.api.JoinGroupHandler;
import io.troupe.api.LeaveGroupHandler;
import io.troupe.api.ListConfigResourcesHandler;
import io.troupe.api.ListGroupsHandler;
import io.troupe.api.ListOffsetsHandler;
import io.troupe.api.ListPartitionReassignmentsHandler;
import io.troupe.api.MetadataHandler;
import io.troupe.api.OffsetCommitHandler;
import io.troupe.api.OffsetDeleteHandler;
import io.troupe.api.OffsetFetchHandler;
import io.troupe.api.OffsetForLeaderEpochHandler;
import io.troupe.api.ProduceHandler;
import io.troupe.api.ProducerIds;
import io.troupe.api.ReadLanes;
import io.troupe.api.SyncGroupHandler;
import io.troupe.api.TrafficStats;
import io.troupe.api.UnregisterBrokerHandler;
import io.troupe.config.BrokerConfig;
import io.troupe.controller.ControllerClient;
import io.troupe.group.GroupService;
import io.troupe.journal.Journals;
import io.troupe.metadata.MetadataCache;
import io.troupe.partition.LocalReplicas;
import io.troupe.partition.UsableTopics;
import io.troupe.protocol.ApiDispatcher;
import io.troupe.protocol.ApiHandler;
import io.troupe.protocol.NetworkStats;
import java.util.ArrayList;
import java.util.List;

/** The API keys that a broker serves, each with its handler. */
final class Handlers implements AutoCloseable {
    private final FetchHandler fetch;
    private final ProduceHandler produce;
    private final ApiDispatcher dispatcher;

    Handlers(
            BrokerConfig config,
            MetadataCache metadata,
            LocalReplicas replicas,
            Journals journals,
            Guardian.Started services,
            ReadLanes reads,
            NetworkStats stats,
            TrafficStats traffic) {
        ControllerClient controller = new UsableTopics(services.controller(), metadata, replicas, config.nodeId());
        GroupService groups = services.groups();
        AutoTopicCreation creation = new AutoTopicCreation(config, metadata, controller);
        produce = new ProduceHandler(config, metadata, replicas, traffic);
        fetch = new FetchHandler(config, metadata, replicas, reads, stats, traffic);
        List<ApiHandler<?>> handlers = new ArrayList<>(List.of(
                produce,
                fetch,
                new ListOffsetsHandler(metadata, replicas, reads.old()),
                new OffsetForLeaderEpochHandler(metadata, replicas),
                new InitProducerIdHandler(new ProducerIds(config.nodeId(), metadata, controller)),
                new MetadataHandler(config, metadata, replicas, creation),
                new DescribeClusterHandler(config, metadata),
                new DescribeQuorumHandler(metadata, controller, config.voters()),
                new CreateTopicsHandler(config, metadata, controller),
                new DeleteTopicsHandler(config, controller),
                new CreatePartitionsHandler(controller),
                new AlterPartitionReassignmentsHandler(controller),
                new ListPartitionReassignmentsHandler(metadata),
                new ElectLeadersHandler(controller),
                new DescribeTopicPartitionsHandler(metadata),
                new UnregisterBrokerHandler(controller),
                new DeleteRecordsHandler(metadata, replicas),
                new DescribeConfigsHandler(config, metadata),
                new IncrementalAlterConfigsHandler(controller),
                new AlterConfigsHandler(controller),
                new ListConfigResourcesHandler(metadata),
                new DescribeLogDirsHandler(metadata, journals::usage, reads.old()),
                new FindCoordinatorHandler(metadata, creation),
                new JoinGroupHandler(groups),
                new SyncGroupHandler(groups),
                new HeartbeatHandler(groups),
                new LeaveGroupHandler(groups),
                new OffsetCommitHandler(groups),
                new OffsetFetchHandler(groups),
                new OffsetDeleteHandler(groups),
                new ConsumerGroupHeartbeatHandler(groups),
                new ConsumerGroupDescribeHandler(groups),
                new DescribeGroupsHandler(groups),
                new ListGroupsHandler(groups),
                new DeleteGroupsHandler(groups)));
        handlers.add(new ApiVersionsHandler(handlers, metadata, config.nodeId()));
        dispatcher = new ApiDispatcher(handlers);
    }

    ApiDispatcher dispatcher() {
        return dispatcher;
    }

    @Override
    public void close() {
        produce.close();
        fetch.close();
    }
}
