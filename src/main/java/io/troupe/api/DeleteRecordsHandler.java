package io.troupe.api;

import io.troupe.metadata.MetadataCache;
import io.troupe.metadata.TopicImage;
import io.troupe.model.Refusal;
import io.troupe.partition.LocalReplicas;
import io.troupe.partition.Replica;
import io.troupe.protocol.ApiHandler;
import io.troupe.protocol.RequestContext;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.DeleteRecordsRequestData;
import org.apache.kafka.common.message.DeleteRecordsRequestData.DeleteRecordsPartition;
import org.apache.kafka.common.message.DeleteRecordsRequestData.DeleteRecordsTopic;
import org.apache.kafka.common.message.DeleteRecordsResponseData;
import org.apache.kafka.common.message.DeleteRecordsResponseData.DeleteRecordsPartitionResult;
import org.apache.kafka.common.message.DeleteRecordsResponseData.DeleteRecordsTopicResult;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;

/**
 * DeleteRecords, versions 0 to 2 (KIP-107): moves a partition's log start to an offset, or with -1 to the HW, and answers
 * once it will stay there whatever happens to this broker. An offset below the log start is no error and changes nothing.
 *
 * <p>Refused: offsets beyond the HW, internal topics, and topics that are only compacted. The low watermark told is this
 * leader's log start; it does not wait for followers, which get theirs from it.
 */
public final class DeleteRecordsHandler implements ApiHandler<DeleteRecordsRequestData> {
    private static final long NO_LOW_WATERMARK = -1;

    private final PartitionLookup lookup;

    public DeleteRecordsHandler(MetadataCache metadata, LocalReplicas replicas) {
        this.lookup = new PartitionLookup(metadata, replicas);
    }

    @Override
    public ApiKeys apiKey() {
        return ApiKeys.DELETE_RECORDS;
    }

    @Override
    public short minVersion() {
        return 0;
    }

    @Override
    public short maxVersion() {
        return 2;
    }

    @Override
    public void handle(RequestContext context, DeleteRecordsRequestData request) {
        DeleteRecordsResponseData response = new DeleteRecordsResponseData();
        List<CompletableFuture<?>> answers = new ArrayList<>();
        for (DeleteRecordsTopic topic : request.topics()) {
            DeleteRecordsTopicResult result = new DeleteRecordsTopicResult().setName(topic.name());
            response.topics().add(result);
            for (DeleteRecordsPartition partition : topic.partitions()) {
                DeleteRecordsPartitionResult answer = new DeleteRecordsPartitionResult()
                        .setPartitionIndex(partition.partitionIndex())
                        .setLowWatermark(NO_LOW_WATERMARK);
                result.partitions().add(answer);
                answers.add(delete(topic.name(), partition)
                        .completeOnTimeout(
                                Outcome.refused(Errors.REQUEST_TIMED_OUT),
                                Timeouts.bounded(request.timeoutMs()),
                                TimeUnit.MILLISECONDS)
                        .thenAccept(outcome ->
                                answer.setLowWatermark(outcome.lowWatermark).setErrorCode(outcome.error.code())));
            }
        }
        CompletableFuture.allOf(answers.toArray(CompletableFuture<?>[]::new))
                .thenRun(() -> context.respond(response))
                .exceptionally(Unanswered.answer(context, request));
    }

    private record Outcome(long lowWatermark, Errors error) {
        static Outcome refused(Errors error) {
            return new Outcome(NO_LOW_WATERMARK, error);
        }
    }

    private CompletableFuture<Outcome> delete(String topic, DeleteRecordsPartition wanted) {
        PartitionLookup.Found found =
                lookup.find(topic, Uuid.ZERO_UUID, wanted.partitionIndex(), PartitionLookup.ANY_EPOCH);
        if (Optional.ofNullable(found.topic()).filter(TopicImage::internal).isPresent()) {
            return CompletableFuture.completedFuture(Outcome.refused(Errors.INVALID_TOPIC_EXCEPTION));
        }
        if (found.error() != Errors.NONE) {
            return CompletableFuture.completedFuture(Outcome.refused(found.error()));
        }
        CompletableFuture<Outcome> outcome = new CompletableFuture<>();
        found.replica().replica().tell(new Replica.DeleteRecords(wanted.offset(), new Replica.DeleteReply() {
            @Override
            public void deleted(long logStartOffset) {
                outcome.complete(new Outcome(logStartOffset, Errors.NONE));
            }

            @Override
            public void refused(Refusal refusal) {
                outcome.complete(Outcome.refused(refusal.error()));
            }
        }));
        return outcome;
    }
}
