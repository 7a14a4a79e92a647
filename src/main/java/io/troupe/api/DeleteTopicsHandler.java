package io.troupe.api;

import io.troupe.config.BrokerConfig;
import io.troupe.controller.ControllerClient;
import io.troupe.controller.ControllerCommand;
import io.troupe.controller.ControllerCommand.TopicRef;
import io.troupe.controller.ControllerReply;
import io.troupe.controller.ControllerReply.TopicResult;
import io.troupe.model.Refusal;
import io.troupe.protocol.ApiHandler;
import io.troupe.protocol.RequestContext;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.DeleteTopicsRequestData;
import org.apache.kafka.common.message.DeleteTopicsResponseData;
import org.apache.kafka.common.message.DeleteTopicsResponseData.DeletableTopicResult;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;

/** DeleteTopics, versions 1 to 6: by name, from v6 also by topic id. Topics listed twice are refused, all others go on. */
public final class DeleteTopicsHandler implements ApiHandler<DeleteTopicsRequestData> {
    private static final short DELETION_DISABLED_SINCE = 3;
    private static final short TOPIC_IDS_SINCE = 6;

    private final BrokerConfig config;
    private final ControllerClient controller;

    public DeleteTopicsHandler(BrokerConfig config, ControllerClient controller) {
        this.config = config;
        this.controller = controller;
    }

    @Override
    public ApiKeys apiKey() {
        return ApiKeys.DELETE_TOPICS;
    }

    @Override
    public short minVersion() {
        return 1;
    }

    @Override
    public short maxVersion() {
        return 6;
    }

    @Override
    public void handle(RequestContext context, DeleteTopicsRequestData request) {
        short version = context.header().apiVersion();
        List<TopicRef> asked = new ArrayList<>();
        if (version >= TOPIC_IDS_SINCE) {
            request.topics().forEach(t -> asked.add(new TopicRef(t.name(), t.topicId())));
        } else {
            request.topicNames().forEach(name -> asked.add(new TopicRef(name, Uuid.ZERO_UUID)));
        }
        Map<TopicRef, Integer> times = new HashMap<>();
        asked.forEach(ref -> times.merge(ref, 1, Integer::sum));

        List<DeletableTopicResult> results = new ArrayList<>();
        List<TopicRef> wanted = new ArrayList<>();
        List<Integer> places = new ArrayList<>();
        for (TopicRef ref : asked) {
            Refusal refusal = check(ref, times.get(ref), version);
            if (refusal == null) {
                places.add(results.size());
                wanted.add(ref);
            }
            results.add(result(ref, refusal));
        }
        if (wanted.isEmpty()) {
            respond(context, results);
            return;
        }
        controller
                .submit(new ControllerCommand.DeleteTopics(wanted), Timeouts.bounded(request.timeoutMs()))
                .thenAccept(reply -> {
                    List<TopicResult> done =
                            reply instanceof ControllerReply.Topics topics ? topics.results() : List.of();
                    Refusal all = reply instanceof ControllerReply.Refused refused
                            ? refused.refusal()
                            : Refusal.of(Errors.UNKNOWN_SERVER_ERROR);
                    for (int i = 0; i < wanted.size(); i++) {
                        results.set(
                                places.get(i),
                                i < done.size() ? result(wanted.get(i), done.get(i)) : result(wanted.get(i), all));
                    }
                    respond(context, results);
                })
                .exceptionally(Unanswered.answer(context, request));
    }

    private Refusal check(TopicRef ref, int times, short version) {
        boolean byId = !ref.topicId().equals(Uuid.ZERO_UUID);
        if (!config.deleteTopicEnable()) {
            return new Refusal(
                    version >= DELETION_DISABLED_SINCE ? Errors.TOPIC_DELETION_DISABLED : Errors.INVALID_REQUEST,
                    "Topics cannot be deleted: delete.topic.enable is false.");
        }
        if (byId == (ref.name() != null)) {
            return new Refusal(Errors.INVALID_REQUEST, "A topic to delete is given either by its name or by its id.");
        }
        if (times > 1) {
            return new Refusal(
                    Errors.INVALID_REQUEST, "Topic " + (byId ? ref.topicId() : ref.name()) + " is listed twice.");
        }
        return null;
    }

    private static DeletableTopicResult result(TopicRef ref, TopicResult done) {
        DeletableTopicResult result = result(ref, done.refusal().orElse(null));
        if (done.refusal().isEmpty()) {
            result.setName(done.name() == null ? ref.name() : done.name());
            result.setTopicId(done.topicId() == null ? ref.topicId() : done.topicId());
        }
        return result;
    }

    private static DeletableTopicResult result(TopicRef ref, Refusal refusal) {
        DeletableTopicResult result =
                new DeletableTopicResult().setName(ref.name()).setTopicId(ref.topicId());
        return refusal == null
                ? result
                : result.setErrorCode(refusal.error().code()).setErrorMessage(refusal.message());
    }

    private static void respond(RequestContext context, List<DeletableTopicResult> results) {
        DeleteTopicsResponseData response = new DeleteTopicsResponseData();
        results.forEach(result -> response.responses().add(result));
        context.respond(response);
    }
}
