package io.troupe.http;

import io.troupe.api.TrafficStats;
import io.troupe.journal.CompactionCounters;
import io.troupe.journal.Journals;
import io.troupe.journal.LogDirState;
import io.troupe.protocol.NetworkStats;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.function.ToLongFunction;
import java.util.stream.Stream;

/**
 * Everything that a broker tells of itself. The list is fixed at the start and grows with the log dirs only, never with
 * partitions: an idle partition costs nothing here.
 */
public final class BrokerMetrics {
    private static final String KAFKA_LOG = "kafka.log";
    private static final String TROUPE_LOG = "troupe.log";
    private static final String LOG_DIRECTORY = "logDirectory";

    private final List<Metric> metrics = new ArrayList<>();
    private final Supplier<List<LogDirState>> dirs;
    private final Supplier<Long> movedBytes;

    private BrokerMetrics(Supplier<List<LogDirState>> dirs, Supplier<Long> movedBytes) {
        this.dirs = dirs;
        this.movedBytes = movedBytes;
    }

    /** Of a broker's log dirs and its Kafka port. */
    public static List<Metric> of(Journals journals, NetworkStats network, TrafficStats traffic) {
        BrokerMetrics all = new BrokerMetrics(journals::state, journals::compactionMovedBytes);
        all.logDirs();
        all.cleaner();
        all.network(network);
        all.traffic(traffic);
        return List.copyOf(all.metrics);
    }

    private void logDirs() {
        gauge("LogManager", "OfflineLogDirectoryCount", "log dirs out of service", () -> dirs.get().stream()
                .filter(LogDirState::offline)
                .count());
        perDir(KAFKA_LOG, "LogManager", "LogDirectoryOffline", false, "1 when it is", dir -> dir.offline() ? 1 : 0);
        perDir(
                TROUPE_LOG,
                "LogDirectory",
                "DamagedSegments",
                true,
                "segments in which something else was found than was written, since the start",
                LogDirState::damagedSegments);
        perDir(
                TROUPE_LOG,
                "LogDirectory",
                "DamagedSegmentNames",
                false,
                "paths of the first hundred of them",
                dir -> String.join("\n", dir.damaged()));
        perDir(TROUPE_LOG, "LogDirectory", "Fsyncs", true, "of files, since the start", LogDirState::fsyncs);
        perDir(
                TROUPE_LOG,
                "LogDirectory",
                "DirectoryFsyncs",
                true,
                "of directories, since the start",
                LogDirState::directoryFsyncs);
    }

    private void cleaner() {
        gauge("LogCleaner", "DeadThreadCount", "cleaners that have ended unasked", () -> cleaners()
                .filter(LogDirState.Cleaner::dead)
                .count());
        gauge(
                "LogCleaner",
                "max-clean-time-secs",
                "how long the last cleaning took, the longest of all log dirs",
                () -> cleaners()
                                .mapToLong(LogDirState.Cleaner::lastCleaningMs)
                                .max()
                                .orElse(0)
                        / 1000);
        gauge(
                "LogCleaner",
                "cleaner-recopy-percent",
                "what the last cleaning left of what it read, the greatest of all log dirs",
                () -> Math.round(100
                        * cleaners()
                                .mapToDouble(LogDirState.Cleaner::lastRecopyRatio)
                                .max()
                                .orElse(0)));
        gauge(
                "LogCleaner",
                "max-buffer-utilization-percent",
                "share of log.cleaner.dedupe.buffer.size that the last cleaning's keys took, the greatest of all log dirs",
                () -> (int) (100
                        * cleaners()
                                .mapToDouble(LogDirState.Cleaner::lastBufferUse)
                                .max()
                                .orElse(0)));
        gauge(
                "LogCleaner",
                "max-compaction-delay-secs",
                "by how much a log had passed max.compaction.lag.ms when last looked at, the longest of all log dirs",
                () -> cleaners()
                                .mapToLong(LogDirState.Cleaner::maxDelayMs)
                                .max()
                                .orElse(0)
                        / 1000);
        gauge(
                "LogCleanerManager",
                "max-dirty-percent",
                "the greatest uncompacted share of any compacted log",
                () -> (int) (100
                        * cleaners()
                                .mapToDouble(LogDirState.Cleaner::maxDirtyRatio)
                                .max()
                                .orElse(0)));
        gauge(
                "LogCleanerManager",
                "time-since-last-run-ms",
                "since logs were looked at last, the longest of all log dirs; 0 when compaction is off",
                () -> {
                    long last = cleaners()
                            .mapToLong(LogDirState.Cleaner::lastLookMs)
                            .min()
                            .orElse(-1);
                    return last < 0 ? 0 : Math.max(0, System.currentTimeMillis() - last);
                });
        perDir(
                KAFKA_LOG,
                "LogCleanerManager",
                "uncleanable-partitions-count",
                false,
                "logs whose last cleaning failed",
                dir -> dir.cleaner().uncleanable());
        perDir(
                KAFKA_LOG,
                "LogCleanerManager",
                "uncleanable-bytes",
                false,
                "what could be compacted of those logs",
                dir -> dir.cleaner().uncleanableBytes());
        perDir(
                TROUPE_LOG,
                "LogCleaner",
                "Current",
                false,
                "the log that is being compacted; empty for none",
                dir -> dir.cleaner().current().map(Path::toString).orElse(""));
        metrics.add(new Metric(
                TROUPE_LOG,
                "LogCleaner",
                "MovedBytes",
                Map.of(),
                true,
                "read and written by compaction, that of cleanings under way too",
                movedBytes));
        counter("Cleanings", "that ended", CompactionCounters::cleanings);
        counter("Failures", "cleanings that a damaged segment or the disk ended", CompactionCounters::failures);
        counter("BytesBefore", "of segments that were compacted", CompactionCounters::bytesBefore);
        counter("BytesAfter", "of what took their place", CompactionCounters::bytesAfter);
        counter("RecordsBefore", "in segments that were compacted", CompactionCounters::recordsBefore);
        counter("RecordsAfter", "of them that are left", CompactionCounters::recordsAfter);
    }

    private void traffic(TrafficStats stats) {
        traffic("BytesInPerSec", "of batches that were appended", stats::bytesIn);
        traffic("MessagesInPerSec", "records that were appended", stats::messagesIn);
        traffic("BytesOutPerSec", "of batches in answers to fetches", stats::bytesOut);
        traffic("TotalProduceRequestsPerSec", "partitions of produce requests", stats::produceRequests);
        traffic("TotalFetchRequestsPerSec", "partitions of fetches", stats::fetchRequests);
        traffic("FailedProduceRequestsPerSec", "of them that were refused", stats::failedProduceRequests);
        traffic("FailedFetchRequestsPerSec", "of them that were refused", stats::failedFetchRequests);
    }

    /** All topics together; Kafka's names say rates, but the attribute that counts is the one that is shown. */
    private void traffic(String name, String help, Supplier<Long> value) {
        metrics.add(new Metric("kafka.server", "BrokerTopicMetrics", name, Map.of(), true, help, value));
    }

    private void network(NetworkStats stats) {
        network("Connections", false, "open now", stats::connections);
        network(
                "ConnectionsRefused",
                true,
                "over max.connections or max.connections.per.ip",
                stats::connectionsRefused);
        network("Requests", true, "taken", stats::requests);
        network("MalformedRequests", true, "that cost their connection", stats::malformedRequests);
        network("RequestBytes", true, "of their frames", stats::requestBytes);
        network("ResponseBytes", true, "that have left", stats::responseBytes);
        network(
                "QueuedResponseBytes",
                false,
                "of answers in memory that clients have not read",
                stats::queuedResponseBytes);
    }

    private Stream<LogDirState.Cleaner> cleaners() {
        return dirs.get().stream().map(LogDirState::cleaner);
    }

    private void gauge(String type, String name, String help, Supplier<? extends Number> value) {
        metrics.add(new Metric(KAFKA_LOG, type, name, Map.of(), false, help, value));
    }

    private void counter(String name, String help, ToLongFunction<CompactionCounters> value) {
        metrics.add(new Metric(TROUPE_LOG, "LogCleaner", name, Map.of(), true, help, () -> cleaners()
                .mapToLong(cleaner -> value.applyAsLong(cleaner.counters()))
                .sum()));
    }

    private void network(String name, boolean counter, String help, Supplier<Long> value) {
        metrics.add(new Metric("troupe.network", "KafkaPort", name, Map.of(), counter, help, value));
    }

    private void perDir(
            String domain, String type, String name, boolean counter, String help, Function<LogDirState, ?> value) {
        List<LogDirState> now = dirs.get();
        for (int i = 0; i < now.size(); i++) {
            int index = i;
            metrics.add(new Metric(
                    domain,
                    type,
                    name,
                    Map.of(LOG_DIRECTORY, now.get(i).path().toString()),
                    counter,
                    help,
                    () -> value.apply(dirs.get().get(index))));
        }
    }
}
