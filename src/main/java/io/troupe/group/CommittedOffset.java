package io.troupe.group;

import org.apache.kafka.common.Uuid;

/**
 * An offset that a group committed for one partition.
 *
 * @param leaderEpoch of the record before it, -1 when the client did not tell
 * @param metadata returned to clients unchanged, never null
 * @param commitTimestampMs wall clock of the coordinator
 * @param topicId so that it does not count for a later topic of the same name; {@link Uuid#ZERO_UUID} when it was stored in a
 *     form that does not tell
 */
record CommittedOffset(long offset, int leaderEpoch, String metadata, long commitTimestampMs, Uuid topicId) {}
