package io.troupe.group;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.metadata.MetadataImage;
import io.troupe.partition.Leadership;
import io.troupe.partition.Replica;
import io.troupe.record.BatchHeader;
import io.troupe.record.Batches;
import java.nio.ByteBuffer;
import java.time.Duration;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.HeartbeatRequestData;
import org.apache.kafka.common.message.SyncGroupRequestData;
import org.apache.kafka.common.protocol.Errors;
import org.junit.jupiter.api.Test;

/** What a coordinator knows of its log, from its election until it resigns. */
class CoordinatorLoadTest extends OnCoordinator {
    @Test
    void withoutAPartitionTheAnswerIsNotCoordinator() {
        assertEquals(Errors.NOT_COORDINATOR, error(commit("g", 1)));
        metadata.publish(MetadataImage.empty());
        assertEquals(
                Errors.COORDINATOR_NOT_AVAILABLE.code(),
                get(groups.heartbeat(CALLER, new HeartbeatRequestData().setGroupId("g"), AnswerHold.never()))
                        .errorCode());
        assertEquals(
                Errors.INVALID_GROUP_ID.code(),
                get(groups.heartbeat(CALLER, new HeartbeatRequestData().setGroupId(""), AnswerHold.never()))
                        .errorCode());
    }

    @Test
    void whatStandsInTheLogIsServedOnceTheHighWatermarkHasReachedTheEpochsStart() {
        GroupRecord committed = new GroupRecord.OffsetStored("g", "t", 0, new CommittedOffset(42, -1, "m", 1, T));
        write(Batches.single(GroupRecords.key(committed).array(), bytes(GroupRecords.value(committed)), 1));
        write(Batches.single(new byte[] {0, 99}, new byte[] {1}, 1));
        Replica.AwaitData wait = elect(1, 0);
        assertEquals(1, wait.endOffset());
        assertEquals(Errors.COORDINATOR_LOAD_IN_PROGRESS.code(), fetch("g").errorCode());
        leader.publish(view(endOffset));
        wait.waiter().dataMayBeThere();
        awaitServing();
        assertEquals(42, fetched("g"));
        assertEquals(-1, fetched("other"));
    }

    /** As Kafka: members do not know the error that stands for this, and a consumer that is told it in a rebalance throws. */
    @Test
    void membersHearNothingOfTheLoading() {
        Replica.AwaitData wait = elect(1, 0);
        assertEquals(
                Errors.REBALANCE_IN_PROGRESS.code(),
                get(groups.syncGroup(
                                CALLER,
                                new SyncGroupRequestData().setGroupId("g").setMemberId("m"),
                                AnswerHold.never()))
                        .errorCode());
        assertEquals(
                Errors.NONE.code(),
                get(groups.heartbeat(
                                CALLER,
                                new HeartbeatRequestData().setGroupId("g").setMemberId("m"),
                                AnswerHold.never()))
                        .errorCode());
        leader.publish(view(endOffset));
        wait.waiter().dataMayBeThere();
        awaitServing();
        assertEquals(
                Errors.UNKNOWN_MEMBER_ID.code(),
                get(groups.heartbeat(
                                CALLER,
                                new HeartbeatRequestData().setGroupId("g").setMemberId("m"),
                                AnswerHold.never()))
                        .errorCode());
    }

    @Test
    void offsetsOfAFormerTopicOfTheSameNameDoNotCount() {
        serve(1);
        var commit = commit("g", 7);
        acknowledge();
        assertEquals(Errors.NONE, error(commit));
        MetadataImage before = metadata.current();
        recreate(2);
        assertEquals(-1, fetched("g"), "before anybody told the coordinator");
        groups.imageChanged(before, metadata.current());
        Replica.Append append = acknowledge();
        assertEquals(1, BatchHeader.recordsCount(append.batch(), 0));
        var again = commit("g", 2);
        acknowledge();
        assertEquals(Errors.NONE, error(again));
        assertEquals(2, fetched("g"));
    }

    @Test
    void offsetsOfATopicThatWasDeletedWhileNobodyCoordinatedGoAtTheLoad() {
        GroupRecord committed = new GroupRecord.OffsetStored("g", "t", 0, new CommittedOffset(42, -1, "m", 1, T));
        write(Batches.single(GroupRecords.key(committed).array(), bytes(GroupRecords.value(committed)), 1));
        recreate(2);
        serve(1);
        acknowledge();
        assertEquals(-1, fetched("g"));
        awaitFetchError(Errors.NONE);
        assertTrue(GroupRecordsTest.readAll(log).get(1) instanceof GroupRecord.OffsetRemoved);
    }

    @Test
    void theTombstoneOfAFormerTopicNeverMeetsACommitForTheNewOne() {
        serve(1);
        var commit = commit("g", 7);
        acknowledge();
        assertEquals(Errors.NONE, error(commit));
        MetadataImage before = metadata.current();
        recreate(2);
        var again = commit("g", 2);
        var append = replica.expectMessageClass(Replica.Append.class);
        groups.imageChanged(before, metadata.current());
        fetched("g");
        write(append.batch());
        append.reply().appended(1, 1, -1, 0, 1);
        assertEquals(Errors.NONE, error(again));
        assertEquals(2, fetched("g"));
        replica.expectNoMessage(Duration.ofMillis(100));
    }

    @Test
    void aResignedCoordinatorAnswersAllThatIsUnderWay() {
        serve(1);
        var commit = commit("g", 1);
        replica.expectMessageClass(Replica.Append.class);
        leaderships.tell(new Leadership.Resigned(PARTITION, 1));
        assertEquals(Errors.NOT_COORDINATOR, error(commit));
        assertEquals(Errors.NOT_COORDINATOR, error(commit("g", 1)));
    }

    @Test
    void theReplicaOfADeletedTopicStopsNoCoordinatorOfTheNewOne() {
        serve(1);
        leaderships.tell(new Leadership.Resigned(
                new TopicIdPartition(Uuid.randomUuid(), PARTITION.partition(), PARTITION.topic()), 9));
        // Heard in order: once this one's coordinator has begun, the resignation was dealt with.
        leaderships.tell(new Leadership.Elected(
                new TopicIdPartition(PARTITION.topicId(), 1, PARTITION.topic()), 1, endOffset, leader));
        replica.expectMessageClass(Replica.AwaitData.class);
        var commit = commit("g", 1);
        acknowledge();
        assertEquals(Errors.NONE, error(commit));
    }

    @Test
    void aNewEpochLoadsAgainWhatTheLastOneWrote() {
        serve(1);
        var commit = commit("g", 7);
        acknowledge();
        assertEquals(Errors.NONE, error(commit));
        leaderships.tell(new Leadership.Resigned(PARTITION, 1));
        serve(2);
        assertEquals(7, fetched("g"));
    }

    private static byte[] bytes(ByteBuffer buffer) {
        byte[] bytes = new byte[buffer.remaining()];
        buffer.get(bytes);
        return bytes;
    }
}
