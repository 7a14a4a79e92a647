package io.troupe.group;

import io.troupe.model.Refusal;
import io.troupe.partition.Replica;
import io.troupe.record.BatchHeader;
import io.troupe.record.Batches;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.UUID;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.protocol.Errors;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.PostStop;
import org.apache.pekko.actor.typed.PreRestart;
import org.apache.pekko.actor.typed.SupervisorStrategy;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;

/**
 * One consumer group as an actor: runs a {@link GroupCore}, which {@link GroupMachines} chooses, appends its records to the
 * partition, and answers. One append is under way at a time; what comes meanwhile goes into the next, so that commits that arrive
 * together share a batch.
 *
 * <p>When it crashes it answers what it had parked and starts again from its cell. If an append was under way then, it
 * first waits for the outcome, for its records may be in the log.
 */
final class Group extends AbstractBehavior<Group.Command> {
    /** A batch takes no further append beyond this; a single append may be larger. */
    static final int BATCH_BYTES = 512 * 1024;

    private static final Duration WATERMARK_RETRY = Duration.ofMillis(500);

    sealed interface Command {}

    /** From the coordinator. */
    record Ask(GroupRequest request) implements Command {}

    /** From the coordinator: topics were deleted, or may have been. */
    enum CheckTopics implements Command {
        CHECK
    }

    /** From the coordinator: topics were made, deleted or enlarged. */
    enum TopicsChanged implements Command {
        CHANGED
    }

    /** From the coordinator: it sends nothing more. */
    enum Stop implements Command {
        STOP
    }

    private enum Tick implements Command {
        TICK
    }

    private record Decided(List<GroupCell.Encoded> batch, Errors error) implements Command {}

    /** The batch is in the log up to {@code endOffset} (exclusive), and may or may not stay there. */
    private record Undecided(List<GroupCell.Encoded> batch, long endOffset, Errors error) implements Command {}

    private record WatermarkMoved(List<GroupCell.Encoded> batch) implements Command {}

    private final GroupContext shared;
    private final GroupCell cell;
    private final GroupMachines machines;
    private final ActorRef<GroupCoordinator.Command> coordinator;
    private final TimerScheduler<Command> timers;
    /** Null while the outcome of a former incarnation's append is awaited. */
    private GroupCore group;

    /** What this group adds to {@link GroupContext#consumers}. */
    private int counted;

    private final Deque<Command> early = new ArrayDeque<>();
    private final Deque<GroupCell.Encoded> waiting = new ArrayDeque<>();
    private long tickAtMs = Long.MAX_VALUE;
    /** Topics are to be looked at once no append is under way: one may be for a topic of the same name. */
    private boolean checkTopics;

    static Behavior<Command> create(
            GroupContext shared, GroupCell cell, ActorRef<GroupCoordinator.Command> coordinator) {
        // Restarting keeps the mailbox: only the message that failed is lost, and that one was refused.
        return Behaviors.supervise(Behaviors.<Command>setup(context ->
                        Behaviors.withTimers(timers -> new Group(context, timers, shared, cell, coordinator))))
                .onFailure(SupervisorStrategy.restart());
    }

    private Group(
            ActorContext<Command> context,
            TimerScheduler<Command> timers,
            GroupContext shared,
            GroupCell cell,
            ActorRef<GroupCoordinator.Command> coordinator) {
        super(context);
        this.timers = timers;
        this.shared = shared;
        this.cell = cell;
        this.machines = new GroupMachines(
                shared.config(),
                new ConsumerGroup.Surroundings(
                        shared.image(), shared.consumers()::get, shared.regexes(), () -> Uuid.randomUuid()
                                .toString()),
                prefix -> prefix + "-" + UUID.randomUUID());
        this.coordinator = coordinator;
        if (cell.inFlight == null) {
            begin();
        }
    }

    @Override
    public Receive<Command> createReceive() {
        return newReceiveBuilder()
                .onMessage(Ask.class, this::onAsk)
                .onMessageEquals(CheckTopics.CHECK, this::onCheckTopics)
                .onMessageEquals(TopicsChanged.CHANGED, this::onTopicsChanged)
                .onMessage(Decided.class, this::onDecided)
                .onMessage(Undecided.class, this::onUndecided)
                .onMessage(WatermarkMoved.class, this::onWatermarkMoved)
                .onMessageEquals(Tick.TICK, this::onTick)
                .onMessageEquals(Stop.STOP, Behaviors::stopped)
                .onSignal(PreRestart.class, signal -> end())
                .onSignal(PostStop.class, signal -> end())
                .build();
    }

    private Behavior<Command> onAsk(Ask ask) {
        if (group == null && cell.undecidedEnd < 0) {
            early.add(ask);
            return this;
        }
        cell.handled++;
        if (group == null) {
            ask.request().refuse(Errors.COORDINATOR_NOT_AVAILABLE);
            return this;
        }
        try {
            if (mayHandle(ask.request())) {
                run(group.handle(ask.request(), shared.clockMs().getAsLong()));
            } else {
                ask.request().refuse(Errors.COORDINATOR_NOT_AVAILABLE);
                // It may have begun to make ready for it.
                run(List.of());
            }
        } catch (RuntimeException e) {
            ask.request().refuse(Errors.UNKNOWN_SERVER_ERROR);
            throw e;
        }
        return this;
    }

    private Behavior<Command> onCheckTopics() {
        cell.handled++;
        checkTopics = true;
        if (group != null) {
            run(group.topicsChanged(shared.clockMs().getAsLong()));
        }
        return this;
    }

    private Behavior<Command> onTopicsChanged() {
        cell.handled++;
        if (group != null) {
            run(group.topicsChanged(shared.clockMs().getAsLong()));
        }
        return this;
    }

    /** The machine that a request is for takes over, if it may. */
    private boolean mayHandle(GroupRequest request) {
        if (request instanceof GroupRequest.ConsumerHeartbeat) {
            // Before that machine looks at the topics: from here on it hears of their changes.
            cell.groupType = ConsumerGroup.TYPE;
        }
        GroupMachines.Turn turn =
                machines.before(request, group, shared.clockMs().getAsLong());
        turn(turn);
        cell.groupType = group.groupType();
        return turn.isReady();
    }

    /** Another machine takes over, and what it wants done comes first. */
    private void turn(GroupMachines.Turn turn) {
        group = turn.machine();
        if (!turn.effects().isEmpty()) {
            run(turn.effects());
        }
    }

    private static boolean converts(List<GroupCell.Encoded> batch) {
        return batch.stream().anyMatch(e -> e.append().then() == Effect.Converted.CONVERTED);
    }

    private Behavior<Command> onTick() {
        tickAtMs = Long.MAX_VALUE;
        if (group != null) {
            run(group.tick(shared.clockMs().getAsLong()));
        }
        return this;
    }

    private Behavior<Command> onDecided(Decided decided) {
        if (decided.batch() != cell.inFlight) {
            return this;
        }
        cell.inFlight = null;
        cell.undecidedEnd = -1;
        CommittedGroup before = cell.committed;
        if (decided.error() == Errors.NONE) {
            List<GroupRecord> records = new ArrayList<>();
            decided.batch().forEach(e -> records.addAll(e.append().records()));
            cell.committed = before.with(records);
        }
        if (group == null) {
            // What a machine asked for that is gone, if it was not answered then.
            decided.batch().forEach(e -> conclude(e.append(), decided.error()));
            begin();
            List<Command> waited = new ArrayList<>(early);
            early.clear();
            waited.forEach(getContext().getSelf()::tell);
            return this;
        }
        // A classic machine over members of the other protocol began with tombstones, which are not in the log then.
        if (decided.error() != Errors.NONE
                && (group instanceof ConsumerGroup
                        || converts(decided.batch())
                        || cell.committed.consumers() != null)) {
            decided.batch().forEach(e -> conclude(e.append(), decided.error()));
            renew(decided.error());
            return this;
        }
        GroupCore machine = group;
        boolean together = machine.committed() == before;
        try {
            for (GroupCell.Encoded e : decided.batch()) {
                run(group.appended(e.append(), decided.error(), shared.clockMs().getAsLong()));
            }
            if (together && group == machine) {
                // The same in the same steps, so one of the two need not be kept: of thousands of groups that is much.
                cell.committed = machine.committed();
            }
        } catch (RuntimeException failure) {
            decided.batch().forEach(e -> conclude(e.append(), decided.error()));
            throw failure;
        }
        return this;
    }

    /**
     * The records may be in the log for good, and memory must not lag behind it: clients hear of the trouble, and until the high
     * watermark tells the outcome nothing else is appended.
     */
    private Behavior<Command> onUndecided(Undecided undecided) {
        if (undecided.batch() != cell.inFlight) {
            return this;
        }
        cell.undecidedEnd = undecided.endOffset();
        if (group instanceof ConsumerGroup || group != null && converts(undecided.batch())) {
            undecided.batch().forEach(e -> conclude(e.append(), undecided.error()));
            renew(undecided.error());
        }
        List<GroupCell.Encoded> open = new ArrayList<>();
        cell.inFlight = open;
        long nowMs = shared.clockMs().getAsLong();
        List<Effect> effects = new ArrayList<>();
        for (GroupCell.Encoded e : undecided.batch()) {
            if (group == null) {
                open.add(e);
            } else {
                ClassicGroup.Undecided u = ((ClassicGroup) group).undecided(e.append(), undecided.error(), nowMs);
                open.add(new GroupCell.Encoded(u.append(), e.records(), e.sizeInBytes()));
                effects.addAll(u.effects());
            }
        }
        ActorRef<Command> self = getContext().getSelf();
        shared.replica()
                .tell(new Replica.AwaitData(
                        () -> self.tell(new WatermarkMoved(open)), undecided.endOffset() - 1, false));
        if (group == null) {
            early.forEach(self::tell);
            early.clear();
            return this;
        }
        run(effects);
        while (!waiting.isEmpty()) {
            run(group.appended(waiting.poll().append(), undecided.error(), nowMs));
        }
        return this;
    }

    private Behavior<Command> onWatermarkMoved(WatermarkMoved moved) {
        if (moved.batch() != cell.inFlight) {
            return this;
        }
        if (shared.leader().view().highWatermark() >= cell.undecidedEnd) {
            return onDecided(new Decided(moved.batch(), Errors.NONE));
        }
        // The Replica resigned, and then our end is near, or it was a false alarm.
        getContext().scheduleOnce(WATERMARK_RETRY, getContext().getSelf(), moved);
        return this;
    }

    private void begin() {
        long nowMs = shared.clockMs().getAsLong();
        boolean isStored = cell.committed.metadata() != null || cell.committed.consumers() != null;
        group = machines.first(cell.committed, cell.events, nowMs);
        if (cell.begun || isStored) {
            group.noteLoaded(cell.begun ? "begins again after a fault, with " : "has a new coordinator, and ", nowMs);
        }
        cell.begun = true;
        // They may have changed while there was no machine.
        run(group.topicsChanged(nowMs));
    }

    /** The machine ran ahead of what could be stored: a new one begins where the log stands, once that is known. */
    private void renew(Errors error) {
        end(error);
        waiting.clear();
        group = null;
        count(0);
        if (cell.inFlight == null) {
            begin();
        }
    }

    private void count(int members) {
        shared.consumers().addAndGet(members - counted);
        counted = members;
    }

    private void run(List<Effect> effects) {
        GroupCore machine = group;
        for (Effect effect : effects) {
            if (group != machine && effect instanceof Effect.Append append) {
                conclude(append, Errors.COORDINATOR_NOT_AVAILABLE);
            } else if (effect instanceof Effect.Answer<?> answer) {
                answer.give();
            } else if (effect instanceof Effect.Hold<?> hold) {
                hold.begin();
            } else if (effect instanceof Effect.Refuse refuse) {
                refuse.request().refuse(refuse.error());
            } else if (effect instanceof Effect.Append append) {
                enqueue(append);
            } else if (effect == Effect.Renew.RENEW) {
                renew(Errors.COORDINATOR_NOT_AVAILABLE);
            } else if (effect == Effect.Forget.FORGET && group == machine) {
                coordinator.tell(new GroupCoordinator.Idle(
                        group.committed().groupId(), getContext().getSelf(), cell.handled));
            }
        }
        if (group != machine) {
            return;
        }
        flush();
        if (group != machine) {
            return;
        }
        if (checkTopics && cell.inFlight == null) {
            checkTopics = false;
            run(group.checkTopics(shared.topics(), shared.clockMs().getAsLong()));
            return;
        }
        GroupMachines.Turn downgraded =
                machines.downgrade(group, shared.clockMs().getAsLong()).orElse(null);
        if (downgraded != null) {
            turn(downgraded);
            return;
        }
        cell.state = group.stateText();
        cell.events = group.events();
        cell.protocolType = group.protocolType();
        cell.groupType = group.groupType();
        count(group instanceof ConsumerGroup consumers ? consumers.size() : 0);
        long next = group.nextDeadlineMs();
        if (next < tickAtMs) {
            tickAtMs = next;
            long inMs = Math.max(1, next - shared.clockMs().getAsLong());
            timers.startSingleTimer(Tick.TICK, Duration.ofMillis(inMs));
        }
    }

    private void enqueue(Effect.Append append) {
        if (cell.undecidedEnd >= 0) {
            // Nothing is in the log of it, so that this is a plain refusal.
            run(group.appended(
                    append, Errors.COORDINATOR_NOT_AVAILABLE, shared.clockMs().getAsLong()));
            return;
        }
        try {
            waiting.add(GroupCell.Encoded.of(append));
        } catch (IllegalArgumentException e) {
            // A name longer than the stored format can hold.
            getContext().getLog().warn("Group {}: {}", group.committed().groupId(), e.getMessage());
            run(group.appended(append, Errors.INVALID_REQUEST, shared.clockMs().getAsLong()));
        }
    }

    private void flush() {
        if (cell.inFlight != null || waiting.isEmpty()) {
            return;
        }
        List<GroupCell.Encoded> batch = new ArrayList<>();
        List<Batches.KeyValue> records = new ArrayList<>();
        int bytes = 0;
        while (!waiting.isEmpty() && (batch.isEmpty() || bytes + waiting.peek().sizeInBytes() <= BATCH_BYTES)) {
            GroupCell.Encoded next = waiting.poll();
            batch.add(next);
            records.addAll(next.records());
            bytes += next.sizeInBytes();
        }
        cell.inFlight = batch;
        if (records.isEmpty()) {
            // Who waited for what was under way.
            onDecided(new Decided(batch, Errors.NONE));
            return;
        }
        ActorRef<Command> self = getContext().getSelf();
        ByteBuffer bytesToWrite = Batches.of(records, shared.clockMs().getAsLong());
        int at = bytesToWrite.position();
        shared.replica()
                .tell(new Replica.Append(
                        bytesToWrite,
                        (short) -1,
                        shared.leaderEpoch(),
                        GroupContext.APPEND_TIMEOUT_MS,
                        true,
                        new Replica.AppendReply() {
                            @Override
                            public void appended(
                                    long baseOffset, long lastOffset, long timeMs, long logStartOffset, int epoch) {
                                self.tell(new Decided(batch, Errors.NONE));
                            }

                            @Override
                            public void refused(Refusal refusal, long logStartOffset) {
                                Errors error = GroupContext.toClients(refusal.error());
                                // The Replica has stamped the batch with its offsets by then.
                                self.tell(
                                        GroupContext.mayStillBeCommitted(refusal.error())
                                                ? new Undecided(
                                                        batch, BatchHeader.lastOffset(bytesToWrite, at) + 1, error)
                                                : new Decided(batch, error));
                            }
                        }));
    }

    /** Nothing is left without an answer, whether this is the end or a new beginning. */
    private Behavior<Command> end() {
        end(Errors.NOT_COORDINATOR);
        count(0);
        if (cell.inFlight != null) {
            cell.inFlight.forEach(e -> conclude(e.append(), Errors.NOT_COORDINATOR));
        }
        for (Command command : early) {
            cell.handled++;
            if (command instanceof Ask ask) {
                ask.request().refuse(Errors.NOT_COORDINATOR);
            }
        }
        return this;
    }

    /** Answers what the machine has parked, and what waits to be appended. */
    private void end(Errors error) {
        if (group != null) {
            for (Effect effect : group.end(error)) {
                if (effect instanceof Effect.Refuse refuse) {
                    refuse.request().refuse(refuse.error());
                } else if (effect instanceof Effect.Answer<?> answer) {
                    answer.give();
                } else if (effect instanceof Effect.Append append) {
                    conclude(append, error);
                }
            }
        }
        waiting.forEach(e -> conclude(e.append(), error));
    }

    private static void conclude(Effect.Append append, Errors error) {
        if (append.then() instanceof Effect.ThenAnswer<?> then) {
            then.give(error);
        }
    }
}
