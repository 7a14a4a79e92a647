package io.troupe.protocol;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.DataInputStream;
import java.io.IOException;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.AbstractList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import org.apache.kafka.common.message.ApiVersionsRequestData;
import org.apache.kafka.common.message.ApiVersionsResponseData;
import org.apache.kafka.common.message.DescribeClusterRequestData;
import org.apache.kafka.common.message.DescribeClusterResponseData;
import org.apache.kafka.common.message.HeartbeatRequestData;
import org.apache.kafka.common.message.ListGroupsRequestData;
import org.apache.kafka.common.message.ListGroupsResponseData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Errors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.slf4j.LoggerFactory;

@Timeout(60)
class KafkaServerTest {
    private static final ApiKeys PARKED = ApiKeys.DESCRIBE_CLUSTER;
    private static final int LARGE_ANSWER_BYTES = 4 << 20;

    private final LinkedBlockingQueue<RequestContext> parked = new LinkedBlockingQueue<>();
    /** Requests that the test answers itself. */
    private final ToyHandler<DescribeClusterRequestData> parking =
            ToyHandler.of(PARKED, (context, request) -> parked.add(context));
    /** Requests that are answered at once. */
    private final ToyHandler<ListGroupsRequestData> ping =
            ToyHandler.of(ApiKeys.LIST_GROUPS, (context, request) -> context.respond(new ListGroupsResponseData()));

    private RequestContext next() throws InterruptedException {
        RequestContext context = parked.poll(10, TimeUnit.SECONDS);
        assertNotNull(context, "no request came");
        return context;
    }

    private static void answer(RequestContext context) {
        context.respond(new DescribeClusterResponseData().setClusterId("c"));
    }

    private static void park(RawClient client, int correlationId) throws IOException {
        client.send(PARKED, 0, correlationId, new DescribeClusterRequestData());
    }

    /** There is one network thread, so when pings are answered it has also looked at every other connection. */
    private static void turns(RawClient client) throws IOException {
        for (int i = 0; i < 5; i++) {
            client.send(ApiKeys.LIST_GROUPS, 0, i, new ListGroupsRequestData());
            assertEquals(i, client.receiveCorrelationId());
        }
    }

    private static void await(BooleanSupplier condition) {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() < deadline, "not in time");
            Thread.onSpinWait();
        }
    }

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
    void aConnectionWithTooManyRequestsUnderWayIsNotReadUntilOneIsAnswered() throws Exception {
        try (TestServer server = new TestServer(parking, ping);
                RawClient client = new RawClient(server.port());
                RawClient other = new RawClient(server.port())) {
            for (int i = 0; i < Connection.MAX_PARKED_REQUESTS + 20; i++) {
                park(client, i);
            }
            RequestContext first = next();
            for (int i = 1; i < Connection.MAX_PARKED_REQUESTS; i++) {
                next();
            }
            turns(other);
            assertNull(parked.poll());
            answer(first);
            next();
            turns(other);
            assertNull(parked.poll());
            assertEquals(0, client.receiveCorrelationId());
        }
    }

    @Test
    void aRequestThatHoldsTheNextIsAnsweredBeforeAnotherIsRead() throws Exception {
        ToyHandler<DescribeClusterRequestData> holding = ToyHandler.of(PARKED, (context, request) -> {
            context.holdNext();
            context.holdNext();
            parked.add(context);
        });
        try (TestServer server = new TestServer(holding, ping);
                RawClient client = new RawClient(server.port());
                RawClient other = new RawClient(server.port())) {
            park(client, 1);
            park(client, 2);
            RequestContext first = next();
            turns(other);
            assertNull(parked.poll());
            answer(first);
            assertEquals(1, client.receiveCorrelationId());
            answer(next());
            assertEquals(2, client.receiveCorrelationId());
        }
    }

    @Test
    void aConnectionWithTooManyBytesUnderWayIsNotReadUntilSomeAreAnswered() throws Exception {
        String longName = "x".repeat(30_000);
        try (TestServer server = new TestServer(parking, ping);
                RawClient client = new RawClient(server.port());
                RawClient other = new RawClient(server.port())) {
            for (int i = 0; i < 8; i++) {
                client.send(RawClient.frame(PARKED, 0, i, longName, new DescribeClusterRequestData(), 0));
            }
            RequestContext first = next();
            next();
            RequestContext third = next();
            turns(other);
            assertNull(parked.poll(), "90 kB are under way, 64 KiB are allowed");
            answer(third);
            next();
            turns(other);
            assertNull(parked.poll(), "90 kB again");
            answer(first);
            next();
        }
    }

    @Test
    void overAllConnectionsFramesBeyondTheLimitAreNotRead() throws Exception {
        String longName = "x".repeat(30_000);
        try (TestServer server = new TestServer(TestServer.config(100, 25_000), parking);
                RawClient one = new RawClient(server.port());
                RawClient two = new RawClient(server.port())) {
            one.send(RawClient.frame(PARKED, 0, 1, longName, new DescribeClusterRequestData(), 0));
            RequestContext first = next();
            two.send(RawClient.frame(PARKED, 0, 2, longName, new DescribeClusterRequestData(), 0));
            assertNull(parked.poll(1, TimeUnit.SECONDS));
            answer(first);
            assertEquals(1, one.receiveCorrelationId());
            answer(next());
            assertEquals(2, two.receiveCorrelationId());
            await(() -> server.server.inFlightBytes() == 0);
        }
    }

    @Test
    void aClientThatAsksAndNeverReadsHoldsOneLargeAnswer() throws Exception {
        var asked = new LinkedBlockingQueue<Integer>();
        var large = new ToyHandler<ListGroupsRequestData>(
                ApiKeys.LIST_GROUPS, (short) 0, (short) 0, true, (context, request) -> {
                    asked.add(context.header().correlationId());
                    context.respond(largeAnswer(24 << 20));
                });
        var alive = ToyHandler.<DescribeClusterRequestData>of(PARKED, (context, request) -> answer(context));
        try (TestServer server = new TestServer(large, alive);
                RawClient other = new RawClient(server.port());
                RawClient client = new RawClient(server.port())) {
            for (int i = 0; i < 3; i++) {
                client.send(ApiKeys.LIST_GROUPS, 0, i, new ListGroupsRequestData());
            }
            await(() -> !asked.isEmpty());
            for (int i = 0; i < 20; i++) {
                park(other, i);
                other.receiveCorrelationId();
            }
            assertEquals(1, asked.size());
            for (int i = 0; i < 3; i++) {
                assertEquals(i, client.receiveCorrelationId());
                assertEquals(i, asked.take());
            }
        }
    }

    private static ListGroupsResponseData largeAnswer(int bytes) {
        ListGroupsResponseData answer = new ListGroupsResponseData();
        String name = "g".repeat(30_000);
        for (int i = 0; i < bytes / name.length(); i++) {
            answer.groups().add(new ListGroupsResponseData.ListedGroup().setGroupId(name));
        }
        return answer;
    }

    @Test
    void answersThatNobodyReadsStopTheReadingOfMoreRequests() throws Exception {
        var handled = new AtomicInteger();
        var large = ToyHandler.<ListGroupsRequestData>of(ApiKeys.LIST_GROUPS, (context, request) -> {
            handled.incrementAndGet();
            context.respond(largeAnswer(LARGE_ANSWER_BYTES));
        });
        var alive = ToyHandler.<DescribeClusterRequestData>of(PARKED, (context, request) -> answer(context));
        try (TestServer server = new TestServer(large, alive);
                RawClient client = new RawClient(server.port());
                RawClient other = new RawClient(server.port())) {
            int sent = 60;
            for (int i = 0; i < sent; i++) {
                client.send(ApiKeys.LIST_GROUPS, 0, i, new ListGroupsRequestData());
            }
            await(() -> server.stats.queuedResponseBytes() > 0);
            for (int i = 0; i < 20; i++) {
                park(other, i);
                other.receiveCorrelationId();
            }
            assertTrue(handled.get() < 10, "handled " + handled);
            assertTrue(server.stats.queuedResponseBytes() < 3L * LARGE_ANSWER_BYTES);
            for (int i = 0; i < sent; i++) {
                assertEquals(i, client.receiveCorrelationId());
            }
            await(() -> server.stats.queuedResponseBytes() == 0);
        }
    }

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
        long seed = Long.getLong("seed", System.nanoTime());
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
            assertTrue(told.await(10, TimeUnit.SECONDS));
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

    /** A broker that goes on without one of its threads looks alive and is not. */
    @Test
    void aNetworkThreadThatDiesIsTold() throws Exception {
        ToyHandler<ListGroupsRequestData> broken = ToyHandler.of(ApiKeys.LIST_GROUPS, (context, request) -> {
            throw new AssertionError("of a test");
        });
        try (TestServer server = new TestServer(broken);
                RawClient client = new RawClient(server.port())) {
            client.send(ApiKeys.LIST_GROUPS, 0, 5, new ListGroupsRequestData());
            String death = server.deaths.poll(10, TimeUnit.SECONDS);
            assertNotNull(death, "nobody was told");
            assertTrue(death.contains("network thread kafka-network-PLAINTEXT-0 has ended"), death);
            assertTrue(client.closedByServer());
        }
    }

    @Test
    void anAcceptorThatDiesIsToldAndOneThatIsStoppedIsNot() throws Exception {
        LinkedBlockingQueue<String> deaths = new LinkedBlockingQueue<>();
        List<EventLoop> broken = new AbstractList<>() {
            @Override
            public EventLoop get(int index) {
                throw new NoClassDefFoundError("of a test");
            }

            @Override
            public int size() {
                return 1;
            }
        };
        for (boolean connect : new boolean[] {false, true}) {
            Acceptor acceptor = new Acceptor(
                    TestServer.listener(0),
                    TestServer.config(100, 1 << 20),
                    broken,
                    new ConnectionLimits(100, 100),
                    new NetworkStats(),
                    new RateLimitedLog(LoggerFactory.getLogger(KafkaServerTest.class)),
                    deaths::add);
            acceptor.start();
            if (connect) {
                new Socket("127.0.0.1", acceptor.port()).close();
                assertNotNull(deaths.poll(10, TimeUnit.SECONDS), "nobody was told");
            }
            acceptor.stop();
            acceptor.join(10_000);
            assertTrue(deaths.isEmpty(), deaths::toString);
        }
    }

    @Test
    void moreConnectionsFromOneAddressThanAllowedAreClosed() throws Exception {
        try (TestServer server = new TestServer(TestServer.config(2, 1 << 20), ping);
                RawClient one = new RawClient(server.port())) {
            turns(one);
            try (RawClient two = new RawClient(server.port());
                    RawClient three = new RawClient(server.port())) {
                turns(two);
                assertTrue(three.closedByServer());
            }
            await(() -> server.stats.connections() == 1);
            try (RawClient four = new RawClient(server.port())) {
                turns(four);
            }
            assertEquals(1, server.stats.connectionsRefused());
        }
    }

    @Test
    void aPortThatIsTakenStopsTheStartAndNamesListenerAndAddress() throws Exception {
        try (TestServer server = new TestServer(ping)) {
            KafkaServer second = new KafkaServer(
                    List.of(TestServer.listener("FREE", 0), TestServer.listener("TAKEN", server.port())),
                    TestServer.config(100, 1 << 20),
                    Map.of(),
                    new ApiDispatcher(List.of(ping)),
                    new NetworkStats(),
                    death -> {});
            IOException refused = assertThrows(IOException.class, second::start);
            assertTrue(refused.getMessage().contains("TAKEN"), refused.getMessage());
            assertTrue(refused.getMessage().contains("127.0.0.1:" + server.port()), refused.getMessage());
        }
    }

    @Test
    void stoppingClosesEveryConnectionAndFreesThePort() throws Exception {
        TestServer server = new TestServer(ping);
        int port = server.port();
        try (RawClient client = new RawClient(port)) {
            turns(client);
            server.close();
            assertTrue(client.closedByServer());
            assertThrows(IOException.class, () -> new RawClient(port).close());
        }
    }

    /** Frames that are announced and never sent use up the budget; heartbeats go on, and so does all else a little later. */
    @Test
    void framesThatStandStillDoNotStopTheOthers() throws Exception {
        try (TestServer small = new TestServer(TestServer.config(Integer.MAX_VALUE, 256 << 10));
                Socket stalled = new Socket("127.0.0.1", small.port());
                Socket other = new Socket("127.0.0.1", small.port())) {
            stalled.getOutputStream()
                    .write(ByteBuffer.allocate(8)
                            .putInt(TestServer.MAX_FRAME_BYTES)
                            .putInt(1)
                            .array());
            while (small.server.inFlightBytes() == 0) {
                Thread.onSpinWait();
            }
            other.setSoTimeout(20_000);
            // ApiVersions 0 without a client id: small, and then padded so that it has no claim to the reserve.
            ByteBuffer frame = ByteBuffer.allocate(4 + 10 + InFlightBytes.SMALL_FRAME_BYTES);
            frame.putInt(10).putShort((short) 18).putShort((short) 0).putInt(7).putShort((short) -1);
            other.getOutputStream().write(frame.array(), 0, 14);
            DataInputStream answers = new DataInputStream(other.getInputStream());
            long before = System.nanoTime();
            answers.readFully(new byte[answers.readInt()]);
            assertTrue(System.nanoTime() - before < EventLoop.STALL_NANOS / 2);
            frame.putInt(0, frame.capacity() - 4);
            other.getOutputStream().write(frame.array());
            answers.readFully(new byte[answers.readInt()]);
            assertEquals(-1, stalled.getInputStream().read());
        }
    }

    @Test
    void largeHeapBuffersCostLittleDirectMemory() throws Exception {
        BufferPoolMXBean direct = ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream()
                .filter(pool -> pool.getName().equals("direct"))
                .findFirst()
                .orElseThrow();
        try (ServerSocketChannel server = ServerSocketChannel.open().bind(new InetSocketAddress("127.0.0.1", 0));
                SocketChannel client = SocketChannel.open(server.getLocalAddress());
                SocketChannel peer = server.accept();
                java.nio.channels.Selector selector = java.nio.channels.Selector.open()) {
            client.configureBlocking(false);
            peer.configureBlocking(false);
            BoundedTransport writer = new BoundedTransport(client.register(selector, SelectionKey.OP_WRITE));
            BoundedTransport reader = new BoundedTransport(peer.register(selector, SelectionKey.OP_READ));
            int size = 16 << 20;
            ByteBuffer[] sources = {ByteBuffer.allocate(10), ByteBuffer.allocate(size), ByteBuffer.allocate(3)};
            new Random(1).nextBytes(sources[1].array());
            ByteBuffer target = ByteBuffer.allocate(size + 13);
            long before = direct.getMemoryUsed();
            while (target.hasRemaining()) {
                writer.write(sources);
                reader.read(target);
            }
            assertTrue(direct.getMemoryUsed() - before <= 4L * BoundedTransport.PIECE_BYTES);
            assertEquals(ByteBuffer.wrap(sources[1].array()), target.flip().slice(10, size));
        }
    }
}
