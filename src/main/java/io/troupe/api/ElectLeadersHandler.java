package io.troupe.api;

import io.troupe.controller.ControllerClient;
import io.troupe.controller.ControllerCommand;
import io.troupe.controller.ControllerReply;
import io.troupe.controller.ControllerReply.PartitionResult;
import io.troupe.model.Refusal;
import io.troupe.protocol.ApiHandler;
import io.troupe.protocol.RequestContext;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.common.ElectionType;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.message.ElectLeadersRequestData;
import org.apache.kafka.common.message.ElectLeadersResponseData;
import org.apache.kafka.common.message.ElectLeadersResponseData.ReplicaElectionResult;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;

/**
 * ElectLeaders, versions 0 to 2: gives leaderships back to the preferred replicas or, from v1 on, leaders to partitions that
 * can have none without loss (KIP-460). Without partitions all are meant, and those that need no election are not told of.
 */
public final class ElectLeadersHandler implements ApiHandler<ElectLeadersRequestData> {
    private static final short FIRST_WITH_TYPES = 1;

    private final ControllerClient controller;

    public ElectLeadersHandler(ControllerClient controller) {
        this.controller = controller;
    }

    @Override
    public ApiKeys apiKey() {
        return ApiKeys.ELECT_LEADERS;
    }

    @Override
    public short minVersion() {
        return 0;
    }

    @Override
    public short maxVersion() {
        return 2;
    }

    @Override
    public void handle(RequestContext context, ElectLeadersRequestData request) {
        boolean typed = context.header().apiVersion() >= FIRST_WITH_TYPES;
        byte type = typed ? request.electionType() : ElectionType.PREFERRED.value;
        if (type != ElectionType.PREFERRED.value && type != ElectionType.UNCLEAN.value) {
            context.respond(new ElectLeadersResponseData().setErrorCode(Errors.INVALID_REQUEST.code()));
            return;
        }
        Optional<List<TopicPartition>> asked = Optional.ofNullable(request.topicPartitions())
                .map(topics -> {
                    List<TopicPartition> partitions = new ArrayList<>();
                    topics.forEach(t -> t.partitions().forEach(p -> partitions.add(new TopicPartition(t.topic(), p))));
                    return partitions;
                });
        controller
                .submit(
                        new ControllerCommand.ElectLeaders(ElectionType.valueOf(type), asked),
                        Timeouts.bounded(request.timeoutMs()))
                .thenAccept(reply -> context.respond(response(reply, asked.orElse(List.of()), typed)))
                .exceptionally(Unanswered.answer(context, request));
    }

    private static ElectLeadersResponseData response(
            ControllerReply reply, List<TopicPartition> asked, boolean hasErrorCode) {
        if (reply instanceof ControllerReply.Partitions partitions) {
            return new ElectLeadersResponseData().setReplicaElectionResults(results(partitions.results()));
        }
        Errors error = reply instanceof ControllerReply.Refused refused
                ? refused.refusal().error()
                : Errors.UNKNOWN_SERVER_ERROR;
        if (hasErrorCode) {
            return new ElectLeadersResponseData().setErrorCode(error.code());
        }
        // v0 can tell an error only of each partition.
        List<PartitionResult> all = new ArrayList<>();
        asked.forEach(p -> all.add(new PartitionResult(p.topic(), p.partition(), Optional.of(Refusal.of(error)))));
        return new ElectLeadersResponseData().setReplicaElectionResults(results(all));
    }

    private static List<ReplicaElectionResult> results(List<PartitionResult> results) {
        Map<String, ReplicaElectionResult> topics = new LinkedHashMap<>();
        for (PartitionResult result : results) {
            ElectLeadersResponseData.PartitionResult partition =
                    new ElectLeadersResponseData.PartitionResult().setPartitionId(result.partition());
            result.refusal()
                    .ifPresent(refusal ->
                            partition.setErrorCode(refusal.error().code()).setErrorMessage(refusal.message()));
            topics.computeIfAbsent(result.topic(), name -> new ReplicaElectionResult().setTopic(name))
                    .partitionResult()
                    .add(partition);
        }
        return new ArrayList<>(topics.values());
    }
}
