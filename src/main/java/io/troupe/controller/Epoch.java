package io.troupe.controller;

import io.troupe.metadata.FieldReader;
import io.troupe.metadata.FieldWriter;

/**
 * A controller epoch: a round and who claimed it, ordered by both, so that no two nodes ever claim the same one.
 *
 * @param round from 1; 0 before the first claim
 * @param nodeId the claimant
 */
record Epoch(int round, int nodeId) implements Comparable<Epoch> {
    static final Epoch NONE = new Epoch(0, -1);

    @Override
    public int compareTo(Epoch other) {
        return round != other.round ? Integer.compare(round, other.round) : Integer.compare(nodeId, other.nodeId);
    }

    boolean newerThan(Epoch other) {
        return compareTo(other) > 0;
    }

    static void put(FieldWriter w, Epoch epoch) {
        w.putInt(epoch.round).putInt(epoch.nodeId);
    }

    static Epoch get(FieldReader r) {
        return new Epoch(r.getInt(), r.getInt());
    }

    @Override
    public String toString() {
        return round + "@" + nodeId;
    }
}
