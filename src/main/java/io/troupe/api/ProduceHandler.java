package io.troupe.api;

import io.troupe.config.BrokerConfig;
import io.troupe.config.LogConfig;
import io.troupe.metadata.MetadataCache;
import io.troupe.metadata.TopicDefaults;
import io.troupe.metadata.TopicImage;
import io.troupe.model.Refusal;
import io.troupe.partition.LocalReplicas;
import io.troupe.partition.Replica;
import io.troupe.protocol.ApiHandler;
import io.troupe.protocol.RecordsField;
import io.troupe.protocol.RequestContext;
import io.troupe.record.BatchValidator;
import io.troupe.record.UnpackBudget;
import java.nio.ByteBuffer;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.LongSupplier;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.ProduceRequestData;
import org.apache.kafka.common.message.ProduceRequestData.PartitionProduceData;
import org.apache.kafka.common.message.ProduceRequestData.TopicProduceData;
import org.apache.kafka.common.message.ProduceResponseData;
import org.apache.kafka.common.message.ProduceResponseData.BatchIndexAndErrorMessage;
import org.apache.kafka.common.message.ProduceResponseData.LeaderIdAndEpoch;
import org.apache.kafka.common.message.ProduceResponseData.NodeEndpoint;
import org.apache.kafka.common.message.ProduceResponseData.PartitionProduceResponse;
import org.apache.kafka.common.message.ProduceResponseData.TopicProduceResponse;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;

/**
 * Produce 3 to 13; 0 to 2 are advertised as Kafka does, because librdkafka takes features from the overlap, but a request
 * in them closes the connection. Each partition is validated here, on the network thread, and told to its leader
 * Replica; the answer leaves when the last Replica has replied. Batches whose records must be read to be judged, or packed
 * anew for the topic's {@code compression.type}, go by way of {@link UnpackLanes}; their connection is not read until the
 * answer has left, so that no later batch overtakes them. acks=0 gets no answer, and an error closes the connection.
 *
 * <p>A batch for a partition that committed metadata has given to this broker, and that it does not lead yet, waits up to {@link
 * #ELECTED_WAIT_MS}, and its connection with it: refused, a client that was sent here a moment ago by the leader before
 * would know nowhere to go and back off, for longer than taking over lasts.
 *
 * <p>Versions: 5 log start offset, 8 error messages, 10 current leader (KIP-951), 13 topic ids (KIP-516).
 *
 * <p>Not served: transactions; a transactional produce is refused with UNSUPPORTED_VERSION, which clients report with its
 * message and do not retry.
 */
public final class ProduceHandler implements ApiHandler<ProduceRequestData>, AutoCloseable {
    private static final short FIRST_WITH_MESSAGES = 8;
    private static final short FIRST_WITH_CURRENT_LEADER = 10;
    private static final short FIRST_WITH_TOPIC_IDS = 13;
    private static final long NO_OFFSET = -1;
    /** Beyond this something is wrong with that one log, and the connection's other partitions are not to wait for it. */
    private static final int ELECTED_WAIT_MS = 500;

    private final int brokerId;
    private final PartitionLookup lookup;
    private final TopicLogConfigs configs;
    private final LongSupplier clockMs;
    private final UnpackLanes lanes;
    private final TrafficStats traffic;

    public ProduceHandler(BrokerConfig config, MetadataCache metadata, LocalReplicas replicas, TrafficStats traffic) {
        this.traffic = traffic;
        this.brokerId = config.nodeId();
        this.configs = new TopicLogConfigs(new TopicDefaults(config, metadata));
        this.lookup = new PartitionLookup(metadata, replicas);
        this.clockMs = System::currentTimeMillis;
        this.lanes = new UnpackLanes(clockMs);
    }

    @Override
    public void close() {
        lanes.close();
    }

    @Override
    public ApiKeys apiKey() {
        return ApiKeys.PRODUCE;
    }

    @Override
    public short minVersion() {
        return 0;
    }

    @Override
    public short minServedVersion() {
        return 3;
    }

    @Override
    public short maxVersion() {
        return 13;
    }

    @Override
    public void handle(RequestContext context, ProduceRequestData request) {
        Produce produce = new Produce(context, request);
        for (TopicProduceData topic : request.topicData()) {
            produce.topic(topic);
        }
        produce.partitionDone();
    }

    /** One request: counts its partitions down and answers when all are done. */
    private final class Produce {
        private final RequestContext context;
        private final ProduceRequestData request;
        private final short version;
        private final ProduceResponseData response = new ProduceResponseData();
        private final UnpackBudget budget;
        private final AtomicReference<Errors> anyError = new AtomicReference<>();
        // One more than partitions begun, so that early replies do not answer before the last partition is told.
        private final AtomicInteger open = new AtomicInteger(1);

        Produce(RequestContext context, ProduceRequestData request) {
            this.context = context;
            this.request = request;
            this.version = context.header().apiVersion();
            this.budget = new UnpackBudget(context.sizeInBytes());
        }

        void topic(TopicProduceData topic) {
            TopicProduceResponse answer =
                    new TopicProduceResponse().setName(topic.name()).setTopicId(topic.topicId());
            response.responses().add(answer);
            Uuid id = version >= FIRST_WITH_TOPIC_IDS ? topic.topicId() : Uuid.ZERO_UUID;
            String name = version >= FIRST_WITH_TOPIC_IDS ? null : topic.name();
            Optional<TopicImage> image = lookup.topic(name, id);
            for (PartitionProduceData partition : topic.partitionData()) {
                PartitionProduceResponse part = new PartitionProduceResponse()
                        .setIndex(partition.index())
                        .setBaseOffset(NO_OFFSET);
                answer.partitionResponses().add(part);
                open.incrementAndGet();
                traffic.produceRequests.increment();
                ByteBuffer records = RecordsField.of(partition);
                int bytes = records == null ? 0 : records.remaining();
                partition(image, partition, new PartitionReply(this, part, image.orElse(null), bytes, traffic));
            }
        }

        private void partition(Optional<TopicImage> topic, PartitionProduceData partition, PartitionReply reply) {
            short acks = request.acks();
            if (acks < -1 || acks > 1) {
                reply.refuse(new Refusal(Errors.INVALID_REQUIRED_ACKS, "acks must be 0, 1 or -1 (all), not " + acks));
            } else if (request.transactionalId() != null) {
                reply.refuse(new Refusal(
                        Errors.UNSUPPORTED_VERSION, "this broker does not serve transactions: unset transactional.id"));
            } else if (topic.isEmpty()) {
                reply.refuse(Refusal.of(
                        version >= FIRST_WITH_TOPIC_IDS ? Errors.UNKNOWN_TOPIC_ID : Errors.UNKNOWN_TOPIC_OR_PARTITION));
            } else if (TopicImage.hasCoordinators(topic.get().name())) {
                reply.refuse(new Refusal(
                        Errors.INVALID_TOPIC_EXCEPTION,
                        "only the broker itself writes " + topic.get().name()));
            } else {
                append(topic.get(), partition, reply);
            }
        }

        private void append(TopicImage topic, PartitionProduceData partition, PartitionReply reply) {
            PartitionLookup.Found found = lookup.find(topic, partition.index(), PartitionLookup.ANY_EPOCH);
            boolean early = found.error() == Errors.NOT_LEADER_OR_FOLLOWER
                    && topic.partitions().get(partition.index()).leader() == brokerId;
            if (found.error() != Errors.NONE && !early) {
                reply.refuse(Refusal.of(found.error()));
                return;
            }
            if (early) {
                context.holdNext();
            }
            LogConfig config = configs.of(topic);
            BatchValidator.Result verdict =
                    BatchValidator.validate(RecordsField.of(partition), config, false, clockMs.getAsLong(), budget);
            if (verdict instanceof BatchValidator.Refused refused) {
                reply.refuse(refused);
            } else if (verdict instanceof BatchValidator.Valid valid) {
                tell(found, valid, reply, reply);
            } else if (verdict instanceof BatchValidator.Unread unread) {
                context.holdNext();
                lanes.judge(unread, config, budget, timeoutMs(), new UnpackLanes.Judged() {
                    @Override
                    public void valid(BatchValidator.Valid valid, Runnable room) {
                        tell(found, valid, reply, new RoomReply(reply, room));
                    }

                    @Override
                    public void refused(BatchValidator.Refused refused) {
                        reply.refuse(refused);
                    }
                });
            }
        }

        /** @param reply to {@code partition} */
        private void tell(
                PartitionLookup.Found found,
                BatchValidator.Valid valid,
                PartitionReply partition,
                Replica.AppendReply reply) {
            if (found.error() == Errors.NONE) {
                tell(found, valid, reply);
                return;
            }
            lookup.onceLed(partition.topic(), partition.part().index(), Math.min(timeoutMs(), ELECTED_WAIT_MS))
                    .thenAccept(now -> {
                        if (now.error() == Errors.NONE) {
                            tell(now, valid, reply);
                        } else {
                            reply.refused(Refusal.of(now.error()), NO_OFFSET);
                        }
                    });
        }

        private void tell(PartitionLookup.Found found, BatchValidator.Valid valid, Replica.AppendReply reply) {
            found.replica()
                    .replica()
                    .tell(new Replica.Append(
                            valid.batch(), request.acks(), PartitionLookup.ANY_EPOCH, timeoutMs(), false, reply));
        }

        private int timeoutMs() {
            return Math.max(0, request.timeoutMs());
        }

        void partitionDone() {
            if (open.decrementAndGet() > 0) {
                return;
            }
            if (request.acks() != 0) {
                context.respond(response);
            } else if (anyError.get() == null) {
                context.noResponse();
            } else {
                context.closeConnection("a produce with acks=0 failed with " + anyError.get());
            }
        }

        /** KIP-951: who leads now and where, so that the client need not ask for metadata first. */
        private void nameLeader(TopicImage topic, PartitionProduceResponse part) {
            lookup.currentLeader(topic, part.index(), context.listener()).ifPresent(leader -> {
                part.setCurrentLeader(
                        new LeaderIdAndEpoch().setLeaderId(leader.leaderId()).setLeaderEpoch(leader.leaderEpoch()));
                leader.node().ifPresent(node -> addEndpoint(leader.leaderId(), node));
            });
        }

        /** Partitions are answered on their Replicas' threads. */
        private synchronized void addEndpoint(int brokerId, PartitionLookup.CurrentLeader.Node node) {
            if (response.nodeEndpoints().find(brokerId) == null) {
                response.nodeEndpoints()
                        .add(new NodeEndpoint()
                                .setNodeId(brokerId)
                                .setHost(node.host())
                                .setPort(node.port())
                                .setRack(node.rack().orElse(null)));
            }
        }
    }

    /** What becomes of one partition's batch; the fields are handed from thread to thread by the countdown. */
    private record PartitionReply(
            Produce produce, PartitionProduceResponse part, TopicImage topic, int bytes, TrafficStats traffic)
            implements Replica.AppendReply {
        @Override
        public void appended(
                long baseOffset, long lastOffset, long logAppendTimeMs, long logStartOffset, int leaderEpoch) {
            part.setBaseOffset(baseOffset).setLogAppendTimeMs(logAppendTimeMs).setLogStartOffset(logStartOffset);
            traffic.bytesIn.add(bytes);
            traffic.messagesIn.add(lastOffset - baseOffset + 1);
            produce.partitionDone();
        }

        @Override
        public void refused(Refusal refusal, long logStartOffset) {
            part.setLogStartOffset(logStartOffset);
            refuse(refusal);
        }

        void refuse(BatchValidator.Refused refused) {
            if (produce.version >= FIRST_WITH_MESSAGES) {
                refused.records().forEach(record -> part.recordErrors()
                        .add(new BatchIndexAndErrorMessage()
                                .setBatchIndex(record.batchIndex())
                                .setBatchIndexErrorMessage(record.message())));
            }
            refuse(refused.refusal());
        }

        void refuse(Refusal refusal) {
            traffic.failedProduceRequests.increment();
            part.setErrorCode(refusal.error().code());
            if (produce.version >= FIRST_WITH_MESSAGES) {
                part.setErrorMessage(refusal.message());
            }
            if (refusal.error() == Errors.NOT_LEADER_OR_FOLLOWER && produce.version >= FIRST_WITH_CURRENT_LEADER) {
                produce.nameLeader(topic, part);
            }
            produce.anyError.set(refusal.error());
            produce.partitionDone();
        }
    }

    /** Gives the room back that a batch packed anew took. */
    private record RoomReply(PartitionReply reply, Runnable room) implements Replica.AppendReply {
        @Override
        public void appended(
                long baseOffset, long lastOffset, long logAppendTimeMs, long logStartOffset, int leaderEpoch) {
            room.run();
            reply.appended(baseOffset, lastOffset, logAppendTimeMs, logStartOffset, leaderEpoch);
        }

        @Override
        public void refused(Refusal refusal, long logStartOffset) {
            room.run();
            reply.refused(refusal, logStartOffset);
        }
    }
}
