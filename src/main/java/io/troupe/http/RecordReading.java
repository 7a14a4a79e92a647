package io.troupe.http;

import io.troupe.api.WaitingTag;
import io.troupe.metadata.TopicImage;
import io.troupe.protocol.BrokerCalls;
import io.troupe.protocol.RecordsField;
import io.troupe.record.PlainRecord;
import io.troupe.record.PlainRecords;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.function.IntSupplier;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.CorruptRecordException;
import org.apache.kafka.common.message.FetchRequestData;
import org.apache.kafka.common.message.FetchRequestData.FetchPartition;
import org.apache.kafka.common.message.FetchRequestData.FetchTopic;
import org.apache.kafka.common.message.FetchResponseData;
import org.apache.kafka.common.message.FetchResponseData.PartitionData;
import org.apache.kafka.common.message.ListOffsetsRequestData;
import org.apache.kafka.common.message.ListOffsetsRequestData.ListOffsetsPartition;
import org.apache.kafka.common.message.ListOffsetsRequestData.ListOffsetsTopic;
import org.apache.kafka.common.message.ListOffsetsResponseData;
import org.apache.kafka.common.message.ListOffsetsResponseData.ListOffsetsPartitionResponse;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.Errors;

/** Reads records and offsets of partitions from whoever leads them. Any thread; unpacks on the executor. */
final class RecordReading {
    /** So that a step's arrays, its text's too, are no more than half a region of G1's in a heap of 1 GiB: larger ones cost a collection of their own. */
    private static final int MOST_STEP_BYTES = 256 << 10;

    private static final int LEAST_STEP_BYTES = 64 << 10;
    private static final int HEAP_SHARE = 32;
    /** No less than topics take by default. */
    private static final int LEAST_UNPACKED_BYTES = 1 << 20;

    static final long EARLIEST = -2;
    static final long LATEST = -1;

    private static final int FETCH_VERSION = 12;
    private static final int LIST_OFFSETS_VERSION = 7;
    private static final byte READ_UNCOMMITTED = 0;
    /** For a leader to be there. Longer than one takes to change; who reads can ask again. */
    private static final long LEADER_PATIENCE_MS = 5000;

    /**
     * What one step found.
     *
     * @param nextOffset where the next step begins
     * @param highWatermark up to where there are records to be read at the moment
     */
    record Chunk(List<PlainRecord> records, long nextOffset, long highWatermark) {
        long sizeInBytes() {
            long bytes = 0;
            for (PlainRecord record : records) {
                bytes += record.sizeInBytes();
            }
            return bytes;
        }
    }

    private final Topics topics;
    private final BrokerCalls calls;
    private final int timeoutMs;
    private final IntSupplier readers;
    private final Executor executor;

    /** @param readers that are at it now, at most, and share the memory for steps */
    RecordReading(Topics topics, BrokerCalls calls, int timeoutMs, IntSupplier readers, Executor executor) {
        this.readers = readers;
        this.topics = topics;
        this.calls = calls;
        this.timeoutMs = timeoutMs;
        this.executor = executor;
    }

    /**
     * Most records of one step that begins now; a larger record is a step of its own. So that many readers have room beside one another:
     * what bounds them is what their answers are counted with ({@link RecordText#heldBytes}). Steps that began while fewer were at it are
     * larger; as long as there is room for more than the least, all together are below 1 + ln 4 of the heap's share.
     */
    int stepBytes() {
        return stepBytes(Runtime.getRuntime().maxMemory(), readers.getAsInt());
    }

    static int stepBytes(long heapBytes, int readers) {
        long share = heapBytes / HEAP_SHARE / Math.max(1, readers);
        return (int) Math.max(LEAST_STEP_BYTES, Math.min(MOST_STEP_BYTES, share));
    }

    /** What one record of a compressed batch may unpack to: as much as all steps together. */
    static long mostUnpackedBytes() {
        return Math.max(LEAST_UNPACKED_BYTES, Runtime.getRuntime().maxMemory() / HEAP_SHARE);
    }

    /**
     * One step of reading.
     *
     * @param maxBytes after which no other record is taken; one is in any case
     * @param waitMs how long to wait for a first record
     * @return fails with HttpFailure: 42206 for an offset that is not there, 40401, 40404
     */
    CompletionStage<Chunk> read(TopicImage topic, int partition, long offset, int maxBytes, int waitMs) {
        return read(topic, partition, offset, maxBytes, waitMs, executor);
    }

    /** @param unpacking the records is done there */
    CompletionStage<Chunk> read(
            TopicImage topic, int partition, long offset, int maxBytes, int waitMs, Executor unpacking) {
        int bytes = Math.min(maxBytes, stepBytes());
        long deadline = leaderDeadline();
        return Retrying.whileLeaderMoves(
                        () -> fetch(topic, partition, offset, bytes, waitMs),
                        data -> Errors.forCode(data.errorCode()),
                        deadline,
                        executor)
                .thenComposeAsync(
                        data -> data.errorCode() == Errors.OFFSET_OUT_OF_RANGE.code()
                                ? outOfRange(new TopicPartition(topic.name(), partition), offset)
                                : CompletableFuture.completedFuture(chunk(topic, partition, offset, bytes, data)),
                        unpacking);
    }

    /** Fails with where the log begins and ends, which a refused fetch does not tell. */
    private CompletionStage<Chunk> outOfRange(TopicPartition partition, long offset) {
        Map<TopicPartition, Long> asked = Collections.singletonMap(partition, null);
        return ends(asked, EARLIEST).thenCombine(ends(asked, LATEST), (starts, ends) -> {
            End start = starts.get(partition);
            End end = ends.get(partition);
            String range = start == null || end == null
                    ? Errors.OFFSET_OUT_OF_RANGE.message()
                    : "its log has the offsets from " + start.offset() + " to " + end.offset() + ", its end.";
            throw HttpFailure.of(Errors.OFFSET_OUT_OF_RANGE, range, "Offset " + offset + " of " + partition);
        });
    }

    private static Chunk chunk(TopicImage topic, int partition, long offset, int maxBytes, PartitionData data) {
        Errors error = Errors.forCode(data.errorCode());
        if (error != Errors.NONE) {
            throw HttpFailure.of(error, null, topic.name() + "-" + partition);
        }
        try {
            PlainRecords.Read read = PlainRecords.read(RecordsField.of(data), offset, maxBytes, mostUnpackedBytes());
            return new Chunk(read.records(), read.nextOffset(), data.highWatermark());
        } catch (CorruptRecordException e) {
            throw new HttpFailure(
                    500,
                    HttpFailure.BROKER_ERROR,
                    topic.name() + "-" + partition + ": " + e.getMessage() + ". What stands behind it can be read.");
        } finally {
            RecordsField.discard(data);
        }
    }

    private CompletionStage<PartitionData> fetch(TopicImage topic, int partition, long offset, int bytes, int waitMs) {
        Integer leader = topics.leader(topic, partition).orElse(null);
        if (leader == null) {
            return CompletableFuture.completedFuture(
                    new PartitionData().setErrorCode(topics.withoutLeader(topic).code()));
        }
        FetchPartition wanted = new FetchPartition()
                .setPartition(partition)
                .setFetchOffset(offset)
                .setPartitionMaxBytes(bytes);
        FetchRequestData request = new FetchRequestData()
                .setReplicaId(-1)
                .setMaxWaitMs(waitMs)
                .setMinBytes(1)
                .setMaxBytes(bytes)
                .setIsolationLevel(READ_UNCOMMITTED)
                .setTopics(List.of(new FetchTopic().setTopic(topic.name()).setPartitions(List.of(wanted))));
        return calls.call(leader, FETCH_VERSION, request, 0, waitMs + timeoutMs).thenApply(answer -> {
            FetchResponseData fetch = (FetchResponseData) answer;
            return fetch.responses().isEmpty()
                    ? new PartitionData().setErrorCode(fetch.errorCode())
                    : fetch.responses().get(0).partitions().get(0);
        });
    }

    /**
     * @param timestamp milliseconds, {@link #EARLIEST} or {@link #LATEST}
     * @return the offset of the first record at or after it, the log's end when there is none
     */
    CompletionStage<Long> offset(TopicImage topic, int partition, long timestamp) {
        return ask(topic, partition, timestamp)
                .thenCompose(found -> found < 0 && timestamp >= 0
                        ? ask(topic, partition, LATEST)
                        : CompletableFuture.completedFuture(found));
    }

    private long leaderDeadline() {
        return System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(Math.min(timeoutMs, LEADER_PATIENCE_MS));
    }

    private CompletionStage<Long> ask(TopicImage topic, int partition, long timestamp) {
        long deadline = leaderDeadline();
        return Retrying.whileLeaderMoves(
                        () -> list(topic, partition, timestamp),
                        found -> Errors.forCode(found.errorCode()),
                        deadline,
                        executor)
                .thenApply(found -> {
                    Errors error = Errors.forCode(found.errorCode());
                    if (error != Errors.NONE) {
                        throw HttpFailure.of(error, null, topic.name() + "-" + partition);
                    }
                    return found.offset();
                });
    }

    private CompletionStage<ListOffsetsPartitionResponse> list(TopicImage topic, int partition, long timestamp) {
        Integer leader = topics.leader(topic, partition).orElse(null);
        if (leader == null) {
            return CompletableFuture.completedFuture(new ListOffsetsPartitionResponse()
                    .setErrorCode(topics.withoutLeader(topic).code()));
        }
        ListOffsetsRequestData request = new ListOffsetsRequestData()
                .setReplicaId(-1)
                .setIsolationLevel(READ_UNCOMMITTED)
                .setTopics(List.of(new ListOffsetsTopic()
                        .setName(topic.name())
                        .setPartitions(List.of(new ListOffsetsPartition()
                                .setPartitionIndex(partition)
                                .setTimestamp(timestamp)))));
        return calls.call(leader, LIST_OFFSETS_VERSION, request, 0, timeoutMs).thenApply(RecordReading::only);
    }

    /**
     * How far a partition goes.
     *
     * @param offset that was asked for
     * @param waitingSinceMs the time of the first record that is not read yet; -1 when there is none
     */
    record End(long offset, long waitingSinceMs) {}

    /**
     * Ends, or beginnings, of many partitions, with one request to each broker that leads any of them.
     *
     * @param read for each partition the next offset to be read; null to ask for none of that
     * @return those that could be told; never fails
     */
    CompletionStage<Map<TopicPartition, End>> ends(Map<TopicPartition, Long> read, long timestamp) {
        Map<Integer, Map<String, ListOffsetsTopic>> byLeader = new HashMap<>();
        read.forEach((partition, offset) -> topics.image()
                .topic(partition.topic())
                .flatMap(topic -> topics.leader(topic, partition.partition()))
                .ifPresent(leader -> {
                    ListOffsetsPartition asked = new ListOffsetsPartition()
                            .setPartitionIndex(partition.partition())
                            .setTimestamp(timestamp);
                    if (offset != null) {
                        asked.unknownTaggedFields().add(WaitingTag.of(offset));
                    }
                    byLeader.computeIfAbsent(leader, id -> new HashMap<>())
                            .computeIfAbsent(
                                    partition.topic(),
                                    name -> new ListOffsetsTopic().setName(name).setPartitions(new ArrayList<>()))
                            .partitions()
                            .add(asked);
                }));
        Map<TopicPartition, End> result = new ConcurrentHashMap<>();
        List<CompletableFuture<?>> all = new ArrayList<>();
        byLeader.forEach((leader, wanted) -> {
            ListOffsetsRequestData request = new ListOffsetsRequestData()
                    .setReplicaId(-1)
                    .setIsolationLevel(READ_UNCOMMITTED)
                    .setTopics(List.copyOf(wanted.values()));
            all.add(calls.call(leader, LIST_OFFSETS_VERSION, request, 0, timeoutMs)
                    .handle((answer, failure) -> {
                        if (failure == null) {
                            gather((ListOffsetsResponseData) answer, result);
                        }
                        return null;
                    })
                    .toCompletableFuture());
        });
        return CompletableFuture.allOf(all.toArray(CompletableFuture[]::new)).thenApply(done -> result);
    }

    private static void gather(ListOffsetsResponseData answer, Map<TopicPartition, End> result) {
        answer.topics().forEach(topic -> topic.partitions().forEach(partition -> {
            if (partition.errorCode() == Errors.NONE.code()) {
                Long since = WaitingTag.in(partition.unknownTaggedFields());
                result.put(
                        new TopicPartition(topic.name(), partition.partitionIndex()),
                        new End(partition.offset(), since == null ? -1 : since));
            }
        }));
    }

    private static ListOffsetsPartitionResponse only(ApiMessage answer) {
        return ((ListOffsetsResponseData) answer).topics().get(0).partitions().get(0);
    }
}
