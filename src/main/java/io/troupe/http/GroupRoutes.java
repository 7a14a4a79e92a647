package io.troupe.http;

import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.CompletionStage;
import org.apache.pekko.http.javadsl.model.HttpResponse;

/** Consumer groups and their lags, as REST Proxy v3 shows them. */
final class GroupRoutes {
    private static final String GROUPS = "/v3/clusters/{cluster}/consumer-groups";

    private final Topics topics;
    private final Groups groups;

    GroupRoutes(Topics topics, Groups groups) {
        this.topics = topics;
        this.groups = groups;
    }

    List<Route> routes() {
        return List.of(
                Route.of("GET", GROUPS, this::list),
                Route.of("GET", GROUPS + "/{group}", this::group),
                Route.of("GET", GROUPS + "/{group}/lags", this::lags),
                Route.of("GET", GROUPS + "/{group}/lag-summary", this::summary));
    }

    private CompletionStage<HttpResponse> list(Exchange exchange) {
        V3 v3 = V3.of(exchange, topics);
        return groups.all()
                .thenApply(all -> v3.list("KafkaConsumerGroupList", v3.path("consumer-groups"), all, (json, group) -> {
                    write(v3, json, group, null);
                }));
    }

    private static void write(V3 v3, JsonGenerator json, Groups.Listed group, String assignor) throws IOException {
        String path = v3.path("consumer-groups", group.groupId());
        v3.begin(json, "KafkaConsumerGroup", path);
        json.writeStringField("consumer_group_id", group.groupId());
        json.writeBooleanField("is_simple", group.type().isEmpty());
        json.writeStringField("type", group.type());
        json.writeStringField("state", group.state().toUpperCase(java.util.Locale.ROOT));
        if (assignor != null) {
            json.writeStringField("partition_assignor", assignor);
        }
        v3.related(json, "coordinator", v3.path("brokers", Integer.toString(group.coordinator())));
        v3.related(json, "lag_summary", path + "/lag-summary");
        json.writeEndObject();
    }

    private CompletionStage<HttpResponse> group(Exchange exchange) {
        V3 v3 = V3.of(exchange, topics);
        return groups.one(exchange.path("group")).thenCompose(group -> groups.assignor(group)
                .thenApply(assignor -> v3.answer(200, json -> write(v3, json, group, assignor))));
    }

    private CompletionStage<HttpResponse> lags(Exchange exchange) {
        V3 v3 = V3.of(exchange, topics);
        String group = exchange.path("group");
        String path = v3.path("consumer-groups", group, "lags");
        return groups.one(group)
                .thenCompose(known -> groups.lags(group))
                .thenApply(lags -> v3.list("KafkaConsumerLagList", path, lags, (json, lag) -> {
                    String topic = lag.partition().topic();
                    v3.begin(
                            json,
                            "KafkaConsumerLag",
                            path + "/" + topic + "/partitions/"
                                    + lag.partition().partition());
                    json.writeStringField("consumer_group_id", group);
                    json.writeStringField("topic_name", topic);
                    json.writeNumberField("partition_id", lag.partition().partition());
                    json.writeNumberField("current_offset", lag.committed());
                    json.writeNumberField("log_end_offset", lag.end());
                    json.writeNumberField("lag", lag.records());
                    json.writeNumberField("lag_ms", lag.waitingMs());
                    json.writeEndObject();
                }));
    }

    private CompletionStage<HttpResponse> summary(Exchange exchange) {
        V3 v3 = V3.of(exchange, topics);
        String group = exchange.path("group");
        return groups.one(group)
                .thenCompose(known -> groups.lags(group))
                .thenApply(lags -> v3.answer(200, json -> {
                    Groups.Lag most = lags.stream()
                            .max((a, b) -> Long.compare(a.records(), b.records()))
                            .orElse(null);
                    v3.begin(json, "KafkaConsumerGroupLagSummary", v3.path("consumer-groups", group, "lag-summary"));
                    json.writeStringField("consumer_group_id", group);
                    json.writeNumberField("max_lag", most == null ? 0 : most.records());
                    if (most != null) {
                        json.writeStringField(
                                "max_lag_topic_name", most.partition().topic());
                        json.writeNumberField(
                                "max_lag_partition_id", most.partition().partition());
                    }
                    json.writeNumberField(
                            "max_lag_ms",
                            lags.stream().mapToLong(Groups.Lag::waitingMs).max().orElse(0));
                    json.writeNumberField(
                            "total_lag",
                            lags.stream().mapToLong(Groups.Lag::records).sum());
                    json.writeEndObject();
                }));
    }
}
