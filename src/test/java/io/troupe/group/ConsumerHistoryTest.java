package io.troupe.group;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.troupe.group.ConsumerGroupFixture.Client;
import io.troupe.group.GroupEvent.Kind;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What a group of the consumer protocol tells of what happened to it. */
class ConsumerHistoryTest {
    private final ConsumerGroupFixture f = new ConsumerGroupFixture();

    private List<GroupEvent> events() {
        return f.group.events().list();
    }

    private GroupEvent last() {
        return events().get(events().size() - 1);
    }

    private GroupEvent shown() {
        List<GroupEvent> shown = f.<GroupEvents>ask(r -> new GroupRequest.Events(ConsumerGroupFixture.ID, r))
                .now()
                .list();
        return shown.get(shown.size() - 1);
    }

    @Test
    void aRebalanceTellsWhoCausedItWhoIsWaitedForHowLongItTookAndWhoHasWhat() {
        f.topic("t", 4);
        Client a = f.join("a", "t");
        assertEquals(
                List.of(Kind.JOINED, Kind.REBALANCING, Kind.ASSIGNED),
                events().stream().map(GroupEvent::kind).toList());
        assertEquals("client c at /127.0.0.1", events().get(0).text());
        assertEquals("1 member, assigned by uniform", events().get(1).text());
        assertEquals(new GroupEvent(f.nowMs, Kind.ASSIGNED, 1, "a", 0, "was the last: a: t 0-3"), last());

        Client b = f.join("b", "t");
        assertEquals(Kind.REBALANCING, last().kind());
        f.pass(200);
        assertEquals(Kind.WAITING, shown().kind());
        assertEquals("to come for its part: a, b", shown().text());
        f.beat(a);
        assertEquals(new GroupEvent(f.nowMs, Kind.WAITING, 2, "a", 200, "to give partitions up"), shown());
        f.pass(100);
        f.settle(a, b);
        assertEquals(Kind.ASSIGNED, last().kind());
        assertEquals(2, last().epoch());
        assertEquals("b", last().member());
        assertEquals(300, last().tookMs());
        assertEquals(last(), shown());
    }

    @Test
    void whoGoesIsToldWithTheReason() {
        f.topic("t", 1);
        Client a = f.join("a", "t");
        f.send(f.heartbeat(a).setMemberEpoch(-1));
        assertEquals(Kind.EMPTY, last().kind());
        assertEquals(Kind.LEFT, events().get(events().size() - 2).kind());

        Client s = f.joinStatic("s", "i", "t");
        assertEquals(
                "client c at /127.0.0.1, instance i",
                events().get(events().size() - 3).text());
        f.send(f.heartbeat(s).setMemberEpoch(-2));
        assertEquals("is to come back: it keeps its part for its session's time", last().text());
        f.joinStatic("s2", "i", "t");
        assertEquals(Kind.REPLACED, last().kind());
        assertEquals("takes the place of s, instance i", last().text());
        f.pass(45_000);
        GroupEvent gone = events().get(events().size() - 2);
        assertEquals(Kind.TIMED_OUT, gone.kind());
        assertEquals("s2", gone.member());
        assertEquals("its session ended", gone.text());
    }

    @Test
    void otherTopicsAndAnotherSubscriptionAreToldAsWhatBeganARebalance() {
        f.topic("t", 1);
        Client a = f.join("a", "t");
        f.topic("t", 2);
        f.settle(a);
        assertEquals("was the last: a: t 0-1", last().text());
        f.send(f.heartbeat(a).setSubscribedTopicNames(List.of("u")));
        assertEquals(
                List.of(Kind.REJOINED, Kind.REBALANCING),
                events().stream().map(GroupEvent::kind).skip(5).limit(2).toList());
    }
}
