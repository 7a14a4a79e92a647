package io.troupe.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.Socket;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Reading without a consumer, once and as events. */
class FetchRoutesTest extends OnHttpPort {
    private static final String RECORDS = "/topics/t/partitions/0/records";

    private void numbers(int partition, int count) {
        for (int i = 0; i < count; i++) {
            cluster.add(partition, "" + i);
        }
    }

    @Test
    void recordsComeWithTheNextOffset() throws Exception {
        numbers(0, 3);
        HttpResponse<String> answer = get(RECORDS + "?offset=1");
        assertEquals(
                "{\"records\":[{\"topic\":\"t\",\"key\":null,\"value\":1,\"partition\":0,\"offset\":1,\"timestamp\":1001,\"headers\":[]},"
                        + "{\"topic\":\"t\",\"key\":null,\"value\":2,\"partition\":0,\"offset\":2,\"timestamp\":1002,\"headers\":[]}],"
                        + "\"next_offset\":3}",
                answer.body());
        assertEquals(
                "application/vnd.kafka.json.v2+json",
                answer.headers().firstValue("Content-Type").orElse(""));
    }

    @Test
    void withNothingToReadTheNextOffsetIsTheSame() throws Exception {
        assertEquals(
                "{\"records\":[],\"next_offset\":0}",
                get(RECORDS + "?timeout=1").body());
    }

    @Test
    void manyStepsMakeOneAnswer() throws Exception {
        numbers(0, 10);
        cluster.recordsPerFetch = 3;
        String body = get(RECORDS).body();
        assertTrue(body.endsWith("],\"next_offset\":10}"), body);
        assertEquals(10, body.split("\"topic\":\"t\"").length - 1, body);
        assertTrue(Json.isJson(body.getBytes(StandardCharsets.UTF_8)), body);
    }

    @Test
    void maxBytesEndsAnAnswer() throws Exception {
        numbers(0, 10);
        cluster.recordsPerFetch = 3;
        String body = get(RECORDS + "?max_bytes=1").body();
        assertTrue(body.endsWith("],\"next_offset\":1}"), body);
        body = get(RECORDS + "?max_bytes=150").body();
        assertTrue(Json.isJson(body.getBytes(StandardCharsets.UTF_8)), body);
        assertTrue(body.contains("\"next_offset\":5}"), body);
    }

    @Test
    void anOffsetMayBeATimeOrAnEnd() throws Exception {
        numbers(0, 5);
        assertTrue(
                get(RECORDS + "?offset=timestamp:1003").body().contains("[{\"topic\":\"t\",\"key\":null,\"value\":3"));
        assertTrue(get(RECORDS + "?offset=latest&timeout=1").body().endsWith("\"next_offset\":5}"));
        assertTrue(get(RECORDS + "?offset=timestamp:9999&timeout=1").body().endsWith("\"next_offset\":5}"));
        assertTrue(get(RECORDS + "?offset=earliest").body().contains("\"offset\":0"));
    }

    @Test
    void textAndBinaryAreAskedForByTheirTypes() throws Exception {
        cluster.add(0, "\"x");
        HttpResponse<String> text = send(at(RECORDS).header("Accept", "application/vnd.kafka.text.v2+json"));
        assertTrue(text.body().contains("\"value\":\"\\\"x\""), text.body());
        HttpResponse<String> binary = send(at(RECORDS).header("Accept", "application/vnd.kafka.binary.v2+json"));
        assertTrue(binary.body().contains("\"value\":\"Ing=\""), binary.body());
    }

    @Test
    void aRecordThatIsNoJsonIsRefusedInItsPlace() throws Exception {
        cluster.add(0, "1");
        cluster.add(0, "nonsense");
        assertTrue(get(RECORDS).body().endsWith("\"next_offset\":1}"));
        refused(40601, "offset 1 is not JSON", get(RECORDS + "?offset=1"));
    }

    @Test
    void badQuestionsAreRefused() throws Exception {
        refused(40401, "nowhere", get("/topics/nowhere/partitions/0/records"));
        refused(40402, "no partition 7", get("/topics/t/partitions/7/records"));
        refused(42206, "its log has the offsets from 0 to ", get(RECORDS + "?offset=99"));
        refused(42206, "Offset 99", get(RECORDS + "?offset=99"));
        refused(42206, "offset=-1", get(RECORDS + "?offset=-1"));
        refused(42206, "offset=middle", get(RECORDS + "?offset=middle"));
        refused(42206, "max_bytes=0", get(RECORDS + "?max_bytes=0"));
        refused(42206, "timeout=x", get(RECORDS + "?timeout=x"));
        refused(406, "text/html", send(at(RECORDS).header("Accept", "text/html")));
        refused(406, "events", get("/topics/t/records"));
    }

    /** What nobody takes is not read: the socket's buffers fill, and then the log waits. */
    @Test
    void aReaderThatDoesNotReadIsNotReadFor() throws Exception {
        String value = "\"" + "x".repeat(10_000) + "\"";
        for (int i = 0; i < 3000; i++) {
            cluster.add(0, value);
        }
        cluster.recordsPerFetch = 10;
        try (Socket socket = new Socket("127.0.0.1", port())) {
            socket.setSoTimeout((int) PATIENCE.toMillis());
            socket.getOutputStream()
                    .write(("GET " + RECORDS + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                            .getBytes(StandardCharsets.US_ASCII));
            long answered = 0;
            // It stands still when a second goes by without a fetch.
            for (long now = fetchesInASecond(); now == 0 || now != answered; now = fetchesInASecond()) {
                answered = now;
            }
            assertTrue(answered < 300, () -> "" + cluster.fetches());
            String all = new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assertTrue(all.contains("\"next_offset\":3000}"), () -> all.substring(0, 200));
        }
    }

    private long fetchesInASecond() {
        return CompletableFuture.supplyAsync(cluster::fetches, CompletableFuture.delayedExecutor(1, TimeUnit.SECONDS))
                .join();
    }

    private List<String> events(HttpRequest.Builder request, int count) throws IOException, InterruptedException {
        HttpResponse<InputStream> answer = client.send(request.build(), HttpResponse.BodyHandlers.ofInputStream());
        assertEquals(200, answer.statusCode());
        assertEquals(
                "text/event-stream", answer.headers().firstValue("Content-Type").orElse(""));
        List<String> lines = new ArrayList<>();
        try (BufferedReader in = new BufferedReader(new InputStreamReader(answer.body(), StandardCharsets.UTF_8))) {
            while (lines.size() < count) {
                String line = in.readLine();
                if (line == null) {
                    break;
                }
                if (!line.isEmpty() && !line.startsWith(":")) {
                    lines.add(line);
                }
            }
        }
        return lines;
    }

    private HttpRequest.Builder eventsAt(String path) {
        return at(path).header("Accept", "text/event-stream");
    }

    @Test
    void aPartitionsEventsCarryWhereToGoOn() throws Exception {
        numbers(0, 3);
        List<String> lines = events(eventsAt(RECORDS + "?offset=1"), 4);
        assertEquals("id: 2", lines.get(0));
        assertTrue(lines.get(1).startsWith("data: {\"topic\":\"t\",\"key\":null,\"value\":1,"), lines.get(1));
        assertEquals("id: 3", lines.get(2));
        lines = events(eventsAt(RECORDS + "?offset=earliest").header("Last-Event-ID", "2"), 2);
        assertEquals("id: 3", lines.get(0));
    }

    /** A browser comes back then by itself, to another broker if need be. */
    @Test
    void eventsEndAsTheyShouldWhenThePortCloses() throws Exception {
        HttpResponse<InputStream> answer =
                client.send(eventsAt(RECORDS).build(), HttpResponse.BodyHandlers.ofInputStream());
        try (InputStream in = answer.body()) {
            assertEquals(':', in.read());
            CompletableFuture<?> closed = close(PATIENCE);
            String rest = new String(in.readAllBytes(), StandardCharsets.UTF_8);
            assertTrue(rest.startsWith(" from here on"), rest);
            closed.get(PATIENCE.toSeconds() / 2, TimeUnit.SECONDS);
        }
    }

    @Test
    void aTopicsEventsCarryThePlaceInEachPartition() throws Exception {
        numbers(0, 1);
        List<String> lines = events(eventsAt("/topics/t/records?offset=earliest"), 2);
        assertEquals("id: 1,0,0", lines.get(0));
        numbers(2, 2);
        lines = events(eventsAt("/topics/t/records").header("Last-Event-ID", "1,0,1"), 2);
        assertEquals("id: 1,0,2", lines.get(0));
        assertTrue(lines.get(1).contains("\"partition\":2,\"offset\":1"), lines.get(1));
    }

    @Test
    void aRecordThatCannotBeShownEndsTheEvents() throws Exception {
        cluster.add(0, "1");
        cluster.add(0, "nonsense");
        List<String> lines = events(eventsAt(RECORDS + "?offset=earliest"), 100);
        assertEquals(List.of("id: 1", "event: error"), List.of(lines.get(0), lines.get(2)));
        assertTrue(lines.get(3).startsWith("data: {\"error_code\":40601,"), lines.get(3));
        assertEquals(4, lines.size());
    }

    @Test
    void lineBreaksInARecordDoNotEndItsEvent() throws Exception {
        cluster.add(0, "{\n\"a\":1\r\n}");
        List<String> lines = events(eventsAt(RECORDS + "?offset=earliest"), 2);
        assertTrue(lines.get(1).contains("\"value\":{ \"a\":1  },"), lines.get(1));
    }

    /** A browser would come back with the same place for ever, if it heard of it in the stream. */
    @Test
    void aPlaceThatIsGoneIsRefusedBeforeTheStreamBegins() throws Exception {
        numbers(0, 10);
        numbers(1, 10);
        cluster.logStart = 5;
        refused(410, "Offset 4 of t-0 is gone; its log begins at 5", send(eventsAt(RECORDS + "?offset=4")));
        refused(410, "Offset 4 of t-0", send(eventsAt(RECORDS).header("Last-Event-ID", "4")));
        refused(410, "Offset 4 of t-1", send(eventsAt("/topics/t/records").header("Last-Event-ID", "5,4,5")));
        refused(42206, "beyond its log's end, 10", send(eventsAt(RECORDS).header("Last-Event-ID", "11")));
        assertEquals(
                "id: 6",
                events(eventsAt(RECORDS).header("Last-Event-ID", "5"), 1).get(0));
    }

    @Test
    void badPlacesAreRefused() throws Exception {
        refused(42206, "more positions", send(eventsAt("/topics/t/records").header("Last-Event-ID", "1,2,3,4")));
        refused(42206, "offset=x", send(eventsAt(RECORDS).header("Last-Event-ID", "x")));
        refused(42206, "format", send(eventsAt(RECORDS + "?format=xml")));
    }
}
