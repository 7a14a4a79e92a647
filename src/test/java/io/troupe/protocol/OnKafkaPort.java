package io.troupe.protocol;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.apache.kafka.common.message.DescribeClusterRequestData;
import org.apache.kafka.common.message.DescribeClusterResponseData;
import org.apache.kafka.common.message.ListGroupsRequestData;
import org.apache.kafka.common.message.ListGroupsResponseData;
import org.apache.kafka.common.protocol.ApiKeys;

/** A Kafka port with requests that the test answers itself and such that are answered at once. */
abstract class OnKafkaPort {
    static final ApiKeys PARKED = ApiKeys.DESCRIBE_CLUSTER;

    final LinkedBlockingQueue<RequestContext> parked = new LinkedBlockingQueue<>();
    /** Requests that the test answers itself. */
    final ToyHandler<DescribeClusterRequestData> parking =
            ToyHandler.of(PARKED, (context, request) -> parked.add(context));
    /** Requests that are answered at once. */
    final ToyHandler<ListGroupsRequestData> ping =
            ToyHandler.of(ApiKeys.LIST_GROUPS, (context, request) -> context.respond(new ListGroupsResponseData()));

    RequestContext next() throws InterruptedException {
        RequestContext context = parked.poll(30, TimeUnit.SECONDS);
        assertNotNull(context, "no request came");
        return context;
    }

    static void answer(RequestContext context) {
        context.respond(new DescribeClusterResponseData().setClusterId("c"));
    }

    static void park(RawClient client, int correlationId) throws IOException {
        client.send(PARKED, 0, correlationId, new DescribeClusterRequestData());
    }

    /** There is one network thread, so when pings are answered it has also looked at every other connection. */
    static void turns(RawClient client) throws IOException {
        for (int i = 0; i < 5; i++) {
            client.send(ApiKeys.LIST_GROUPS, 0, i, new ListGroupsRequestData());
            assertEquals(i, client.receiveCorrelationId());
        }
    }

    static void await(BooleanSupplier condition) {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() < deadline, "not in time");
            Thread.onSpinWait();
        }
    }
}
