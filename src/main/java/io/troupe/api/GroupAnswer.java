package io.troupe.api;

import io.troupe.group.GroupService.Caller;
import io.troupe.protocol.RequestContext;
import java.util.concurrent.CompletionStage;
import org.apache.kafka.common.protocol.ApiMessage;

/** What the handlers of group requests have in common. */
final class GroupAnswer {
    private GroupAnswer() {}

    static Caller caller(RequestContext context) {
        String clientId = context.header().clientId();
        return new Caller(
                clientId == null ? "" : clientId,
                context.clientAddress().toString(),
                context.header().apiVersion());
    }

    /** Answers when the stage completes; a stage that fails against its contract closes the connection. */
    static void send(RequestContext context, CompletionStage<? extends ApiMessage> answer) {
        answer.whenComplete((response, failure) -> {
            if (failure == null) {
                context.respond(response);
            } else {
                context.closeConnection("a group request failed: " + failure);
            }
        });
    }
}
