package io.troupe.partition;

import io.troupe.journal.JournalCommand.EpochStart;
import io.troupe.journal.LogReader;
import java.util.List;
import org.apache.kafka.common.TopicIdPartition;

/**
 * What a leader, or a follower, lets be read of its partition at one moment; immutable, published by the Replica, read by any thread.
 *
 * @param leaderEpoch LE in which this was published
 * @param logStartOffset first offset that may be read
 * @param highWatermark HW as this replica knows it, exclusive bound for consumers
 * @param lastStableOffset LSO, exclusive bound for read_committed
 * @param logEndOffset LEO, exclusive
 * @param epochStartCommitted whether HW has reached this epoch's start, so that "latest" may be told; false of a follower
 * @param epochs ascending
 */
public record LogView(
        TopicIdPartition partition,
        int leaderEpoch,
        long logStartOffset,
        long highWatermark,
        long lastStableOffset,
        long logEndOffset,
        boolean epochStartCommitted,
        List<EpochStart> epochs,
        LogReader reader) {}
