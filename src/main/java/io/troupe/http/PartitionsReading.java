package io.troupe.http;

import io.troupe.http.InstanceAction.Place;
import io.troupe.protocol.BrokerCalls;
import io.troupe.protocol.RecordsField;
import io.troupe.record.PlainRecords;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.IntSupplier;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.errors.CorruptRecordException;
import org.apache.kafka.common.message.FetchRequestData;
import org.apache.kafka.common.message.FetchRequestData.FetchPartition;
import org.apache.kafka.common.message.FetchRequestData.FetchTopic;
import org.apache.kafka.common.message.FetchResponseData;
import org.apache.kafka.common.message.FetchResponseData.PartitionData;
import org.apache.kafka.common.protocol.Errors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One step of reading many partitions, with one fetch to each broker that leads any of them. What a step finds is bounded by
 * {@link RecordReading#stepBytes} (or one record), divided among the brokers. Any thread; unpacks on the executor.
 */
final class PartitionsReading {
    private static final Logger log = LoggerFactory.getLogger(PartitionsReading.class);

    /** The first with topic ids: a place in a topic says nothing of another one of its name. */
    private static final int FETCH_VERSION = 13;

    private static final int LEAST_BYTES = 64 << 10;

    /** Records of one partition, from an offset on. */
    record Part(TopicIdPartition partition, long from, RecordReading.Chunk chunk) {
        boolean moves() {
            return chunk.nextOffset() > from;
        }
    }

    /**
     * What a step found.
     *
     * @param lost places that are not in their logs any more, or not yet
     * @param failed whether some partition could not be asked
     */
    record Found(List<Part> parts, List<Place> lost, boolean failed) {
        static final Found NOTHING = new Found(List.of(), List.of(), false);

        boolean isEmpty() {
            return parts.stream().noneMatch(Part::moves) && lost.isEmpty();
        }
    }

    private record At(Uuid topicId, int partition) {}

    private final Topics topics;
    private final BrokerCalls calls;
    private final int timeoutMs;
    private final IntSupplier stepBytes;
    private final Executor executor;

    PartitionsReading(Topics topics, BrokerCalls calls, int timeoutMs, IntSupplier stepBytes, Executor executor) {
        this.topics = topics;
        this.calls = calls;
        this.timeoutMs = timeoutMs;
        this.stepBytes = stepBytes;
        this.executor = executor;
    }

    /**
     * @param waitMs how long to wait for so many bytes; what is there at the end of it is found in any case
     * @return never fails
     */
    CompletionStage<Found> read(List<Place> places, int maxBytes, int minBytes, int waitMs) {
        Map<Integer, Map<Uuid, FetchTopic>> byLeader = new HashMap<>();
        // So that each has its turn at being the first, whose records are sure to fit.
        List<Place> turned = new ArrayList<>(places);
        Collections.rotate(turned, ThreadLocalRandom.current().nextInt(Math.max(1, places.size())));
        boolean[] failed = new boolean[1];
        for (Place place : turned) {
            Optional<Integer> leader = topics.image()
                    .topic(place.partition().topicId())
                    .flatMap(topic -> topics.leader(topic, place.partition().partition()));
            if (leader.isPresent()) {
                byLeader.computeIfAbsent(leader.get(), id -> new LinkedHashMap<>())
                        .computeIfAbsent(
                                place.partition().topicId(),
                                id -> new FetchTopic().setTopicId(id).setPartitions(new ArrayList<>()))
                        .partitions()
                        .add(new FetchPartition()
                                .setPartition(place.partition().partition())
                                .setFetchOffset(place.offset()));
            } else {
                failed[0] = true;
            }
        }
        if (byLeader.isEmpty()) {
            return CompletableFuture.completedFuture(new Found(List.of(), List.of(), true));
        }
        int bytes = Math.min(maxBytes, Math.max(LEAST_BYTES, stepBytes.getAsInt() / byLeader.size()));
        int least = Math.min(bytes, minBytes);
        Map<Integer, FetchRequestData> requests = new HashMap<>();
        byLeader.forEach((leader, topicsOf) -> {
            topicsOf.values().forEach(topic -> topic.partitions().forEach(p -> p.setPartitionMaxBytes(bytes)));
            requests.put(
                    leader,
                    new FetchRequestData()
                            .setReplicaId(-1)
                            .setMaxBytes(bytes)
                            .setTopics(List.copyOf(topicsOf.values())));
        });
        Map<At, Place> from = new HashMap<>();
        places.forEach(place ->
                from.put(new At(place.partition().topicId(), place.partition().partition()), place));
        if (requests.size() == 1) {
            return all(each(requests, from, bytes, least, waitMs), failed[0]);
        }
        // Several cannot wait for one another: first what is there, and then whoever has something first.
        return all(each(requests, from, bytes, least, 0), failed[0])
                .thenCompose(found -> !found.isEmpty() || waitMs == 0
                        ? CompletableFuture.completedFuture(found)
                        : first(each(requests, from, bytes, least, waitMs), failed[0]));
    }

    private List<CompletableFuture<Found>> each(
            Map<Integer, FetchRequestData> requests, Map<At, Place> from, int bytes, int minBytes, int waitMs) {
        List<CompletableFuture<Found>> asked = new ArrayList<>();
        requests.forEach((leader, request) -> {
            FetchRequestData own = request.duplicate().setMinBytes(minBytes).setMaxWaitMs(waitMs);
            asked.add(calls.call(leader, FETCH_VERSION, own, 0, waitMs + timeoutMs)
                    .thenApplyAsync(
                            answer -> {
                                try {
                                    return found((FetchResponseData) answer, from, bytes);
                                } finally {
                                    RecordsField.discard(answer);
                                }
                            },
                            executor)
                    .exceptionally(failure -> new Found(List.of(), List.of(), true))
                    .toCompletableFuture());
        });
        return asked;
    }

    private static CompletionStage<Found> all(List<CompletableFuture<Found>> asked, boolean failed) {
        return CompletableFuture.allOf(asked.toArray(CompletableFuture[]::new))
                .thenApply(done -> together(asked, failed));
    }

    /** Whoever has something first; all when nobody has. */
    private static CompletionStage<Found> first(List<CompletableFuture<Found>> asked, boolean failed) {
        CompletableFuture<Found> result = new CompletableFuture<>();
        asked.forEach(one -> one.thenAccept(found -> {
            if (!found.isEmpty()) {
                result.complete(found);
            }
        }));
        CompletableFuture.allOf(asked.toArray(CompletableFuture[]::new))
                .thenAccept(done -> result.complete(together(asked, failed)));
        return result;
    }

    private static Found together(List<CompletableFuture<Found>> asked, boolean failedBefore) {
        List<Part> parts = new ArrayList<>();
        List<Place> lost = new ArrayList<>();
        boolean failed = failedBefore;
        for (CompletableFuture<Found> one : asked) {
            parts.addAll(one.join().parts());
            lost.addAll(one.join().lost());
            failed |= one.join().failed();
        }
        return new Found(parts, lost, failed);
    }

    private static Found found(FetchResponseData answer, Map<At, Place> from, int maxBytes) {
        List<Part> parts = new ArrayList<>();
        List<Place> lost = new ArrayList<>();
        boolean failed = answer.errorCode() != Errors.NONE.code();
        Map<At, PartitionData> all = new LinkedHashMap<>();
        answer.responses().forEach(topic -> topic.partitions()
                .forEach(data -> all.put(new At(topic.topicId(), data.partitionIndex()), data)));
        long left = maxBytes;
        for (Map.Entry<At, PartitionData> one : all.entrySet()) {
            PartitionData data = one.getValue();
            Errors error = Errors.forCode(data.errorCode());
            Place place = from.get(one.getKey());
            if (place == null) {
                failed = true;
            } else if (error == Errors.OFFSET_OUT_OF_RANGE) {
                lost.add(place);
            } else if (error != Errors.NONE) {
                failed = true;
            } else if (RecordsField.of(data) != null && left > 0) {
                try {
                    PlainRecords.Read read = PlainRecords.read(
                            RecordsField.of(data), place.offset(), (int) left, RecordReading.mostUnpackedBytes());
                    RecordReading.Chunk chunk =
                            new RecordReading.Chunk(read.records(), read.nextOffset(), data.highWatermark());
                    left -= chunk.sizeInBytes();
                    parts.add(new Part(place.partition(), place.offset(), chunk));
                } catch (CorruptRecordException e) {
                    // The other partitions go on.
                    log.warn("{}, which a consumer instance reads: {}", place.partition(), e.getMessage());
                    failed = true;
                }
            }
        }
        return new Found(parts, lost, failed);
    }
}
