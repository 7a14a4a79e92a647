package io.troupe.http;

import com.fasterxml.jackson.core.JsonGenerator;
import io.troupe.api.DescribeQuorumHandler;
import io.troupe.config.HostPort;
import io.troupe.metadata.BrokerImage;
import io.troupe.metadata.MetadataImage;
import io.troupe.metadata.PartitionImage;
import io.troupe.metadata.TopicImage;
import io.troupe.partition.Replica.FollowerStanding;
import io.troupe.protocol.BrokerCalls;
import java.io.IOException;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.BooleanSupplier;
import java.util.function.ToIntFunction;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.message.DescribeQuorumResponseData;
import org.apache.pekko.http.javadsl.model.HttpResponse;

/**
 * How the cluster does, and each partition of a topic: who leads, who is in sync, who is not and why. What REST Proxy has no words for;
 * below {@code /troupe}.
 */
final class StatusRoutes {
    private static final int MOST_TOPICS = 5000;
    private static final int DEFAULT_TOPICS = 500;
    private static final int MOST_PARTITIONS = 1000;
    private static final int DEFAULT_PARTITIONS = 100;
    private static final int QUORUM_PATIENCE_MS = 3000;

    private final Topics topics;
    private final BrokerCalls calls;
    private final RecordReading reading;
    private final Followers followers;
    private final ToIntFunction<TopicImage> minIsrOf;
    private final BooleanSupplier controllerSilent;

    /**
     * @param minIsrOf min.insync.replicas of a topic
     * @param controllerSilent whether it is known that no controller answers this broker
     */
    StatusRoutes(
            Topics topics,
            BrokerCalls calls,
            RecordReading reading,
            Followers followers,
            ToIntFunction<TopicImage> minIsrOf,
            BooleanSupplier controllerSilent) {
        this.topics = topics;
        this.calls = calls;
        this.reading = reading;
        this.followers = followers;
        this.minIsrOf = minIsrOf;
        this.controllerSilent = controllerSilent;
    }

    List<Route> routes() {
        return List.of(
                Route.of("GET", "/troupe/status", exchange -> status()),
                Route.of("GET", "/troupe/topics", this::list),
                Route.of("GET", "/troupe/topics/{topic}", this::topic));
    }

    private static HttpResponse answer(Json.Writer writer) {
        return Exchange.answer(200, MediaTypes.JSON, Json.bytes(writer));
    }

    private CompletionStage<HttpResponse> status() {
        return quorum().thenApply(this::status);
    }

    /** Empty when no controller answers. */
    private CompletionStage<Optional<QuorumHealth>> quorum() {
        if (controllerSilent.getAsBoolean()) {
            return CompletableFuture.completedFuture(Optional.empty());
        }
        return calls.call(
                        topics.ownId(),
                        DescribeQuorumHandler.VERSION,
                        DescribeQuorumHandler.ask(),
                        0,
                        QUORUM_PATIENCE_MS)
                .handle((answer, failure) ->
                        failure != null ? Optional.empty() : QuorumHealth.of((DescribeQuorumResponseData) answer));
    }

    private HttpResponse status(Optional<QuorumHealth> quorum) {
        MetadataImage image = topics.image();
        // Thousands of topics have few different settings, and it takes a while to read them.
        Map<Map<String, String>, Integer> known = new HashMap<>();
        ClusterHealth health = ClusterHealth.of(
                image, topic -> known.computeIfAbsent(topic.configs(), own -> minIsrOf.applyAsInt(topic)), quorum);
        return answer(json -> {
            json.writeStartObject();
            json.writeStringField("cluster_id", image.clusterId());
            json.writeNumberField("broker_id", topics.ownId());
            json.writeNumberField("controller_id", image.controllerId());
            json.writeBooleanField("controller_answers", quorum.isPresent());
            json.writeNumberField("time_ms", System.currentTimeMillis());
            json.writeBooleanField("well", health.well());
            json.writeNumberField("topics", image.topics().size());
            write(json, health.totals());
            json.writeArrayFieldStart("problems");
            for (ClusterHealth.Problem problem : health.problems()) {
                write(json, problem);
            }
            json.writeEndArray();
            json.writeArrayFieldStart("brokers");
            for (BrokerImage broker : image.brokers().stream()
                    .sorted(Comparator.comparingInt(BrokerImage::brokerId))
                    .toList()) {
                write(json, broker, health.share(broker.brokerId()));
            }
            json.writeEndArray();
            json.writeEndObject();
        });
    }

    private static void write(JsonGenerator json, ClusterHealth.Totals totals) throws IOException {
        json.writeNumberField("partitions", totals.partitions());
        json.writeNumberField("replicas", totals.replicas());
        json.writeNumberField("out_of_sync", totals.outOfSync());
        json.writeNumberField("offline", totals.offline());
        json.writeNumberField("under_min_isr", totals.underMinIsr());
        json.writeNumberField("under_replicated", totals.underReplicated());
        json.writeNumberField("reassigning", totals.reassigning());
        json.writeNumberField("not_preferred", totals.notPreferred());
    }

    private static void write(JsonGenerator json, ClusterHealth.Problem problem) throws IOException {
        json.writeStartObject();
        json.writeStringField("severity", problem.severity().name().toLowerCase(Locale.ROOT));
        json.writeStringField("title", problem.title());
        json.writeStringField("advice", problem.advice());
        json.writeNumberField("count", problem.count());
        json.writeArrayFieldStart("partitions");
        for (TopicPartition partition : problem.partitions()) {
            json.writeStartObject();
            json.writeStringField("topic", partition.topic());
            json.writeNumberField("partition", partition.partition());
            json.writeEndObject();
        }
        json.writeEndArray();
        json.writeEndObject();
    }

    private static void write(JsonGenerator json, BrokerImage broker, ClusterHealth.Share share) throws IOException {
        HostPort address = broker.listeners().get(0).address();
        json.writeStartObject();
        json.writeNumberField("broker_id", broker.brokerId());
        json.writeStringField("host", address.host());
        json.writeNumberField("port", address.port());
        json.writeStringField("rack", broker.rack().orElse(null));
        json.writeStringField("state", broker.fenced() ? "fenced" : broker.inControlledShutdown() ? "stopping" : "up");
        json.writeNumberField("leads", share.leads());
        json.writeNumberField("replicas", share.replicas());
        json.writeNumberField("out_of_sync", share.outOfSync());
        json.writeEndObject();
    }

    private CompletionStage<HttpResponse> list(Exchange exchange) {
        String part = exchange.query("contains").orElse("");
        boolean internal = exchange.query("internal").filter("false"::equals).isEmpty();
        List<TopicImage> found = topics.image().topics().values().stream()
                .filter(topic -> topic.name().contains(part) && (internal || !topic.internal()))
                .sorted(Comparator.comparing(TopicImage::name))
                .toList();
        List<TopicImage> some = stretch(exchange, found, DEFAULT_TOPICS, MOST_TOPICS);
        return CompletableFuture.completedFuture(answer(json -> {
            json.writeStartObject();
            json.writeNumberField("found", found.size());
            json.writeArrayFieldStart("topics");
            for (TopicImage topic : some) {
                json.writeStartObject();
                json.writeStringField("name", topic.name());
                json.writeBooleanField("internal", topic.internal());
                json.writeNumberField(
                        "replication_factor",
                        topic.partitions().get(0).replicas().size());
                write(json, ClusterHealth.of(topic, minIsrOf.applyAsInt(topic)));
                json.writeEndObject();
            }
            json.writeEndArray();
            json.writeEndObject();
        }));
    }

    /** As many as are asked for, from the first that is asked for on. */
    private static <T> List<T> stretch(Exchange exchange, List<T> all, int byDefault, int most) {
        int first = Math.min(exchange.number("first", 0, 0, Integer.MAX_VALUE), all.size());
        int count = exchange.number("count", byDefault, 1, most);
        return all.subList(first, Math.min(all.size(), first + count));
    }

    /** What is known of a stretch of a topic's partitions. */
    private record Known(
            Map<TopicPartition, RecordReading.End> starts,
            Map<TopicPartition, RecordReading.End> ends,
            Map<Integer, List<FollowerStanding>> followers) {}

    private CompletionStage<HttpResponse> topic(Exchange exchange) {
        TopicImage topic = topics.existing(exchange.path("topic"));
        List<PartitionImage> some = stretch(exchange, topic.partitions(), DEFAULT_PARTITIONS, MOST_PARTITIONS);
        Map<TopicPartition, Long> asked = new HashMap<>();
        some.forEach(p -> asked.put(new TopicPartition(topic.name(), p.partition()), null));
        List<PartitionImage> lacking =
                some.stream().filter(p -> p.isr().size() < p.replicas().size()).toList();
        return reading.ends(asked, RecordReading.EARLIEST)
                .thenCombine(
                        reading.ends(asked, RecordReading.LATEST), (starts, ends) -> new Known(starts, ends, Map.of()))
                .thenCombine(
                        followers.of(topic, lacking),
                        (offsets, told) -> new Known(offsets.starts(), offsets.ends(), told))
                .thenApply(known -> answer(json -> write(json, topic, some, known)));
    }

    private void write(JsonGenerator json, TopicImage topic, List<PartitionImage> some, Known known)
            throws IOException {
        int minIsr = minIsrOf.applyAsInt(topic);
        json.writeStartObject();
        json.writeStringField("name", topic.name());
        json.writeStringField("topic_id", topic.topicId().toString());
        json.writeBooleanField("internal", topic.internal());
        json.writeNumberField("min_insync_replicas", minIsr);
        json.writeObjectFieldStart("configs");
        for (Map.Entry<String, String> config : topic.configs().entrySet()) {
            json.writeStringField(config.getKey(), config.getValue());
        }
        json.writeEndObject();
        json.writeObjectFieldStart("totals");
        write(json, ClusterHealth.of(topic, minIsr));
        json.writeEndObject();
        json.writeArrayFieldStart("partitions");
        for (PartitionImage partition : some) {
            write(json, topic.name(), partition, minIsr, known);
        }
        json.writeEndArray();
        json.writeEndObject();
    }

    private void write(JsonGenerator json, String topic, PartitionImage partition, int minIsr, Known known)
            throws IOException {
        TopicPartition name = new TopicPartition(topic, partition.partition());
        RecordReading.End start = known.starts().get(name);
        RecordReading.End end = known.ends().get(name);
        json.writeStartObject();
        json.writeNumberField("partition", partition.partition());
        json.writeNumberField("leader", partition.leader());
        json.writeNumberField("leader_epoch", partition.leaderEpoch());
        json.writeBooleanField("reassigning", partition.reassigning());
        json.writeBooleanField(
                "takes_acks_all",
                partition.hasLeader()
                        && partition.isr().size()
                                >= Math.min(minIsr, partition.replicas().size()));
        number(json, "beginning_offset", start);
        number(json, "end_offset", end);
        json.writeArrayFieldStart("replicas");
        for (int id : partition.replicas()) {
            ReplicaState state = ReplicaState.of(topics.image(), partition, id);
            FollowerStanding standing = known.followers().getOrDefault(partition.partition(), List.of()).stream()
                    .filter(s -> s.brokerId() == id)
                    .findFirst()
                    .orElse(null);
            long leaderEnd = end == null ? -1 : end.offset();
            json.writeStartObject();
            json.writeNumberField("broker_id", id);
            json.writeStringField("state", state.shown());
            json.writeBooleanField("in_sync", partition.isr().contains(id));
            if (standing != null && !partition.isr().contains(id)) {
                json.writeNumberField("end_offset", standing.endOffset());
                json.writeNumberField("behind_ms", standing.behindMs());
            }
            json.writeStringField("reason", state.reason(id, standing, leaderEnd));
            json.writeEndObject();
        }
        json.writeEndArray();
        json.writeEndObject();
    }

    /** Null when it is not known. */
    private static void number(JsonGenerator json, String name, RecordReading.End end) throws IOException {
        if (end == null) {
            json.writeNullField(name);
        } else {
            json.writeNumberField(name, end.offset());
        }
    }
}
