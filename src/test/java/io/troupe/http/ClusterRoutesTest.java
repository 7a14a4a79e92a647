package io.troupe.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.record.PlainRecord;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The subset of REST Proxy v3, with its codes: 40002 and 40403 for what a broker refuses, else the status. */
class ClusterRoutesTest extends OnHttpPort {
    private static final String CLUSTER = "/v3/clusters/" + FakeCluster.CLUSTER;

    private void contains(String part, HttpResponse<String> answer) {
        assertTrue(answer.statusCode() / 100 == 2 && answer.body().contains(part), answer.body());
        assertTrue(Json.isJson(answer.body().getBytes(StandardCharsets.UTF_8)), answer.body());
    }

    private String url(String path) {
        return "http://127.0.0.1:" + port() + CLUSTER + path;
    }

    @Test
    void listsHaveAKindAndData() throws Exception {
        HttpResponse<String> answer = get("/v3/clusters");
        assertTrue(
                answer.body()
                        .startsWith("{\"kind\":\"KafkaClusterList\",\"metadata\":{\"self\":\"http://127.0.0.1:" + port()
                                + "/v3/clusters\",\"next\":null},\"data\":[{\"kind\":\"KafkaCluster\",\"metadata\":{\"self\":\""
                                + url("") + "\"},\"cluster_id\":\"a-cluster\","),
                answer.body());
        contains("\"controller\":{\"related\":\"" + url("/brokers/1") + "\"}", get(CLUSTER));
        refused(404, "other", get("/v3/clusters/other/topics"));
    }

    @Test
    void brokersHaveAnAddress() throws Exception {
        contains("\"broker_id\":2,\"host\":\"host2\",\"port\":9092,\"rack\":null}]}", get(CLUSTER + "/brokers"));
        contains("\"broker_id\":1,", get(CLUSTER + "/brokers/1"));
        refused(404, "Broker 9", get(CLUSTER + "/brokers/9"));
    }

    @Test
    void topicsAreMadeAndDeleted() throws Exception {
        HttpResponse<String> made = post(
                CLUSTER + "/topics",
                "application/json",
                "{\"topic_name\":\"new\",\"partitions_count\":4,\"replication_factor\":2,\"configs\":[{\"name\":\"cleanup.policy\",\"value\":\"compact\"}]}");
        assertEquals(201, made.statusCode(), made.body());
        contains("\"topic_name\":\"new\"", made);
        contains("\"partitions_count\":4", get(CLUSTER + "/topics/new"));
        refused(40002, "new", post(CLUSTER + "/topics", "application/json", "{\"topic_name\":\"new\"}"));
        assertEquals(204, send(at(CLUSTER + "/topics/new").DELETE()).statusCode());
        refused(40403, "new", get(CLUSTER + "/topics/new"));
        refused(40403, "new", send(at(CLUSTER + "/topics/new").DELETE()));
    }

    @Test
    void badTopicsAreRefused() throws Exception {
        refused(415, "text/plain", post(CLUSTER + "/topics", "text/plain", "{}"));
        refused(400, "Not JSON", post(CLUSTER + "/topics", "application/json", "{"));
        refused(400, "no topic_name", post(CLUSTER + "/topics", "application/json", "{}"));
        refused(400, "partitions", post(CLUSTER + "/topics", "application/json", "{\"partitions\":1}"));
        refused(
                400,
                "from 1 to",
                post(CLUSTER + "/topics", "application/json", "{\"topic_name\":\"x\",\"partitions_count\":0}"));
    }

    @Test
    void partitionsAreTold() throws Exception {
        contains(
                "\"partition_id\":2,\"leader_id\":2,\"replicas\":[{\"broker_id\":1,\"is_leader\":false,\"is_in_sync\":true}",
                get(CLUSTER + "/topics/t/partitions/2"));
        contains("KafkaPartitionList", get(CLUSTER + "/topics/t/partitions"));
        refused(404, "no partition 3", get(CLUSTER + "/topics/t/partitions/3"));
    }

    @Test
    void settingsAreReadAndChanged() throws Exception {
        String configs = CLUSTER + "/topics/t/configs";
        contains("\"name\":\"cleanup.policy\",\"value\":\"delete\"", get(configs));
        contains("\"is_default\":true,\"source\":\"DEFAULT_CONFIG\"", get(configs + "/cleanup.policy"));
        refused(404, "nothing", get(configs + "/nothing"));
        String change = "{\"data\":[{\"name\":\"%s\",\"value\":\"compact\"}]}";
        assertEquals(
                204,
                post(configs + ":alter", "application/json", change.formatted("cleanup.policy"))
                        .statusCode());
        refused(40002, "Unknown topic config", post(configs + ":alter", "application/json", change.formatted("x")));
        refused(400, "no configs", post(configs + ":alter", "application/json", "{\"data\":[]}"));
        refused(
                400,
                "operation",
                post(configs + ":alter", "application/json", "{\"data\":[{\"name\":\"a\",\"operation\":\"ADD\"}]}"));
    }

    @Test
    void eachRecordOfAStreamIsReported() throws Exception {
        HttpResponse<String> answer = post(
                CLUSTER + "/topics/t/records",
                "application/json",
                "{\"partition_id\":0,\"key\":{\"type\":\"STRING\",\"data\":\"k\"},\"value\":{\"data\":\"AQID\",\"type\":\"BINARY\"},\"timestamp\":\"1970-01-01T00:00:01Z\"}"
                        + "{\"partition_id\":0,\"value\":{\"type\":\"JSON\",\"data\":{\"a\": 1}}}\n{\"value\":{\"type\":\"AVRO\"}}");
        List<String> lines = answer.body().lines().toList();
        assertEquals(
                "{\"error_code\":200,\"cluster_id\":\"a-cluster\",\"topic_name\":\"t\",\"partition_id\":0,\"offset\":0,"
                        + "\"timestamp\":\"1970-01-01T00:00:01Z\",\"key\":{\"size\":1},\"value\":{\"size\":3}}",
                lines.get(0));
        assertTrue(lines.get(1).startsWith("{\"error_code\":200,"), answer.body());
        assertTrue(lines.get(2).startsWith("{\"error_code\":400,"), answer.body());
        PlainRecord second = cluster.log("t", 0).get(1);
        assertEquals("{\"a\":1}", new String(second.value(), "UTF-8"));
        refused(40403, "nowhere", post(CLUSTER + "/topics/nowhere/records", "application/json", "{}"));
        refused(415, "text/plain", post(CLUSTER + "/topics/t/records", "text/plain", "{}"));
    }

    @Test
    void groupsAreToldWithTheirLags() throws Exception {
        for (int i = 0; i < 5; i++) {
            cluster.add(0, "" + i);
        }
        String groups = CLUSTER + "/consumer-groups";
        contains(
                "\"consumer_group_id\":\"g\",\"is_simple\":false,\"type\":\"classic\",\"state\":\"STABLE\"",
                get(groups));
        contains("\"partition_assignor\":\"range\"", get(groups + "/g"));
        contains("\"current_offset\":1,\"log_end_offset\":5,\"lag\":4,", get(groups + "/g/lags"));
        contains(
                "\"max_lag\":4,\"max_lag_topic_name\":\"t\",\"max_lag_partition_id\":0,",
                get(groups + "/g/lag-summary"));
        contains("\"total_lag\":4}", get(groups + "/g/lag-summary"));
        refused(404, "Group other", get(groups + "/other"));
        refused(404, "Group other", get(groups + "/other/lags"));
    }
}
