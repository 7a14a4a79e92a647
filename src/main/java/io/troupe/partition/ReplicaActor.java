package io.troupe.partition;

import io.troupe.config.LogConfig;
import io.troupe.journal.JournalCommand;
import io.troupe.metadata.PartitionImage;
import io.troupe.model.Refusal;
import io.troupe.model.ReplicaId;
import io.troupe.partition.Replica.Append;
import io.troupe.partition.Replica.AwaitData;
import io.troupe.partition.Replica.CancelWait;
import io.troupe.partition.Replica.Command;
import io.troupe.partition.Replica.DeleteRecords;
import io.troupe.partition.Replica.Internal;
import io.troupe.partition.Replica.TellFollowers;
import io.troupe.partition.ReplicaPhases.Phase;
import io.troupe.partition.ReplicaPhases.Step;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.protocol.Errors;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.ChildFailed;
import org.apache.pekko.actor.typed.PostStop;
import org.apache.pekko.actor.typed.Terminated;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;

/**
 * The actor of one {@link Replica}: a Cluster Sharding entity that follows its partition's committed state. What comes next
 * is the word of {@link ReplicaPhases}; while this replica leads, {@link LeadingReplica} does the work, while another
 * does, {@link FollowingReplica}. A replica that does not lead takes no writes; it may be read up to the HW that it knows (KIP-392).
 *
 * <p>Since one request to the journal is under way at a time, answers need no correlation, and the journal sees Close and
 * Open only after the last write of the ReplicaLog.
 */
final class ReplicaActor extends AbstractBehavior<Command> {
    /**
     * The partition's committed state; repeated until {@link Settled} is told for it.
     *
     * @param brokerEpoch BE of this broker
     */
    record Assigned(
            TopicIdPartition partition,
            PartitionImage image,
            LogConfig config,
            long brokerEpoch,
            ActorRef<Settled> settled)
            implements Internal {
        /** m: min(min.insync.replicas, replication factor) */
        int minInsync() {
            return Math.min(config.minInsyncReplicas(), image.replicas().size());
        }
    }

    /**
     * The replica has done what the state asks, or cannot.
     *
     * @param failed whether its log failed while it led, or as it was to lead
     */
    record Settled(ReplicaId replica, int leaderEpoch, int partitionEpoch, boolean failed, ActorRef<Command> self) {}

    /** From the starter: the log dir has failed. */
    enum LogOffline implements Internal {
        LOG_OFFLINE
    }

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

    /**
     * From a link: what the leader has sent for this follower.
     *
     * @param offset where the log must end for the batches to come next
     * @param batches empty when only the offsets have changed
     * @param run of the link's session, to be told with the credit
     * @param credit bytes that the link may count as taken when these batches need no memory any more
     */
    record Replicate(
            int leaderEpoch,
            long offset,
            ByteBuffer batches,
            long highWatermark,
            long logStartOffset,
            long run,
            int credit,
            ActorRef<FollowerLink.Command> link)
            implements Internal {}

    /** From a link: the leader's log is another than this follower's. */
    record Diverged(LinkMessage.Divergence divergence) implements Internal {}

    /** From a link: where a follower stands, validated in that leader epoch. */
    record FollowerAt(int follower, long brokerEpoch, int leaderEpoch, long offset, ActorRef<LeaderLink.Command> link)
            implements Internal {}

    /** Told to all replicas now and then by the starter. */
    record ExpireProducers(long nowMs) implements Internal {}

    /** Told to all leaders by the starter, each {@code log.retention.check.interval.ms}. */
    record ApplyRetention(long nowMs) implements Internal {}

    // A type of its own: one may be under way while this replica leads, and be answered after it closed its log.
    record LogStartAdvanced(JournalCommand.LogStartAdvanced answer) implements Internal {}

    /** Of what was asked last: an answer of the journal's. */
    record FromJournal(Object reply) implements Internal {}

    private enum OpenAgain implements Internal {
        OPEN_AGAIN
    }

    private static final Duration MIN_OPEN_DELAY = Duration.ofMillis(100);
    private static final Duration LOUD_OPEN_DELAY = Duration.ofMillis(800);
    private static final Duration MAX_OPEN_DELAY = Duration.ofSeconds(10);

    private final ReplicaId id;
    private final ReplicaSettings settings;
    private final TimerScheduler<Command> timers;
    private final ReplicaPhases phases;
    private final ReplicaJournal journal;
    private final List<ActorRef<Stopped>> stopping = new ArrayList<>();

    /** Known from the first state or from Delete, whichever comes first. */
    private TopicIdPartition partition;

    private Assigned assigned;
    private boolean settledTold = true;
    private JournalCommand.Opened opened;

    /** Null unless this replica leads. */
    private LeadingReplica leading;

    /** Null unless this replica follows. */
    private FollowingReplica following;

    /** What a leader asked for; null when none does. */
    private FollowerState.Cut cut;

    private Duration openDelay = MIN_OPEN_DELAY;
    private String openFailure;

    private ReplicaActor(
            ActorContext<Command> context, TimerScheduler<Command> timers, ReplicaId id, ReplicaSettings settings) {
        super(context);
        context.setLoggerName(ReplicaActor.class);
        this.id = id;
        this.settings = settings;
        this.timers = timers;
        this.phases = new ReplicaPhases(id, settings.claims());
        this.journal = new ReplicaJournal(id, settings, context);
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
                .onMessage(Replicate.class, this::onReplicate)
                .onMessage(FollowerAt.class, this::onFollowerAt)
                .onMessage(DeleteRecords.class, this::onDeleteRecords)
                .onMessage(LogStartAdvanced.class, this::onLogStartAdvanced)
                .onMessage(AwaitData.class, this::onAwaitData)
                .onMessage(CancelWait.class, this::onCancelWait)
                .onMessage(TellFollowers.class, this::onTellFollowers)
                .onMessage(Assigned.class, this::onAssigned)
                .onMessage(FromJournal.class, this::onJournal)
                .onMessage(Diverged.class, this::onDiverged)
                .onMessage(LeadingReplica.Timer.class, this::onTimer)
                .onMessage(FollowingReplica.Timer.class, this::onFollowingTimer)
                .onMessage(LeadingReplica.IsrAnswered.class, this::onIsrAnswered)
                .onMessageEquals(OpenAgain.OPEN_AGAIN, () -> take(phases.openAgain()))
                .onMessage(ExpireProducers.class, this::onExpireProducers)
                .onMessage(ApplyRetention.class, this::onApplyRetention)
                .onMessage(Stop.class, this::onStop)
                .onMessage(Delete.class, this::onDelete)
                .onMessageEquals(LogOffline.LOG_OFFLINE, this::onLogOffline)
                .onMessageEquals(ShardStop.SHARD_STOP, () -> take(phases.stop()))
                .onSignal(ChildFailed.class, this::onLogFailed)
                .onSignal(Terminated.class, this::onLogEnded)
                .onSignal(PostStop.class, signal -> onPostStop())
                .build();
    }

    private Behavior<Command> onAppend(Append append) {
        if (leading == null) {
            LeaderState.refuseNotLeader(append);
        } else {
            leading.append(append);
        }
        return this;
    }

    private Behavior<Command> onLogAppended(LogAppended appended) {
        // When resigned meanwhile, everybody was answered.
        if (leading != null) {
            leading.persisted(appended.endOffset());
        } else if (following != null) {
            following.persisted(appended.endOffset());
        }
        return this;
    }

    private Behavior<Command> onReplicate(Replicate replicate) {
        if (following != null) {
            following.replicate(replicate);
        } else if (replicate.credit() > 0) {
            PartitionKey key = new PartitionKey(id.topicId(), id.partition());
            replicate.link().tell(new FollowerLink.At(key, -1, -1, -1, replicate.run(), replicate.credit()));
        }
        return this;
    }

    private Behavior<Command> onDiverged(Diverged diverged) {
        FollowerState.Cut asked = following == null ? null : following.diverged(diverged.divergence());
        if (asked == null) {
            return this;
        }
        cut = asked;
        return take(phases.diverged());
    }

    private Behavior<Command> onFollowerAt(FollowerAt at) {
        if (leading != null) {
            leading.followerAt(at);
        }
        return this;
    }

    private Behavior<Command> onIsrAnswered(LeadingReplica.IsrAnswered answered) {
        if (leading != null) {
            leading.isrAnswered(answered);
        }
        return this;
    }

    private Behavior<Command> onDeleteRecords(DeleteRecords delete) {
        if (leading == null) {
            RecordDeletions.refuse(delete.reply(), Refusal.of(Errors.NOT_LEADER_OR_FOLLOWER));
        } else {
            leading.deleteRecords(delete);
        }
        return this;
    }

    private Behavior<Command> onLogStartAdvanced(LogStartAdvanced advanced) {
        // Also when an earlier leadership has asked: it is where this log starts.
        if (leading != null) {
            leading.logStartAdvanced(advanced.answer());
        } else if (following != null) {
            following.logStartAdvanced(advanced.answer());
        }
        return this;
    }

    private Behavior<Command> onAwaitData(AwaitData await) {
        if (leading != null) {
            leading.await(await);
        } else if (following != null) {
            following.await(await);
        } else {
            DataWaiters.call(await.waiter());
        }
        return this;
    }

    private Behavior<Command> onCancelWait(CancelWait cancel) {
        if (leading != null) {
            leading.cancel(cancel.waiter());
        } else if (following != null) {
            following.cancel(cancel.waiter());
        }
        return this;
    }

    private Behavior<Command> onTellFollowers(TellFollowers tell) {
        tell.reply().followers(leading == null ? List.of() : leading.followers());
        return this;
    }

    private Behavior<Command> onAssigned(Assigned newer) {
        if (phases.isStale(newer.image())) {
            return this;
        }
        assigned = newer;
        partition = newer.partition();
        settledTold = false;
        if (opened != null) {
            journal.reconfigure(newer.config());
        }
        Step step = phases.assigned(newer.image());
        if (phases.phase() == Phase.LEADER) {
            leading.assigned(newer);
        } else if (phases.phase() == Phase.FOLLOWER) {
            following.assigned(newer);
        }
        return take(step);
    }

    private Behavior<Command> onJournal(FromJournal answer) {
        return take(
                switch (phases.phase()) {
                    case OPENING -> onOpened(answer.reply());
                    case STARTING -> onEpochStarted(answer.reply());
                    case CLOSING -> {
                        opened = null;
                        yield phases.closed();
                    }
                    case CUTTING -> onCut(answer.reply());
                    case IDLE, LEADER, FOLLOWER, STOPPING -> Step.WAIT; // nothing was asked
                });
    }

    private Step onOpened(Object reply) {
        if (reply instanceof JournalCommand.Failed failed) {
            openLater(failed.refusal());
            return phases.openRefused();
        }
        openFailure = null;
        openDelay = MIN_OPEN_DELAY;
        opened = (JournalCommand.Opened) reply;
        journal.reconfigure(assigned.config());
        return phases.opened();
    }

    /**
     * It is worth trying again: a topic created anew waits for the log of the one deleted, and files that could not be
     * opened may be had later. No election comes for a sole replica.
     */
    private void openLater(Refusal why) {
        // The first tries are quiet: the log of a deleted topic is closed by then.
        if (openDelay.compareTo(LOUD_OPEN_DELAY) >= 0 && !why.message().equals(openFailure)) {
            openFailure = why.message();
            getContext().getLog().warn("The log of {} cannot be opened, trying again: {}", partition, openFailure);
        }
        timers.startSingleTimer(OpenAgain.OPEN_AGAIN, OpenAgain.OPEN_AGAIN, openDelay);
        Duration doubled = openDelay.multipliedBy(2);
        openDelay = doubled.compareTo(MAX_OPEN_DELAY) < 0 ? doubled : MAX_OPEN_DELAY;
    }

    private Step onEpochStarted(Object reply) {
        if (reply instanceof JournalCommand.Failed failed) {
            logOffline("cannot record leader epoch " + phases.epoch(), failed.refusal());
            return phases.epochRefused();
        }
        return phases.epochStarted();
    }

    private Step onCut(Object reply) {
        // Where it was cut it was closed, too.
        opened = null;
        if (reply instanceof JournalCommand.Failed failed) {
            openLater(failed.refusal());
            return phases.cutRefused();
        }
        return phases.cut();
    }

    private Behavior<Command> take(Step step) {
        switch (step) {
            case WAIT -> {}
            case OPEN -> journal.open(partition, assigned.config());
            case START_EPOCH -> journal.startEpoch(phases.epoch(), opened.logEndOffset());
            case LEAD -> lead();
            case FOLLOW -> {
                following = new FollowingReplica(
                        opened,
                        new PartitionKey(id.topicId(), id.partition()),
                        settings,
                        timers,
                        getContext().getSelf(),
                        journal);
                following.assigned(assigned);
            }
            case CUT -> journal.cut(cut);
            case RESIGN -> {
                resign(Refusal.of(Errors.NOT_LEADER_OR_FOLLOWER));
                if (!journal.stopLog()) {
                    return take(phases.logGone());
                }
            }
            case CLOSE -> journal.close();
            case END -> {
                return end();
            }
            case DELETE -> {
                journal.delete(partition);
                return end();
            }
        }
        tellSettled();
        return this;
    }

    private void tellSettled() {
        if (!settledTold && phases.settled()) {
            settledTold = true;
            tellStarter(false);
        }
    }

    private void tellStarter(boolean failed) {
        PartitionImage image = assigned.image();
        assigned.settled()
                .tell(new Settled(
                        id,
                        image.leaderEpoch(),
                        image.partitionEpoch(),
                        failed,
                        getContext().getSelf()));
    }

    private void lead() {
        leading = new LeadingReplica(
                assigned, opened, settings, timers, getContext().getSelf(), journal);
        leading.start();
    }

    private void resign(Refusal reason) {
        if (leading != null) {
            LeadingReplica resigning = leading;
            leading = null;
            resigning.resign(reason);
        }
        if (following != null) {
            FollowingReplica stopped = following;
            following = null;
            stopped.stop();
        }
    }

    private Behavior<Command> onLogFailed(ChildFailed failed) {
        Refusal refusal = new Refusal(
                Errors.KAFKA_STORAGE_ERROR,
                "the log of " + partition + " failed: " + failed.getCause().getMessage());
        if (phases.phase() == Phase.FOLLOWER) {
            openLater(refusal);
        } else {
            logOffline("failed", refusal);
        }
        resign(refusal);
        journal.logEnded();
        return take(phases.logFailed());
    }

    private Behavior<Command> onLogOffline() {
        resign(new Refusal(Errors.KAFKA_STORAGE_ERROR, "the log dir of " + partition + " has failed"));
        return take(phases.logOffline());
    }

    private Behavior<Command> onLogEnded(Terminated ended) {
        resign(Refusal.of(Errors.NOT_LEADER_OR_FOLLOWER));
        journal.logEnded();
        return take(phases.phase() == Phase.STOPPING ? phases.logGone() : phases.logFailed());
    }

    private void logOffline(String what, Refusal refusal) {
        getContext()
                .getLog()
                .error(
                        "The log of {} {} in leader epoch {}: {}. Another broker is to lead it, until this one is started again",
                        partition,
                        what,
                        phases.epoch(),
                        refusal.message());
        tellStarter(true);
    }

    private Behavior<Command> onTimer(LeadingReplica.Timer timer) {
        if (leading != null) {
            switch (timer) {
                case TIMEOUTS -> leading.expire();
                case CHECKPOINT -> leading.checkpoint();
                case ISR -> leading.reviewIsr();
            }
        }
        return this;
    }

    private Behavior<Command> onFollowingTimer(FollowingReplica.Timer timer) {
        if (following != null) {
            switch (timer) {
                case ASK_AGAIN -> following.askAgain();
                case CHECKPOINT -> following.checkpoint();
                case REPORT -> following.report();
            }
        }
        return this;
    }

    private Behavior<Command> onExpireProducers(ExpireProducers expire) {
        if (leading != null) {
            leading.expireProducers(expire.nowMs());
        }
        return this;
    }

    private Behavior<Command> onApplyRetention(ApplyRetention apply) {
        if (leading != null) {
            leading.applyRetention(apply.nowMs());
        }
        return this;
    }

    private Behavior<Command> onStop(Stop stop) {
        stopping.add(stop.replyTo());
        return take(phases.stop());
    }

    private Behavior<Command> onDelete(Delete delete) {
        partition = delete.partition();
        return take(phases.delete());
    }

    private Behavior<Command> end() {
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
