package io.troupe.controller;

import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/**
 * Which nodes are taken out of the cluster: those that cannot be reached while a majority of the voters can, once nothing of that has
 * changed for {@link #STABLE_MS}. Time in which this process stood still does not count: it has not heard who came back meanwhile. Who
 * was heard from again stays, though the cluster may take another second to see it: that one runs, and would be gone for nothing.
 * Nor is there anything to wait for when a majority of the voters says that the member's process has ended.
 *
 * <p>A minority takes nobody out, itself not either: it decides nothing, but what it holds can be read, and it goes on when the others are
 * back. Whom a majority took out is told so and ends. Epochs keep data and metadata safe whatever is decided here. Pure; times are
 * monotonic milliseconds.
 */
final class Removals {
    static final long STABLE_MS = 3000;

    /** What counts of the time since the last review, which is due every half second. */
    static final long MOST_BETWEEN_MS = 1000;

    /** A waiting node asks every half second. */
    private static final long WAITING_MS = 3000;

    /** What a voter says of another node's process holds so long: it says it again each second while it is so. */
    static final long SAID_MS = 3000;

    private final Set<Integer> voters;
    /** By incarnation, which voter says since when at the latest that its process has ended. */
    private final Map<Long, Map<Integer, Long>> said = new HashMap<>();

    private final Map<Integer, Long> waiting = new HashMap<>();
    private Set<Integer> lastHere = Set.of();
    private Set<Long> lastAway = Set.of();
    private long stableMs;
    private long reviewedMs;

    Removals(Collection<Integer> voters) {
        this.voters = Set.copyOf(voters);
    }

    /** A node in no cluster asks to be let in. If it votes it counts for the majority, for its earlier process is gone for certain. */
    void asksToJoin(int node, long nowMs) {
        if (voters.contains(node)) {
            waiting.put(node, nowMs);
        }
    }

    /**
     * A voter says that a member's process has ended.
     *
     * @return whether a majority of them says so now: then it is to be taken out
     */
    boolean saysGone(int voter, long incarnation, long nowMs) {
        if (!voters.contains(voter)) {
            return false;
        }
        said.values().forEach(by -> by.values().removeIf(saidMs -> nowMs - saidMs > SAID_MS));
        said.values().removeIf(Map::isEmpty);
        Map<Integer, Long> by = said.computeIfAbsent(incarnation, key -> new HashMap<>());
        by.put(voter, nowMs);
        return by.size() > voters.size() / 2;
    }

    /**
     * @param reachable voters that are members and can be reached
     * @param unreachable incarnations of the members that cannot, as the cluster sees it
     * @param heard incarnations of members that answer this node's heartbeats all the same
     * @return those to be taken out now
     */
    Set<Long> review(Set<Integer> reachable, Set<Long> unreachable, Set<Long> heard, long nowMs) {
        Set<Long> away = new HashSet<>(unreachable);
        away.removeAll(heard);
        waiting.values().removeIf(askedMs -> nowMs - askedMs > WAITING_MS);
        Set<Integer> here = new HashSet<>(reachable);
        here.addAll(waiting.keySet());
        if (!here.equals(lastHere) || !away.equals(lastAway)) {
            lastHere = here;
            lastAway = away;
            stableMs = 0;
        } else {
            stableMs += Math.min(MOST_BETWEEN_MS, nowMs - reviewedMs);
        }
        reviewedMs = nowMs;
        boolean majority = here.size() > voters.size() / 2;
        return majority && stableMs >= STABLE_MS ? lastAway : Set.of();
    }
}
