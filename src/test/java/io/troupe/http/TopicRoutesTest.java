package io.troupe.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import org.junit.jupiter.api.Test;

/** Looking at topics and brokers by REST Proxy v2. */
class TopicRoutesTest extends OnHttpPort {
    private static final String PARTITION_2 =
            "{\"partition\":2,\"leader\":2,\"replicas\":[{\"broker\":1,\"leader\":false,\"in_sync\":true},"
                    + "{\"broker\":2,\"leader\":true,\"in_sync\":true}]}";

    @Test
    void topicsAreListedByName() throws Exception {
        HttpResponse<String> answer = get("/topics");
        assertEquals("[\"__consumer_offsets\",\"t\"]", answer.body());
        assertEquals(
                "application/vnd.kafka.v2+json",
                answer.headers().firstValue("Content-Type").orElse(""));
    }

    @Test
    void aTopicHasSettingsAndPartitions() throws Exception {
        String body = get("/topics/t").body();
        assertTrue(
                body.startsWith(
                        "{\"name\":\"t\",\"configs\":{\"cleanup.policy\":\"delete\"},\"partitions\":[{\"partition\":0,\"leader\":1,"),
                body);
        assertTrue(body.endsWith("," + PARTITION_2 + "]}"), body);
        refused(40401, "nowhere", get("/topics/nowhere"));
    }

    @Test
    void partitionsAreTold() throws Exception {
        assertTrue(get("/topics/t/partitions").body().endsWith("," + PARTITION_2 + "]"));
        assertEquals(PARTITION_2, get("/topics/t/partitions/2").body());
        refused(40402, "0 to 2", get("/topics/t/partitions/3"));
        refused(40402, "no partition -1", get("/topics/t/partitions/-1"));
        refused(40401, "nowhere", get("/topics/nowhere/partitions"));
    }

    @Test
    void aPartitionHasAFirstAndANextOffset() throws Exception {
        cluster.add(2, "1");
        assertEquals(
                "{\"beginning_offset\":0,\"end_offset\":1}",
                get("/topics/t/partitions/2/offsets").body());
        refused(40402, "no partition 3", get("/topics/t/partitions/3/offsets"));
    }

    @Test
    void brokersAreToldById() throws Exception {
        assertEquals("{\"brokers\":[1,2]}", get("/brokers").body());
    }

    @Test
    void trailingSlashesAreTolerated() throws Exception {
        assertEquals("{\"brokers\":[1,2]}", get("/brokers/").body());
        assertEquals(PARTITION_2, get("/topics/t/partitions/2/").body());
    }

    @Test
    void theAnswersTypeIsNegotiated() throws Exception {
        for (String[] pair : new String[][] {
            {"application/json", "application/json"},
            {"*/*", "application/vnd.kafka.v2+json"},
            {"text/html, application/json;q=0.9, */*;q=0.8", "application/json"},
            {"application/vnd.kafka.v2+json;q=0.5, application/json", "application/json"}
        }) {
            HttpResponse<String> answer = send(at("/brokers").header("Accept", pair[0]));
            assertEquals(pair[1], answer.headers().firstValue("Content-Type").orElse(""), pair[0]);
        }
        refused(406, "text/html", send(at("/brokers").header("Accept", "text/html")));
        refused(406, "q=0", send(at("/brokers").header("Accept", "application/json;q=0")));
    }

    @Test
    void whatIsNotThereIsToldFromWhatCannotBeDoneThere() throws Exception {
        refused(404, "openapi.json", get("/nothing/here"));
        HttpResponse<String> answer = send(at("/topics/t").DELETE());
        refused(405, "GET, POST", answer);
        assertEquals("GET, POST", answer.headers().firstValue("Allow").orElse(""));
        refused(405, "GET", send(at("/brokers").POST(BodyPublishers.ofString("{}"))));
    }

    @Test
    void headIsGetWithoutABody() throws Exception {
        HttpResponse<String> answer = send(at("/brokers").method("HEAD", BodyPublishers.noBody()));
        assertEquals(200, answer.statusCode());
        assertEquals("", answer.body());
    }
}
