package io.troupe.http;

import io.troupe.metadata.BrokerImage;
import io.troupe.metadata.MetadataImage;
import io.troupe.metadata.PartitionImage;
import io.troupe.partition.Replica.FollowerStanding;
import java.time.Duration;
import java.util.Locale;
import java.util.Optional;

/** How a replica does, told by committed metadata, and why one that is not in sync is not. */
enum ReplicaState {
    LEADER,
    IN_SYNC,
    /** It lives, and has not all that it should have. */
    CATCHING_UP,
    /** As {@link #CATCHING_UP}, because a reassignment adds it. */
    ADDED,
    STOPPING,
    FENCED,
    LOG_FAILED,
    /** Its broker is not registered any more. */
    GONE,
    /** It lives, and nobody leads that it could follow. */
    WAITING;

    static ReplicaState of(MetadataImage image, PartitionImage partition, int brokerId) {
        Optional<BrokerImage> broker = image.broker(brokerId);
        if (broker.isEmpty()) {
            return GONE;
        }
        if (partition.offline().contains(brokerId)) {
            return LOG_FAILED;
        }
        if (broker.get().fenced()) {
            return FENCED;
        }
        if (partition.leader() == brokerId) {
            return LEADER;
        }
        if (partition.isr().contains(brokerId)) {
            return partition.hasLeader() ? IN_SYNC : WAITING;
        }
        if (broker.get().inControlledShutdown()) {
            return STOPPING;
        }
        if (!partition.hasLeader()) {
            return WAITING;
        }
        return partition.adding().contains(brokerId) ? ADDED : CATCHING_UP;
    }

    String shown() {
        return name().toLowerCase(Locale.ROOT);
    }

    /**
     * Why it is not in sync, as a sentence; null when it is.
     *
     * @param known what its leader knows of it; null for nothing
     * @param leaderEnd where the leader's log ends; -1 when that is not known
     */
    String reason(int brokerId, FollowerStanding known, long leaderEnd) {
        String broker = "Broker " + brokerId;
        return switch (this) {
            case LEADER, IN_SYNC -> null;
            case GONE -> broker + " is not registered any more: move its replicas to others.";
            case LOG_FAILED -> broker + " has lost the log dir of this replica: a write or an fsync failed there.";
            case FENCED -> broker + " is fenced: the controller does not hear from it.";
            case STOPPING -> broker + " is stopping.";
            case WAITING -> "Nobody leads this partition, so there is nothing to follow.";
            case CATCHING_UP, ADDED ->
                broker + (this == ADDED ? " was added and copies: " : " is up and catches up: ")
                        + behind(known, leaderEnd) + ".";
        };
    }

    private static String behind(FollowerStanding known, long leaderEnd) {
        if (known == null) {
            return "the leader did not say how far it is";
        }
        if (known.endOffset() < 0) {
            return "the leader has not heard from it yet, for " + seconds(known.behindMs()) + " now";
        }
        if (known.behindMs() == 0 || leaderEnd >= 0 && known.endOffset() >= leaderEnd) {
            return "it has all and is about to join";
        }
        String lacks = leaderEnd < 0 ? "it is behind" : "it lacks " + (leaderEnd - known.endOffset()) + " records";
        // As it comes along, the end that it has to come to moves on with it.
        return known.behindMs() < 1000
                ? lacks
                : lacks + " and has not come to where the log ended " + seconds(known.behindMs()) + " ago";
    }

    private static String seconds(long ms) {
        Duration time = Duration.ofMillis(ms);
        return time.toMinutes() >= 2 ? time.toMinutes() + " min" : time.toSeconds() + " s";
    }
}
