package io.troupe.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.config.ServerProperties;
import io.troupe.model.Refusal;
import io.troupe.partition.Replica;
import io.troupe.record.BatchHeader;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.message.ProduceRequestData;
import org.apache.kafka.common.message.ProduceRequestData.PartitionProduceData;
import org.apache.kafka.common.message.ProduceRequestData.TopicProduceData;
import org.apache.kafka.common.message.ProduceResponseData;
import org.apache.kafka.common.message.ProduceResponseData.PartitionProduceResponse;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.SimpleRecord;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(600)
class ProduceHandlerTest {
    private static final ActorTestKit KIT = ActorTestKit.create();
    private static final int LATEST = 13;
    /** Of requests; none is to run out while a test stands still. */
    private static final int TIMEOUT_MS = 600_000;

    private final TestProbe<Replica.Command> replica0 = KIT.createTestProbe();
    private final TestProbe<Replica.Command> replica1 = KIT.createTestProbe();
    private final OneTopic cluster = new OneTopic(replica0.ref(), replica1.ref());
    private ProduceHandler handler;

    @BeforeEach
    void start(@TempDir Path dir) {
        var config = ServerProperties.parse(Map.of("broker.id", "1", "log.dirs", dir.toString()))
                .config();
        handler = new ProduceHandler(config, cluster.metadata, cluster.replicas, new TrafficStats());
    }

    @AfterAll
    static void stop() {
        KIT.shutdownTestKit();
    }

    private static MemoryRecords records() {
        return MemoryRecords.withRecords(
                Compression.NONE, new SimpleRecord(System.currentTimeMillis(), "v".getBytes()));
    }

    private static PartitionProduceData to(int partition) {
        return new PartitionProduceData().setIndex(partition).setRecords(records());
    }

    private static ProduceRequestData request(int acks, PartitionProduceData... partitions) {
        ProduceRequestData request =
                new ProduceRequestData().setAcks((short) acks).setTimeoutMs(TIMEOUT_MS);
        request.topicData()
                .add(new TopicProduceData()
                        .setName("t")
                        .setTopicId(OneTopic.TOPIC_ID)
                        .setPartitionData(List.of(partitions)));
        return request;
    }

    private FakeContext handle(int version, ProduceRequestData request) {
        FakeContext context = new FakeContext(ApiKeys.PRODUCE, version);
        handler.handle(context, request);
        return context;
    }

    private static PartitionProduceResponse only(ProduceResponseData answer) {
        return answer.responses().iterator().next().partitionResponses().get(0);
    }

    @Test
    void theAnswerLeavesWhenTheLastPartitionHasReplied() throws Exception {
        FakeContext context = handle(LATEST, request(-1, to(0), to(1)));
        Replica.Append first = replica0.expectMessageClass(Replica.Append.class);
        Replica.Append second = replica1.expectMessageClass(Replica.Append.class);
        assertEquals(-1, first.requiredAcks());
        assertEquals(TIMEOUT_MS, first.timeoutMs());
        second.reply().appended(7, 7, -1, 2, 5);
        assertTrue(context.ends.isEmpty());
        first.reply().refused(Refusal.of(Errors.NOT_ENOUGH_REPLICAS), 1);
        var parts = context.end(ProduceResponseData.class)
                .responses()
                .iterator()
                .next()
                .partitionResponses();
        assertEquals(Errors.NOT_ENOUGH_REPLICAS.code(), parts.get(0).errorCode());
        assertEquals(-1, parts.get(0).baseOffset());
        assertEquals(7, parts.get(1).baseOffset());
        assertEquals(2, parts.get(1).logStartOffset());
    }

    @Test
    void withoutAcksNobodyIsAnsweredAndAnErrorClosesTheConnection() throws Exception {
        FakeContext fine = handle(LATEST, request(0, to(0)));
        replica0.expectMessageClass(Replica.Append.class).reply().appended(0, 0, -1, 0, 5);
        assertEquals(FakeContext.NO_RESPONSE, fine.end(String.class));
        FakeContext refused = handle(LATEST, request(0, to(2)));
        assertTrue(refused.end(String.class).contains("NOT_LEADER_OR_FOLLOWER"));
    }

    @Test
    void whatCannotBeAppendedIsRefusedInEveryVersion() throws Exception {
        ProduceRequestData unknown = request(1, to(0));
        unknown.topicData().iterator().next().setName("other").setTopicId(Uuid.randomUuid());
        ProduceRequestData internal = request(1, to(0));
        internal.topicData()
                .iterator()
                .next()
                .setName("__consumer_offsets")
                .setTopicId(cluster.metadata
                        .current()
                        .topic("__consumer_offsets")
                        .orElseThrow()
                        .topicId());
        MemoryRecords damaged = records();
        damaged.buffer().put(damaged.sizeInBytes() - 1, (byte) 'x');
        record Case(ProduceRequestData request, Errors before13, Errors from13) {
            Case(ProduceRequestData request, Errors error) {
                this(request, error, error);
            }
        }
        for (Case c : List.of(
                new Case(request(2, to(0)), Errors.INVALID_REQUIRED_ACKS),
                new Case(unknown, Errors.UNKNOWN_TOPIC_OR_PARTITION, Errors.UNKNOWN_TOPIC_ID),
                new Case(request(1, to(3)), Errors.UNKNOWN_TOPIC_OR_PARTITION),
                new Case(request(1, to(2)), Errors.NOT_LEADER_OR_FOLLOWER),
                new Case(internal, Errors.INVALID_TOPIC_EXCEPTION),
                new Case(request(1, to(0)).setTransactionalId("x"), Errors.UNSUPPORTED_VERSION),
                new Case(
                        request(1, new PartitionProduceData().setIndex(0).setRecords(damaged)), Errors.CORRUPT_MESSAGE),
                new Case(request(1, new PartitionProduceData().setIndex(0)), Errors.INVALID_RECORD))) {
            for (int version : List.of(3, 7, 9, 12, LATEST)) {
                PartitionProduceResponse answer =
                        only(handle(version, c.request).end(ProduceResponseData.class));
                Errors expected = version < 13 ? c.before13 : c.from13;
                assertEquals(expected, Errors.forCode(answer.errorCode()));
                assertEquals(-1, answer.baseOffset());
            }
        }
        replica0.expectNoMessage();
    }

    @Test
    void recordsThatAreAtFaultAreNamedFromVersion8On() throws Exception {
        long late = System.currentTimeMillis() + 7_200_000;
        for (int version : List.of(3, 7, 8, LATEST)) {
            MemoryRecords records = MemoryRecords.withRecords(
                    Compression.gzip().build(),
                    new SimpleRecord(System.currentTimeMillis(), "v".getBytes()),
                    new SimpleRecord(late, "v".getBytes()));
            var partition = new PartitionProduceData().setIndex(0).setRecords(records);
            PartitionProduceResponse answer =
                    only(handle(version, request(1, partition)).end(ProduceResponseData.class));
            assertEquals(Errors.INVALID_TIMESTAMP, Errors.forCode(answer.errorCode()));
            assertEquals(version >= 8 ? 1 : 0, answer.recordErrors().size());
            if (version >= 8) {
                assertEquals(1, answer.recordErrors().get(0).batchIndex());
                assertTrue(answer.errorMessage().contains("" + late));
            }
        }
    }

    @Test
    void aBatchInAnotherCodecIsPackedAnewWhileItsConnectionWaits(@TempDir Path dir) throws Exception {
        var config = ServerProperties.parse(
                        Map.of("broker.id", "1", "log.dirs", dir.toString(), "compression.type", "zstd"))
                .config();
        try (ProduceHandler packing =
                new ProduceHandler(config, cluster.metadata, cluster.replicas, new TrafficStats())) {
            FakeContext context = new FakeContext(ApiKeys.PRODUCE, LATEST);
            packing.handle(context, request(1, to(0)));
            assertTrue(context.holdsNext);
            Replica.Append append = replica0.expectMessageClass(Replica.Append.class);
            assertEquals(4, BatchHeader.compressionId(append.batch(), 0));
            append.reply().appended(7, 7, -1, 0, 5);
            assertEquals(7, only(context.end(ProduceResponseData.class)).baseOffset());
        }
    }

    @Test
    void whoHasMovedIsToldWhereTheLeaderIs() throws Exception {
        ProduceResponseData answer = handle(10, request(1, to(2))).end(ProduceResponseData.class);
        assertEquals(2, only(answer).currentLeader().leaderId());
        assertEquals(7, only(answer).currentLeader().leaderEpoch());
        assertEquals("host2", answer.nodeEndpoints().find(2).host());
    }

    @Test
    void whoComesBeforeTheElectedLeaderLeadsWaitsForItAndItsConnectionToo() throws Exception {
        cluster.replicas.resign(OneTopic.id(0), cluster.leaders[0]);
        FakeContext context = handle(LATEST, request(-1, to(0)));
        assertTrue(context.holdsNext);
        replica0.expectNoMessage();
        assertTrue(context.ends.isEmpty());
        cluster.replicas.lead(OneTopic.id(0), cluster.leaders[0]);
        replica0.expectMessageClass(Replica.Append.class).reply().appended(7, 7, -1, 0, 6);
        assertEquals(7, only(context.end(ProduceResponseData.class)).baseOffset());
    }

    @Test
    void whoWaitsForAnElectedLeaderInVainIsRefused() throws Exception {
        cluster.replicas.resign(OneTopic.id(0), cluster.leaders[0]);
        ProduceRequestData request = request(-1, to(0), to(2)).setTimeoutMs(1);
        var parts = handle(LATEST, request)
                .end(ProduceResponseData.class)
                .responses()
                .iterator()
                .next()
                .partitionResponses();
        assertEquals(Errors.NOT_LEADER_OR_FOLLOWER.code(), parts.get(0).errorCode());
        assertEquals(Errors.NOT_LEADER_OR_FOLLOWER.code(), parts.get(1).errorCode());
        replica0.expectNoMessage();
    }

    @Test
    void aProduceOfNothingIsAnswered() throws Exception {
        ProduceRequestData nothing = new ProduceRequestData().setAcks((short) 1);
        assertTrue(handle(LATEST, nothing)
                .end(ProduceResponseData.class)
                .responses()
                .isEmpty());
    }
}
