package io.troupe.protocol;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Random;
import org.apache.kafka.common.message.ApiVersionsRequestData;
import org.apache.kafka.common.message.ApiVersionsResponseData;
import org.apache.kafka.common.message.HeartbeatRequestData;
import org.apache.kafka.common.message.ListGroupsRequestData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Errors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Bytes that are no request cost their connection and nobody else anything (rule 3). */
@Timeout(600)
class MalformedFramesTest extends OnKafkaPort {
    @Test
    void framesOfImpossibleSizeCloseTheirConnectionOnly() throws Exception {
        try (TestServer server = new TestServer(ping);
                RawClient good = new RawClient(server.port());
                RawClient tooLarge = new RawClient(server.port());
                RawClient negative = new RawClient(server.port());
                RawClient empty = new RawClient(server.port())) {
            tooLarge.size(TestServer.MAX_FRAME_BYTES + 1);
            assertTrue(tooLarge.closedByServer());
            negative.size(-1);
            assertTrue(negative.closedByServer());
            empty.size(0);
            assertTrue(empty.closedByServer());
            turns(good);
            assertEquals(3, server.stats.malformedRequests());
            await(() -> server.stats.connections() == 1);
        }
    }

    @Test
    void aFrameThatNeverEndsGivesItsBytesBackWhenTheClientGoes() throws Exception {
        try (TestServer server = new TestServer(ping)) {
            try (RawClient client = new RawClient(server.port())) {
                client.size(100_000);
                client.bytes(new byte[10]);
                await(() -> server.server.inFlightBytes() == 100_000);
            }
            await(() -> server.server.inFlightBytes() == 0 && server.stats.connections() == 0);
        }
    }

    @Test
    void requestsThatNobodyServesCloseTheConnection() throws Exception {
        try (TestServer server = new TestServer(ping)) {
            ByteBuffer unknownKey =
                    ByteBuffer.allocate(40).putShort((short) 999).putShort((short) 0);
            ByteBuffer otherApi = RawClient.frame(ApiKeys.HEARTBEAT, 0, 1, "c", new HeartbeatRequestData(), 0);
            ByteBuffer version = RawClient.frame(ApiKeys.LIST_GROUPS, 99, 1, "c", new ListGroupsRequestData(), 0);
            for (ByteBuffer frame : List.of(unknownKey.rewind(), otherApi, version)) {
                try (RawClient client = new RawClient(server.port())) {
                    client.send(frame);
                    assertTrue(client.closedByServer());
                }
            }
            assertEquals(3, server.stats.malformedRequests());
        }
    }

    @Test
    void garbageCostsItsConnectionAndNothingElse() throws Exception {
        long seed = Long.getLong("seed", 1);
        Random random = new Random(seed);
        try (TestServer server = new TestServer(parking, ping);
                RawClient good = new RawClient(server.port())) {
            for (int i = 0; i < 200; i++) {
                byte[] bytes = new byte[1 + random.nextInt(300)];
                random.nextBytes(bytes);
                if (random.nextBoolean() && bytes.length > 4) {
                    // A header that names a served API and version, so that the body's reader meets the garbage.
                    ByteBuffer.wrap(bytes).putShort(PARKED.id).putShort((short) random.nextInt(2));
                }
                try (RawClient client = new RawClient(server.port())) {
                    client.send(ByteBuffer.wrap(bytes));
                }
                for (RequestContext context = parked.poll(); context != null; context = parked.poll()) {
                    answer(context);
                }
            }
            turns(good);
            await(() -> {
                for (RequestContext context = parked.poll(); context != null; context = parked.poll()) {
                    answer(context);
                }
                return server.stats.connections() == 1 && server.server.inFlightBytes() == 0;
            });
        } catch (AssertionError | IOException e) {
            throw new AssertionError("-Dseed=" + seed, e);
        }
    }

    @Test
    void anApiVersionsRequestFromTheFutureIsAnsweredInVersionZero() throws Exception {
        try (TestServer server = new TestServer(ping);
                RawClient client = new RawClient(server.port())) {
            client.send(RawClient.frame(ApiKeys.API_VERSIONS, 99, 7, "c", new ApiVersionsRequestData(), 5));
            ByteBuffer bytes = client.receive();
            assertEquals(7, bytes.getInt());
            ApiVersionsResponseData answer = new ApiVersionsResponseData(new ByteBufferAccessor(bytes), (short) 0);
            assertEquals(Errors.UNSUPPORTED_VERSION.code(), answer.errorCode());
            assertEquals(5, answer.apiKeys().find(ApiKeys.API_VERSIONS.id).maxVersion());
            turns(client);
        }
    }
}
