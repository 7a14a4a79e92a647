package io.troupe.http;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.metadata.MetadataEvent;
import io.troupe.model.Refusal;
import io.troupe.record.PlainRecord;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.protocol.Errors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** POST of REST Proxy v2, and the stream of records. */
class ProduceRoutesTest extends OnHttpPort {
    private static final String TO_1 = "/topics/t/partitions/1";

    @Override
    Map<String, String> settings() {
        return Map.of("troupe.http.request.max.bytes", "20000", "troupe.http.request.timeout.ms", "2000");
    }

    private PlainRecord only(int partition) {
        List<PlainRecord> log = cluster.log("t", partition);
        assertEquals(1, log.size());
        return log.get(0);
    }

    @Test
    void jsonIsStoredWithoutBlanksAndDigitForDigit() throws Exception {
        HttpResponse<String> answer = postJson(
                TO_1,
                "{\"records\":[{\"key\":{\"id\": 7},\"value\":{\"a\" : [1.10, 12345678901234567890, \"\\u00e9\"]}}]}");
        assertEquals(200, answer.statusCode(), answer.body());
        assertEquals(
                "{\"offsets\":[{\"partition\":1,\"offset\":0,\"error_code\":null,\"error\":null}],"
                        + "\"key_schema_id\":null,\"value_schema_id\":null}",
                answer.body());
        assertEquals(
                "application/vnd.kafka.v2+json",
                answer.headers().firstValue("Content-Type").orElse(""));
        assertEquals("{\"id\":7}", new String(only(1).key(), "UTF-8"));
        assertEquals("{\"a\":[1.10,12345678901234567890,\"é\"]}", new String(only(1).value(), "UTF-8"));
    }

    @Test
    void binaryIsBase64() throws Exception {
        byte[] bytes = {0, -1, 7};
        String text = Base64.getEncoder().encodeToString(bytes);
        post(TO_1, "application/vnd.kafka.binary.v2+json", "{\"records\":[{\"value\":\"" + text + "\"}]}");
        assertArrayEquals(bytes, only(1).value());
        assertNull(only(1).key());
    }

    @Test
    void textIsUtf8() throws Exception {
        post(TO_1, "application/vnd.kafka.text.v2+json", "{\"records\":[{\"key\":\"k\",\"value\":\"grün\"}]}");
        assertEquals("grün", new String(only(1).value(), "UTF-8"));
    }

    @Test
    void aRecordHasHeadersATimestampAndMayHaveNoValue() throws Exception {
        postJson(
                TO_1,
                "{\"records\":[{\"value\":null,\"timestamp\":1234,\"headers\":[{\"name\":\"h\",\"value\":\"AQI=\"},{\"name\":\"n\",\"value\":null}]}]}");
        assertNull(only(1).value());
        assertEquals(1234, only(1).timestampMs());
        assertEquals("h", only(1).headers().get(0).name());
        assertArrayEquals(new byte[] {1, 2}, only(1).headers().get(0).value());
        assertNull(only(1).headers().get(1).value());
    }

    /** As Kafka's clients have it: murmur2 of the key's bytes, without the sign, modulo partitions. */
    @Test
    void keysGoWhereKafkasClientsSendThem() throws Exception {
        HttpResponse<String> answer = post(
                "/topics/t",
                "application/vnd.kafka.text.v2+json",
                "{\"records\":[{\"key\":\"21\",\"value\":\"a\"},{\"key\":\"foobar\",\"value\":\"b\"}]}");
        // Known values of murmur2: "21" is -973932308, "foobar" -790332482.
        int first = (-973932308 & 0x7fffffff) % 3;
        int second = (-790332482 & 0x7fffffff) % 3;
        assertTrue(answer.body().contains("[{\"partition\":" + first + ","), answer.body());
        assertTrue(answer.body().contains(",{\"partition\":" + second + ","), answer.body());
    }

    @Test
    void recordsWithoutKeyOfOneRequestGoToOnePartition() throws Exception {
        HttpResponse<String> answer =
                postJson("/topics/t", "{\"records\":[{\"value\":1},{\"value\":2},{\"value\":3}]}");
        assertEquals(200, answer.statusCode(), answer.body());
        long used = List.of(0, 1, 2).stream()
                .filter(p -> cluster.log("t", p).size() == 3)
                .count();
        assertEquals(1, used);
    }

    @Test
    void eachPartitionsLeaderIsAsked() throws Exception {
        postJson("/topics/t", "{\"records\":[{\"partition\":2,\"value\":1}]}");
        assertEquals(List.of(2), cluster.producedAt);
    }

    @Test
    void asyncIsAnsweredWithoutAnAnswer() throws Exception {
        HttpResponse<String> answer = postJson(TO_1 + "?async=true", "{\"records\":[{\"value\":1}]}");
        assertEquals(204, answer.statusCode());
        assertEquals("", answer.body());
    }

    @Test
    void aTopicThatMayBeMadeIsMade() throws Exception {
        assertEquals(
                200, postJson("/topics/auto-1", "{\"records\":[{\"value\":1}]}").statusCode());
        refused(40401, "does not exist", postJson("/topics/other", "{\"records\":[{\"value\":1}]}"));
        refused(40401, "not legal", postJson("/topics/..%2Fetc", "{\"records\":[{\"value\":1}]}"));
    }

    @Test
    void aLeaderThatLeadsNoMoreIsAskedNoMoreButTheNextOneIs() throws Exception {
        cluster.refusals.add(Errors.NOT_LEADER_OR_FOLLOWER);
        HttpResponse<String> answer = postJson(TO_1, "{\"records\":[{\"value\":1}]}");
        assertTrue(answer.body().contains("\"offset\":0"), answer.body());
        assertEquals(2, cluster.producedAt.size());
    }

    /** Without a producer id a repetition is not known as one; a leader that resigned may have given the batch to the next one. */
    @Test
    void whatMayBeWrittenIsNotSentAgain() throws Exception {
        cluster.refusals.add(Errors.NOT_LEADER_OR_FOLLOWER);
        cluster.refusalMessage = Refusal.MAY_BE_WRITTEN;
        HttpResponse<String> answer = postJson(TO_1, "{\"records\":[{\"value\":1}]}");
        assertTrue(answer.body().contains("\"error_code\":50003,\"error\":\"t-1: The leader changed"), answer.body());
        assertEquals(1, cluster.producedAt.size());
    }

    @Test
    void aTopicThatIsDeletedMeanwhileIsNotWaitedFor() throws Exception {
        cluster.refusals.add(Errors.UNKNOWN_TOPIC_OR_PARTITION);
        cluster.onProduce = () -> cluster.apply(new MetadataEvent.TopicDeleted(
                cluster.metadata.current().topic("t").orElseThrow().topicId()));
        HttpResponse<String> answer = postJson(TO_1, "{\"records\":[{\"value\":1}]}");
        assertTrue(answer.body().contains("\"error_code\":40401,"), answer.body());
    }

    @Test
    void whatBecameOfARecordIsToldForEach() throws Exception {
        cluster.refusals.add(Errors.NOT_ENOUGH_REPLICAS);
        HttpResponse<String> answer = postJson(TO_1, "{\"records\":[{\"value\":1}]}");
        assertEquals(200, answer.statusCode());
        assertTrue(answer.body().contains("\"offset\":null,\"error_code\":50003,\"error\":\"t-1: "), answer.body());
        cluster.refusals.add(Errors.KAFKA_STORAGE_ERROR);
        cluster.refusals.add(Errors.TOPIC_AUTHORIZATION_FAILED);
        assertTrue(postJson(TO_1, "{\"records\":[{\"value\":1}]}").body().contains("5000"));
        assertTrue(postJson(TO_1, "{\"records\":[{\"value\":1}]}").body().contains("50002"));
    }

    @Test
    void recordsThatMakeTooLargeABatchGoInSeveralAndInOrder() throws Exception {
        StringBuilder records = new StringBuilder();
        for (int i = 0; i < 300; i++) {
            records.append(i == 0 ? "" : ",").append("{\"value\":").append(i).append("}");
        }
        postJson(TO_1, "{\"records\":[" + records + "]}");
        for (int i = 0; i < 300; i++) {
            assertEquals("" + i, new String(cluster.log("t", 1).get(i).value(), "UTF-8"));
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '~',
            value = {
                "40402 | no partition 3 | {'records':[{'partition':3,'value':1}]}",
                "42203 | line 1 | {'records':[{'value':}]}",
                "42203 | Not JSON | {'records':[{'value':1}]",
                "42203 | follows | {'records':[{'value':1}]} {}",
                "42203 | empty | ~~",
                "42206 | must be a JSON object | []",
                "42206 | must be a JSON array | {'records':{}}",
                "42206 | records[0] must be | {'records':[1]}",
                "42206 | vaule | {'records':[{'vaule':1}]}",
                "42206 | only records | {'recs':[]}",
                "42206 | whole number | {'records':[{'partition':-1,'value':1}]}",
                "42206 | whole number | {'records':[{'timestamp':'now'}]}",
                "42206 | need a name | {'records':[{'headers':[{}]}]}",
                "42203 | Base64 | {'records':[{'headers':[{'name':'h','value':'*'}]}]}",
                "42201 | schema | {'value_schema':'x','records':[{'value':1}]}",
                "42208 | no records | {'records':[]}"
            })
    void aBadBodyIsRefusedAndNothingIsWritten(int code, String message, String body) throws Exception {
        refused(code, message, postJson("/topics/t", body == null ? "" : body.replace('\'', '"')));
        assertEquals(List.of(), cluster.producedAt);
    }

    @Test
    void badValuesOfAFormatAreRefused() throws Exception {
        refused(
                42203,
                "records[0].value is not Base64",
                post("/topics/t", "application/vnd.kafka.binary.v2+json", "{\"records\":[{\"value\":\"%%\"}]}"));
        refused(
                42206,
                "records[0].value must be a string",
                post("/topics/t", "application/vnd.kafka.text.v2+json", "{\"records\":[{\"value\":1}]}"));
    }

    @Test
    void deepJsonIsRefused() throws Exception {
        String deep = "[".repeat(300) + "]".repeat(300);
        refused(42203, "Not JSON", postJson("/topics/t", "{\"records\":[{\"value\":" + deep + "}]}"));
    }

    @Test
    void otherContentTypesAreRefused() throws Exception {
        refused(415, "avro", post("/topics/t", "application/vnd.kafka.avro.v2+json", "{}"));
        refused(415, "text/plain", post("/topics/t", "text/plain", "{}"));
        refused(415, "Content-Type", send(at("/topics/t").POST(BodyPublishers.ofString("{}"))));
    }

    @Test
    void aBodyThatIsTooLargeIsRefusedWithOrWithoutALength() throws Exception {
        String body = "{\"records\":[{\"value\":\"" + "x".repeat(30_000) + "\"}]}";
        refused(413, "troupe.http.request.max.bytes", postJson("/topics/t", body));
        refused(
                413,
                "troupe.http.request.max.bytes",
                send(at("/topics/t")
                        .header("Content-Type", "application/json")
                        .POST(BodyPublishers.fromPublisher(BodyPublishers.ofString(body)))));
    }

    @Test
    void theRecordsPartitionMustBeThePaths() throws Exception {
        refused(42206, "names partition 0", postJson(TO_1, "{\"records\":[{\"partition\":0,\"value\":1}]}"));
        refused(40402, "no partition 9", postJson("/topics/t/partitions/9", "{\"records\":[{\"value\":1}]}"));
        refused(40402, "no partition x", postJson("/topics/t/partitions/x", "{\"records\":[{\"value\":1}]}"));
    }

    @Test
    void aStreamIsAnsweredLineByLineAndABadRecordInItsPlace() throws Exception {
        HttpResponse<String> answer = post(
                "/topics/t/partitions/0",
                "application/x-ndjson",
                "{\"value\":1}\n{\"value\":\n2}{\"vaule\":3}\n{\"partition\":0,\"value\":4}");
        assertEquals(200, answer.statusCode());
        List<String> lines = answer.body().lines().toList();
        assertEquals(4, lines.size(), answer.body());
        assertEquals("{\"partition\":0,\"offset\":0,\"error_code\":null,\"error\":null}", lines.get(0));
        assertEquals("{\"partition\":0,\"offset\":1,\"error_code\":null,\"error\":null}", lines.get(1));
        assertTrue(lines.get(2).startsWith("{\"error_code\":42206,"), lines.get(2));
        assertEquals("{\"partition\":0,\"offset\":2,\"error_code\":null,\"error\":null}", lines.get(3));
    }

    @Test
    void whatIsNoStreamOfObjectsEndsItWithALineThatSaysSo() throws Exception {
        HttpResponse<String> answer = post("/topics/t", "application/x-ndjson", "{\"value\":1}\nnonsense");
        List<String> lines = answer.body().lines().toList();
        assertTrue(lines.get(lines.size() - 1).startsWith("{\"error_code\":42203,"), answer.body());
    }

    @Test
    void whatComesBeforeTheNonsenseIsWrittenAndReported() throws Exception {
        HttpResponse<String> answer = post(TO_1, "application/x-ndjson", "{\"value\":1}{\"value\":2}x{\"value\":3}");
        List<String> lines = answer.body().lines().toList();
        assertEquals(3, lines.size(), answer.body());
        assertTrue(lines.get(2).startsWith("{\"error_code\":42203,"), lines.get(2));
        assertEquals(2, cluster.log("t", 1).size());
        answer = post(TO_1, "application/x-ndjson", "{\"value\":1}{\"value\":");
        assertTrue(answer.body().contains("ends within an object"), answer.body());
    }

    /** RFC 8259, 8.1: between systems JSON is UTF-8. Else a letter would be replaced, and nobody told. */
    @Test
    void whatIsNotUtf8IsRefused() throws Exception {
        byte[] latin = "{\"records\":[{\"value\":\"\u00e9\"}]}".getBytes(StandardCharsets.ISO_8859_1);
        HttpResponse<String> answer = send(
                at("/topics/t").header("Content-Type", "application/json").POST(BodyPublishers.ofByteArray(latin)));
        refused(42203, "not UTF-8", answer);
        assertEquals(List.of(), cluster.producedAt);
    }

    /** It has no form in UTF-8; a batch with such a header's name was written so that nobody could read its partition. */
    @Test
    void halfASurrogatePairIsRefused() throws Exception {
        String header = "{\"records\":[{\"value\":1,\"headers\":[{\"name\":\"\\ud800\",\"value\":\"\"}]}]}";
        refused(42203, "surrogate", postJson("/topics/t", header));
        String text = "{\"records\":[{\"value\":\"a\\udc00\"}]}";
        refused(42203, "surrogate", post("/topics/t", "application/vnd.kafka.text.v2+json", text));
        assertEquals(List.of(), cluster.producedAt);
    }

    @Test
    void aStreamHasNoLimitButEachRecordHas() throws Exception {
        String record = "{\"value\":\"" + "x".repeat(9000) + "\"}\n";
        HttpResponse<String> answer = post(TO_1, "application/x-ndjson", record.repeat(10));
        assertEquals(10, answer.body().lines().count());
        assertEquals(10, cluster.log("t", 1).size());
        answer = post(TO_1, "application/x-ndjson", "{\"value\":\"" + "x".repeat(30_000) + "\"}\n");
        assertTrue(answer.body().startsWith("{\"error_code\":42203,"), answer.body());
    }
}
