package io.troupe.http;

import io.troupe.api.FollowersTag;
import io.troupe.config.HostPort;
import io.troupe.config.Listener;
import io.troupe.metadata.BrokerImage;
import io.troupe.metadata.MetadataCache;
import io.troupe.metadata.MetadataEvent;
import io.troupe.metadata.MetadataImage;
import io.troupe.metadata.PartitionImage;
import io.troupe.metadata.TopicImage;
import io.troupe.partition.Replica.FollowerStanding;
import io.troupe.protocol.BrokerCalls;
import io.troupe.protocol.RecordsField;
import io.troupe.record.PlainRecord;
import io.troupe.record.PlainRecords;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.errors.DisconnectException;
import org.apache.kafka.common.message.ConsumerGroupHeartbeatRequestData;
import org.apache.kafka.common.message.CreateTopicsRequestData;
import org.apache.kafka.common.message.CreateTopicsResponseData;
import org.apache.kafka.common.message.CreateTopicsResponseData.CreatableTopicResult;
import org.apache.kafka.common.message.DeleteTopicsRequestData;
import org.apache.kafka.common.message.DeleteTopicsResponseData;
import org.apache.kafka.common.message.DeleteTopicsResponseData.DeletableTopicResult;
import org.apache.kafka.common.message.DescribeConfigsRequestData;
import org.apache.kafka.common.message.DescribeConfigsResponseData;
import org.apache.kafka.common.message.DescribeConfigsResponseData.DescribeConfigsResourceResult;
import org.apache.kafka.common.message.DescribeConfigsResponseData.DescribeConfigsResult;
import org.apache.kafka.common.message.DescribeGroupsRequestData;
import org.apache.kafka.common.message.DescribeGroupsResponseData;
import org.apache.kafka.common.message.DescribeGroupsResponseData.DescribedGroup;
import org.apache.kafka.common.message.DescribeQuorumRequestData;
import org.apache.kafka.common.message.DescribeQuorumResponseData;
import org.apache.kafka.common.message.DescribeQuorumResponseData.ReplicaState;
import org.apache.kafka.common.message.FetchRequestData;
import org.apache.kafka.common.message.FetchResponseData;
import org.apache.kafka.common.message.FetchResponseData.FetchableTopicResponse;
import org.apache.kafka.common.message.IncrementalAlterConfigsRequestData;
import org.apache.kafka.common.message.IncrementalAlterConfigsResponseData;
import org.apache.kafka.common.message.IncrementalAlterConfigsResponseData.AlterConfigsResourceResponse;
import org.apache.kafka.common.message.ListGroupsRequestData;
import org.apache.kafka.common.message.ListGroupsResponseData;
import org.apache.kafka.common.message.ListGroupsResponseData.ListedGroup;
import org.apache.kafka.common.message.ListOffsetsRequestData;
import org.apache.kafka.common.message.ListOffsetsResponseData;
import org.apache.kafka.common.message.ListOffsetsResponseData.ListOffsetsPartitionResponse;
import org.apache.kafka.common.message.ListOffsetsResponseData.ListOffsetsTopicResponse;
import org.apache.kafka.common.message.MetadataRequestData;
import org.apache.kafka.common.message.MetadataResponseData;
import org.apache.kafka.common.message.OffsetCommitRequestData;
import org.apache.kafka.common.message.OffsetFetchRequestData;
import org.apache.kafka.common.message.ProduceRequestData;
import org.apache.kafka.common.message.ProduceResponseData;
import org.apache.kafka.common.message.ProduceResponseData.PartitionProduceResponse;
import org.apache.kafka.common.message.ProduceResponseData.TopicProduceResponse;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.protocol.types.RawTaggedField;
import org.apache.kafka.common.security.auth.SecurityProtocol;

/**
 * Brokers 1 (this one) and 2 with the topic {@code t} of three partitions, the last of which broker 2 leads, and the topic of offsets.
 * What is written can be read. A batch that is read holds one record; no answer of a fetch holds more than {@link #recordsPerFetch}.
 */
final class FakeCluster implements BrokerCalls {
    static final String CLUSTER = "a-cluster";
    static final String TOPIC = "t";

    final MetadataCache metadata = new MetadataCache();
    /** The brokers that were asked to produce, in order. */
    final List<Integer> producedAt = new CopyOnWriteArrayList<>();
    /** What the next batches are refused with. */
    final ConcurrentLinkedQueue<Errors> refusals = new ConcurrentLinkedQueue<>();

    /** Happens whenever something is produced. */
    volatile Runnable onProduce = () -> {};
    /** Why, for all that are refused. */
    volatile String refusalMessage;

    volatile int recordsPerFetch = 100;
    /** What leaders say of followers, to who asks. */
    volatile List<FollowerStanding> followers = List.of();
    /** What the coordinator remembers of the group, to who asks. */
    volatile String groupEvents = "";

    /** What the controller tells of the voters. */
    volatile DescribeQuorumResponseData quorum = quorum(0, 0);

    /** Of all partitions. */
    volatile long logStart;
    /** So many of the next questions for offsets find their broker gone. */
    final AtomicInteger gone = new AtomicInteger();
    /** A call that is not answered before this. */
    volatile CompletableFuture<Void> held = CompletableFuture.completedFuture(null);

    final FakeGroups groups = new FakeGroups();

    private final AtomicLong fetches = new AtomicLong();
    private final Map<String, List<PlainRecord>> logs = new ConcurrentHashMap<>();

    FakeCluster() {
        apply(new MetadataEvent.ControllerElected(1, 1, CLUSTER));
        for (int broker = 1; broker <= 2; broker++) {
            Listener listener =
                    new Listener("PLAINTEXT", SecurityProtocol.PLAINTEXT, new HostPort("host" + broker, 9090 + broker));
            apply(new MetadataEvent.BrokerRegistered(
                    new BrokerImage(broker, broker, List.of(listener), Optional.empty(), true, false), false));
            long epoch = metadata.current().broker(broker).orElseThrow().brokerEpoch();
            apply(new MetadataEvent.BrokerFencingChanged(broker, epoch, false, false));
        }
        make(TOPIC, 3);
        make("__consumer_offsets", 3);
    }

    /**
     * Of the voters 1, which leads, 2 and 7, which is no broker.
     *
     * @param behind entries that voter 7 lacks
     * @param silentMs since it was heard from
     */
    static DescribeQuorumResponseData quorum(long behind, long silentMs) {
        long nowMs = 1_700_000_000_000L;
        List<ReplicaState> voters = new ArrayList<>();
        DescribeQuorumResponseData answer = new DescribeQuorumResponseData();
        for (int id : List.of(1, 2, 7)) {
            long heardMs = id == 7 ? nowMs - silentMs : nowMs;
            voters.add(new ReplicaState()
                    .setReplicaId(id)
                    .setLogEndOffset(id == 7 ? 100 - behind : 100)
                    .setLastFetchTimestamp(heardMs)
                    .setLastCaughtUpTimestamp(heardMs));
            DescribeQuorumResponseData.Node node = new DescribeQuorumResponseData.Node().setNodeId(id);
            node.listeners()
                    .add(new DescribeQuorumResponseData.Listener()
                            .setName("CONTROLLER")
                            .setHost("host" + id)
                            .setPort(19092));
            answer.nodes().add(node);
        }
        return answer.setTopics(List.of(new DescribeQuorumResponseData.TopicData()
                .setPartitions(List.of(new DescribeQuorumResponseData.PartitionData()
                        .setLeaderId(1)
                        .setHighWatermark(100)
                        .setCurrentVoters(voters)))));
    }

    void apply(MetadataEvent event) {
        MetadataImage image = metadata.current();
        metadata.publish(image.apply(image.index() + 1, event));
    }

    void make(String topic, int partitions) {
        List<PartitionImage> all = new ArrayList<>();
        for (int p = 0; p < partitions; p++) {
            all.add(new PartitionImage(p, List.of(1, 2), p == 2 ? 2 : 1, 5, 0, List.of(1, 2), List.of(), List.of()));
        }
        apply(new MetadataEvent.TopicCreated(new TopicImage(topic, Uuid.randomUuid(), all, Map.of())));
    }

    /** Another topic {@code t}, in place of the one before. */
    void makeAnew(int partitions) {
        apply(new MetadataEvent.TopicDeleted(
                metadata.current().topic(TOPIC).orElseThrow().topicId()));
        logs.keySet().removeIf(log -> log.startsWith(TOPIC + "-"));
        groups.forget(TOPIC);
        make(TOPIC, partitions);
    }

    List<PlainRecord> log(String topic, int partition) {
        return logs.computeIfAbsent(topic + "-" + partition, name -> new CopyOnWriteArrayList<>());
    }

    void add(int partition, String value) {
        List<PlainRecord> log = log(TOPIC, partition);
        log.add(new PlainRecord(log.size(), 1000 + log.size(), null, value.getBytes(), List.of()));
    }

    @Override
    public CompletionStage<ApiMessage> call(
            int brokerId, int version, ApiMessage request, int sizeInBytes, int timeoutMs) {
        if (request instanceof ListOffsetsRequestData && gone.getAndUpdate(n -> Math.max(0, n - 1)) > 0) {
            return CompletableFuture.failedFuture(new DisconnectException("gone"));
        }
        return held.thenCompose(none -> {
            ApiMessage answer = answer(brokerId, request);
            int waitMs = request instanceof FetchRequestData fetch && empty((FetchResponseData) answer)
                    ? Math.min(fetch.maxWaitMs(), 50)
                    : 0;
            // A wait for data that does not come, short enough for a test, and on nobody's thread.
            return waitMs == 0
                    ? CompletableFuture.completedFuture(answer)
                    : CompletableFuture.supplyAsync(
                            () -> answer, CompletableFuture.delayedExecutor(waitMs, TimeUnit.MILLISECONDS));
        });
    }

    private static boolean empty(FetchResponseData answer) {
        return answer.responses().stream()
                .flatMap(topic -> topic.partitions().stream())
                .allMatch(data -> data.errorCode() == Errors.NONE.code() && data.records() == null);
    }

    private ApiMessage answer(int brokerId, ApiMessage request) {
        if (request instanceof ProduceRequestData produce) {
            producedAt.add(brokerId);
            onProduce.run();
            return produce(produce);
        } else if (request instanceof FetchRequestData fetch) {
            return fetch(fetch);
        } else if (request instanceof ListOffsetsRequestData list) {
            return offsets(list);
        } else if (request instanceof MetadataRequestData wanted) {
            wanted.topics().stream().filter(t -> t.name().startsWith("auto")).forEach(t -> make(t.name(), 1));
            return new MetadataResponseData();
        } else if (request instanceof DescribeConfigsRequestData configs) {
            return new DescribeConfigsResponseData()
                    .setResults(List.of(new DescribeConfigsResult()
                            .setResourceName(configs.resources().get(0).resourceName())
                            .setConfigs(List.of(new DescribeConfigsResourceResult()
                                    .setName("cleanup.policy")
                                    .setValue("delete")
                                    .setConfigSource((byte) 5)))));
        } else if (request instanceof CreateTopicsRequestData create) {
            return create(create);
        } else if (request instanceof DeleteTopicsRequestData delete) {
            DeleteTopicsResponseData answer = new DeleteTopicsResponseData();
            String name = delete.topicNames().get(0);
            apply(new MetadataEvent.TopicDeleted(
                    metadata.current().topic(name).orElseThrow().topicId()));
            answer.responses().add(new DeletableTopicResult().setName(name));
            return answer;
        } else if (request instanceof IncrementalAlterConfigsRequestData alter) {
            var config =
                    alter.resources().iterator().next().configs().iterator().next();
            boolean known = config.name().equals("cleanup.policy");
            return new IncrementalAlterConfigsResponseData()
                    .setResponses(List.of(new AlterConfigsResourceResponse()
                            .setErrorCode((known ? Errors.NONE : Errors.INVALID_CONFIG).code())
                            .setErrorMessage(known ? null : "Unknown topic config")));
        } else if (request instanceof DescribeQuorumRequestData) {
            return quorum;
        } else if (request instanceof ListGroupsRequestData) {
            return new ListGroupsResponseData()
                    .setGroups(
                            brokerId != 1
                                    ? List.of()
                                    : List.of(new ListedGroup()
                                            .setGroupId("g")
                                            .setGroupState("Stable")
                                            .setGroupType("classic")));
        } else if (request instanceof DescribeGroupsRequestData asked) {
            DescribedGroup group = new DescribedGroup().setGroupId("g").setProtocolData("range");
            if (!asked.unknownTaggedFields().isEmpty()) {
                group.unknownTaggedFields()
                        .add(new RawTaggedField(10_000, groupEvents.getBytes(StandardCharsets.UTF_8)));
            }
            return new DescribeGroupsResponseData().setGroups(List.of(group));
        } else if (request instanceof OffsetFetchRequestData wanted) {
            return groups.fetch(wanted, metadata.current());
        } else if (request instanceof OffsetCommitRequestData commit) {
            return groups.commit(commit, metadata.current());
        } else if (request instanceof ConsumerGroupHeartbeatRequestData heartbeat) {
            return groups.heartbeat(heartbeat, metadata.current());
        }
        throw new AssertionError("not expected: " + request);
    }

    private ProduceResponseData produce(ProduceRequestData produce) {
        var topic = produce.topicData().iterator().next();
        var partition = topic.partitionData().get(0);
        PartitionProduceResponse answer = new PartitionProduceResponse().setIndex(partition.index());
        Errors refusal = refusals.poll();
        if (refusal != null) {
            answer.setErrorCode(refusal.code()).setErrorMessage(refusalMessage).setBaseOffset(-1);
        } else {
            List<PlainRecord> log = log(topic.name(), partition.index());
            answer.setBaseOffset(log.size());
            for (PlainRecord r : PlainRecords.read(RecordsField.of(partition), 0, Integer.MAX_VALUE, Integer.MAX_VALUE)
                    .records()) {
                log.add(new PlainRecord(log.size(), r.timestampMs(), r.key(), r.value(), r.headers()));
            }
        }
        ProduceResponseData response = new ProduceResponseData();
        response.responses()
                .add(new TopicProduceResponse().setName(topic.name()).setPartitionResponses(List.of(answer)));
        return response;
    }

    /** How many fetches there were so far. */
    long fetches() {
        return fetches.get();
    }

    private FetchResponseData fetch(FetchRequestData fetch) {
        fetches.incrementAndGet();
        List<FetchableTopicResponse> answer = new ArrayList<>();
        for (var topic : fetch.topics()) {
            String name = topic.topicId().equals(Uuid.ZERO_UUID)
                    ? topic.topic()
                    : metadata.current()
                            .topic(topic.topicId())
                            .map(TopicImage::name)
                            .orElse(null);
            answer.add(new FetchableTopicResponse()
                    .setTopic(topic.topic())
                    .setTopicId(topic.topicId())
                    .setPartitions(topic.partitions().stream()
                            .map(wanted -> name == null ? unknown(wanted.partition()) : fetch(name, wanted))
                            .toList()));
        }
        return new FetchResponseData().setResponses(answer);
    }

    private static FetchResponseData.PartitionData unknown(int partition) {
        return new FetchResponseData.PartitionData()
                .setPartitionIndex(partition)
                .setErrorCode(Errors.UNKNOWN_TOPIC_ID.code());
    }

    private FetchResponseData.PartitionData fetch(String topic, FetchRequestData.FetchPartition wanted) {
        List<PlainRecord> log = log(topic, wanted.partition());
        FetchResponseData.PartitionData data = new FetchResponseData.PartitionData()
                .setPartitionIndex(wanted.partition())
                .setHighWatermark(log.size());
        long from = wanted.fetchOffset();
        if (from > log.size() || from < logStart) {
            data.setErrorCode(Errors.OFFSET_OUT_OF_RANGE.code());
        } else if (from < log.size()) {
            int end = (int) Math.min(log.size(), from + recordsPerFetch);
            RecordsField.set(data, batches(log.subList((int) from, end)), null);
        }
        return data;
    }

    private static ByteBuffer batches(List<PlainRecord> records) {
        ByteBuffer all = ByteBuffer.allocate(
                records.stream().mapToInt(r -> r.sizeInBytes() + 100).sum());
        for (PlainRecord record : records) {
            ByteBuffer batch = PlainRecords.batch(List.of(record));
            batch.putLong(batch.position(), record.offset());
            all.put(batch);
        }
        return all.flip();
    }

    private ListOffsetsResponseData offsets(ListOffsetsRequestData list) {
        ListOffsetsResponseData response = new ListOffsetsResponseData();
        for (var topic : list.topics()) {
            ListOffsetsTopicResponse answer = new ListOffsetsTopicResponse().setName(topic.name());
            for (var p : topic.partitions()) {
                List<PlainRecord> log = log(topic.name(), p.partitionIndex());
                long offset = p.timestamp() == -1
                        ? log.size()
                        : p.timestamp() == -2
                                ? logStart
                                : log.stream()
                                        .filter(r -> r.timestampMs() >= p.timestamp())
                                        .mapToLong(PlainRecord::offset)
                                        .findFirst()
                                        .orElse(-1);
                ListOffsetsPartitionResponse told = new ListOffsetsPartitionResponse()
                        .setPartitionIndex(p.partitionIndex())
                        .setOffset(offset);
                if (p.unknownTaggedFields().stream().anyMatch(f -> f.tag() == 10_001)) {
                    told.unknownTaggedFields().add(FollowersTag.of(followers));
                }
                answer.partitions().add(told);
            }
            response.topics().add(answer);
        }
        return response;
    }

    private CreateTopicsResponseData create(CreateTopicsRequestData create) {
        var topic = create.topics().iterator().next();
        CreatableTopicResult result = new CreatableTopicResult().setName(topic.name());
        if (metadata.current().topic(topic.name()).isPresent()) {
            result.setErrorCode(Errors.TOPIC_ALREADY_EXISTS.code());
        } else {
            make(topic.name(), Math.max(1, topic.numPartitions()));
        }
        CreateTopicsResponseData response = new CreateTopicsResponseData();
        response.topics().add(result);
        return response;
    }
}
