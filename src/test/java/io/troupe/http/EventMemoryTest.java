package io.troupe.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.typesafe.config.ConfigFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.http.javadsl.model.HttpHeader;
import org.apache.pekko.http.javadsl.model.HttpRequest;
import org.apache.pekko.http.javadsl.model.HttpResponse;
import org.apache.pekko.stream.Attributes;
import org.apache.pekko.stream.KillSwitches;
import org.apache.pekko.stream.Materializer;
import org.apache.pekko.stream.SystemMaterializer;
import org.apache.pekko.stream.javadsl.Sink;
import org.apache.pekko.stream.javadsl.SinkQueueWithCancel;
import org.apache.pekko.util.ByteString;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A stream of a topic of 100 partitions, of large records that nobody read, had ended a broker with a heap of 256 MB. */
@Timeout(600)
class EventMemoryTest {
    private static final int TIMEOUT_MS = 60_000;
    private static final int VALUE_BYTES = 200_000;
    private static final ActorTestKit KIT = ActorTestKit.create(
            ConfigFactory.parseString("pekko.actor.provider = local").withFallback(ConfigFactory.load("troupe.conf")));

    private final FakeCluster cluster = new FakeCluster();
    private final BodyMemory memory = new BodyMemory(10 << 20);
    private final Materializer materializer =
            SystemMaterializer.get(KIT.system()).materializer();

    @AfterAll
    static void end() {
        KIT.shutdownTestKit();
    }

    private Exchange exchange() {
        AtomicReference<ConnectionTasks> itself = new AtomicReference<>();
        // What is to be done is done at once.
        ConnectionTasks connection =
                new ConnectionTasks(() -> itself.get().run(), materializer, Runnable::run, materializer);
        itself.set(connection);
        return new Exchange(
                HttpRequest.GET("/?offset=earliest").addHeader(HttpHeader.parse("Accept", "text/event-stream")),
                Map.of("topic", FakeCluster.TOPIC),
                new Exchange.HttpLimits(1 << 20, 1 << 20, TIMEOUT_MS, memory),
                connection,
                KillSwitches.shared("none"),
                () -> {});
    }

    private SinkQueueWithCancel<ByteString> events(Exchange exchange) throws Exception {
        Topics topics = new Topics(1, cluster.metadata, cluster, TIMEOUT_MS);
        RecordReading reading = new RecordReading(topics, cluster, TIMEOUT_MS, () -> 1, Runnable::run);
        HttpResponse answer = new EventRoutes(topics, reading, Runnable::run)
                .topic(exchange)
                .toCompletableFuture()
                .get(TIMEOUT_MS, TimeUnit.MILLISECONDS);
        return answer.entity()
                .getDataBytes()
                .runWith(Sink.<ByteString>queue().withAttributes(Attributes.inputBuffer(1, 1)), materializer);
    }

    @Test
    void whatIsReadAheadOfAllPartitionsIsCountedAndBounded() throws Exception {
        cluster.recordsPerFetch = 1;
        for (int i = 0; i < 3; i++) {
            for (int partition = 0; partition < 3; partition++) {
                cluster.add(partition, '"' + "1".repeat(VALUE_BYTES) + '"');
            }
        }
        SinkQueueWithCancel<ByteString> events = events(exchange());
        KIT.createTestProbe().awaitAssert(() -> {
            // The step that is written, with its text and the one before, and one of those that wait for their turn.
            assertTrue(memory.held() > 4 * VALUE_BYTES, () -> memory.held() + " bytes");
            return null;
        });
        assertTrue(memory.held() < 5 * VALUE_BYTES, () -> memory.held() + " bytes");

        List<List<Integer>> read = List.of(new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
        StringBuilder text = new StringBuilder();
        for (int records = 0; records < 9; ) {
            text.append(events.pull()
                    .toCompletableFuture()
                    .get(TIMEOUT_MS, TimeUnit.MILLISECONDS)
                    .orElseThrow()
                    .utf8String());
            for (int at = text.indexOf("\n\n"); at >= 0; at = text.indexOf("\n\n")) {
                String event = text.substring(0, at);
                text.delete(0, at + 2);
                int data = event.indexOf(",\"partition\":");
                if (data > 0) {
                    String[] parts = event.substring(data + 1).split("[:,]");
                    read.get(Integer.parseInt(parts[1])).add(Integer.parseInt(parts[3]));
                    records++;
                }
            }
        }
        read.forEach(offsets -> assertEquals(List.of(0, 1, 2), offsets));
        events.cancel();
        KIT.createTestProbe().awaitAssert(() -> {
            assertEquals(0, memory.held());
            return null;
        });
    }
}
