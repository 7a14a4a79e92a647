package io.troupe.group;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.group.ConsumerGroupFixture.Client;
import io.troupe.group.GroupFixture.Asked;
import java.util.List;
import org.apache.kafka.common.message.DescribeGroupsResponseData.DescribedGroup;
import org.apache.kafka.common.protocol.Errors;
import org.junit.jupiter.api.Test;

/** Offsets of a group of the consumer protocol: KIP-848 ("OffsetCommit", "OffsetFetch"), KIP-1251, KIP-211. */
class ConsumerOffsetsTest {
    private static final short NEWEST = 10;
    private final ConsumerGroupFixture f = new ConsumerGroupFixture();

    @Test // "OffsetCommit API": members commit in their epoch
    void aMemberCommitsInItsEpoch() {
        f.topic("t", 2);
        Client a = f.join("a", "t");
        assertEquals(Errors.NONE, f.commit(a, "t", 0, 5));
        assertEquals(Errors.STALE_MEMBER_EPOCH, f.commit(NEWEST, "a", a.epoch + 1, "t", 0, 6));
        assertEquals(Errors.STALE_MEMBER_EPOCH, f.commit(NEWEST, "a", -1, "t", 0, 6));
        assertEquals(Errors.UNKNOWN_MEMBER_ID, f.commit(NEWEST, "b", a.epoch, "t", 0, 6));
        assertEquals(Errors.UNKNOWN_MEMBER_ID, f.commit(NEWEST, "", -1, "t", 0, 6));
        assertEquals(
                5, f.fetch(null, -1, "t").topics().get(0).partitions().get(0).committedOffset());
    }

    @Test // "OffsetCommit API": before v9 there are no member epochs
    void anOldVersionCannotCommitForAMember() {
        f.topic("t", 1);
        Client a = f.join("a", "t");
        assertEquals(Errors.UNSUPPORTED_VERSION, f.commit((short) 8, "a", a.epoch, "t", 0, 5));
    }

    @Test // an operator's commit, as the tools do it
    void anybodyCommitsForAGroupWithoutMembers() {
        f.topic("t", 1);
        Client a = f.join("a", "t");
        f.send(f.heartbeat(a).setMemberEpoch(-1));
        assertEquals(Errors.NONE, f.commit(NEWEST, "", -1, "t", 0, 5));
    }

    @Test // KIP-1251: an older epoch will do for what the member has had since
    void anOlderEpochCommitsWhatTheMemberStillHas() {
        f.topic("t", 2);
        Client a = f.join("a", "t");
        int before = a.epoch;
        Client b = f.join("b", "t");
        f.beat(a);
        int kept = a.assigned.get("t").get(0);
        f.confirm(a);
        f.beat(b);
        assertTrue(before < a.epoch);
        assertEquals(Errors.NONE, f.commit(NEWEST, "a", before, "t", kept, 5));
        assertEquals(Errors.STALE_MEMBER_EPOCH, f.commit(NEWEST, "a", before, "t", 1 - kept, 5));
        // What b was given in its epoch, nobody had before.
        assertEquals(Errors.STALE_MEMBER_EPOCH, f.commit(NEWEST, "b", 1, "t", 1 - kept, 5));
        f.failOver();
        assertEquals(Errors.NONE, f.commit(NEWEST, "a", before, "t", kept, 6));
    }

    @Test // of what it is about to take a member says nothing, and a newer target may give that to another one
    // meanwhile
    void whatAnotherMemberHasIsNotCommittedByWhoStillBelievesToHaveIt() {
        f.topic("t", 2);
        Client late = f.join("late", "t");
        assertEquals(List.of(0, 1), late.assigned.get("t"));
        Client b = f.join("b", "t");
        // It repeats all that it can say while it takes over what it was first told to have.
        f.beat(
                late,
                ConsumerGroupFixture.joining("late").setMemberEpoch(late.epoch).setSubscribedTopicNames(List.of("t")));
        int lost = 1 - late.assigned.get("t").get(0);
        f.beat(b);
        assertEquals(List.of(lost), b.assigned.get("t"));
        assertEquals(late.epoch, b.epoch);
        assertEquals(Errors.NONE, f.commit(b, "t", lost, 9));
        assertEquals(Errors.STALE_MEMBER_EPOCH, f.commit(late, "t", lost, 5));
        assertEquals(Errors.NONE, f.commit(late, "t", 1 - lost, 5));
        f.failOver();
        assertEquals(Errors.STALE_MEMBER_EPOCH, f.commit(late, "t", lost, 5));
        assertEquals(9, f.group.committed().offset("t", lost).offset());
    }

    @Test // "OffsetFetch API", v9
    void aMemberFetchesInItsEpoch() {
        f.topic("t", 1);
        Client a = f.join("a", "t");
        assertEquals(Errors.NONE.code(), f.fetch("a", a.epoch, "t").errorCode());
        assertEquals(
                Errors.STALE_MEMBER_EPOCH.code(), f.fetch("a", a.epoch + 1, "t").errorCode());
        assertEquals(Errors.UNKNOWN_MEMBER_ID.code(), f.fetch("b", a.epoch, "t").errorCode());
    }

    @Test // the client may not have heard of its new epoch when it asks
    void bothEpochsCountWhileAnAnswerIsOnItsWay() {
        f.topic("t", 2);
        Client a = f.join("a", "t");
        f.topic("t", 3);
        f.holdAppends = true;
        f.send(f.heartbeat(a));
        assertEquals(Errors.NONE.code(), f.fetch("a", 1, "t").errorCode());
        assertEquals(Errors.NONE.code(), f.fetch("a", 2, "t").errorCode());
        f.decideAppends();
        assertEquals(Errors.STALE_MEMBER_EPOCH.code(), f.fetch("a", 1, "t").errorCode());
    }

    @Test // KIP-496
    void offsetsOfSubscribedTopicsAreNotDeleted() {
        f.topic("t", 1);
        f.topic("u", 1);
        Client a = f.join("a", "t", "u");
        f.commit(a, "t", 0, 1);
        f.commit(a, "u", 0, 1);
        f.beat(a, f.heartbeat(a).setSubscribedTopicNames(List.of("t")));
        GroupRequest.OffsetsDeleted deleted = f.<GroupRequest.OffsetsDeleted>ask(r -> new GroupRequest.DeleteOffsets(
                        "g", List.of(new GroupRequest.Partition("t", 0), new GroupRequest.Partition("u", 0)), r))
                .now();
        assertEquals(List.of(Errors.GROUP_SUBSCRIBED_TO_TOPIC, Errors.NONE), deleted.partitions());
        assertNull(f.group.committed().offset("u", 0));
        assertEquals(1, f.group.committed().offset("t", 0).offset());
    }

    @Test // KIP-229
    void onlyAGroupWithoutMembersIsDeleted() {
        f.topic("t", 1);
        Client a = f.join("a", "t");
        f.commit(a, "t", 0, 1);
        assertEquals(
                Errors.NON_EMPTY_GROUP,
                f.<Errors>ask(r -> new GroupRequest.Delete("g", r)).now());
        f.send(f.heartbeat(a).setMemberEpoch(-1));
        assertEquals(
                Errors.NONE, f.<Errors>ask(r -> new GroupRequest.Delete("g", r)).now());
        assertTrue(f.forgotten);
        assertTrue(CommittedGroup.empty("g").with(f.log).isVoid());
        Client again = f.join("a", "t");
        assertEquals(1, again.epoch);
    }

    @Test // KIP-211: what nobody is subscribed to lapses, then the group
    void offsetsAndGroupLapse() {
        f.topic("t", 1);
        f.topic("u", 1);
        Client a = f.join("a", "t", "u");
        f.commit(a, "t", 0, 1);
        f.commit(a, "u", 0, 1);
        f.beat(a, f.heartbeat(a).setSubscribedTopicNames(List.of("t")));
        f.confirm(a);
        for (long ms = 0; ms <= f.config.offsetsRetentionMs(); ms += 40_000) {
            f.pass(40_000);
            f.confirm(a);
        }
        f.pass(ClassicGroup.SWEEP_INTERVAL_MS);
        assertNull(f.group.committed().offset("u", 0));
        assertFalse(f.group.committed().isVoid());
        f.pass(2L * ClassicGroup.SWEEP_INTERVAL_MS);
        assertTrue(f.group.committed().isVoid());
        assertTrue(f.forgotten);
    }

    @Test // the classic requests of other protocols
    void aClassicMemberIsRefused() {
        f.topic("t", 1);
        f.join("a", "t");
        DescribedGroup described = f.<DescribedGroup>ask(r -> new GroupRequest.Describe("g", (short) 6, r))
                .now();
        assertEquals(Errors.GROUP_ID_NOT_FOUND.code(), described.errorCode());
        assertEquals("Dead", described.groupState());
        Asked<org.apache.kafka.common.message.HeartbeatResponseData> beat = f.ask(r -> new GroupRequest.Heartbeat(
                new org.apache.kafka.common.message.HeartbeatRequestData()
                        .setGroupId("g")
                        .setMemberId("a"),
                AnswerHold.never(),
                r));
        assertEquals(Errors.UNKNOWN_MEMBER_ID.code(), beat.now().errorCode());
    }
}
