package io.troupe.protocol;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.config.HostPort;
import io.troupe.config.Listener;
import io.troupe.metadata.BrokerImage;
import io.troupe.metadata.MetadataCache;
import io.troupe.metadata.MetadataEvent;
import io.troupe.metadata.MetadataImage;
import io.troupe.record.PlainRecord;
import io.troupe.record.PlainRecords;
import java.io.IOException;
import java.net.ServerSocket;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.kafka.common.errors.NetworkException;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.errors.UnknownServerException;
import org.apache.kafka.common.errors.UnsupportedVersionException;
import org.apache.kafka.common.message.DescribeClusterRequestData;
import org.apache.kafka.common.message.DescribeClusterResponseData;
import org.apache.kafka.common.message.FetchRequestData;
import org.apache.kafka.common.message.FetchResponseData;
import org.apache.kafka.common.message.ListGroupsRequestData;
import org.apache.kafka.common.message.ListGroupsResponseData;
import org.apache.kafka.common.message.ProduceRequestData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.security.auth.SecurityProtocol;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Requests from within: this broker is 1 and has no socket, broker 2 is reached over its Kafka port. */
@Timeout(600)
class InProcessCallsTest extends OnKafkaPort {
    private static final int MOST_BYTES = 100_000;

    @TempDir
    private Path dir;

    private final MetadataCache metadata = new MetadataCache();
    private final RemoteCalls remote = new RemoteCalls(metadata, "c", "PLAINTEXT");
    private InProcessCalls calls;

    private InProcessCalls calls(ApiHandler<?>... handlers) {
        calls = new InProcessCalls(
                1, "c", TestServer.listener(1), new ApiDispatcher(List.of(handlers)), remote, MOST_BYTES);
        return calls;
    }

    @AfterEach
    void close() {
        calls.close();
    }

    private void broker2(int port) {
        Listener listener = new Listener("PLAINTEXT", SecurityProtocol.PLAINTEXT, new HostPort("127.0.0.1", port));
        List<MetadataEvent> events = new ArrayList<>();
        events.add(new MetadataEvent.ControllerElected(1, 1, "c"));
        events.add(new MetadataEvent.BrokerRegistered(
                new BrokerImage(2, 1, List.of(listener), Optional.empty(), true, false), false));
        events.add(new MetadataEvent.BrokerFencingChanged(2, 1, false, false));
        MetadataImage image = MetadataImage.empty();
        for (MetadataEvent event : events) {
            image = image.apply(image.index() + 1, event);
        }
        metadata.publish(image);
    }

    private static <T extends ApiMessage> T get(Class<T> type, CompletionStage<ApiMessage> answer) throws Exception {
        return type.cast(answer.toCompletableFuture().get(60, TimeUnit.SECONDS));
    }

    private static Throwable failure(CompletionStage<ApiMessage> answer) {
        return assertThrows(ExecutionException.class, () -> answer.toCompletableFuture()
                        .get(60, TimeUnit.SECONDS))
                .getCause();
    }

    @Test
    void thisBrokersHandlerIsCalledWithoutASocket() throws Exception {
        CompletionStage<ApiMessage> answer = calls(parking).call(1, 0, new DescribeClusterRequestData(), 7, 60_000);
        RequestContext context = next();
        assertEquals("c", context.header().clientId());
        assertEquals(7, context.sizeInBytes());
        answer(context);
        assertEquals("c", get(DescribeClusterResponseData.class, answer).clusterId());
    }

    @Test
    void whatFailsIsTold() {
        ToyHandler<ListGroupsRequestData> broken = ToyHandler.of(ApiKeys.LIST_GROUPS, (context, request) -> {
            throw new IllegalStateException("of a test");
        });
        ToyHandler<DescribeClusterRequestData> closing =
                ToyHandler.of(PARKED, (context, request) -> context.closeConnection("of a test"));
        calls(broken, closing);
        assertInstanceOf(
                UnknownServerException.class, failure(calls.call(1, 5, new ListGroupsRequestData(), 0, 60_000)));
        assertInstanceOf(
                NetworkException.class, failure(calls.call(1, 0, new DescribeClusterRequestData(), 0, 60_000)));
        assertInstanceOf(
                UnsupportedVersionException.class, failure(calls.call(1, 9, new ProduceRequestData(), 0, 60_000)));
    }

    /** As when a connection closes: whatever waits for data forgets it. */
    @Test
    void whatIsNotAnsweredInTimeIsToldThatNobodyWaits() throws Exception {
        AtomicBoolean closed = new AtomicBoolean();
        ToyHandler<DescribeClusterRequestData> waiting =
                ToyHandler.of(PARKED, (context, request) -> context.onClosed(() -> closed.set(true)));
        Throwable failure = failure(calls(waiting).call(1, 0, new DescribeClusterRequestData(), 0, 1));
        assertInstanceOf(java.util.concurrent.TimeoutException.class, failure);
        await(closed::get);
    }

    private final AnswerBuffers buffers = new AnswerBuffers(1 << 20);

    private FetchResponseData fetched(ByteBuffer batch, AtomicBoolean closed) throws IOException {
        FetchResponseData.PartitionData lent = new FetchResponseData.PartitionData();
        try (AnswerBuffers.Loan loan = buffers.loan()) {
            ByteBuffer direct = loan.apply(batch.remaining());
            direct.put(batch.duplicate()).flip();
            RecordsField.set(lent, direct, loan);
        }
        Path file = dir.resolve("segment");
        byte[] bytes = new byte[batch.remaining()];
        batch.duplicate().get(bytes);
        Files.write(file, bytes);
        FetchResponseData.PartitionData inFile = new FetchResponseData.PartitionData();
        RecordsField.set(inFile, FileChannel.open(file), 0, bytes.length, task -> {
            task.run();
            closed.set(true);
        });
        return new FetchResponseData()
                .setResponses(List.of(new FetchResponseData.FetchableTopicResponse()
                        .setTopic("t")
                        .setPartitions(List.of(lent, inFile))));
    }

    private static ByteBuffer copy(ByteBuffer buffer) {
        return ByteBuffer.allocate(buffer.remaining()).put(buffer.duplicate()).flip();
    }

    private static ByteBuffer batch(int valueBytes) {
        return PlainRecords.batch(List.of(new PlainRecord(-1, 5, null, new byte[valueBytes], List.of())));
    }

    @Test
    void recordsComeInMemoryThatIsGivenBackOnceTheyAreRead() throws Exception {
        AtomicBoolean closed = new AtomicBoolean();
        ByteBuffer batch = batch(AnswerBuffers.LEAST_BYTES);
        FetchResponseData response = fetched(batch, closed);
        ToyHandler<FetchRequestData> fetch =
                ToyHandler.of(ApiKeys.FETCH, (context, request) -> context.respond(response));
        FetchResponseData answer =
                get(FetchResponseData.class, calls(fetch).call(1, 12, new FetchRequestData(), 0, 60_000));
        for (FetchResponseData.PartitionData partition :
                answer.responses().get(0).partitions()) {
            assertEquals(batch, RecordsField.of(partition));
        }
        assertTrue(closed.get());
        assertEquals(0, buffers.keptBytes());
        RecordsField.discard(answer);
        assertTrue(buffers.keptBytes() > 0);
    }

    @Test
    void lentMemoryOfAnAnswerThatComesTooLateIsGivenBack() throws Exception {
        FetchResponseData response = fetched(batch(AnswerBuffers.LEAST_BYTES), new AtomicBoolean());
        LinkedBlockingQueue<RequestContext> late = new LinkedBlockingQueue<>();
        ToyHandler<FetchRequestData> fetch = ToyHandler.of(ApiKeys.FETCH, (context, request) -> late.add(context));
        failure(calls(fetch).call(1, 12, new FetchRequestData(), 0, 1));
        late.take().respond(response);
        assertTrue(buffers.keptBytes() > 0);
    }

    @Test
    void aBatchBeyondTheBoundIsNotTakenIntoMemory() throws Exception {
        FetchResponseData response = fetched(batch(MOST_BYTES + 1), new AtomicBoolean());
        ToyHandler<FetchRequestData> fetch =
                ToyHandler.of(ApiKeys.FETCH, (context, request) -> context.respond(response));
        assertInstanceOf(
                RecordTooLargeException.class, failure(calls(fetch).call(1, 12, new FetchRequestData(), 0, 60_000)));
    }

    @Test
    void anotherBrokerIsAskedOverItsKafkaPort() throws Exception {
        calls(parking);
        try (TestServer server = new TestServer(ping, parking)) {
            broker2(server.port());
            for (int i = 0; i < 20; i++) {
                get(ListGroupsResponseData.class, calls.call(2, 5, new ListGroupsRequestData(), 0, 60_000));
            }
            assertEquals(1, server.stats.connections());
            // Answers of one connection come in order: the second waits for the first.
            CompletionStage<ApiMessage> first = calls.call(2, 0, new DescribeClusterRequestData(), 0, 60_000);
            CompletionStage<ApiMessage> second = calls.call(2, 5, new ListGroupsRequestData(), 0, 60_000);
            RequestContext context = next();
            assertFalse(second.toCompletableFuture().isDone());
            answer(context);
            get(DescribeClusterResponseData.class, first);
            get(ListGroupsResponseData.class, second);
        }
    }

    @Test
    void aBrokerThatIsNotThereIsTold() throws Exception {
        calls(parking);
        assertInstanceOf(NetworkException.class, failure(calls.call(2, 5, new ListGroupsRequestData(), 0, 60_000)));
        try (ServerSocket nobody = new ServerSocket(0)) {
            broker2(nobody.getLocalPort());
        }
        assertInstanceOf(TimeoutException.class, failure(calls.call(2, 5, new ListGroupsRequestData(), 0, 200)));
    }

    @Test
    void aConnectionThatEndsIsTold() throws Exception {
        calls(ping);
        CompletionStage<ApiMessage> answer;
        try (TestServer server = new TestServer(parking)) {
            broker2(server.port());
            answer = calls.call(2, 0, new DescribeClusterRequestData(), 0, 60_000);
            next();
        }
        assertInstanceOf(RetriableException.class, failure(answer));
    }

    /** Kafka's client throws it at whoever polls, and forgets the answers that it read in the same turn. */
    @Test
    void anAnswerThatCannotBeReadFailsWhatWasSentAndNothingLater() throws Exception {
        ToyHandler<DescribeClusterRequestData> confused =
                ToyHandler.of(PARKED, (context, request) -> context.respond(new ListGroupsResponseData()));
        LinkedBlockingQueue<RequestContext> fetches = new LinkedBlockingQueue<>();
        ToyHandler<FetchRequestData> fetch = ToyHandler.of(ApiKeys.FETCH, (context, request) -> fetches.add(context));
        calls(ping);
        try (TestServer server = new TestServer(ping, confused, fetch)) {
            broker2(server.port());
            CompletionStage<ApiMessage> waiting =
                    calls.call(2, 12, new FetchRequestData().setMaxWaitMs(50_000), 0, 600_000);
            await(() -> fetches.size() == 1);
            for (int i = 0; i < 2; i++) {
                assertInstanceOf(
                        RetriableException.class,
                        failure(calls.call(2, 0, new DescribeClusterRequestData(), 0, 600_000)));
                get(ListGroupsResponseData.class, calls.call(2, 5, new ListGroupsRequestData(), 0, 60_000));
            }
            assertInstanceOf(RetriableException.class, failure(waiting));
        }
    }

    @Test
    void whatWasSentIsToldWhenThisBrokerStops() throws Exception {
        calls(ping);
        try (TestServer server = new TestServer(parking)) {
            broker2(server.port());
            CompletionStage<ApiMessage> answer = calls.call(2, 0, new DescribeClusterRequestData(), 0, 600_000);
            next();
            calls.close();
            assertInstanceOf(RetriableException.class, failure(answer));
        }
    }

    /** A fetch may wait for long, and a broker answers the requests of one connection in order. */
    @Test
    void aFetchThatWaitsKeepsNobodyWaiting() throws Exception {
        LinkedBlockingQueue<RequestContext> fetches = new LinkedBlockingQueue<>();
        ToyHandler<FetchRequestData> fetch = ToyHandler.of(ApiKeys.FETCH, (context, request) -> fetches.add(context));
        calls(ping);
        try (TestServer server = new TestServer(ping, fetch)) {
            broker2(server.port());
            List<CompletionStage<ApiMessage>> answers = new ArrayList<>();
            for (int i = 0; i < 3; i++) {
                answers.add(calls.call(2, 12, new FetchRequestData().setMaxWaitMs(50_000), 0, 600_000));
            }
            await(() -> fetches.size() == 3);
            get(ListGroupsResponseData.class, calls.call(2, 5, new ListGroupsRequestData(), 0, 60_000));
            for (RequestContext waiting : fetches) {
                waiting.respond(new FetchResponseData());
            }
            for (CompletionStage<ApiMessage> answer : answers) {
                get(FetchResponseData.class, answer);
            }
            calls.call(2, 12, new FetchRequestData().setMaxWaitMs(50_000), 0, 600_000);
            await(() -> fetches.size() == 4);
            assertEquals(4, server.stats.connections());
        }
    }

    @Test
    void whatCouldNotBeSentIsTakenBackWhenTheBrokerIsFenced() throws Exception {
        calls(parking);
        try (ServerSocket nobody = new ServerSocket(0)) {
            broker2(nobody.getLocalPort());
        }
        CompletionStage<ApiMessage> answer = calls.call(2, 5, new ListGroupsRequestData(), 0, 600_000);
        MetadataImage image = metadata.current();
        metadata.publish(image.apply(image.index() + 1, new MetadataEvent.BrokerFencingChanged(2, 1, true, false)));
        assertInstanceOf(NotSentException.class, failure(answer));
    }
}
