package io.troupe.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.journal.LogReader;
import io.troupe.metadata.BrokerImage;
import io.troupe.metadata.MetadataEvent;
import io.troupe.partition.LocalReplicas;
import io.troupe.partition.LogView;
import io.troupe.partition.Replica;
import io.troupe.partition.Replica.AwaitData;
import io.troupe.partition.Replica.CancelWait;
import io.troupe.protocol.NetworkStats;
import io.troupe.protocol.RecordsField;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.IntFunction;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.FetchRequestData;
import org.apache.kafka.common.message.FetchRequestData.FetchPartition;
import org.apache.kafka.common.message.FetchRequestData.FetchTopic;
import org.apache.kafka.common.message.FetchResponseData;
import org.apache.kafka.common.message.FetchResponseData.PartitionData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.FishingOutcomes;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(600)
class FetchHandlerTest {
    private static final ActorTestKit KIT = ActorTestKit.create();
    private static final int LATEST = 18;
    private static final int LONG_WAIT_MS = 60_000;

    private final TestProbe<Replica.Command> replica0 = KIT.createTestProbe();
    private final TestProbe<Replica.Command> replica1 = KIT.createTestProbe();
    private final OneTopic cluster = new OneTopic(replica0.ref(), replica1.ref());
    /** Reads that may wait for the disk are kept until the test runs them. */
    private final Deque<Runnable> oldReads = new ArrayDeque<>();

    private final ReadLanes lanes = new ReadLanes(Runnable::run, oldReads::add);
    private final FetchHandler handler = new FetchHandler(
            10_000, true, cluster.metadata, cluster.replicas, lanes, new NetworkStats(), new TrafficStats());

    @AfterAll
    static void stop() {
        KIT.shutdownTestKit();
    }

    @AfterEach
    void close() {
        handler.close();
    }

    private static FetchRequestData request(int maxWaitMs, int minBytes, FetchPartition... partitions) {
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

    private static FetchPartition at(int partition, long offset) {
        return new FetchPartition()
                .setPartition(partition)
                .setFetchOffset(offset)
                .setPartitionMaxBytes(1_000);
    }

    private FakeContext handle(int version, FetchRequestData request) {
        FakeContext context = new FakeContext(ApiKeys.FETCH, version);
        handler.handle(context, request);
        return context;
    }

    private List<PartitionData> fetch(int version, FetchRequestData request) throws InterruptedException {
        return handle(version, request)
                .end(FetchResponseData.class)
                .responses()
                .get(0)
                .partitions();
    }

    private static int batches(PartitionData data) {
        assertEquals(0, data.errorCode());
        return RecordsField.sizeInBytes(data) / OneTopic.BATCH_BYTES;
    }

    @Test
    void consumersReadToTheHighWatermarkAndReadCommittedToTheLastStableOffset() throws Exception {
        cluster.publish(0, 0, 60, 80);
        PartitionData data = fetch(LATEST, request(0, 1, at(0, 20))).get(0);
        assertEquals(4, batches(data));
        assertEquals(60, data.highWatermark());
        assertNull(data.abortedTransactions());
        data = fetch(LATEST, request(0, 1, at(0, 20)).setIsolationLevel((byte) 1))
                .get(0);
        assertEquals(3, batches(data));
        assertEquals(List.of(), data.abortedTransactions());
    }

    @Test
    void theFirstPartitionThatHasAnythingReturnsABatchBeyondAllLimitsAndNoOther() throws Exception {
        cluster.publish(0, 0, 0, 0);
        cluster.publish(1, 0, 60, 60);
        FetchPartition second = at(1, 0).setPartitionMaxBytes(1);
        var answer = fetch(LATEST, request(0, 1, at(0, 0), second).setMaxBytes(1));
        assertEquals(0, batches(answer.get(0)));
        assertEquals(1, batches(answer.get(1)));
        cluster.publish(0, 0, 60, 60);
        answer = fetch(LATEST, request(0, 1, at(0, 0), second).setMaxBytes(150));
        assertEquals(1, batches(answer.get(0)));
        assertEquals(0, batches(answer.get(1)), "a partition after the first keeps its own limit");
    }

    @Test
    void partitionRequestAndBrokerLimitsHold() throws Exception {
        cluster.publish(0, 0, 5_000, 5_000);
        cluster.publish(1, 0, 5_000, 5_000);
        var answer = fetch(LATEST, request(0, 1, at(0, 0), at(1, 0)).setMaxBytes(1_500));
        assertEquals(10, batches(answer.get(0)));
        assertEquals(5, batches(answer.get(1)));
        FetchPartition all = at(0, 0).setPartitionMaxBytes(Integer.MAX_VALUE);
        assertEquals(
                100,
                batches(fetch(LATEST, request(0, 1, all).setMaxBytes(Integer.MAX_VALUE))
                        .get(0)));
    }

    @Test
    void errorsAreTold() throws Exception {
        cluster.publish(0, 20, 60, 80);
        record Case(Errors error, FetchPartition partition) {}
        for (Case c : List.of(
                new Case(Errors.OFFSET_OUT_OF_RANGE, at(0, 19)),
                new Case(Errors.OFFSET_OUT_OF_RANGE, at(0, 81)),
                new Case(Errors.FENCED_LEADER_EPOCH, at(0, 20).setCurrentLeaderEpoch(4)),
                new Case(Errors.UNKNOWN_LEADER_EPOCH, at(0, 20).setCurrentLeaderEpoch(6)),
                new Case(Errors.UNKNOWN_TOPIC_OR_PARTITION, at(3, 0)),
                new Case(Errors.UNKNOWN_TOPIC_OR_PARTITION, at(-1, 0)),
                new Case(Errors.NOT_LEADER_OR_FOLLOWER, at(2, 0)))) {
            for (int version : List.of(11, LATEST)) {
                PartitionData data =
                        fetch(version, request(LONG_WAIT_MS, 1, c.partition)).get(0);
                assertEquals(c.error.code(), data.errorCode(), c.toString());
                assertEquals(0, RecordsField.sizeInBytes(data));
            }
        }
    }

    @Test
    void unknownTopicsAreNamedByNameOrId() throws Exception {
        var byName = request(LONG_WAIT_MS, 1, at(0, 0));
        byName.topics().get(0).setTopic("other");
        assertEquals(
                Errors.UNKNOWN_TOPIC_OR_PARTITION.code(),
                fetch(12, byName).get(0).errorCode());
        var byId = request(LONG_WAIT_MS, 1, at(0, 0));
        byId.topics().get(0).setTopicId(Uuid.randomUuid());
        assertEquals(Errors.UNKNOWN_TOPIC_ID.code(), fetch(13, byId).get(0).errorCode());
        byId.topics().get(0).setTopicId(Uuid.ZERO_UUID).setTopic("");
        assertEquals(Errors.UNKNOWN_TOPIC_ID.code(), fetch(13, byId).get(0).errorCode());
    }

    @Test
    void whoHasMovedIsToldWhereTheLeaderIs() throws Exception {
        FetchResponseData answer = handle(LATEST, request(0, 1, at(2, 0))).end(FetchResponseData.class);
        PartitionData data = answer.responses().get(0).partitions().get(0);
        assertEquals(2, data.currentLeader().leaderId());
        assertEquals(7, data.currentLeader().leaderEpoch());
        assertEquals("host2", answer.nodeEndpoints().find(2).host());
    }

    @Test
    void aDivergingEpochIsToldWithoutRecords() throws Exception {
        cluster.publish(0, 0, 80, 80);
        // Epoch 3 ends at 50 here; who read to 60 in it has read what is gone.
        PartitionData data = fetch(LATEST, request(LONG_WAIT_MS, 1, at(0, 60).setLastFetchedEpoch(3)))
                .get(0);
        assertEquals(3, data.divergingEpoch().epoch());
        assertEquals(50, data.divergingEpoch().endOffset());
        assertEquals(0, RecordsField.sizeInBytes(data));
        data = fetch(LATEST, request(0, 1, at(0, 50).setLastFetchedEpoch(3))).get(0);
        assertEquals(3, batches(data));
    }

    @Test
    void aFetchWithoutDataWaitsInEveryPartitionAndEndsOnceWhenOneHasNews() throws Exception {
        cluster.publish(0, 0, 20, 20);
        FakeContext context = handle(LATEST, request(LONG_WAIT_MS, 1, at(0, 20), at(1, 0)));
        AwaitData await0 = replica0.expectMessageClass(AwaitData.class);
        AwaitData await1 = replica1.expectMessageClass(AwaitData.class);
        assertEquals(20, await0.endOffset());
        assertEquals(0, await1.endOffset());
        assertTrue(context.ends.isEmpty());
        cluster.publish(0, 0, 30, 30);
        await0.waiter().dataMayBeThere();
        await1.waiter().dataMayBeThere();
        var answer = context.end(FetchResponseData.class).responses().get(0).partitions();
        assertEquals(1, batches(answer.get(0)));
        assertEquals(0, batches(answer.get(1)));
        replica1.expectMessageClass(CancelWait.class);
        assertNull(context.ends.poll(), "answered twice");
    }

    @Test
    void newsThatBringTooLittleAreWaitedOnFromWhereTheyEnd() throws Exception {
        FakeContext context = handle(LATEST, request(LONG_WAIT_MS, 200, at(0, 0)));
        cluster.publish(0, 0, 10, 10);
        replica0.expectMessageClass(AwaitData.class).waiter().dataMayBeThere();
        replica0.expectMessageClass(CancelWait.class);
        AwaitData more = replica0.expectMessageClass(AwaitData.class);
        assertEquals(10, more.endOffset());
        cluster.publish(0, 0, 20, 20);
        more.waiter().dataMayBeThere();
        assertEquals(
                2,
                batches(context.end(FetchResponseData.class)
                        .responses()
                        .get(0)
                        .partitions()
                        .get(0)));
    }

    /** Of a fetch whose time may be over before it has said that it waits: then it has been withdrawn already, and is once more. */
    private AwaitData awaitDataOnce() {
        return (AwaitData) replica0.fishForMessage(
                        Duration.ofSeconds(30),
                        message -> message instanceof AwaitData
                                ? FishingOutcomes.complete()
                                : FishingOutcomes.continueAndIgnore())
                .get(0);
    }

    @Test
    void tooLittleIsAnsweredWhenTheTimeIsOver() throws Exception {
        cluster.publish(0, 0, 10, 10);
        FakeContext context = handle(LATEST, request(50, 1_000, at(0, 0)));
        assertEquals(
                1,
                batches(context.end(FetchResponseData.class)
                        .responses()
                        .get(0)
                        .partitions()
                        .get(0)));
        awaitDataOnce();
        replica0.expectMessageClass(CancelWait.class);
    }

    @Test
    void aFetchWithoutDataAnswersEmptyWhenItsTimeIsOver() throws Exception {
        FakeContext context = handle(LATEST, request(50, 1, at(0, 0)));
        assertEquals(
                0,
                batches(context.end(FetchResponseData.class)
                        .responses()
                        .get(0)
                        .partitions()
                        .get(0)));
        AwaitData await = awaitDataOnce();
        replica0.expectMessageClass(CancelWait.class);
        await.waiter().dataMayBeThere();
        assertNull(context.ends.poll(100, TimeUnit.MILLISECONDS), "answered twice");
    }

    @Test
    void aResignedLeaderEndsTheWait() throws Exception {
        FakeContext context = handle(LATEST, request(LONG_WAIT_MS, 1, at(0, 0)));
        AwaitData await = replica0.expectMessageClass(AwaitData.class);
        cluster.replicas.resign(OneTopic.id(0), cluster.leaders[0]);
        await.waiter().dataMayBeThere();
        assertEquals(
                Errors.NOT_LEADER_OR_FOLLOWER.code(),
                context.end(FetchResponseData.class)
                        .responses()
                        .get(0)
                        .partitions()
                        .get(0)
                        .errorCode());
    }

    @Test
    void aClosedConnectionEndsTheWait() throws Exception {
        FakeContext context = handle(LATEST, request(LONG_WAIT_MS, 1, at(0, 0)));
        AwaitData await = replica0.expectMessageClass(AwaitData.class);
        context.onClosed.run();
        assertEquals(FakeContext.NO_RESPONSE, context.end(String.class));
        replica0.expectMessageClass(CancelWait.class);
        await.waiter().dataMayBeThere();
        assertTrue(context.ends.isEmpty());
    }

    @Test
    void sessionsAreNeverBuiltAndNeverContinued() throws Exception {
        FetchResponseData answer =
                handle(LATEST, request(0, 1, at(0, 0)).setSessionEpoch(0)).end(FetchResponseData.class);
        assertEquals(0, answer.sessionId());
        answer = handle(LATEST, request(0, 1, at(0, 0)).setSessionId(9).setSessionEpoch(3))
                .end(FetchResponseData.class);
        assertEquals(Errors.FETCH_SESSION_ID_NOT_FOUND.code(), answer.errorCode());
    }

    @Test
    void aFetchOfNothingIsAnsweredAtOnce() throws Exception {
        FetchRequestData nothing = request(LONG_WAIT_MS, 1).setTopics(List.of());
        assertTrue(
                handle(LATEST, nothing).end(FetchResponseData.class).responses().isEmpty());
    }

    private static FetchRequestData inRack(String rack, FetchRequestData request) {
        return request.setRackId(rack);
    }

    /** KIP-392. Broker 2 of rack b is in sync with this broker's partitions. */
    private void standInRack(int broker, String rack) {
        BrokerImage old = cluster.metadata.current().broker(broker).orElseThrow();
        BrokerImage moved = new BrokerImage(broker, 0, old.listeners(), Optional.of(rack), true, false);
        apply(new MetadataEvent.BrokerRegistered(moved, true));
        long epoch = cluster.metadata.current().broker(broker).orElseThrow().brokerEpoch();
        apply(new MetadataEvent.BrokerFencingChanged(broker, epoch, false, false));
    }

    private void apply(MetadataEvent event) {
        cluster.metadata.publish(
                cluster.metadata.current().apply(cluster.metadata.current().index() + 1, event));
    }

    @Test
    void aConsumerIsSentToAnInSyncReplicaOfItsRack() throws Exception {
        standInRack(2, "b");
        cluster.publish(0, 10, 60, 80);
        PartitionData data =
                fetch(LATEST, inRack("b", request(LONG_WAIT_MS, 1, at(0, 20)))).get(0);
        assertEquals(2, data.preferredReadReplica());
        assertEquals(0, RecordsField.sizeInBytes(data));
        assertEquals(60, data.highWatermark());
        data = fetch(11, inRack("b", request(LONG_WAIT_MS, 1, at(0, 60)))).get(0);
        assertEquals(2, data.preferredReadReplica(), "also where there is nothing to read yet");
        for (String elsewhere : List.of("", "c")) {
            data = fetch(LATEST, inRack(elsewhere, request(0, 1, at(0, 20)))).get(0);
            assertEquals(4, batches(data), "rack '" + elsewhere + "'");
            assertEquals(-1, data.preferredReadReplica());
        }
        data = fetch(LATEST, inRack("b", request(0, 1, at(0, 9)))).get(0);
        assertEquals(Errors.OFFSET_OUT_OF_RANGE.code(), data.errorCode(), "no other replica has it either");
    }

    @Test
    void withoutTheSelectorOrBeforeVersion11ConsumersStayWithTheLeader() throws Exception {
        standInRack(2, "b");
        cluster.publish(0, 0, 60, 80);
        assertEquals(4, batches(fetch(10, request(0, 1, at(0, 20))).get(0)));
        try (FetchHandler plain = new FetchHandler(
                10_000, false, cluster.metadata, cluster.replicas, lanes, new NetworkStats(), new TrafficStats())) {
            FakeContext context = new FakeContext(ApiKeys.FETCH, LATEST);
            plain.handle(context, inRack("b", request(0, 1, at(0, 20))));
            assertEquals(4, batches(partition(context)));
        }
    }

    @Test
    void aFollowerIsReadToTheHighWatermarkThatItKnows() throws Exception {
        standInRack(1, "a");
        LocalReplicas.Follower follower = new LocalReplicas.Follower(replica1.ref(), OneTopic.view(2, 10, 60, 80));
        cluster.replicas.follow(OneTopic.id(2), follower);
        PartitionData data =
                fetch(LATEST, inRack("a", request(0, 1, at(2, 20)))).get(0);
        assertEquals(4, batches(data));
        assertEquals(60, data.highWatermark());
        assertEquals(
                Errors.NOT_LEADER_OR_FOLLOWER.code(),
                fetch(10, request(0, 1, at(2, 20))).get(0).errorCode(),
                "clients that old cannot be sent here");
        assertEquals(
                Errors.OFFSET_OUT_OF_RANGE.code(),
                fetch(LATEST, request(0, 1, at(2, 81))).get(0).errorCode(),
                "it may lag: back to the leader");
        assertEquals(
                Errors.OFFSET_OUT_OF_RANGE.code(),
                fetch(LATEST, request(0, 1, at(2, 9))).get(0).errorCode());
        assertEquals(
                Errors.FENCED_LEADER_EPOCH.code(),
                fetch(LATEST, request(0, 1, at(2, 20).setCurrentLeaderEpoch(4)))
                        .get(0)
                        .errorCode());
        assertEquals(
                Errors.UNKNOWN_LEADER_EPOCH.code(),
                fetch(LATEST, request(0, 1, at(2, 20).setCurrentLeaderEpoch(6)))
                        .get(0)
                        .errorCode());
    }

    @Test
    void whoWaitsAtAFollowerIsAnsweredWhenItHearsOfAHigherWatermark() throws Exception {
        LocalReplicas.Follower follower = new LocalReplicas.Follower(replica1.ref(), OneTopic.view(2, 0, 60, 80));
        cluster.replicas.follow(OneTopic.id(2), follower);
        FakeContext context = handle(LATEST, request(LONG_WAIT_MS, 1, at(2, 70)));
        AwaitData await = replica1.expectMessageClass(AwaitData.class);
        assertEquals(70, await.endOffset(), "beyond what it knows to be committed");
        follower.publish(OneTopic.view(2, 0, 80, 80));
        await.waiter().dataMayBeThere();
        assertEquals(1, batches(partition(context)));
    }

    /** A log whose records were written long ago; they stay in the file, if there is one. */
    private record Old(LogReader batches, FileChannel file, Runnable meanwhile) implements LogReader {
        static void publish(OneTopic cluster, int partition, FileChannel file, Runnable meanwhile) {
            LogView view = OneTopic.view(partition, 0, 60, 60);
            cluster.leaders[partition].publish(new LogView(
                    view.partition(),
                    view.leaderEpoch(),
                    view.logStartOffset(),
                    view.highWatermark(),
                    view.lastStableOffset(),
                    view.logEndOffset(),
                    true,
                    view.epochs(),
                    new Old(view.reader(), file, meanwhile)));
        }

        @Override
        public boolean isRecent(long startOffset) {
            return false;
        }

        @Override
        public Slice slice(
                long startOffset,
                long endOffset,
                int maxBytes,
                boolean minOneBatch,
                int mostInMemory,
                IntFunction<ByteBuffer> memory)
                throws IOException {
            meanwhile.run();
            return file == null
                    ? batches.slice(startOffset, endOffset, maxBytes, minOneBatch, mostInMemory, memory)
                    : new InFile(file, 0, OneTopic.BATCH_BYTES);
        }

        @Override
        public long logStartOffset() {
            return batches.logStartOffset();
        }

        @Override
        public long logEndOffset() {
            return batches.logEndOffset();
        }

        @Override
        public long sizeInBytes() {
            return batches.sizeInBytes();
        }

        @Override
        public List<SegmentInfo> segments() {
            return batches.segments();
        }

        @Override
        public ByteBuffer read(long startOffset, long endOffset, int maxBytes, boolean minOneBatch) throws IOException {
            return batches.read(startOffset, endOffset, maxBytes, minOneBatch);
        }

        @Override
        public Optional<TimestampedOffset> offsetForTimestamp(long timestampMs, long endOffset) throws IOException {
            return batches.offsetForTimestamp(timestampMs, endOffset);
        }

        @Override
        public Optional<TimestampedOffset> firstRecord(long fromOffset, long endOffset) throws IOException {
            return batches.firstRecord(fromOffset, endOffset);
        }

        @Override
        public Optional<TimestampedOffset> maxTimestamp(long endOffset) throws IOException {
            return batches.maxTimestamp(endOffset);
        }
    }

    @Test
    void readsThatMayWaitForTheDiskHoldUpNoneOfWhatWasJustWritten() throws Exception {
        Old.publish(cluster, 0, null, () -> {});
        cluster.publish(1, 0, 60, 60);
        FakeContext old = handle(LATEST, request(LONG_WAIT_MS, 1, at(0, 0)));
        FakeContext both = handle(LATEST, request(LONG_WAIT_MS, 1, at(1, 0), at(0, 0)));
        assertEquals(
                6, batches(fetch(LATEST, request(LONG_WAIT_MS, 1, at(1, 0))).get(0)));
        assertTrue(old.ends.isEmpty() && both.ends.isEmpty());
        assertEquals(2, oldReads.size());
        oldReads.poll().run();
        oldReads.poll().run();
        assertEquals(6, batches(partition(old)));
        assertEquals(6, batches(partition(both)));
    }

    @Test
    void newsAtTheEndOfAnOldLogAreNoOldReads() throws Exception {
        Old.publish(cluster, 0, null, () -> {});
        FakeContext context = handle(LATEST, request(LONG_WAIT_MS, 1, at(0, 60)));
        AwaitData await = replica0.expectMessageClass(AwaitData.class);
        cluster.publish(0, 0, 70, 70);
        await.waiter().dataMayBeThere();
        assertEquals(1, batches(partition(context)));
        assertTrue(oldReads.isEmpty());
    }

    @Test
    void theFileOfAnAnswerThatIsNotGivenIsClosed(@TempDir Path dir) throws Exception {
        Path segment = Files.write(dir.resolve("segment"), new byte[OneTopic.BATCH_BYTES]);
        try (FileChannel gone = FileChannel.open(segment);
                FileChannel tooLittle = FileChannel.open(segment)) {
            FakeContext[] context = new FakeContext[1];
            // The client goes while its records are read.
            Old.publish(cluster, 0, gone, () -> context[0].onClosed.run());
            context[0] = handle(LATEST, request(LONG_WAIT_MS, 1, at(0, 0)));
            oldReads.poll().run();
            assertEquals(FakeContext.NO_RESPONSE, context[0].end(String.class));
            oldReads.poll().run();
            assertFalse(gone.isOpen());

            Old.publish(cluster, 0, tooLittle, () -> {});
            handle(LATEST, request(LONG_WAIT_MS, 1_000, at(0, 0)));
            oldReads.poll().run();
            replica0.expectMessageClass(AwaitData.class);
            oldReads.poll().run();
            assertFalse(tooLittle.isOpen());
        }
    }

    private static PartitionData partition(FakeContext context) throws InterruptedException {
        return context.end(FetchResponseData.class)
                .responses()
                .get(0)
                .partitions()
                .get(0);
    }
}
