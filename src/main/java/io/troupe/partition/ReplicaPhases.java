package io.troupe.partition;

import io.troupe.metadata.PartitionImage;
import io.troupe.model.ReplicaId;

/**
 * Where a Replica stands between the committed state of its partition and its journal, and what it does next. Owned by one
 * Replica; no Pekko, clock or I/O.
 *
 * <pre>
 * phase     entered when                        left to
 * IDLE      at the start; the log is closed     OPENING: another broker leads, or this one does in an epoch that this process has not led in; or the end
 * OPENING   OPEN was returned                   STARTING | FOLLOWER | CLOSING: not wanted any more | IDLE: refused, tried again later
 * STARTING  START_EPOCH was returned            LEADER | OPENING: epoch or leader changed | CLOSING: not wanted any more, or refused
 * LEADER    LEAD was returned                   STOPPING: epoch or leader changed, log dir failed, stop, delete | CLOSING: log failed
 * FOLLOWER  FOLLOW was returned                 STOPPING: elected, log to be cut, log dir failed, stop, delete | CLOSING: log failed, tried again later
 * STOPPING  RESIGN was returned                 CUTTING | OPENING | CLOSING: the log has ended
 * CUTTING   CUT was returned                    OPENING | CLOSING: not wanted any more, or refused
 * CLOSING   CLOSE was returned                  IDLE, and from there wherever the newest state leads
 * </pre>
 *
 * <p>A follower stays one whatever other broker leads, or when nobody does. Each method says what has happened and returns
 * the step to take now. One request to the journal is under way at a time (OPENING, STARTING, CUTTING, CLOSING); what
 * arrives meanwhile is remembered and looked at when the answer is there.
 */
final class ReplicaPhases {
    enum Phase {
        IDLE,
        OPENING,
        STARTING,
        LEADER,
        FOLLOWER,
        STOPPING,
        CUTTING,
        CLOSING
    }

    enum Step {
        /** Nothing, until something else happens. */
        WAIT,
        /** Open the log, whether it is open or not: then {@link #opened} or {@link #openRefused}. */
        OPEN,
        /** Record the start of {@link #epoch}: then {@link #epochStarted} or {@link #epochRefused}. */
        START_EPOCH,
        /** Lead in {@link #epoch}. */
        LEAD,
        /** Follow whoever leads. */
        FOLLOW,
        /** Lead and follow no more and end the ReplicaLog: then {@link #logGone}. */
        RESIGN,
        /** Cut the log as the leader's answer asks: then {@link #cut} or {@link #cutRefused}. */
        CUT,
        /** Close the log: then {@link #closed}. */
        CLOSE,
        /** The log is closed: end. */
        END,
        /** The log is closed: have it deleted, and end. */
        DELETE
    }

    private enum End {
        NONE,
        STOP,
        DELETE
    }

    private final ReplicaId id;
    private final LeaderEpochClaims claims;
    private Phase phase = Phase.IDLE;
    private End end = End.NONE;

    /** The newest committed state; null before the first. */
    private PartitionImage image;

    private int epoch = -1;
    /** The epoch in which a leader asked to cut the log; -1 when none does. */
    private int cutEpoch = -1;

    private boolean pausing;

    ReplicaPhases(ReplicaId id, LeaderEpochClaims claims) {
        this.id = id;
        this.claims = claims;
    }

    Phase phase() {
        return phase;
    }

    /** The leader epoch being started or led, or the last one that was; -1 before the first. */
    int epoch() {
        return epoch;
    }

    /** Whether a state that arrives is older than one that came before; such a one is for nobody. */
    boolean isStale(PartitionImage arrived) {
        return image != null
                && (arrived.leaderEpoch() < image.leaderEpoch() || arrived.partitionEpoch() < image.partitionEpoch());
    }

    /** Whether the epoch being started or led is the one that the newest committed state gives to this broker. */
    boolean wanted() {
        return end == End.NONE && isElected() && image.leaderEpoch() == epoch;
    }

    private boolean isElected() {
        return image.leader() == id.brokerId();
    }

    /** Whether this replica does what the newest state asks, or cannot: nothing is under way. */
    boolean settled() {
        return phase == Phase.LEADER || phase == Phase.FOLLOWER || phase == Phase.IDLE;
    }

    /** A state that is not {@linkplain #isStale stale}. */
    Step assigned(PartitionImage newest) {
        image = newest;
        return next();
    }

    Step stop() {
        if (end == End.NONE) {
            end = End.STOP;
        }
        return next();
    }

    /** The topic is gone. */
    Step delete() {
        end = End.DELETE;
        return next();
    }

    Step opened() {
        if (end != End.NONE) {
            return close();
        }
        if (!isElected()) {
            return enter(Phase.FOLLOWER, Step.FOLLOW);
        }
        if (!claims.claim(id, image.leaderEpoch())) {
            return close();
        }
        epoch = image.leaderEpoch();
        return enter(Phase.STARTING, Step.START_EPOCH);
    }

    /** Nothing was led or written, so this epoch may still be; tried again after {@link #openAgain}. */
    Step openRefused() {
        pausing = true;
        phase = Phase.IDLE;
        return next();
    }

    Step openAgain() {
        pausing = false;
        return next();
    }

    Step epochStarted() {
        return wanted() ? enter(Phase.LEADER, Step.LEAD) : openOrClose();
    }

    Step epochRefused() {
        return close();
    }

    /** A leader in this epoch has said where its log and this one part. */
    Step diverged() {
        cutEpoch = image.leaderEpoch();
        return enter(Phase.STOPPING, Step.RESIGN);
    }

    /** The ReplicaLog has ended as it was asked to; or there was none, for nothing was written. */
    Step logGone() {
        boolean cuts = end == End.NONE && cutEpoch == image.leaderEpoch() && !isElected();
        cutEpoch = -1;
        return cuts ? enter(Phase.CUTTING, Step.CUT) : openOrClose();
    }

    /** The ReplicaLog has failed. A follower tries again after {@link #openAgain}. */
    Step logFailed() {
        cutEpoch = -1;
        pausing = phase == Phase.FOLLOWER;
        return close();
    }

    /** The dir of the log has failed: what is open is given up. What is under way fails by itself. */
    Step logOffline() {
        return phase == Phase.LEADER || phase == Phase.FOLLOWER ? enter(Phase.STOPPING, Step.RESIGN) : Step.WAIT;
    }

    Step cut() {
        return openOrClose();
    }

    /** Tried again after {@link #openAgain}. */
    Step cutRefused() {
        pausing = true;
        return close();
    }

    /** The journal has answered {@link Step#CLOSE}; whatever it said, there is nothing more to be done about this log. */
    Step closed() {
        phase = Phase.IDLE;
        return next();
    }

    private Step close() {
        return enter(Phase.CLOSING, Step.CLOSE);
    }

    private Step openOrClose() {
        return end == End.NONE && (!isElected() || claims.isFree(id, image.leaderEpoch()))
                ? enter(Phase.OPENING, Step.OPEN)
                : close();
    }

    /** Goes where the newest state leads from a phase that waits for nothing; the others go on at what they wait for. */
    private Step next() {
        if (phase == Phase.LEADER && !wanted() || phase == Phase.FOLLOWER && (end != End.NONE || isElected())) {
            return enter(Phase.STOPPING, Step.RESIGN);
        }
        if (phase != Phase.IDLE) {
            return Step.WAIT;
        }
        return switch (end) {
            case STOP -> Step.END;
            case DELETE -> {
                claims.forget(id);
                yield Step.DELETE;
            }
            case NONE -> openWhenOfUse();
        };
    }

    private Step openWhenOfUse() {
        // Opening failed a moment ago, or what was tried in this broker epoch has failed for good; or nobody leads and
        // nobody asks how long the log is; or this broker has already led in this epoch and given up.
        boolean ofUse = !pausing
                && !image.offline().contains(id.brokerId())
                && (image.hasLeader() || image.asksForLogOf(id.brokerId()))
                && (!isElected() || claims.isFree(id, image.leaderEpoch()));
        return ofUse ? enter(Phase.OPENING, Step.OPEN) : Step.WAIT;
    }

    private Step enter(Phase entered, Step step) {
        phase = entered;
        return step;
    }
}
