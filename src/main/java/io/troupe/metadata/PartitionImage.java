package io.troupe.metadata;

import java.util.List;

/**
 * A partition's committed state.
 *
 * @param replicas broker ids in order of preference; while it is reassigned, those it is to have and then those that leave
 * @param leader broker id, {@link #NO_LEADER} when there is none
 * @param leaderEpoch LE: +1 on each election and when a replica is removed
 * @param partitionEpoch PE: +1 on each change
 * @param isr in-sync replicas, leader included
 * @param elr eligible leader replicas (KIP-966)
 * @param lastKnown all that left since the ISR last had min.insync.replicas members
 * @param adding replicas that a reassignment adds (KIP-455), until all of them are in sync; also among {@code replicas}
 * @param removing replicas that leave then; also among {@code replicas}
 * @param offline replicas whose log has failed, until their broker registers anew: they neither lead nor are in sync
 */
public record PartitionImage(
        int partition,
        List<Integer> replicas,
        int leader,
        int leaderEpoch,
        int partitionEpoch,
        List<Integer> isr,
        List<Integer> elr,
        List<Integer> lastKnown,
        List<Integer> adding,
        List<Integer> removing,
        List<Integer> offline) {
    public static final int NO_LEADER = -1;

    /** A partition that is not being reassigned, all of whose logs can be used. */
    public PartitionImage(
            int partition,
            List<Integer> replicas,
            int leader,
            int leaderEpoch,
            int partitionEpoch,
            List<Integer> isr,
            List<Integer> elr,
            List<Integer> lastKnown) {
        this(
                partition,
                replicas,
                leader,
                leaderEpoch,
                partitionEpoch,
                isr,
                elr,
                lastKnown,
                List.of(),
                List.of(),
                List.of());
    }

    public boolean reassigning() {
        return !adding.isEmpty() || !removing.isEmpty();
    }

    public boolean hasLeader() {
        return leader != NO_LEADER;
    }

    /** Whether only the lengths of their logs can tell which of the last known replicas may lead (rule 1.11). */
    public boolean asksForLogs() {
        return !hasLeader() && isr.isEmpty() && elr.isEmpty() && lastKnown.size() > 1;
    }

    /** Whether this broker's log is one of them. */
    public boolean asksForLogOf(int brokerId) {
        return asksForLogs() && lastKnown.contains(brokerId);
    }

    /** Led by {@code newLeader}, which may be nobody, in the next leader epoch. */
    public PartitionImage ledBy(int newLeader) {
        return with(replicas, newLeader, leaderEpoch + 1, partitionEpoch, isr, elr, lastKnown, adding, removing);
    }

    public PartitionImage withIsr(List<Integer> newIsr, List<Integer> newElr, List<Integer> newLastKnown) {
        return with(replicas, leader, leaderEpoch, partitionEpoch, newIsr, newElr, newLastKnown, adding, removing);
    }

    public PartitionImage withReplicas(List<Integer> newReplicas, List<Integer> newAdding, List<Integer> newRemoving) {
        return with(newReplicas, leader, leaderEpoch, partitionEpoch, isr, elr, lastKnown, newAdding, newRemoving)
                .withOffline(offline.stream().filter(newReplicas::contains).toList());
    }

    public PartitionImage withLeaderEpoch(int newLeaderEpoch) {
        return with(replicas, leader, newLeaderEpoch, partitionEpoch, isr, elr, lastKnown, adding, removing);
    }

    public PartitionImage withPartitionEpoch(int newPartitionEpoch) {
        return with(replicas, leader, leaderEpoch, newPartitionEpoch, isr, elr, lastKnown, adding, removing);
    }

    public PartitionImage withOffline(List<Integer> newOffline) {
        return new PartitionImage(
                partition,
                replicas,
                leader,
                leaderEpoch,
                partitionEpoch,
                isr,
                elr,
                lastKnown,
                adding,
                removing,
                List.copyOf(newOffline));
    }

    private PartitionImage with(
            List<Integer> newReplicas,
            int newLeader,
            int newLeaderEpoch,
            int newPartitionEpoch,
            List<Integer> newIsr,
            List<Integer> newElr,
            List<Integer> newLastKnown,
            List<Integer> newAdding,
            List<Integer> newRemoving) {
        return new PartitionImage(
                partition,
                List.copyOf(newReplicas),
                newLeader,
                newLeaderEpoch,
                newPartitionEpoch,
                List.copyOf(newIsr),
                List.copyOf(newElr),
                List.copyOf(newLastKnown),
                List.copyOf(newAdding),
                List.copyOf(newRemoving),
                offline);
    }
}
