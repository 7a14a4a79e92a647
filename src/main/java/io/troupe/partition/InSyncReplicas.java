package io.troupe.partition;

import io.troupe.metadata.PartitionImage;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Who should be in a partition's ISR, as its leader sees it in one leader epoch (rules 1.7, 1.8). Pure: no Pekko, clock or
 * I/O; owned by one leading Replica. One proposal is under way at a time.
 *
 * <p>A follower lags when for {@code replica.lag.time.max.ms} it has not come to where the log ended at the beginning of that
 * time. Who has all never lags, however long nothing is written.
 */
final class InSyncReplicas {
    /** @param partitionEpoch PE that it is based on */
    record Proposal(int partitionEpoch, List<Integer> isr, List<Long> brokerEpochs) {}

    /** What committed metadata says of a broker. */
    interface Brokers {
        /** Whether the broker with that BE is the one registered, unfenced and not shutting down. */
        boolean mayJoin(int brokerId, long brokerEpoch);

        /** -1 when it is not registered. */
        long brokerEpoch(int brokerId);
    }

    private static final class Follower {
        /** -1 before it was heard from in this leader epoch. */
        long end = -1;

        long brokerEpoch = -1;
        /** Where it has to come to, and since when; {@link Long#MAX_VALUE} when it has all. */
        long goal;

        long sinceMs = Long.MAX_VALUE;
    }

    /** Who is fenced now may be unfenced then. */
    private static final long PAUSE_MS = 500;

    private final int brokerId;
    private final long lagTimeMaxMs;
    private final Brokers brokers;
    private final Map<Integer, Follower> followers = new HashMap<>();
    private PartitionImage image;
    private Proposal proposed;
    private long proposeAgainMs = Long.MIN_VALUE;
    /** When to look again whether the broker of somebody who has all may join by now: that is no change of the partition. */
    private long lookAgainMs = Long.MAX_VALUE;

    /** @param brokerId this broker */
    InSyncReplicas(
            int brokerId, PartitionImage image, long lagTimeMaxMs, Brokers brokers, long logEndOffset, long nowMs) {
        this.brokerId = brokerId;
        this.lagTimeMaxMs = lagTimeMaxMs;
        this.brokers = brokers;
        committed(image, logEndOffset, nowMs);
    }

    /** The newest committed state; @return whether it has answered the proposal under way, if there was one */
    boolean committed(PartitionImage newest, long logEndOffset, long nowMs) {
        boolean answered = image == null || newest.partitionEpoch() > image.partitionEpoch();
        image = newest;
        if (answered) {
            proposed = null;
            proposeAgainMs = Long.MIN_VALUE;
        }
        followers.keySet().retainAll(image.replicas());
        for (int id : image.replicas()) {
            if (id != brokerId) {
                followers.computeIfAbsent(id, key -> {
                    Follower follower = new Follower();
                    follower.goal = logEndOffset;
                    follower.sinceMs = nowMs;
                    return follower;
                });
            }
        }
        return answered;
    }

    /** Where a follower stands, validated. */
    void followerAt(int id, long brokerEpoch, long end, long logEndOffset, long nowMs) {
        Follower follower = followers.get(id);
        if (follower == null) {
            return;
        }
        follower.end = end;
        follower.brokerEpoch = brokerEpoch;
        if (end >= logEndOffset) {
            follower.sinceMs = Long.MAX_VALUE;
        } else if (end >= follower.goal || follower.sinceMs == Long.MAX_VALUE) {
            follower.goal = logEndOffset;
            follower.sinceMs = nowMs;
        }
    }

    /** The log has grown. */
    void appended(long logEndOffset, long nowMs) {
        for (Follower follower : followers.values()) {
            if (follower.sinceMs == Long.MAX_VALUE && follower.end < logEndOffset) {
                follower.goal = logEndOffset;
                follower.sinceMs = nowMs;
            }
        }
    }

    /** When {@link #propose} may have someone to leave out or to take in, {@link Long#MAX_VALUE} when nobody is behind. */
    long nextDeadlineMs() {
        long since = Long.MAX_VALUE;
        for (int id : image.isr()) {
            Follower follower = followers.get(id);
            if (follower != null) {
                since = Math.min(since, follower.sinceMs);
            }
        }
        long lagging = Math.min(since == Long.MAX_VALUE ? since : since + lagTimeMaxMs, lookAgainMs);
        return proposeAgainMs == Long.MIN_VALUE ? lagging : Math.min(lagging, proposeAgainMs);
    }

    /** What to ask of the controller now, if anything; it is under way from then on. */
    Optional<Proposal> propose(long highWatermark, long epochStartOffset, long nowMs) {
        lookAgainMs = Long.MAX_VALUE;
        if (proposed != null || nowMs < proposeAgainMs) {
            return Optional.empty();
        }
        proposeAgainMs = Long.MIN_VALUE;
        List<Integer> isr = new ArrayList<>();
        List<Long> epochs = new ArrayList<>();
        for (int id : image.replicas()) {
            if (id == brokerId || belongs(id, highWatermark, epochStartOffset, nowMs)) {
                isr.add(id);
                Follower follower = followers.get(id);
                epochs.add(follower == null || follower.end < 0 ? brokers.brokerEpoch(id) : follower.brokerEpoch);
            }
        }
        if (isr.size() == image.isr().size() && image.isr().containsAll(isr)) {
            return Optional.empty();
        }
        proposed = new Proposal(image.partitionEpoch(), List.copyOf(isr), List.copyOf(epochs));
        return Optional.of(proposed);
    }

    private boolean belongs(int id, long highWatermark, long epochStartOffset, long nowMs) {
        Follower follower = followers.get(id);
        boolean keepsUp = follower.sinceMs == Long.MAX_VALUE || nowMs - follower.sinceMs < lagTimeMaxMs;
        if (image.isr().contains(id)) {
            return keepsUp;
        }
        boolean hasAll = keepsUp
                && !image.offline().contains(id)
                && follower.end >= highWatermark
                && follower.end >= epochStartOffset;
        if (hasAll && !brokers.mayJoin(id, follower.brokerEpoch)) {
            lookAgainMs = nowMs + PAUSE_MS;
            return false;
        }
        return hasAll;
    }

    /** How far each follower has come, by broker id. */
    List<Replica.FollowerStanding> standings(long nowMs) {
        return followers.entrySet().stream()
                .sorted(Map.Entry.comparingByKey())
                .map(e -> new Replica.FollowerStanding(
                        e.getKey(),
                        e.getValue().end,
                        e.getValue().sinceMs == Long.MAX_VALUE ? 0 : Math.max(0, nowMs - e.getValue().sinceMs)))
                .toList();
    }

    /** The proposal under way; null for none. */
    Proposal proposed() {
        return proposed;
    }

    /** The controller has certainly not done what was proposed, and never will. */
    void refused(long nowMs) {
        proposed = null;
        proposeAgainMs = nowMs + PAUSE_MS;
    }
}
