package io.troupe.group;

import io.troupe.config.GroupConfig;
import io.troupe.metadata.MetadataImage;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;
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
 * STABLE                a member of the consumer protocol comes               (a ConsumerGroup takes its place)
 * EMPTY                 nothing is left to remember                          (forgotten; described as Dead)
 * </pre>
 *
 * <p>What must survive is in {@link #committed()}, which changes only by {@link #appended}; a group made from it stands
 * where the last stored generation stood, with all sessions begun anew. Generations that were never stored are forgotten
 * with the machine: their members hear ILLEGAL_GENERATION or UNKNOWN_MEMBER_ID and rejoin.
 */
final class ClassicGroup implements GroupCore {
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
    /**
     * Of what a member says of itself in all its protocols, and of what a leader gives to one: all of it is stored, and loaded by
     * every later coordinator. In Kafka a whole group has about as much.
     */
    static final int MAX_MEMBER_BYTES = 1 << 20;
    /** Ids given out to members that have not come back with them yet; beyond it the oldest lapses. */
    static final int MAX_PENDING_MEMBERS = 10_000;

    /** Kafka's name of this type of group. */
    static final String TYPE = "classic";

    private final ClassicGroupState group;
    private final GroupJoins joins;
    private final GroupSyncs syncs;
    private final GroupSessions sessions;
    private final GroupRetention retention;

    /**
     * @param newMemberId makes a unique member id that begins with the given client or instance id
     */
    ClassicGroup(CommittedGroup committed, GroupConfig config, UnaryOperator<String> newMemberId, long nowMs) {
        this(committed, config, newMemberId, 0, GroupEvents.NONE, nowMs);
    }

    /**
     * @param appending appends that a former machine of this group asked for and that are not yet decided
     * @param before what happened to the group until now
     */
    ClassicGroup(
            CommittedGroup committed,
            GroupConfig config,
            UnaryOperator<String> newMemberId,
            int appending,
            GroupEvents before,
            long nowMs) {
        group = new ClassicGroupState(committed, config, newMemberId, before, nowMs);
        group.appending = appending;
        joins = new GroupJoins(group);
        syncs = new GroupSyncs(group, joins);
        sessions = new GroupSessions(group, joins);
        retention = new GroupRetention(group);
        if (!group.members.isEmpty() && committed.metadata().leader() == null) {
            // It was of the consumer protocol before: nobody has assigned yet.
            joins.prepareRebalance(nowMs);
        }
    }

    ClassicGroup.State state() {
        return group.state;
    }

    /** Since when it is in its state. */
    long stateSinceMs() {
        return group.stateSinceMs;
    }

    int generation() {
        return group.generation;
    }

    @Override
    public String stateText() {
        return group.state.text;
    }

    @Override
    public String groupType() {
        return TYPE;
    }

    @Override
    public int appending() {
        return group.appending;
    }

    @Override
    public String protocolType() {
        return group.protocolType();
    }

    @Override
    public CommittedGroup committed() {
        return group.committed;
    }

    @Override
    public GroupEvents events() {
        return group.history.events();
    }

    @Override
    public void noteLoaded(String why, long nowMs) {
        group.history.loaded(why, nowMs);
    }

    @Override
    public long nextDeadlineMs() {
        return group.nextDeadlineMs;
    }

    @Override
    public List<Effect> handle(GroupRequest request, long nowMs) {
        if (request instanceof GroupRequest.Heartbeat heartbeat) {
            sessions.onHeartbeat(heartbeat, nowMs);
        } else if (request instanceof GroupRequest.CommitOffsets commit) {
            retention.onCommitOffsets(commit, nowMs);
        } else if (request instanceof GroupRequest.FetchOffsets fetch) {
            group.answer(fetch.reply(), GroupOffsets.fetch(group.committed, fetch.asked(), fetch.topics()));
        } else if (request instanceof GroupRequest.Join join) {
            joins.onJoin(join, nowMs);
        } else if (request instanceof GroupRequest.Sync sync) {
            syncs.onSync(sync, nowMs);
        } else if (request instanceof GroupRequest.Leave leave) {
            sessions.onLeave(leave, nowMs);
        } else if (request instanceof GroupRequest.Describe describe) {
            group.answer(describe.reply(), GroupDescription.of(this, group.members, group.protocol));
        } else if (request instanceof GroupRequest.Events events) {
            group.answer(events.reply(), group.history.shown(nowMs));
        } else if (request instanceof GroupRequest.Delete delete) {
            retention.onDelete(delete);
        } else if (request instanceof GroupRequest.DeleteOffsets delete) {
            retention.onDeleteOffsets(delete);
        } else if (request instanceof GroupRequest.DescribeConsumers describe) {
            describe.answerUnknown("Group " + group.groupId() + " is not a consumer group.");
        } else if (request instanceof GroupRequest.ConsumerHeartbeat heartbeat
                && heartbeat.data().memberEpoch() != ConsumerHeartbeatCheck.JOIN
                && !group.committed.isVoid()) {
            // Its session ended, and the group has changed its protocol since. Kafka says GROUP_ID_NOT_FOUND, on which
            // clients
            // give up; so they come again, and the group may change back.
            group.refuse(request, Errors.UNKNOWN_MEMBER_ID);
        } else {
            group.refuse(request, Errors.GROUP_ID_NOT_FOUND);
        }
        return take(nowMs);
    }

    @Override
    public List<Effect> tick(long nowMs) {
        sessions.tick(nowMs);
        if (group.syncDeadlineMs <= nowMs) {
            syncs.onSyncDeadline(nowMs);
        }
        if (group.tellDeadlineMs <= nowMs) {
            joins.tell();
        }
        if (group.sweepDeadlineMs <= nowMs) {
            group.sweepDeadlineMs = nowMs + SWEEP_INTERVAL_MS;
            retention.sweep(nowMs);
        }
        List<Effect> due = take(nowMs);
        group.nextDeadlineMs = Math.min(
                Math.min(group.joinDeadlineMs, group.syncDeadlineMs),
                Math.min(group.tellDeadlineMs, group.sweepDeadlineMs));
        group.pending.values().forEach(group::deadline);
        group.members.all().forEach(member -> group.deadline(member.deadlineMs));
        return due;
    }

    @Override
    public List<Effect> appended(Effect.Append append, Errors error, long nowMs) {
        group.appending--;
        if (error == Errors.NONE) {
            group.committed = group.committed.with(append.records());
        }
        if (append.then() instanceof Effect.ThenAnswer<?> then) {
            group.effects.add(then.answer(error));
        } else if (append.then() instanceof Effect.AssignmentStored stored) {
            syncs.onAssignmentStored(stored.generation(), error, nowMs);
        }
        return take(nowMs);
    }

    /**
     * Nobody knows yet whether an append is in the log for good: clients hear so now, and {@link #appended} follows once it is
     * known.
     *
     * @param error for clients
     * @return with an append in place of the one given, for there is nobody left to answer
     */
    Undecided undecided(Effect.Append append, Errors error, long nowMs) {
        if (append.then() instanceof Effect.ThenAnswer<?> then) {
            group.effects.add(then.answer(error));
        } else if (append.then() instanceof Effect.AssignmentStored stored) {
            syncs.onAssignmentStored(stored.generation(), error, nowMs);
        }
        return new Undecided(new Effect.Append(append.records(), Effect.Nothing.NOTHING), take(nowMs));
    }

    /**
     * Whether nothing speaks against another kind of group in its place: nobody is in it or has been given an id to come in
     * with.
     */
    boolean mayBeReplaced() {
        return group.state == State.EMPTY && group.pending.isEmpty();
    }

    /**
     * Whether a group with members may become one of the consumer protocol (KIP-848, "Migrating to the new protocol"), now or
     * once it {@link #isSettled}.
     *
     * @param instanceId of who wants to come in; null for a dynamic member
     */
    boolean mayBeUpgraded(String instanceId) {
        int members = group.members.size() + (group.members.ofInstance(instanceId) == null ? 1 : 0);
        return group.config.consumer().migrationPolicy().upgrades()
                && (group.members.isEmpty() || ClassicWords.TYPE.equals(group.protocolType))
                && members <= group.config.consumer().maxSize();
    }

    /** Whether every member has heard its part of a generation that is stored: then it is known who has what. */
    boolean isSettled() {
        return group.state == State.STABLE
                && !group.loaded
                && group.members.all().stream().allMatch(member -> member.synced);
    }

    /** Sees to it that it {@link #isSettled} some time: who of those that a former coordinator knew has heard is not stored. */
    List<Effect> settle(long nowMs) {
        if (group.state == State.STABLE && group.loaded) {
            joins.prepareRebalance(nowMs);
        }
        return take(nowMs);
    }

    /** The records by which it becomes a group of the consumer protocol; empty when members say what cannot be carried on. */
    Optional<List<GroupRecord>> upgrade(MetadataImage image) {
        return GroupMigration.toConsumers(group, image);
    }

    /** Another machine takes its place, by which its members are to rejoin: who waits for something to say hears so. */
    List<Effect> replaced() {
        group.releaseHeld(Errors.REBALANCE_IN_PROGRESS);
        return group.drain();
    }

    /** Appends what made a classic group out of one of the consumer protocol, of which this group was made. */
    List<Effect> downgraded(List<GroupRecord> records, long nowMs) {
        group.history.loaded("speaks the classic protocol from now on, with ", nowMs);
        group.append(records, Effect.Converted.CONVERTED);
        return take(nowMs);
    }

    /** See {@link #undecided}. */
    record Undecided(Effect.Append append, List<Effect> effects) {}

    @Override
    public List<Effect> checkTopics(TopicIds topics, long nowMs) {
        retention.checkTopics(topics);
        return take(nowMs);
    }

    @Override
    public List<Effect> end(Errors error) {
        for (GroupMember member : group.members.all()) {
            group.release(member, error);
        }
        return group.drain();
    }

    private List<Effect> take(long nowMs) {
        if (group.joinDeadlineMs <= nowMs) {
            joins.onJoinDeadline(nowMs);
        }
        if (group.state == State.EMPTY && group.appending == 0 && group.pending.isEmpty() && group.committed.isVoid()) {
            group.effects.add(Effect.Forget.FORGET);
        }
        return group.drain();
    }
}
