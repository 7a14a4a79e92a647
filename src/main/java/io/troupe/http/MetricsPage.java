package io.troupe.http;

import io.prometheus.metrics.config.EscapingScheme;
import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import io.prometheus.metrics.model.snapshots.ClassicHistogramBuckets;
import io.prometheus.metrics.model.snapshots.CounterSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot;
import io.prometheus.metrics.model.snapshots.Labels;
import io.prometheus.metrics.model.snapshots.MetricSnapshot;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;
import io.prometheus.metrics.model.snapshots.SummarySnapshot;
import io.troupe.protocol.RequestTimes;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryUsage;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.common.protocol.ApiKeys;

/** One page of metrics while it is gathered. Not thread-safe. */
final class MetricsPage {
    static final String CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

    /** One name and all that is told under it. */
    private static final class Family {
        final boolean counter;
        final String help;
        final List<GaugeSnapshot.GaugeDataPointSnapshot> gauges = new ArrayList<>();
        final List<CounterSnapshot.CounterDataPointSnapshot> counters = new ArrayList<>();

        Family(boolean counter, String help) {
            this.counter = counter;
            this.help = help;
        }

        void add(double value, Labels labels) {
            if (counter) {
                counters.add(new CounterSnapshot.CounterDataPointSnapshot(value, labels, null, 0));
            } else {
                gauges.add(new GaugeSnapshot.GaugeDataPointSnapshot(value, labels, null));
            }
        }

        MetricSnapshot snapshot(String name) {
            if (counter) {
                CounterSnapshot.Builder all =
                        CounterSnapshot.builder().name(name).help(help);
                counters.forEach(all::dataPoint);
                return all.build();
            }
            GaugeSnapshot.Builder all = GaugeSnapshot.builder().name(name).help(help);
            gauges.forEach(all::dataPoint);
            return all.build();
        }
    }

    private final Map<String, Family> families = new TreeMap<>();
    private final List<MetricSnapshot> others = new ArrayList<>();

    /**
     * A metric under the name that exporters of Kafka's give it: domain, type and name in lower case with underscores, counters without
     * PerSec. Text is left out.
     */
    void add(Metric metric) {
        if (metric.value().get() instanceof Number number) {
            List<String> labels = new ArrayList<>();
            new TreeMap<>(metric.tags()).forEach((key, value) -> {
                labels.add(plain(key));
                labels.add(value);
            });
            families.computeIfAbsent(name(metric), n -> new Family(metric.counter(), metric.help()))
                    .add(number.doubleValue(), Labels.of(labels.toArray(String[]::new)));
        }
    }

    static String name(Metric metric) {
        String name = metric.counter() ? metric.name().replaceFirst("PerSec$", "") : metric.name();
        return plain(metric.domain() + "_" + metric.type() + "_" + name);
    }

    private static String plain(String text) {
        return text.toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9_]", "_");
    }

    /** @param labels names and values in turn */
    void gauge(String name, String help, double value, String... labels) {
        families.computeIfAbsent(name, n -> new Family(false, help)).add(value, Labels.of(labels));
    }

    private void counter(String name, String help, double value, String... labels) {
        families.computeIfAbsent(name, n -> new Family(true, help)).add(value, Labels.of(labels));
    }

    void times(Map<ApiKeys, RequestTimes.Histogram> histograms) {
        HistogramSnapshot.Builder all = HistogramSnapshot.builder()
                .name("kafka_network_requestmetrics_totaltime_seconds")
                .help("from a request's arrival to its answer, waits that it asked for included");
        histograms.forEach((key, h) -> all.dataPoint(HistogramSnapshot.HistogramDataPointSnapshot.builder()
                .labels(Labels.of("request", key.name))
                .classicHistogramBuckets(ClassicHistogramBuckets.of(h.boundsS(), h.counts()))
                .sum(h.sumS())
                .build()));
        others.add(all.build());
    }

    /** Under the names of the Prometheus library's own JVM metrics. */
    void jvm() {
        memory("heap", ManagementFactory.getMemoryMXBean().getHeapMemoryUsage());
        memory("nonheap", ManagementFactory.getMemoryMXBean().getNonHeapMemoryUsage());
        gauge(
                "jvm_threads_current",
                "threads",
                ManagementFactory.getThreadMXBean().getThreadCount());
        gauge(
                "process_start_time_seconds",
                "since 1970",
                ManagementFactory.getRuntimeMXBean().getStartTime() / 1000.0);
        if (ManagementFactory.getOperatingSystemMXBean() instanceof com.sun.management.OperatingSystemMXBean os) {
            counter("process_cpu_seconds", "user and system", os.getProcessCpuTime() / 1e9);
        }
        SummarySnapshot.Builder collections =
                SummarySnapshot.builder().name("jvm_gc_collection_seconds").help("spent in collections");
        for (GarbageCollectorMXBean gc : ManagementFactory.getGarbageCollectorMXBeans()) {
            collections.dataPoint(SummarySnapshot.SummaryDataPointSnapshot.builder()
                    .labels(Labels.of("gc", gc.getName()))
                    .count(gc.getCollectionCount())
                    .sum(gc.getCollectionTime() / 1000.0)
                    .build());
        }
        others.add(collections.build());
    }

    private void memory(String area, MemoryUsage usage) {
        gauge("jvm_memory_used_bytes", "used", usage.getUsed(), "area", area);
        gauge("jvm_memory_committed_bytes", "committed", usage.getCommitted(), "area", area);
        gauge("jvm_memory_max_bytes", "the most there may be, -1 for no bound", usage.getMax(), "area", area);
    }

    byte[] text() {
        List<MetricSnapshot> all = new ArrayList<>(others);
        families.forEach((name, family) -> all.add(family.snapshot(name)));
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try {
            PrometheusTextFormatWriter.create().write(bytes, new MetricSnapshots(all), EscapingScheme.DEFAULT);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return bytes.toByteArray();
    }
}
