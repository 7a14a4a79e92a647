package io.troupe.partition;

import io.troupe.config.LogConfig;
import io.troupe.controller.ControllerCommand;
import io.troupe.controller.ControllerReply;
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
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.protocol.Errors;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A Replica's leadership in one leader epoch: carries out what its {@link LeaderState} decides. It gives groups of batches
 * to its log, publishes the {@link LogView}, and keeps the timers. Part of the {@link ReplicaActor} and used on its
 * thread only, from {@link #start} to {@link #resign}.
 */
final class LeadingReplica {
    /** What its timers tell the Replica, which hands it back here. */
    enum Timer implements Internal {
        TIMEOUTS,
        CHECKPOINT,
        ISR
    }

    /** What the controller said to a proposal. */
    record IsrAnswered(InSyncReplicas.Proposal proposal, ControllerReply reply) implements Internal {}

    private static final Logger LOG = LoggerFactory.getLogger(LeadingReplica.class);
    private static final int PROPOSAL_TIMEOUT_MS = 5_000;
    private static final long MIN_REVIEW_MS = 100;

    private final TopicIdPartition partition;
    private final PartitionKey key;
    private final ActorRef<Command> self;
    private final int epoch;
    private final JournalCommand.Opened opened;
    private final ReplicaSettings settings;
    private final TimerScheduler<Command> timers;
    private final ReplicaStorage storage;
    private final HighWatermarkCheckpoint checkpoint;
    private final List<EpochStart> epochs;
    private final LeaderState state;
    private final RecordDeletions deletions = new RecordDeletions();
    private final LocalReplicas.Leader leader;
    private final InSyncReplicas inSync;
    /** Link ends of the followers that were heard from, by broker id. */
    private final Map<Integer, ActorRef<LeaderLink.Command>> links = new HashMap<>();

    private ReplicaActor.Assigned assigned;
    private LogAppend inFlight;
    private boolean isrArmed;
    private LogConfig config;
    private long timeoutsArmedForMs = Long.MAX_VALUE;

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
            ReplicaStorage storage) {
        this.partition = assigned.partition();
        this.key = PartitionKey.of(partition);
        this.self = self;
        this.assigned = assigned;
        this.config = assigned.config();
        this.epoch = assigned.image().leaderEpoch();
        this.opened = opened;
        this.settings = settings;
        this.timers = timers;
        this.storage = storage;
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
        this.checkpoint = new HighWatermarkCheckpoint(
                timers,
                Timer.CHECKPOINT,
                settings.checkpointIntervalMs(),
                storage::rememberHighWatermark,
                opened.highWatermark());
        this.leader = new LocalReplicas.Leader(self, view());
        this.inSync = new InSyncReplicas(
                settings.brokerId(),
                assigned.image(),
                settings.peers().lagTimeMaxMs(),
                settings.peers(),
                opened.logEndOffset(),
                settings.peers().tickMs());
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
        checkpoint.moved(state.highWatermark());
        if (isReplicated()) {
            settings.peers()
                    .links()
                    .tell(new ReplicaLinks.Leads(key, assigned.image().replicas()));
            armIsr();
        }
        if (hasCoordinator()) {
            settings.leadership().tell(new Leadership.Elected(partition, epoch, state.epochStartOffset(), leader));
        }
    }

    private boolean isReplicated() {
        return assigned.image().replicas().size() > 1;
    }

    private boolean hasCoordinator() {
        return TopicImage.hasCoordinators(partition.topic());
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
            inFlight = group;
            storage.persist(group);
        }
    }

    /** The ReplicaLog has persisted the group under way. */
    void persisted(long endOffset) {
        LogAppend group = inFlight;
        // Not kept until the next one: it holds the frames that its batches came in.
        inFlight = null;
        state.persisted(endOffset);
        persistNext();
        publish();
        if (isReplicated()) {
            replicate(group);
        }
        state.answerPersisted();
        state.answerCovered();
    }

    private void replicate(LogAppend group) {
        LeaderLink.Appended appended = new LeaderLink.Appended(key, epoch, group);
        links.values().forEach(link -> link.tell(appended));
        inSync.appended(state.persistedEnd(), settings.peers().tickMs());
        armIsr();
    }

    /** A link's word. */
    void followerAt(ReplicaActor.FollowerAt at) {
        if (at.leaderEpoch() != epoch || !assigned.image().replicas().contains(at.follower())) {
            return;
        }
        if (!at.link().equals(links.put(at.follower(), at.link()))) {
            // What was appended since the link looked was told to nobody.
            at.link().tell(new LeaderLink.Moved(key));
        }
        long before = state.highWatermark();
        state.followerAt(at.follower(), at.offset());
        inSync.followerAt(
                at.follower(),
                at.brokerEpoch(),
                at.offset(),
                state.persistedEnd(),
                settings.peers().tickMs());
        if (state.highWatermark() != before) {
            publish();
            state.answerCovered();
            if (settings.peers().readFollowers()) {
                links.values().forEach(link -> link.tell(new LeaderLink.HighWatermarkMoved(key)));
            }
        }
        propose();
    }

    private void propose() {
        inSync.propose(
                        state.highWatermark(),
                        state.epochStartOffset(),
                        settings.peers().tickMs())
                .ifPresent(proposal -> {
                    state.isrProposed(proposal.isr());
                    submit(proposal);
                });
        armIsr();
    }

    private void submit(InSyncReplicas.Proposal proposal) {
        settings.peers()
                .controller()
                .submit(
                        new ControllerCommand.AlterPartition(
                                settings.brokerId(),
                                assigned.brokerEpoch(),
                                partition,
                                epoch,
                                proposal.partitionEpoch(),
                                proposal.isr(),
                                proposal.brokerEpochs()),
                        PROPOSAL_TIMEOUT_MS)
                .thenAccept(reply -> self.tell(new IsrAnswered(proposal, reply)));
    }

    /** Rule 1.7: whatever may have been done without being heard of is neither forgotten nor replaced by something else. */
    void isrAnswered(IsrAnswered answered) {
        if (answered.proposal() != inSync.proposed()
                || !(answered.reply() instanceof ControllerReply.Refused refused)) {
            // Committed metadata tells the rest.
            return;
        }
        switch (refused.refusal().error()) {
            case REQUEST_TIMED_OUT, NOT_CONTROLLER -> submit(answered.proposal());
            // There is newer metadata, which is on its way here.
            case FENCED_LEADER_EPOCH, INVALID_UPDATE_VERSION, STALE_BROKER_EPOCH -> {}
            default -> {
                LOG.warn(
                        "{}: the controller refuses the ISR {}: {}",
                        partition,
                        answered.proposal().isr(),
                        refused.refusal().message());
                inSync.refused(settings.peers().tickMs());
                state.isrCommitted(assigned.image().isr(), assigned.minInsync());
                publish();
                state.answerCovered();
                armIsr();
            }
        }
    }

    private void armIsr() {
        long deadline = isrArmed ? Long.MAX_VALUE : inSync.nextDeadlineMs();
        if (deadline != Long.MAX_VALUE) {
            isrArmed = true;
            long inMs = deadline - settings.peers().tickMs();
            timers.startSingleTimer(Timer.ISR, Timer.ISR, Duration.ofMillis(Math.max(MIN_REVIEW_MS, inMs)));
        }
    }

    /** {@link Timer#ISR} */
    void reviewIsr() {
        isrArmed = false;
        propose();
    }

    private void publish() {
        leader.publish(view());
        checkpoint.moved(state.highWatermark());
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
            storage.advanceStart(offset, false);
        } else {
            deletions.answer(state.logStartOffset());
        }
    }

    void applyRetention(long nowMs) {
        Retention.deletableTo(opened.reader().segments(), state.logStartOffset(), state.highWatermark(), config, nowMs)
                .ifPresent(offset -> storage.advanceStart(offset, true));
    }

    /** The journal's answer. */
    void logStartAdvanced(JournalCommand.LogStartAdvanced advanced) {
        if (advanced.refusal().isPresent()) {
            deletions.refuseAll(advanced.refusal().get());
            return;
        }
        state.logStartMoved(advanced.logStartOffset());
        publish();
        links.values().forEach(link -> link.tell(new LeaderLink.Moved(key)));
        deletions.answer(state.logStartOffset());
    }

    void await(AwaitData await) {
        state.await(await);
    }

    void cancel(Waiter waiter) {
        state.cancel(waiter);
    }

    List<Replica.FollowerStanding> followers() {
        return inSync.standings(settings.peers().tickMs());
    }

    /** A newer committed state, in the same leader epoch: it may have more replicas. */
    void assigned(ReplicaActor.Assigned newer) {
        List<Integer> added = new ArrayList<>(newer.image().replicas());
        added.removeAll(assigned.image().replicas());
        assigned = newer;
        config = newer.config();
        state.segmentBytes(config.segmentBytes());
        links.keySet().retainAll(newer.image().replicas());
        if (inSync.committed(
                newer.image(), state.persistedEnd(), settings.peers().tickMs())) {
            state.isrCommitted(newer.image().isr(), newer.minInsync());
        } else {
            state.minInsync(newer.minInsync());
        }
        if (!added.isEmpty()) {
            // There may be no link to that broker yet; or it told where it stands before this replica knew it as a
            // follower.
            settings.peers().links().tell(new ReplicaLinks.Leads(key, added));
        }
        publish();
        state.answerCovered();
        propose();
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

    /** {@link Timer#CHECKPOINT} */
    void checkpoint() {
        checkpoint.remember(state.highWatermark());
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
        if (hasCoordinator()) {
            settings.leadership().tell(new Leadership.Resigned(partition, epoch));
        }
        for (Timer timer : Timer.values()) {
            timers.cancel(timer);
        }
    }
}
