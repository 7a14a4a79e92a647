package io.troupe.api;

import io.troupe.metadata.MetadataCache;
import io.troupe.protocol.ApiDispatcher;
import io.troupe.protocol.ApiHandler;
import io.troupe.protocol.RequestContext;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import org.apache.kafka.common.message.ApiVersionsRequestData;
import org.apache.kafka.common.message.ApiVersionsResponseData;
import org.apache.kafka.common.message.ApiVersionsResponseData.ApiVersionCollection;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.requests.ApiVersionsRequest;

/**
 * ApiVersions 0 to 5: what this broker serves, and nothing else. From version 5 a client says whom it means to talk to; when
 * that is another cluster or broker it is told to bootstrap again (KIP-1242). A newer version is answered by the dispatcher with
 * UNSUPPORTED_VERSION in version 0, upon which clients ask again (KIP-511).
 *
 * <p>Not told: features. None is finalized, so clients use what works without ({@code transaction.version} 0,
 * {@code group.version} 0).
 */
public final class ApiVersionsHandler implements ApiHandler<ApiVersionsRequestData> {
    private final ApiVersionCollection ranges;

    private final MetadataCache metadata;
    private final int nodeId;

    /** @param others all other handlers of the broker */
    public ApiVersionsHandler(Collection<? extends ApiHandler<?>> others, MetadataCache metadata, int nodeId) {
        this.metadata = metadata;
        this.nodeId = nodeId;
        List<ApiHandler<?>> all = new ArrayList<>(others);
        all.add(this);
        ranges = ApiDispatcher.advertised(all);
    }

    @Override
    public ApiKeys apiKey() {
        return ApiKeys.API_VERSIONS;
    }

    @Override
    public short minVersion() {
        return 0;
    }

    @Override
    public short maxVersion() {
        return 5;
    }

    @Override
    public void handle(RequestContext context, ApiVersionsRequestData request) {
        ApiVersionsResponseData response = new ApiVersionsResponseData();
        if (misdirected(request)) {
            response.setErrorCode(Errors.REBOOTSTRAP_REQUIRED.code());
        } else if (new ApiVersionsRequest(request, context.header().apiVersion()).isValid()) {
            context.clientSoftware(request.clientSoftwareName());
            response.setApiKeys(ranges);
        } else {
            response.setErrorCode(Errors.INVALID_REQUEST.code());
        }
        context.respond(response);
    }

    private boolean misdirected(ApiVersionsRequestData request) {
        String clusterId = metadata.current().clusterId();
        return request.nodeId() >= 0 && request.nodeId() != nodeId
                || request.clusterId() != null
                        && clusterId != null
                        && !request.clusterId().equals(clusterId);
    }
}
