package io.troupe.http;

import com.fasterxml.jackson.core.JsonGenerator;
import io.troupe.group.assignor.TopicRegexes;
import io.troupe.http.InstanceAction.Place;
import io.troupe.metadata.TopicImage;
import java.io.IOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.pekko.http.javadsl.model.HttpResponse;

/**
 * Consumer instances as REST Proxy v2 has them: made in a group, subscribed or assigned, read from and committed by requests, each of which
 * any broker serves. A commit names the last record that is done; what is stored, and shown by a GET, is the offset after it.
 */
final class ConsumerRoutes {
    private static final String INSTANCE = "/consumers/{group}/instances/{instance}";

    private final Topics topics;
    private final Groups groups;
    private final Instances instances;
    private final ConsumerReading reading;
    private final int timeoutMs;

    ConsumerRoutes(Topics topics, Groups groups, Instances instances, ConsumerReading reading, int timeoutMs) {
        this.topics = topics;
        this.groups = groups;
        this.instances = instances;
        this.reading = reading;
        this.timeoutMs = timeoutMs;
    }

    List<Route> routes() {
        return List.of(
                Route.of("POST", "/consumers/{group}", this::create),
                Route.of("DELETE", INSTANCE, exchange -> done(exchange, new InstanceAction.Delete())),
                Route.of("POST", INSTANCE + "/subscription", this::subscribe),
                Route.of("GET", INSTANCE + "/subscription", this::subscription),
                Route.of(
                        "DELETE",
                        INSTANCE + "/subscription",
                        exchange -> done(exchange, new InstanceAction.Unsubscribe())),
                Route.of("POST", INSTANCE + "/assignments", this::assign),
                Route.of("GET", INSTANCE + "/assignments", this::assignments),
                Route.of("GET", INSTANCE + "/records", exchange -> reading.records(exchange, id(exchange))),
                Route.of("POST", INSTANCE + "/offsets", this::commit),
                Route.of("GET", INSTANCE + "/offsets", this::offsets),
                Route.of("POST", INSTANCE + "/positions", this::seek),
                Route.of(
                        "POST",
                        INSTANCE + "/positions/beginning",
                        exchange -> seekTo(exchange, InstanceAction.BEGINNING)),
                Route.of("POST", INSTANCE + "/positions/end", exchange -> seekTo(exchange, InstanceAction.END)));
    }

    private static InstanceId id(Exchange exchange) {
        return new InstanceId(exchange.path("group"), exchange.path("instance"));
    }

    private CompletionStage<InstanceReply> ask(Exchange exchange, InstanceAction action) {
        return instances.ask(id(exchange), action, timeoutMs);
    }

    private CompletionStage<HttpResponse> done(Exchange exchange, InstanceAction action) {
        return ask(exchange, action).thenApply(reply -> HttpResponse.create().withStatus(204));
    }

    private CompletionStage<HttpResponse> create(Exchange exchange) {
        return exchange.bodyIfAny().thenCompose(body -> {
            InstanceDefinition definition = InstanceRequests.definition(exchange.path("group"), body);
            InstanceId id = definition.id();
            String uri = exchange.base() + "/consumers/" + encoded(id.group()) + "/instances/" + encoded(id.name());
            return instances
                    .ask(id, new InstanceAction.Create(definition), timeoutMs)
                    .thenApply(reply -> exchange.json(200, json -> {
                        json.writeStartObject();
                        json.writeStringField("instance_id", id.name());
                        json.writeStringField("base_uri", uri);
                        json.writeEndObject();
                    }));
        });
    }

    private static String encoded(String name) {
        return URLEncoder.encode(name, StandardCharsets.UTF_8).replace("+", "%20");
    }

    private CompletionStage<HttpResponse> subscribe(Exchange exchange) {
        return exchange.body().thenCompose(body -> {
            InstanceAction.Subscribe wanted = InstanceRequests.subscription(body);
            if (wanted.pattern() != null) {
                try {
                    TopicRegexes.check(wanted.pattern());
                } catch (IllegalArgumentException e) {
                    throw new HttpFailure(HttpFailure.BAD_PAYLOAD, "topic_pattern: " + e.getMessage());
                }
            }
            return done(exchange, wanted);
        });
    }

    private CompletionStage<InstanceReply.Described> describe(Exchange exchange, TopicPartition after) {
        return ask(exchange, new InstanceAction.Describe(after)).thenApply(reply -> (InstanceReply.Described) reply);
    }

    /** All of it, which may take several answers. */
    private CompletionStage<List<TopicPartition>> assignment(Exchange exchange, List<TopicPartition> before) {
        TopicPartition after = before.isEmpty() ? null : before.get(before.size() - 1);
        return describe(exchange, after).thenCompose(told -> {
            List<TopicPartition> all = new ArrayList<>(before);
            all.addAll(told.assignment());
            return told.more() ? assignment(exchange, all) : CompletableFuture.completedFuture(all);
        });
    }

    private CompletionStage<HttpResponse> subscription(Exchange exchange) {
        return describe(exchange, null)
                .thenApply(instance -> exchange.json(200, json -> {
                    InstanceDefinition definition = instance.definition();
                    json.writeStartObject();
                    json.writeArrayFieldStart("topics");
                    for (String topic : definition.topics() == null ? List.<String>of() : definition.topics()) {
                        json.writeString(topic);
                    }
                    json.writeEndArray();
                    if (definition.pattern() != null) {
                        json.writeStringField("topic_pattern", definition.pattern());
                    }
                    json.writeEndObject();
                }));
    }

    private CompletionStage<HttpResponse> assign(Exchange exchange) {
        return exchange.body().thenCompose(body -> {
            List<TopicPartition> partitions = InstanceRequests.partitions(body);
            partitions.forEach(this::requireExisting);
            return done(exchange, new InstanceAction.Assign(partitions));
        });
    }

    private void requireExisting(TopicPartition partition) {
        TopicImage topic = topics.existing(partition.topic());
        Topics.partition(topic, Integer.toString(partition.partition()));
    }

    private CompletionStage<HttpResponse> assignments(Exchange exchange) {
        return assignment(exchange, List.of())
                .thenApply(assignment -> exchange.json(200, json -> {
                    json.writeStartObject();
                    json.writeArrayFieldStart("partitions");
                    for (TopicPartition partition : assignment) {
                        json.writeStartObject();
                        write(json, partition);
                        json.writeEndObject();
                    }
                    json.writeEndArray();
                    json.writeEndObject();
                }));
    }

    private static void write(JsonGenerator json, TopicPartition partition) throws IOException {
        json.writeStringField("topic", partition.topic());
        json.writeNumberField("partition", partition.partition());
    }

    private CompletionStage<HttpResponse> commit(Exchange exchange) {
        return exchange.bodyIfAny().thenCompose(body -> {
            List<Place> last = body.length == 0 ? List.of() : InstanceRequests.offsets(body);
            List<Place> next = new ArrayList<>();
            for (Place place : last) {
                requireExisting(place.partition().topicPartition());
                next.add(new Place(place.partition(), place.offset() + 1, place.metadata()));
            }
            return ask(exchange, new InstanceAction.Commit(next.isEmpty() ? null : next))
                    .thenApply(reply -> HttpResponse.create().withStatus(200));
        });
    }

    private CompletionStage<HttpResponse> offsets(Exchange exchange) {
        return exchange.bodyIfAny().thenCompose(body -> {
            List<TopicPartition> asked = body.length == 0 ? null : InstanceRequests.partitions(body);
            return assignment(exchange, List.of()).thenCompose(assignment -> groups.committed(exchange.path("group"))
                    .thenApply(committed -> exchange.json(200, json -> {
                        json.writeStartObject();
                        json.writeArrayFieldStart("offsets");
                        for (TopicPartition partition : asked == null ? assignment : asked) {
                            Groups.Committed known = committed.get(partition);
                            if (known != null) {
                                json.writeStartObject();
                                write(json, partition);
                                json.writeNumberField("offset", known.offset());
                                json.writeStringField("metadata", known.metadata());
                                json.writeEndObject();
                            }
                        }
                        json.writeEndArray();
                        json.writeEndObject();
                    })));
        });
    }

    private CompletionStage<HttpResponse> seek(Exchange exchange) {
        return exchange.body()
                .thenCompose(body -> done(exchange, new InstanceAction.Seek(InstanceRequests.offsets(body))));
    }

    private CompletionStage<HttpResponse> seekTo(Exchange exchange, long where) {
        return exchange.body()
                .thenCompose(body -> done(
                        exchange,
                        new InstanceAction.Seek(InstanceRequests.partitions(body).stream()
                                .map(partition -> new Place(new TopicIdPartition(Uuid.ZERO_UUID, partition), where, ""))
                                .toList())));
    }
}
