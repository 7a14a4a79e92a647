package io.troupe.http;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import io.troupe.metadata.TopicImage;
import io.troupe.protocol.BrokerCalls;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletionStage;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.message.DescribeConfigsResponseData.DescribeConfigsResourceResult;
import org.apache.kafka.common.message.IncrementalAlterConfigsRequestData;
import org.apache.kafka.common.message.IncrementalAlterConfigsRequestData.AlterConfigsResource;
import org.apache.kafka.common.message.IncrementalAlterConfigsRequestData.AlterConfigsResourceCollection;
import org.apache.kafka.common.message.IncrementalAlterConfigsRequestData.AlterableConfig;
import org.apache.kafka.common.message.IncrementalAlterConfigsResponseData;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.requests.DescribeConfigsResponse;
import org.apache.pekko.http.javadsl.model.HttpResponse;

/** Topics' settings as REST Proxy v3 has them. */
final class TopicConfigRoutes {
    private static final int ALTER_VERSION = 1;
    private static final String CONFIGS = "/v3/clusters/{cluster}/topics/{topic}/configs";

    private final Topics topics;
    private final BrokerCalls calls;
    private final int timeoutMs;

    TopicConfigRoutes(Topics topics, BrokerCalls calls, int timeoutMs) {
        this.topics = topics;
        this.calls = calls;
        this.timeoutMs = timeoutMs;
    }

    List<Route> routes() {
        return List.of(
                Route.of("GET", CONFIGS, this::list),
                Route.of("GET", CONFIGS + "/{name}", this::one),
                Route.of("POST", CONFIGS + ":alter", this::alter));
    }

    /**
     * One setting that is to be made.
     *
     * @param value null for none
     * @param delete whether it is to have its default again
     */
    record Setting(String name, String value, boolean delete) {
        static Setting read(JsonParser json) throws IOException {
            String[] read = new String[3];
            Json.object(json, "A config", (name, value) -> {
                switch (name) {
                    case "name" -> read[0] = Json.text(value, name);
                    case "value" ->
                        read[1] = value.currentToken().isNumeric()
                                        || value.currentToken().isBoolean()
                                ? value.getText()
                                : Json.text(value, name);
                    case "operation" -> read[2] = Json.text(value, name);
                    default ->
                        throw new HttpFailure(
                                HttpFailure.BAD_PAYLOAD,
                                "A config has a name, a value and an operation (SET, DELETE).");
                }
            });
            boolean delete = "DELETE".equals(read[2]);
            if (read[0] == null || read[2] != null && !delete && !read[2].equals("SET")) {
                throw new HttpFailure(
                        HttpFailure.BAD_PAYLOAD, "A config has a name, a value and an operation (SET, DELETE).");
            }
            return new Setting(read[0], read[1], delete);
        }
    }

    private CompletionStage<HttpResponse> list(Exchange exchange) {
        V3 v3 = V3.of(exchange, topics);
        TopicImage topic = topics.existing(exchange.path("topic"));
        return TopicRoutes.configs(calls, topics.ownId(), topic.name(), timeoutMs)
                .thenApply(all -> v3.list(
                        "KafkaTopicConfigList",
                        v3.path("topics", topic.name(), "configs"),
                        all.configs(),
                        (json, config) -> write(v3, json, topic, config)));
    }

    private CompletionStage<HttpResponse> one(Exchange exchange) {
        V3 v3 = V3.of(exchange, topics);
        TopicImage topic = topics.existing(exchange.path("topic"));
        String name = exchange.path("name");
        return TopicRoutes.configs(calls, topics.ownId(), topic.name(), timeoutMs)
                .thenApply(all -> {
                    DescribeConfigsResourceResult config = all.configs().stream()
                            .filter(c -> c.name().equals(name))
                            .findFirst()
                            .orElseThrow(() ->
                                    new HttpFailure(404, "Topics have no config " + HttpFailure.shown(name) + "."));
                    return v3.answer(200, json -> write(v3, json, topic, config));
                });
    }

    private static void write(V3 v3, JsonGenerator json, TopicImage topic, DescribeConfigsResourceResult config)
            throws IOException {
        ConfigEntry.ConfigSource source = DescribeConfigsResponse.ConfigSource.forId(config.configSource())
                .source();
        v3.begin(json, "KafkaTopicConfig", v3.path("topics", topic.name(), "configs", config.name()));
        json.writeStringField("topic_name", topic.name());
        json.writeStringField("name", config.name());
        json.writeStringField("value", config.value());
        json.writeBooleanField("is_read_only", config.readOnly());
        json.writeBooleanField("is_sensitive", config.isSensitive());
        json.writeBooleanField("is_default", source == ConfigEntry.ConfigSource.DEFAULT_CONFIG);
        json.writeStringField("source", source.name());
        json.writeArrayFieldStart("synonyms");
        for (var synonym : config.synonyms()) {
            json.writeStartObject();
            json.writeStringField("name", synonym.name());
            json.writeStringField("value", synonym.value());
            json.writeStringField(
                    "source",
                    DescribeConfigsResponse.ConfigSource.forId(synonym.source())
                            .source()
                            .name());
            json.writeEndObject();
        }
        json.writeEndArray();
        json.writeEndObject();
    }

    private CompletionStage<HttpResponse> alter(Exchange exchange) {
        V3.of(exchange, topics);
        TopicImage topic = topics.existing(exchange.path("topic"));
        return exchange.body().thenCompose(body -> {
            AlterConfigsResource resource = new AlterConfigsResource()
                    .setResourceType(ConfigResource.Type.TOPIC.id())
                    .setResourceName(topic.name());
            for (Setting setting : settings(body)) {
                resource.configs()
                        .add(new AlterableConfig()
                                .setName(setting.name())
                                .setValue(setting.value())
                                .setConfigOperation(
                                        (setting.delete() ? AlterConfigOp.OpType.DELETE : AlterConfigOp.OpType.SET)
                                                .id()));
            }
            AlterConfigsResourceCollection all = new AlterConfigsResourceCollection();
            all.add(resource);
            IncrementalAlterConfigsRequestData request = new IncrementalAlterConfigsRequestData().setResources(all);
            return calls.call(topics.ownId(), ALTER_VERSION, request, 0, timeoutMs)
                    .thenApply(answer -> {
                        var result = ((IncrementalAlterConfigsResponseData) answer)
                                .responses()
                                .get(0);
                        Errors error = Errors.forCode(result.errorCode());
                        if (error != Errors.NONE) {
                            throw HttpFailure.of(error, result.errorMessage(), "Topic " + topic.name());
                        }
                        return HttpResponse.create().withStatus(204);
                    });
        });
    }

    private static List<Setting> settings(byte[] body) {
        return Json.read(body, json -> {
            List<Setting> settings = new ArrayList<>();
            Json.object(json, "The body", (name, value) -> {
                if (!name.equals("data")) {
                    throw new HttpFailure(HttpFailure.BAD_PAYLOAD, "The body has only data, a list of configs.");
                }
                Json.array(value, name, config -> settings.add(Setting.read(config)));
            });
            if (settings.isEmpty()) {
                throw new HttpFailure(HttpFailure.BAD_PAYLOAD, "The body has no configs in data.");
            }
            return settings;
        });
    }
}
