package io.troupe.api;

import io.troupe.config.HostPort;
import io.troupe.config.Listener;
import io.troupe.config.Voter;
import io.troupe.controller.ControllerClient;
import io.troupe.controller.ControllerCommand;
import io.troupe.controller.ControllerReply;
import io.troupe.controller.ControllerReply.QuorumReplica;
import io.troupe.metadata.BrokerImage;
import io.troupe.metadata.MetadataCache;
import io.troupe.model.Refusal;
import io.troupe.protocol.ApiHandler;
import io.troupe.protocol.RequestContext;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.DescribeQuorumRequestData;
import org.apache.kafka.common.message.DescribeQuorumResponseData;
import org.apache.kafka.common.message.DescribeQuorumResponseData.Node;
import org.apache.kafka.common.message.DescribeQuorumResponseData.PartitionData;
import org.apache.kafka.common.message.DescribeQuorumResponseData.ReplicaState;
import org.apache.kafka.common.message.DescribeQuorumResponseData.TopicData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;

/**
 * DescribeQuorum, versions 0 to 2: leader, epoch, voters and observers of the metadata quorum with how far each is. Any broker asks the
 * controller, which answers after a majority has confirmed that it leads. v1: when each was heard from and caught up (KIP-836). v2: the
 * voters' disks, error messages, and nodes (KIP-853), each with the Kafka listener that the client asked through, when it is a broker, and
 * as {@link #CONTROLLER} with its address in {@code controller.quorum.voters}, which is known of any voter.
 */
public final class DescribeQuorumHandler implements ApiHandler<DescribeQuorumRequestData> {
    /** The name of the listener that is a voter's. */
    public static final String CONTROLLER = "CONTROLLER";

    public static final short VERSION = 2;

    private static final String TOPIC = "__cluster_metadata";
    private static final int TIMEOUT_MS = 15_000;

    private final MetadataCache metadata;
    private final ControllerClient controller;
    private final Map<Integer, HostPort> addresses = new HashMap<>();

    /** @param voters where each is, as configured */
    public DescribeQuorumHandler(MetadataCache metadata, ControllerClient controller, List<Voter> voters) {
        this.metadata = metadata;
        this.controller = controller;
        voters.forEach(voter -> addresses.put(voter.nodeId(), voter.actorAddress()));
    }

    /** The request that this answers. */
    public static DescribeQuorumRequestData ask() {
        return new DescribeQuorumRequestData()
                .setTopics(List.of(new DescribeQuorumRequestData.TopicData()
                        .setTopicName(TOPIC)
                        .setPartitions(List.of(new DescribeQuorumRequestData.PartitionData().setPartitionIndex(0)))));
    }

    @Override
    public ApiKeys apiKey() {
        return ApiKeys.DESCRIBE_QUORUM;
    }

    @Override
    public short minVersion() {
        return 0;
    }

    @Override
    public short maxVersion() {
        return VERSION;
    }

    @Override
    public void handle(RequestContext context, DescribeQuorumRequestData request) {
        boolean known = request.topics().size() == 1
                && request.topics().get(0).topicName().equals(TOPIC)
                && request.topics().get(0).partitions().size() == 1
                && request.topics().get(0).partitions().get(0).partitionIndex() == 0;
        if (!known) {
            context.respond(
                    refused(request, Errors.UNKNOWN_TOPIC_OR_PARTITION, "The only quorum is that of " + TOPIC + "-0."));
            return;
        }
        controller
                .submit(ControllerCommand.DescribeQuorum.DESCRIBE_QUORUM, TIMEOUT_MS)
                .thenAccept(reply -> context.respond(answer(context, request, reply)))
                .exceptionally(Unanswered.answer(context, request));
    }

    private DescribeQuorumResponseData answer(
            RequestContext context, DescribeQuorumRequestData request, ControllerReply reply) {
        if (reply instanceof ControllerReply.QuorumState state) {
            return described(state, context.listener());
        }
        Refusal refusal = reply instanceof ControllerReply.Refused refused
                ? refused.refusal()
                : Refusal.of(Errors.UNKNOWN_SERVER_ERROR);
        return refused(request, refusal.error(), refusal.message());
    }

    private DescribeQuorumResponseData described(ControllerReply.QuorumState state, Listener cameInBy) {
        PartitionData partition = new PartitionData()
                .setPartitionIndex(0)
                .setLeaderId(state.leaderId())
                .setLeaderEpoch(state.leaderEpoch())
                .setHighWatermark(state.highWatermark())
                .setCurrentVoters(replicas(state.voters()))
                .setObservers(replicas(state.observers()));
        DescribeQuorumResponseData response = new DescribeQuorumResponseData()
                .setTopics(List.of(new TopicData().setTopicName(TOPIC).setPartitions(List.of(partition))));
        for (QuorumReplica voter : state.voters()) {
            Node node = new Node().setNodeId(voter.nodeId());
            Optional<BrokerImage> broker = metadata.current().broker(voter.nodeId());
            broker.flatMap(b -> Endpoints.of(b, cameInBy))
                    .ifPresent(address -> node.listeners().add(listener(cameInBy.name(), address)));
            HostPort own = addresses.get(voter.nodeId());
            // A lone voter's may be a port that the system chose.
            if (own != null && own.port() > 0) {
                node.listeners().add(listener(CONTROLLER, own));
            }
            response.nodes().add(node);
        }
        return response;
    }

    private static DescribeQuorumResponseData.Listener listener(String name, HostPort address) {
        return new DescribeQuorumResponseData.Listener()
                .setName(name)
                .setHost(address.host())
                .setPort(address.port());
    }

    private static List<ReplicaState> replicas(List<QuorumReplica> replicas) {
        return replicas.stream()
                .map(replica -> new ReplicaState()
                        .setReplicaId(replica.nodeId())
                        .setReplicaDirectoryId(replica.disk().orElse(Uuid.ZERO_UUID))
                        .setLogEndOffset(replica.logEndOffset())
                        .setLastFetchTimestamp(replica.heardMs())
                        .setLastCaughtUpTimestamp(replica.caughtUpMs()))
                .toList();
    }

    private static DescribeQuorumResponseData refused(DescribeQuorumRequestData request, Errors error, String message) {
        DescribeQuorumResponseData response = new DescribeQuorumResponseData();
        for (DescribeQuorumRequestData.TopicData topic : request.topics()) {
            response.topics()
                    .add(new TopicData()
                            .setTopicName(topic.topicName())
                            .setPartitions(topic.partitions().stream()
                                    .map(p -> new PartitionData()
                                            .setPartitionIndex(p.partitionIndex())
                                            .setErrorCode(error.code())
                                            .setErrorMessage(message))
                                    .toList()));
        }
        return response;
    }
}
