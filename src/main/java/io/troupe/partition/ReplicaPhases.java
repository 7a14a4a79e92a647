package io.troupe.partition;

import io.troupe.metadata.PartitionImage;
import io.troupe.model.ReplicaId;

/**
 * Where a Replica stands between the committed state of its partition and its journal, and what it does next. Owned by one
 * Replica; no Pekko, clock or I/O.
 *
 * <pre>
 * phase     entered when                        left to
 * IDLE      at the start; the log is closed     OPENING: elected in an epoch that this process has not led in; or the end
 * OPENING   OPEN was returned                   STARTING | CLOSING: not wanted any more | IDLE: refused, tried again later
 * STARTING  START_EPOCH was returned            LEADER | CLOSING: not wanted any more, or refused
 * LEADER    LEAD was returned                   STOPPING: epoch or leader changed, stop, delete | CLOSING: log failed
 * STOPPING  RESIGN was returned                 CLOSING: the log has ended
 * CLOSING   CLOSE was returned                  IDLE, and from there wherever the newest state leads
 * </pre>
 *
 * <p>Each method says what has happened and returns the step to take now. One request to the journal is under way at a time
 * (OPENING, STARTING, CLOSING); what arrives meanwhile is remembered and looked at when the answer is there.
 */
final class ReplicaPhases {
    enum Phase {
        IDLE,
        OPENING,
        STARTING,
        LEADER,
        STOPPING,
        CLOSING
    }

    enum Step {
        /** Nothing, until something else happens. */
        WAIT,
        /** Open the log: then {@link #opened} or {@link #openRefused}. */
        OPEN,
        /** Record the start of {@link #epoch}: then {@link #epochStarted} or {@link #epochRefused}. */
        START_EPOCH,
        /** Lead in {@link #epoch}. */
        LEAD,
        /** Lead no more and end the ReplicaLog: then {@link #logGone}. */
        RESIGN,
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
    private boolean pausing;

    ReplicaPhases(ReplicaId id, LeaderEpochClaims claims) {
        this.id = id;
        this.claims = claims;
    }

    Phase phase() {
        return phase;
    }

    /** The leader epoch being opened or led, or the last one that was; -1 before the first. */
    int epoch() {
        return epoch;
    }

    /** Whether a state that arrives is older than one that came before; such a one is for nobody. */
    boolean isStale(PartitionImage arrived) {
        return image != null
                && (arrived.leaderEpoch() < image.leaderEpoch() || arrived.partitionEpoch() < image.partitionEpoch());
    }

    /** Whether the epoch being opened or led is the one that the newest committed state gives to this broker. */
    boolean wanted() {
        return end == End.NONE && image.leader() == id.brokerId() && image.leaderEpoch() == epoch;
    }

    /** Whether this replica does what the newest state asks, or cannot: nothing is under way. */
    boolean settled() {
        return phase == Phase.LEADER || phase == Phase.IDLE;
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
        return wanted() ? enter(Phase.STARTING, Step.START_EPOCH) : close();
    }

    /** Nothing was led or written, so this epoch may still be; tried again after {@link #openAgain}. */
    Step openRefused() {
        claims.release(id, epoch);
        pausing = true;
        phase = Phase.IDLE;
        return next();
    }

    Step openAgain() {
        pausing = false;
        return next();
    }

    Step epochStarted() {
        return wanted() ? enter(Phase.LEADER, Step.LEAD) : close();
    }

    Step epochRefused() {
        return close();
    }

    /** The ReplicaLog has ended, asked or not; or there was none, for nothing was written. */
    Step logGone() {
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

    /** Goes where the newest state leads from a phase that waits for nothing; the others go on at what they wait for. */
    private Step next() {
        if (phase == Phase.LEADER && !wanted()) {
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
            case NONE -> openWhenElected();
        };
    }

    private Step openWhenElected() {
        if (pausing || image.leader() != id.brokerId() || !claims.claim(id, image.leaderEpoch())) {
            // Opening failed a moment ago; or this is a follower, or one that has already led in this epoch and given
            // up.
            return Step.WAIT;
        }
        epoch = image.leaderEpoch();
        return enter(Phase.OPENING, Step.OPEN);
    }

    private Step enter(Phase entered, Step step) {
        phase = entered;
        return step;
    }
}
