package io.troupe.api;

import io.troupe.api.ConfigAlteration.Asked;
import io.troupe.api.ConfigAlteration.Resource;
import io.troupe.controller.ControllerClient;
import io.troupe.controller.ControllerCommand.ConfigChange;
import io.troupe.protocol.ApiHandler;
import io.troupe.protocol.RequestContext;
import java.util.List;
import org.apache.kafka.clients.admin.AlterConfigOp.OpType;
import org.apache.kafka.common.message.IncrementalAlterConfigsRequestData;
import org.apache.kafka.common.message.IncrementalAlterConfigsResponseData;
import org.apache.kafka.common.message.IncrementalAlterConfigsResponseData.AlterConfigsResourceResponse;
import org.apache.kafka.common.protocol.ApiKeys;

/**
 * IncrementalAlterConfigs, versions 0 and 1, for topics, brokers and groups: sets, deletes, appends to and subtracts from
 * single configs (KIP-339). The changes of each resource are applied together or not at all; any broker takes those of any
 * other, and of all (an empty name). Which settings groups have is told by {@link io.troupe.config.GroupConfigs}.
 *
 * <p>Known gap: of brokers' settings only those of {@link io.troupe.config.DynamicConfigs} may change while they run; others
 * are refused by name.
 */
public final class IncrementalAlterConfigsHandler implements ApiHandler<IncrementalAlterConfigsRequestData> {
    private final ConfigAlteration alteration;

    public IncrementalAlterConfigsHandler(ControllerClient controller) {
        this.alteration = new ConfigAlteration(controller);
    }

    @Override
    public ApiKeys apiKey() {
        return ApiKeys.INCREMENTAL_ALTER_CONFIGS;
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
    public void handle(RequestContext context, IncrementalAlterConfigsRequestData request) {
        List<Asked> asked = request.resources().stream()
                .map(resource -> new Asked(
                        new Resource(resource.resourceType(), resource.resourceName()),
                        resource.configs().stream()
                                .map(config -> new ConfigChange(
                                        config.name(), OpType.forId(config.configOperation()), config.value()))
                                .toList()))
                .toList();
        alteration
                .apply(asked, false, request.validateOnly())
                .thenAccept(results -> {
                    IncrementalAlterConfigsResponseData response = new IncrementalAlterConfigsResponseData();
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
