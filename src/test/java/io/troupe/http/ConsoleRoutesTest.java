package io.troupe.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.metadata.MetadataEvent;
import io.troupe.partition.Replica.FollowerStanding;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The console's files, and the routes that only it needs. */
class ConsoleRoutesTest extends OnHttpPort {
    private static final Path FILES = Path.of("src/main/resources/io/troupe/http/console");

    private static String header(HttpResponse<String> answer, String name) {
        return answer.headers().firstValue(name).orElse("");
    }

    @Test
    void thePageLetsNothingInFromElsewhere() throws Exception {
        HttpResponse<String> page = get("/");
        assertEquals(200, page.statusCode());
        assertEquals("text/html; charset=utf-8", header(page, "Content-Type").toLowerCase());
        assertEquals(ConsoleRoutes.POLICY, header(page, "Content-Security-Policy"));
        assertFalse(ConsoleRoutes.POLICY.contains("unsafe"));
        assertEquals("nosniff", header(page, "X-Content-Type-Options"));
        assertEquals("no-referrer", header(page, "Referrer-Policy"));
    }

    @Test
    void whatABrowserHasIsNotSentAgain() throws Exception {
        HttpResponse<String> script = get("/console/app.js");
        assertTrue(header(script, "Content-Type").startsWith("text/javascript"), header(script, "Content-Type"));
        assertEquals("no-cache", header(script, "Cache-Control"));
        String tag = header(script, "ETag");
        HttpResponse<String> again = send(at("/console/app.js").header("If-None-Match", tag));
        assertEquals(304, again.statusCode());
        assertEquals("", again.body());
        assertEquals(
                200,
                send(at("/console/app.js").header("If-None-Match", "\"other\"")).statusCode());
    }

    @Test
    void nothingElseCanBeAskedFor() throws Exception {
        for (String name :
                List.of("openapi.json", "..%2Fopenapi.json", "..%5Capp.js", "ConsoleRoutes.class", "app.js%00")) {
            int status = get("/console/" + name).statusCode();
            assertTrue(status == 404 || status == 400, name + " gave " + status);
        }
        assertEquals(405, send(at("/").DELETE()).statusCode());
    }

    /** As what is listed is served and what is there is listed; and each file names only such. */
    @Test
    void theListIsWhatThereIsAndWhatIsNamed() throws Exception {
        Set<String> there = new TreeSet<>();
        try (Stream<Path> files = Files.list(FILES)) {
            files.forEach(file -> there.add(file.getFileName().toString()));
        }
        assertEquals(there, new TreeSet<>(ConsoleRoutes.FILES.keySet()));
        Set<String> named = new TreeSet<>(Set.of(ConsoleRoutes.PAGE));
        for (String file : there) {
            assertEquals(200, get("/console/" + file).statusCode(), file);
            String text = Files.readString(FILES.resolve(file));
            Matcher names = Pattern.compile("(?:\"/console/|from '\\./)([a-z]+\\.[a-z]+)")
                    .matcher(text);
            while (names.find()) {
                named.add(names.group(1));
            }
            assertFalse(
                    Pattern.compile("innerHTML|outerHTML|insertAdjacentHTML|document\\.write|\\beval\\(|style=")
                            .matcher(text)
                            .find(),
                    file + " makes HTML of text");
            Set<String> elsewhere = Pattern.compile("https?://[^\"' )]*")
                    .matcher(text)
                    .results()
                    .map(found -> found.group())
                    .filter(url -> !url.equals("http://www.w3.org/2000/svg"))
                    .collect(Collectors.toSet());
            assertEquals(Set.of(), elsewhere, file);
        }
        assertEquals(there, named);
    }

    @Test
    void theStatusNamesBrokersAndProblems() throws Exception {
        String body = get("/troupe/status").body();
        assertTrue(body.contains("\"well\":true,\"topics\":2,\"partitions\":6,"), body);
        assertTrue(body.contains("\"problems\":[],"), body);
        assertTrue(
                body.contains(
                        "{\"broker_id\":2,\"host\":\"host2\",\"port\":9092,\"rack\":null,\"state\":\"up\",\"leads\":2,\"replicas\":6,\"out_of_sync\":0}"),
                body);
        long epoch = cluster.metadata.current().broker(2).orElseThrow().brokerEpoch();
        cluster.apply(new MetadataEvent.BrokerFencingChanged(2, epoch, true, false));
        body = get("/troupe/status").body();
        assertTrue(body.contains("\"severity\":\"bad\",\"title\":\"Broker 2 is not heard from\""), body);
        assertTrue(body.contains("\"state\":\"fenced\""), body);
        assertTrue(body.contains("\"controller_answers\":true"), body);
        cluster.quorum = FakeCluster.quorum(0, 20_000);
        assertTrue(get("/troupe/status").body().contains("voter 7 (host7:19092) is away: not heard from for 20 s"));
        assertTrue(Json.isJson(body.getBytes(StandardCharsets.UTF_8)), body);
    }

    @Test
    void aTopicTellsWhyAReplicaIsNotInSync() throws Exception {
        var topic = cluster.metadata.current().topic(FakeCluster.TOPIC).orElseThrow();
        cluster.apply(new MetadataEvent.PartitionsChanged(
                topic.topicId(),
                List.of(topic.partitions()
                        .get(0)
                        .withIsr(List.of(1), List.of(), List.of())
                        .withPartitionEpoch(9))));
        cluster.followers = List.of(new FollowerStanding(2, 1, 5000));
        for (int i = 0; i < 3; i++) {
            cluster.add(0, "v");
        }
        String body = get("/troupe/topics/t?count=1").body();
        assertTrue(
                body.contains(
                        "\"beginning_offset\":0,\"end_offset\":3,\"replicas\":[{\"broker_id\":1,\"state\":\"leader\",\"in_sync\":true,\"reason\":null},"
                                + "{\"broker_id\":2,\"state\":\"catching_up\",\"in_sync\":false,\"end_offset\":1,\"behind_ms\":5000,"
                                + "\"reason\":\"Broker 2 is up and catches up: it lacks 2 records and has not come to where the log ended 5 s ago.\"}]}]}"),
                body);
        assertTrue(get("/troupe/topics?contains=t").body().startsWith("{\"found\":2,"));
        assertTrue(get("/troupe/topics?contains=__&count=1").body().startsWith("{\"found\":1,\"topics\":[{\"name\":"));
        assertTrue(get("/troupe/topics?first=1").body().startsWith("{\"found\":2,\"topics\":[{\"name\":\"t\""));
        assertEquals(
                "{\"found\":2,\"topics\":[]}", get("/troupe/topics?first=2").body());
        assertTrue(get("/troupe/topics?internal=false").body().startsWith("{\"found\":1,\"topics\":[{\"name\":\"t\""));
        refused(42206, "count=0", get("/troupe/topics/t?count=0"));
        refused(40401, "nowhere", get("/troupe/topics/nowhere"));
    }

    @Test
    void aGroupTellsWhatHappenedAndWhoIsWaitedFor() throws Exception {
        cluster.groupEvents = "1000\tJOINED\t3\tm-1\t-1\tclient <b>&\n2000\tWAITING\t3\tm-1\t250\tto join\n";
        cluster.add(0, "v");
        cluster.add(0, "v");
        String body = get("/troupe/groups/g").body();
        assertTrue(
                body.contains("\"events\":[{\"time_ms\":1000,\"kind\":\"JOINED\",\"epoch\":3,\"member\":\"m-1\","
                        + "\"took_ms\":-1,\"text\":\"client <b>&\"},{\"time_ms\":2000,\"kind\":\"WAITING\""),
                body);
        assertTrue(
                body.contains("\"lags\":[{\"topic\":\"t\",\"partition\":0,\"current_offset\":1,\"log_end_offset\":2,"
                        + "\"lag\":1,\"lag_ms\":"),
                body);
        refused(404, "Group other", get("/troupe/groups/other"));
    }
}
