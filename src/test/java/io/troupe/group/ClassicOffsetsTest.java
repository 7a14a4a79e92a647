package io.troupe.group;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.group.ClassicGroup.State;
import io.troupe.group.GroupFixture.Asked;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.Subscription;
import org.apache.kafka.clients.consumer.internals.ConsumerProtocol;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.JoinGroupResponseData;
import org.apache.kafka.common.message.OffsetCommitRequestData;
import org.apache.kafka.common.message.OffsetCommitResponseData;
import org.apache.kafka.common.message.SyncGroupResponseData;
import org.apache.kafka.common.protocol.Errors;
import org.junit.jupiter.api.Test;

/** The rules of committed offsets in the classic protocol, one test each. */
class ClassicOffsetsTest {
    private final GroupFixture f = new GroupFixture(0);

    @Test
    void commitsOfMembersAreBoundToTheirGeneration() {
        String[] ids = f.stablePair();
        assertEquals(Errors.NONE, f.commit(ids[0], 2, 5));
        assertEquals(Errors.ILLEGAL_GENERATION, f.commit(ids[0], 1, 6));
        assertEquals(Errors.UNKNOWN_MEMBER_ID, f.commit("nobody", 2, 6));
        assertEquals(Errors.UNKNOWN_MEMBER_ID, f.commit("", -1, 6));
        assertEquals(5, f.committed("t", 0));
    }

    @Test
    void commitsAreTakenWhilePreparingAndRefusedWhileCompletingARebalance() {
        String a = f.stableAlone();
        Asked<JoinGroupResponseData> b = f.joinNew();
        assertEquals(Errors.NONE, f.commit(a, 1, 5));
        f.join(a);
        assertEquals(Errors.REBALANCE_IN_PROGRESS, f.commit(b.now().memberId(), 2, 6));
        assertEquals(5, f.committed("t", 0));
    }

    @Test
    void aSimpleConsumerCommitsOnlyWhileTheGroupIsEmpty() {
        assertEquals(Errors.NONE, f.commit("", -1, 9));
        String a = f.stableAlone();
        assertEquals(Errors.UNKNOWN_MEMBER_ID, f.commit("", -1, 10));
        f.leave(a, null);
        assertEquals(Errors.NONE, f.commit("", -1, 11));
    }

    @Test
    void aCommitIsAnsweredAndVisibleOnlyOnceStored() {
        f.holdAppends = true;
        var commit = f.commit("", -1, "t", 0, 9, "meta");
        assertTrue(commit.parked());
        assertEquals(-1, f.committed("t", 0));
        f.decideAppends();
        assertEquals(0, commit.now().topics().get(0).partitions().get(0).errorCode());
        assertEquals(9, f.committed("t", 0));
    }

    @Test
    void aCommitThatIsNotStoredIsRefusedForEachPartition() {
        f.appendError = Errors.NOT_COORDINATOR;
        assertEquals(Errors.NOT_COORDINATOR, f.commit("", -1, 9));
        assertEquals(-1, f.committed("t", 0));
    }

    @Test
    void metadataIsKeptUnchangedAndHasALimit() {
        f.commit("", -1, "t", 0, 9, "m".repeat(4096)).now();
        assertEquals("m".repeat(4096), f.group.committed().offset("t", 0).metadata());
        var long1 = f.commit("", -1, "t", 0, 10, "m".repeat(4097)).now();
        assertEquals(
                Errors.OFFSET_METADATA_TOO_LARGE.code(),
                long1.topics().get(0).partitions().get(0).errorCode());
        assertEquals(9, f.committed("t", 0));
    }

    @Test
    void offsetsOfDeletedTopicsAreDropped() {
        f.commit("", -1, "t", 0, 9, "").now();
        f.commit("", -1, "u", 0, 9, "").now();
        f.run(f.group.checkTopics(topic -> topic.equals("t") ? null : Uuid.randomUuid(), f.nowMs));
        assertEquals(-1, f.committed("t", 0));
        assertEquals(9, f.committed("u", 0));
    }

    @Test
    void anAppendWhoseOutcomeIsOpenIsToldAtOnceAndCountsWhenItIsCommittedAfterAll() {
        f.holdAppends = true;
        Asked<JoinGroupResponseData> joined = f.joinNew();
        String a = joined.now().memberId();
        Asked<SyncGroupResponseData> sync = f.sync(a, 1, Map.of(a, "all"));
        ClassicGroup.Undecided undecided =
                f.group.undecided(f.appends.poll(), Errors.COORDINATOR_NOT_AVAILABLE, f.nowMs);
        f.run(undecided.effects());
        assertEquals(Errors.COORDINATOR_NOT_AVAILABLE.code(), sync.now().errorCode());
        assertEquals(State.PREPARING_REBALANCE, f.group.state());
        assertNull(f.group.committed().metadata());
        f.run(f.group.appended(undecided.append(), Errors.NONE, f.nowMs));
        assertEquals(1, f.group.committed().metadata().generation());
        assertEquals(State.PREPARING_REBALANCE, f.group.state(), "its members were told otherwise");
        assertEquals(2, f.join(a).now().generationId());
    }

    private GroupRequest.OffsetsDeleted delete(String... topics) {
        List<GroupRequest.Partition> partitions =
                Stream.of(topics).map(t -> new GroupRequest.Partition(t, 0)).toList();
        return f.<GroupRequest.OffsetsDeleted>ask(r -> new GroupRequest.DeleteOffsets(GroupFixture.ID, partitions, r))
                .now();
    }

    /** A member subscribed to topic "t". */
    private static String subscription() {
        return new String(
                ConsumerProtocol.serializeSubscription(
                                new Subscription(List.of("t"), ByteBuffer.allocate(0)), (short) 0)
                        .array(),
                StandardCharsets.ISO_8859_1);
    }

    @Test
    void offsetsAreDeletedUnlessAMemberIsSubscribedToTheTopic_KIP496() {
        f.commit("", -1, 7);
        f.commit("", -1, "other", 0, 8, "");
        String id = f.newId();
        JoinGroupResponseData joined = f.join(id, null, subscription(), "range").now();
        f.sync(id, joined.generationId(), Map.of());
        GroupRequest.OffsetsDeleted deleted = delete("t", "other", "never");
        assertEquals(Errors.NONE, deleted.error());
        assertEquals(List.of(Errors.GROUP_SUBSCRIBED_TO_TOPIC, Errors.NONE, Errors.NONE), deleted.partitions());
        assertEquals(7, f.committed("t", 0));
        assertEquals(-1, f.committed("other", 0));
        f.leave(id, null);
        assertEquals(List.of(Errors.NONE), delete("t").partitions());
        assertEquals(-1, f.committed("t", 0));
    }

    /** What members subscribe to is theirs to write: version 0, and an array of two thousand million topics. */
    @Test
    void whereSubscriptionsCannotBeReadNoOffsetIsDeleted() {
        f.commit("", -1, 7);
        String id = f.newId();
        f.join(id, null, "\0\0\u007f\u007f\u007f\u007f", "range");
        assertEquals(List.of(Errors.GROUP_SUBSCRIBED_TO_TOPIC), delete("t").partitions());
        f.leave(id, null);
        f.protocolType = "connect";
        f.join(f.newId());
        assertEquals(Errors.NON_EMPTY_GROUP, delete("t").error());
    }

    private void commitFor(String memberId, int generation, long retentionMs) {
        OffsetCommitRequestData data = new OffsetCommitRequestData()
                .setGroupId(GroupFixture.ID)
                .setMemberId(memberId)
                .setGenerationIdOrMemberEpoch(generation)
                .setRetentionTimeMs(retentionMs);
        data.topics()
                .add(new OffsetCommitRequestData.OffsetCommitRequestTopic()
                        .setName("t")
                        .setPartitions(List.of(new OffsetCommitRequestData.OffsetCommitRequestPartition()
                                .setPartitionIndex(0)
                                .setCommittedOffset(5))));
        f.<OffsetCommitResponseData>ask(r -> new GroupRequest.CommitOffsets((short) 3, data, r))
                .now();
    }

    /** Before v5 of OffsetCommit; as in Kafka it lapses by that time, but not under a member. */
    @Test
    void whoSaysHowLongOffsetsAreToBeKeptIsObeyed_KIP211() {
        long hourMs = 3_600_000;
        commitFor("", -1, 30 * 24 * hourMs);
        f.pass(29 * 24 * hourMs);
        assertEquals(5, f.committed("t", 0));
        f.pass(25 * hourMs);
        assertEquals(-1, f.committed("t", 0));
        commitFor("", -1, Long.MAX_VALUE);
        f.pass(1000 * 24 * hourMs);
        assertEquals(5, f.committed("t", 0));
        String a = f.stableAlone();
        commitFor(a, 1, 1000);
        for (int i = 0; i < 100; i++) {
            f.pass(9000);
            assertEquals(Errors.NONE, f.heartbeat(a, 1));
        }
        assertEquals(5, f.committed("t", 0));
        f.leave(a, null);
        f.pass(ClassicGroup.SWEEP_INTERVAL_MS);
        assertEquals(-1, f.committed("t", 0));
    }

    @Test
    void offsetsLapseWhenTheGroupHasBeenEmptyForTheRetention_KIP211() {
        String a = f.stableAlone();
        f.commit(a, 1, 5);
        f.leave(a, null);
        f.pass(7L * 24 * 3600 * 1000 - 1);
        assertEquals(5, f.committed("t", 0));
        f.pass(ClassicGroup.SWEEP_INTERVAL_MS + 1);
        assertEquals(-1, f.committed("t", 0));
        assertTrue(f.forgotten);
        assertTrue(CommittedGroup.empty(GroupFixture.ID).with(f.log).isVoid());
    }
}
