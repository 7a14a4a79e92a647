package io.troupe.client;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Supplier;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.pekko.Done;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.ChildFailed;
import org.apache.pekko.actor.typed.PostStop;
import org.apache.pekko.actor.typed.PreRestart;
import org.apache.pekko.actor.typed.Terminated;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;

/**
 * A consumer as an actor: reads what it is subscribed to and gives each partition's records, in order, to a child of its own for that partition. Partitions
 * run side by side. Delivery is at least once: what a child has acknowledged, without a gap, is committed, and what it has not comes again.
 *
 * <p>Demand: of each partition at most {@code maxOutstandingRecords} and {@code maxOutstandingBytes} are read and not acknowledged; while it has that
 * much it is paused, and the others go on.
 *
 * <p>When a child fails or stops, its partition waits ({@code minBackoffMs}, doubling up to {@code maxBackoffMs}), then a new child gets everything that was
 * not acknowledged, one record at a time, so that it is known which one is at fault. With {@link DeadLetters} a record that has failed often enough goes
 * there. When Kafka's consumer fails, a new one begins after such a pause from what is committed.
 *
 * <p>In a rebalance, and at a stop, nothing more is delivered, and up to {@code drainTimeoutMs} is waited for the acknowledgement of what was; that is
 * committed, then the children are stopped.
 *
 * <p>When Kafka's consumer cannot be made because of its settings the actor fails, and its parent's supervision decides.
 */
public final class ConsumerActor<K, V> extends AbstractBehavior<ConsumerActor.Command> {

    /** What a consumer understands. */
    public sealed interface Command permits Seek, Stop, Acknowledged, ConsumerMessage {}

    /** Where to read from. */
    public sealed interface Position {}

    /** From this offset, or, where there is no such offset, from where {@code auto.offset.reset} says. */
    public record Offset(long offset) implements Position {
        public Offset {
            Settings.atLeast("offset", offset, 0);
        }
    }

    /** From the first record that is not older than this, in ms since 1970; from the end if there is none. */
    public record Timestamp(long timestampMs) implements Position {
        public Timestamp {
            Settings.atLeast("timestampMs", timestampMs, 0);
        }
    }

    /** From one of the partition's ends. */
    public enum Edge implements Position {
        BEGINNING,
        END
    }

    /**
     * Reads a partition from elsewhere. Its child is stopped, what was delivered and not acknowledged is forgotten, and the group's offset follows.
     * If it fails, everything is read again from what is committed.
     *
     * @param replyTo is told a {@link SeekResult} before anything from there is delivered
     */
    public record Seek(TopicPartition partition, Position to, ActorRef<SeekResult> replyTo) implements Command {}

    /** Where a seek led. */
    public sealed interface SeekResult {}

    /** @param offset of the next record to be read */
    public record SeekDone(TopicPartition partition, long offset) implements SeekResult {}

    /** {@link Failure.Kind#NOT_FOUND} when the partition is not assigned to this consumer, or was taken away meanwhile. */
    public record SeekFailed(TopicPartition partition, Failure failure) implements SeekResult {}

    /**
     * Drains, commits, leaves the group, ends.
     *
     * @param replyTo is told when that is done; all takes {@code drainTimeoutMs} and what the broker takes, a minute at most
     */
    public record Stop(ActorRef<Done> replyTo) implements Command {}

    /** That a record, or it and all before it, is done; made by {@link Delivery}. */
    public record Acknowledged(TopicPartition partition, long session, long offset, boolean andBefore)
            implements Command {}

    private final ConsumerSettings<K, V> settings;
    private final Subscription subscription;
    private final Function<TopicPartition, Behavior<Delivery<K, V>>> handlers;
    private final ActorRef<ConsumerEvent> events;
    private final Supplier<Consumer<byte[], byte[]>> factory;
    private final TimerScheduler<Command> timers;
    private final LetterBox letters;
    private final Map<TopicPartition, ConsumedPartition<K, V>> partitions = new HashMap<>();
    private final Map<ActorRef<Void>, ConsumedPartition<K, V>> children = new HashMap<>();
    private final Drainings drainings = new Drainings();
    /** Who waits for the end; not empty exactly while it stops. */
    private final List<ActorRef<Done>> stoppers = new ArrayList<>();
    /** Null in the pause after one failed. */
    private ConsumerThread thread;

    private long life;
    private int failures;
    private boolean committing;

    private ConsumerActor(
            ActorContext<Command> context,
            TimerScheduler<Command> timers,
            ConsumerSettings<K, V> settings,
            Subscription subscription,
            Function<TopicPartition, Behavior<Delivery<K, V>>> handlers,
            ActorRef<ConsumerEvent> events,
            Supplier<Consumer<byte[], byte[]>> factory) {
        super(context);
        this.settings = settings;
        this.subscription = subscription;
        this.handlers = handlers;
        this.events = events;
        this.factory = factory;
        this.timers = timers;
        this.letters = new LetterBox(context, settings);
        if (settings.hasGroup()) {
            timers.startTimerWithFixedDelay(
                    ConsumerMessage.Clock.COMMIT,
                    ConsumerMessage.Clock.COMMIT,
                    Duration.ofMillis(settings.commitIntervalMs()));
        }
        startThread();
    }

    /**
     * A consumer; one Kafka consumer, and one thread beside Kafka's own, each.
     *
     * @param handlers makes the child for a partition that was assigned, or whose last child ended; {@link RecordHandler#each} for the simplest
     */
    public static <K, V> Behavior<Command> create(
            ConsumerSettings<K, V> settings,
            Subscription subscription,
            Function<TopicPartition, Behavior<Delivery<K, V>>> handlers) {
        return Behaviors.setup(context ->
                create(settings, subscription, handlers, context.getSystem().<ConsumerEvent>ignoreRef()));
    }

    /** @param events is told what becomes of the consumer and its partitions */
    public static <K, V> Behavior<Command> create(
            ConsumerSettings<K, V> settings,
            Subscription subscription,
            Function<TopicPartition, Behavior<Delivery<K, V>>> handlers,
            ActorRef<ConsumerEvent> events) {
        if (!settings.hasGroup() && !(subscription instanceof Subscription.Partitions)) {
            throw new IllegalArgumentException(
                    "consumer settings: group.id is missing, which a subscription needs; only single partitions go without");
        }
        return create(settings, subscription, handlers, events, settings::consumer);
    }

    /** @param factory makes Kafka's consumer, on the thread that will own it */
    static <K, V> Behavior<Command> create(
            ConsumerSettings<K, V> settings,
            Subscription subscription,
            Function<TopicPartition, Behavior<Delivery<K, V>>> handlers,
            ActorRef<ConsumerEvent> events,
            Supplier<Consumer<byte[], byte[]>> factory) {
        return Behaviors.setup(context -> Behaviors.withTimers(
                timers -> new ConsumerActor<>(context, timers, settings, subscription, handlers, events, factory)));
    }

    @Override
    public Receive<Command> createReceive() {
        return newReceiveBuilder()
                .onMessage(Acknowledged.class, this::onAcknowledged)
                .onMessage(ConsumerMessage.FromThread.class, this::onFromThread)
                .onMessage(Seek.class, this::onSeek)
                .onMessage(Stop.class, this::onStop)
                .onMessageEquals(ConsumerMessage.Clock.COMMIT, this::onCommitTime)
                .onMessageEquals(ConsumerMessage.Clock.RESTART, this::onRestart)
                .onMessage(ConsumerMessage.DrainTimeout.class, this::onDrainTimeout)
                .onMessage(ConsumerMessage.ChildEnded.class, this::onChildEnded)
                .onMessage(ConsumerMessage.ForPartition.class, this::onForPartition)
                .onSignal(ChildFailed.class, signal -> childEnded(signal, signal.cause()))
                .onSignal(
                        Terminated.class,
                        signal -> childEnded(signal, new IllegalStateException("the handler stopped")))
                .onSignal(PostStop.class, signal -> onOwnEnd())
                .onSignal(PreRestart.class, signal -> onOwnEnd())
                .build();
    }

    private Behavior<Command> onFromThread(ConsumerMessage.FromThread from) {
        ConsumerMessage message = from.message();
        if (from.life() != life) {
            return this;
        } else if (message instanceof ConsumerMessage.Polled polled) {
            return onPolled(polled);
        } else if (message instanceof ConsumerMessage.Committed committed) {
            return onCommitted(committed);
        } else if (message instanceof ConsumerMessage.Assigned assigned) {
            return onAssigned(assigned);
        } else if (message instanceof ConsumerMessage.Drain drain) {
            return onDrain(drain);
        } else if (message instanceof ConsumerMessage.Gone gone) {
            return onGone(gone);
        } else if (message instanceof ConsumerMessage.Sought sought) {
            return onSought(sought);
        } else if (message instanceof ConsumerMessage.ThreadEnded ended) {
            return onThreadEnded(ended);
        }
        throw new IllegalStateException("not from a thread: " + message);
    }

    // ---- Records and acknowledgements

    private Behavior<Command> onAcknowledged(Acknowledged done) {
        ConsumedPartition<K, V> partition = partitions.get(done.partition());
        if (partition != null && partition.session() == done.session()) {
            partition.acknowledge(done.offset(), done.andBefore());
            if (partition.wantsToBeRead() && thread != null) {
                thread.wake();
            }
            checkDrainings();
        }
        return this;
    }

    private Behavior<Command> onPolled(ConsumerMessage.Polled polled) {
        failures = 0;
        for (ConsumerMessage.Batch batch : polled.batches()) {
            ConsumedPartition<K, V> partition = partitions.get(batch.flow().partition);
            if (partition != null && partition.session() == batch.flow().session) {
                partition.add(batch.records(), batch.behind());
            }
        }
        return this;
    }

    private Behavior<Command> onSeek(Seek seek) {
        ConsumedPartition<K, V> partition = partitions.get(seek.partition());
        if (partition == null || partition.isDraining() || thread == null) {
            seek.replyTo().tell(new SeekFailed(seek.partition(), notAssigned(seek.partition())));
            return this;
        }
        PartitionFlow flow = new PartitionFlow(seek.partition(), ConsumerThread.newSession(), settings);
        stopChild(partition);
        partition.seek(flow, seek);
        thread.seek(flow, seek);
        return this;
    }

    private Behavior<Command> onSought(ConsumerMessage.Sought sought) {
        ConsumedPartition<K, V> partition = partitions.get(sought.flow().partition);
        if (partition != null && partition.session() == sought.flow().session) {
            partition.sought(sought.position());
        }
        return this;
    }

    private static Failure notAssigned(TopicPartition partition) {
        return new Failure(Failure.Kind.NOT_FOUND, partition + " is not assigned to this consumer");
    }

    // ---- Partitions come and go

    private Behavior<Command> onAssigned(ConsumerMessage.Assigned assigned) {
        failures = 0;
        Set<TopicPartition> names = new HashSet<>();
        for (PartitionFlow flow : assigned.flows()) {
            ConsumedPartition<K, V> partition =
                    new ConsumedPartition<>(getContext(), timers, settings, flow, letters, events, this::spawn);
            partitions.put(flow.partition, partition);
            names.add(flow.partition);
            if (stoppers.isEmpty()) {
                partition.begin();
            } else {
                partition.drain();
            }
        }
        events.tell(new ConsumerEvent.Assigned(Set.copyOf(names)));
        return this;
    }

    private ActorRef<Delivery<K, V>> spawn(ConsumedPartition<K, V> partition) {
        String name = partition.partition() + "-" + ConsumerThread.newSession();
        ActorRef<Delivery<K, V>> child =
                // Made in the child, whose failure it is when that throws.
                getContext()
                        .spawn(
                                Behaviors.setup(own -> handlers.apply(partition.partition())),
                                name,
                                settings.handlerProps());
        getContext().watch(child);
        children.put(child.unsafeUpcast(), partition);
        return child;
    }

    private void stopChild(ConsumedPartition<K, V> partition) {
        ActorRef<Delivery<K, V>> child = partition.takeChild();
        if (child != null) {
            children.remove(child.<Void>unsafeUpcast());
            getContext().stop(child);
        }
    }

    private Behavior<Command> onDrain(ConsumerMessage.Drain drain) {
        drain(drain.partitions(), () -> drain.drained().complete(committable(drain.partitions())));
        return this;
    }

    private void drain(Set<TopicPartition> those, Runnable then) {
        those.stream().map(partitions::get).filter(Objects::nonNull).forEach(ConsumedPartition::drain);
        Drainings.Draining draining = drainings.add(those, then);
        timers.startSingleTimer(
                draining, new ConsumerMessage.DrainTimeout(draining), Duration.ofMillis(settings.drainTimeoutMs()));
        checkDrainings();
    }

    private void checkDrainings() {
        drainings.takeDone(this::isPending).forEach(this::drained);
    }

    private boolean isPending(TopicPartition name) {
        ConsumedPartition<K, V> partition = partitions.get(name);
        return partition != null && partition.isPending();
    }

    private Behavior<Command> onDrainTimeout(ConsumerMessage.DrainTimeout timeout) {
        if (drainings.take(timeout.draining())) {
            drained(timeout.draining());
        }
        return this;
    }

    private void drained(Drainings.Draining draining) {
        timers.cancel(draining);
        draining.then().run();
    }

    private Behavior<Command> onGone(ConsumerMessage.Gone gone) {
        gone.partitions().forEach(this::remove);
        events.tell(
                gone.lost() ? new ConsumerEvent.Lost(gone.partitions()) : new ConsumerEvent.Revoked(gone.partitions()));
        checkDrainings();
        return this;
    }

    private void remove(TopicPartition name) {
        ConsumedPartition<K, V> partition = partitions.remove(name);
        if (partition != null) {
            stopChild(partition);
            partition.end(notAssigned(name));
        }
    }

    // ---- Children

    /** The signal may have overtaken what the child said last. */
    private Behavior<Command> childEnded(Terminated signal, Throwable cause) {
        getContext().getSelf().tell(new ConsumerMessage.ChildEnded(signal.getRef(), cause));
        return this;
    }

    private Behavior<Command> onChildEnded(ConsumerMessage.ChildEnded ended) {
        ConsumedPartition<K, V> partition = children.remove(ended.child());
        if (partition != null) {
            partition.childEnded(ended.cause());
            checkDrainings();
        }
        return this;
    }

    private Behavior<Command> onForPartition(ConsumerMessage.ForPartition message) {
        ConsumedPartition<K, V> partition = partitions.get(message.partition());
        if (partition != null && partition.session() == message.session()) {
            message.then().run();
        }
        return this;
    }

    // ---- Commits

    private Behavior<Command> onCommitTime() {
        if (!committing && thread != null && stoppers.isEmpty()) {
            Map<TopicPartition, OffsetAndMetadata> offsets = committable(partitions.keySet());
            if (!offsets.isEmpty()) {
                committing = true;
                thread.commitAsync(offsets);
            }
        }
        return this;
    }

    private Map<TopicPartition, OffsetAndMetadata> committable(Set<TopicPartition> those) {
        Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
        for (TopicPartition name : those) {
            ConsumedPartition<K, V> partition = partitions.get(name);
            if (partition != null && partition.uncommitted() != null) {
                offsets.put(name, partition.uncommitted());
            }
        }
        return offsets;
    }

    private Behavior<Command> onCommitted(ConsumerMessage.Committed committed) {
        committing = false;
        if (committed.failure() == null) {
            committed.offsets().forEach((name, offset) -> {
                ConsumedPartition<K, V> partition = partitions.get(name);
                if (partition != null) {
                    partition.committed(offset);
                }
            });
        } else {
            events.tell(new ConsumerEvent.CommitFailed(Failure.of(committed.failure())));
        }
        return this;
    }

    // ---- The thread

    private void startThread() {
        ActorRef<Command> self = getContext().getSelf();
        long newLife = ConsumerThread.newSession();
        life = newLife;
        thread = new ConsumerThread(
                "consumer-" + self.path().name() + "-" + newLife,
                factory,
                settings,
                subscription,
                message -> self.tell(new ConsumerMessage.FromThread(newLife, message)));
        thread.start();
    }

    private Behavior<Command> onThreadEnded(ConsumerMessage.ThreadEnded ended) {
        thread = null;
        committing = false;
        List.copyOf(partitions.keySet()).forEach(this::remove);
        drainings.takeAll().forEach(timers::cancel);
        if (!stoppers.isEmpty()) {
            stoppers.forEach(replyTo -> replyTo.tell(Done.getInstance()));
            return Behaviors.stopped();
        }
        Failure failure = ended.failure() == null
                ? new Failure(Failure.Kind.OTHER, "Kafka's consumer ended by itself")
                : Failure.of(ended.failure());
        if (failure.kind() == Failure.Kind.INVALID && !(ended.failure() instanceof IllegalStateException)) {
            throw new IllegalStateException("the consumer cannot go on: " + failure.message(), ended.failure());
        }
        failures++;
        getContext()
                .getLog()
                .warn(
                        "Kafka's consumer failed, a new one begins in {} ms: {}",
                        settings.backoffMs(failures),
                        failure.message());
        events.tell(new ConsumerEvent.ConsumerFailed(failure, failures));
        timers.startSingleTimer(
                ConsumerMessage.Clock.RESTART,
                ConsumerMessage.Clock.RESTART,
                Duration.ofMillis(settings.backoffMs(failures)));
        return this;
    }

    private Behavior<Command> onRestart() {
        if (thread == null) {
            startThread();
        }
        return this;
    }

    private Behavior<Command> onStop(Stop stop) {
        if (thread == null && stoppers.isEmpty()) {
            stop.replyTo().tell(Done.getInstance());
            return Behaviors.stopped();
        }
        boolean first = stoppers.isEmpty();
        stoppers.add(stop.replyTo());
        if (first) {
            ConsumerThread last = thread;
            Set<TopicPartition> all = Set.copyOf(partitions.keySet());
            drain(all, () -> last.finish(committable(all)));
        }
        return this;
    }

    private Behavior<Command> onOwnEnd() {
        if (thread != null) {
            thread.abandon();
        }
        return this;
    }
}
