package io.troupe.api;

import io.troupe.journal.LogDirUsage;
import io.troupe.metadata.MetadataCache;
import io.troupe.metadata.MetadataImage;
import io.troupe.metadata.TopicImage;
import io.troupe.protocol.ApiHandler;
import io.troupe.protocol.RequestContext;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.function.Supplier;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.message.DescribeLogDirsRequestData;
import org.apache.kafka.common.message.DescribeLogDirsResponseData;
import org.apache.kafka.common.message.DescribeLogDirsResponseData.DescribeLogDirsPartition;
import org.apache.kafka.common.message.DescribeLogDirsResponseData.DescribeLogDirsResult;
import org.apache.kafka.common.message.DescribeLogDirsResponseData.DescribeLogDirsTopic;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;

/**
 * DescribeLogDirs, versions 1 to 4: this broker's log dirs, the sizes of the partitions asked for that lie there, and the room on
 * their file systems (v4, KIP-827). A dir out of service is answered with KAFKA_STORAGE_ERROR and no partitions; a partition that
 * this broker does not have is left out. Logs never move between dirs here, so none is a future one.
 */
public final class DescribeLogDirsHandler implements ApiHandler<DescribeLogDirsRequestData> {
    private final MetadataCache metadata;
    private final Supplier<List<LogDirUsage>> usage;
    private final Executor reads;

    /**
     * @param usage may wait for the file system
     * @param reads where it is called
     */
    public DescribeLogDirsHandler(MetadataCache metadata, Supplier<List<LogDirUsage>> usage, Executor reads) {
        this.metadata = metadata;
        this.usage = usage;
        this.reads = reads;
    }

    @Override
    public ApiKeys apiKey() {
        return ApiKeys.DESCRIBE_LOG_DIRS;
    }

    @Override
    public short minVersion() {
        return 1;
    }

    @Override
    public short maxVersion() {
        return 4;
    }

    @Override
    public void handle(RequestContext context, DescribeLogDirsRequestData request) {
        CompletableFuture.runAsync(() -> context.respond(answer(request)), reads)
                .exceptionally(Unanswered.answer(context, request));
    }

    private DescribeLogDirsResponseData answer(DescribeLogDirsRequestData request) {
        Optional<Set<TopicPartition>> wanted = wanted(request);
        MetadataImage image = metadata.current();
        DescribeLogDirsResponseData response = new DescribeLogDirsResponseData();
        for (LogDirUsage dir : usage.get()) {
            DescribeLogDirsResult result = new DescribeLogDirsResult()
                    .setLogDir(dir.path().toAbsolutePath().normalize().toString())
                    .setErrorCode((dir.offline() ? Errors.KAFKA_STORAGE_ERROR : Errors.NONE).code())
                    .setTotalBytes(dir.totalBytes())
                    .setUsableBytes(dir.usableBytes());
            Map<String, DescribeLogDirsTopic> topics = new TreeMap<>();
            for (LogDirUsage.Log log : dir.logs()) {
                // A topic deleted a moment ago has no name any more, and its log goes.
                image.topic(log.topicId())
                        .map(TopicImage::name)
                        .filter(name ->
                                wanted.isEmpty() || wanted.get().contains(new TopicPartition(name, log.partition())))
                        .ifPresent(name -> topics.computeIfAbsent(name, n -> new DescribeLogDirsTopic().setName(n))
                                .partitions()
                                .add(new DescribeLogDirsPartition()
                                        .setPartitionIndex(log.partition())
                                        .setPartitionSize(log.sizeInBytes())));
            }
            result.topics().addAll(topics.values());
            response.results().add(result);
        }
        return response;
    }

    /** Empty for all. */
    private static Optional<Set<TopicPartition>> wanted(DescribeLogDirsRequestData request) {
        if (request.topics() == null) {
            return Optional.empty();
        }
        Set<TopicPartition> wanted = new HashSet<>();
        request.topics().forEach(topic -> topic.partitions()
                .forEach(partition -> wanted.add(new TopicPartition(topic.topic(), partition))));
        return Optional.of(wanted);
    }
}
