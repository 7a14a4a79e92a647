package io.troupe.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.kafka.common.protocol.Errors;
import org.junit.jupiter.api.Test;

/** Consumer instances as REST Proxy v2 shows them. */
class ConsumerRoutesTest extends OnHttpPort {
    private static final String V2 = "application/vnd.kafka.v2+json";
    private static final String JSON = "application/vnd.kafka.json.v2+json";
    private static final String I = "/consumers/h/instances/i";
    private static final String EARLIEST = "{\"name\":\"i\",\"format\":\"json\",\"auto.offset.reset\":\"earliest\"}";

    private void create(String body) throws Exception {
        HttpResponse<String> answer = post("/consumers/h", V2, body);
        assertEquals(200, answer.statusCode(), answer.body());
        assertEquals("{\"instance_id\":\"i\",\"base_uri\":\"http://127.0.0.1:" + port() + I + "\"}", answer.body());
    }

    private void does(String path, String body) throws Exception {
        HttpResponse<String> answer = post(path, V2, body);
        assertEquals(204, answer.statusCode(), answer.body());
        assertEquals("", answer.body());
    }

    private HttpResponse<String> records(String query) throws Exception {
        return records(I, query);
    }

    private HttpResponse<String> records(String instance, String query) throws Exception {
        return send(at(instance + "/records" + query).header("Accept", JSON));
    }

    /** Reads until there is something: a partition may be taken on in the middle of a wait. */
    private String some() throws Exception {
        return some(I);
    }

    private String some(String instance) throws Exception {
        for (int i = 0; i < 60; i++) {
            HttpResponse<String> answer = records(instance, "?timeout=1000");
            assertEquals(200, answer.statusCode(), answer.body());
            if (!answer.body().equals("[]")) {
                return answer.body();
            }
        }
        throw new AssertionError("nothing was read");
    }

    private static int count(String records) {
        return records.split("\"offset\":", -1).length - 1;
    }

    /** Until it has that many; across reads. */
    private void read(int count) throws Exception {
        read(I, count);
    }

    private void read(String instance, int count) throws Exception {
        for (int read = 0; read < count; ) {
            read += count(some(instance));
        }
    }

    private void subscribed() throws Exception {
        create(EARLIEST);
        does(I + "/subscription", "{\"topics\":[\"t\"]}");
    }

    private HttpResponse<String> delete(String path) throws Exception {
        return send(at(path).DELETE());
    }

    @Test
    void anInstanceReadsCommitsAndGoes() throws Exception {
        cluster.add(0, "{\"n\":0}");
        subscribed();
        assertEquals(
                "[{\"topic\":\"t\",\"key\":null,\"value\":{\"n\":0},\"partition\":0,\"offset\":0,"
                        + "\"timestamp\":1000,\"headers\":[]}]",
                some());
        HttpResponse<String> committed = send(at(I + "/offsets").POST(BodyPublishers.noBody()));
        assertEquals(200, committed.statusCode(), committed.body());
        assertEquals(1L, cluster.groups.committed("h", 0));
        assertEquals(204, delete(I).statusCode());
        assertEquals(0, cluster.groups.members("h"));
        refused(40403, "no consumer instance i", delete(I));
        refused(40403, "no consumer instance i", records(""));
    }

    @Test
    void aNameIsTakenOnce() throws Exception {
        create(EARLIEST);
        refused(40902, "already", post("/consumers/h", V2, EARLIEST));
        List<CompletableFuture<HttpResponse<String>>> both = List.of(
                client.sendAsync(
                        at("/consumers/two")
                                .header("Content-Type", V2)
                                .POST(BodyPublishers.ofString("{\"name\":\"x\"}"))
                                .build(),
                        HttpResponse.BodyHandlers.ofString()),
                client.sendAsync(
                        at("/consumers/two")
                                .header("Content-Type", V2)
                                .POST(BodyPublishers.ofString("{\"name\":\"x\"}"))
                                .build(),
                        HttpResponse.BodyHandlers.ofString()));
        assertEquals(
                List.of(200, 409),
                both.stream()
                        .map(one -> one.orTimeout(PATIENCE.toSeconds(), TimeUnit.SECONDS)
                                .join())
                        .map(HttpResponse::statusCode)
                        .sorted()
                        .toList());
    }

    @Test
    void aNameIsMadeUpWhereNoneIsGiven() throws Exception {
        HttpResponse<String> answer = send(at("/consumers/h").POST(BodyPublishers.noBody()));
        assertTrue(answer.body().startsWith("{\"instance_id\":\"rest-consumer-"), answer.body());
    }

    @Test
    void aHeadTakesNothing() throws Exception {
        cluster.add(0, "0");
        subscribed();
        read(1);
        cluster.add(0, "1");
        HttpResponse<String> head =
                send(at(I + "/records?timeout=10000").header("Accept", JSON).method("HEAD", BodyPublishers.noBody()));
        assertEquals(405, head.statusCode());
        read(1);
        head = send(at("/topics").method("HEAD", BodyPublishers.noBody()));
        assertEquals(200, head.statusCode());
        assertEquals("", head.body());
    }

    @Test
    void whoHasGoneTakesNothing() throws Exception {
        cluster.add(0, "0");
        subscribed();
        read(1);
        long before = cluster.fetches();
        try (Socket socket = new Socket("127.0.0.1", port())) {
            String request = "GET " + I + "/records?timeout=300000 HTTP/1.1\r\nHost: localhost\r\n\r\n";
            socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
            while (cluster.fetches() == before) {
                Thread.onSpinWait();
            }
        }
        // While somebody else reads, an answer without records is in no format yet.
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (!records("?timeout=100")
                .headers()
                .firstValue("Content-Type")
                .orElse("")
                .equals(JSON)) {
            assertTrue(System.nanoTime() < deadline, "who has gone still reads");
        }
        cluster.add(0, "1");
        read(1);
    }

    /** One that no socket holds. */
    @Test
    void anAnswerThatIsBrokenOffIsGivenAgain() throws Exception {
        for (int i = 0; i < 150; i++) {
            cluster.add(0, "\"" + "x".repeat(100_000) + "\"");
        }
        create(EARLIEST);
        does(I + "/assignments", "{\"partitions\":[{\"topic\":\"t\",\"partition\":0}]}");
        try (Socket socket = new Socket()) {
            socket.setReceiveBufferSize(4096);
            socket.connect(new InetSocketAddress("127.0.0.1", port()));
            String request = "GET " + I + "/records?timeout=60000 HTTP/1.1\r\nHost: localhost\r\n\r\n";
            socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
            assertEquals('H', socket.getInputStream().read());
        }
        String again = "[]";
        for (int i = 0; i < 60 && again.equals("[]"); i++) {
            again = records("?timeout=1000&max_bytes=1000").body();
        }
        assertTrue(again.contains("\"offset\":0,"), "its first record");
    }

    /** What goes to another broker's instance has to fit into one message. */
    @Test
    void namesOfOneRequestHaveABound() throws Exception {
        create(EARLIEST);
        String names = "\"" + "a".repeat(200_000) + "\",\"" + "b".repeat(200_000) + "\"";
        refused(42206, "bytes", post(I + "/subscription", V2, "{\"topics\":[" + names + "]}"));
        String metadata = "{\"topic\":\"t\",\"partition\":0,\"offset\":0,\"metadata\":\"" + "m".repeat(300_000) + "\"}";
        refused(42206, "bytes", post(I + "/offsets", V2, "{\"offsets\":[" + metadata + "]}"));
    }

    @Test
    void settingsThatCannotBeAreRefused() throws Exception {
        refused(42204, "format=avro", post("/consumers/h", V2, "{\"format\":\"avro\"}"));
        refused(42204, "auto.offset.reset=x", post("/consumers/h", V2, "{\"auto.offset.reset\":\"x\"}"));
        refused(42204, "no setting nme", post("/consumers/h", V2, "{\"nme\":\"x\"}"));
        refused(42204, "fetch.min.bytes=-2", post("/consumers/h", V2, "{\"fetch.min.bytes\":\"-2\"}"));
        refused(42204, "must be true or false", post("/consumers/h", V2, "{\"auto.commit.enable\":7}"));
        refused(42206, "name", post("/consumers/h", V2, "{\"name\":\"\"}"));
        refused(42206, "..", post("/consumers/h", V2, "{\"name\":\"..\"}"));
        refused(42203, "Not JSON", post("/consumers/h", V2, "{"));
        refused(415, "text/plain", post("/consumers/h", "text/plain", "{}"));
    }

    @Test
    void allSettingsAreTakenAsTextOrAsTheyAre() throws Exception {
        for (String settings : List.of(
                "\"auto.commit.enable\":\"false\",\"fetch.min.bytes\":\"1\",\"consumer.request.timeout.ms\":\"5\"",
                "\"enable.auto.commit\":false,\"fetch.min.bytes\":-1,\"consumer.request.timeout.ms\":5")) {
            create("{\"name\":\"i\",\"format\":\"binary\"," + settings + "}");
            assertEquals(204, delete(I).statusCode());
        }
    }

    @Test
    void subscriptionsAreShownAndTakenBack() throws Exception {
        subscribed();
        assertEquals("{\"topics\":[\"t\"]}", get(I + "/subscription").body());
        refused(40903, "exclude", post(I + "/subscription", V2, "{\"topic_pattern\":\"t.*\"}"));
        refused(40903, "exclude", post(I + "/subscription", V2, "{\"topic_pattern\":\"t.*\",\"topics\":[\"t\"]}"));
        refused(40903, "subscribed", post(I + "/assignments", V2, "{\"partitions\":[]}"));
        assertEquals(204, delete(I + "/subscription").statusCode());
        assertEquals("{\"topics\":[]}", get(I + "/subscription").body());
        refused(40903, "not subscribed", records(""));
        refused(42206, "topic_pattern", post(I + "/subscription", V2, "{\"topic_pattern\":\"(\"}"));
        refused(42206, "topics, at least one", post(I + "/subscription", V2, "{\"topics\":[]}"));
        does(I + "/subscription", "{\"topic_pattern\":\"t\"}");
        assertEquals(
                "{\"topics\":[],\"topic_pattern\":\"t\"}",
                get(I + "/subscription").body());
        cluster.add(1, "1");
        assertEquals(1, count(some()));
    }

    @Test
    void partitionsAreAssignedByHand() throws Exception {
        cluster.add(0, "0");
        cluster.add(2, "2");
        create(EARLIEST);
        String both = "{\"partitions\":[{\"topic\":\"t\",\"partition\":0},{\"topic\":\"t\",\"partition\":2}]}";
        does(I + "/assignments", both);
        assertEquals(both, get(I + "/assignments").body());
        read(2);
        assertEquals(0, cluster.groups.members("h"));
        refused(40401, "none", post(I + "/assignments", V2, "{\"partitions\":[{\"topic\":\"none\",\"partition\":0}]}"));
        refused(40402, "7", post(I + "/assignments", V2, "{\"partitions\":[{\"topic\":\"t\",\"partition\":7}]}"));
        refused(42206, "partition is missing", post(I + "/assignments", V2, "{\"partitions\":[{\"topic\":\"t\"}]}"));
    }

    /** A commit names what is done; stored is what comes next, and that is shown. */
    @Test
    void whatIsCommittedIsTheOffsetAfter() throws Exception {
        cluster.add(0, "0");
        create(EARLIEST.replace("}", ",\"auto.commit.enable\":\"false\"}"));
        does(I + "/subscription", "{\"topics\":[\"t\"]}");
        read(1);
        HttpResponse<String> answer =
                post(I + "/offsets", V2, "{\"offsets\":[{\"topic\":\"t\",\"partition\":0,\"offset\":20}]}");
        assertEquals(200, answer.statusCode(), answer.body());
        String committed = "{\"offsets\":[{\"topic\":\"t\",\"partition\":0,\"offset\":21,\"metadata\":\"\"}]}";
        assertEquals(
                committed,
                send(at(I + "/offsets")
                                .header("Content-Type", V2)
                                .method(
                                        "GET",
                                        BodyPublishers.ofString("{\"partitions\":[{\"topic\":\"t\",\"partition\":0},"
                                                + "{\"topic\":\"t\",\"partition\":1}]}")))
                        .body());
        assertTrue(get(I + "/offsets").body().contains("\"partition\":0,\"offset\":21"));
        refused(
                40401,
                "none",
                post(I + "/offsets", V2, "{\"offsets\":[{\"topic\":\"none\",\"partition\":0,\"offset\":1}]}"));
    }

    @Test
    void positionsAreMoved() throws Exception {
        for (int i = 0; i < 5; i++) {
            cluster.add(0, Integer.toString(i));
        }
        create(EARLIEST);
        String p0 = "{\"partitions\":[{\"topic\":\"t\",\"partition\":0}]}";
        does(I + "/assignments", p0);
        read(5);
        does(I + "/positions", "{\"offsets\":[{\"topic\":\"t\",\"partition\":0,\"offset\":3}]}");
        read(2);
        does(I + "/positions/beginning", p0);
        read(5);
        does(I + "/positions/end", p0);
        cluster.add(0, "5");
        assertTrue(some().contains("\"offset\":5,"));
        refused(
                40903,
                "t-1 is not assigned",
                post(I + "/positions", V2, "{\"offsets\":[{\"topic\":\"t\",\"partition\":1,\"offset\":3}]}"));
        refused(
                42206,
                "offset",
                post(I + "/positions", V2, "{\"offsets\":[{\"topic\":\"t\",\"partition\":0,\"offset\":-3}]}"));
    }

    @Test
    void theFormatIsTheInstances() throws Exception {
        cluster.add(0, "0");
        subscribed();
        refused(
                40601,
                "format is json",
                send(at(I + "/records").header("Accept", "application/vnd.kafka.binary.v2+json")));
        refused(406, "image/png", send(at(I + "/records").header("Accept", "image/png")));
        HttpResponse<String> any = send(at(I + "/records?timeout=1000"));
        assertEquals(JSON, any.headers().firstValue("Content-Type").orElse(""));
    }

    @Test
    void aRecordThatCannotBeShownIsNotPassedOver() throws Exception {
        cluster.add(0, "1");
        cluster.add(0, "nonsense");
        create(EARLIEST);
        does(I + "/assignments", "{\"partitions\":[{\"topic\":\"t\",\"partition\":0}]}");
        assertEquals(1, count(some()));
        refused(40601, "offset 1 is not JSON", records("?timeout=1000"));
        refused(40601, "offset 1 is not JSON", records("?timeout=1000"));
    }

    /** An answer of many steps; none twice, none left out, and no more than asked for. */
    @Test
    void longAnswersAreMadeInSteps() throws Exception {
        cluster.recordsPerFetch = 10;
        for (int i = 0; i < 100; i++) {
            cluster.add(i % 3, Integer.toString(i));
        }
        subscribed();
        Pattern value = Pattern.compile("\"value\":(\\d+)");
        boolean[] seen = new boolean[100];
        for (int read = 0; read < 100; ) {
            Matcher values = value.matcher(some());
            while (values.find()) {
                int n = Integer.parseInt(values.group(1));
                assertTrue(!seen[n], () -> n + " twice");
                seen[n] = true;
                read++;
            }
        }
        does(I + "/positions/beginning", "{\"partitions\":[{\"topic\":\"t\",\"partition\":0}]}");
        int some = count(records("?max_bytes=100&timeout=1000").body());
        assertTrue(some >= 1 && some < 10, some + " records");
        refused(42206, "timeout=x", records("?timeout=x"));
    }

    @Test
    void theNextReadCommitsWhatTheLastOneWasAnswered() throws Exception {
        cluster.add(0, "0");
        subscribed();
        read(1);
        assertNotEquals(1L, cluster.groups.committed("h", 0));
        assertEquals("[]", records("?timeout=0").body());
        for (int i = 0; i < 600 && cluster.groups.committed("h", 0) == null; i++) {
            shortly();
        }
        assertEquals(1L, cluster.groups.committed("h", 0));
    }

    @Test
    void membersOfAGroupShareIt() throws Exception {
        for (int i = 0; i < 3; i++) {
            cluster.add(i, Integer.toString(i));
        }
        subscribed();
        assertEquals(
                200,
                post("/consumers/h", V2, EARLIEST.replace("\"i\"", "\"j\"")).statusCode());
        does("/consumers/h/instances/j/subscription", "{\"topics\":[\"t\"]}");
        for (int i = 0; i < 600; i++) {
            int mine = get(I + "/assignments").body().split("partition\":", -1).length - 1;
            int other = get("/consumers/h/instances/j/assignments").body().split("partition\":", -1).length - 1;
            if (mine + other == 3 && mine > 0 && other > 0) {
                return;
            }
            shortly();
        }
        throw new AssertionError("the partitions were not shared");
    }

    /** As when its broker has gone. */
    @Test
    void anotherBrokerGoesOnWhereTheGroupIs() throws Exception {
        for (int i = 0; i < 4; i++) {
            cluster.add(0, Integer.toString(i));
        }
        subscribed();
        read(4);
        cluster.groups.commit("h", 0, 2);
        instances.lose(new InstanceId("h", "i"));
        assertEquals(2, count(some()));
        assertEquals("{\"topics\":[\"t\"]}", get(I + "/subscription").body());
        assertEquals(1, cluster.groups.members("h"));
    }

    /** Whether its group tells the instance of the other topic, or nobody does: that one is read from its first record on. */
    @Test
    void aTopicMadeAnewUnderItsNameIsReadFromItsBeginning() throws Exception {
        cluster.add(0, "0");
        cluster.add(0, "1");
        subscribed();
        assertEquals(
                200,
                post("/consumers/k", V2, EARLIEST.replace("\"i\"", "\"j\"")).statusCode());
        String byHand = "/consumers/k/instances/j";
        does(byHand + "/assignments", "{\"partitions\":[{\"topic\":\"t\",\"partition\":0}]}");
        for (String instance : List.of(I, byHand)) {
            read(instance, 2);
        }
        cluster.makeAnew(3);
        for (int i = 0; i < 5; i++) {
            cluster.add(0, Integer.toString(10 + i));
        }
        for (String instance : List.of(I, byHand)) {
            assertTrue(some(instance).contains("\"value\":10,\"partition\":0,\"offset\":0"));
        }
    }

    /** One whose broker only stands still is waited for. */
    @Test
    void aReaderWhoseBrokerHasGoneIsNotWaitedFor() throws Exception {
        subscribed();
        InstanceId id = new InstanceId("h", "i");
        assertInstanceOf(InstanceReply.Granted.class, ask(id, new InstanceAction.Read(1)));
        assertInstanceOf(InstanceReply.Busy.class, ask(id, new InstanceAction.Read(2)));
        instances.askersGone = true;
        assertInstanceOf(InstanceReply.Granted.class, ask(id, new InstanceAction.Read(2)));
    }

    private InstanceReply ask(InstanceId id, InstanceAction action) throws Exception {
        return instances.ask(id, action, 60_000).toCompletableFuture().get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
    }

    /** As when the broker that leads its record goes before it has answered. */
    @Test
    void whatMayBeWrittenIsWrittenAgain() throws Exception {
        cluster.refusals.add(Errors.REQUEST_TIMED_OUT);
        create(EARLIEST);
        cluster.refusals.add(Errors.REQUEST_TIMED_OUT);
        cluster.refusals.add(Errors.NOT_ENOUGH_REPLICAS_AFTER_APPEND);
        does(I + "/subscription", "{\"topics\":[\"t\"]}");
    }

    /** As when the broker that goes leads the records of instances, too. */
    @Test
    void whereItsRecordCannotBeReadYetAnInstanceIsWaitedFor() throws Exception {
        subscribed();
        instances.lose(new InstanceId("h", "i"));
        cluster.gone.set(3);
        assertEquals("{\"topics\":[\"t\"]}", get(I + "/subscription").body());
        assertEquals(0, cluster.gone.get());
    }

    @Test
    void anOffsetThatIsNoMoreIsResetByPolicy() throws Exception {
        cluster.add(0, "0");
        create(EARLIEST);
        does(I + "/assignments", "{\"partitions\":[{\"topic\":\"t\",\"partition\":0}]}");
        does(I + "/positions", "{\"offsets\":[{\"topic\":\"t\",\"partition\":0,\"offset\":30}]}");
        assertTrue(some().contains("\"offset\":0,"));
    }

    /** Between two looks at what comes by itself. */
    private static void shortly() {
        LockSupport.parkNanos(10_000_000);
    }
}
