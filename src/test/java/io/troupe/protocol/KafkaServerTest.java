package io.troupe.protocol;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.message.ApiVersionsRequestData;
import org.apache.kafka.common.message.ApiVersionsResponseData;
import org.apache.kafka.common.message.DescribeClusterRequestData;
import org.apache.kafka.common.message.ListGroupsRequestData;
import org.apache.kafka.common.message.ListGroupsResponseData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Errors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** In which order requests are answered, and what becomes of those that are not. */
@Timeout(600)
class KafkaServerTest extends OnKafkaPort {
    @Test
    void answersLeaveInRequestOrderWhateverOrderTheyAreGivenIn() throws Exception {
        try (TestServer server = new TestServer(parking);
                RawClient client = new RawClient(server.port())) {
            for (int i = 1; i <= 3; i++) {
                park(client, i);
            }
            List<RequestContext> contexts = List.of(next(), next(), next());
            answer(contexts.get(2));
            answer(contexts.get(0));
            assertEquals(1, client.receiveCorrelationId());
            answer(contexts.get(1));
            assertEquals(2, client.receiveCorrelationId());
            assertEquals(3, client.receiveCorrelationId());
        }
    }

    @Test
    void manyRequestsAnsweredByManyThreadsStayInOrder() throws Exception {
        ToyHandler<DescribeClusterRequestData> elsewhere =
                ToyHandler.of(PARKED, (context, request) -> new Thread(() -> answer(context)).start());
        try (TestServer server = new TestServer(elsewhere);
                RawClient client = new RawClient(server.port())) {
            for (int i = 0; i < 500; i++) {
                park(client, i);
            }
            for (int i = 0; i < 500; i++) {
                assertEquals(i, client.receiveCorrelationId());
            }
            await(() -> server.server.inFlightBytes() == 0);
            await(() -> server.stats.queuedResponseBytes() == 0);
        }
    }

    @Test
    void apiVersionsTellsWhatIsRegisteredAndNothingElse() throws Exception {
        try (TestServer server = new TestServer(ping);
                RawClient client = new RawClient(server.port())) {
            client.send(ApiKeys.API_VERSIONS, 0, 7, new ApiVersionsRequestData());
            ByteBuffer bytes = client.receive();
            bytes.getInt();
            ApiVersionsResponseData answer = new ApiVersionsResponseData(new ByteBufferAccessor(bytes), (short) 0);
            assertEquals(
                    List.of(ApiKeys.LIST_GROUPS.id, ApiKeys.API_VERSIONS.id),
                    answer.apiKeys().stream().map(range -> range.apiKey()).toList());
        }
    }

    @Test
    void aRequestWhoseConnectionClosesIsToldAndItsAnswerGoesNowhere() throws Exception {
        CountDownLatch told = new CountDownLatch(1);
        ToyHandler<DescribeClusterRequestData> waiting = ToyHandler.of(PARKED, (context, request) -> {
            context.onClosed(told::countDown);
            parked.add(context);
        });
        try (TestServer server = new TestServer(waiting, ping);
                RawClient other = new RawClient(server.port())) {
            RequestContext context;
            try (RawClient client = new RawClient(server.port())) {
                park(client, 1);
                context = next();
            }
            assertTrue(told.await(30, TimeUnit.SECONDS));
            answer(context);
            answer(context);
            await(() -> server.server.inFlightBytes() == 0 && server.stats.connections() == 1);
            turns(other);
        }
    }

    @Test
    void aRequestWithoutAnswerLeavesNoGapAndAFailedOneClosesAfterTheAnswersBeforeIt() throws Exception {
        try (TestServer server = new TestServer(parking);
                RawClient client = new RawClient(server.port())) {
            for (int i = 1; i <= 4; i++) {
                park(client, i);
            }
            RequestContext one = next();
            RequestContext two = next();
            RequestContext three = next();
            next();
            three.closeConnection("of a test");
            answer(two);
            one.noResponse();
            assertEquals(2, client.receiveCorrelationId());
            assertTrue(client.closedByServer());
        }
    }

    @Test
    void aHandlerThatThrowsIsAnsweredForWithTheRequestsOwnErrorAnswer() throws Exception {
        ToyHandler<ListGroupsRequestData> broken = ToyHandler.of(ApiKeys.LIST_GROUPS, (context, request) -> {
            if (context.header().correlationId() == 6) {
                throw new UnsatisfiedLinkError("no codec of a test");
            }
            throw new IllegalStateException("of a test");
        });
        try (TestServer server = new TestServer(broken);
                RawClient client = new RawClient(server.port())) {
            for (int correlationId = 5; correlationId <= 6; correlationId++) {
                client.send(ApiKeys.LIST_GROUPS, 0, correlationId, new ListGroupsRequestData());
                ByteBuffer bytes = client.receive();
                assertEquals(correlationId, bytes.getInt());
                assertEquals(
                        Errors.UNKNOWN_SERVER_ERROR.code(),
                        new ListGroupsResponseData(new ByteBufferAccessor(bytes), (short) 0).errorCode());
            }
            assertTrue(server.deaths.isEmpty(), () -> "" + server.deaths);
        }
    }
}
