package io.troupe.api;

import io.troupe.config.BrokerConfig;
import io.troupe.metadata.BrokerImage;
import io.troupe.metadata.MetadataCache;
import io.troupe.metadata.MetadataImage;
import io.troupe.protocol.ApiHandler;
import io.troupe.protocol.RequestContext;
import org.apache.kafka.common.message.DescribeClusterRequestData;
import org.apache.kafka.common.message.DescribeClusterResponseData;
import org.apache.kafka.common.message.DescribeClusterResponseData.DescribeClusterBroker;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;

/**
 * DescribeCluster, versions 0 to 2: the brokers, and one that takes commands for the controller. v1: the client says
 * which kind of endpoint it wants (KIP-919); controllers have none. v2: fenced brokers on request (KIP-1073).
 */
public final class DescribeClusterHandler implements ApiHandler<DescribeClusterRequestData> {
    private static final byte BROKERS = 1;
    private static final byte CONTROLLERS = 2;

    private final BrokerConfig config;
    private final MetadataCache metadata;

    public DescribeClusterHandler(BrokerConfig config, MetadataCache metadata) {
        this.config = config;
        this.metadata = metadata;
    }

    @Override
    public ApiKeys apiKey() {
        return ApiKeys.DESCRIBE_CLUSTER;
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
    public void handle(RequestContext context, DescribeClusterRequestData request) {
        MetadataImage image = metadata.current();
        DescribeClusterResponseData response = new DescribeClusterResponseData()
                .setClusterId(image.clusterId() == null ? "" : image.clusterId())
                .setEndpointType(BROKERS)
                .setControllerId(-1);
        if (request.endpointType() != BROKERS) {
            Errors error = request.endpointType() == CONTROLLERS
                    ? Errors.MISMATCHED_ENDPOINT_TYPE
                    : Errors.UNSUPPORTED_ENDPOINT_TYPE;
            context.respond(response.setErrorCode(error.code())
                    .setErrorMessage("This port is a broker's; endpoint type " + request.endpointType()
                            + " is not served here, only " + BROKERS + " (brokers)."));
            return;
        }
        for (BrokerImage broker : image.brokers()) {
            if (!broker.fenced() || request.includeFencedBrokers()) {
                Endpoints.of(broker, context.listener()).ifPresent(address -> {
                    DescribeClusterBroker told = new DescribeClusterBroker()
                            .setBrokerId(broker.brokerId())
                            .setHost(address.host())
                            .setPort(address.port())
                            .setRack(broker.rack().orElse(null))
                            .setIsFenced(broker.fenced());
                    told.unknownTaggedFields().add(EpochTag.ofBroker(broker.brokerEpoch()));
                    response.brokers().add(told);
                });
            }
        }
        if (!metadata.controllerSilent() && reachable(response, image.controllerId())) {
            response.setControllerId(image.controllerId());
        } else if (reachable(response, config.nodeId())) {
            response.setControllerId(config.nodeId());
        }
        context.respond(response);
    }

    private static boolean reachable(DescribeClusterResponseData response, int brokerId) {
        DescribeClusterBroker broker = response.brokers().find(brokerId);
        return broker != null && !broker.isFenced();
    }
}
