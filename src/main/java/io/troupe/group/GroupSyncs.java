package io.troupe.group;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.message.SyncGroupResponseData;
import org.apache.kafka.common.protocol.Errors;

/** How a generation gets its assignment: the leader gives it, it is stored, and then every member hears its own part. */
final class GroupSyncs {
    /**
     * So long at most a member that is assigned nothing waits to hear so, while others are giving up what it is to get: as a rule a
     * few milliseconds, where its first heartbeat would tell it only after its interval.
     */
    static final int MAX_HOLD_MS = 1000;

    private final ClassicGroupState group;
    private final GroupJoins joins;

    /** Of which generation {@link #halfWay} tells. */
    private int judged = -1;

    private boolean halfWay;

    GroupSyncs(ClassicGroupState group, GroupJoins joins) {
        this.group = group;
        this.joins = joins;
    }

    void onSync(GroupRequest.Sync sync, long nowMs) {
        var data = sync.data();
        Errors error = group.members.check(data.memberId(), data.groupInstanceId());
        if (error == Errors.NONE && data.generationId() != group.generation) {
            error = Errors.ILLEGAL_GENERATION;
        }
        if (error == Errors.NONE
                && (data.protocolType() != null && !data.protocolType().equals(group.protocolType)
                        || data.protocolName() != null && !data.protocolName().equals(group.protocol))) {
            error = Errors.INCONSISTENT_GROUP_PROTOCOL;
        }
        if (error == Errors.NONE && group.state == ClassicGroup.State.PREPARING_REBALANCE) {
            error = Errors.REBALANCE_IN_PROGRESS;
        }
        if (error == Errors.NONE
                && data.assignments().stream().anyMatch(a -> a.assignment().length > ClassicGroup.MAX_MEMBER_BYTES)) {
            error = Errors.UNKNOWN_SERVER_ERROR;
        }
        if (error != Errors.NONE) {
            group.refuse(sync, error);
            return;
        }
        GroupMember member = group.members.get(data.memberId());
        member.synced = true;
        group.touch(member, nowMs);
        if (group.state == ClassicGroup.State.STABLE) {
            answer(member, sync);
            return;
        }
        if (member.sync != null) {
            group.refuse(member.sync, Errors.REBALANCE_IN_PROGRESS);
        }
        member.sync = sync;
        if (group.members.isLeader(member) && group.storing != group.generation) {
            Map<String, byte[]> assignments = new HashMap<>();
            data.assignments().forEach(a -> assignments.put(a.memberId(), a.assignment()));
            group.members.all().forEach(m -> assignments.putIfAbsent(m.memberId, GroupMember.NOTHING));
            group.storing = group.generation;
            group.append(List.of(group.stored(assignments)), new Effect.AssignmentStored(group.generation));
        }
    }

    void onAssignmentStored(int storedGeneration, Errors error, long nowMs) {
        if (group.storing == storedGeneration) {
            group.storing = -1;
        }
        if (group.state != ClassicGroup.State.COMPLETING_REBALANCE || group.generation != storedGeneration) {
            return;
        }
        if (error != Errors.NONE) {
            group.dropAssignments(error);
            group.history.storeFailed(error, nowMs);
            joins.prepareRebalance(nowMs);
            return;
        }
        long joinedMs = group.stateSinceMs;
        group.become(ClassicGroup.State.STABLE, nowMs);
        for (GroupMetadata.Member stored : group.committed.metadata().members()) {
            GroupMember member = group.members.get(stored.memberId());
            if (member != null) {
                member.assignment = stored.assignment();
            }
        }
        group.history.assigned(joinedMs, nowMs);
        for (GroupMember member : group.members.all()) {
            if (member.sync != null) {
                GroupRequest.Sync sync = member.sync;
                member.sync = null;
                group.touch(member, nowMs);
                answer(member, sync);
            }
        }
    }

    private void answer(GroupMember member, GroupRequest.Sync sync) {
        int holdMs = Math.min(MAX_HOLD_MS, group.config.heartbeatMaxHoldMs());
        if (holdMs > 0 && group.mayHold(member, sync.hold()) && hasNothing(member) && isHalfWay()) {
            group.hold(member, sync, new Effect.Hold<>(sync.reply(), sync.hold(), assigned(member), holdMs));
        } else {
            group.answer(sync.reply(), assigned(member));
        }
    }

    /** In this generation members of a cooperative group give partitions up, and rejoin for others to get them (KIP-429). */
    private boolean isHalfWay() {
        if (judged != group.generation) {
            judged = group.generation;
            halfWay = group.members.all().stream()
                    .anyMatch(member -> ClassicWords.givesUp(member.metadata(group.protocol), member.assignment));
        }
        return halfWay;
    }

    /** What it could do by the answer is nothing. */
    private boolean hasNothing(GroupMember member) {
        return !ClassicWords.hasPartitions(member.assignment);
    }

    private SyncGroupResponseData assigned(GroupMember member) {
        return new SyncGroupResponseData()
                .setProtocolType(group.protocolType)
                .setProtocolName(group.protocol)
                .setAssignment(member.assignment);
    }

    void onSyncDeadline(long nowMs) {
        group.syncDeadlineMs = ClassicGroupState.NEVER;
        if (group.state != ClassicGroup.State.COMPLETING_REBALANCE && group.state != ClassicGroup.State.STABLE) {
            return;
        }
        List<GroupMember> silent =
                group.members.all().stream().filter(m -> !m.synced).toList();
        for (GroupMember member : silent) {
            group.history.timedOut(member, "did not ask for its assignment", nowMs);
            group.release(member, Errors.UNKNOWN_MEMBER_ID);
            group.members.remove(member);
        }
        if (!silent.isEmpty()) {
            joins.prepareRebalance(nowMs);
        }
    }
}
