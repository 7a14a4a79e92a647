package io.troupe.partition;

import io.troupe.journal.LogAppend;

/** What a Replica that leads or follows asks of its log; carried out by its {@link ReplicaActor}, which hands the answers back. */
interface ReplicaStorage {
    /** Answered by {@code persisted}; one is under way at a time. */
    void persist(LogAppend group);

    void rememberHighWatermark(long highWatermark);

    /**
     * Answered by {@code logStartAdvanced}.
     *
     * @param active whether the active segment goes too when all of it is below
     */
    void advanceStart(long offset, boolean active);
}
