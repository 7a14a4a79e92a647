package io.troupe.group;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.troupe.group.ConsumerGroupFixture.Client;
import java.util.List;
import org.apache.kafka.common.message.ConsumerGroupHeartbeatRequestData;
import org.apache.kafka.common.protocol.Errors;
import org.junit.jupiter.api.Test;

/** KIP-848, "Static Membership". */
class ConsumerStaticMembersTest {
    private final ConsumerGroupFixture f = new ConsumerGroupFixture();

    private ConsumerGroupHeartbeatRequestData joining(String memberId) {
        return ConsumerGroupFixture.joining(memberId).setInstanceId("i").setSubscribedTopicNames(List.of("t"));
    }

    @Test // it leaves with epoch -2 and finds all that it had when it comes back, without a rebalance
    void whoComesBackHasWhatItHad() {
        f.topic("t", 4);
        Client s = f.joinStatic("s", "i", "t");
        Client a = f.join("a", "t");
        f.settle(s, a);
        int epoch = f.group.epoch();
        assertEquals(-2, f.send(f.heartbeat(s).setMemberEpoch(-2)).now().memberEpoch());
        f.failOver();
        f.beat(a);
        assertEquals(2, a.assigned.get("t").size());

        Client back = f.joinStatic("s2", "i", "t");
        assertEquals(epoch, f.group.epoch());
        assertEquals(epoch, back.epoch);
        assertEquals(s.assigned, back.assigned);
        f.failOver();
        assertEquals(Errors.NONE, f.error(back));
    }

    @Test // its session goes on while it is away
    void whoStaysAwayIsRemoved() {
        f.topic("t", 2);
        Client s = f.joinStatic("s", "i", "t");
        f.send(f.heartbeat(s).setMemberEpoch(-2));
        f.pass(44_999);
        assertEquals(1, f.group.size());
        f.pass(1);
        assertEquals(0, f.group.size());
    }

    @Test // an instance id belongs to one member until it leaves
    void anInstanceIdIsNotTakenFromWhoIsThere() {
        Client s = f.joinStatic("s", "i", "t");
        assertEquals(Errors.UNRELEASED_INSTANCE_ID, f.error(joining("s2")));
        f.send(f.heartbeat(s).setMemberEpoch(-2));
        assertEquals(Errors.NONE, f.error(joining("s2")));
    }

    @Test // the answer to its join may be lost, and then it joins again
    void whoRepeatsItsJoinIsNoOther() {
        f.topic("t", 1);
        Client s = f.joinStatic("s", "i", "t");
        Client again = f.joinStatic("s", "i", "t");
        assertEquals(s.epoch, again.epoch);
        assertEquals(s.assigned, again.assigned);
    }

    @Test
    void theFormerHolderIsFenced() {
        Client s = f.joinStatic("s", "i", "t");
        f.send(f.heartbeat(s).setMemberEpoch(-2));
        f.joinStatic("s2", "i", "t");
        assertEquals(Errors.FENCED_INSTANCE_ID, f.error(s));
        assertEquals(Errors.FENCED_INSTANCE_ID, f.error(f.heartbeat(s).setMemberEpoch(-1)));
        assertEquals(
                Errors.UNKNOWN_MEMBER_ID,
                f.error(f.heartbeat(new Client("x")).setInstanceId("j").setMemberEpoch(1)));
    }

    @Test // what it had to give up it has given up by leaving
    void whoLeavesWhileGivingUpHasGivenUp() {
        f.topic("t", 2);
        Client s = f.joinStatic("s", "i", "t");
        Client a = f.join("a", "t");
        f.beat(s);
        f.send(f.heartbeat(s).setMemberEpoch(-2));
        f.beat(a);
        assertEquals(1, a.assigned.get("t").size());
        Client back = f.joinStatic("s", "i", "t");
        assertEquals(2, back.epoch);
        assertEquals(1, back.assigned.get("t").size());
    }

    @Test // fields that are null stay as they were
    void whoDoesNotRepeatItsInstanceIdKeepsIt() {
        Client s = f.joinStatic("s", "i", "t");
        f.beat(s, f.heartbeat(s).setInstanceId(null));
        assertEquals("i", f.describe().members().get(0).instanceId());
    }

    @Test // epoch -1 is for good
    void whoLeavesForGoodIsRemoved() {
        Client s = f.joinStatic("s", "i", "t");
        f.send(f.heartbeat(s).setMemberEpoch(-1));
        assertEquals(0, f.group.size());
        assertEquals(Errors.NONE, f.error(joining("s2")));
    }
}
