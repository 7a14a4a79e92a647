package io.troupe.group;

import io.troupe.config.GroupConfig;
import io.troupe.group.GroupService.Caller;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.apache.kafka.common.message.HeartbeatResponseData;
import org.apache.kafka.common.message.JoinGroupResponseData;
import org.apache.kafka.common.message.JoinGroupResponseData.JoinGroupResponseMember;
import org.apache.kafka.common.message.LeaveGroupRequestData.MemberIdentity;
import org.apache.kafka.common.message.LeaveGroupResponseData;
import org.apache.kafka.common.message.LeaveGroupResponseData.MemberResponse;
import org.apache.kafka.common.message.OffsetCommitRequestData;
import org.apache.kafka.common.message.SyncGroupResponseData;
import org.apache.kafka.common.protocol.Errors;

/**
 * A consumer group of the classic protocol (KIP-62, 134, 345, 394, 800): a deterministic state machine. Commands and the
 * time come in, {@link Effect}s come out; no clock, no I/O, no threads. Owned by one thread at a time.
 *
 * <pre>
 * state                 what moves it                                        to
 * EMPTY                 a member joins                                       PREPARING_REBALANCE
 * PREPARING_REBALANCE   all rejoined, or time is up; somebody is left        COMPLETING_REBALANCE, generation + 1
 *                       all rejoined, or time is up; nobody is left          EMPTY, generation + 1
 * COMPLETING_REBALANCE  the leader's assignment is stored                    STABLE
 *                       a join, a leave, an end of session, a failed store   PREPARING_REBALANCE
 * STABLE                a join that changes something, a leave, an end of    PREPARING_REBALANCE
 *                       session
 * EMPTY                 nothing is left to remember                          (forgotten; described as Dead)
 * </pre>
 *
 * <p>What must survive is in {@link #committed()}, which changes only by {@link #appended}; a group made from it stands
 * where the last stored generation stood, with all sessions begun anew. Generations that were never stored are forgotten
 * with the machine: their members hear ILLEGAL_GENERATION or UNKNOWN_MEMBER_ID and rejoin.
 */
final class ClassicGroup {
    enum State {
        EMPTY("Empty"),
        PREPARING_REBALANCE("PreparingRebalance"),
        COMPLETING_REBALANCE("CompletingRebalance"),
        STABLE("Stable");

        /** Kafka's name. */
        final String text;

        State(String text) {
            this.text = text;
        }
    }

    /** A new member that waits in its first join is given up after this, though it cannot send heartbeats yet. */
    static final int NEW_MEMBER_JOIN_TIMEOUT_MS = 5 * 60 * 1000;
    /** How often old offsets and idle groups are looked for. */
    static final int SWEEP_INTERVAL_MS = 10 * 60 * 1000;
    /** Ids given out to members that have not come back with them yet. */
    static final int MAX_PENDING_MEMBERS = 10_000;

    private static final long NEVER = Long.MAX_VALUE;

    private final GroupConfig config;
    private final UnaryOperator<String> newMemberId;
    private final GroupMembers members = new GroupMembers();
    /** Member ids that were given out (KIP-394) and when they lapse. */
    private final Map<String, Long> pending = new LinkedHashMap<>();

    private CommittedGroup committed;
    private State state;
    private int generation;
    private String protocolType;
    private String protocol;
    private long stateSinceMs;

    private long joinDeadlineMs = NEVER;
    private long syncDeadlineMs = NEVER;
    private long sweepDeadlineMs;
    /** The first rebalance waits for more members to come, whoever has joined already. */
    private boolean initialDelay;

    private long initialDelayLeftMs;
    private boolean joinedDuringDelay;
    /** Generation whose assignment is being stored, -1 for none. */
    private int storing = -1;
    /** Appends asked for and not yet decided. */
    private int appending;
    /** Never later than the earliest deadline. */
    private long nextDeadlineMs = NEVER;

    private List<Effect> effects = new ArrayList<>();

    /**
     * @param newMemberId makes a unique member id that begins with the given client or instance id
     */
    ClassicGroup(CommittedGroup committed, GroupConfig config, UnaryOperator<String> newMemberId, long nowMs) {
        this.committed = committed;
        this.config = config;
        this.newMemberId = newMemberId;
        this.stateSinceMs = nowMs;
        this.state = State.EMPTY;
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
                state = State.STABLE;
                if (members.has(stored.leader())) {
                    members.lead(stored.leader());
                }
            }
        }
        sweepDeadlineMs = deadline(nowMs + SWEEP_INTERVAL_MS);
    }

    State state() {
        return state;
    }

    int generation() {
        return generation;
    }

    /** Empty for a group that only commits offsets. */
    String protocolType() {
        return protocolType == null ? "" : protocolType;
    }

    CommittedGroup committed() {
        return committed;
    }

    /** When {@link #tick} is due at the latest, or earlier than needed; {@link Long#MAX_VALUE} for never. */
    long nextDeadlineMs() {
        return nextDeadlineMs;
    }

    // Commands

    List<Effect> handle(GroupRequest request, long nowMs) {
        if (request instanceof GroupRequest.Heartbeat heartbeat) {
            onHeartbeat(heartbeat, nowMs);
        } else if (request instanceof GroupRequest.CommitOffsets commit) {
            onCommitOffsets(commit, nowMs);
        } else if (request instanceof GroupRequest.FetchOffsets fetch) {
            answer(fetch.reply(), GroupOffsets.fetch(committed, fetch.asked()));
        } else if (request instanceof GroupRequest.Join join) {
            onJoin(join, nowMs);
        } else if (request instanceof GroupRequest.Sync sync) {
            onSync(sync, nowMs);
        } else if (request instanceof GroupRequest.Leave leave) {
            onLeave(leave, nowMs);
        } else if (request instanceof GroupRequest.Describe describe) {
            answer(describe.reply(), GroupDescription.of(this, members, protocol));
        } else if (request instanceof GroupRequest.Delete delete) {
            onDelete(delete);
        } else if (request instanceof GroupRequest.DeleteOffsets delete) {
            onDeleteOffsets(delete);
        }
        return take(nowMs);
    }

    /** Whatever is due by now. */
    List<Effect> tick(long nowMs) {
        if (pending.values().removeIf(lapsesMs -> lapsesMs <= nowMs)) {
            completeJoinIfAllThere(nowMs);
        }
        for (GroupMember member : new ArrayList<>(members.all())) {
            if (member.deadlineMs <= nowMs) {
                onSessionEnd(member, nowMs);
            }
        }
        if (syncDeadlineMs <= nowMs) {
            onSyncDeadline(nowMs);
        }
        if (sweepDeadlineMs <= nowMs) {
            sweepDeadlineMs = nowMs + SWEEP_INTERVAL_MS;
            sweep(nowMs);
        }
        List<Effect> due = take(nowMs);
        nextDeadlineMs = Math.min(Math.min(joinDeadlineMs, syncDeadlineMs), sweepDeadlineMs);
        pending.values().forEach(this::deadline);
        members.all().forEach(member -> deadline(member.deadlineMs));
        return due;
    }

    /**
     * An append was decided: acknowledged, or refused with an error for clients.
     *
     * @param error {@link Errors#NONE} when the records are acknowledged
     */
    List<Effect> appended(Effect.Append append, Errors error, long nowMs) {
        appending--;
        if (error == Errors.NONE) {
            committed = committed.with(append.records());
        }
        if (append.then() instanceof Effect.ThenAnswer<?> then) {
            effects.add(answerOf(then, error));
        } else if (append.then() instanceof Effect.AssignmentStored stored) {
            onAssignmentStored(stored.generation(), error, nowMs);
        }
        return take(nowMs);
    }

    private static <T> Effect answerOf(Effect.ThenAnswer<T> then, Errors error) {
        return new Effect.Answer<>(
                then.to(),
                error == Errors.NONE ? then.success() : then.failure().apply(error));
    }

    /** Topics were deleted: their offsets go. */
    List<Effect> topicsDeleted(Set<String> topics, long nowMs) {
        List<GroupRecord> records = new ArrayList<>();
        committed.offsets().forEach((topic, offsets) -> {
            if (topics.contains(topic)) {
                offsets.keySet().forEach(p -> records.add(new GroupRecord.OffsetRemoved(groupId(), topic, p)));
            }
        });
        if (!records.isEmpty()) {
            append(records, Effect.Nothing.NOTHING);
        }
        return take(nowMs);
    }

    /** Answers every parked request, because the machine ends. */
    List<Effect> end(Errors error) {
        for (GroupMember member : members.all()) {
            release(member, error);
        }
        return drain();
    }

    // Join

    private void onJoin(GroupRequest.Join join, long nowMs) {
        var data = join.data();
        int session = data.sessionTimeoutMs();
        if (session < config.minSessionTimeoutMs() || session > config.maxSessionTimeoutMs()) {
            refuse(join, Errors.INVALID_SESSION_TIMEOUT);
            return;
        }
        // A static member that comes back with no id takes the place of its former self.
        GroupMember before =
                data.memberId().isEmpty() ? members.ofInstance(data.groupInstanceId()) : members.get(data.memberId());
        if (!hasRoomFor(before)) {
            if (before != null) {
                removeAndRebalance(before, Errors.GROUP_MAX_SIZE_REACHED, nowMs);
            }
            refuse(join, Errors.GROUP_MAX_SIZE_REACHED);
            return;
        }
        if (!supports(join, before)) {
            refuse(join, Errors.INCONSISTENT_GROUP_PROTOCOL);
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
        return switch (state) {
            case EMPTY -> true;
            case PREPARING_REBALANCE ->
                known != null && known.join != null || members.awaitingJoin() < config.maxSize();
            case COMPLETING_REBALANCE, STABLE -> known != null || members.size() < config.maxSize();
        };
    }

    private boolean supports(GroupRequest.Join join, GroupMember before) {
        String type = join.data().protocolType();
        List<GroupMember.Protocol> offered = GroupMember.protocolsOf(join);
        if (type == null || type.isEmpty() || offered.isEmpty()) {
            return false;
        }
        return members.isEmpty() || type.equals(protocolType) && members.understands(offered, before);
    }

    private void onNewMemberJoin(GroupRequest.Join join, long nowMs) {
        var data = join.data();
        boolean isStatic = data.groupInstanceId() != null;
        String clientId = join.caller().clientId();
        String memberId = newMemberId.apply(isStatic ? data.groupInstanceId() : clientId == null ? "" : clientId);
        if (isStatic || join.caller().apiVersion() < 4) {
            addAndRebalance(join, memberId, nowMs);
        } else if (pending.size() >= MAX_PENDING_MEMBERS) {
            refuse(join, Errors.GROUP_MAX_SIZE_REACHED);
        } else {
            // Clients that give up on a slow join would otherwise leave a member behind at each try (KIP-394).
            pending.put(memberId, deadline(nowMs + data.sessionTimeoutMs()));
            answer(
                    join.reply(),
                    GroupRequest.Join.refusal(
                            Errors.MEMBER_ID_REQUIRED, memberId, join.caller().apiVersion()));
        }
    }

    private void onKnownMemberJoin(GroupRequest.Join join, long nowMs) {
        var data = join.data();
        if (data.groupInstanceId() == null && pending.remove(data.memberId()) != null) {
            addAndRebalance(join, data.memberId(), nowMs);
            return;
        }
        Errors error = members.check(data.memberId(), data.groupInstanceId());
        if (error != Errors.NONE) {
            refuse(join, error);
            return;
        }
        GroupMember member = members.get(data.memberId());
        boolean same = member.matches(join);
        switch (state) {
            case COMPLETING_REBALANCE -> {
                if (same) {
                    // The answer to its join got lost.
                    touch(member, nowMs);
                    answer(join.reply(), joined(member, join.caller(), members.isLeader(member), false));
                } else {
                    rejoin(member, join, nowMs);
                }
            }
            case STABLE -> {
                if (same && !members.isLeader(member)) {
                    touch(member, nowMs);
                    answer(join.reply(), joined(member, join.caller(), false, false));
                } else {
                    rejoin(member, join, nowMs);
                }
            }
            default -> rejoin(member, join, nowMs);
        }
    }

    /** KIP-345: the instance gets a new id, and whoever still uses the old one is fenced. */
    private void onStaticMemberReturn(GroupRequest.Join join, GroupMember member, long nowMs) {
        String formerLeader = members.leader();
        String formerProtocol = protocol;
        release(member, Errors.FENCED_INSTANCE_ID);
        members.rename(member, newMemberId.apply(member.groupInstanceId));
        if (state != State.STABLE) {
            rejoin(member, join, nowMs);
            return;
        }
        member.update(join);
        touch(member, nowMs);
        if (!Objects.equals(formerProtocol, members.vote())) {
            rejoin(member, join, nowMs);
            return;
        }
        boolean leads = members.isLeader(member);
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
        append(
                List.of(stored(Map.of())),
                new Effect.ThenAnswer<>(
                        join.reply(), response, error -> GroupRequest.Join.refusal(error, memberId, version)));
    }

    private void addAndRebalance(GroupRequest.Join join, String memberId, long nowMs) {
        GroupMember member = new GroupMember(memberId, join.data().groupInstanceId());
        member.isNew = true;
        if (members.isEmpty()) {
            protocolType = join.data().protocolType();
        }
        members.add(member);
        joinedDuringDelay = true;
        rejoin(member, join, nowMs);
    }

    /** Parks a join until the rebalance completes, and begins one unless one is going on. */
    private void rejoin(GroupMember member, GroupRequest.Join join, long nowMs) {
        release(member, Errors.REBALANCE_IN_PROGRESS);
        member.update(join);
        member.join = join;
        member.deadlineMs = deadline(nowMs + (member.isNew ? NEW_MEMBER_JOIN_TIMEOUT_MS : member.sessionTimeoutMs));
        if (state != State.PREPARING_REBALANCE) {
            prepareRebalance(nowMs);
        } else {
            completeJoinIfAllThere(nowMs);
        }
    }

    private void prepareRebalance(long nowMs) {
        if (state == State.COMPLETING_REBALANCE) {
            dropAssignments(Errors.REBALANCE_IN_PROGRESS);
        }
        int rebalanceTimeoutMs = members.rebalanceTimeoutMs();
        initialDelay = state == State.EMPTY;
        become(State.PREPARING_REBALANCE, nowMs);
        syncDeadlineMs = NEVER;
        if (initialDelay) {
            int delay = config.initialRebalanceDelayMs();
            joinedDuringDelay = false;
            initialDelayLeftMs = Math.max(0, rebalanceTimeoutMs - delay);
            joinDeadlineMs = deadline(nowMs + delay);
        } else {
            joinDeadlineMs = deadline(nowMs + rebalanceTimeoutMs);
            completeJoinIfAllThere(nowMs);
        }
    }

    private void completeJoinIfAllThere(long nowMs) {
        if (state == State.PREPARING_REBALANCE
                && !initialDelay
                && pending.isEmpty()
                && members.awaitingJoin() == members.size()) {
            completeJoin(nowMs);
        }
    }

    private void onJoinDeadline(long nowMs) {
        if (initialDelay && joinedDuringDelay && initialDelayLeftMs > 0) {
            // Somebody came: wait for more, up to the rebalance time-out in all.
            joinedDuringDelay = false;
            long delay = Math.min(config.initialRebalanceDelayMs(), initialDelayLeftMs);
            initialDelayLeftMs -= delay;
            joinDeadlineMs = deadline(nowMs + delay);
        } else {
            completeJoin(nowMs);
        }
    }

    private void completeJoin(long nowMs) {
        for (GroupMember member : new ArrayList<>(members.all())) {
            if (member.join == null && member.groupInstanceId == null) {
                members.remove(member);
            }
        }
        if (!members.isEmpty() && !members.electAmongJoined()) {
            // Static members only, and none of them back yet: their sessions decide.
            joinDeadlineMs = deadline(nowMs + members.rebalanceTimeoutMs());
            return;
        }
        generation++;
        joinDeadlineMs = NEVER;
        initialDelay = false;
        if (members.isEmpty()) {
            protocol = null;
            become(State.EMPTY, nowMs);
            append(List.of(stored(Map.of())), Effect.Nothing.NOTHING);
            return;
        }
        protocol = members.vote();
        become(State.COMPLETING_REBALANCE, nowMs);
        syncDeadlineMs = deadline(nowMs + members.rebalanceTimeoutMs());
        for (GroupMember member : members.all()) {
            member.isNew = false;
            member.synced = false;
            if (member.join != null) {
                GroupRequest.Join join = member.join;
                member.join = null;
                touch(member, nowMs);
                answer(join.reply(), joined(member, join.caller(), members.isLeader(member), false));
            }
        }
    }

    private JoinGroupResponseData joined(GroupMember member, Caller caller, boolean withMembers, boolean skip) {
        JoinGroupResponseData response = new JoinGroupResponseData()
                .setGenerationId(generation)
                .setProtocolType(protocolType)
                .setProtocolName(protocol)
                .setLeader(members.leader())
                .setSkipAssignment(skip)
                .setMemberId(member.memberId);
        if (withMembers) {
            for (GroupMember m : members.all()) {
                response.members()
                        .add(new JoinGroupResponseMember()
                                .setMemberId(m.memberId)
                                .setGroupInstanceId(caller.apiVersion() >= 5 ? m.groupInstanceId : null)
                                .setMetadata(m.metadata(protocol)));
            }
        }
        return response;
    }

    // Sync

    private void onSync(GroupRequest.Sync sync, long nowMs) {
        var data = sync.data();
        Errors error = members.check(data.memberId(), data.groupInstanceId());
        if (error == Errors.NONE && data.generationId() != generation) {
            error = Errors.ILLEGAL_GENERATION;
        }
        if (error == Errors.NONE
                && (data.protocolType() != null && !data.protocolType().equals(protocolType)
                        || data.protocolName() != null && !data.protocolName().equals(protocol))) {
            error = Errors.INCONSISTENT_GROUP_PROTOCOL;
        }
        if (error == Errors.NONE && state == State.PREPARING_REBALANCE) {
            error = Errors.REBALANCE_IN_PROGRESS;
        }
        if (error != Errors.NONE) {
            refuse(sync, error);
            return;
        }
        GroupMember member = members.get(data.memberId());
        member.synced = true;
        touch(member, nowMs);
        if (state == State.STABLE) {
            answer(sync.reply(), assigned(member));
            return;
        }
        if (member.sync != null) {
            refuse(member.sync, Errors.REBALANCE_IN_PROGRESS);
        }
        member.sync = sync;
        if (members.isLeader(member) && storing != generation) {
            Map<String, byte[]> assignments = new HashMap<>();
            data.assignments().forEach(a -> assignments.put(a.memberId(), a.assignment()));
            members.all().forEach(m -> assignments.putIfAbsent(m.memberId, GroupMember.NOTHING));
            storing = generation;
            append(List.of(stored(assignments)), new Effect.AssignmentStored(generation));
        }
    }

    private void onAssignmentStored(int storedGeneration, Errors error, long nowMs) {
        if (storing == storedGeneration) {
            storing = -1;
        }
        if (state != State.COMPLETING_REBALANCE || generation != storedGeneration) {
            return;
        }
        if (error != Errors.NONE) {
            dropAssignments(error);
            prepareRebalance(nowMs);
            return;
        }
        become(State.STABLE, nowMs);
        for (GroupMetadata.Member stored : committed.metadata().members()) {
            GroupMember member = members.get(stored.memberId());
            if (member != null) {
                member.assignment = stored.assignment();
            }
        }
        for (GroupMember member : members.all()) {
            if (member.sync != null) {
                GroupRequest.Sync sync = member.sync;
                member.sync = null;
                touch(member, nowMs);
                answer(sync.reply(), assigned(member));
            }
        }
    }

    private SyncGroupResponseData assigned(GroupMember member) {
        return new SyncGroupResponseData()
                .setProtocolType(protocolType)
                .setProtocolName(protocol)
                .setAssignment(member.assignment);
    }

    private void dropAssignments(Errors toParkedSyncs) {
        for (GroupMember member : members.all()) {
            member.assignment = GroupMember.NOTHING;
            if (member.sync != null) {
                refuse(member.sync, toParkedSyncs);
                member.sync = null;
            }
        }
    }

    private void onSyncDeadline(long nowMs) {
        syncDeadlineMs = NEVER;
        if (state != State.COMPLETING_REBALANCE && state != State.STABLE) {
            return;
        }
        List<GroupMember> silent = members.all().stream().filter(m -> !m.synced).toList();
        for (GroupMember member : silent) {
            release(member, Errors.UNKNOWN_MEMBER_ID);
            members.remove(member);
        }
        if (!silent.isEmpty()) {
            prepareRebalance(nowMs);
        }
    }

    // Heartbeat, leave

    private void onHeartbeat(GroupRequest.Heartbeat heartbeat, long nowMs) {
        var data = heartbeat.data();
        Errors error = members.check(data.memberId(), data.groupInstanceId());
        if (error == Errors.NONE && data.generationId() != generation) {
            error = Errors.ILLEGAL_GENERATION;
        }
        if (error == Errors.NONE) {
            touch(members.get(data.memberId()), nowMs);
            if (state == State.PREPARING_REBALANCE) {
                error = Errors.REBALANCE_IN_PROGRESS;
            }
        }
        answer(heartbeat.reply(), new HeartbeatResponseData().setErrorCode(error.code()));
    }

    private void onLeave(GroupRequest.Leave leave, long nowMs) {
        var data = leave.data();
        LeaveGroupResponseData response = new LeaveGroupResponseData();
        if (leave.caller().apiVersion() <= 2) {
            response.setErrorCode(leave(data.memberId(), null, nowMs).code());
        } else {
            for (MemberIdentity who : data.members()) {
                response.members()
                        .add(new MemberResponse()
                                .setMemberId(who.memberId())
                                .setGroupInstanceId(who.groupInstanceId())
                                .setErrorCode(leave(who.memberId(), who.groupInstanceId(), nowMs)
                                        .code()));
            }
        }
        answer(leave.reply(), response);
    }

    private Errors leave(String memberId, String groupInstanceId, long nowMs) {
        if (groupInstanceId == null && pending.remove(memberId) != null) {
            completeJoinIfAllThere(nowMs);
            return Errors.NONE;
        }
        // An operator may remove a static member by its instance id alone.
        GroupMember byInstance = members.ofInstance(groupInstanceId);
        boolean byInstanceAlone = byInstance != null && memberId.isEmpty();
        Errors error = byInstanceAlone ? Errors.NONE : members.check(memberId, groupInstanceId);
        if (error == Errors.NONE) {
            removeAndRebalance(byInstanceAlone ? byInstance : members.get(memberId), Errors.UNKNOWN_MEMBER_ID, nowMs);
        }
        return error;
    }

    private void removeAndRebalance(GroupMember member, Errors toParked, long nowMs) {
        release(member, toParked);
        members.remove(member);
        if (state == State.PREPARING_REBALANCE) {
            completeJoinIfAllThere(nowMs);
        } else {
            prepareRebalance(nowMs);
        }
    }

    private void onSessionEnd(GroupMember member, long nowMs) {
        if (!members.has(member.memberId) || member.deadlineMs > nowMs) {
            return;
        }
        boolean parked = member.join != null || member.sync != null;
        if (parked && !member.isNew) {
            // It cannot send heartbeats while it waits for us.
            touch(member, nowMs);
        } else {
            removeAndRebalance(member, Errors.UNKNOWN_MEMBER_ID, nowMs);
        }
    }

    // Offsets

    private void onCommitOffsets(GroupRequest.CommitOffsets commit, long nowMs) {
        Errors error = mayCommit(commit.data(), nowMs);
        if (error != Errors.NONE) {
            refuse(commit, error);
            return;
        }
        GroupOffsets.Commit decided = GroupOffsets.commit(commit.data(), config.offsetMetadataMaxBytes(), nowMs);
        if (decided.records().isEmpty()) {
            answer(commit.reply(), decided.response());
            return;
        }
        append(
                decided.records(),
                new Effect.ThenAnswer<>(
                        commit.reply(),
                        decided.response(),
                        refusal -> GroupOffsets.commitRefused(commit.data(), refusal)));
    }

    private Errors mayCommit(OffsetCommitRequestData data, long nowMs) {
        int asGeneration = data.generationIdOrMemberEpoch();
        if (asGeneration < 0 && state == State.EMPTY) {
            return Errors.NONE;
        }
        Errors error = members.check(data.memberId(), data.groupInstanceId());
        if (error != Errors.NONE) {
            return error;
        }
        if (asGeneration != generation) {
            return Errors.ILLEGAL_GENERATION;
        }
        touch(members.get(data.memberId()), nowMs);
        // The new generation's members have not been told what they own: nobody can have consumed in it.
        return state == State.COMPLETING_REBALANCE ? Errors.REBALANCE_IN_PROGRESS : Errors.NONE;
    }

    private void onDelete(GroupRequest.Delete delete) {
        if (state != State.EMPTY) {
            answer(delete.reply(), Errors.NON_EMPTY_GROUP);
        } else if (committed.isVoid()) {
            answer(delete.reply(), Errors.GROUP_ID_NOT_FOUND);
        } else {
            append(tombstones(), new Effect.ThenAnswer<>(delete.reply(), Errors.NONE, UnaryOperator.identity()));
        }
    }

    private void onDeleteOffsets(GroupRequest.DeleteOffsets delete) {
        if (state != State.EMPTY && !"consumer".equals(protocolType)) {
            refuse(delete, Errors.NON_EMPTY_GROUP);
            return;
        }
        Set<String> subscribed = state == State.EMPTY ? Set.of() : Subscriptions.topics(members.all(), protocol);
        List<GroupRecord> records = new ArrayList<>();
        List<Errors> results = new ArrayList<>();
        for (GroupRequest.Partition p : delete.partitions()) {
            boolean refused = subscribed == null || subscribed.contains(p.topic());
            results.add(refused ? Errors.GROUP_SUBSCRIBED_TO_TOPIC : Errors.NONE);
            if (!refused && committed.offset(p.topic(), p.partition()) != null) {
                records.add(new GroupRecord.OffsetRemoved(groupId(), p.topic(), p.partition()));
            }
        }
        GroupRequest.OffsetsDeleted done = new GroupRequest.OffsetsDeleted(Errors.NONE, results);
        if (records.isEmpty()) {
            answer(delete.reply(), done);
        } else {
            append(
                    records,
                    new Effect.ThenAnswer<>(
                            delete.reply(), done, error -> new GroupRequest.OffsetsDeleted(error, List.of())));
        }
    }

    /** Offsets of a group without members lapse (KIP-211), and then the group itself. */
    private void sweep(long nowMs) {
        if (state != State.EMPTY || appending > 0 || !pending.isEmpty()) {
            return;
        }
        List<GroupRecord> lapsed = new ArrayList<>();
        boolean consumers = !protocolType().isEmpty();
        committed
                .offsets()
                .forEach((topic, offsets) -> offsets.forEach((partition, offset) -> {
                    long sinceMs =
                            consumers ? Math.max(stateSinceMs, offset.commitTimestampMs()) : offset.commitTimestampMs();
                    if (nowMs - sinceMs >= config.offsetsRetentionMs()) {
                        lapsed.add(new GroupRecord.OffsetRemoved(groupId(), topic, partition));
                    }
                }));
        boolean nothingElse = committed.with(lapsed).offsets().isEmpty();
        if (nothingElse && committed.metadata() != null && nowMs - stateSinceMs >= SWEEP_INTERVAL_MS) {
            lapsed.add(new GroupRecord.GroupRemoved(groupId()));
        }
        if (!lapsed.isEmpty()) {
            append(lapsed, Effect.Removed.REMOVED);
        }
    }

    private List<GroupRecord> tombstones() {
        List<GroupRecord> records = new ArrayList<>();
        committed.offsets().forEach((topic, offsets) -> offsets.keySet()
                .forEach(p -> records.add(new GroupRecord.OffsetRemoved(groupId(), topic, p))));
        if (committed.metadata() != null) {
            records.add(new GroupRecord.GroupRemoved(groupId()));
        }
        return records;
    }

    // Common steps

    private String groupId() {
        return committed.groupId();
    }

    private void become(State next, long nowMs) {
        state = next;
        stateSinceMs = nowMs;
    }

    private long deadline(long atMs) {
        nextDeadlineMs = Math.min(nextDeadlineMs, atMs);
        return atMs;
    }

    /** A sign of life. */
    private void touch(GroupMember member, long nowMs) {
        if (!member.isNew) {
            member.deadlineMs = deadline(nowMs + member.sessionTimeoutMs);
        }
    }

    /** The group as it is, with these assignments in place of the members' own. */
    private GroupRecord.GroupStored stored(Map<String, byte[]> assignments) {
        List<GroupMetadata.Member> toStore = new ArrayList<>();
        for (GroupMember m : members.all()) {
            toStore.add(m.toStore(protocol, assignments.getOrDefault(m.memberId, m.assignment)));
        }
        return new GroupRecord.GroupStored(
                groupId(),
                new GroupMetadata(protocolType(), generation, protocol, members.leader(), stateSinceMs, toStore));
    }

    private void append(List<GroupRecord> records, Effect.Then then) {
        appending++;
        effects.add(new Effect.Append(records, then));
    }

    private <T> void answer(Reply<T> to, T response) {
        effects.add(new Effect.Answer<>(to, response));
    }

    private void refuse(GroupRequest request, Errors error) {
        effects.add(new Effect.Refuse(request, error));
    }

    /** Answers what a member has parked. */
    private void release(GroupMember member, Errors error) {
        if (member.join != null) {
            refuse(member.join, error);
            member.join = null;
        }
        if (member.sync != null) {
            refuse(member.sync, error);
            member.sync = null;
        }
    }

    private List<Effect> take(long nowMs) {
        if (joinDeadlineMs <= nowMs) {
            onJoinDeadline(nowMs);
        }
        if (state == State.EMPTY && appending == 0 && pending.isEmpty() && committed.isVoid()) {
            effects.add(Effect.Forget.FORGET);
        }
        return drain();
    }

    private List<Effect> drain() {
        List<Effect> taken = effects;
        effects = new ArrayList<>();
        return taken;
    }
}
