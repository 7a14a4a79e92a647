package io.troupe.http;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonToken;
import io.troupe.config.HostPort;
import io.troupe.metadata.BrokerImage;
import io.troupe.metadata.PartitionImage;
import io.troupe.metadata.TopicImage;
import io.troupe.protocol.BrokerCalls;
import java.io.IOException;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.apache.kafka.common.message.CreateTopicsRequestData;
import org.apache.kafka.common.message.CreateTopicsRequestData.CreatableTopic;
import org.apache.kafka.common.message.CreateTopicsRequestData.CreatableTopicCollection;
import org.apache.kafka.common.message.CreateTopicsRequestData.CreatableTopicConfig;
import org.apache.kafka.common.message.CreateTopicsResponseData;
import org.apache.kafka.common.message.DeleteTopicsRequestData;
import org.apache.kafka.common.message.DeleteTopicsResponseData;
import org.apache.kafka.common.protocol.Errors;
import org.apache.pekko.http.javadsl.model.HttpResponse;

/** Clusters, brokers, topics and partitions as REST Proxy v3 has them. */
final class ClusterRoutes {
    private static final int CREATE_VERSION = 7;
    private static final int DELETE_VERSION = 5;
    private static final String CLUSTER = "/v3/clusters/{cluster}";
    private static final String TOPICS = CLUSTER + "/topics";

    private final Topics topics;
    private final BrokerCalls calls;
    private final TopicConfigRoutes configs;
    private final StreamRoutes streams;
    private final int timeoutMs;

    ClusterRoutes(Topics topics, BrokerCalls calls, ProduceRoutes produce, int timeoutMs) {
        this.topics = topics;
        this.calls = calls;
        this.configs = new TopicConfigRoutes(topics, calls, timeoutMs);
        this.streams = new StreamRoutes(topics, produce);
        this.timeoutMs = timeoutMs;
    }

    List<Route> routes() {
        List<Route> routes = new java.util.ArrayList<>(List.of(
                Route.of("GET", "/v3/clusters", this::clusters),
                Route.of("GET", CLUSTER, this::cluster),
                Route.of("GET", CLUSTER + "/brokers", this::brokers),
                Route.of("GET", CLUSTER + "/brokers/{broker}", this::broker),
                Route.of("GET", TOPICS, this::list),
                Route.of("POST", TOPICS, this::create),
                Route.of("GET", TOPICS + "/{topic}", this::topic),
                Route.of("DELETE", TOPICS + "/{topic}", this::delete),
                Route.of("GET", TOPICS + "/{topic}/partitions", this::partitions),
                Route.of("GET", TOPICS + "/{topic}/partitions/{partition}", this::partition)));
        routes.addAll(configs.routes());
        routes.addAll(streams.routes());
        return routes;
    }

    private static CompletionStage<HttpResponse> done(HttpResponse answer) {
        return CompletableFuture.completedFuture(answer);
    }

    private CompletionStage<HttpResponse> clusters(Exchange exchange) {
        V3 v3 = V3.of(exchange, topics);
        return done(v3.list(
                "KafkaClusterList",
                exchange.base() + "/v3/clusters",
                List.of(v3.clusterId()),
                (json, id) -> write(v3, json)));
    }

    private CompletionStage<HttpResponse> cluster(Exchange exchange) {
        V3 v3 = V3.of(exchange, topics);
        return done(v3.answer(200, json -> write(v3, json)));
    }

    private void write(V3 v3, JsonGenerator json) throws IOException {
        v3.begin(json, "KafkaCluster", v3.path());
        v3.related(
                json,
                "controller",
                v3.path("brokers", Integer.toString(topics.image().controllerId())));
        v3.related(json, "brokers", v3.path("brokers"));
        v3.related(json, "topics", v3.path("topics"));
        v3.related(json, "consumer_groups", v3.path("consumer-groups"));
        json.writeEndObject();
    }

    private CompletionStage<HttpResponse> brokers(Exchange exchange) {
        V3 v3 = V3.of(exchange, topics);
        List<BrokerImage> there =
                topics.image().brokers().stream().filter(b -> !b.fenced()).toList();
        return done(v3.list("KafkaBrokerList", v3.path("brokers"), there, (json, broker) -> write(v3, json, broker)));
    }

    private CompletionStage<HttpResponse> broker(Exchange exchange) {
        V3 v3 = V3.of(exchange, topics);
        String id = exchange.path("broker");
        BrokerImage broker = topics.image().brokers().stream()
                .filter(b -> Integer.toString(b.brokerId()).equals(id) && !b.fenced())
                .findFirst()
                .orElseThrow(() -> new HttpFailure(404, "Broker " + HttpFailure.shown(id) + " is not there."));
        return done(v3.answer(200, json -> write(v3, json, broker)));
    }

    private static void write(V3 v3, JsonGenerator json, BrokerImage broker) throws IOException {
        v3.begin(json, "KafkaBroker", v3.path("brokers", Integer.toString(broker.brokerId())));
        HostPort address = broker.listeners().get(0).address();
        json.writeNumberField("broker_id", broker.brokerId());
        json.writeStringField("host", address.host());
        json.writeNumberField("port", address.port());
        json.writeStringField("rack", broker.rack().orElse(null));
        json.writeEndObject();
    }

    private CompletionStage<HttpResponse> list(Exchange exchange) {
        V3 v3 = V3.of(exchange, topics);
        List<TopicImage> all = topics.image().topics().values().stream()
                .sorted(Comparator.comparing(TopicImage::name))
                .toList();
        return done(v3.list("KafkaTopicList", v3.path("topics"), all, (json, topic) -> write(v3, json, topic)));
    }

    private CompletionStage<HttpResponse> topic(Exchange exchange) {
        V3 v3 = V3.of(exchange, topics);
        TopicImage topic = topics.existing(exchange.path("topic"));
        return done(v3.answer(200, json -> write(v3, json, topic)));
    }

    private static void write(V3 v3, JsonGenerator json, TopicImage topic) throws IOException {
        String path = v3.path("topics", topic.name());
        v3.begin(json, "KafkaTopic", path);
        json.writeStringField("topic_name", topic.name());
        json.writeStringField("topic_id", topic.topicId().toString());
        json.writeBooleanField("is_internal", topic.internal());
        json.writeNumberField(
                "replication_factor", topic.partitions().get(0).replicas().size());
        json.writeNumberField("partitions_count", topic.partitions().size());
        v3.related(json, "partitions", path + "/partitions");
        v3.related(json, "configs", path + "/configs");
        json.writeEndObject();
    }

    private CompletionStage<HttpResponse> create(Exchange exchange) {
        V3 v3 = V3.of(exchange, topics);
        return exchange.body().thenCompose(body -> {
            CreatableTopic wanted = wanted(body);
            CreatableTopicCollection all = new CreatableTopicCollection();
            all.add(wanted);
            CreateTopicsRequestData request =
                    new CreateTopicsRequestData().setTopics(all).setTimeoutMs(timeoutMs);
            return calls.call(topics.ownId(), CREATE_VERSION, request, 0, timeoutMs)
                    .thenApply(answer -> {
                        var result =
                                ((CreateTopicsResponseData) answer).topics().find(wanted.name());
                        Errors error = Errors.forCode(result.errorCode());
                        if (error != Errors.NONE) {
                            throw HttpFailure.of(
                                    error, result.errorMessage(), "Topic " + HttpFailure.shown(wanted.name()));
                        }
                        Optional<TopicImage> made = topics.image().topic(wanted.name());
                        return made.map(topic -> v3.answer(201, json -> write(v3, json, topic)))
                                .orElseThrow(() -> HttpFailure.tryAgain("The topic was made, and is gone again."));
                    });
        });
    }

    private static CreatableTopic wanted(byte[] body) {
        CreatableTopic topic =
                new CreatableTopic().setName(null).setNumPartitions(-1).setReplicationFactor((short) -1);
        Json.read(body, json -> {
            Json.object(json, "The body", (name, value) -> {
                switch (name) {
                    case "topic_name" -> topic.setName(Json.text(value, name));
                    case "partitions_count" -> {
                        Long count = Json.number(value, name, 1, Integer.MAX_VALUE);
                        topic.setNumPartitions(count == null ? -1 : count.intValue());
                    }
                    case "replication_factor" -> {
                        Long count = Json.number(value, name, 1, Short.MAX_VALUE);
                        topic.setReplicationFactor(count == null ? -1 : count.shortValue());
                    }
                    case "configs" -> {
                        if (value.currentToken() != JsonToken.VALUE_NULL) {
                            Json.array(value, name, config -> {
                                TopicConfigRoutes.Setting setting = TopicConfigRoutes.Setting.read(config);
                                return topic.configs()
                                        .add(new CreatableTopicConfig()
                                                .setName(setting.name())
                                                .setValue(setting.value()));
                            });
                        }
                    }
                    default ->
                        throw new HttpFailure(
                                HttpFailure.BAD_PAYLOAD,
                                "The body has the field " + HttpFailure.shown(name)
                                        + "; known are topic_name, partitions_count, replication_factor and configs.");
                }
            });
            return null;
        });
        if (topic.name() == null) {
            throw new HttpFailure(HttpFailure.BAD_PAYLOAD, "The body has no topic_name.");
        }
        return topic;
    }

    private CompletionStage<HttpResponse> delete(Exchange exchange) {
        V3.of(exchange, topics);
        TopicImage topic = topics.existing(exchange.path("topic"));
        DeleteTopicsRequestData request = new DeleteTopicsRequestData()
                .setTopicNames(List.of(topic.name()))
                .setTimeoutMs(timeoutMs);
        return calls.call(topics.ownId(), DELETE_VERSION, request, 0, timeoutMs).thenApply(answer -> {
            var result =
                    ((DeleteTopicsResponseData) answer).responses().iterator().next();
            Errors error = Errors.forCode(result.errorCode());
            if (error != Errors.NONE) {
                throw HttpFailure.of(error, result.errorMessage(), "Topic " + topic.name());
            }
            return HttpResponse.create().withStatus(204);
        });
    }

    private CompletionStage<HttpResponse> partitions(Exchange exchange) {
        V3 v3 = V3.of(exchange, topics);
        TopicImage topic = topics.existing(exchange.path("topic"));
        return done(v3.list(
                "KafkaPartitionList",
                v3.path("topics", topic.name(), "partitions"),
                topic.partitions(),
                (json, partition) -> write(v3, json, topic, partition)));
    }

    private CompletionStage<HttpResponse> partition(Exchange exchange) {
        V3 v3 = V3.of(exchange, topics);
        TopicImage topic = topics.existing(exchange.path("topic"));
        PartitionImage partition = topic.partitions().get(Topics.partition(topic, exchange.path("partition")));
        return done(v3.answer(200, json -> write(v3, json, topic, partition)));
    }

    private static void write(V3 v3, JsonGenerator json, TopicImage topic, PartitionImage partition)
            throws IOException {
        v3.begin(
                json,
                "KafkaPartition",
                v3.path("topics", topic.name(), "partitions", Integer.toString(partition.partition())));
        json.writeStringField("topic_name", topic.name());
        json.writeNumberField("partition_id", partition.partition());
        json.writeNumberField("leader_id", partition.leader());
        json.writeArrayFieldStart("replicas");
        for (int id : partition.replicas()) {
            json.writeStartObject();
            json.writeNumberField("broker_id", id);
            json.writeBooleanField("is_leader", id == partition.leader());
            json.writeBooleanField("is_in_sync", partition.isr().contains(id));
            json.writeEndObject();
        }
        json.writeEndArray();
        json.writeEndObject();
    }
}
