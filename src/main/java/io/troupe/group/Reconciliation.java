package io.troupe.group;

import io.troupe.group.CurrentAssignment.State;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.BiPredicate;
import org.apache.kafka.common.Uuid;

/**
 * One member's next step to the target assignment (KIP-848, "Reconciliation of the group"): what it must give up it gives up
 * first, and what it is to have it gets once nobody else has it. Pure.
 *
 * <pre>
 * state                  what moves it                              to
 * STABLE                 a newer target                             any
 * UNREVOKED_PARTITIONS   it no longer owns what it had to give up   any, towards the newest target
 * UNRELEASED_PARTITIONS  each heartbeat                             any, towards the newest target
 * any                    something to give up that it still owns    UNREVOKED_PARTITIONS, epoch unchanged
 *                        others have what it is to have             UNRELEASED_PARTITIONS, target's epoch
 *                        neither                                    STABLE, target's epoch
 * </pre>
 */
final class Reconciliation {
    private Reconciliation() {}

    /**
     * @param owned what the member says it has; null when it did not say
     * @param isFree whether nobody else has a partition or has yet to give it up
     * @return the very instance when nothing changes
     */
    static CurrentAssignment next(
            CurrentAssignment current,
            int targetEpoch,
            Map<Uuid, Set<Integer>> target,
            Map<Uuid, Set<Integer>> owned,
            BiPredicate<Uuid, Integer> isFree) {
        return switch (current.state()) {
            case STABLE ->
                current.memberEpoch() == targetEpoch ? current : towards(current, targetEpoch, target, owned, isFree);
            case UNREVOKED_PARTITIONS ->
                ownsAny(owned, current.revoking()) ? current : towards(current, targetEpoch, target, owned, isFree);
            case UNRELEASED_PARTITIONS, UNKNOWN -> towards(current, targetEpoch, target, owned, isFree);
        };
    }

    private static CurrentAssignment towards(
            CurrentAssignment current,
            int targetEpoch,
            Map<Uuid, Set<Integer>> target,
            Map<Uuid, Set<Integer>> owned,
            BiPredicate<Uuid, Integer> isFree) {
        Map<Uuid, Map<Integer, Integer>> kept = new HashMap<>();
        Map<Uuid, Map<Integer, Integer>> revoking = new HashMap<>();
        current.assigned().forEach((topicId, partitions) -> {
            Set<Integer> wanted = target.getOrDefault(topicId, Set.of());
            partitions.forEach((partition, epoch) -> (wanted.contains(partition) ? kept : revoking)
                    .computeIfAbsent(topicId, t -> new HashMap<>())
                    .put(partition, epoch));
        });
        if (!revoking.isEmpty() && ownsAny(owned, revoking)) {
            return new CurrentAssignment(
                    current.memberEpoch(), current.previousEpoch(), State.UNREVOKED_PARTITIONS, kept, revoking);
        }
        boolean unreleased = false;
        for (Map.Entry<Uuid, Set<Integer>> topic : target.entrySet()) {
            Map<Integer, Integer> had = current.assigned().getOrDefault(topic.getKey(), Map.of());
            for (Integer partition : topic.getValue()) {
                if (had.containsKey(partition)) {
                    continue;
                }
                if (isFree.test(topic.getKey(), partition)) {
                    kept.computeIfAbsent(topic.getKey(), t -> new HashMap<>()).put(partition, targetEpoch);
                } else {
                    unreleased = true;
                }
            }
        }
        State state = unreleased ? State.UNRELEASED_PARTITIONS : State.STABLE;
        int previous = current.memberEpoch() == targetEpoch ? current.previousEpoch() : current.memberEpoch();
        CurrentAssignment next = new CurrentAssignment(targetEpoch, previous, state, kept, Map.of());
        return next.equals(current) ? current : next;
    }

    /** Not saying counts as having all. */
    private static boolean ownsAny(Map<Uuid, Set<Integer>> owned, Map<Uuid, Map<Integer, Integer>> partitions) {
        if (owned == null) {
            return true;
        }
        for (Map.Entry<Uuid, Map<Integer, Integer>> topic : partitions.entrySet()) {
            Set<Integer> has = owned.getOrDefault(topic.getKey(), Set.of());
            for (Integer partition : topic.getValue().keySet()) {
                if (has.contains(partition)) {
                    return true;
                }
            }
        }
        return false;
    }

    /** The partitions without their epochs. */
    static Map<Uuid, Set<Integer>> partitions(Map<Uuid, Map<Integer, Integer>> assigned) {
        Map<Uuid, Set<Integer>> partitions = new HashMap<>();
        assigned.forEach((topicId, epochs) -> partitions.put(topicId, new HashSet<>(epochs.keySet())));
        return partitions;
    }
}
