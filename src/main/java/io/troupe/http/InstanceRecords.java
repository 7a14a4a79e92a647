package io.troupe.http;

import io.troupe.metadata.TopicImage;
import io.troupe.record.PlainRecord;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.CreateTopicsRequestData;
import org.apache.kafka.common.message.CreateTopicsRequestData.CreatableTopic;
import org.apache.kafka.common.message.CreateTopicsRequestData.CreatableTopicCollection;
import org.apache.kafka.common.message.CreateTopicsRequestData.CreatableTopicConfig;
import org.apache.kafka.common.message.CreateTopicsRequestData.CreatableTopicConfigCollection;
import org.apache.kafka.common.message.CreateTopicsResponseData;
import org.apache.kafka.common.message.CreateTopicsResponseData.CreatableTopicResult;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.utils.Utils;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The definitions of all consumer instances: records of the compacted topic {@value #TOPIC}, key {@link InstanceId#key}, value
 * {@link InstanceDefinition#toBytes} or none for an instance that is no more. An instance's own actor writes, acknowledged by all
 * in-sync replicas. A broker reads a partition when it first needs one, keeps the definitions, and reads only what came since from then
 * on. Any thread.
 */
final class InstanceRecords {
    static final String TOPIC = TopicImage.CONSUMER_INSTANCES;
    private static final int PARTITIONS = 8;
    private static final int CREATE_TOPICS_VERSION = 7;
    /** Small, as what is not closed is not compacted, and all of it is read at once. */
    private static final String SEGMENT_BYTES = "1048576";

    private static final Duration STORE_PATIENCE = Duration.ofSeconds(20);
    private static final Duration STORE_PAUSE = Duration.ofMillis(200);

    private static final Logger log = LoggerFactory.getLogger(InstanceRecords.class);

    /** What is known of one partition. The futures' chain guards it. */
    private static final class Known {
        private final Uuid topic;
        private final Map<InstanceId, InstanceDefinition> definitions = new HashMap<>();
        private long next = -1;
        private CompletableFuture<Void> read = CompletableFuture.completedFuture(null);

        Known(Uuid topic) {
            this.topic = topic;
        }
    }

    private final Topics topics;
    private final RecordReading reading;
    private final RecordWriting writing;
    private final short replicationFactor;
    private final Executor executor;
    private final Map<Integer, Known> known = new ConcurrentHashMap<>();

    /** @param replicationFactor of the topic, or -1 for as many brokers as there are, up to three */
    InstanceRecords(
            Topics topics, RecordReading reading, RecordWriting writing, short replicationFactor, Executor executor) {
        this.topics = topics;
        this.reading = reading;
        this.writing = writing;
        this.replicationFactor = replicationFactor;
        this.executor = executor;
    }

    private static int partition(TopicImage topic, InstanceId id) {
        return Utils.toPositive(Utils.murmur2(id.key())) % topic.partitions().size();
    }

    /** @return the definition as of now; null for none */
    CompletionStage<InstanceDefinition> find(InstanceId id) {
        Optional<TopicImage> topic = topics.image().topic(TOPIC);
        if (topic.isEmpty()) {
            return CompletableFuture.completedFuture(null);
        }
        return upToDate(topic.get(), partition(topic.get(), id), definitions -> definitions.get(id));
    }

    /** Looks at those of one partition, as of now. */
    private <T> CompletionStage<T> upToDate(
            TopicImage topic, int partition, Function<Map<InstanceId, InstanceDefinition>, T> look) {
        Known of = known.compute(
                partition,
                (p, before) ->
                        before != null && before.topic.equals(topic.topicId()) ? before : new Known(topic.topicId()));
        synchronized (of) {
            CompletableFuture<T> result = of.read
                    .exceptionally(failure -> null)
                    .thenCompose(before -> toTheEnd(of, topic, partition))
                    .thenApply(done -> look.apply(of.definitions));
            of.read = result.thenAccept(done -> {});
            return result;
        }
    }

    private CompletionStage<Void> toTheEnd(Known of, TopicImage topic, int partition) {
        return reading.offset(topic, partition, RecordReading.LATEST)
                .thenCombine(reading.offset(topic, partition, RecordReading.EARLIEST), (end, start) -> {
                    if (of.next < start || of.next > end) {
                        // First of all, or its records are others now.
                        of.definitions.clear();
                        of.next = start;
                    }
                    return end;
                })
                .thenCompose(end -> upTo(of, topic, partition, end));
    }

    private CompletionStage<Void> upTo(Known of, TopicImage topic, int partition, long end) {
        if (of.next >= end) {
            return CompletableFuture.completedFuture(null);
        }
        return reading.read(topic, partition, of.next, reading.stepBytes(), 0).thenCompose(chunk -> {
            chunk.records().forEach(record -> apply(of, record));
            boolean moved = chunk.nextOffset() > of.next;
            of.next = Math.max(of.next, chunk.nextOffset());
            return moved ? upTo(of, topic, partition, end) : CompletableFuture.completedFuture(null);
        });
    }

    private static void apply(Known of, PlainRecord record) {
        try {
            InstanceId id = InstanceId.ofKey(record.key());
            if (record.value() == null) {
                of.definitions.remove(id);
            } else {
                of.definitions.put(id, InstanceDefinition.fromBytes(record.value()));
            }
        } catch (RuntimeException e) {
            log.warn(
                    "The record at offset {} of {} is no consumer instance's: {}",
                    record.offset(),
                    TOPIC,
                    e.toString());
        }
    }

    /**
     * Once it is written, which a leader that dies meanwhile may have done: to write it again does no harm, as nobody else writes it.
     *
     * @param definition null to forget it
     */
    CompletionStage<Void> store(InstanceId id, InstanceDefinition definition) {
        byte[] value = definition == null ? null : definition.toBytes();
        PlainRecord record = new PlainRecord(-1, System.currentTimeMillis(), id.key(), value, List.of());
        return store(id, record, System.nanoTime() + STORE_PATIENCE.toNanos());
    }

    private CompletionStage<Void> store(InstanceId id, PlainRecord record, long deadlineNanos) {
        return write(id, record).exceptionallyCompose(thrown -> {
            HttpFailure failure = HttpFailure.of(thrown);
            boolean passes = failure != null && failure.errorCode() == HttpFailure.RETRIABLE;
            if (!passes || System.nanoTime() >= deadlineNanos) {
                return CompletableFuture.failedFuture(thrown);
            }
            Executor later = CompletableFuture.delayedExecutor(STORE_PAUSE.toMillis(), TimeUnit.MILLISECONDS, executor);
            return CompletableFuture.runAsync(() -> {}, later).thenCompose(done -> store(id, record, deadlineNanos));
        });
    }

    private CompletionStage<Void> write(InstanceId id, PlainRecord record) {
        return topic().thenCompose(topic -> writing.write(topic, List.of(new NewRecord(partition(topic, id), record))))
                .thenAccept(reports -> {
                    HttpFailure failure = reports.get(0).failure();
                    if (failure != null) {
                        throw failure;
                    }
                });
    }

    /** All definitions in partitions that a broker leads. */
    CompletionStage<List<InstanceId>> ledBy(int brokerId) {
        Optional<TopicImage> topic = topics.image().topic(TOPIC);
        CompletionStage<List<InstanceId>> all = CompletableFuture.completedFuture(List.of());
        if (topic.isEmpty()) {
            return all;
        }
        for (int i = 0; i < topic.get().partitions().size(); i++) {
            int partition = i;
            if (topics.leader(topic.get(), partition).filter(l -> l == brokerId).isPresent()) {
                all = all.thenCompose(before -> upToDate(topic.get(), partition, definitions -> {
                    List<InstanceId> more = new ArrayList<>(before);
                    more.addAll(definitions.keySet());
                    return more;
                }));
            }
        }
        return all;
    }

    /** Made when it is first needed. */
    private CompletionStage<TopicImage> topic() {
        Optional<TopicImage> there = topics.image().topic(TOPIC);
        if (there.isPresent()) {
            return CompletableFuture.completedFuture(there.get());
        }
        CreatableTopicConfigCollection configs = new CreatableTopicConfigCollection();
        configs.add(new CreatableTopicConfig().setName("cleanup.policy").setValue("compact"));
        configs.add(new CreatableTopicConfig().setName("segment.bytes").setValue(SEGMENT_BYTES));
        CreatableTopicCollection wanted = new CreatableTopicCollection();
        wanted.add(new CreatableTopic()
                .setName(TOPIC)
                .setNumPartitions(PARTITIONS)
                .setReplicationFactor(replicas())
                .setConfigs(configs));
        return topics.create(new CreateTopicsRequestData().setTopics(wanted), CREATE_TOPICS_VERSION)
                .thenApply(answer -> {
                    CreatableTopicResult result = ((CreateTopicsResponseData) answer)
                            .topics()
                            .iterator()
                            .next();
                    Errors error = Errors.forCode(result.errorCode());
                    if (error != Errors.NONE && error != Errors.TOPIC_ALREADY_EXISTS) {
                        throw HttpFailure.of(error, result.errorMessage(), "Topic " + TOPIC);
                    }
                    // Another broker's may be known here only in a moment.
                    return topics.image()
                            .topic(TOPIC)
                            .orElseThrow(() -> HttpFailure.tryAgain("Topic " + TOPIC + " is being created."));
                });
    }

    private short replicas() {
        if (replicationFactor > 0) {
            return replicationFactor;
        }
        return (short) Math.max(1, Math.min(3, topics.image().brokers().size()));
    }
}
