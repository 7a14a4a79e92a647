package io.troupe.partition;

import io.troupe.model.ReplicaId;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Which leader epochs this process has led in, so that a Replica that stopped or failed never leads twice in one epoch, and
 * two entities of one replica never both lead. A new process has a new broker epoch, with which the controller has ended
 * all former leaderships. Any thread.
 */
final class LeaderEpochClaims {
    private final ConcurrentHashMap<ReplicaId, Integer> claimed = new ConcurrentHashMap<>();

    /** Whether the caller may lead in this epoch: true once for each epoch, and never below one claimed before. */
    boolean claim(ReplicaId replica, int leaderEpoch) {
        boolean[] won = new boolean[1];
        claimed.compute(replica, (key, last) -> {
            won[0] = last == null || leaderEpoch > last;
            return won[0] ? Integer.valueOf(leaderEpoch) : last;
        });
        return won[0];
    }

    /** Whether {@link #claim} would be won now. */
    boolean isFree(ReplicaId replica, int leaderEpoch) {
        Integer last = claimed.get(replica);
        return last == null || leaderEpoch > last;
    }

    /** A deleted replica's id never returns. */
    void forget(ReplicaId replica) {
        claimed.remove(replica);
    }
}
