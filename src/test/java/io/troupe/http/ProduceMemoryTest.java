package io.troupe.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.typesafe.config.ConfigFactory;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.http.javadsl.model.ContentTypes;
import org.apache.pekko.http.javadsl.model.HttpRequest;
import org.apache.pekko.http.javadsl.model.HttpResponse;
import org.apache.pekko.stream.KillSwitches;
import org.apache.pekko.stream.Materializer;
import org.apache.pekko.stream.SystemMaterializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Records of two bytes of text each take some hundred in memory: a hundred streams of them took a heap of 256 MB. */
@Timeout(600)
class ProduceMemoryTest {
    private static final int TIMEOUT_MS = 60_000;
    private static final int RECORDS = 10_000;
    private static final ActorTestKit KIT = ActorTestKit.create(
            ConfigFactory.parseString("pekko.actor.provider = local").withFallback(ConfigFactory.load("troupe.conf")));

    private final FakeCluster cluster = new FakeCluster();
    private final BodyMemory memory = new BodyMemory(1000L * NewRecord.RECORD_BYTES);
    private final Materializer materializer =
            SystemMaterializer.get(KIT.system()).materializer();

    @AfterAll
    static void end() {
        KIT.shutdownTestKit();
    }

    private Exchange exchange(String type, String body) {
        AtomicReference<ConnectionTasks> itself = new AtomicReference<>();
        // What is to be done is done at once.
        ConnectionTasks connection =
                new ConnectionTasks(() -> itself.get().run(), materializer, Runnable::run, materializer);
        itself.set(connection);
        return new Exchange(
                HttpRequest.POST("/").withEntity(ContentTypes.parse(type), body.getBytes(StandardCharsets.US_ASCII)),
                Map.of("topic", FakeCluster.TOPIC),
                new Exchange.HttpLimits(1 << 20, 1 << 20, TIMEOUT_MS, memory),
                connection,
                KillSwitches.shared("none"),
                () -> {});
    }

    private HttpResponse produce(Exchange exchange) throws Exception {
        Topics topics = new Topics(1, cluster.metadata, cluster, TIMEOUT_MS);
        RecordWriting writing = new RecordWriting(topics, cluster, topic -> 1 << 20, TIMEOUT_MS, Runnable::run);
        return new ProduceRoutes(topics, writing, KIT.system().executionContext()::execute)
                .routes()
                .get(0)
                .handler()
                .handle(exchange)
                .toCompletableFuture()
                .get(TIMEOUT_MS, TimeUnit.MILLISECONDS);
    }

    @Test
    void aBodyOfManySmallRecordsCountsForThem() {
        Exchange exchange = exchange("application/json", "{\"records\":[" + "{},".repeat(RECORDS - 1) + "{}]}");
        var refused = assertThrows(ExecutionException.class, () -> produce(exchange));
        assertEquals(HttpFailure.RETRIABLE, HttpFailure.of(refused).errorCode());
        exchange.handled();
        assertEquals(0, memory.held());
    }

    @Test
    void aStreamOfManySmallRecordsCountsForThem() throws Exception {
        cluster.held = new CompletableFuture<>();
        Exchange exchange = exchange("application/x-ndjson", "{}".repeat(RECORDS));
        var lines = produce(exchange).entity().toStrict(TIMEOUT_MS, materializer);
        cluster.held.complete(null);
        String text = lines.toCompletableFuture()
                .get(TIMEOUT_MS, TimeUnit.MILLISECONDS)
                .getData()
                .utf8String();
        assertTrue(text.endsWith("}\n") && text.contains("{\"error_code\":50003,"), text);
    }
}
