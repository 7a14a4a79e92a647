package io.troupe.api;

import io.troupe.journal.CorruptLogException;
import io.troupe.journal.LogReader.TimestampedOffset;
import io.troupe.metadata.MetadataCache;
import io.troupe.partition.LocalReplicas;
import io.troupe.partition.LogView;
import io.troupe.partition.Replica;
import io.troupe.protocol.ApiHandler;
import io.troupe.protocol.RequestContext;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.ListOffsetsRequestData;
import org.apache.kafka.common.message.ListOffsetsRequestData.ListOffsetsPartition;
import org.apache.kafka.common.message.ListOffsetsRequestData.ListOffsetsTopic;
import org.apache.kafka.common.message.ListOffsetsResponseData;
import org.apache.kafka.common.message.ListOffsetsResponseData.ListOffsetsPartitionResponse;
import org.apache.kafka.common.message.ListOffsetsResponseData.ListOffsetsTopicResponse;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * ListOffsets 1 to 11: start (-2), end (-1: HW, or LSO for read_committed), greatest timestamp (-3, from 7) and the first
 * record at or after a timestamp. Look-ups by timestamp read the log, on the {@code reads} executor.
 *
 * <p>Versions: 4 leader epochs, 5 OFFSET_NOT_AVAILABLE while a new leader's HW has not reached its epoch's start, 8
 * earliest local (-4, the same as -2 here), 9 and 11 offsets of tiered storage (-5, -6), which this broker has not: -1. Who sends an
 * offset in a {@link WaitingTag} is told besides of when the first record from there on is, who sends a {@link FollowersTag} how far the
 * followers have come.
 */
public final class ListOffsetsHandler implements ApiHandler<ListOffsetsRequestData> {
    private static final long LATEST = -1;
    private static final long EARLIEST = -2;
    private static final long MAX_TIMESTAMP = -3;
    private static final long EARLIEST_LOCAL = -4;
    private static final long LATEST_TIERED = -5;
    private static final long EARLIEST_PENDING_UPLOAD = -6;
    private static final long UNKNOWN = -1;
    private static final short FIRST_WITH_EPOCHS = 4;
    private static final short FIRST_WITH_OFFSET_NOT_AVAILABLE = 5;
    private static final byte READ_COMMITTED = 1;
    private static final long FOLLOWERS_PATIENCE_MS = 2000;
    private static final Logger log = LoggerFactory.getLogger(ListOffsetsHandler.class);

    private final PartitionLookup lookup;
    private final Executor reads;

    /** @param reads where the log is read: may block on the disk, never on anything else */
    public ListOffsetsHandler(MetadataCache metadata, LocalReplicas replicas, Executor reads) {
        this.lookup = new PartitionLookup(metadata, replicas);
        this.reads = reads;
    }

    @Override
    public ApiKeys apiKey() {
        return ApiKeys.LIST_OFFSETS;
    }

    @Override
    public short minVersion() {
        return 1;
    }

    @Override
    public short maxVersion() {
        return 11;
    }

    @Override
    public void handle(RequestContext context, ListOffsetsRequestData request) {
        boolean readsLog = request.topics().stream()
                .flatMap(topic -> topic.partitions().stream())
                .anyMatch(partition -> partition.timestamp() >= 0
                        || partition.timestamp() == MAX_TIMESTAMP
                        || WaitingTag.in(partition.unknownTaggedFields()) != null);
        if (readsLog) {
            CompletableFuture.runAsync(() -> answer(context, request), reads)
                    .exceptionally(Unanswered.answer(context, request));
        } else {
            answer(context, request);
        }
    }

    private void answer(RequestContext context, ListOffsetsRequestData request) {
        Listing listing = new Listing(context.header().apiVersion(), request);
        ListOffsetsResponseData response = listing.all();
        if (listing.told.isEmpty()) {
            context.respond(response);
        } else {
            CompletableFuture.allOf(listing.told.toArray(CompletableFuture[]::new))
                    .thenRun(() -> context.respond(response));
        }
    }

    private final class Listing {
        private final short version;
        private final ListOffsetsRequestData request;
        /** What leaders are to say of their followers; each adds to its part of the answer. */
        private final List<CompletableFuture<Void>> told = new ArrayList<>();

        Listing(short version, ListOffsetsRequestData request) {
            this.version = version;
            this.request = request;
        }

        ListOffsetsResponseData all() {
            Set<TopicPartition> seen = new HashSet<>();
            Set<TopicPartition> twice = new HashSet<>();
            for (ListOffsetsTopic topic : request.topics()) {
                for (ListOffsetsPartition partition : topic.partitions()) {
                    TopicPartition named = new TopicPartition(topic.name(), partition.partitionIndex());
                    if (!seen.add(named)) {
                        twice.add(named);
                    }
                }
            }
            ListOffsetsResponseData response = new ListOffsetsResponseData();
            for (ListOffsetsTopic topic : request.topics()) {
                ListOffsetsTopicResponse answer = new ListOffsetsTopicResponse().setName(topic.name());
                response.topics().add(answer);
                for (ListOffsetsPartition partition : topic.partitions()) {
                    TopicPartition named = new TopicPartition(topic.name(), partition.partitionIndex());
                    answer.partitions()
                            .add(
                                    twice.contains(named)
                                            ? error(partition, Errors.INVALID_REQUEST)
                                            : one(topic.name(), partition));
                }
            }
            return response;
        }

        private ListOffsetsPartitionResponse one(String topic, ListOffsetsPartition wanted) {
            if (wanted.timestamp() < 0 && version < firstVersionOf(wanted.timestamp())) {
                return error(wanted, Errors.UNSUPPORTED_VERSION);
            }
            PartitionLookup.Found found =
                    lookup.find(topic, Uuid.ZERO_UUID, wanted.partitionIndex(), wanted.currentLeaderEpoch());
            if (found.error() != Errors.NONE) {
                return error(wanted, found.error());
            }
            try {
                ListOffsetsPartitionResponse answer = offset(wanted, found.view());
                addWaiting(wanted, found.view(), answer);
                if (FollowersTag.isIn(wanted.unknownTaggedFields())) {
                    told.add(addFollowers(found.replica(), answer));
                }
                return answer;
            } catch (CorruptLogException e) {
                return error(wanted, Errors.CORRUPT_MESSAGE);
            } catch (IOException e) {
                log.error(
                        "Looking up {} in {} failed",
                        wanted.timestamp(),
                        found.view().partition(),
                        e);
                return error(wanted, Errors.KAFKA_STORAGE_ERROR);
            }
        }

        private ListOffsetsPartitionResponse offset(ListOffsetsPartition wanted, LogView view) throws IOException {
            long end = end(view);
            long timestamp = wanted.timestamp();
            if (timestamp == LATEST) {
                return view.epochStartCommitted()
                        ? found(wanted, UNKNOWN, end, view.leaderEpoch())
                        : error(wanted, notAvailable());
            }
            if (timestamp == EARLIEST || timestamp == EARLIEST_LOCAL) {
                long start = view.logStartOffset();
                return found(wanted, UNKNOWN, start, EpochEnds.epochAt(view, start));
            }
            if (timestamp == LATEST_TIERED || timestamp == EARLIEST_PENDING_UPLOAD) {
                return found(wanted, UNKNOWN, UNKNOWN, -1);
            }
            Optional<TimestampedOffset> record = timestamp == MAX_TIMESTAMP
                    ? view.reader().maxTimestamp(end)
                    : view.reader().offsetForTimestamp(timestamp, end);
            if (record.isPresent()) {
                TimestampedOffset at = record.get();
                return found(wanted, at.timestampMs(), at.offset(), at.leaderEpoch());
            }
            // "None" would be wrong while committed records may lie beyond the HW that this leader knows.
            return view.epochStartCommitted() ? found(wanted, UNKNOWN, UNKNOWN, -1) : error(wanted, notAvailable());
        }

        private void addWaiting(ListOffsetsPartition wanted, LogView view, ListOffsetsPartitionResponse answer)
                throws IOException {
            Long offset = WaitingTag.in(wanted.unknownTaggedFields());
            if (offset != null) {
                view.reader().firstRecord(offset, end(view)).ifPresent(record -> answer.unknownTaggedFields()
                        .add(WaitingTag.of(record.timestampMs())));
            }
        }

        private static CompletableFuture<Void> addFollowers(
                LocalReplicas.Readable replica, ListOffsetsPartitionResponse answer) {
            CompletableFuture<List<Replica.FollowerStanding>> told = new CompletableFuture<>();
            replica.replica().tell(new Replica.TellFollowers(told::complete));
            // One that ends meanwhile does not answer.
            return told.completeOnTimeout(List.of(), FOLLOWERS_PATIENCE_MS, TimeUnit.MILLISECONDS)
                    .thenAccept(standings -> answer.unknownTaggedFields().add(FollowersTag.of(standings)));
        }

        /** What the client may see, exclusive. */
        private long end(LogView view) {
            return request.isolationLevel() == READ_COMMITTED ? view.lastStableOffset() : view.highWatermark();
        }

        private Errors notAvailable() {
            return version >= FIRST_WITH_OFFSET_NOT_AVAILABLE
                    ? Errors.OFFSET_NOT_AVAILABLE
                    : Errors.LEADER_NOT_AVAILABLE;
        }

        private ListOffsetsPartitionResponse found(
                ListOffsetsPartition wanted, long timestampMs, long offset, int leaderEpoch) {
            ListOffsetsPartitionResponse response = new ListOffsetsPartitionResponse()
                    .setPartitionIndex(wanted.partitionIndex())
                    .setTimestamp(timestampMs)
                    .setOffset(offset);
            return version >= FIRST_WITH_EPOCHS ? response.setLeaderEpoch(leaderEpoch) : response;
        }

        private ListOffsetsPartitionResponse error(ListOffsetsPartition wanted, Errors error) {
            return new ListOffsetsPartitionResponse()
                    .setPartitionIndex(wanted.partitionIndex())
                    .setErrorCode(error.code())
                    .setTimestamp(UNKNOWN)
                    .setOffset(UNKNOWN);
        }
    }

    /** Version in which a special timestamp came; beyond all versions when it means nothing. */
    private static int firstVersionOf(long special) {
        if (special == LATEST || special == EARLIEST) {
            return 1;
        }
        if (special == MAX_TIMESTAMP) {
            return 7;
        }
        if (special == EARLIEST_LOCAL) {
            return 8;
        }
        if (special == LATEST_TIERED) {
            return 9;
        }
        return special == EARLIEST_PENDING_UPLOAD ? 11 : Integer.MAX_VALUE;
    }
}
