package io.troupe.partition;

import io.troupe.config.LogConfig;
import io.troupe.journal.JournalCommand;
import io.troupe.journal.JournalCommand.EpochStart;
import io.troupe.journal.Journals;
import io.troupe.journal.LogAppend;
import io.troupe.metadata.PartitionImage;
import io.troupe.metadata.TopicImage;
import io.troupe.model.Refusal;
import io.troupe.model.ReplicaId;
import io.troupe.partition.Replica.Append;
import io.troupe.partition.Replica.AwaitData;
import io.troupe.partition.Replica.CancelWait;
import io.troupe.partition.Replica.Command;
import io.troupe.partition.Replica.Internal;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.protocol.Errors;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.ChildFailed;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.apache.pekko.actor.typed.PostStop;
import org.apache.pekko.actor.typed.Terminated;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;

/**
 * The actor of one {@link Replica}: a Cluster Sharding entity that follows its partition's committed state.
 *
 * <pre>
 * phase     entered when                        left to
 * IDLE      at the start; the log is closed     OPENING: elected in an epoch that this process has not led in
 * OPENING   Open was sent                       STARTING | CLOSING: not wanted any more | IDLE: refused, tried again later
 * STARTING  StartEpoch was sent                 LEADER | CLOSING: not wanted any more, or refused
 * LEADER    the epoch's start is on disk        STOPPING: epoch or leader changed, log failed, stop, delete
 * STOPPING  resigned, ReplicaLog is ending      CLOSING
 * CLOSING   Close was sent                      IDLE, and from there wherever the newest state leads
 * </pre>
 *
 * <p>One request to the journal is under way at a time; what arrives meanwhile is remembered and looked at afterwards. So
 * answers need no correlation, and the journal sees Close and Open only after the last write of the ReplicaLog. A replica
 * that does not lead serves nothing.
 */
final class ReplicaActor extends AbstractBehavior<Command> {
    private enum Phase {
        IDLE,
        OPENING,
        STARTING,
        LEADER,
        STOPPING,
        CLOSING
    }

    private enum End {
        NONE,
        STOP,
        DELETE
    }

    /** The partition's committed state; repeated until {@link Settled} is told for it. */
    record Assigned(TopicIdPartition partition, PartitionImage image, LogConfig config, ActorRef<Settled> settled)
            implements Internal {}

    /** The replica has done what the state asks, or cannot. */
    record Settled(ReplicaId replica, int leaderEpoch, int partitionEpoch, ActorRef<Command> self) {}

    /** Resign, close the log and end. */
    record Stop(ActorRef<Stopped> replyTo) implements Internal {}

    record Stopped(ReplicaId replica) {}

    /** The topic is gone: resign, delete the log and end. */
    record Delete(TopicIdPartition partition) implements Internal {}

    /** From sharding, when its region ends. */
    enum ShardStop implements Internal {
        SHARD_STOP
    }

    /** From the ReplicaLog. */
    record LogAppended(long endOffset) implements Internal {}

    /** Told to all replicas now and then by the starter. */
    record ExpireProducers(long nowMs) implements Internal {}

    private record FromJournal(Object reply) implements Internal {}

    private enum Timeouts implements Internal {
        TIMEOUTS
    }

    private enum Checkpoint implements Internal {
        CHECKPOINT
    }

    private enum OpenAgain implements Internal {
        OPEN_AGAIN
    }

    private static final Duration MIN_OPEN_DELAY = Duration.ofMillis(100);
    private static final Duration LOUD_OPEN_DELAY = Duration.ofMillis(800);
    private static final Duration MAX_OPEN_DELAY = Duration.ofSeconds(10);

    private final ReplicaId id;
    private final ReplicaSettings settings;
    private final TimerScheduler<Command> timers;
    private final String persistenceId;
    private final List<ActorRef<Stopped>> stopping = new ArrayList<>();

    private Phase phase = Phase.IDLE;
    private End end = End.NONE;
    private Assigned assigned;
    private boolean settledTold = true;
    private org.apache.pekko.actor.ActorRef journal;
    private String pluginId;

    /** The epoch being opened or led. */
    private int epoch = -1;

    private JournalCommand.Opened opened;
    private LeaderState state;
    private LocalReplicas.Leader leader;
    private List<EpochStart> epochs;
    private ActorRef<LogAppend> replicaLog;
    private long timeoutsArmedForMs = Long.MAX_VALUE;
    private long checkpointed;
    private boolean checkpointArmed;
    private Duration openDelay = MIN_OPEN_DELAY;
    private String openFailure;

    private ReplicaActor(
            ActorContext<Command> context, TimerScheduler<Command> timers, ReplicaId id, ReplicaSettings settings) {
        super(context);
        this.id = id;
        this.settings = settings;
        this.timers = timers;
        this.persistenceId = Journals.persistenceId(id);
    }

    static Behavior<Command> create(ReplicaId id, ReplicaSettings settings) {
        return Behaviors.setup(
                context -> Behaviors.withTimers(timers -> new ReplicaActor(context, timers, id, settings)));
    }

    @Override
    public Receive<Command> createReceive() {
        return newReceiveBuilder()
                .onMessage(Append.class, this::onAppend)
                .onMessage(LogAppended.class, this::onLogAppended)
                .onMessage(AwaitData.class, this::onAwaitData)
                .onMessage(CancelWait.class, this::onCancelWait)
                .onMessage(Assigned.class, this::onAssigned)
                .onMessage(FromJournal.class, this::onJournal)
                .onMessageEquals(Timeouts.TIMEOUTS, this::onTimeouts)
                .onMessageEquals(Checkpoint.CHECKPOINT, this::onCheckpoint)
                .onMessageEquals(OpenAgain.OPEN_AGAIN, this::follow)
                .onMessage(ExpireProducers.class, this::onExpireProducers)
                .onMessage(Stop.class, this::onStop)
                .onMessage(Delete.class, this::onDelete)
                .onMessageEquals(ShardStop.SHARD_STOP, this::onShardStop)
                .onSignal(ChildFailed.class, this::onLogFailed)
                .onSignal(Terminated.class, this::onLogEnded)
                .onSignal(PostStop.class, signal -> onPostStop())
                .build();
    }

    private Behavior<Command> onAppend(Append append) {
        if (state == null) {
            LeaderState.refuseNotLeader(append);
            return this;
        }
        long nowMs = settings.nowMs().getAsLong();
        boolean waits;
        try {
            waits = state.admit(append, nowMs);
        } catch (RuntimeException e) {
            // What follows ends this actor; everybody who waits is answered as it resigns, but this one waits nowhere.
            append.reply().refused(Refusal.of(Errors.UNKNOWN_SERVER_ERROR), -1);
            throw e;
        }
        if (waits) {
            armTimeouts(nowMs, nowMs + Math.max(0, append.timeoutMs()));
        }
        persistNext();
        return this;
    }

    private void persistNext() {
        LogAppend group = state.nextGroup(settings.maxGroupBytes());
        if (group != null) {
            replicaLog.tell(group);
        }
    }

    private Behavior<Command> onLogAppended(LogAppended appended) {
        if (state == null) {
            return this; // resigned meanwhile: everybody was answered
        }
        state.persisted(appended.endOffset());
        persistNext();
        publish();
        state.answerPersisted();
        state.answerCovered();
        return this;
    }

    private void publish() {
        leader.publish(view());
        armCheckpoint();
    }

    private LogView view() {
        return new LogView(
                assigned.partition(),
                epoch,
                // The journal's own word: retention moves it without asking the leader.
                opened.reader().logStartOffset(),
                state.highWatermark(),
                state.highWatermark(),
                state.persistedEnd(),
                state.epochStartCommitted(),
                epochs,
                opened.reader());
    }

    private Behavior<Command> onAwaitData(AwaitData await) {
        if (state == null) {
            LeaderState.call(await.waiter());
        } else {
            state.await(await);
        }
        return this;
    }

    private Behavior<Command> onCancelWait(CancelWait cancel) {
        if (state != null) {
            state.cancel(cancel.waiter());
        }
        return this;
    }

    private Behavior<Command> onAssigned(Assigned newer) {
        if (assigned != null && isOlder(newer.image(), assigned.image())) {
            return this;
        }
        boolean reconfigured = assigned != null && !assigned.config().equals(newer.config());
        assigned = newer;
        settledTold = false;
        if (reconfigured && opened != null) {
            tellJournal(new JournalCommand.Reconfigure(persistenceId, newer.config()));
        }
        if (phase == Phase.LEADER && stillWanted()) {
            state.isrCommitted(newer.image().isr(), minInsync());
            publish();
            state.answerCovered();
        }
        return follow();
    }

    private static boolean isOlder(PartitionImage image, PartitionImage than) {
        return image.leaderEpoch() < than.leaderEpoch() || image.partitionEpoch() < than.partitionEpoch();
    }

    private int minInsync() {
        return Math.min(
                assigned.config().minInsyncReplicas(),
                assigned.image().replicas().size());
    }

    /** Whether the epoch being opened or led is the one that the newest committed state gives to this broker. */
    private boolean stillWanted() {
        return end == End.NONE
                && assigned.image().leader() == id.brokerId()
                && assigned.image().leaderEpoch() == epoch;
    }

    /** Goes where the newest state leads from a phase that waits for nothing; elsewhere the answer awaited comes here. */
    private Behavior<Command> follow() {
        if (phase == Phase.LEADER && !stillWanted()) {
            resign(Refusal.of(Errors.NOT_LEADER_OR_FOLLOWER));
            stopLog();
        } else if (phase == Phase.IDLE) {
            if (end == End.STOP || end == End.DELETE) {
                return endNow();
            }
            openWhenElected();
        }
        if (!settledTold && (phase == Phase.LEADER || phase == Phase.IDLE)) {
            settledTold = true;
            PartitionImage image = assigned.image();
            assigned.settled()
                    .tell(new Settled(
                            id,
                            image.leaderEpoch(),
                            image.partitionEpoch(),
                            getContext().getSelf()));
        }
        return this;
    }

    private void openWhenElected() {
        PartitionImage image = assigned.image();
        if (timers.isTimerActive(OpenAgain.OPEN_AGAIN)) {
            return; // opening failed a moment ago
        }
        if (image.leader() != id.brokerId() || !settings.claims().claim(assigned.partition(), image.leaderEpoch())) {
            return; // a follower, or one that has already led in this epoch and given up
        }
        epoch = image.leaderEpoch();
        phase = Phase.OPENING;
        findJournal();
        tellJournal(new JournalCommand.Open(
                persistenceId, assigned.partition(), assigned.config(), fromJournal(JournalCommand.OpenReply.class)));
    }

    private void findJournal() {
        if (journal == null) {
            pluginId = settings.pluginFor().apply(assigned.partition());
            journal = settings.journalFor().apply(pluginId);
        }
    }

    private <T> ActorRef<T> fromJournal(Class<T> type) {
        return getContext().messageAdapter(type, FromJournal::new);
    }

    private void tellJournal(JournalCommand command) {
        journal.tell(command, org.apache.pekko.actor.ActorRef.noSender());
    }

    private Behavior<Command> onJournal(FromJournal answer) {
        switch (phase) {
            case OPENING -> onOpened(answer.reply());
            case STARTING -> onEpochStarted(answer.reply());
            case CLOSING -> {
                opened = null;
                phase = Phase.IDLE;
            }
            default -> {} // the answer to a deletion
        }
        return follow();
    }

    private void onOpened(Object reply) {
        if (reply instanceof JournalCommand.Failed failed) {
            openLater(failed.refusal());
            return;
        }
        openFailure = null;
        openDelay = MIN_OPEN_DELAY;
        opened = (JournalCommand.Opened) reply;
        if (!stillWanted()) {
            close();
            return;
        }
        phase = Phase.STARTING;
        tellJournal(new JournalCommand.StartEpoch(
                persistenceId, epoch, opened.logEndOffset(), fromJournal(JournalCommand.Reply.class)));
    }

    /**
     * Nothing was led or written, so this epoch may still be. It is worth trying again: a topic created anew waits for the
     * log of the one deleted, and files that could not be opened may be had later. No election comes for a sole replica.
     */
    private void openLater(Refusal why) {
        // The first tries are quiet: the log of a deleted topic is closed by then.
        if (openDelay.compareTo(LOUD_OPEN_DELAY) >= 0 && !why.message().equals(openFailure)) {
            openFailure = why.message();
            getContext()
                    .getLog()
                    .warn("The log of {} cannot be opened, trying again: {}", assigned.partition(), openFailure);
        }
        settings.claims().release(assigned.partition(), epoch);
        phase = Phase.IDLE;
        timers.startSingleTimer(OpenAgain.OPEN_AGAIN, OpenAgain.OPEN_AGAIN, openDelay);
        openDelay =
                openDelay.multipliedBy(2).compareTo(MAX_OPEN_DELAY) < 0 ? openDelay.multipliedBy(2) : MAX_OPEN_DELAY;
    }

    private void onEpochStarted(Object reply) {
        if (reply instanceof JournalCommand.Failed failed) {
            logOffline("cannot record leader epoch " + epoch, failed.refusal());
            close();
        } else if (!stillWanted()) {
            close();
        } else {
            lead();
        }
    }

    private void lead() {
        phase = Phase.LEADER;
        epochs = withEpoch(opened.epochs(), new EpochStart(epoch, opened.logEndOffset()));
        state = new LeaderState(
                id.brokerId(),
                epoch,
                assigned.image().isr(),
                minInsync(),
                opened.logStartOffset(),
                opened.highWatermark(),
                opened.logEndOffset(),
                opened.producers());
        checkpointed = opened.highWatermark();
        replicaLog = getContext()
                .spawn(
                        ReplicaLog.create(persistenceId, pluginId, getContext().getSelf()),
                        "log-" + epoch,
                        DispatcherSelector.sameAsParent());
        getContext().watch(replicaLog);
        leader = new LocalReplicas.Leader(getContext().getSelf(), view());
        settings.localReplicas().lead(assigned.partition(), leader);
        armCheckpoint();
        if (isInternal()) {
            settings.leadership()
                    .tell(new Leadership.Elected(assigned.partition(), epoch, state.epochStartOffset(), leader));
        }
    }

    private static List<EpochStart> withEpoch(List<EpochStart> epochs, EpochStart newest) {
        List<EpochStart> all = new ArrayList<>(epochs);
        // An epoch that began where this one does holds no record.
        all.removeIf(e -> e.startOffset() >= newest.startOffset() || e.leaderEpoch() >= newest.leaderEpoch());
        all.add(newest);
        return List.copyOf(all);
    }

    private boolean isInternal() {
        return TopicImage.isInternal(assigned.partition().topic());
    }

    /** Gives up the leadership: nobody finds this replica any more, and everybody who waits is answered. */
    private void resign(Refusal reason) {
        if (state == null) {
            return;
        }
        LeaderState given = state;
        settings.localReplicas().resign(assigned.partition(), leader);
        given.resign(reason);
        if (given.highWatermark() != checkpointed) {
            tellJournal(new JournalCommand.CheckpointHighWatermark(persistenceId, given.highWatermark()));
        }
        if (isInternal()) {
            settings.leadership().tell(new Leadership.Resigned(assigned.partition(), epoch));
        }
        state = null;
        leader = null;
        epochs = null;
        timers.cancelAll();
        timeoutsArmedForMs = Long.MAX_VALUE;
        checkpointArmed = false;
    }

    private void stopLog() {
        phase = Phase.STOPPING;
        getContext().stop(replicaLog);
    }

    private Behavior<Command> onLogFailed(ChildFailed failed) {
        Refusal refusal = new Refusal(
                Errors.KAFKA_STORAGE_ERROR,
                "the log of " + assigned.partition() + " failed: "
                        + failed.getCause().getMessage());
        logOffline("failed", refusal);
        resign(refusal);
        return onLogGone();
    }

    private Behavior<Command> onLogEnded(Terminated ended) {
        resign(Refusal.of(Errors.NOT_LEADER_OR_FOLLOWER));
        return onLogGone();
    }

    private Behavior<Command> onLogGone() {
        replicaLog = null;
        close();
        return this;
    }

    private void close() {
        phase = Phase.CLOSING;
        tellJournal(new JournalCommand.Close(persistenceId, fromJournal(JournalCommand.Reply.class)));
    }

    private void logOffline(String what, Refusal refusal) {
        getContext()
                .getLog()
                .error(
                        "The log of {} {} in leader epoch {}: {}. This broker leads it again only after a new election",
                        assigned.partition(),
                        what,
                        epoch,
                        refusal.message());
    }

    private void armTimeouts(long nowMs, long deadlineMs) {
        if (deadlineMs < timeoutsArmedForMs) {
            timeoutsArmedForMs = deadlineMs;
            timers.startSingleTimer(
                    Timeouts.TIMEOUTS, Timeouts.TIMEOUTS, Duration.ofMillis(Math.max(1, deadlineMs - nowMs)));
        }
    }

    private Behavior<Command> onTimeouts() {
        timeoutsArmedForMs = Long.MAX_VALUE;
        if (state != null) {
            long nowMs = settings.nowMs().getAsLong();
            state.expire(nowMs);
            long next = state.nextDeadlineMs();
            if (next != Long.MAX_VALUE) {
                armTimeouts(nowMs, next);
            }
        }
        return this;
    }

    private void armCheckpoint() {
        if (!checkpointArmed && state.highWatermark() != checkpointed) {
            checkpointArmed = true;
            timers.startSingleTimer(
                    Checkpoint.CHECKPOINT, Checkpoint.CHECKPOINT, Duration.ofMillis(settings.checkpointIntervalMs()));
        }
    }

    private Behavior<Command> onCheckpoint() {
        checkpointArmed = false;
        if (state != null && state.highWatermark() != checkpointed) {
            checkpointed = state.highWatermark();
            tellJournal(new JournalCommand.CheckpointHighWatermark(persistenceId, checkpointed));
        }
        return this;
    }

    private Behavior<Command> onExpireProducers(ExpireProducers expire) {
        if (state != null) {
            state.producers().expire(expire.nowMs(), settings.producerIdExpirationMs());
        }
        return this;
    }

    private Behavior<Command> onStop(Stop stop) {
        stopping.add(stop.replyTo());
        return endWith(End.STOP);
    }

    private Behavior<Command> onShardStop() {
        return endWith(End.STOP);
    }

    private Behavior<Command> onDelete(Delete delete) {
        if (assigned == null) {
            assigned = new Assigned(
                    delete.partition(), NOWHERE, null, getContext().getSystem().ignoreRef());
        }
        return endWith(End.DELETE);
    }

    private static final PartitionImage NOWHERE =
            new PartitionImage(0, List.of(), PartitionImage.NO_LEADER, 0, 0, List.of(), List.of(), List.of());

    private Behavior<Command> endWith(End how) {
        if (end != End.DELETE) {
            end = how;
        }
        return follow();
    }

    private Behavior<Command> endNow() {
        if (end == End.DELETE) {
            findJournal();
            settings.claims().forget(assigned.partition());
            tellJournal(new JournalCommand.Delete(
                    persistenceId,
                    assigned.partition(),
                    getContext().getSystem().ignoreRef()));
        }
        stopping.forEach(replyTo -> replyTo.tell(new Stopped(id)));
        stopping.clear();
        return Behaviors.stopped();
    }

    private Behavior<Command> onPostStop() {
        // Only after a failure of this actor itself is there anything left to resign.
        resign(Refusal.of(Errors.NOT_LEADER_OR_FOLLOWER));
        stopping.forEach(replyTo -> replyTo.tell(new Stopped(id)));
        return this;
    }
}
