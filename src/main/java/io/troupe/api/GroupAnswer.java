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

    /** Answers when the stage completes. */
    static void send(RequestContext context, ApiMessage request, CompletionStage<? extends ApiMessage> answer) {
        answer.thenAccept(context::respond).exceptionally(Unanswered.answer(context, request));
    }
}
