package io.troupe.protocol;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.DataInputStream;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.Random;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.common.message.DescribeClusterRequestData;
import org.apache.kafka.common.message.ListGroupsRequestData;
import org.apache.kafka.common.message.ListGroupsResponseData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What the Kafka port does not read, or not yet, so that no client takes more memory than it may. */
@Timeout(600)
class BackPressureTest extends OnKafkaPort {
    private static final int LARGE_ANSWER_BYTES = 4 << 20;

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

    private static ListGroupsResponseData largeAnswer(int bytes) {
        ListGroupsResponseData answer = new ListGroupsResponseData();
        String name = "g".repeat(30_000);
        for (int i = 0; i < bytes / name.length(); i++) {
            answer.groups().add(new ListGroupsResponseData.ListedGroup().setGroupId(name));
        }
        return answer;
    }

    /** Frames that are announced and never sent use up the budget; heartbeats go on, and so does all else a little later. */
    @Test
    void framesThatStandStillDoNotStopTheOthers() throws Exception {
        try (TestServer small = new TestServer(TestServer.config(Integer.MAX_VALUE, 256 << 10));
                Socket stalled = new Socket("127.0.0.1", small.port());
                Socket other = new Socket("127.0.0.1", small.port())) {
            long stalledNanos = System.nanoTime();
            stalled.getOutputStream()
                    .write(ByteBuffer.allocate(8)
                            .putInt(TestServer.MAX_FRAME_BYTES)
                            .putInt(1)
                            .array());
            while (small.server.inFlightBytes() == 0) {
                Thread.onSpinWait();
            }
            other.setSoTimeout(120_000);
            // ApiVersions 0 without a client id: small, and then padded so that it has no claim to the reserve.
            ByteBuffer frame = ByteBuffer.allocate(4 + 10 + InFlightBytes.SMALL_FRAME_BYTES);
            frame.putInt(10).putShort((short) 18).putShort((short) 0).putInt(7).putShort((short) -1);
            other.getOutputStream().write(frame.array(), 0, 14);
            DataInputStream answers = new DataInputStream(other.getInputStream());
            answers.readFully(new byte[answers.readInt()]);
            boolean stillThere = small.server.inFlightBytes() >= TestServer.MAX_FRAME_BYTES;
            assertTrue(
                    stillThere || System.nanoTime() - stalledNanos >= OverdueConnections.STALL_NANOS,
                    "before the other was given up");
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
