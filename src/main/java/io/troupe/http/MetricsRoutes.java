package io.troupe.http;

import io.troupe.metadata.PartitionImage;
import io.troupe.metadata.TopicImage;
import io.troupe.protocol.RequestTimes;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.TopicPartition;
import org.apache.pekko.http.javadsl.model.HttpResponse;

/**
 * {@code /metrics} for Prometheus: this broker and its JVM, the cluster as it knows it, the partitions that it leads, and the groups
 * that it coordinates; so all brokers together tell of each once. Groups' lags are left out of a page when they cannot be had in
 * {@link #PATIENCE_MS}.
 */
final class MetricsRoutes {
    private static final long PATIENCE_MS = 5000;

    private final Topics topics;
    private final RecordReading reading;
    private final Groups groups;
    private final List<Metric> metrics;
    private final RequestTimes times;
    private final Executor executor;

    MetricsRoutes(
            Topics topics,
            RecordReading reading,
            Groups groups,
            List<Metric> metrics,
            RequestTimes times,
            Executor executor) {
        this.topics = topics;
        this.reading = reading;
        this.groups = groups;
        this.metrics = metrics;
        this.times = times;
        this.executor = executor;
    }

    List<Route> routes() {
        return List.of(new Route("GET", "/metrics", true, exchange -> page()));
    }

    private CompletionStage<HttpResponse> page() {
        Map<TopicPartition, Long> led = new HashMap<>();
        for (TopicImage topic : topics.image().topics().values()) {
            for (PartitionImage partition : topic.partitions()) {
                if (partition.leader() == topics.ownId()) {
                    led.put(new TopicPartition(topic.name(), partition.partition()), null);
                }
            }
        }
        var ends = reading.ends(led, RecordReading.LATEST);
        var starts = reading.ends(led, RecordReading.EARLIEST);
        var lags = lags().toCompletableFuture().completeOnTimeout(Map.of(), PATIENCE_MS, TimeUnit.MILLISECONDS);
        return ends.thenCombine(starts, Map::entry)
                .thenCombineAsync(
                        lags, (offsets, behind) -> page(offsets.getKey(), offsets.getValue(), behind), executor);
    }

    private CompletionStage<Map<String, List<Groups.Lag>>> lags() {
        return groups.of(topics.ownId())
                .thenCompose(own -> {
                    Map<String, List<Groups.Lag>> lags = new TreeMap<>();
                    List<CompletableFuture<?>> all = new ArrayList<>();
                    for (Groups.Listed group : own) {
                        all.add(groups.lags(group.groupId())
                                .handle((found, failure) -> {
                                    if (failure == null) {
                                        synchronized (lags) {
                                            lags.put(group.groupId(), found);
                                        }
                                    }
                                    return null;
                                })
                                .toCompletableFuture());
                    }
                    return CompletableFuture.allOf(all.toArray(CompletableFuture[]::new))
                            .thenApply(done -> lags);
                })
                .exceptionally(failure -> Map.of());
    }

    private HttpResponse page(
            Map<TopicPartition, RecordReading.End> ends,
            Map<TopicPartition, RecordReading.End> starts,
            Map<String, List<Groups.Lag>> lags) {
        MetricsPage page = new MetricsPage();
        metrics.forEach(page::add);
        page.jvm();
        page.times(times.histograms());
        page.gauge("kafka_brokers", "brokers that are there", topics.brokers().size());
        for (TopicImage topic : topics.image().topics().values()) {
            page.gauge(
                    "kafka_topic_partitions",
                    "partitions of a topic",
                    topic.partitions().size(),
                    "topic",
                    topic.name());
            for (PartitionImage partition : topic.partitions()) {
                if (partition.leader() == topics.ownId()) {
                    partition(page, topic, partition, ends, starts);
                }
            }
        }
        lags.forEach((group, all) -> all.forEach(lag -> lag(page, group, lag)));
        return Exchange.answer(200, MetricsPage.CONTENT_TYPE, page.text());
    }

    private static void partition(
            MetricsPage page,
            TopicImage topic,
            PartitionImage partition,
            Map<TopicPartition, RecordReading.End> ends,
            Map<TopicPartition, RecordReading.End> starts) {
        String[] labels = {"topic", topic.name(), "partition", Integer.toString(partition.partition())};
        TopicPartition name = new TopicPartition(topic.name(), partition.partition());
        String prefix = "kafka_topic_partition_";
        if (ends.containsKey(name)) {
            page.gauge(
                    prefix + "current_offset", "the next offset", ends.get(name).offset(), labels);
        }
        if (starts.containsKey(name)) {
            page.gauge(
                    prefix + "oldest_offset",
                    "the first offset",
                    starts.get(name).offset(),
                    labels);
        }
        page.gauge(
                prefix + "in_sync_replica", "replicas in sync", partition.isr().size(), labels);
        page.gauge(prefix + "replicas", "replicas", partition.replicas().size(), labels);
        page.gauge(prefix + "leader", "broker that leads", partition.leader(), labels);
        page.gauge(
                prefix + "under_replicated_partition",
                "1 when a replica is not in sync",
                partition.isr().size() < partition.replicas().size() ? 1 : 0,
                labels);
    }

    private static void lag(MetricsPage page, String group, Groups.Lag lag) {
        String[] labels = {
            "consumergroup", group,
            "topic", lag.partition().topic(),
            "partition", Integer.toString(lag.partition().partition())
        };
        String prefix = "kafka_consumergroup_";
        page.gauge(prefix + "current_offset", "the next offset that a group will read", lag.committed(), labels);
        page.gauge(prefix + "lag", "records that a group has not read", lag.records(), labels);
        page.gauge(
                prefix + "lag_seconds",
                "how long the first record that a group has not read has been there",
                lag.waitingMs() / 1000.0,
                labels);
    }
}
