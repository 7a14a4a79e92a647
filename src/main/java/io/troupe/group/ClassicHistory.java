package io.troupe.group;

import io.troupe.group.GroupEvent.Kind;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.clients.consumer.internals.ConsumerProtocol;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.protocol.Errors;

/** What a classic group tells of itself: its {@link GroupEvents}, and the times that they need. Owned by the group's thread. */
final class ClassicHistory {
    private final ClassicGroupState group;
    private GroupEvents events;
    /** When the group was last settled, a rebalance that began anew included; -1 while it is. */
    private long unsettledSinceMs = -1;

    private GroupMember lastJoined;
    private long lastJoinedMs;

    ClassicHistory(ClassicGroupState group, GroupEvents before) {
        this.group = group;
        this.events = before;
    }

    GroupEvents events() {
        return events;
    }

    /** The events, and if the group waits for somebody now, for whom. */
    GroupEvents shown(long nowMs) {
        List<String> awaited =
                switch (group.state) {
                    case EMPTY, STABLE -> List.of();
                    case PREPARING_REBALANCE -> names(false);
                    case COMPLETING_REBALANCE -> List.of(group.members.leader());
                };
        if (awaited.isEmpty() && group.pending.isEmpty() || group.state == ClassicGroup.State.EMPTY) {
            return events;
        }
        String what = group.state == ClassicGroup.State.PREPARING_REBALANCE
                ? "to join"
                        + (group.pending.isEmpty()
                                ? ""
                                : ", and for " + group.pending.size() + " that were given an id")
                : group.storing == group.generation ? "for its assignment to be stored" : "to assign the partitions";
        long sinceMs = nowMs - group.stateSinceMs;
        return events.with(new GroupEvent(
                nowMs,
                Kind.WAITING,
                group.generation,
                awaited.size() == 1 ? awaited.get(0) : "",
                sinceMs,
                what + (awaited.size() > 1 ? ": " + String.join(", ", awaited) : "")));
    }

    private List<String> names(boolean joined) {
        return group.members.all().stream()
                .filter(m -> joined == (m.join != null))
                .map(m -> m.memberId)
                .toList();
    }

    void loaded(String why, long nowMs) {
        add(GroupEvent.of(nowMs, Kind.LOADED, group.generation, why + count(group.members.size(), " member")));
    }

    void joined(GroupMember member, GroupRequest.Join join, long nowMs) {
        var caller = join.caller();
        about(
                nowMs,
                Kind.JOINED,
                member,
                "client " + caller.clientId() + " at " + caller.clientHost() + instance(member)
                        + reason(join.data().reason()));
    }

    void rejoined(GroupMember member, GroupRequest.Join join, long nowMs) {
        about(
                nowMs,
                Kind.REJOINED,
                member,
                (group.members.isLeader(member) ? "as the leader" : "with another subscription")
                        + reason(join.data().reason()));
    }

    void replaced(GroupMember member, String formerId, long nowMs) {
        about(nowMs, Kind.REPLACED, member, "takes the place of " + formerId + instance(member));
    }

    void left(GroupMember member, String why, long nowMs) {
        about(nowMs, Kind.LEFT, member, why == null || why.isEmpty() ? "no reason given" : why);
    }

    void timedOut(GroupMember member, String why, long nowMs) {
        about(nowMs, Kind.TIMED_OUT, member, why);
    }

    void rebalancing(boolean initialDelay, long waitAtMostMs, long nowMs) {
        if (unsettledSinceMs < 0) {
            unsettledSinceMs = nowMs;
        }
        add(GroupEvent.of(
                nowMs,
                Kind.REBALANCING,
                group.generation,
                initialDelay
                        ? "the first: takes whoever joins within " + waitAtMostMs + " ms, longer while more come"
                        : count(group.members.size(), " member") + " to join within " + waitAtMostMs + " ms"));
    }

    void came(GroupMember member, long nowMs) {
        lastJoined = member;
        lastJoinedMs = nowMs;
    }

    /** To be told while the state still is that in which they joined. */
    void joinedAll(long nowMs) {
        add(new GroupEvent(
                nowMs,
                Kind.JOINED_ALL,
                group.generation,
                lastJoined == null ? "" : lastJoined.memberId,
                nowMs - unsettledSinceMs,
                count(group.members.size(), " member")
                        + (lastJoined == null ? "" : ", the last after " + (lastJoinedMs - group.stateSinceMs) + " ms")
                        + "; protocol " + group.protocol + ", leader " + group.members.leader()));
        lastJoined = null;
    }

    /** @param assignedMs when the joins were answered */
    void assigned(long assignedMs, long nowMs) {
        StringBuilder text = new StringBuilder();
        for (GroupMember member : group.members.all()) {
            if (text.length() > GroupEvent.MOST_TEXT) {
                break;
            }
            text.append(text.length() == 0 ? "" : "; ").append(member.memberId).append(": ");
            text.append(partitions(member.assignment));
        }
        add(new GroupEvent(
                nowMs,
                Kind.ASSIGNED,
                group.generation,
                group.members.leader(),
                unsettledSinceMs < 0 ? GroupEvent.NO_TIME : nowMs - unsettledSinceMs,
                "its leader assigned in " + (nowMs - assignedMs) + " ms: " + text));
        unsettledSinceMs = -1;
    }

    void storeFailed(Errors error, long nowMs) {
        add(GroupEvent.of(nowMs, Kind.STORE_FAILED, group.generation, "the assignment: " + error));
    }

    void emptied(long nowMs) {
        unsettledSinceMs = -1;
        add(GroupEvent.of(nowMs, Kind.EMPTY, group.generation, ""));
    }

    private void about(long nowMs, Kind kind, GroupMember member, String text) {
        add(GroupEvent.ofMember(nowMs, kind, group.generation, member.memberId, text));
    }

    private void add(GroupEvent event) {
        events = events.with(event);
    }

    private static String count(int count, String what) {
        return count + what + (count == 1 ? "" : "s");
    }

    private static String instance(GroupMember member) {
        return member.groupInstanceId == null ? "" : ", instance " + member.groupInstanceId;
    }

    private static String reason(String reason) {
        return reason == null || reason.isEmpty() ? "" : ": " + reason;
    }

    /** As "topic 0-2,5 other 1"; only lengths where it is not the consumer protocol's. */
    private String partitions(byte[] assignment) {
        if (assignment.length == 0) {
            return "nothing";
        }
        if (!ClassicWords.TYPE.equals(group.protocolType)) {
            return assignment.length + " bytes";
        }
        Map<String, List<Integer>> byTopic = new TreeMap<>();
        try {
            for (TopicPartition p : ConsumerProtocol.deserializeAssignment(ByteBuffer.wrap(assignment))
                    .partitions()) {
                byTopic.computeIfAbsent(p.topic(), t -> new ArrayList<>()).add(p.partition());
            }
        } catch (RuntimeException e) {
            // The leader may write what it likes.
            return assignment.length + " bytes";
        }
        List<String> topics = new ArrayList<>();
        byTopic.forEach((topic, partitions) -> topics.add(topic + " " + GroupEvents.runs(partitions)));
        return topics.isEmpty() ? "nothing" : String.join(" ", topics);
    }
}
