package io.troupe.partition;

import java.util.concurrent.ConcurrentHashMap;
import org.apache.kafka.common.TopicIdPartition;

/**
 * Which leader epochs this process has led in, so that a Replica that stopped or failed never leads twice in one epoch, and
 * two entities of one replica never both lead. A new process has a new broker epoch, with which the controller has ended
 * all former leaderships. Any thread.
 */
final class LeaderEpochClaims {
    private final ConcurrentHashMap<TopicIdPartition, Integer> claimed = new ConcurrentHashMap<>();

    /** Whether the caller may lead in this epoch: true once for each epoch, and never below one claimed before. */
    boolean claim(TopicIdPartition partition, int leaderEpoch) {
        boolean[] won = new boolean[1];
        claimed.compute(partition, (key, last) -> {
            won[0] = last == null || leaderEpoch > last;
            return won[0] ? Integer.valueOf(leaderEpoch) : last;
        });
        return won[0];
    }

    /** Takes a claim back that came to nothing: the log could not be opened, so nobody led in this epoch. */
    void release(TopicIdPartition partition, int leaderEpoch) {
        claimed.remove(partition, leaderEpoch);
    }

    /** A deleted partition's id never returns. */
    void forget(TopicIdPartition partition) {
        claimed.remove(partition);
    }
}
