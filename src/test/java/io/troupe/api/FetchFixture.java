package io.troupe.api;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.troupe.partition.Replica;
import io.troupe.protocol.NetworkStats;
import io.troupe.protocol.RecordsField;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import org.apache.kafka.common.message.FetchRequestData;
import org.apache.kafka.common.message.FetchRequestData.FetchPartition;
import org.apache.kafka.common.message.FetchRequestData.FetchTopic;
import org.apache.kafka.common.message.FetchResponseData;
import org.apache.kafka.common.message.FetchResponseData.PartitionData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Timeout;

/** A fetch handler over one topic whose replicas are probes. */
@Timeout(600)
abstract class FetchFixture {
    static final int LATEST = 18;
    static final int LONG_WAIT_MS = 60_000;

    private static ActorTestKit kit;

    final TestProbe<Replica.Command> replica0 = kit.createTestProbe();
    final TestProbe<Replica.Command> replica1 = kit.createTestProbe();
    final OneTopic cluster = new OneTopic(replica0.ref(), replica1.ref());
    /** Reads that may wait for the disk are kept until the test runs them. */
    final Deque<Runnable> oldReads = new ArrayDeque<>();

    final ReadLanes lanes = new ReadLanes(Runnable::run, oldReads::add);
    private final FetchHandler handler = new FetchHandler(
            10_000, true, cluster.metadata, cluster.replicas, lanes, new NetworkStats(), new TrafficStats());

    @BeforeAll
    static void start() {
        kit = ActorTestKit.create();
    }

    @AfterAll
    static void stop() {
        kit.shutdownTestKit();
    }

    @AfterEach
    void close() {
        handler.close();
    }

    static FetchRequestData request(int maxWaitMs, int minBytes, FetchPartition... partitions) {
        return new FetchRequestData()
                .setMaxWaitMs(maxWaitMs)
                .setMinBytes(minBytes)
                .setMaxBytes(10_000)
                .setSessionEpoch(-1)
                .setTopics(List.of(new FetchTopic()
                        .setTopic("t")
                        .setTopicId(OneTopic.TOPIC_ID)
                        .setPartitions(List.of(partitions))));
    }

    static FetchPartition at(int partition, long offset) {
        return new FetchPartition()
                .setPartition(partition)
                .setFetchOffset(offset)
                .setPartitionMaxBytes(1_000);
    }

    FakeContext handle(int version, FetchRequestData request) {
        FakeContext context = new FakeContext(ApiKeys.FETCH, version);
        handler.handle(context, request);
        return context;
    }

    List<PartitionData> fetch(int version, FetchRequestData request) throws InterruptedException {
        return handle(version, request)
                .end(FetchResponseData.class)
                .responses()
                .get(0)
                .partitions();
    }

    static int batches(PartitionData data) {
        assertEquals(0, data.errorCode());
        return RecordsField.sizeInBytes(data) / OneTopic.BATCH_BYTES;
    }

    /** The only one that was asked for. */
    static PartitionData partition(FakeContext context) throws InterruptedException {
        return context.end(FetchResponseData.class)
                .responses()
                .get(0)
                .partitions()
                .get(0);
    }
}
