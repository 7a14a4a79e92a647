package io.troupe.api;

import io.troupe.controller.ControllerClient;
import io.troupe.controller.ControllerCommand;
import io.troupe.controller.ControllerCommand.Reassignment;
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
import org.apache.kafka.common.message.AlterPartitionReassignmentsRequestData;
import org.apache.kafka.common.message.AlterPartitionReassignmentsResponseData;
import org.apache.kafka.common.message.AlterPartitionReassignmentsResponseData.ReassignablePartitionResponse;
import org.apache.kafka.common.message.AlterPartitionReassignmentsResponseData.ReassignableTopicResponse;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;

/**
 * AlterPartitionReassignments, versions 0 and 1: begins, replaces and cancels moves of replicas (KIP-455). Each partition
 * succeeds or fails by itself. v1: the client may forbid another replication factor (KIP-860).
 */
public final class AlterPartitionReassignmentsHandler implements ApiHandler<AlterPartitionReassignmentsRequestData> {
    private final ControllerClient controller;

    public AlterPartitionReassignmentsHandler(ControllerClient controller) {
        this.controller = controller;
    }

    @Override
    public ApiKeys apiKey() {
        return ApiKeys.ALTER_PARTITION_REASSIGNMENTS;
    }

    @Override
    public short minVersion() {
        return 0;
    }

    @Override
    public short maxVersion() {
        return 1;
    }

    @Override
    public void handle(RequestContext context, AlterPartitionReassignmentsRequestData request) {
        List<Reassignment> wanted = new ArrayList<>();
        request.topics().forEach(topic -> topic.partitions()
                .forEach(p -> wanted.add(new Reassignment(
                        topic.name(),
                        p.partitionIndex(),
                        Optional.ofNullable(p.replicas()).map(List::copyOf)))));
        controller
                .submit(
                        new ControllerCommand.AlterReassignments(wanted, request.allowReplicationFactorChange()),
                        Timeouts.bounded(request.timeoutMs()))
                .thenAccept(reply -> context.respond(response(reply, wanted, request.allowReplicationFactorChange())))
                .exceptionally(Unanswered.answer(context, request));
    }

    private static AlterPartitionReassignmentsResponseData response(
            ControllerReply reply, List<Reassignment> wanted, boolean factorChange) {
        AlterPartitionReassignmentsResponseData response =
                new AlterPartitionReassignmentsResponseData().setAllowReplicationFactorChange(factorChange);
        if (reply instanceof ControllerReply.Partitions partitions) {
            return response.setResponses(topics(partitions.results()));
        }
        Refusal refusal = reply instanceof ControllerReply.Refused refused
                ? refused.refusal()
                : Refusal.of(Errors.UNKNOWN_SERVER_ERROR);
        // Kafka's client takes the error of all for an answer only if each partition is named beside it.
        List<PartitionResult> all = wanted.stream()
                .map(w -> new PartitionResult(w.topic(), w.partition(), Optional.of(refusal)))
                .toList();
        return response.setErrorCode(refusal.error().code())
                .setErrorMessage(refusal.message())
                .setResponses(topics(all));
    }

    private static List<ReassignableTopicResponse> topics(List<PartitionResult> results) {
        Map<String, ReassignableTopicResponse> topics = new LinkedHashMap<>();
        for (PartitionResult result : results) {
            ReassignablePartitionResponse partition =
                    new ReassignablePartitionResponse().setPartitionIndex(result.partition());
            result.refusal()
                    .ifPresent(refusal ->
                            partition.setErrorCode(refusal.error().code()).setErrorMessage(refusal.message()));
            topics.computeIfAbsent(result.topic(), name -> new ReassignableTopicResponse().setName(name))
                    .partitions()
                    .add(partition);
        }
        return new ArrayList<>(topics.values());
    }
}
