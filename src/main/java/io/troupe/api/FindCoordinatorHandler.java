package io.troupe.api;

import io.troupe.config.HostPort;
import io.troupe.group.GroupService;
import io.troupe.metadata.BrokerImage;
import io.troupe.metadata.MetadataCache;
import io.troupe.metadata.MetadataImage;
import io.troupe.metadata.PartitionImage;
import io.troupe.metadata.TopicImage;
import io.troupe.model.Refusal;
import io.troupe.protocol.ApiHandler;
import io.troupe.protocol.RateLimitedLog;
import io.troupe.protocol.RequestContext;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.apache.kafka.common.internals.Topic;
import org.apache.kafka.common.message.FindCoordinatorRequestData;
import org.apache.kafka.common.message.FindCoordinatorResponseData;
import org.apache.kafka.common.message.FindCoordinatorResponseData.Coordinator;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;
import org.slf4j.LoggerFactory;

/**
 * FindCoordinator, versions 0 to 6: a group's coordinator is the leader of its partition of {@code __consumer_offsets},
 * which is created on the first question. v1: key types; v4: many keys at once.
 *
 * <p>Known gap: transactions. A transactional id is refused with CLUSTER_AUTHORIZATION_FAILED, which is no good name for it
 * but the one error that ends a producer at once with the message shown, in librdkafka (which retries nearly all others
 * until its time-out) and in the Java client (which drops the message of TRANSACTIONAL_ID_AUTHORIZATION_FAILED).
 */
public final class FindCoordinatorHandler implements ApiHandler<FindCoordinatorRequestData> {
    private static final short BATCHED_SINCE = 4;
    private static final byte GROUP = 0;
    private static final byte TRANSACTION = 1;

    private final RateLimitedLog refusals = new RateLimitedLog(LoggerFactory.getLogger(FindCoordinatorHandler.class));
    private final MetadataCache metadata;
    private final AutoTopicCreation creation;

    public FindCoordinatorHandler(MetadataCache metadata, AutoTopicCreation creation) {
        this.metadata = metadata;
        this.creation = creation;
    }

    @Override
    public ApiKeys apiKey() {
        return ApiKeys.FIND_COORDINATOR;
    }

    @Override
    public short minVersion() {
        return 0;
    }

    @Override
    public short maxVersion() {
        return 6;
    }

    @Override
    public void handle(RequestContext context, FindCoordinatorRequestData request) {
        if (request.keyType() == TRANSACTION) {
            String client = context.clientAddress().getHostAddress();
            refusals.warn(
                    client,
                    "Refusing a transactional.id of a client at " + client
                            + ": Troupe does not support transactions yet. Use a producer without transactional.id.");
        }
        boolean offsetsTopic =
                metadata.current().topic(Topic.GROUP_METADATA_TOPIC_NAME).isPresent();
        if (request.keyType() != GROUP || offsetsTopic) {
            respond(context, request, Optional.empty());
            return;
        }
        creation.ensure(Set.of(Topic.GROUP_METADATA_TOPIC_NAME))
                .thenAccept(results -> respond(
                        context, request, results.getOrDefault(Topic.GROUP_METADATA_TOPIC_NAME, Optional.empty())))
                .exceptionally(Unanswered.answer(context, request));
    }

    private void respond(
            RequestContext context, FindCoordinatorRequestData request, Optional<Refusal> creationRefused) {
        MetadataImage image = metadata.current();
        if (context.header().apiVersion() < BATCHED_SINCE) {
            Coordinator found = find(context, image, request.keyType(), request.key(), creationRefused);
            context.respond(new FindCoordinatorResponseData()
                    .setErrorCode(found.errorCode())
                    .setErrorMessage(found.errorMessage())
                    .setNodeId(found.nodeId())
                    .setHost(found.host())
                    .setPort(found.port()));
            return;
        }
        List<Coordinator> found = new ArrayList<>(request.coordinatorKeys().size());
        for (String key : request.coordinatorKeys()) {
            found.add(find(context, image, request.keyType(), key, creationRefused));
        }
        context.respond(new FindCoordinatorResponseData().setCoordinators(found));
    }

    private static Coordinator find(
            RequestContext context, MetadataImage image, byte keyType, String key, Optional<Refusal> creationRefused) {
        if (keyType == TRANSACTION) {
            return none(
                    key,
                    Errors.CLUSTER_AUTHORIZATION_FAILED,
                    "Transactions are not supported yet; use a producer without transactional.id.");
        }
        if (keyType != GROUP) {
            return none(key, Errors.INVALID_REQUEST, "Key type " + keyType + " is not supported, only 0 (group).");
        }
        Optional<TopicImage> topic = image.topic(Topic.GROUP_METADATA_TOPIC_NAME);
        if (topic.isEmpty()) {
            return none(
                    key,
                    Errors.COORDINATOR_NOT_AVAILABLE,
                    creationRefused.map(Refusal::message).orElse("The topic of group offsets is being created."));
        }
        List<PartitionImage> partitions = topic.get().partitions();
        PartitionImage partition = partitions.get(GroupService.partitionFor(key, partitions.size()));
        Optional<HostPort> address = image.broker(partition.leader())
                .filter(broker -> !broker.fenced())
                .flatMap((BrokerImage broker) -> Endpoints.of(broker, context.listener()));
        if (address.isEmpty()) {
            return none(
                    key,
                    Errors.COORDINATOR_NOT_AVAILABLE,
                    "Partition " + partition.partition() + " of " + topic.get().name()
                            + ", which holds the group, has no leader that is reached by listener "
                            + context.listener().name() + ".");
        }
        return new Coordinator()
                .setKey(key)
                .setErrorMessage("")
                .setNodeId(partition.leader())
                .setHost(address.get().host())
                .setPort(address.get().port());
    }

    private static Coordinator none(String key, Errors error, String message) {
        return new Coordinator()
                .setKey(key)
                .setErrorCode(error.code())
                .setErrorMessage(message)
                .setNodeId(-1)
                .setHost("")
                .setPort(-1);
    }
}
