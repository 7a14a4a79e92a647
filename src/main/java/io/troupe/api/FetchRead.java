package io.troupe.api;

import io.troupe.journal.CorruptLogException;
import io.troupe.journal.LogReader;
import io.troupe.partition.LocalReplicas;
import io.troupe.partition.LogView;
import io.troupe.protocol.AnswerBuffers;
import io.troupe.protocol.RecordsField;
import io.troupe.protocol.RequestContext;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Executor;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.errors.OffsetOutOfRangeException;
import org.apache.kafka.common.message.FetchRequestData;
import org.apache.kafka.common.message.FetchRequestData.FetchPartition;
import org.apache.kafka.common.message.FetchRequestData.FetchTopic;
import org.apache.kafka.common.message.FetchResponseData;
import org.apache.kafka.common.message.FetchResponseData.EpochEndOffset;
import org.apache.kafka.common.message.FetchResponseData.FetchableTopicResponse;
import org.apache.kafka.common.message.FetchResponseData.LeaderIdAndEpoch;
import org.apache.kafka.common.message.FetchResponseData.NodeEndpoint;
import org.apache.kafka.common.message.FetchResponseData.PartitionData;
import org.apache.kafka.common.protocol.Errors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Reads what a fetch request asks for, as it stands at this moment. Holds no state but the request; any thread. */
final class FetchRead {
    private static final Logger log = LoggerFactory.getLogger(FetchRead.class);
    private static final short FIRST_FROM_FOLLOWERS = 11;
    private static final short FIRST_WITH_CURRENT_LEADER = 12;
    private static final short FIRST_WITH_TOPIC_IDS = 13;
    private static final short FIRST_WITH_ENDPOINTS = 16;
    private static final byte READ_COMMITTED = 1;
    private static final int NOTHING = -1;

    /**
     * What one pass found.
     *
     * @param response complete, with records if any could be read
     * @param bytes of records in it
     * @param old whether any of them was not written a moment ago, so that reading may wait for the disk
     * @param urgent an error or a diverging epoch, which the client must learn at once
     * @param waits where to wait for more
     */
    record Outcome(FetchResponseData response, long bytes, boolean old, boolean urgent, List<Wait> waits) {}

    /** A replica and the end (HW or LSO) beyond which there is news. */
    record Wait(LocalReplicas.Readable replica, long endOffset) {}

    private final PartitionLookup lookup;
    private final RequestContext context;
    private final FetchRequestData request;
    private final AnswerBuffers buffers;
    private final short version;
    private final boolean sendsToFollowers;

    /** @param rackAware whether consumers are sent to replicas of their own rack */
    FetchRead(
            PartitionLookup lookup,
            RequestContext context,
            FetchRequestData request,
            AnswerBuffers buffers,
            boolean rackAware) {
        this.lookup = lookup;
        this.buffers = buffers;
        this.context = context;
        this.request = request;
        this.version = context.header().apiVersion();
        this.sendsToFollowers = rackAware
                && version >= FIRST_FROM_FOLLOWERS
                && !request.rackId().isEmpty();
    }

    boolean readCommitted() {
        return request.isolationLevel() == READ_COMMITTED;
    }

    /** One pass that reads nothing: {@code Outcome.bytes} counts the partitions that can be read. */
    Outcome look() {
        return pass(NOTHING, null);
    }

    /**
     * One pass, in the order of the request. Whoever does not answer with it discards its response.
     *
     * @param lane that this runs on, for what is read later
     */
    Outcome read(int maxBytes, Executor lane) {
        return pass(Math.max(0, maxBytes), lane);
    }

    private Outcome pass(int maxBytes, Executor lane) {
        FetchResponseData response = new FetchResponseData();
        try {
            return pass(response, new Pass(response, maxBytes, lane));
        } catch (RuntimeException | OutOfMemoryError e) {
            RecordsField.discard(response);
            throw e;
        }
    }

    private Outcome pass(FetchResponseData response, Pass pass) {
        for (FetchTopic topic : request.topics()) {
            FetchableTopicResponse answer = new FetchableTopicResponse()
                    .setTopic(topic.topic())
                    .setTopicId(topic.topicId())
                    .setPartitions(new ArrayList<>(topic.partitions().size()));
            response.responses().add(answer);
            for (FetchPartition partition : topic.partitions()) {
                answer.partitions().add(pass.partition(topic, partition));
            }
        }
        return new Outcome(response, pass.bytes, pass.old, pass.urgent, pass.waits);
    }

    private final class Pass {
        private final FetchResponseData response;
        private final int maxBytes;
        private final Executor lane;
        private final List<Wait> waits = new ArrayList<>();
        private final Set<Integer> endpoints = new HashSet<>();
        private long bytes;
        private boolean old;
        private boolean urgent;

        Pass(FetchResponseData response, int maxBytes, Executor lane) {
            this.response = response;
            this.maxBytes = maxBytes;
            this.lane = lane;
        }

        PartitionData partition(FetchTopic topic, FetchPartition wanted) {
            boolean byId = version >= FIRST_WITH_TOPIC_IDS;
            PartitionLookup.Found found = lookup.find(
                    byId ? null : topic.topic(),
                    byId ? topic.topicId() : Uuid.ZERO_UUID,
                    wanted.partition(),
                    wanted.currentLeaderEpoch(),
                    version >= FIRST_FROM_FOLLOWERS);
            if (isFollower()) {
                return error(wanted, Errors.CLUSTER_AUTHORIZATION_FAILED);
            }
            if (found.error() != Errors.NONE) {
                PartitionData refused = error(wanted, found.error());
                nameLeader(found, refused);
                return refused;
            }
            return read(wanted, found);
        }

        private PartitionData read(FetchPartition wanted, PartitionLookup.Found found) {
            LogView view = found.view();
            long offset = wanted.fetchOffset();
            PartitionData data = new PartitionData()
                    .setPartitionIndex(wanted.partition())
                    .setHighWatermark(view.highWatermark())
                    .setLastStableOffset(view.lastStableOffset())
                    .setLogStartOffset(view.logStartOffset())
                    .setAbortedTransactions(readCommitted() ? List.of() : null);
            RecordsField.clear(data);
            if (offset < view.logStartOffset()) {
                return error(wanted, Errors.OFFSET_OUT_OF_RANGE);
            }
            if (wanted.lastFetchedEpoch() >= 0) {
                EpochEnds ends = EpochEnds.of(view, wanted.lastFetchedEpoch());
                if (ends.epoch() < 0) {
                    return error(wanted, Errors.OFFSET_OUT_OF_RANGE);
                }
                if (ends.epoch() < wanted.lastFetchedEpoch() || ends.endOffset() < offset) {
                    urgent = true;
                    return data.setDivergingEpoch(
                            new EpochEndOffset().setEpoch(ends.epoch()).setEndOffset(ends.endOffset()));
                }
            }
            if (offset > view.logEndOffset()) {
                return error(wanted, Errors.OFFSET_OUT_OF_RANGE);
            }
            if (sendsToFollowers && found.replica() instanceof LocalReplicas.Leader) {
                int nearest = lookup.nearest(found.topic(), wanted.partition(), request.rackId(), context.listener());
                if (nearest != NearestReplica.LEADER) {
                    urgent = true;
                    return data.setPreferredReadReplica(nearest);
                }
            }
            long end = readCommitted() ? view.lastStableOffset() : view.highWatermark();
            waits.add(new Wait(found.replica(), Math.max(offset, end)));
            if (offset < end) {
                old |= !view.reader().isRecent(offset);
                if (maxBytes == NOTHING) {
                    bytes++;
                    return data;
                }
                return records(wanted, view, end, data);
            }
            return data;
        }

        private PartitionData records(FetchPartition wanted, LogView view, long end, PartitionData data) {
            long room = Math.max(0, maxBytes - bytes);
            // Only the first partition that has anything may pass the limits, with one batch, so that a client always
            // gets on.
            boolean first = bytes == 0;
            if (room == 0 && !first) {
                return data;
            }
            int limit = (int) Math.min(room, Math.max(0, wanted.partitionMaxBytes()));
            try (AnswerBuffers.Loan memory = buffers.loan()) {
                LogReader.Slice slice = view.reader()
                        .slice(wanted.fetchOffset(), end, limit, first, FetchHandler.MOST_IN_MEMORY_BYTES, memory);
                bytes += slice.sizeInBytes();
                if (slice instanceof LogReader.InFile in) {
                    RecordsField.set(data, in.file(), in.position(), in.sizeInBytes(), lane);
                } else if (slice instanceof LogReader.InMemory in) {
                    RecordsField.set(data, in.batches(), memory);
                }
                return data;
            } catch (OffsetOutOfRangeException e) {
                // Retention or a new leader has been quicker.
                return error(wanted, Errors.OFFSET_OUT_OF_RANGE);
            } catch (CorruptLogException e) {
                // The reader has logged it; a client asks again and again.
                return error(wanted, Errors.CORRUPT_MESSAGE);
            } catch (IOException e) {
                log.error("Reading {} at {} failed", view.partition(), wanted.fetchOffset(), e);
                return error(wanted, Errors.KAFKA_STORAGE_ERROR);
            }
        }

        private PartitionData error(FetchPartition wanted, Errors error) {
            urgent = true;
            PartitionData data = new PartitionData()
                    .setPartitionIndex(wanted.partition())
                    .setErrorCode(error.code())
                    .setHighWatermark(-1)
                    .setAbortedTransactions(readCommitted() ? List.of() : null);
            RecordsField.clear(data);
            return data;
        }

        private void nameLeader(PartitionLookup.Found found, PartitionData data) {
            boolean moved =
                    found.error() == Errors.NOT_LEADER_OR_FOLLOWER || found.error() == Errors.FENCED_LEADER_EPOCH;
            if (version < FIRST_WITH_CURRENT_LEADER || !moved) {
                return;
            }
            Optional<PartitionLookup.CurrentLeader> now =
                    lookup.currentLeader(found.topic(), data.partitionIndex(), context.listener());
            now.ifPresent(leader -> {
                data.setCurrentLeader(
                        new LeaderIdAndEpoch().setLeaderId(leader.leaderId()).setLeaderEpoch(leader.leaderEpoch()));
                if (version >= FIRST_WITH_ENDPOINTS && leader.node().isPresent() && endpoints.add(leader.leaderId())) {
                    PartitionLookup.CurrentLeader.Node node = leader.node().get();
                    response.nodeEndpoints()
                            .add(new NodeEndpoint()
                                    .setNodeId(leader.leaderId())
                                    .setHost(node.host())
                                    .setPort(node.port())
                                    .setRack(node.rack().orElse(null)));
                }
            });
        }
    }

    private boolean isFollower() {
        return request.replicaId() >= 0 || request.replicaState().replicaId() >= 0;
    }
}
