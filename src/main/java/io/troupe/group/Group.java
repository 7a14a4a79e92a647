package io.troupe.group;

import io.troupe.model.Refusal;
import io.troupe.partition.Replica;
import io.troupe.record.Batches;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Set;
import java.util.UUID;
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
 * One consumer group as an actor: runs a {@link ClassicGroup}, appends its records to the partition, and answers. One
 * append is under way at a time; what comes meanwhile goes into the next, so that commits that arrive together share a
 * batch.
 *
 * <p>When it crashes it answers what it had parked and starts again from its cell. If an append was under way then, it
 * first waits for the outcome, for its records may be in the log.
 */
final class Group extends AbstractBehavior<Group.Command> {
    /** A batch takes no further append beyond this; a single append may be larger. */
    static final int BATCH_BYTES = 512 * 1024;

    sealed interface Command {}

    /** From the coordinator. */
    record Ask(GroupRequest request) implements Command {}

    /** From the coordinator. */
    record TopicsDeleted(Set<String> topics) implements Command {}

    /** From the coordinator: it sends nothing more. */
    enum Stop implements Command {
        STOP
    }

    private enum Tick implements Command {
        TICK
    }

    private record Decided(List<GroupCell.Encoded> batch, Errors error) implements Command {}

    private final GroupContext shared;
    private final GroupCell cell;
    private final ActorRef<GroupCoordinator.Command> coordinator;
    private final TimerScheduler<Command> timers;
    /** Null while the outcome of a former incarnation's append is awaited. */
    private ClassicGroup group;

    private final Deque<Command> early = new ArrayDeque<>();
    private final Deque<GroupCell.Encoded> waiting = new ArrayDeque<>();
    private long tickAtMs = Long.MAX_VALUE;

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
        this.coordinator = coordinator;
        if (cell.inFlight == null) {
            begin();
        }
    }

    @Override
    public Receive<Command> createReceive() {
        return newReceiveBuilder()
                .onMessage(Ask.class, this::onAsk)
                .onMessage(TopicsDeleted.class, this::onTopicsDeleted)
                .onMessage(Decided.class, this::onDecided)
                .onMessageEquals(Tick.TICK, this::onTick)
                .onMessageEquals(Stop.STOP, Behaviors::stopped)
                .onSignal(PreRestart.class, signal -> end())
                .onSignal(PostStop.class, signal -> end())
                .build();
    }

    private Behavior<Command> onAsk(Ask ask) {
        if (group == null) {
            early.add(ask);
            return this;
        }
        cell.handled++;
        try {
            run(group.handle(ask.request(), shared.clockMs().getAsLong()));
        } catch (RuntimeException e) {
            ask.request().refuse(Errors.UNKNOWN_SERVER_ERROR);
            throw e;
        }
        return this;
    }

    private Behavior<Command> onTopicsDeleted(TopicsDeleted deleted) {
        if (group == null) {
            early.add(deleted);
            return this;
        }
        cell.handled++;
        run(group.topicsDeleted(deleted.topics(), shared.clockMs().getAsLong()));
        return this;
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
        if (decided.error() == Errors.NONE) {
            List<GroupRecord> records = new ArrayList<>();
            decided.batch().forEach(e -> records.addAll(e.append().records()));
            cell.committed = cell.committed.with(records);
        }
        if (group == null) {
            begin();
            List<Command> waited = new ArrayList<>(early);
            early.clear();
            waited.forEach(getContext().getSelf()::tell);
            return this;
        }
        try {
            for (GroupCell.Encoded e : decided.batch()) {
                run(group.appended(e.append(), decided.error(), shared.clockMs().getAsLong()));
            }
        } catch (RuntimeException failure) {
            decided.batch().forEach(e -> conclude(e.append(), decided.error()));
            throw failure;
        }
        return this;
    }

    private void begin() {
        group = new ClassicGroup(
                cell.committed,
                shared.config(),
                prefix -> prefix + "-" + UUID.randomUUID(),
                shared.clockMs().getAsLong());
        run(List.of());
    }

    private void run(List<Effect> effects) {
        for (Effect effect : effects) {
            if (effect instanceof Effect.Answer<?> answer) {
                answer.give();
            } else if (effect instanceof Effect.Refuse refuse) {
                refuse.request().refuse(refuse.error());
            } else if (effect instanceof Effect.Append append) {
                enqueue(append);
            } else if (effect == Effect.Forget.FORGET) {
                coordinator.tell(new GroupCoordinator.Idle(
                        group.committed().groupId(), getContext().getSelf(), cell.handled));
            }
        }
        flush();
        cell.state = group.state();
        cell.protocolType = group.protocolType();
        long next = group.nextDeadlineMs();
        if (next < tickAtMs) {
            tickAtMs = next;
            long inMs = Math.max(1, next - shared.clockMs().getAsLong());
            timers.startSingleTimer(Tick.TICK, Duration.ofMillis(inMs));
        }
    }

    private void enqueue(Effect.Append append) {
        List<Batches.KeyValue> records = new ArrayList<>();
        int bytes = 0;
        try {
            for (GroupRecord record : append.records()) {
                byte[] key = array(GroupRecords.key(record));
                ByteBuffer value = GroupRecords.value(record);
                Batches.KeyValue kv = new Batches.KeyValue(key, value == null ? null : array(value));
                records.add(kv);
                bytes += key.length + (value == null ? 0 : kv.value().length);
            }
        } catch (IllegalArgumentException e) {
            // A name longer than the stored format can hold.
            getContext().getLog().warn("Group {}: {}", group.committed().groupId(), e.getMessage());
            run(group.appended(append, Errors.INVALID_REQUEST, shared.clockMs().getAsLong()));
            return;
        }
        waiting.add(new GroupCell.Encoded(append, records, bytes));
    }

    private static byte[] array(ByteBuffer buffer) {
        byte[] bytes = new byte[buffer.remaining()];
        buffer.duplicate().get(bytes);
        return bytes;
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
        ActorRef<Command> self = getContext().getSelf();
        shared.replica()
                .tell(new Replica.Append(
                        Batches.of(records, shared.clockMs().getAsLong()),
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
                                self.tell(new Decided(batch, GroupContext.toClients(refusal.error())));
                            }
                        }));
    }

    /** Nothing is left without an answer, whether this is the end or a new beginning. */
    private Behavior<Command> end() {
        if (group != null) {
            for (Effect effect : group.end(Errors.NOT_COORDINATOR)) {
                if (effect instanceof Effect.Refuse refuse) {
                    refuse.request().refuse(refuse.error());
                } else if (effect instanceof Effect.Answer<?> answer) {
                    answer.give();
                } else if (effect instanceof Effect.Append append) {
                    conclude(append, Errors.NOT_COORDINATOR);
                }
            }
        }
        waiting.forEach(e -> conclude(e.append(), Errors.NOT_COORDINATOR));
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

    private static void conclude(Effect.Append append, Errors error) {
        if (append.then() instanceof Effect.ThenAnswer<?> then) {
            then.give(error);
        }
    }
}
