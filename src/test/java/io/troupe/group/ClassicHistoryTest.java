package io.troupe.group;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.group.GroupEvent.Kind;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.Assignment;
import org.apache.kafka.clients.consumer.internals.ConsumerProtocol;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.message.JoinGroupResponseData;
import org.apache.kafka.common.message.SyncGroupRequestData;
import org.apache.kafka.common.message.SyncGroupRequestData.SyncGroupRequestAssignment;
import org.apache.kafka.common.message.SyncGroupResponseData;
import org.apache.kafka.common.protocol.Errors;
import org.junit.jupiter.api.Test;

/** What a group tells of what happened to it. */
class ClassicHistoryTest {
    private final GroupFixture f = new GroupFixture(0);

    private List<GroupEvent> events() {
        return f.group.events().list();
    }

    private List<Kind> kinds() {
        return events().stream().map(GroupEvent::kind).toList();
    }

    private GroupEvent last() {
        return events().get(events().size() - 1);
    }

    private GroupEvent shown() {
        List<GroupEvent> shown = f.<GroupEvents>ask(r -> new GroupRequest.Events(GroupFixture.ID, r))
                .now()
                .list();
        return shown.get(shown.size() - 1);
    }

    @Test
    void aRebalanceTellsWhoCausedItWhoWasWaitedForHowLongAndWhatWasAssigned() {
        String a = f.stableAlone();
        assertEquals(List.of(Kind.JOINED, Kind.REBALANCING, Kind.JOINED_ALL, Kind.ASSIGNED), kinds());
        String b = f.newId();
        f.join(b);
        f.pass(300);
        f.join(a);
        f.pass(50);
        f.sync(a, 2, Map.of(a, "xyz", b, ""));
        List<GroupEvent> second = events().subList(4, events().size());
        assertEquals(List.of(Kind.JOINED, Kind.REBALANCING, Kind.JOINED_ALL, Kind.ASSIGNED), kinds().subList(4, 8));
        assertEquals(b, second.get(0).member());
        assertEquals("client c at /127.0.0.1", second.get(0).text());
        assertEquals("2 members to join within 60000 ms", second.get(1).text());
        assertEquals(a, second.get(2).member());
        assertEquals(300, second.get(2).tookMs());
        assertEquals(
                "2 members, the last after 300 ms; protocol range, leader " + a,
                second.get(2).text());
        assertEquals(
                new GroupEvent(
                        f.nowMs,
                        Kind.ASSIGNED,
                        2,
                        a,
                        350,
                        "its leader assigned in 50 ms: " + a + ": 3 bytes; " + b + ": nothing"),
                second.get(3));
    }

    @Test
    void partitionsAreTakenTogether() {
        JoinGroupResponseData joined = f.joinNew().now();
        ByteBuffer assignment = ConsumerProtocol.serializeAssignment(new Assignment(List.of(
                new TopicPartition("t", 4),
                new TopicPartition("t", 0),
                new TopicPartition("s", 7),
                new TopicPartition("t", 1),
                new TopicPartition("t", 2))));
        SyncGroupRequestData sync = new SyncGroupRequestData()
                .setGroupId(GroupFixture.ID)
                .setMemberId(joined.memberId())
                .setGenerationId(1);
        sync.assignments()
                .add(new SyncGroupRequestAssignment()
                        .setMemberId(joined.memberId())
                        .setAssignment(assignment.array()));
        f.<SyncGroupResponseData>ask(r -> new GroupRequest.Sync(f.caller(), sync, AnswerHold.never(), r));
        assertEquals("its leader assigned in 0 ms: " + joined.memberId() + ": s 7 t 0-2,4", last().text());
    }

    @Test
    void itSaysWhoIsWaitedForNow() {
        String[] ids = f.stablePair();
        String c = f.newId();
        f.join(c);
        f.join(ids[0]);
        f.pass(2_000);
        GroupEvent waiting = shown();
        assertEquals(Kind.WAITING, waiting.kind());
        assertEquals(ids[1], waiting.member());
        assertEquals(2_000, waiting.tookMs());
        assertEquals("to join", waiting.text());
        assertEquals(Kind.REBALANCING, last().kind(), "it is not kept");
        f.join(ids[1]);
        assertEquals("to assign the partitions", shown().text());
        assertEquals(ids[0], shown().member());
        f.holdAppends = true;
        f.sync(ids[0], 3, Map.of());
        assertEquals("for its assignment to be stored", shown().text());
        f.decideAppends();
        assertEquals(Kind.ASSIGNED, shown().kind());
    }

    @Test
    void leavingAndEachKindOfTimeOutIsTold() {
        String[] ids = f.stablePair();
        f.leave(ids[1], null);
        assertEquals(List.of(Kind.LEFT, Kind.REBALANCING), kinds().subList(kinds().size() - 2, kinds().size()));
        // The other does not come back, and its session is longer than the rebalance may take.
        f.pass(f.sessionTimeoutMs);
        GroupEvent silent = events().get(events().size() - 2);
        assertEquals(Kind.TIMED_OUT, silent.kind());
        assertEquals(ids[0], silent.member());
        assertEquals("silent for its session of 10000 ms", silent.text());
        assertEquals(Kind.EMPTY, last().kind());

        f.sessionTimeoutMs = 100_000;
        ids = f.stablePair();
        f.join(f.newId());
        f.pass(f.rebalanceTimeoutMs);
        List<GroupEvent> late =
                events().stream().filter(e -> e.kind() == Kind.TIMED_OUT).toList();
        assertEquals(3, late.size());
        assertEquals(ids[1], late.get(2).member());
        assertEquals(
                "did not join within 60000 ms of the rebalance", late.get(2).text());
        // Nobody asks for the new generation's assignment.
        f.pass(f.rebalanceTimeoutMs);
        late = events().stream().filter(e -> e.kind() == Kind.TIMED_OUT).toList();
        assertEquals("did not ask for its assignment", late.get(3).text());
    }

    @Test
    void aStaticMembersReturnAndAFailedStoreAreTold() {
        JoinGroupResponseData joined = f.join("", "i", "m", "range").now();
        f.appendError = Errors.NOT_COORDINATOR;
        f.sync(joined.memberId(), 1, Map.of());
        assertTrue(kinds().contains(Kind.STORE_FAILED));
        f.appendError = Errors.NONE;
        JoinGroupResponseData again = f.join("", "i", "m", "range").now();
        GroupEvent replaced = events().stream()
                .filter(e -> e.kind() == Kind.REPLACED)
                .findFirst()
                .orElseThrow();
        assertEquals(again.memberId(), replaced.member());
        assertEquals("takes the place of " + joined.memberId() + ", instance i", replaced.text());
    }

    @Test
    void theLastFiftyAreKeptAndNoneIsLong() {
        String huge = "x".repeat(5_000) + "\t\n";
        GroupEvents events = GroupEvents.NONE;
        for (int i = 0; i < 60; i++) {
            events = events.with(GroupEvent.ofMember(i, Kind.JOINED, 1, huge, huge));
        }
        assertEquals(GroupEvents.MOST, events.list().size());
        assertEquals(10, events.list().get(0).timeMs());
        String[] lines = new String(events.toBytes()).split("\n");
        assertEquals(GroupEvents.MOST, lines.length);
        String[] fields = lines[0].split("\t");
        assertEquals(List.of("10", "JOINED", "1"), List.of(fields).subList(0, 3));
        assertEquals(GroupEvent.MOST_NAME, fields[3].length());
        assertEquals("-1", fields[4]);
        assertEquals(GroupEvent.MOST_TEXT, fields[5].length());
    }

    /** A leader may send anything for an assignment. */
    @Test
    void whatIsNoAssignmentIsToldByItsLength() {
        JoinGroupResponseData joined = f.joinNew().now();
        SyncGroupRequestData sync = new SyncGroupRequestData()
                .setGroupId(GroupFixture.ID)
                .setMemberId(joined.memberId())
                .setGenerationId(1);
        // Version 0, and an array of two thousand million topics.
        byte[] assignment = {0, 0, 0x7f, -1, -1, -1};
        sync.assignments()
                .add(new SyncGroupRequestAssignment()
                        .setMemberId(joined.memberId())
                        .setAssignment(assignment));
        f.<SyncGroupResponseData>ask(r -> new GroupRequest.Sync(f.caller(), sync, AnswerHold.never(), r));
        assertEquals("its leader assigned in 0 ms: " + joined.memberId() + ": 6 bytes", last().text());
    }
}
