package io.troupe.api;

import io.troupe.api.ConfigAlteration.Asked;
import io.troupe.api.ConfigAlteration.Resource;
import io.troupe.controller.ControllerClient;
import io.troupe.controller.ControllerCommand.ConfigChange;
import io.troupe.protocol.ApiHandler;
import io.troupe.protocol.RequestContext;
import java.util.List;
import org.apache.kafka.clients.admin.AlterConfigOp.OpType;
import org.apache.kafka.common.message.AlterConfigsRequestData;
import org.apache.kafka.common.message.AlterConfigsResponseData;
import org.apache.kafka.common.message.AlterConfigsResponseData.AlterConfigsResourceResponse;
import org.apache.kafka.common.protocol.ApiKeys;

/**
 * AlterConfigs, versions 0 to 2, for topics, brokers and groups: states the whole set of overrides, and so drops all that it does not
 * name. Clients of today use {@link IncrementalAlterConfigsHandler IncrementalAlterConfigs}, which tells which settings of brokers may change.
 */
public final class AlterConfigsHandler implements ApiHandler<AlterConfigsRequestData> {
    private final ConfigAlteration alteration;

    public AlterConfigsHandler(ControllerClient controller) {
        this.alteration = new ConfigAlteration(controller);
    }

    @Override
    public ApiKeys apiKey() {
        return ApiKeys.ALTER_CONFIGS;
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
    public void handle(RequestContext context, AlterConfigsRequestData request) {
        List<Asked> asked = request.resources().stream()
                .map(resource -> new Asked(
                        new Resource(resource.resourceType(), resource.resourceName()),
                        resource.configs().stream()
                                .map(config -> new ConfigChange(config.name(), OpType.SET, config.value()))
                                .toList()))
                .toList();
        alteration
                .apply(asked, true, request.validateOnly())
                .thenAccept(results -> {
                    AlterConfigsResponseData response = new AlterConfigsResponseData();
                    results.forEach((resource, refusal) -> {
                        AlterConfigsResourceResponse result = new AlterConfigsResourceResponse()
                                .setResourceType(resource.type())
                                .setResourceName(resource.name());
                        refusal.ifPresent(
                                r -> result.setErrorCode(r.error().code()).setErrorMessage(r.message()));
                        response.responses().add(result);
                    });
                    context.respond(response);
                })
                .exceptionally(Unanswered.answer(context, request));
    }
}
