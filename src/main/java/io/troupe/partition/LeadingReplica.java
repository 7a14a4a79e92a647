package io.troupe.partition;

import io.troupe.config.LogConfig;
import io.troupe.journal.JournalCommand;
import io.troupe.journal.JournalCommand.EpochStart;
import io.troupe.journal.LogAppend;
import io.troupe.metadata.TopicImage;
import io.troupe.model.Refusal;
import io.troupe.partition.Replica.Append;
import io.troupe.partition.Replica.AwaitData;
import io.troupe.partition.Replica.Command;
import io.troupe.partition.Replica.DeleteRecords;
import io.troupe.partition.Replica.Internal;
import io.troupe.partition.Replica.Waiter;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.protocol.Errors;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;

/**
 * A Replica's leadership in one leader epoch: carries out what its {@link LeaderState} decides. It gives groups of batches
 * to its log, publishes the {@link LogView}, and keeps the timers. Part of the {@link ReplicaActor} and used on its
 * thread only, from {@link #start} to {@link #resign}.
 */
final class LeadingReplica {
    /** What its timers tell the Replica, which hands it back here. */
    enum Timer implements Internal {
        TIMEOUTS,
        CHECKPOINT
    }

    /** What it asks of its log. */
    interface Log {
        /** Answered by {@link #persisted}; one is under way at a time. */
        void persist(LogAppend group);

        void rememberHighWatermark(long highWatermark);

        /** @param active whether the active segment goes too when all of it is below */
        void advanceStart(long offset, boolean active);
    }

    private final TopicIdPartition partition;
    private final int epoch;
    private final JournalCommand.Opened opened;
    private final ReplicaSettings settings;
    private final TimerScheduler<Command> timers;
    private final Log log;
    private final List<EpochStart> epochs;
    private final LeaderState state;
    private final RecordDeletions deletions = new RecordDeletions();
    private final LocalReplicas.Leader leader;
    private LogConfig config;
    private long timeoutsArmedForMs = Long.MAX_VALUE;
    private long remembered;
    private boolean checkpointArmed;

    /**
     * @param assigned the committed state that elected this replica
     * @param opened the log, whose end is where the epoch starts
     * @param self the Replica
     */
    LeadingReplica(
            ReplicaActor.Assigned assigned,
            JournalCommand.Opened opened,
            ReplicaSettings settings,
            TimerScheduler<Command> timers,
            ActorRef<Command> self,
            Log log) {
        this.partition = assigned.partition();
        this.config = assigned.config();
        this.epoch = assigned.image().leaderEpoch();
        this.opened = opened;
        this.settings = settings;
        this.timers = timers;
        this.log = log;
        this.epochs = withEpoch(opened.epochs(), new EpochStart(epoch, opened.logEndOffset()));
        this.state = new LeaderState(
                settings.brokerId(),
                epoch,
                assigned.image().isr(),
                assigned.minInsync(),
                opened.logStartOffset(),
                opened.highWatermark(),
                opened.logEndOffset(),
                opened.producers());
        state.segmentBytes(config.segmentBytes());
        this.remembered = opened.highWatermark();
        this.leader = new LocalReplicas.Leader(self, view());
    }

    private static List<EpochStart> withEpoch(List<EpochStart> epochs, EpochStart newest) {
        List<EpochStart> all = new ArrayList<>(epochs);
        // An epoch that began where this one does holds no record.
        all.removeIf(e -> e.startOffset() >= newest.startOffset() || e.leaderEpoch() >= newest.leaderEpoch());
        all.add(newest);
        return List.copyOf(all);
    }

    /** From here on handlers find this leader. */
    void start() {
        settings.localReplicas().lead(partition, leader);
        armCheckpoint();
        if (isInternal()) {
            settings.leadership().tell(new Leadership.Elected(partition, epoch, state.epochStartOffset(), leader));
        }
    }

    private boolean isInternal() {
        return TopicImage.isInternal(partition.topic());
    }

    void append(Append append) {
        long nowMs = settings.nowMs().getAsLong();
        boolean waits;
        try {
            waits = state.admit(append, nowMs);
        } catch (RuntimeException e) {
            // What follows ends the actor; everybody who waits is answered as it resigns, but this one waits nowhere.
            append.reply().refused(Refusal.of(Errors.UNKNOWN_SERVER_ERROR), -1);
            throw e;
        }
        if (waits) {
            armTimeouts(nowMs, nowMs + Math.max(0, append.timeoutMs()));
        }
        persistNext();
    }

    private void persistNext() {
        LogAppend group = state.nextGroup(settings.maxGroupBytes());
        if (group != null) {
            log.persist(group);
        }
    }

    /** The ReplicaLog has persisted the group under way. */
    void persisted(long endOffset) {
        state.persisted(endOffset);
        persistNext();
        publish();
        state.answerPersisted();
        state.answerCovered();
    }

    private void publish() {
        leader.publish(view());
        armCheckpoint();
    }

    private LogView view() {
        return new LogView(
                partition,
                epoch,
                state.logStartOffset(),
                state.highWatermark(),
                state.highWatermark(),
                state.persistedEnd(),
                state.epochStartCommitted(),
                epochs,
                opened.reader());
    }

    void deleteRecords(DeleteRecords delete) {
        long offset = delete.offset() == RecordDeletions.HIGH_WATERMARK ? state.highWatermark() : delete.offset();
        Refusal refusal = RecordDeletions.refusal(offset, state.highWatermark(), config);
        if (refusal != null) {
            RecordDeletions.refuse(delete.reply(), refusal);
            return;
        }
        deletions.await(offset, delete.reply());
        if (offset > state.logStartOffset()) {
            log.advanceStart(offset, false);
        } else {
            deletions.answer(state.logStartOffset());
        }
    }

    void applyRetention(long nowMs) {
        Retention.deletableTo(opened.reader().segments(), state.logStartOffset(), state.highWatermark(), config, nowMs)
                .ifPresent(offset -> log.advanceStart(offset, true));
    }

    /** The journal's answer. */
    void logStartAdvanced(JournalCommand.LogStartAdvanced advanced) {
        if (advanced.refusal().isPresent()) {
            deletions.refuseAll(advanced.refusal().get());
            return;
        }
        state.logStartMoved(advanced.logStartOffset());
        publish();
        deletions.answer(state.logStartOffset());
    }

    void await(AwaitData await) {
        state.await(await);
    }

    void cancel(Waiter waiter) {
        state.cancel(waiter);
    }

    /** A newer committed state, in the same leader epoch. */
    void assigned(ReplicaActor.Assigned newer) {
        config = newer.config();
        state.segmentBytes(config.segmentBytes());
        state.isrCommitted(newer.image().isr(), newer.minInsync());
        publish();
        state.answerCovered();
    }

    private void armTimeouts(long nowMs, long deadlineMs) {
        if (deadlineMs < timeoutsArmedForMs) {
            timeoutsArmedForMs = deadlineMs;
            timers.startSingleTimer(Timer.TIMEOUTS, Timer.TIMEOUTS, Duration.ofMillis(Math.max(1, deadlineMs - nowMs)));
        }
    }

    /** {@link Timer#TIMEOUTS} */
    void expire() {
        timeoutsArmedForMs = Long.MAX_VALUE;
        long nowMs = settings.nowMs().getAsLong();
        state.expire(nowMs);
        long next = state.nextDeadlineMs();
        if (next != Long.MAX_VALUE) {
            armTimeouts(nowMs, next);
        }
    }

    private void armCheckpoint() {
        if (!checkpointArmed && state.highWatermark() != remembered) {
            checkpointArmed = true;
            timers.startSingleTimer(
                    Timer.CHECKPOINT, Timer.CHECKPOINT, Duration.ofMillis(settings.checkpointIntervalMs()));
        }
    }

    /** {@link Timer#CHECKPOINT} */
    void checkpoint() {
        checkpointArmed = false;
        if (state.highWatermark() != remembered) {
            remembered = state.highWatermark();
            log.rememberHighWatermark(remembered);
        }
    }

    void expireProducers(long nowMs) {
        state.producers().expire(nowMs, settings.producerIdExpirationMs());
    }

    /** Nobody finds this leader any more, and everybody who waits is answered. Nothing else may be called after it. */
    void resign(Refusal reason) {
        settings.localReplicas().resign(partition, leader);
        state.resign(reason);
        deletions.refuseAll(reason);
        checkpoint();
        if (isInternal()) {
            settings.leadership().tell(new Leadership.Resigned(partition, epoch));
        }
        for (Timer timer : Timer.values()) {
            timers.cancel(timer);
        }
    }
}
