package io.troupe.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.metadata.MetadataEvent;
import java.io.IOException;
import java.net.Socket;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** What holds for all requests: probes, bounds, and what other pages may do. */
class HttpPortTest extends OnHttpPort {
    @Override
    Map<String, String> settings() {
        return Map.of(
                "troupe.http.max.requests",
                "2",
                "troupe.http.request.timeout.ms",
                "1000",
                "troupe.http.cors.origins",
                "https://console.example.com",
                "troupe.http.allowed.hosts",
                "Proxy.example.com");
    }

    @Override
    List<Metric> metrics() {
        return List.of(
                new Metric("kafka.server", "BrokerTopicMetrics", "BytesInPerSec", Map.of(), true, "bytes", () -> 7L),
                new Metric(
                        "kafka.log",
                        "LogManager",
                        "LogDirectoryOffline",
                        Map.of("logDirectory", "/a"),
                        false,
                        "x",
                        () -> 0),
                new Metric(
                        "kafka.log",
                        "LogManager",
                        "LogDirectoryOffline",
                        Map.of("logDirectory", "/b"),
                        false,
                        "x",
                        () -> 1),
                new Metric("troupe.log", "LogCleaner", "Current", Map.of(), false, "text", () -> "none"));
    }

    private String raw(String text) throws IOException {
        try (Socket socket = new Socket("127.0.0.1", port())) {
            socket.setSoTimeout((int) PATIENCE.toMillis());
            socket.getOutputStream().write(text.getBytes(StandardCharsets.ISO_8859_1));
            return new String(socket.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1);
        }
    }

    @Test
    void aBrokerIsReadyWhileItIsHeardAndNotStopping() throws Exception {
        assertEquals("{\"status\":\"ok\"}", get("/healthz").body());
        assertEquals("{\"status\":\"ready\"}", get("/readyz").body());
        long epoch = cluster.metadata.current().broker(1).orElseThrow().brokerEpoch();
        cluster.apply(new MetadataEvent.BrokerFencingChanged(1, epoch, false, true));
        cluster.metadata.controllerSilent(true);
        HttpResponse<String> answer = get("/readyz");
        assertEquals(503, answer.statusCode());
        assertTrue(answer.body().contains("stopping") && answer.body().contains("no controller"), answer.body());
        assertEquals(200, get("/healthz").statusCode());
    }

    @Test
    void metricsHaveTheNamesThatDashboardsKnow() throws Exception {
        cluster.add(0, "1");
        cluster.add(0, "2");
        HttpResponse<String> answer = get("/metrics");
        assertTrue(answer.headers().firstValue("Content-Type").orElse("").startsWith("text/plain"), answer.toString());
        List<String> lines = answer.body().lines().toList();
        for (String line : List.of(
                "kafka_server_brokertopicmetrics_bytesin_total 7.0",
                "kafka_log_logmanager_logdirectoryoffline{logdirectory=\"/b\"} 1.0",
                "kafka_brokers 2.0",
                "kafka_topic_partitions{topic=\"t\"} 3.0",
                "kafka_topic_partition_current_offset{partition=\"0\",topic=\"t\"} 2.0",
                "kafka_topic_partition_oldest_offset{partition=\"0\",topic=\"t\"} 0.0",
                "kafka_topic_partition_in_sync_replica{partition=\"1\",topic=\"t\"} 2.0",
                "kafka_topic_partition_under_replicated_partition{partition=\"0\",topic=\"t\"} 0.0",
                "kafka_consumergroup_current_offset{consumergroup=\"g\",partition=\"0\",topic=\"t\"} 1.0",
                "kafka_consumergroup_lag{consumergroup=\"g\",partition=\"0\",topic=\"t\"} 1.0",
                "kafka_consumergroup_lag_seconds{consumergroup=\"g\",partition=\"0\",topic=\"t\"} 0.0")) {
            assertTrue(lines.contains(line), () -> line + " in\n" + answer.body());
        }
        assertTrue(answer.body().contains("jvm_memory_used_bytes{area=\"heap\"}"), answer.body());
        assertTrue(answer.body().contains("jvm_gc_collection_seconds_count{gc="), answer.body());
        assertFalse(answer.body().contains("topic=\"t\",partition=\"2\""), "led elsewhere");
    }

    @Test
    void overTheMostRequestsAreRefusedButProbesAreNot() throws Exception {
        cluster.held = new CompletableFuture<>();
        var first = client.sendAsync(at("/topics/t").build(), HttpResponse.BodyHandlers.ofString());
        var second = client.sendAsync(at("/topics/t").build(), HttpResponse.BodyHandlers.ofString());
        // Which of them are there already nobody knows; the third that comes is refused.
        HttpResponse<String> answer = get("/brokers");
        while (answer.statusCode() == 200) {
            answer = get("/brokers");
        }
        assertEquals(503, answer.statusCode());
        assertTrue(
                answer.body().contains("\"error_code\":50003,\"message\":\"2 requests are under way"), answer.body());
        assertEquals(200, get("/healthz").statusCode());
        cluster.held.complete(null);
        assertEquals(200, first.get(60, TimeUnit.SECONDS).statusCode());
        assertEquals(200, second.get(60, TimeUnit.SECONDS).statusCode());
        while (get("/brokers").statusCode() != 200) {
            Thread.onSpinWait();
        }
    }

    @Test
    void aBodyThatDoesNotComeIsNotWaitedFor() throws Exception {
        String answer = raw("POST /topics/t HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                + "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{");
        assertTrue(answer.startsWith("HTTP/1.1 408 "), answer);
        assertTrue(answer.contains("{\"error_code\":408,"), answer);
    }

    @Test
    void aBodyThatBreaksOffIsNoBody() throws Exception {
        try (Socket socket = new Socket("127.0.0.1", port())) {
            socket.getOutputStream()
                    .write(("POST /topics/t HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                                    + "Content-Length: 1000\r\n\r\n{\"records\":[{\"value\":1}]}")
                            .getBytes(StandardCharsets.ISO_8859_1));
        }
        assertEquals(200, get("/brokers").statusCode());
        assertEquals(List.of(), cluster.producedAt);
    }

    @Test
    void whatIsNoHttpIsRefusedAndNobodyElseMinds() throws Exception {
        String answer = raw("NONSENSE that goes on for a while\r\n\r\n");
        assertTrue(answer.startsWith("HTTP/1.1 4") || answer.startsWith("HTTP/1.1 501") || answer.isEmpty(), answer);
        answer = raw("GET /topics/a%zz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        assertTrue(answer.startsWith("HTTP/1.1 400 "), answer);
        assertTrue(answer.contains("{\"error_code\":400,\"message\":\"No HTTP request: "), answer);
        assertEquals(200, get("/brokers").statusCode());
    }

    @Test
    void nothingThatIsSentGetsIntoTheAnswersHeaders() throws Exception {
        String answer = raw("GET /topics/a%0d%0aX-Evil:%201 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                + "Origin: https://console.example.com\r\n\r\n");
        assertTrue(answer.startsWith("HTTP/1.1 404 "), answer);
        assertFalse(answer.contains("\nX-Evil"), answer);
    }

    @Test
    void noAnswerIsTakenForAnotherTypeThanItHas() throws Exception {
        for (String path : List.of("/topics", "/topics/%3Cscript%3E", "/topics/t/partitions/0/records?timeout=0")) {
            assertEquals(Optional.of("nosniff"), get(path).headers().firstValue("X-Content-Type-Options"));
        }
    }

    /** RFC 9110, 7.2: the host is HTTP/1.1's. Load balancers ask without. */
    @Test
    void probesMaySpeakHttp10() throws Exception {
        String answer = raw("GET /healthz HTTP/1.0\r\n\r\n");
        assertTrue(answer.startsWith("HTTP/1.1 200 "), answer);
    }

    private String status(String path, String host) throws IOException {
        return raw("GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n")
                .substring(0, "HTTP/1.1 200".length());
    }

    /** Or any page could make its name lead to the loopback, and be of the same origin as this port. */
    @Test
    void aPortOfTheLoopbackIsCalledByNoOtherMachinesName() throws Exception {
        for (String own : List.of("localhost:" + port(), "LocalHost.", "a.localhost", "127.0.0.1", "[::1]:8082")) {
            assertEquals("HTTP/1.1 200", status("/brokers", own), own);
        }
        assertEquals("HTTP/1.1 200", status("/brokers", "proxy.example.com"));
        for (String other : List.of("rebound.example.com", "127.0.0.1.example.com:" + port(), "localhost.com")) {
            assertEquals("HTTP/1.1 421", status("/brokers", other), other);
            assertEquals("HTTP/1.1 200", status("/readyz", other), other);
        }
    }

    @Test
    void pathsLeadNowhereElse() throws Exception {
        for (String path : List.of("/topics/..%2f..%2fetc%2fpasswd", "/topics/%2e%2e/brokers%00", "/topics/../../x")) {
            String answer = raw("GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
            assertTrue(answer.startsWith("HTTP/1.1 40"), path + ": " + answer);
        }
    }

    /** A browser asks nobody before it sends a POST without a body, or a GET; it only keeps the answer from the page. */
    @Test
    void pagesFromElsewhereChangeNothing() throws Exception {
        String instance = "/consumers/g/instances/i/records";
        for (String[] page : new String[][] {
            {"Origin", "https://other.example.com"},
            {"Origin", "null"},
            {"Origin", "http://127.0.0.1:1"},
            {"Sec-Fetch-Site", "cross-site"},
            {"Sec-Fetch-Site", "same-site"}
        }) {
            refused(
                    403,
                    "cors",
                    send(at("/consumers/g").header(page[0], page[1]).POST(BodyPublishers.noBody())));
            for (String written : List.of(instance, "/" + instance, "/%63onsumers/g/instances/i/records")) {
                refused(403, "cors", send(at(written).header(page[0], page[1])));
            }
            assertEquals(200, send(at("/").header(page[0], page[1])).statusCode());
        }
        for (String[] page : new String[][] {
            {"Origin", "https://console.example.com"},
            {"Origin", "http://127.0.0.1:" + port()},
            {"Sec-Fetch-Site", "same-origin"},
            {"Sec-Fetch-Site", "none"},
            {"X-None", "a client that is no browser"}
        }) {
            refused(40403, "i", send(at(instance).header(page[0], page[1])));
            assertEquals(
                    200,
                    send(at("/consumers/g").header(page[0], page[1]).POST(BodyPublishers.noBody()))
                            .statusCode());
        }
    }

    @Test
    void onlyPagesOfConfiguredOriginsMayCall() throws Exception {
        String allowed = "https://console.example.com";
        HttpResponse<String> answer = send(at("/brokers").header("Origin", allowed));
        assertEquals(Optional.of(allowed), answer.headers().firstValue("Access-Control-Allow-Origin"));
        answer = send(at("/topics/t").header("Origin", allowed).method("OPTIONS", BodyPublishers.noBody()));
        assertEquals(204, answer.statusCode());
        assertEquals(Optional.of("GET, POST"), answer.headers().firstValue("Access-Control-Allow-Methods"));
        for (String other : List.of("https://other.example.com", "null")) {
            answer = send(at("/brokers").header("Origin", other));
            assertEquals(Optional.empty(), answer.headers().firstValue("Access-Control-Allow-Origin"));
            answer = send(at("/topics/t").header("Origin", other).method("OPTIONS", BodyPublishers.noBody()));
            refused(405, "GET, POST", answer);
        }
    }
}
