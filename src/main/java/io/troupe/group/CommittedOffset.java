package io.troupe.group;

import org.apache.kafka.common.Uuid;

/**
 * An offset that a group committed for one partition.
 *
 * @param leaderEpoch of the record before it, -1 when the client did not tell
 * @param metadata returned to clients unchanged, never null
 * @param commitTimestampMs wall clock of the coordinator
 * @param expireTimestampMs when it may lapse, where the client said so; {@link #BY_RETENTION} when the broker's retention counts
 * @param topicId so that it does not count for a later topic of the same name; {@link Uuid#ZERO_UUID} when it was stored in a
 *     form that does not tell
 */
record CommittedOffset(
        long offset, int leaderEpoch, String metadata, long commitTimestampMs, long expireTimestampMs, Uuid topicId) {
    static final long BY_RETENTION = -1;

    CommittedOffset(long offset, int leaderEpoch, String metadata, long commitTimestampMs, Uuid topicId) {
        this(offset, leaderEpoch, metadata, commitTimestampMs, BY_RETENTION, topicId);
    }

    /**
     * Whether it may go (KIP-211), provided that no member needs it.
     *
     * @param unusedSinceMs from when on the broker's retention counts
     */
    boolean hasLapsed(long unusedSinceMs, long retentionMs, long nowMs) {
        return expireTimestampMs == BY_RETENTION ? nowMs - unusedSinceMs >= retentionMs : nowMs >= expireTimestampMs;
    }
}
