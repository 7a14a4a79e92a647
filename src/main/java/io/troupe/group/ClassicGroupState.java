package io.troupe.group;

import io.troupe.config.GroupConfig;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.apache.kafka.common.protocol.Errors;

/**
 * What the parts of a {@link ClassicGroup} share: its members, where it stands, its deadlines, what it wants done; and the steps
 * that several of them take. Owned by the group's thread.
 */
final class ClassicGroupState {
    static final long NEVER = Long.MAX_VALUE;

    /** The protocol of Kafka Streams. */
    private static final String STREAMS = "stream";

    final GroupConfig config;
    final UnaryOperator<String> newMemberId;
    final GroupMembers members = new GroupMembers();
    /** Member ids that were given out (KIP-394) and when they lapse. */
    final Map<String, Long> pending = new LinkedHashMap<>();

    CommittedGroup committed;
    ClassicGroup.State state;
    int generation;
    String protocolType;
    String protocol;
    long stateSinceMs;

    long joinDeadlineMs = NEVER;
    long syncDeadlineMs = NEVER;
    /** When those whose answers wait are told that a rebalance has begun. */
    long tellDeadlineMs = NEVER;

    long sweepDeadlineMs;
    /** Its generation is as a former coordinator stored it. */
    boolean loaded;
    /** Generation whose assignment is being stored, -1 for none. */
    int storing = -1;
    /** Appends asked for and not yet decided. */
    int appending;
    /** Never later than the earliest deadline. */
    long nextDeadlineMs = NEVER;

    List<Effect> effects = new ArrayList<>();
    final ClassicHistory history;

    /**
     * @param newMemberId makes a unique member id that begins with the given client or instance id
     * @param before what is known of its former life
     */
    ClassicGroupState(
            CommittedGroup committed,
            GroupConfig config,
            UnaryOperator<String> newMemberId,
            GroupEvents before,
            long nowMs) {
        this.committed = committed;
        this.config = config;
        this.newMemberId = newMemberId;
        this.stateSinceMs = nowMs;
        this.state = ClassicGroup.State.EMPTY;
        this.history = new ClassicHistory(this, before);
        GroupMetadata stored = committed.metadata();
        if (stored != null) {
            generation = stored.generation();
            protocolType = stored.protocolType();
            protocol = stored.protocol();
            if (stored.stateTimestampMs() >= 0) {
                stateSinceMs = stored.stateTimestampMs();
            }
            for (GroupMetadata.Member m : stored.members()) {
                GroupMember member = GroupMember.stored(m, stored.protocol());
                members.add(member);
                touch(member, nowMs);
            }
            if (!members.isEmpty()) {
                state = ClassicGroup.State.STABLE;
                loaded = true;
                if (members.has(stored.leader())) {
                    members.lead(stored.leader());
                }
            }
        }
        sweepDeadlineMs = deadline(nowMs + ClassicGroup.SWEEP_INTERVAL_MS);
    }

    /** Empty for a group that only commits offsets. */
    String protocolType() {
        return protocolType == null ? "" : protocolType;
    }

    String groupId() {
        return committed.groupId();
    }

    void become(ClassicGroup.State next, long nowMs) {
        state = next;
        stateSinceMs = nowMs;
    }

    long deadline(long atMs) {
        nextDeadlineMs = Math.min(nextDeadlineMs, atMs);
        return atMs;
    }

    /** A sign of life. */
    void touch(GroupMember member, long nowMs) {
        if (!member.isNew) {
            member.deadlineMs = deadline(nowMs + member.sessionTimeoutMs);
        }
    }

    /** The group as it is, with these assignments in place of the members' own. */
    GroupRecord.GroupStored stored(Map<String, byte[]> assignments) {
        List<GroupMetadata.Member> toStore = new ArrayList<>();
        for (GroupMember m : members.all()) {
            toStore.add(m.toStore(protocol, assignments.getOrDefault(m.memberId, m.assignment)));
        }
        return new GroupRecord.GroupStored(
                groupId(),
                new GroupMetadata(protocolType(), generation, protocol, members.leader(), stateSinceMs, toStore));
    }

    void append(List<GroupRecord> records, Effect.Then then) {
        appending++;
        effects.add(new Effect.Append(records, then));
    }

    <T> void answer(Reply<T> to, T response) {
        effects.add(new Effect.Answer<>(to, response));
    }

    void refuse(GroupRequest request, Errors error) {
        effects.add(new Effect.Refuse(request, error));
    }

    /** Answers when a rebalance begins; if none does, so after {@code mostMs} at the latest, or once the member waits for something else. */
    <T> void hold(GroupMember member, GroupRequest request, Effect.Hold<T> hold) {
        member.held = new GroupMember.Held(request, hold.hold());
        effects.add(hold);
    }

    /**
     * Whether a member may be kept waiting. Only ordinary consumers: other types of members are clients of their own. Whose client
     * does not leave the group when it closes (static members, Streams) would wait for the answer then.
     */
    boolean mayHold(GroupMember member, AnswerHold<?> hold) {
        return hold.isPossible()
                && state == ClassicGroup.State.STABLE
                && member.synced
                && member.groupInstanceId == null
                && ClassicWords.TYPE.equals(protocolType)
                && !STREAMS.equals(protocol);
    }

    /** There is something to say to everybody. */
    void releaseHeld(Errors error) {
        members.all().forEach(member -> releaseHeld(member, error));
    }

    private void releaseHeld(GroupMember member, Errors error) {
        if (member.held != null) {
            refuse(member.held.request(), error);
            member.held = null;
        }
    }

    /** Answers what a member has parked. */
    void release(GroupMember member, Errors error) {
        releaseHeld(member, error);
        if (member.join != null) {
            refuse(member.join, error);
            member.join = null;
        }
        if (member.sync != null) {
            refuse(member.sync, error);
            member.sync = null;
        }
    }

    void dropAssignments(Errors toParkedSyncs) {
        for (GroupMember member : members.all()) {
            member.assignment = GroupMember.NOTHING;
            if (member.sync != null) {
                refuse(member.sync, toParkedSyncs);
                member.sync = null;
            }
        }
    }

    List<Effect> drain() {
        List<Effect> taken = effects;
        effects = new ArrayList<>();
        return taken;
    }
}
