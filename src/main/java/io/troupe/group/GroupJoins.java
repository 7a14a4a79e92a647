package io.troupe.group;

import io.troupe.group.GroupService.Caller;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.apache.kafka.common.message.JoinGroupResponseData;
import org.apache.kafka.common.message.JoinGroupResponseData.JoinGroupResponseMember;
import org.apache.kafka.common.protocol.Errors;

/**
 * How members come into a classic group and a rebalance runs up to the answer to the joins: everybody who is to be in the next
 * generation has joined, or the time for it is up. Begins a rebalance also when others find that one is needed.
 */
final class GroupJoins {
    /**
     * Members that start or stop together come one by one, and for an interval after a rebalance nobody hears of the next. So those
     * whose answers wait are told of a rebalance once nobody has come or gone for this long, and go on consuming meanwhile ...
     */
    static final int GATHER_MS = 100;
    /** ... or so long after it began. */
    static final int GATHER_MOST_MS = 300;

    private final ClassicGroupState group;
    /** The first rebalance waits for more members to come, whoever has joined already. */
    private boolean initialDelay;

    private long initialDelayLeftMs;
    private boolean joinedDuringDelay;
    /** When the first of those that come and go together did. */
    private long gatheredMs;

    GroupJoins(ClassicGroupState group) {
        this.group = group;
    }

    void onJoin(GroupRequest.Join join, long nowMs) {
        var data = join.data();
        int session = data.sessionTimeoutMs();
        if (session < group.config.minSessionTimeoutMs() || session > group.config.maxSessionTimeoutMs()) {
            group.refuse(join, Errors.INVALID_SESSION_TIMEOUT);
            return;
        }
        if (GroupMember.sizeInBytes(join) > ClassicGroup.MAX_MEMBER_BYTES) {
            // What Kafka says of a group that is too large to be stored.
            group.refuse(join, Errors.UNKNOWN_SERVER_ERROR);
            return;
        }
        // A static member that comes back with no id takes the place of its former self.
        GroupMember before = data.memberId().isEmpty()
                ? group.members.ofInstance(data.groupInstanceId())
                : group.members.get(data.memberId());
        if (!hasRoomFor(before)) {
            if (before != null) {
                group.history.left(before, "group.max.size is " + group.config.maxSize(), nowMs);
                removeAndRebalance(before, Errors.GROUP_MAX_SIZE_REACHED, nowMs);
            }
            group.refuse(join, Errors.GROUP_MAX_SIZE_REACHED);
            return;
        }
        if (!supports(join, before)) {
            group.refuse(join, Errors.INCONSISTENT_GROUP_PROTOCOL);
        } else if (!data.memberId().isEmpty()) {
            onKnownMemberJoin(join, nowMs);
        } else if (before != null) {
            onStaticMemberReturn(join, before, nowMs);
        } else {
            onNewMemberJoin(join, nowMs);
        }
    }

    /** During a rebalance those count that have come, so that a group above the limit shrinks to it (KIP-389). */
    private boolean hasRoomFor(GroupMember known) {
        return switch (group.state) {
            case EMPTY -> true;
            case PREPARING_REBALANCE ->
                known != null && known.join != null || group.members.awaitingJoin() < group.config.maxSize();
            case COMPLETING_REBALANCE, STABLE -> known != null || group.members.size() < group.config.maxSize();
        };
    }

    private boolean supports(GroupRequest.Join join, GroupMember before) {
        String type = join.data().protocolType();
        List<GroupMember.Protocol> offered = GroupMember.protocolsOf(join);
        if (type == null || type.isEmpty() || offered.isEmpty()) {
            return false;
        }
        return group.members.isEmpty() || type.equals(group.protocolType) && group.members.understands(offered, before);
    }

    private void onNewMemberJoin(GroupRequest.Join join, long nowMs) {
        var data = join.data();
        boolean isStatic = data.groupInstanceId() != null;
        String clientId = join.caller().clientId();
        String memberId = group.newMemberId.apply(isStatic ? data.groupInstanceId() : clientId == null ? "" : clientId);
        if (isStatic || join.caller().apiVersion() < 4) {
            addAndRebalance(join, memberId, nowMs);
        } else {
            // Clients that give up on a slow join would otherwise leave a member behind at each try (KIP-394).
            if (group.pending.size() >= ClassicGroup.MAX_PENDING_MEMBERS) {
                // Who really wants to join comes back at once; the others must not keep it out.
                String oldest = group.pending.keySet().iterator().next();
                group.pending.remove(oldest);
            }
            group.pending.put(memberId, group.deadline(nowMs + data.sessionTimeoutMs()));
            group.answer(
                    join.reply(),
                    GroupRequest.Join.refusal(
                            Errors.MEMBER_ID_REQUIRED, memberId, join.caller().apiVersion()));
        }
    }

    private void onKnownMemberJoin(GroupRequest.Join join, long nowMs) {
        var data = join.data();
        if (data.groupInstanceId() == null && group.pending.remove(data.memberId()) != null) {
            addAndRebalance(join, data.memberId(), nowMs);
            return;
        }
        Errors error = group.members.check(data.memberId(), data.groupInstanceId());
        if (error != Errors.NONE) {
            group.refuse(join, error);
            return;
        }
        GroupMember member = group.members.get(data.memberId());
        boolean same = member.matches(join);
        switch (group.state) {
            case COMPLETING_REBALANCE -> {
                if (same) {
                    // The answer to its join got lost.
                    group.touch(member, nowMs);
                    group.answer(join.reply(), joined(member, join.caller(), group.members.isLeader(member), false));
                } else {
                    rejoin(member, join, nowMs);
                }
            }
            case STABLE -> {
                if (same && !group.members.isLeader(member)) {
                    group.touch(member, nowMs);
                    group.answer(join.reply(), joined(member, join.caller(), false, false));
                } else {
                    rejoin(member, join, nowMs);
                }
            }
            default -> rejoin(member, join, nowMs);
        }
    }

    /** KIP-345: the instance gets a new id, and whoever still uses the old one is fenced. */
    private void onStaticMemberReturn(GroupRequest.Join join, GroupMember member, long nowMs) {
        String formerLeader = group.members.leader();
        String formerProtocol = group.protocol;
        group.release(member, Errors.FENCED_INSTANCE_ID);
        String formerId = member.memberId;
        group.members.rename(member, group.newMemberId.apply(member.groupInstanceId));
        group.history.replaced(member, formerId, nowMs);
        if (group.state != ClassicGroup.State.STABLE) {
            rejoin(member, join, nowMs);
            return;
        }
        member.update(join);
        group.touch(member, nowMs);
        if (!Objects.equals(formerProtocol, group.members.vote())) {
            rejoin(member, join, nowMs);
            return;
        }
        boolean leads = group.members.isLeader(member);
        // Only from v9 on can a leader be told to leave the assignment as it is (KIP-814): an older one is told that
        // its
        // former self leads, so that it does not assign.
        boolean skip = leads && join.caller().apiVersion() >= 9;
        JoinGroupResponseData response = joined(member, join.caller(), skip, skip);
        if (!skip) {
            response.setLeader(formerLeader);
        }
        String memberId = member.memberId;
        short version = join.caller().apiVersion();
        group.append(
                List.of(group.stored(Map.of())),
                new Effect.ThenAnswer<>(
                        join.reply(), response, error -> GroupRequest.Join.refusal(error, memberId, version)));
    }

    private void addAndRebalance(GroupRequest.Join join, String memberId, long nowMs) {
        GroupMember member = new GroupMember(memberId, join.data().groupInstanceId());
        member.isNew = true;
        if (group.members.isEmpty()) {
            group.protocolType = join.data().protocolType();
        }
        group.members.add(member);
        joinedDuringDelay = true;
        group.history.joined(member, join, nowMs);
        gather(nowMs);
        rejoin(member, join, nowMs);
    }

    /** Somebody comes or goes. */
    private void gather(long nowMs) {
        if (group.state != ClassicGroup.State.PREPARING_REBALANCE) {
            if (group.members.all().stream().noneMatch(member -> member.held != null)) {
                return;
            }
            gatheredMs = nowMs;
        } else if (group.tellDeadlineMs == ClassicGroupState.NEVER) {
            return;
        }
        group.tellDeadlineMs = group.deadline(Math.min(nowMs + GATHER_MS, gatheredMs + GATHER_MOST_MS));
    }

    /** Nobody else is waited for. */
    void tell() {
        group.tellDeadlineMs = ClassicGroupState.NEVER;
        group.releaseHeld(Errors.REBALANCE_IN_PROGRESS);
    }

    /** Parks a join until the rebalance completes, and begins one unless one is going on. */
    private void rejoin(GroupMember member, GroupRequest.Join join, long nowMs) {
        group.release(member, Errors.REBALANCE_IN_PROGRESS);
        member.update(join);
        member.join = join;
        group.history.came(member, nowMs);
        if (!member.isNew && group.state != ClassicGroup.State.PREPARING_REBALANCE) {
            group.history.rejoined(member, join, nowMs);
        }
        member.deadlineMs = group.deadline(
                nowMs + (member.isNew ? ClassicGroup.NEW_MEMBER_JOIN_TIMEOUT_MS : member.sessionTimeoutMs));
        if (group.state != ClassicGroup.State.PREPARING_REBALANCE) {
            prepareRebalance(nowMs);
        } else {
            completeJoinIfAllThere(nowMs);
        }
    }

    void prepareRebalance(long nowMs) {
        if (group.state == ClassicGroup.State.COMPLETING_REBALANCE) {
            group.dropAssignments(Errors.REBALANCE_IN_PROGRESS);
        }
        int rebalanceTimeoutMs = group.members.rebalanceTimeoutMs();
        initialDelay = group.state == ClassicGroup.State.EMPTY;
        group.become(ClassicGroup.State.PREPARING_REBALANCE, nowMs);
        if (group.tellDeadlineMs == ClassicGroupState.NEVER) {
            tell();
        }
        group.syncDeadlineMs = ClassicGroupState.NEVER;
        if (initialDelay) {
            int delay = group.config.initialRebalanceDelayMs();
            joinedDuringDelay = false;
            initialDelayLeftMs = Math.max(0, rebalanceTimeoutMs - delay);
            group.joinDeadlineMs = group.deadline(nowMs + delay);
            group.history.rebalancing(true, delay, nowMs);
        } else {
            group.joinDeadlineMs = group.deadline(nowMs + rebalanceTimeoutMs);
            group.history.rebalancing(false, rebalanceTimeoutMs, nowMs);
            completeJoinIfAllThere(nowMs);
        }
    }

    void completeJoinIfAllThere(long nowMs) {
        if (group.state == ClassicGroup.State.PREPARING_REBALANCE
                && !initialDelay
                && group.pending.isEmpty()
                && group.members.awaitingJoin() == group.members.size()) {
            completeJoin(nowMs);
        }
    }

    void onJoinDeadline(long nowMs) {
        if (initialDelay && joinedDuringDelay && initialDelayLeftMs > 0) {
            // Somebody came: wait for more, up to the rebalance time-out in all.
            joinedDuringDelay = false;
            long delay = Math.min(group.config.initialRebalanceDelayMs(), initialDelayLeftMs);
            initialDelayLeftMs -= delay;
            group.joinDeadlineMs = group.deadline(nowMs + delay);
        } else {
            completeJoin(nowMs);
        }
    }

    private void completeJoin(long nowMs) {
        for (GroupMember member : new ArrayList<>(group.members.all())) {
            if (member.join == null && member.groupInstanceId == null) {
                group.history.timedOut(
                        member, "did not join within " + (nowMs - group.stateSinceMs) + " ms of the rebalance", nowMs);
                group.members.remove(member);
            }
        }
        if (!group.members.isEmpty() && !group.members.electAmongJoined()) {
            // Static members only, and none of them back yet: their sessions decide.
            group.joinDeadlineMs = group.deadline(nowMs + group.members.rebalanceTimeoutMs());
            return;
        }
        tell();
        group.generation++;
        group.loaded = false;
        group.joinDeadlineMs = ClassicGroupState.NEVER;
        initialDelay = false;
        if (group.members.isEmpty()) {
            group.protocol = null;
            group.become(ClassicGroup.State.EMPTY, nowMs);
            group.history.emptied(nowMs);
            group.append(List.of(group.stored(Map.of())), Effect.Nothing.NOTHING);
            return;
        }
        group.protocol = group.members.vote();
        group.history.joinedAll(nowMs);
        group.become(ClassicGroup.State.COMPLETING_REBALANCE, nowMs);
        group.syncDeadlineMs = group.deadline(nowMs + group.members.rebalanceTimeoutMs());
        for (GroupMember member : group.members.all()) {
            member.isNew = false;
            member.synced = false;
            if (member.join != null) {
                GroupRequest.Join join = member.join;
                member.join = null;
                group.touch(member, nowMs);
                member.pace.begin(nowMs);
                group.answer(join.reply(), joined(member, join.caller(), group.members.isLeader(member), false));
            }
        }
    }

    private JoinGroupResponseData joined(GroupMember member, Caller caller, boolean withMembers, boolean skip) {
        JoinGroupResponseData response = new JoinGroupResponseData()
                .setGenerationId(group.generation)
                .setProtocolType(group.protocolType)
                .setProtocolName(group.protocol)
                .setLeader(group.members.leader())
                .setSkipAssignment(skip)
                .setMemberId(member.memberId);
        if (withMembers) {
            for (GroupMember m : group.members.all()) {
                response.members()
                        .add(new JoinGroupResponseMember()
                                .setMemberId(m.memberId)
                                .setGroupInstanceId(caller.apiVersion() >= 5 ? m.groupInstanceId : null)
                                .setMetadata(m.metadata(group.protocol)));
            }
        }
        return response;
    }

    void removeAndRebalance(GroupMember member, Errors toParked, long nowMs) {
        group.release(member, toParked);
        group.members.remove(member);
        gather(nowMs);
        if (group.state == ClassicGroup.State.PREPARING_REBALANCE) {
            completeJoinIfAllThere(nowMs);
        } else {
            prepareRebalance(nowMs);
        }
    }
}
