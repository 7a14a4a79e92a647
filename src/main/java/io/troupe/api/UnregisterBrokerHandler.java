package io.troupe.api;

import io.troupe.controller.ControllerClient;
import io.troupe.controller.ControllerCommand;
import io.troupe.controller.ControllerReply;
import io.troupe.model.Refusal;
import io.troupe.protocol.ApiHandler;
import io.troupe.protocol.RequestContext;
import org.apache.kafka.common.message.UnregisterBrokerRequestData;
import org.apache.kafka.common.message.UnregisterBrokerResponseData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;

/**
 * UnregisterBroker, version 0: forgets a broker that is gone for good. Its replicas stay assigned to it. A broker that runs is
 * refused with INVALID_REQUEST; Kafka forgets it, and refuses its heartbeats from then on, until it is started again.
 */
public final class UnregisterBrokerHandler implements ApiHandler<UnregisterBrokerRequestData> {
    private final ControllerClient controller;

    public UnregisterBrokerHandler(ControllerClient controller) {
        this.controller = controller;
    }

    @Override
    public ApiKeys apiKey() {
        return ApiKeys.UNREGISTER_BROKER;
    }

    @Override
    public short minVersion() {
        return 0;
    }

    @Override
    public short maxVersion() {
        return 0;
    }

    @Override
    public void handle(RequestContext context, UnregisterBrokerRequestData request) {
        controller
                .submit(new ControllerCommand.UnregisterBroker(request.brokerId()), Timeouts.DEFAULT_MS)
                .thenAccept(reply -> {
                    UnregisterBrokerResponseData response = new UnregisterBrokerResponseData();
                    if (reply != ControllerReply.Done.DONE) {
                        Refusal refusal = reply instanceof ControllerReply.Refused refused
                                ? refused.refusal()
                                : Refusal.of(Errors.UNKNOWN_SERVER_ERROR);
                        response.setErrorCode(refusal.error().code()).setErrorMessage(refusal.message());
                    }
                    context.respond(response);
                })
                .exceptionally(Unanswered.answer(context, request));
    }
}
