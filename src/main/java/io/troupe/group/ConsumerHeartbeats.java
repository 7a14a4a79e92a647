package io.troupe.group;

import io.troupe.group.ConsumerHeartbeatCheck.Problem;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.ConsumerGroupHeartbeatRequestData;
import org.apache.kafka.common.message.ConsumerGroupHeartbeatResponseData;
import org.apache.kafka.common.message.LeaveGroupRequestData.MemberIdentity;
import org.apache.kafka.common.message.LeaveGroupResponseData;
import org.apache.kafka.common.message.LeaveGroupResponseData.MemberResponse;
import org.apache.kafka.common.protocol.Errors;

/** How members join, stay, are led to their assignment, and go. */
final class ConsumerHeartbeats {
    /** For this long after an epoch began, members are asked to come soon. */
    static final int UNSETTLED_FOR_MS = 2000;

    private final ConsumerGroupState group;
    private final ConsumerTargets targets;

    ConsumerHeartbeats(ConsumerGroupState group, ConsumerTargets targets) {
        this.group = group;
        this.targets = targets;
    }

    /** @param heartbeat with which nothing is wrong by itself ({@link ConsumerHeartbeatCheck}) */
    void onHeartbeat(GroupRequest.ConsumerHeartbeat heartbeat, long nowMs) {
        Problem problem = heartbeat.data().memberEpoch() < 0 ? leave(heartbeat, nowMs) : stay(heartbeat, nowMs);
        if (problem != null) {
            group.answer(heartbeat.reply(), GroupRequest.ConsumerHeartbeat.refusal(problem));
        }
    }

    private Problem stay(GroupRequest.ConsumerHeartbeat heartbeat, long nowMs) {
        ConsumerGroupHeartbeatRequestData data = heartbeat.data();
        Map<Uuid, Set<Integer>> owned = owned(data);
        ConsumerMember known = known(data);
        Problem problem = mayStay(data, known, owned);
        if (problem != null) {
            return problem;
        }
        ConsumerMember member;
        boolean subscriptionChanged;
        CurrentAssignment before;
        if (known == null) {
            String memberId =
                    data.memberId().isEmpty() ? group.around.memberIds().get() : data.memberId();
            member = new ConsumerMember(memberId, metadata(heartbeat, null), CurrentAssignment.NOTHING);
            group.storeMember(member);
            group.history.joined(member, nowMs);
            subscriptionChanged = true;
        } else {
            member = known.isAway() || !known.memberId.equals(data.memberId())
                    ? replace(known, data.memberId(), nowMs)
                    : known;
            ConsumerMemberMetadata words = metadata(heartbeat, known.metadata);
            subscriptionChanged = !words.subscribesAs(member.metadata);
            if (subscriptionChanged) {
                group.history.rejoined(member, nowMs);
            }
            boolean spokeClassic = known.metadata.classic() != null;
            if (!words.equals(member.metadata) || member != known) {
                member.metadata = words;
                group.storeMember(member);
            }
            if (spokeClassic) {
                group.restartRevocation(member, nowMs);
            }
        }
        before = member.current;
        if (subscriptionChanged) {
            targets.next(nowMs);
        }
        CurrentAssignment next = Reconciliation.next(
                member.current,
                group.targetEpoch,
                group.target(member.memberId),
                owned,
                (id, p) -> group.isFree(id, p, member.memberId));
        if (next != member.current) {
            group.storeCurrent(member, next);
            group.history.stepped(member);
            group.restartRevocation(member, nowMs);
        }
        group.touch(member, nowMs);
        boolean isFull = data.memberEpoch() == ConsumerHeartbeatCheck.JOIN
                || data.rebalanceTimeoutMs() != -1
                        && (data.subscribedTopicNames() != null || data.subscribedTopicRegex() != null)
                        && data.topicPartitions() != null;
        ConsumerGroupHeartbeatResponseData response = new ConsumerGroupHeartbeatResponseData()
                .setMemberId(member.memberId)
                .setMemberEpoch(member.current.memberEpoch())
                .setHeartbeatIntervalMs(intervalMs(member, nowMs));
        if (isFull
                || before != member.current
                        && !Reconciliation.partitions(before.assigned())
                                .equals(Reconciliation.partitions(member.current.assigned()))) {
            response.setAssignment(assignment(member.current));
        }
        answer(heartbeat, response);
        return null;
    }

    private int intervalMs(ConsumerMember member, long nowMs) {
        boolean settled = member.current.state() == CurrentAssignment.State.STABLE
                && nowMs - group.unsettledAtMs >= UNSETTLED_FOR_MS;
        return HeartbeatInterval.ms(
                group.consumerConfig(), settled, group.around.members().getAsInt());
    }

    private void answer(GroupRequest.ConsumerHeartbeat heartbeat, ConsumerGroupHeartbeatResponseData response) {
        group.answer(heartbeat.reply(), response, GroupRequest.ConsumerHeartbeat::refusal);
    }

    /** The member a request speaks for: of a static one it is the instance that counts. Null for none. */
    private ConsumerMember known(ConsumerGroupHeartbeatRequestData data) {
        return data.instanceId() == null ? group.members.get(data.memberId()) : group.ofInstance(data.instanceId());
    }

    /** Null when it may. */
    private Problem mayStay(
            ConsumerGroupHeartbeatRequestData data, ConsumerMember known, Map<Uuid, Set<Integer>> owned) {
        boolean joins = data.memberEpoch() == ConsumerHeartbeatCheck.JOIN;
        if (joins
                && known == null
                && group.members.size() >= group.consumerConfig().maxSize()) {
            return new Problem(
                    Errors.GROUP_MAX_SIZE_REACHED,
                    "The consumer group has reached its maximum capacity of "
                            + group.consumerConfig().maxSize() + " members.");
        }
        if (joins) {
            ConsumerMember sameId = group.members.get(data.memberId());
            if (known == null && sameId != null) {
                return new Problem(
                        Errors.INVALID_REQUEST,
                        "Member " + data.memberId() + " is in the group with another instance id.");
            }
            // Kafka refuses a repeated join, too, though the answer to the first may be lost; clients give up on that.
            return known == null
                            || known.isAway()
                            || known.memberId.equals(data.memberId())
                            || known.metadata.classic() != null
                    ? null
                    : new Problem(
                            Errors.UNRELEASED_INSTANCE_ID,
                            "Static member " + data.memberId() + " with instance id " + data.instanceId()
                                    + " cannot join the group because the instance id is owned by member "
                                    + known.memberId + ".");
        }
        Problem problem = maySpeak(data, known);
        return problem != null ? problem : ConsumerHeartbeatCheck.ofEpoch(data.memberEpoch(), known.current, owned);
    }

    private Problem maySpeak(ConsumerGroupHeartbeatRequestData data, ConsumerMember known) {
        if (known == null) {
            return new Problem(
                    Errors.UNKNOWN_MEMBER_ID,
                    data.instanceId() == null
                            ? "Member " + data.memberId() + " is not a member of group " + group.groupId() + "."
                            : "Instance id " + data.instanceId() + " is unknown.");
        }
        if (!known.memberId.equals(data.memberId())) {
            return new Problem(
                    Errors.FENCED_INSTANCE_ID,
                    "Static member " + data.memberId() + " with instance id " + data.instanceId()
                            + " was fenced by member " + known.memberId + ".");
        }
        return null;
    }

    /** A static member that comes back under another id takes over what the former had. */
    ConsumerMember replace(ConsumerMember former, String memberId, long nowMs) {
        Map<Uuid, Set<Integer>> target = group.target(former.memberId);
        CurrentAssignment had = former.current.withEpoch(0, 0);
        group.removeMember(former, nowMs);
        ConsumerMember successor = new ConsumerMember(memberId, former.metadata, CurrentAssignment.NOTHING);
        group.storeMember(successor);
        group.storeTarget(memberId, target);
        group.storeCurrent(successor, had);
        group.history.replaced(successor, former.memberId, nowMs);
        return successor;
    }

    /** What is null in the request stays as it was. */
    private static ConsumerMemberMetadata metadata(
            GroupRequest.ConsumerHeartbeat heartbeat, ConsumerMemberMetadata before) {
        ConsumerGroupHeartbeatRequestData r = heartbeat.data();
        List<String> names = before == null ? List.of() : before.topicNames();
        if (r.subscribedTopicNames() != null) {
            List<String> sorted = List.copyOf(new TreeSet<>(r.subscribedTopicNames()));
            names = sorted.equals(names) ? names : sorted;
        }
        return new ConsumerMemberMetadata(
                or(r.instanceId(), before == null ? null : before.instanceId()),
                or(r.rackId(), before == null ? null : before.rackId()),
                heartbeat.caller().clientId(),
                heartbeat.caller().clientHost(),
                names,
                or(r.subscribedTopicRegex(), before == null ? null : before.topicRegex()),
                r.rebalanceTimeoutMs() != -1 || before == null ? r.rebalanceTimeoutMs() : before.rebalanceTimeoutMs(),
                or(r.serverAssignor(), before == null ? null : before.serverAssignor()),
                null);
    }

    private static String or(String now, String before) {
        return now == null || Objects.equals(now, before) ? before : now;
    }

    /** Null when the member does not say. */
    private static Map<Uuid, Set<Integer>> owned(ConsumerGroupHeartbeatRequestData data) {
        if (data.topicPartitions() == null) {
            return null;
        }
        Map<Uuid, Set<Integer>> owned = new HashMap<>();
        data.topicPartitions().forEach(t -> owned.computeIfAbsent(t.topicId(), id -> new HashSet<>())
                .addAll(t.partitions()));
        return owned;
    }

    private static ConsumerGroupHeartbeatResponseData.Assignment assignment(CurrentAssignment current) {
        ConsumerGroupHeartbeatResponseData.Assignment assignment = new ConsumerGroupHeartbeatResponseData.Assignment();
        current.assigned().forEach((topicId, epochs) -> assignment
                .topicPartitions()
                .add(new ConsumerGroupHeartbeatResponseData.TopicPartitions()
                        .setTopicId(topicId)
                        .setPartitions(new ArrayList<>(new TreeSet<>(epochs.keySet())))));
        return assignment;
    }

    private Problem leave(GroupRequest.ConsumerHeartbeat heartbeat, long nowMs) {
        ConsumerGroupHeartbeatRequestData data = heartbeat.data();
        ConsumerMember member = known(data);
        Problem problem = maySpeak(data, member);
        if (problem != null) {
            return problem;
        }
        if (data.memberEpoch() == ConsumerHeartbeatCheck.LEAVE_STATIC) {
            group.history.left(member, "is to come back: it keeps its part for its session's time", nowMs);
            // What it had to give up it has given up by leaving; the rest waits for it.
            CurrentAssignment had = member.current;
            group.storeCurrent(
                    member,
                    new CurrentAssignment(
                            CurrentAssignment.LEFT_STATIC, had.memberEpoch(), had.state(), had.assigned(), Map.of()));
            member.revocationDeadlineMs = ConsumerGroupState.NEVER;
        } else {
            group.history.left(member, "", nowMs);
            remove(List.of(member), nowMs);
        }
        answer(
                heartbeat,
                new ConsumerGroupHeartbeatResponseData()
                        .setMemberId(data.memberId())
                        .setMemberEpoch(data.memberEpoch()));
        return null;
    }

    /** Classic members leave so by themselves, and an operator may remove static members of either protocol by their instances. */
    void onLeave(GroupRequest.Leave leave, long nowMs) {
        LeaveGroupResponseData response = new LeaveGroupResponseData();
        Set<ConsumerMember> leaving = new LinkedHashSet<>();
        if (leave.caller().apiVersion() <= 2) {
            response.setErrorCode(
                    leave(leave.data().memberId(), null, null, leaving, nowMs).code());
        } else {
            for (MemberIdentity who : leave.data().members()) {
                Errors error = leave(who.memberId(), who.groupInstanceId(), who.reason(), leaving, nowMs);
                response.members()
                        .add(new MemberResponse()
                                .setMemberId(who.memberId())
                                .setGroupInstanceId(who.groupInstanceId())
                                .setErrorCode(error.code()));
            }
        }
        remove(leaving, nowMs);
        group.answer(leave.reply(), response, error -> new LeaveGroupResponseData().setErrorCode(error.code()));
    }

    private Errors leave(String memberId, String instanceId, String reason, Set<ConsumerMember> leaving, long nowMs) {
        ConsumerMember member = instanceId == null ? group.members.get(memberId) : group.ofInstance(instanceId);
        boolean byInstanceAlone = instanceId != null && memberId.isEmpty();
        if (member != null && !byInstanceAlone && !member.memberId.equals(memberId)) {
            return Errors.FENCED_INSTANCE_ID;
        }
        if (member == null || !byInstanceAlone && member.metadata.classic() == null) {
            return Errors.UNKNOWN_MEMBER_ID;
        }
        if (leaving.add(member)) {
            group.history.left(member, byInstanceAlone ? "removed by its instance id" : reason, nowMs);
        }
        return Errors.NONE;
    }

    /** Everybody whose session has ended, or who did not give up in time what it had to. */
    void tick(long nowMs) {
        List<ConsumerMember> silent = new ArrayList<>();
        for (ConsumerMember member : group.members.values()) {
            if (member.sessionDeadlineMs <= nowMs || member.revocationDeadlineMs <= nowMs) {
                silent.add(member);
                group.history.timedOut(
                        member,
                        member.sessionDeadlineMs <= nowMs
                                ? "its session ended"
                                : "did not "
                                        + (member.metadata.classic() == null
                                                ? "give up what it had to"
                                                : "rejoin and ask for its part")
                                        + " in " + member.metadata.rebalanceTimeoutMs() + " ms",
                        nowMs);
            }
        }
        remove(silent, nowMs);
        group.store(Effect.Nothing.NOTHING);
    }

    private void remove(Collection<ConsumerMember> leaving, long nowMs) {
        if (!leaving.isEmpty()) {
            leaving.forEach(member -> group.removeMember(member, nowMs));
            targets.next(nowMs);
        }
    }
}
