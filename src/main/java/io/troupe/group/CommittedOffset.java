package io.troupe.group;

/**
 * An offset that a group committed for one partition.
 *
 * @param leaderEpoch of the record before it, -1 when the client did not tell
 * @param metadata returned to clients unchanged, never null
 * @param commitTimestampMs wall clock of the coordinator
 */
record CommittedOffset(long offset, int leaderEpoch, String metadata, long commitTimestampMs) {}
