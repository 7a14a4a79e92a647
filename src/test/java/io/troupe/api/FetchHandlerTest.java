package io.troupe.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.partition.Replica.AwaitData;
import io.troupe.partition.Replica.CancelWait;
import io.troupe.protocol.RecordsField;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.FetchRequestData;
import org.apache.kafka.common.message.FetchRequestData.FetchPartition;
import org.apache.kafka.common.message.FetchResponseData;
import org.apache.kafka.common.message.FetchResponseData.PartitionData;
import org.apache.kafka.common.protocol.Errors;
import org.apache.pekko.actor.testkit.typed.javadsl.FishingOutcomes;
import org.junit.jupiter.api.Test;

class FetchHandlerTest extends FetchFixture {
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
}
