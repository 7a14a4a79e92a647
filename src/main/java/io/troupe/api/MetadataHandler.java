package io.troupe.api;

import io.troupe.config.BrokerConfig;
import io.troupe.metadata.BrokerImage;
import io.troupe.metadata.MetadataCache;
import io.troupe.metadata.MetadataImage;
import io.troupe.metadata.PartitionImage;
import io.troupe.metadata.TopicImage;
import io.troupe.model.Refusal;
import io.troupe.partition.LocalReplicas;
import io.troupe.protocol.ApiHandler;
import io.troupe.protocol.RequestContext;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.errors.InvalidTopicException;
import org.apache.kafka.common.internals.Topic;
import org.apache.kafka.common.message.MetadataRequestData;
import org.apache.kafka.common.message.MetadataRequestData.MetadataRequestTopic;
import org.apache.kafka.common.message.MetadataResponseData;
import org.apache.kafka.common.message.MetadataResponseData.MetadataResponseBroker;
import org.apache.kafka.common.message.MetadataResponseData.MetadataResponsePartition;
import org.apache.kafka.common.message.MetadataResponseData.MetadataResponseTopic;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;

/**
 * Metadata, versions 0 to 13: brokers, topics and leaders from this broker's image. A topic that is asked for and may be
 * created is created first, so that the answer already names its leaders.
 *
 * <p>v0: an empty list means all topics; later null does, and an empty list means none. v4: the client says whether it
 * wants topics created. v5: offline replicas. v10: topics by id (KIP-516); v12: the name may then be null.
 * Authorized operations are not told.
 */
public final class MetadataHandler implements ApiHandler<MetadataRequestData> {
    private static final short NULL_NAMES_SINCE = 12;
    private static final short LISTENER_NOT_FOUND_SINCE = 6;

    private final BrokerConfig config;
    private final MetadataCache metadata;
    private final LocalReplicas replicas;
    private final AutoTopicCreation creation;

    public MetadataHandler(
            BrokerConfig config, MetadataCache metadata, LocalReplicas replicas, AutoTopicCreation creation) {
        this.config = config;
        this.metadata = metadata;
        this.replicas = replicas;
        this.creation = creation;
    }

    @Override
    public ApiKeys apiKey() {
        return ApiKeys.METADATA;
    }

    @Override
    public short minVersion() {
        return 0;
    }

    @Override
    public short maxVersion() {
        return 13;
    }

    /** What one entry of the request asks for: a name, or an id with a null name. */
    private record Asked(String name, Uuid topicId) {}

    @Override
    public void handle(RequestContext context, MetadataRequestData request) {
        MetadataImage image = metadata.current();
        List<MetadataRequestTopic> topics = request.topics();
        boolean all = topics == null || context.header().apiVersion() == 0 && topics.isEmpty();
        if (all) {
            respond(
                    context,
                    image,
                    image.topics().keySet().stream()
                            .map(name -> new Asked(name, Uuid.ZERO_UUID))
                            .collect(Collectors.toCollection(LinkedHashSet::new)),
                    Map.of());
            return;
        }
        Set<Asked> asked = new LinkedHashSet<>();
        Set<String> missing = new LinkedHashSet<>();
        for (MetadataRequestTopic topic : topics) {
            boolean byId = !topic.topicId().equals(Uuid.ZERO_UUID);
            asked.add(new Asked(byId ? null : topic.name(), topic.topicId()));
            if (!byId && legal(topic.name()) && image.topic(topic.name()).isEmpty()) {
                missing.add(topic.name());
            }
        }
        boolean create = request.allowAutoTopicCreation() && config.autoCreateTopicsEnable();
        // Transactions do not exist yet, so their topic is not made either.
        missing.remove(Topic.TRANSACTION_STATE_TOPIC_NAME);
        if (missing.isEmpty() || !create) {
            respond(context, image, asked, Map.of());
        } else {
            creation.ensure(missing)
                    .thenAccept(results -> respond(context, metadata.current(), asked, results))
                    .exceptionally(Unanswered.answer(context, request));
        }
    }

    private void respond(
            RequestContext context, MetadataImage image, Set<Asked> asked, Map<String, Optional<Refusal>> creations) {
        MetadataResponseData response = new MetadataResponseData().setClusterId(image.clusterId());
        for (BrokerImage broker : image.brokers()) {
            if (!broker.fenced()) {
                Endpoints.of(broker, context.listener()).ifPresent(address -> response.brokers()
                        .add(new MetadataResponseBroker()
                                .setNodeId(broker.brokerId())
                                .setHost(address.host())
                                .setPort(address.port())
                                .setRack(broker.rack().orElse(null))));
            }
        }
        response.setControllerId(controllerId(image, response));
        for (Asked topic : asked) {
            response.topics().add(topic(context, image, topic, creations));
        }
        context.respond(response);
    }

    /** Any broker takes a client's commands to the controller, so one is named that the client can reach. */
    private int controllerId(MetadataImage image, MetadataResponseData response) {
        if (!metadata.controllerSilent() && response.brokers().find(image.controllerId()) != null) {
            return image.controllerId();
        }
        return response.brokers().find(config.nodeId()) != null ? config.nodeId() : -1;
    }

    private MetadataResponseTopic topic(
            RequestContext context, MetadataImage image, Asked asked, Map<String, Optional<Refusal>> creations) {
        short version = context.header().apiVersion();
        Optional<TopicImage> found = asked.name() == null ? image.topic(asked.topicId()) : image.topic(asked.name());
        if (found.isEmpty()) {
            String name = asked.name() == null && version < NULL_NAMES_SINCE ? "" : asked.name();
            return new MetadataResponseTopic()
                    .setName(name)
                    .setTopicId(asked.topicId())
                    .setIsInternal(name != null && TopicImage.isInternal(name))
                    .setErrorCode(absent(asked, creations).code());
        }
        TopicImage topic = found.get();
        List<MetadataResponsePartition> partitions =
                new ArrayList<>(topic.partitions().size());
        for (PartitionImage partition : topic.partitions()) {
            partitions.add(partition(context, image, topic, partition));
        }
        return new MetadataResponseTopic()
                .setName(topic.name())
                .setTopicId(topic.topicId())
                .setIsInternal(topic.internal())
                .setPartitions(partitions);
    }

    private static Errors absent(Asked asked, Map<String, Optional<Refusal>> creations) {
        if (asked.name() == null) {
            return asked.topicId().equals(Uuid.ZERO_UUID) ? Errors.INVALID_REQUEST : Errors.UNKNOWN_TOPIC_ID;
        }
        if (!legal(asked.name())) {
            return Errors.INVALID_TOPIC_EXCEPTION;
        }
        Errors refused = creations
                .getOrDefault(asked.name(), Optional.empty())
                .map(Refusal::error)
                .orElse(Errors.UNKNOWN_TOPIC_OR_PARTITION);
        return switch (refused) {
            // The rest (no controller, time-out) passes: to a client the topic is simply not there yet.
            case INVALID_TOPIC_EXCEPTION, INVALID_REPLICATION_FACTOR -> refused;
            default -> Errors.UNKNOWN_TOPIC_OR_PARTITION;
        };
    }

    /**
     * A partition of this broker's own is announced once its Replica takes writes. Earlier, an idempotent producer's first batches
     * would be refused and a later one, sent at the same time, taken: a partition that knows nothing of a producer takes any sequence,
     * and refuses the earlier ones from then on.
     */
    private MetadataResponsePartition partition(
            RequestContext context, MetadataImage image, TopicImage topic, PartitionImage partition) {
        boolean opening = partition.leader() == config.nodeId()
                && replicas.leader(topic.topicId(), partition.partition()) == null;
        Optional<BrokerImage> leader = image.broker(partition.leader()).filter(broker -> !broker.fenced() && !opening);
        boolean reachable = leader.flatMap(broker -> Endpoints.of(broker, context.listener()))
                .isPresent();
        Errors error = Errors.NONE;
        if (!reachable) {
            error = leader.isPresent() && context.header().apiVersion() >= LISTENER_NOT_FOUND_SINCE
                    ? Errors.LISTENER_NOT_FOUND
                    : Errors.LEADER_NOT_AVAILABLE;
        }
        return new MetadataResponsePartition()
                .setErrorCode(error.code())
                .setPartitionIndex(partition.partition())
                .setLeaderId(reachable ? partition.leader() : PartitionImage.NO_LEADER)
                .setLeaderEpoch(partition.leaderEpoch())
                .setReplicaNodes(partition.replicas())
                .setIsrNodes(partition.isr())
                .setOfflineReplicas(partition.replicas().stream()
                        .filter(id -> partition.offline().contains(id)
                                || image.broker(id).map(BrokerImage::fenced).orElse(true))
                        .toList());
    }

    private static boolean legal(String name) {
        try {
            if (name != null) {
                Topic.validate(name);
            }
            return name != null;
        } catch (InvalidTopicException e) {
            return false;
        }
    }
}
