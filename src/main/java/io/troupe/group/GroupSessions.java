package io.troupe.group;

import java.util.ArrayList;
import org.apache.kafka.common.message.HeartbeatResponseData;
import org.apache.kafka.common.message.LeaveGroupRequestData.MemberIdentity;
import org.apache.kafka.common.message.LeaveGroupResponseData;
import org.apache.kafka.common.message.LeaveGroupResponseData.MemberResponse;
import org.apache.kafka.common.protocol.Errors;

/** How members stay and go: heartbeats, leaving with a word, and sessions that end without one. */
final class GroupSessions {
    private final ClassicGroupState group;
    private final GroupJoins joins;

    GroupSessions(ClassicGroupState group, GroupJoins joins) {
        this.group = group;
        this.joins = joins;
    }

    void onHeartbeat(GroupRequest.Heartbeat heartbeat, long nowMs) {
        var data = heartbeat.data();
        Errors error = group.members.check(data.memberId(), data.groupInstanceId());
        if (error == Errors.NONE && data.generationId() != group.generation) {
            error = Errors.ILLEGAL_GENERATION;
        }
        if (error == Errors.NONE) {
            GroupMember member = group.members.get(data.memberId());
            group.touch(member, nowMs);
            if (member.held != null && member.held.hold().wasLost()) {
                member.pace.lost();
            }
            member.held = null;
            member.pace.heard(nowMs);
            if (group.state == ClassicGroup.State.PREPARING_REBALANCE) {
                error = Errors.REBALANCE_IN_PROGRESS;
            } else if (hold(member, heartbeat)) {
                return;
            }
        }
        group.answer(heartbeat.reply(), new HeartbeatResponseData().setErrorCode(error.code()));
    }

    /** Whether the answer is kept until there is something to say. */
    private boolean hold(GroupMember member, GroupRequest.Heartbeat heartbeat) {
        int holdMs = group.mayHold(member, heartbeat.hold())
                ? member.pace.holdMs(member.sessionTimeoutMs, group.config.heartbeatMaxHoldMs())
                : 0;
        if (holdMs > 0) {
            group.hold(
                    member,
                    heartbeat,
                    new Effect.Hold<>(heartbeat.reply(), heartbeat.hold(), new HeartbeatResponseData(), holdMs));
        }
        return holdMs > 0;
    }

    void onLeave(GroupRequest.Leave leave, long nowMs) {
        var data = leave.data();
        LeaveGroupResponseData response = new LeaveGroupResponseData();
        if (leave.caller().apiVersion() <= 2) {
            response.setErrorCode(leave(data.memberId(), null, null, nowMs).code());
        } else {
            for (MemberIdentity who : data.members()) {
                response.members()
                        .add(new MemberResponse()
                                .setMemberId(who.memberId())
                                .setGroupInstanceId(who.groupInstanceId())
                                .setErrorCode(leave(who.memberId(), who.groupInstanceId(), who.reason(), nowMs)
                                        .code()));
            }
        }
        group.answer(leave.reply(), response);
    }

    private Errors leave(String memberId, String groupInstanceId, String reason, long nowMs) {
        if (groupInstanceId == null && group.pending.remove(memberId) != null) {
            joins.completeJoinIfAllThere(nowMs);
            return Errors.NONE;
        }
        // An operator may remove a static member by its instance id alone.
        GroupMember byInstance = group.members.ofInstance(groupInstanceId);
        boolean byInstanceAlone = byInstance != null && memberId.isEmpty();
        Errors error = byInstanceAlone ? Errors.NONE : group.members.check(memberId, groupInstanceId);
        if (error == Errors.NONE) {
            GroupMember member = byInstanceAlone ? byInstance : group.members.get(memberId);
            group.history.left(member, reason, nowMs);
            joins.removeAndRebalance(member, Errors.UNKNOWN_MEMBER_ID, nowMs);
        }
        return error;
    }

    private void onSessionEnd(GroupMember member, long nowMs) {
        if (!group.members.has(member.memberId) || member.deadlineMs > nowMs) {
            return;
        }
        boolean parked = member.join != null || member.sync != null;
        if (parked && !member.isNew) {
            // It cannot send heartbeats while it waits for us.
            group.touch(member, nowMs);
        } else {
            group.history.timedOut(
                    member,
                    member.isNew
                            ? "waited too long for its first generation"
                            : "silent for its session of " + member.sessionTimeoutMs + " ms",
                    nowMs);
            joins.removeAndRebalance(member, Errors.UNKNOWN_MEMBER_ID, nowMs);
        }
    }

    /** Everybody, and every id given out, whose time is up. */
    void tick(long nowMs) {
        if (group.pending.values().removeIf(lapsesMs -> lapsesMs <= nowMs)) {
            joins.completeJoinIfAllThere(nowMs);
        }
        for (GroupMember member : new ArrayList<>(group.members.all())) {
            if (member.deadlineMs <= nowMs) {
                onSessionEnd(member, nowMs);
            }
        }
    }
}
