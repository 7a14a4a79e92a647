package io.troupe.group;

import io.troupe.group.GroupEvent.Kind;
import io.troupe.metadata.MetadataImage;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.common.Uuid;

/**
 * What a group of the consumer protocol tells of itself: its {@link GroupEvents}, and the times that they need. Owned by the
 * group's thread.
 */
final class ConsumerHistory {
    private final ConsumerGroupState group;
    private GroupEvents events;
    /** Since when not everybody has what the target gives; -1 while all have. */
    private long unsettledSinceMs = -1;

    private boolean empty;
    /** Who took the last step to its part of the target. */
    private String lastStep = "";

    ConsumerHistory(ConsumerGroupState group, GroupEvents before) {
        this.group = group;
        this.events = before;
        this.empty = group.members.isEmpty();
    }

    GroupEvents events() {
        return events;
    }

    /** The events, and if the group waits for somebody now, for whom and what. */
    GroupEvents shown(long nowMs) {
        List<String> giving = new ArrayList<>();
        List<String> coming = new ArrayList<>();
        for (ConsumerMember member : group.members.values()) {
            if (member.current.state() == CurrentAssignment.State.UNREVOKED_PARTITIONS) {
                giving.add(member.memberId);
            } else if (!group.hasItsTarget(member)) {
                coming.add(member.memberId);
            }
        }
        // Who waits for partitions waits for those that have yet to give them up.
        List<String> awaited = giving.isEmpty() ? coming : giving;
        if (awaited.isEmpty()) {
            return events;
        }
        String what = giving.isEmpty() ? "to come for its part" : "to give partitions up";
        return events.with(new GroupEvent(
                nowMs,
                Kind.WAITING,
                group.epoch,
                awaited.size() == 1 ? awaited.get(0) : "",
                unsettledSinceMs < 0 ? GroupEvent.NO_TIME : nowMs - unsettledSinceMs,
                what + (awaited.size() > 1 ? ": " + String.join(", ", awaited) : "")));
    }

    void loaded(String why, long nowMs) {
        add(GroupEvent.of(nowMs, Kind.LOADED, group.epoch, why + count(group.members.size())));
    }

    void joined(ConsumerMember member, long nowMs) {
        about(
                nowMs,
                Kind.JOINED,
                member,
                "client " + member.metadata.clientId() + " at " + member.metadata.clientHost() + instance(member));
    }

    void rejoined(ConsumerMember member, long nowMs) {
        about(nowMs, Kind.REJOINED, member, "with another subscription");
    }

    void replaced(ConsumerMember member, String formerId, long nowMs) {
        about(nowMs, Kind.REPLACED, member, "takes the place of " + formerId + instance(member));
    }

    void left(ConsumerMember member, String why, long nowMs) {
        about(nowMs, Kind.LEFT, member, why);
    }

    void timedOut(ConsumerMember member, String why, long nowMs) {
        about(nowMs, Kind.TIMED_OUT, member, why);
    }

    /** An epoch began, and its target is made. */
    void rebalancing(String assignor, long nowMs) {
        if (unsettledSinceMs < 0) {
            unsettledSinceMs = nowMs;
        }
        add(GroupEvent.of(
                nowMs, Kind.REBALANCING, group.epoch, count(group.members.size()) + ", assigned by " + assignor));
    }

    void stepped(ConsumerMember member) {
        lastStep = member.memberId;
    }

    /** To be told whenever something was stored. */
    void moved(boolean settled, long nowMs) {
        if (group.members.isEmpty()) {
            if (!empty) {
                add(GroupEvent.of(nowMs, Kind.EMPTY, group.epoch, ""));
            }
            unsettledSinceMs = -1;
        } else if (settled && unsettledSinceMs >= 0) {
            add(new GroupEvent(
                    nowMs, Kind.ASSIGNED, group.epoch, lastStep, nowMs - unsettledSinceMs, "was the last: " + parts()));
            unsettledSinceMs = -1;
        }
        empty = group.members.isEmpty();
    }

    /** Who has what, as far as there is room for it. */
    private String parts() {
        MetadataImage image = group.around.image().get();
        StringBuilder text = new StringBuilder();
        for (ConsumerMember member : group.members.values()) {
            if (text.length() > GroupEvent.MOST_TEXT) {
                break;
            }
            Map<String, String> topics = new TreeMap<>();
            member.current
                    .assigned()
                    .forEach((id, epochs) -> topics.put(name(image, id), GroupEvents.runs(epochs.keySet())));
            text.append(text.length() == 0 ? "" : "; ").append(member.memberId).append(": ");
            if (topics.isEmpty()) {
                text.append("nothing");
            } else {
                List<String> words = new ArrayList<>();
                topics.forEach((topic, partitions) -> words.add(topic + " " + partitions));
                text.append(String.join(" ", words));
            }
        }
        return text.toString();
    }

    private static String name(MetadataImage image, Uuid id) {
        return image.topic(id).map(topic -> topic.name()).orElse(id.toString());
    }

    private void about(long nowMs, Kind kind, ConsumerMember member, String text) {
        add(GroupEvent.ofMember(nowMs, kind, group.epoch, member.memberId, text));
    }

    private void add(GroupEvent event) {
        events = events.with(event);
    }

    private static String count(int members) {
        return members + (members == 1 ? " member" : " members");
    }

    private static String instance(ConsumerMember member) {
        return member.metadata.instanceId() == null ? "" : ", instance " + member.metadata.instanceId();
    }
}
