package io.troupe.api;

import io.troupe.controller.ControllerClient;
import io.troupe.controller.ControllerCommand;
import io.troupe.controller.ControllerCommand.MorePartitions;
import io.troupe.controller.ControllerReply;
import io.troupe.model.Refusal;
import io.troupe.protocol.ApiHandler;
import io.troupe.protocol.RequestContext;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.common.message.CreatePartitionsRequestData;
import org.apache.kafka.common.message.CreatePartitionsRequestData.CreatePartitionsTopic;
import org.apache.kafka.common.message.CreatePartitionsResponseData;
import org.apache.kafka.common.message.CreatePartitionsResponseData.CreatePartitionsTopicResult;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;

/**
 * CreatePartitions, versions 0 to 3: gives topics more partitions, placed by the controller or where the request says. A
 * topic listed twice is refused, all others go on. Partitions of internal topics are not added.
 */
public final class CreatePartitionsHandler implements ApiHandler<CreatePartitionsRequestData> {
    private final ControllerClient controller;

    public CreatePartitionsHandler(ControllerClient controller) {
        this.controller = controller;
    }

    @Override
    public ApiKeys apiKey() {
        return ApiKeys.CREATE_PARTITIONS;
    }

    @Override
    public short minVersion() {
        return 0;
    }

    @Override
    public short maxVersion() {
        return 3;
    }

    @Override
    public void handle(RequestContext context, CreatePartitionsRequestData request) {
        Map<String, CreatePartitionsTopicResult> results = new LinkedHashMap<>();
        Map<String, MorePartitions> wanted = new LinkedHashMap<>();
        for (CreatePartitionsTopic topic : request.topics()) {
            String name = topic.name();
            if (results.containsKey(name)) {
                wanted.remove(name);
                results.put(
                        name, result(name, new Refusal(Errors.INVALID_REQUEST, "Topic " + name + " is listed twice.")));
                continue;
            }
            results.put(name, null);
            wanted.put(name, morePartitions(topic));
        }
        if (wanted.isEmpty()) {
            respond(context, results);
            return;
        }
        controller
                .submit(
                        new ControllerCommand.CreatePartitions(List.copyOf(wanted.values()), request.validateOnly()),
                        Timeouts.bounded(request.timeoutMs()))
                .thenAccept(reply -> {
                    if (reply instanceof ControllerReply.Topics topics) {
                        topics.results()
                                .forEach(r -> results.replace(
                                        r.name(), result(r.name(), r.refusal().orElse(null))));
                    }
                    Refusal all = reply instanceof ControllerReply.Refused refused
                            ? refused.refusal()
                            : Refusal.of(Errors.UNKNOWN_SERVER_ERROR);
                    results.replaceAll((name, r) -> r == null ? result(name, all) : r);
                    respond(context, results);
                })
                .exceptionally(Unanswered.answer(context, request));
    }

    private static MorePartitions morePartitions(CreatePartitionsTopic topic) {
        if (topic.assignments() == null) {
            return new MorePartitions(topic.name(), topic.count(), Optional.empty());
        }
        List<List<Integer>> assignment = new ArrayList<>();
        topic.assignments().forEach(a -> assignment.add(List.copyOf(a.brokerIds())));
        return new MorePartitions(topic.name(), topic.count(), Optional.of(assignment));
    }

    private static CreatePartitionsTopicResult result(String name, Refusal refusal) {
        CreatePartitionsTopicResult result = new CreatePartitionsTopicResult().setName(name);
        return refusal == null
                ? result
                : result.setErrorCode(refusal.error().code()).setErrorMessage(refusal.message());
    }

    private static void respond(RequestContext context, Map<String, CreatePartitionsTopicResult> results) {
        context.respond(new CreatePartitionsResponseData().setResults(List.copyOf(results.values())));
    }
}
