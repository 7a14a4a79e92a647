package io.troupe.group;

import java.util.Map;
import org.apache.kafka.common.Uuid;

/**
 * Where a member of a group of the consumer protocol stands on its way to the target assignment. Immutable, maps included.
 *
 * @param memberEpoch 0 before it was given anything, {@link #LEFT_STATIC} for a static member that is away
 * @param previousEpoch the epoch that the member knows if the last answer to it got lost
 * @param assigned partition to the member epoch in which it was given, by topic id; no empty inner maps
 * @param revoking what it must say to have given up before anything else, likewise
 */
record CurrentAssignment(
        int memberEpoch,
        int previousEpoch,
        State state,
        Map<Uuid, Map<Integer, Integer>> assigned,
        Map<Uuid, Map<Integer, Integer>> revoking) {

    static final int LEFT_STATIC = -2;

    static final CurrentAssignment NOTHING = new CurrentAssignment(0, 0, State.STABLE, Map.of(), Map.of());

    /** With Kafka's numbers in the log. */
    enum State {
        STABLE(0),
        /** It must give partitions up first. */
        UNREVOKED_PARTITIONS(1),
        /** Others must give up what it is to have. */
        UNRELEASED_PARTITIONS(2),
        /** Stored by a version that knows more. */
        UNKNOWN(127);

        final byte id;

        State(int id) {
            this.id = (byte) id;
        }

        static State of(byte id) {
            for (State state : values()) {
                if (state.id == id) {
                    return state;
                }
            }
            return UNKNOWN;
        }
    }

    /** The epoch in which a partition was given to it, be it on the way out; null when it has no right to it. */
    Integer assignmentEpoch(Uuid topicId, int partition) {
        Integer epoch = assigned.getOrDefault(topicId, Map.of()).get(partition);
        return epoch != null ? epoch : revoking.getOrDefault(topicId, Map.of()).get(partition);
    }

    CurrentAssignment withEpoch(int epoch, int previous) {
        return new CurrentAssignment(epoch, previous, state, assigned, revoking);
    }
}
