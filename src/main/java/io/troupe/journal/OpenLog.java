package io.troupe.journal;

/** A log with what only its writing side needs. Its monitor guards all of it, and every change of the log. */
final class OpenLog {
    final PartitionLog log;
    long unflushedRecords;
    boolean flushScheduled;
    long highWatermark;
    long checkpointedMs;
    boolean snapshotScheduled;
    /** The segment of the last {@link LogSnapshots snapshot}, and how much of it that covers; null before the first. */
    Segment snapshotOf;

    int snapshotBytes;
    /** Whether it was recovered, and nobody has seen yet to what that left to be done. */
    boolean recovered = true;

    // Writer of this incarnation, null until its first write, and of the one before.
    private String owner;
    private String retired;

    OpenLog(PartitionLog log, long highWatermark) {
        this.log = log;
        this.highWatermark = highWatermark;
    }

    /** From here on the next new writer owns the log, and the one before is refused. */
    void disown() {
        retired = owner == null ? retired : owner;
        owner = null;
    }

    /** @throws IllegalStateException when the log was closed, or for a writer of an older incarnation */
    void checkOwner(String persistenceId, String writer) {
        checkOpen(persistenceId);
        if (owner == null && !writer.equals(retired)) {
            owner = writer;
        }
        if (!writer.equals(owner)) {
            throw new IllegalStateException("a write of an older incarnation of " + persistenceId);
        }
    }

    void checkOpen(String persistenceId) {
        if (log.retired()) {
            throw new IllegalStateException("the log of " + persistenceId + " is not open");
        }
    }
}
