package io.troupe.metadata;

import java.util.List;

/**
 * A partition's committed state.
 *
 * @param replicas broker ids in order of preference
 * @param leader broker id, {@link #NO_LEADER} when there is none
 * @param leaderEpoch LE: +1 on each election and when a replica is removed
 * @param partitionEpoch PE: +1 on each change
 * @param isr in-sync replicas, leader included
 * @param elr eligible leader replicas (KIP-966)
 * @param lastKnown all that left since the ISR last had min.insync.replicas members
 */
public record PartitionImage(
        int partition,
        List<Integer> replicas,
        int leader,
        int leaderEpoch,
        int partitionEpoch,
        List<Integer> isr,
        List<Integer> elr,
        List<Integer> lastKnown) {
    public static final int NO_LEADER = -1;
}
