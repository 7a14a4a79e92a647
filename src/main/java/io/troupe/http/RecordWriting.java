package io.troupe.http;

import io.troupe.metadata.TopicImage;
import io.troupe.model.Refusal;
import io.troupe.protocol.BrokerCalls;
import io.troupe.protocol.NotSentException;
import io.troupe.protocol.RecordsField;
import io.troupe.record.PlainRecord;
import io.troupe.record.PlainRecords;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.ToIntFunction;
import org.apache.kafka.common.message.ProduceRequestData;
import org.apache.kafka.common.message.ProduceRequestData.PartitionProduceData;
import org.apache.kafka.common.message.ProduceRequestData.TopicProduceData;
import org.apache.kafka.common.message.ProduceRequestData.TopicProduceDataCollection;
import org.apache.kafka.common.message.ProduceResponseData;
import org.apache.kafka.common.message.ProduceResponseData.PartitionProduceResponse;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.utils.Utils;

/**
 * Writes records as a Kafka producer with acks=all does: by key to the partition that Kafka's clients choose for it (murmur2), without
 * key all of one call to one partition. A partition's records leave in order, a batch at a time; a batch that a leader refuses because
 * it leads no more goes to the next one, any other failure is told, and the batches behind it are tried all the same.
 */
final class RecordWriting {
    private static final int PRODUCE_VERSION = 9;
    private static final short ALL = -1;
    /** A topic's own max.message.bytes may ask for smaller ones; a record that is larger goes alone. */
    private static final int BATCH_BYTES = 512 << 10;

    private static final int BATCH_HEADER_BYTES = 61;

    /**
     * What became of one record.
     *
     * @param offset -1 when it was not written
     * @param failure null when it was written
     */
    record Report(int partition, long offset, long timestampMs, HttpFailure failure) {}

    private final Topics topics;
    private final BrokerCalls calls;
    private final ToIntFunction<TopicImage> maxMessageBytes;
    private final int timeoutMs;
    private final Executor executor;

    /** @param maxMessageBytes of a topic */
    RecordWriting(
            Topics topics,
            BrokerCalls calls,
            ToIntFunction<TopicImage> maxMessageBytes,
            int timeoutMs,
            Executor executor) {
        this.topics = topics;
        this.calls = calls;
        this.maxMessageBytes = maxMessageBytes;
        this.timeoutMs = timeoutMs;
        this.executor = executor;
    }

    /**
     * @return never fails; a report for each record, in order
     * @throws HttpFailure 40402 when one names a partition that is not there: then none is written
     */
    CompletionStage<List<Report>> write(TopicImage topic, List<NewRecord> records) {
        int partitions = topic.partitions().size();
        for (NewRecord record : records) {
            if (record.partition() != null && record.partition() >= partitions) {
                throw HttpFailure.unknownPartition(topic.name(), record.partition(), partitions);
            }
        }
        Report[] reports = new Report[records.size()];
        int keyless = keylessPartition(topic);
        int most = Math.min(BATCH_BYTES, maxMessageBytes.applyAsInt(topic)) - BATCH_HEADER_BYTES;
        TreeMap<Integer, List<Batch>> byPartition = new TreeMap<>();
        Batch last = null;
        for (int i = 0; i < reports.length; i++) {
            NewRecord record = records.get(i);
            byte[] key = record.record().key();
            int partition = record.partition() != null
                    ? record.partition()
                    : key == null ? keyless : Utils.toPositive(Utils.murmur2(key)) % partitions;
            if (last == null || last.partition != partition) {
                List<Batch> batches = byPartition.computeIfAbsent(partition, p -> new ArrayList<>());
                if (batches.isEmpty()) {
                    batches.add(new Batch(partition));
                }
                last = batches.get(batches.size() - 1);
            }
            if (!last.add(record.record(), i, most)) {
                last = new Batch(partition);
                last.add(record.record(), i, most);
                byPartition.get(partition).add(last);
            }
        }
        List<CompletableFuture<Void>> all = new ArrayList<>();
        byPartition.values().forEach(batches -> {
            CompletionStage<Void> chain = CompletableFuture.completedFuture(null);
            for (Batch batch : batches) {
                chain = chain.thenCompose(done -> writeBatch(topic, batch, reports));
            }
            all.add(chain.toCompletableFuture());
        });
        return CompletableFuture.allOf(all.toArray(CompletableFuture[]::new)).thenApply(done -> Arrays.asList(reports));
    }

    /** One that has a leader, if any has. */
    private int keylessPartition(TopicImage topic) {
        int partitions = topic.partitions().size();
        int start = ThreadLocalRandom.current().nextInt(partitions);
        for (int i = 0; i < partitions; i++) {
            int partition = (start + i) % partitions;
            if (topics.leader(topic, partition).isPresent()) {
                return partition;
            }
        }
        return start;
    }

    /** Records of one partition that are written together. */
    private static final class Batch {
        private final int partition;
        private final List<PlainRecord> records = new ArrayList<>();
        /** Of each record, its place among those of the call. */
        private int[] indices = new int[16];

        private long bytes;

        Batch(int partition) {
            this.partition = partition;
        }

        /** @return false when there is no room for it beside others */
        boolean add(PlainRecord record, int index, int mostBytes) {
            int size = record.sizeInBytes();
            if (!records.isEmpty() && bytes + size > mostBytes) {
                return false;
            }
            if (records.size() == indices.length) {
                indices = Arrays.copyOf(indices, 2 * indices.length);
            }
            indices[records.size()] = index;
            records.add(record);
            bytes += size;
            return true;
        }
    }

    private CompletionStage<Void> writeBatch(TopicImage topic, Batch batch, Report[] reports) {
        int partition = batch.partition;
        long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(timeoutMs);
        CompletionStage<PartitionProduceResponse> answer;
        try {
            // Made anew for each leader: who is given it stamps offsets into it.
            answer = Retrying.whileLeaderMoves(
                    () -> send(topic, partition, PlainRecords.batch(batch.records)),
                    a -> mayBeWritten(a) ? Errors.REQUEST_TIMED_OUT : Errors.forCode(a.errorCode()),
                    deadline,
                    executor);
        } catch (RuntimeException e) {
            answer = CompletableFuture.failedFuture(e);
        }
        return answer.handle((a, thrown) -> {
            HttpFailure failure = failure(topic, partition, a, thrown);
            for (int i = 0; i < batch.records.size(); i++) {
                long timestamp = failure == null && a.logAppendTimeMs() >= 0
                        ? a.logAppendTimeMs()
                        : batch.records.get(i).timestampMs();
                reports[batch.indices[i]] =
                        new Report(partition, failure == null ? a.baseOffset() + i : -1, timestamp, failure);
            }
            return null;
        });
    }

    private static HttpFailure failure(
            TopicImage topic, int partition, PartitionProduceResponse answer, Throwable thrown) {
        if (thrown != null) {
            HttpFailure known = HttpFailure.of(thrown);
            return known != null ? known : new HttpFailure(500, HttpFailure.BROKER_ERROR, "The broker failed.");
        }
        if (mayBeWritten(answer)) {
            return HttpFailure.tryAgain(topic.name() + "-" + partition + ": " + answer.errorMessage());
        }
        Errors error = Errors.forCode(answer.errorCode());
        return error == Errors.NONE
                ? null
                : HttpFailure.of(error, answer.errorMessage(), topic.name() + "-" + partition);
    }

    /** To send it again could write it twice: these batches have no producer id. */
    private static boolean mayBeWritten(PartitionProduceResponse answer) {
        return answer.errorCode() == Errors.NOT_LEADER_OR_FOLLOWER.code()
                && Refusal.MAY_BE_WRITTEN.equals(answer.errorMessage());
    }

    private CompletionStage<PartitionProduceResponse> send(TopicImage topic, int partition, ByteBuffer batch) {
        Integer leader = topics.leader(topic, partition).orElse(null);
        if (leader == null) {
            return CompletableFuture.completedFuture(new PartitionProduceResponse()
                    .setErrorCode(topics.withoutLeader(topic).code()));
        }
        PartitionProduceData data = new PartitionProduceData().setIndex(partition);
        int bytes = batch.remaining();
        RecordsField.set(data, batch);
        TopicProduceDataCollection all = new TopicProduceDataCollection();
        all.add(new TopicProduceData().setName(topic.name()).setPartitionData(List.of(data)));
        ProduceRequestData request =
                new ProduceRequestData().setAcks(ALL).setTimeoutMs(timeoutMs).setTopicData(all);
        return calls.call(leader, PRODUCE_VERSION, request, bytes, timeoutMs)
                .thenApply(RecordWriting::only)
                .exceptionally(thrown -> {
                    if (HttpFailure.cause(thrown) instanceof NotSentException) {
                        return new PartitionProduceResponse().setErrorCode(Errors.LEADER_NOT_AVAILABLE.code());
                    }
                    throw new CompletionException(HttpFailure.cause(thrown));
                });
    }

    private static PartitionProduceResponse only(ApiMessage answer) {
        return ((ProduceResponseData) answer)
                .responses()
                .iterator()
                .next()
                .partitionResponses()
                .get(0);
    }
}
