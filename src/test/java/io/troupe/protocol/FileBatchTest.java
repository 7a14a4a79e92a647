package io.troupe.protocol;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.apache.kafka.common.message.FetchRequestData;
import org.apache.kafka.common.message.FetchResponseData;
import org.apache.kafka.common.message.FetchResponseData.FetchableTopicResponse;
import org.apache.kafka.common.message.FetchResponseData.PartitionData;
import org.apache.kafka.common.message.ListGroupsRequestData;
import org.apache.kafka.common.message.ListGroupsResponseData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Answers whose records stay in their files until they are sent. */
@Timeout(600)
class FileBatchTest {
    /** More than the buffers of two sockets hold. */
    private static final int BYTES = 24 << 20;

    private static final int VERSION = 12;

    @TempDir
    Path dir;

    private Path segment;
    private byte[] content;
    private final ExecutorService reads = Executors.newSingleThreadExecutor();
    private final Queue<FileChannel> files = new ConcurrentLinkedQueue<>();
    private final LinkedBlockingQueue<RequestContext> fetches = new LinkedBlockingQueue<>();
    private final ToyHandler<FetchRequestData> fetch =
            ToyHandler.of(ApiKeys.FETCH, (context, request) -> fetches.add(context));
    private final ToyHandler<ListGroupsRequestData> ping =
            ToyHandler.of(ApiKeys.LIST_GROUPS, (context, request) -> context.respond(new ListGroupsResponseData()));

    @BeforeEach
    void write() throws IOException {
        content = new byte[BYTES];
        new Random(5).nextBytes(content);
        segment = Files.write(dir.resolve("segment"), content);
    }

    @AfterEach
    void stop() {
        reads.shutdownNow();
    }

    private FetchResponseData answer() throws IOException {
        return answer(FileChannel.open(segment, StandardOpenOption.READ));
    }

    private FetchResponseData answer(FileChannel file) {
        files.add(file);
        PartitionData partition = new PartitionData();
        RecordsField.set(partition, file, 0, BYTES, reads);
        return new FetchResponseData()
                .setResponses(List.of(new FetchableTopicResponse().setTopic("t").setPartitions(List.of(partition))));
    }

    private RequestContext ask(RawClient client, int correlationId) throws Exception {
        client.send(ApiKeys.FETCH, VERSION, correlationId, new FetchRequestData());
        return fetches.poll(30, TimeUnit.SECONDS);
    }

    private static void await(BooleanSupplier condition) {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() < deadline, "not in time");
            Thread.onSpinWait();
        }
    }

    private boolean allClosed() {
        return files.stream().noneMatch(FileChannel::isOpen);
    }

    @Test
    void itArrivesByteForByteAndItsFileIsClosed() throws Exception {
        try (TestServer server = new TestServer(fetch);
                RawClient client = new RawClient(server.port())) {
            for (int i = 0; i < 3; i++) {
                ask(client, i).respond(answer());
                ByteBuffer received = client.receive();
                assertEquals(i, received.getInt());
                // One byte of tagged fields ends the partition, the topic and the answer.
                int start = received.limit() - 3 - BYTES;
                assertEquals(ByteBuffer.wrap(content), received.slice(start, BYTES));
            }
            await(this::allClosed);
        }
    }

    @Test
    void whoVanishesInTheMiddleOfOneLeavesNoFileOpen() throws Exception {
        try (TestServer server = new TestServer(fetch)) {
            try (RawClient client = new RawClient(server.port())) {
                ask(client, 1).respond(answer());
                // The next answer waits behind the first, that on its way in the socket.
                ask(client, 2).respond(answer());
                client.skip(BYTES / 4);
            }
            await(() -> server.stats.connections() == 0);
            await(this::allClosed);
        }
    }

    @Test
    void anAnswerToWhoHasGoneLeavesNoFileOpen() throws Exception {
        try (TestServer server = new TestServer(fetch)) {
            RequestContext late;
            try (RawClient client = new RawClient(server.port())) {
                late = ask(client, 1);
            }
            await(() -> server.stats.connections() == 0);
            late.respond(answer());
            await(this::allClosed);
        }
    }

    @Test
    void aServerThatStopsLeavesNoFileOpen() throws Exception {
        try (TestServer server = new TestServer(fetch);
                RawClient client = new RawClient(server.port())) {
            ask(client, 1).respond(answer());
            client.skip(BYTES / 4);
            RequestContext late = ask(client, 2);
            server.server.stop();
            late.respond(answer());
            await(this::allClosed);
        }
    }

    @Test
    void aFileThatHasBecomeShorterCostsOnlyItsConnection() throws Exception {
        try (TestServer server = new TestServer(fetch, ping);
                RawClient client = new RawClient(server.port());
                RawClient other = new RawClient(server.port())) {
            RequestContext context = ask(client, 1);
            FetchResponseData answer = answer();
            try (FileChannel cut = FileChannel.open(segment, StandardOpenOption.WRITE)) {
                cut.truncate(BYTES / 2);
            }
            context.respond(answer);
            client.skipToEnd();
            await(this::allClosed);
            ping(other);
        }
    }

    /** There is one network thread; were it to wait for the disk, nobody would be answered. */
    @Test
    void aDiskThatDoesNotAnswerHoldsUpNobodyElse() throws Exception {
        StuckFile stuck = new StuckFile();
        try (TestServer server = new TestServer(fetch, ping);
                RawClient client = new RawClient(server.port());
                RawClient other = new RawClient(server.port())) {
            ask(client, 1).respond(answer(stuck));
            assertTrue(stuck.asked.await(30, TimeUnit.SECONDS));
            ping(other);
            stuck.release();
            assertEquals(1, client.receiveCorrelationId());
            await(this::allClosed);
        } finally {
            stuck.release();
        }
    }

    @Test
    void whoVanishesWhileTheDiskDoesNotAnswerHoldsUpNobodyElseEither() throws Exception {
        StuckFile stuck = new StuckFile();
        StuckFile unread = new StuckFile();
        try (TestServer server = new TestServer(fetch, ping);
                RawClient other = new RawClient(server.port())) {
            try (RawClient client = new RawClient(server.port())) {
                ask(client, 1).respond(answer(stuck));
                ask(client, 2).respond(answer(unread));
                assertTrue(stuck.asked.await(30, TimeUnit.SECONDS));
            }
            await(() -> {
                ping(other);
                return server.stats.connections() == 1;
            });
            stuck.release();
            unread.release();
            await(this::allClosed);
        } finally {
            stuck.release();
            unread.release();
        }
    }

    private static void ping(RawClient client) {
        try {
            client.send(ApiKeys.LIST_GROUPS, 0, 7, new ListGroupsRequestData());
            assertEquals(7, client.receiveCorrelationId());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
