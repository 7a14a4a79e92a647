package io.troupe.protocol;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.message.DescribeClusterRequestData;
import org.apache.kafka.common.message.DescribeClusterResponseData;
import org.apache.kafka.common.message.ListGroupsRequestData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Answers that may wait for better ones ({@link RequestContext#respondLater}). */
@Timeout(600)
class LateAnswersTest extends OnKafkaPort {
    private static final int LONG_MS = 3_600_000;

    private static DescribeClusterResponseData of(String clusterId) {
        return new DescribeClusterResponseData().setClusterId(clusterId);
    }

    private static void hears(RawClient client, int correlationId, String clusterId) throws Exception {
        ByteBuffer bytes = client.receive();
        assertEquals(correlationId, bytes.getInt());
        assertEquals(0, bytes.get(), "no tagged fields in the header");
        assertEquals(clusterId, new DescribeClusterResponseData(new ByteBufferAccessor(bytes), (short) 0).clusterId());
    }

    @Test
    void aBetterAnswerTakesThePlaceOfTheOneThatWaits() throws Exception {
        try (TestServer server = new TestServer(parking, ping);
                RawClient other = new RawClient(server.port());
                RawClient client = new RawClient(server.port())) {
            park(client, 1);
            RequestContext context = next();
            context.respondLater(of("all is well"), LONG_MS);
            turns(other);
            context.respond(of("something"));
            hears(client, 1, "something");
            await(() -> server.server.inFlightBytes() == 0);
        }
    }

    @Test
    void theNextRequestOfTheConnectionLetsItGo() throws Exception {
        try (TestServer server = new TestServer(parking, ping);
                RawClient other = new RawClient(server.port());
                RawClient client = new RawClient(server.port())) {
            park(client, 1);
            RequestContext context = next();
            context.respondLater(of("all is well"), LONG_MS);
            turns(other);
            client.send(ApiKeys.LIST_GROUPS, 0, 2, new ListGroupsRequestData());
            hears(client, 1, "all is well");
            assertEquals(2, client.receiveCorrelationId());
            context.respond(of("too late"));
            turns(client);
        }
    }

    @Test
    void itLeavesWhenItHasWaitedForLongEnough() throws Exception {
        try (TestServer server = new TestServer(parking, ping);
                RawClient client = new RawClient(server.port())) {
            for (int i = 0; i < 3; i++) {
                park(client, i);
                next().respondLater(of("all is well"), 20);
                hears(client, i, "all is well");
            }
        }
    }

    @Test
    void itDoesNotWaitWhileOtherRequestsAreUnderWay() throws Exception {
        try (TestServer server = new TestServer(parking, ping);
                RawClient client = new RawClient(server.port())) {
            park(client, 1);
            park(client, 2);
            RequestContext first = next();
            RequestContext second = next();
            second.respondLater(of("second"), LONG_MS);
            first.respondLater(of("first"), LONG_MS);
            hears(client, 1, "first");
            hears(client, 2, "second");
        }
    }

    /** However fast it is given: the one before is on its way then. */
    @Test
    void theAnswerToTheRequestThatLetOneGoMayItselfWait() throws Exception {
        ToyHandler<DescribeClusterRequestData> waiting = ToyHandler.of(PARKED, (context, request) -> {
            context.respondLater(of("all is well"), LONG_MS);
            parked.add(context);
        });
        try (TestServer server = new TestServer(waiting, ping);
                RawClient other = new RawClient(server.port());
                RawClient client = new RawClient(server.port())) {
            park(client, 1);
            next();
            for (int i = 2; i < 20; i++) {
                park(client, i);
                RequestContext context = next();
                hears(client, i - 1, "all is well");
                if (i == 19) {
                    turns(other);
                    context.respond(of("something"));
                    hears(client, i, "something");
                }
            }
        }
    }

    @Test
    void whereTheConnectionClosesNothingOfItIsLeft() throws Exception {
        CountDownLatch told = new CountDownLatch(1);
        ToyHandler<DescribeClusterRequestData> waiting = ToyHandler.of(PARKED, (context, request) -> {
            context.onClosed(told::countDown);
            context.respondLater(of("all is well"), LONG_MS);
        });
        try (TestServer server = new TestServer(waiting, ping);
                RawClient other = new RawClient(server.port())) {
            try (RawClient client = new RawClient(server.port())) {
                park(client, 1);
                await(() -> server.server.inFlightBytes() > 0);
                turns(other);
            }
            assertTrue(told.await(60, TimeUnit.SECONDS));
            await(() -> server.server.inFlightBytes() == 0 && server.stats.connections() == 1);
        }
    }

    /** As it costs nobody anything to wait, it is no slow request. */
    @Test
    void theTimeThatItWaitsIsNotTheRequests() throws Exception {
        try (TestServer server = new TestServer(parking, ping);
                RawClient other = new RawClient(server.port());
                RawClient client = new RawClient(server.port())) {
            park(client, 1);
            Slot slot = (Slot) next();
            slot.respondLater(of("all is well"), LONG_MS);
            long tookNanos = slot.tookNanos();
            turns(other);
            assertEquals(tookNanos, slot.tookNanos());
            client.send(ApiKeys.LIST_GROUPS, 0, 2, new ListGroupsRequestData());
            hears(client, 1, "all is well");
            assertEquals(
                    tookNanos / 1e9,
                    server.stats.times().histograms().get(PARKED).sumS());
        }
    }
}
