package io.troupe.controller;

import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/**
 * Whether a node that stops has still a majority of the voters to wait for: without one nobody takes over what it leads, and nobody can
 * confirm that it leaves. It asks them all at each review, and who is there answers, unless it is leaving itself. Time in which this process
 * stood still does not count. Pure; times are monotonic milliseconds.
 */
final class VotersHeard {
    /** A busy node may stand still for so long and is waited for. */
    static final long SILENT_MS = 3000;

    /** Before anyone is missed who was not a reachable member when the stop began: they may just have come. */
    static final long FIRST_MS = 1000;

    /** What counts of the time since the last review, which is due four times a second. */
    static final long MOST_BETWEEN_MS = 500;

    private final Set<Integer> voters;
    private final int self;
    private final Map<Integer, Long> heardMs = new HashMap<>();
    private long reviewedMs;
    /** Since the beginning, without what does not count. */
    private long elapsedMs;

    /** @param here voters that are reachable members of this node's cluster */
    VotersHeard(Collection<Integer> voters, int self, Collection<Integer> here, long nowMs) {
        this.voters = Set.copyOf(voters);
        this.self = self;
        here.forEach(id -> heardMs.put(id, 0L));
        reviewedMs = nowMs;
    }

    void heard(int voter) {
        heardMs.put(voter, elapsedMs);
    }

    /** @return whether a majority is there, as far as is known */
    boolean review(long nowMs) {
        elapsedMs += Math.min(MOST_BETWEEN_MS, nowMs - reviewedMs);
        reviewedMs = nowMs;
        long there = voters.stream()
                .filter(id -> id == self || heardMs.containsKey(id) && elapsedMs - heardMs.get(id) <= SILENT_MS)
                .count();
        return elapsedMs < FIRST_MS || there > voters.size() / 2;
    }
}
