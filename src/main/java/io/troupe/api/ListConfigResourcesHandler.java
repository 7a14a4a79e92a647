package io.troupe.api;

import io.troupe.metadata.BrokerImage;
import io.troupe.metadata.MetadataCache;
import io.troupe.metadata.MetadataImage;
import io.troupe.protocol.ApiHandler;
import io.troupe.protocol.RequestContext;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import org.apache.kafka.common.message.ListConfigResourcesRequestData;
import org.apache.kafka.common.message.ListConfigResourcesResponseData;
import org.apache.kafka.common.message.ListConfigResourcesResponseData.ConfigResource;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;

/**
 * ListConfigResources, versions 0 and 1 (KIP-714, KIP-1142): the names of what DescribeConfigs tells settings of. Topics and
 * brokers all have some; of groups those are listed that were given their own, whether there are such groups or not.
 *
 * <p>v0 knows client metrics only. v1 lists the types asked for, all of them when none is; one that nobody knows is
 * UNSUPPORTED_VERSION.
 *
 * <p>Known gap: there are no settings of client metrics and broker loggers, and so none are listed.
 */
public final class ListConfigResourcesHandler implements ApiHandler<ListConfigResourcesRequestData> {
    private static final Set<Byte> KNOWN = Set.of(
            ConfigCodes.TOPIC,
            ConfigCodes.BROKER,
            ConfigCodes.BROKER_LOGGER,
            ConfigCodes.CLIENT_METRICS,
            ConfigCodes.GROUP);

    private final MetadataCache metadata;

    public ListConfigResourcesHandler(MetadataCache metadata) {
        this.metadata = metadata;
    }

    @Override
    public ApiKeys apiKey() {
        return ApiKeys.LIST_CONFIG_RESOURCES;
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
    public void handle(RequestContext context, ListConfigResourcesRequestData request) {
        ListConfigResourcesResponseData response = new ListConfigResourcesResponseData();
        if (context.header().apiVersion() > 0) {
            List<Byte> asked = request.resourceTypes();
            if (!KNOWN.containsAll(asked)) {
                context.respond(response.setErrorCode(Errors.UNSUPPORTED_VERSION.code()));
                return;
            }
            MetadataImage image = metadata.current();
            for (byte type : asked.isEmpty() ? KNOWN : Set.copyOf(asked)) {
                for (String name : names(type, image)) {
                    response.configResources()
                            .add(new ConfigResource().setResourceType(type).setResourceName(name));
                }
            }
        }
        context.respond(response);
    }

    private static Collection<String> names(byte type, MetadataImage image) {
        return switch (type) {
            case ConfigCodes.TOPIC -> image.topics().keySet();
            case ConfigCodes.BROKER ->
                image.brokers().stream()
                        .filter(broker -> !broker.fenced())
                        .map(BrokerImage::brokerId)
                        .map(String::valueOf)
                        .toList();
            case ConfigCodes.GROUP -> image.groupConfigs().keySet();
            default -> List.of();
        };
    }
}
