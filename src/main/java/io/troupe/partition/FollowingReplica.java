package io.troupe.partition;

import io.troupe.controller.ControllerCommand;
import io.troupe.journal.JournalCommand;
import io.troupe.journal.LogAppend;
import io.troupe.journal.LogReader;
import io.troupe.metadata.PartitionImage;
import io.troupe.partition.FollowerState.Cut;
import io.troupe.partition.FollowerState.Taken;
import io.troupe.partition.LinkMessage.Divergence;
import io.troupe.partition.Replica.Command;
import io.troupe.partition.ReplicaActor.Replicate;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.List;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

/**
 * A Replica's following: carries out what its {@link FollowerState} decides. It gives what the leader sends to its log, and
 * tells the link how far that has come; consumers may read it. Part of the {@link ReplicaActor} and used on its thread only, from {@link #assigned}
 * to {@link #stop}, for one opening of the log and any number of leaders.
 */
final class FollowingReplica {
    private static final Logger log = LoggerFactory.getLogger(FollowingReplica.class);
    private static final int NOBODY = -1;
    private static final Duration ASK_AGAIN = Duration.ofSeconds(1);
    private static final Duration REPORT_AGAIN = Duration.ofSeconds(2);

    /** What its timers tell the Replica, which hands it back here. */
    enum Timer implements Replica.Internal {
        ASK_AGAIN,
        CHECKPOINT,
        REPORT
    }

    /** Delivered bytes that the link may count as taken when the log has come to {@code endOffset}. */
    private record Credit(long endOffset, long run, int bytes) {}

    private final ReplicaSettings settings;
    private final TimerScheduler<Command> timers;
    private final ActorRef<Command> self;
    private final ReplicaStorage storage;
    private final HighWatermarkCheckpoint checkpoint;
    private final FollowerState state;
    private final LogReader reader;
    private final DataWaiters waiters = new DataWaiters();
    private final ArrayDeque<Credit> credits = new ArrayDeque<>();
    private final PartitionKey partition;
    private ReplicaActor.Assigned assigned;
    /** How handlers find it; null before the first committed state. */
    private LocalReplicas.Follower readable;

    private int leader = NOBODY;
    /** Where the leader's answers come from; null before the first. */
    private ActorRef<FollowerLink.Command> link;

    /** Whether the link must be told a position to send from as soon as nothing is being written. */
    private boolean announce;

    /** What the leader sent before is on its way, and of no use: it begins behind what is missing. */
    private boolean skipping;

    private boolean advancing;
    private long leadersHighWatermark = -1;
    private long leadersLogStart = -1;

    FollowingReplica(
            JournalCommand.Opened opened,
            PartitionKey partition,
            ReplicaSettings settings,
            TimerScheduler<Command> timers,
            ActorRef<Command> self,
            ReplicaStorage storage) {
        this.partition = partition;
        this.settings = settings;
        this.timers = timers;
        this.self = self;
        this.storage = storage;
        this.state = new FollowerState(
                opened.epochs(), opened.logStartOffset(), opened.highWatermark(), opened.logEndOffset());
        this.checkpoint = new HighWatermarkCheckpoint(
                timers,
                Timer.CHECKPOINT,
                settings.checkpointIntervalMs(),
                storage::rememberHighWatermark,
                opened.highWatermark());
        this.reader = opened.reader();
    }

    /** A committed state in which another broker leads, or nobody. */
    void assigned(ReplicaActor.Assigned newer) {
        boolean sameLeader = assigned != null
                && newer.image().leaderEpoch() == state.leaderEpoch()
                && newer.brokerEpoch() == assigned.brokerEpoch();
        assigned = newer;
        if (sameLeader) {
            report();
            return;
        }
        if (leader != newer.image().leader()) {
            unfollow();
        }
        leader = newer.image().leader();
        state.follow(newer.image().leaderEpoch());
        publish();
        releaseForgotten();
        announceSoon();
        report();
    }

    /**
     * Rule 1.11: nobody leads before all that were last known have told how long their logs are. {@link Timer#REPORT} repeats it,
     * for a new controller has forgotten what was reported.
     */
    void report() {
        PartitionImage image = assigned.image();
        if (!image.asksForLogOf(settings.brokerId())) {
            return;
        }
        if (!state.isWriting()) {
            settings.peers()
                    .controller()
                    .submit(
                            new ControllerCommand.ReportLogs(
                                    settings.brokerId(),
                                    assigned.brokerEpoch(),
                                    List.of(new ControllerCommand.LogReport(
                                            assigned.partition().topicId(),
                                            assigned.partition().partition(),
                                            image.leaderEpoch(),
                                            state.lastEpoch(),
                                            state.persistedEnd()))),
                            (int) REPORT_AGAIN.toMillis());
        }
        timers.startSingleTimer(Timer.REPORT, Timer.REPORT, REPORT_AGAIN);
    }

    /** What may be read here, up to the HW that is known here (KIP-392). */
    private void publish() {
        LogView view = new LogView(
                assigned.partition(),
                state.leaderEpoch(),
                state.logStartOffset(),
                state.highWatermark(),
                state.highWatermark(),
                state.persistedEnd(),
                false,
                state.epochs(),
                reader);
        if (readable == null) {
            readable = new LocalReplicas.Follower(self, view);
            settings.localReplicas().follow(assigned.partition(), readable);
        } else {
            readable.publish(view);
        }
        waiters.wake(view.highWatermark());
    }

    void await(Replica.AwaitData await) {
        waiters.await(await, state.highWatermark());
    }

    void cancel(Replica.Waiter waiter) {
        waiters.cancel(waiter);
    }

    private void announceSoon() {
        announce = true;
        skipping = true;
        announceWhenIdle();
    }

    /** Rule 1.12: the leader is asked with what is on disk, for all else may be cut. */
    private void announceWhenIdle() {
        if (announce && !state.isWriting()) {
            announce = false;
            if (leader >= 0) {
                settings.peers()
                        .links()
                        .tell(new ReplicaLinks.Follow(
                                leader,
                                new FollowerLink.Follow(
                                        partition,
                                        assigned.brokerEpoch(),
                                        state.leaderEpoch(),
                                        state.persistedEnd(),
                                        state.lastEpoch(),
                                        self)));
            }
        }
    }

    /** The leader's words. */
    void replicate(Replicate r) {
        link = r.link();
        int epoch = r.leaderEpoch();
        Taken taken = r.batches().hasRemaining() ? state.admit(epoch, r.offset(), r.batches()) : Taken.KNOWN;
        if (taken == Taken.QUEUED) {
            skipping = false;
            credits.add(new Credit(state.nextOffset(), r.run(), r.credit()));
            persistNext();
        } else {
            tellLink(r.run(), r.credit());
            if (taken == Taken.GAP || taken == Taken.DAMAGED) {
                refused(r, taken);
            }
        }
        if (epoch == state.leaderEpoch()) {
            follow(r.highWatermark(), r.logStartOffset());
        }
    }

    /** What is on its way behind it is of no use; only if that is all that comes in a second, it is asked for again. */
    private void refused(Replicate r, Taken why) {
        if (!skipping) {
            log.warn(
                    "{}: what the leader, broker {}, sent at offset {} {}; asking for it again from {}",
                    assigned.partition(),
                    leader,
                    r.offset(),
                    why == Taken.GAP ? "does not follow on what is here" : "is damaged",
                    state.persistedEnd());
            state.forgetQueued();
            releaseForgotten();
            announceSoon();
        } else if (!timers.isTimerActive(Timer.ASK_AGAIN)) {
            timers.startSingleTimer(Timer.ASK_AGAIN, Timer.ASK_AGAIN, ASK_AGAIN);
        }
    }

    /** {@link Timer#ASK_AGAIN} */
    void askAgain() {
        if (skipping) {
            announceSoon();
        }
    }

    private void follow(long highWatermark, long logStartOffset) {
        leadersHighWatermark = highWatermark;
        leadersLogStart = logStartOffset;
        takeOffsets();
    }

    private void takeOffsets() {
        long before = state.highWatermark();
        state.highWatermark(leadersHighWatermark);
        if (state.highWatermark() != before) {
            publish();
        }
        checkpoint.moved(state.highWatermark());
        long start = state.logStartToReach(leadersLogStart);
        if (start >= 0 && !advancing) {
            advancing = true;
            // Nothing is written here for the sake of it: an active segment goes when it has been rolled.
            storage.advanceStart(start, false);
        }
    }

    private void releaseForgotten() {
        while (!credits.isEmpty() && credits.peekLast().endOffset > state.nextOffset()) {
            Credit credit = credits.pollLast();
            tellLink(credit.run, credit.bytes);
        }
    }

    private void persistNext() {
        LogAppend group = state.nextGroup(settings.maxGroupBytes());
        if (group != null) {
            storage.persist(group);
        }
    }

    /** The ReplicaLog has persisted the group under way. */
    void persisted(long endOffset) {
        state.persisted(endOffset);
        state.highWatermark(leadersHighWatermark);
        // Before the leader hears of it: whom it sends here on that word finds what it asks for.
        publish();
        persistNext();
        long run = -1;
        int bytes = 0;
        while (!credits.isEmpty() && credits.peek().endOffset <= endOffset) {
            Credit credit = credits.poll();
            if (credit.run != run) {
                tellLink(run, bytes);
                run = credit.run;
                bytes = 0;
            }
            bytes += credit.bytes;
        }
        tellLink(run, bytes);
        takeOffsets();
        announceWhenIdle();
    }

    private void tellLink(long run, int bytes) {
        if (link != null && run >= 0) {
            link.tell(new FollowerLink.At(
                    partition, state.leaderEpoch(), state.persistedEnd(), state.lastEpoch(), run, bytes));
        }
    }

    /** The journal's answer; a refusal is tried again with what the leader tells next. */
    void logStartAdvanced(JournalCommand.LogStartAdvanced advanced) {
        advancing = false;
        if (advanced.refusal().isEmpty()) {
            state.logStartMoved(advanced.logStartOffset());
            publish();
            takeOffsets();
        }
    }

    /** What to cut before anything more can be followed; null when the answer is to an older question. */
    Cut diverged(Divergence divergence) {
        if (divergence.leaderEpoch() != state.leaderEpoch() || announce) {
            return null;
        }
        Cut cut = state.cut(divergence);
        long logEnd = state.persistedEnd();
        // At every change of leaders each partition of the old one's would say that nothing is lost.
        log.atLevel(cut.losesRecords(logEnd) ? Level.INFO : Level.DEBUG)
                .log(
                        "{}: its log ends at offset {} in leader epoch {}; that of leader {} parts from it: {}",
                        assigned.partition(),
                        logEnd,
                        state.lastEpoch(),
                        leader,
                        cut.told(logEnd));
        return cut;
    }

    /** {@link Timer#CHECKPOINT} */
    void checkpoint() {
        checkpoint.remember(state.highWatermark());
    }

    /** Nothing else may be called after it. */
    void stop() {
        if (readable != null) {
            settings.localReplicas().unfollow(assigned.partition(), readable);
        }
        waiters.wakeAll();
        unfollow();
        checkpoint();
        timers.cancel(Timer.CHECKPOINT);
        timers.cancel(Timer.ASK_AGAIN);
        timers.cancel(Timer.REPORT);
        for (Credit credit : credits) {
            tellLink(credit.run, credit.bytes);
        }
        credits.clear();
    }

    private void unfollow() {
        if (leader >= 0) {
            settings.peers()
                    .links()
                    .tell(new ReplicaLinks.Unfollow(leader, new FollowerLink.Unfollow(partition, self)));
        }
    }
}
