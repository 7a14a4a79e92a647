package io.troupe.http;

import com.fasterxml.jackson.core.JsonGenerator;
import io.troupe.metadata.PartitionImage;
import io.troupe.metadata.TopicImage;
import io.troupe.protocol.BrokerCalls;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.message.DescribeConfigsRequestData;
import org.apache.kafka.common.message.DescribeConfigsRequestData.DescribeConfigsResource;
import org.apache.kafka.common.message.DescribeConfigsResponseData;
import org.apache.kafka.common.message.DescribeConfigsResponseData.DescribeConfigsResult;
import org.apache.kafka.common.protocol.Errors;
import org.apache.pekko.http.javadsl.model.HttpResponse;

/** REST Proxy v2's look at topics, partitions, offsets and brokers. */
final class TopicRoutes {
    private static final int DESCRIBE_CONFIGS_VERSION = 4;

    private final Topics topics;
    private final BrokerCalls calls;
    private final RecordReading reading;
    private final int timeoutMs;

    TopicRoutes(Topics topics, BrokerCalls calls, RecordReading reading, int timeoutMs) {
        this.topics = topics;
        this.calls = calls;
        this.reading = reading;
        this.timeoutMs = timeoutMs;
    }

    List<Route> routes() {
        return List.of(
                Route.of("GET", "/topics", this::list),
                Route.of("GET", "/topics/{topic}", this::topic),
                Route.of("GET", "/topics/{topic}/partitions", this::partitions),
                Route.of("GET", "/topics/{topic}/partitions/{partition}", this::partition),
                Route.of("GET", "/topics/{topic}/partitions/{partition}/offsets", this::offsets),
                Route.of("GET", "/brokers", this::brokers));
    }

    private static CompletionStage<HttpResponse> done(HttpResponse answer) {
        return CompletableFuture.completedFuture(answer);
    }

    private CompletionStage<HttpResponse> list(Exchange exchange) {
        return done(exchange.json(200, json -> {
            json.writeStartArray();
            for (String name :
                    topics.image().topics().keySet().stream().sorted().toList()) {
                json.writeString(name);
            }
            json.writeEndArray();
        }));
    }

    private CompletionStage<HttpResponse> topic(Exchange exchange) {
        TopicImage topic = topics.existing(exchange.path("topic"));
        return configs(calls, topics.ownId(), topic.name(), timeoutMs)
                .thenApply(configs -> exchange.json(200, json -> {
                    json.writeStartObject();
                    json.writeStringField("name", topic.name());
                    json.writeObjectFieldStart("configs");
                    for (var config : configs.configs()) {
                        json.writeStringField(config.name(), config.value());
                    }
                    json.writeEndObject();
                    json.writeFieldName("partitions");
                    write(json, topic.partitions());
                    json.writeEndObject();
                }));
    }

    /** A topic's settings as DescribeConfigs tells them. */
    static CompletionStage<DescribeConfigsResult> configs(BrokerCalls calls, int ownId, String topic, int timeoutMs) {
        DescribeConfigsRequestData request = new DescribeConfigsRequestData()
                .setIncludeSynonyms(true)
                .setResources(List.of(new DescribeConfigsResource()
                        .setResourceType(ConfigResource.Type.TOPIC.id())
                        .setResourceName(topic)
                        .setConfigurationKeys(null)));
        return calls.call(ownId, DESCRIBE_CONFIGS_VERSION, request, 0, timeoutMs)
                .thenApply(answer -> {
                    DescribeConfigsResult result =
                            ((DescribeConfigsResponseData) answer).results().get(0);
                    Errors error = Errors.forCode(result.errorCode());
                    if (error != Errors.NONE) {
                        throw HttpFailure.of(error, result.errorMessage(), "Topic " + topic);
                    }
                    return result;
                });
    }

    private CompletionStage<HttpResponse> partitions(Exchange exchange) {
        TopicImage topic = topics.existing(exchange.path("topic"));
        return done(exchange.json(200, json -> write(json, topic.partitions())));
    }

    private CompletionStage<HttpResponse> partition(Exchange exchange) {
        TopicImage topic = topics.existing(exchange.path("topic"));
        int partition = Topics.partition(topic, exchange.path("partition"));
        return done(exchange.json(200, json -> write(json, topic.partitions().get(partition))));
    }

    private static void write(JsonGenerator json, List<PartitionImage> partitions) throws IOException {
        json.writeStartArray();
        for (PartitionImage partition : partitions) {
            write(json, partition);
        }
        json.writeEndArray();
    }

    private static void write(JsonGenerator json, PartitionImage partition) throws IOException {
        json.writeStartObject();
        json.writeNumberField("partition", partition.partition());
        json.writeNumberField("leader", partition.leader());
        json.writeArrayFieldStart("replicas");
        for (int replica : partition.replicas()) {
            json.writeStartObject();
            json.writeNumberField("broker", replica);
            json.writeBooleanField("leader", replica == partition.leader());
            json.writeBooleanField("in_sync", partition.isr().contains(replica));
            json.writeEndObject();
        }
        json.writeEndArray();
        json.writeEndObject();
    }

    private CompletionStage<HttpResponse> offsets(Exchange exchange) {
        TopicImage topic = topics.existing(exchange.path("topic"));
        int partition = Topics.partition(topic, exchange.path("partition"));
        return reading.offset(topic, partition, RecordReading.EARLIEST)
                .thenCombine(
                        reading.offset(topic, partition, RecordReading.LATEST),
                        (first, end) -> exchange.json(200, json -> {
                            json.writeStartObject();
                            json.writeNumberField("beginning_offset", first);
                            json.writeNumberField("end_offset", end);
                            json.writeEndObject();
                        }));
    }

    private CompletionStage<HttpResponse> brokers(Exchange exchange) {
        return done(exchange.json(200, json -> {
            json.writeStartObject();
            json.writeArrayFieldStart("brokers");
            for (int id : topics.brokers()) {
                json.writeNumber(id);
            }
            json.writeEndArray();
            json.writeEndObject();
        }));
    }
}
