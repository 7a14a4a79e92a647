package io.troupe.http;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.typesafe.config.ConfigFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.http.javadsl.model.ContentTypes;
import org.apache.pekko.http.javadsl.model.HttpEntities;
import org.apache.pekko.http.javadsl.model.HttpRequest;
import org.apache.pekko.stream.KillSwitches;
import org.apache.pekko.stream.Materializer;
import org.apache.pekko.stream.SystemMaterializer;
import org.apache.pekko.stream.javadsl.Source;
import org.apache.pekko.util.ByteString;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What a request holds of what all share, and until when. */
@Timeout(600)
class ExchangeTest {
    private static final ActorTestKit KIT = ActorTestKit.create(
            ConfigFactory.parseString("pekko.actor.provider = local").withFallback(ConfigFactory.load("troupe.conf")));

    private final BodyMemory memory = new BodyMemory(1000);
    private final AtomicInteger ended = new AtomicInteger();

    @AfterAll
    static void end() {
        KIT.shutdownTestKit();
    }

    private Exchange exchange(int bodyBytes) {
        Materializer materializer = SystemMaterializer.get(KIT.system()).materializer();
        return new Exchange(
                HttpRequest.POST("/").withEntity(ContentTypes.APPLICATION_JSON, new byte[bodyBytes]),
                Map.of(),
                new Exchange.HttpLimits(10_000, 10_000, 60_000, memory),
                new ConnectionTasks(() -> {}, materializer, Runnable::run, materializer),
                KillSwitches.shared("none"),
                ended::incrementAndGet);
    }

    /** Read, it is there as characters, records and batches too: six of 15 MB at a time took a heap of 256 MB. */
    @Test
    void aBodyCountsForWhatItTakesWhileItIsRead() throws Exception {
        Exchange small = exchange(200);
        assertArrayEquals(new byte[200], small.body().toCompletableFuture().get(60, TimeUnit.SECONDS));
        assertEquals(800, memory.held());
        Exchange other = exchange(60);
        var refused = assertThrows(
                ExecutionException.class,
                () -> other.body().toCompletableFuture().get(60, TimeUnit.SECONDS));
        assertEquals(HttpFailure.RETRIABLE, HttpFailure.of(refused).errorCode());
        other.handled();
        small.handled();
        assertEquals(0, memory.held());
        assertEquals(2, ended.get());
    }

    /** In pieces of all sizes. */
    @Test
    void aBodyIsPutTogetherAsItCame() throws Exception {
        byte[] body = new byte[9000];
        new Random(1).nextBytes(body);
        List<ByteString> pieces = new ArrayList<>();
        for (int from = 0, size = 1; from < body.length; from += size, size = size % 3 == 0 ? 2000 : size % 7 + 1) {
            pieces.add(ByteString.fromArray(Arrays.copyOfRange(body, from, Math.min(body.length, from + size))));
        }
        BodyMemory room = new BodyMemory(100_000);
        Materializer materializer = SystemMaterializer.get(KIT.system()).materializer();
        ConnectionTasks connection = new ConnectionTasks(() -> {}, materializer, Runnable::run, materializer);
        connection.end();
        Exchange exchange = new Exchange(
                HttpRequest.POST("/")
                        .withEntity(HttpEntities.createChunked(ContentTypes.APPLICATION_JSON, Source.from(pieces))),
                Map.of(),
                new Exchange.HttpLimits(10_000, 10_000, 60_000, room),
                connection,
                KillSwitches.shared("none"),
                () -> {});
        assertArrayEquals(body, exchange.body().toCompletableFuture().get(60, TimeUnit.SECONDS));
        assertEquals(4L * body.length, room.held());
    }

    @Test
    void whatIsStillWrittenWhenItIsAnsweredKeepsItsPlace() throws Exception {
        Exchange exchange = exchange(200);
        exchange.body().toCompletableFuture().get(60, TimeUnit.SECONDS);
        CompletableFuture<Void> written = new CompletableFuture<>();
        exchange.until(written);
        exchange.handled();
        assertEquals(800, memory.held());
        assertEquals(0, ended.get());
        written.complete(null);
        assertEquals(0, memory.held());
        assertEquals(1, ended.get());
    }

    @Test
    void whatComesAfterItsEndHoldsNothing() {
        Exchange exchange = exchange(0);
        exchange.hold(500);
        exchange.release(200);
        assertEquals(300, memory.held());
        exchange.handled();
        exchange.hold(100);
        exchange.release(100);
        exchange.keep(100);
        assertEquals(0, memory.held());
    }

    /** The text before it is on its way then: 200 streams of events that were told so had ended a broker with a heap of 256 MB. */
    @Test
    void anAnswerThatFindsNoMoreRoomHoldsWhatItHeld() {
        Exchange exchange = exchange(0);
        exchange.keep(600);
        assertThrows(HttpFailure.class, () -> exchange.keep(1001));
        assertEquals(600, memory.held());
        exchange.keep(1000);
        exchange.keep(100);
        assertEquals(100, memory.held());
        exchange.handled();
        assertEquals(0, memory.held());
    }
}
