package io.troupe.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.typesafe.config.ConfigFactory;
import io.troupe.config.BrokerConfig;
import io.troupe.config.HostPort;
import io.troupe.config.ServerProperties;
import io.troupe.protocol.RequestTimes;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;

/** An HTTP port before a {@link FakeCluster}, anew for each test. */
@Timeout(600)
abstract class OnHttpPort {
    static final Duration PATIENCE = Duration.ofSeconds(60);

    private static ActorTestKit kit;

    final FakeCluster cluster = new FakeCluster();
    final HttpClient client = HttpClient.newHttpClient();
    LocalInstances instances;
    private HttpPort port;

    /** Besides those that every broker needs. */
    Map<String, String> settings() {
        return Map.of();
    }

    List<Metric> metrics() {
        return List.of();
    }

    @BeforeAll
    static void begin() {
        kit = ActorTestKit.create(
                "http",
                ConfigFactory.parseString("pekko.actor.provider = local\npekko.loglevel = WARNING")
                        .withFallback(ConfigFactory.load("troupe.conf")));
    }

    @AfterAll
    static void end() {
        kit.shutdownTestKit();
    }

    @BeforeEach
    void open() throws Exception {
        Map<String, String> all = new HashMap<>(
                Map.of("node.id", "1", "listeners", "PLAINTEXT://127.0.0.1:0", "troupe.http.listener", "127.0.0.1:0"));
        all.putAll(settings());
        BrokerConfig config = ServerProperties.parse(all).config();
        var executor = kit.system().dispatchers().lookup(DispatcherSelector.fromConfig("troupe.dispatcher.http"));
        var parts = new HttpService.Parts(
                config, config.listeners().get(0), cluster.metadata, null, metrics(), new RequestTimes());
        var underWay = new AtomicInteger();
        port = HttpPort.open(
                        kit.system(),
                        new HostPort("127.0.0.1", 0),
                        config.http(),
                        HttpService.routes(
                                parts,
                                cluster,
                                underWay::get,
                                executor,
                                start -> instances = new LocalInstances(kit, start)),
                        underWay,
                        executor)
                .toCompletableFuture()
                .get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
    }

    @AfterEach
    void close() throws Exception {
        close(Duration.ofMillis(100)).get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
    }

    CompletableFuture<?> close(Duration patience) {
        return port.close(patience).toCompletableFuture();
    }

    int port() {
        return port.address().getPort();
    }

    HttpRequest.Builder at(String path) {
        return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port() + path))
                .timeout(PATIENCE);
    }

    HttpResponse<String> send(HttpRequest.Builder request) throws IOException, InterruptedException {
        return client.send(request.build(), HttpResponse.BodyHandlers.ofString());
    }

    HttpResponse<String> get(String path) throws IOException, InterruptedException {
        return send(at(path).GET());
    }

    HttpResponse<String> post(String path, String type, String body) throws IOException, InterruptedException {
        return send(at(path).header("Content-Type", type).POST(BodyPublishers.ofString(body)));
    }

    HttpResponse<String> postJson(String path, String body) throws IOException, InterruptedException {
        return post(path, "application/vnd.kafka.json.v2+json", body);
    }

    /** It was refused with this code, the status that goes with it, and a message that says something. */
    static void refused(int errorCode, String message, HttpResponse<String> answer) {
        assertEquals(errorCode >= 1000 ? errorCode / 100 : errorCode, answer.statusCode(), answer.body());
        boolean told = answer.body().startsWith("{\"error_code\":" + errorCode + ",\"message\":\"")
                && answer.body().contains(message);
        assertTrue(told, answer.body());
    }
}
