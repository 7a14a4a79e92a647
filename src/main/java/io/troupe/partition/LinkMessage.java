package io.troupe.partition;

import java.nio.ByteBuffer;
import java.util.List;

/**
 * What the two ends of a replica link tell each other; bytes: {@link LinkSerializer}. A link joins one broker's followers
 * with another broker's leaders. Messages of each direction are numbered from 0 in each session, so that either end sees
 * what was lost; all may be lost, repeated and overtaken without harm.
 */
sealed interface LinkMessage {
    /**
     * One run of a link, begun by the follower's end; of two the greater counts.
     *
     * @param brokerEpoch BE of the follower's broker
     * @param run counts up within it
     */
    record Session(long brokerEpoch, long run) implements Comparable<Session> {
        @Override
        public int compareTo(Session other) {
            int byEpoch = Long.compare(brokerEpoch, other.brokerEpoch);
            return byEpoch != 0 ? byEpoch : Long.compare(run, other.run);
        }
    }

    /**
     * Follower to leader: where followers stand. Number 0 begins a session.
     *
     * @param follower broker id
     * @param heard messages of this session that have come
     * @param takenBytes record bytes of this session that need no more memory at the follower
     */
    record Positions(int follower, Session session, long number, long heard, long takenBytes, List<Position> positions)
            implements LinkMessage, LeaderLink.Command {}

    /**
     * How far a follower has come: all below {@code offset} is in its log.
     *
     * @param leaderEpoch LE in which it follows
     * @param offset its LEO; {@link #GONE} when it follows no more
     * @param lastEpoch the last epoch in its log, -1 for none
     * @param from whether to send from here on, whatever was sent before
     */
    record Position(PartitionKey partition, int leaderEpoch, long offset, int lastEpoch, boolean from) {
        static final long GONE = -1;
    }

    /**
     * Leader to follower: records, and what changed. Empty ones are beats.
     *
     * @param leader broker id
     * @param brokerEpoch BE of the leader's broker
     */
    record Records(int leader, long brokerEpoch, Session session, long number, List<Item> items)
            implements LinkMessage, FollowerLink.Command {}

    /** What is told of one partition. */
    sealed interface Item {
        PartitionKey partition();

        /** LE of the leader that says so. */
        int leaderEpoch();
    }

    /**
     * Batches, or a piece of one batch too large for a message, or only the leader's offsets.
     *
     * @param offset what the follower's LEO must be for these batches to come next
     * @param highWatermark the leader's
     * @param logStartOffset the leader's
     * @param totalBytes of the batches whose piece this is
     * @param at where in them this piece begins
     * @param bytes in order; 0 bytes when there are only offsets
     */
    record Piece(
            PartitionKey partition,
            int leaderEpoch,
            long offset,
            long highWatermark,
            long logStartOffset,
            int totalBytes,
            int at,
            List<ByteBuffer> bytes)
            implements Item {
        int sizeInBytes() {
            int size = 0;
            for (ByteBuffer buffer : bytes) {
                size += buffer.remaining();
            }
            return size;
        }
    }

    /**
     * The follower's log is not a beginning of the leader's.
     *
     * @param epoch the leader's highest epoch not above the follower's last one, -1 for none
     * @param endOffset where that ends; the leader's log start when there is none
     */
    record Divergence(PartitionKey partition, int leaderEpoch, int epoch, long endOffset, long logStartOffset)
            implements Item {}

    /**
     * Leader to follower: begin a new session.
     *
     * @param session the one that cannot go on; null when the leader knows of none
     */
    record Restart(int leader, long brokerEpoch, Session session) implements LinkMessage, FollowerLink.Command {}
}
