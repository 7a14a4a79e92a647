package io.troupe.protocol;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.common.message.DescribeClusterRequestData;
import org.apache.kafka.common.message.DescribeClusterResponseData;
import org.apache.kafka.common.message.DescribeClusterResponseData.DescribeClusterBroker;
import org.apache.kafka.common.message.MetadataRequestData;
import org.apache.kafka.common.message.MetadataResponseData;
import org.apache.kafka.common.message.MetadataResponseData.MetadataResponseBroker;
import org.apache.kafka.common.protocol.ApiKeys;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(600)
class RealClientTest {
    @Test
    void anAdminClientNegotiatesVersionsAndIsAnswered() throws Exception {
        AtomicInteger port = new AtomicInteger();
        var metadata = ToyHandler.<MetadataRequestData>of(ApiKeys.METADATA, (context, request) -> {
            var response = new MetadataResponseData().setClusterId("c").setControllerId(1);
            response.brokers()
                    .add(new MetadataResponseBroker()
                            .setNodeId(1)
                            .setHost("127.0.0.1")
                            .setPort(port.get()));
            context.respond(response);
        });
        var cluster = ToyHandler.<DescribeClusterRequestData>of(ApiKeys.DESCRIBE_CLUSTER, (context, request) -> {
            var response =
                    new DescribeClusterResponseData().setClusterId("troupe").setControllerId(1);
            response.brokers()
                    .add(new DescribeClusterBroker()
                            .setBrokerId(1)
                            .setHost("127.0.0.1")
                            .setPort(port.get()));
            context.respond(response);
        });
        try (TestServer server = new TestServer(metadata, cluster)) {
            port.set(server.port());
            try (Admin admin =
                    Admin.create(Map.of(AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG, "127.0.0.1:" + server.port()))) {
                assertEquals("troupe", admin.describeCluster().clusterId().get(60, TimeUnit.SECONDS));
                assertEquals(
                        1,
                        admin.describeCluster()
                                .nodes()
                                .get(60, TimeUnit.SECONDS)
                                .size());
            }
        }
    }
}
