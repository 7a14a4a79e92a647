package io.troupe.controller;

import io.troupe.controller.ControllerReply.QuorumReplica;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.LongSupplier;

/**
 * What a controller tells of the quorum that it leads; remembers when it heard from which voter. It asks all of them each second, so one
 * that is not heard from for longer is away. Owned by the Controller.
 */
final class QuorumView {
    /** What a voter has to have so that it was caught up when it was last heard from, however much has been appended since. */
    private record Mark(long index, long atMs) {}

    private final int leaderId;
    private final Collection<Integer> voterIds;
    private final LongSupplier nowMs;
    private final Map<Integer, Mark> marks = new HashMap<>();
    private final Map<Integer, Long> caughtUpMs = new HashMap<>();

    /** @param nowMs wall clock */
    QuorumView(int leaderId, Collection<Integer> voterIds, LongSupplier nowMs) {
        this.leaderId = leaderId;
        this.voterIds = new TreeSet<>(voterIds);
        this.nowMs = nowMs;
    }

    /** To be called after the leader has seen the voter's answer. */
    void heard(int voter, QuorumLeader quorum) {
        if (voterIds.contains(voter)) {
            heard(voter, quorum.matchedIndex(voter), quorum.lastIndex());
        }
    }

    /**
     * @param matched last index that the voter is known to hold
     * @param last index of the log; it need not stand still for a voter to be caught up
     */
    void heard(int voter, long matched, long last) {
        Mark now = new Mark(last, nowMs.getAsLong());
        Mark before = marks.put(voter, now);
        if (matched >= last) {
            caughtUpMs.put(voter, now.atMs());
        } else if (before != null && matched >= before.index()) {
            caughtUpMs.put(voter, before.atMs());
        }
    }

    ControllerReply.QuorumState describe(QuorumLeader quorum, Followers followers) {
        long now = nowMs.getAsLong();
        Map<Integer, Long> cameMs = followers.cameMs();
        List<QuorumReplica> voters = new ArrayList<>();
        for (int id : voterIds) {
            boolean leads = id == leaderId;
            voters.add(new QuorumReplica(
                    id,
                    quorum.disk(id),
                    (leads ? quorum.lastIndex() : quorum.matchedIndex(id)) + 1,
                    leads ? now : heardMs(id, cameMs),
                    leads ? now : caughtUpMs(id, cameMs)));
        }
        Map<Integer, QuorumReplica> observers = followers.positions();
        observers.keySet().removeAll(voterIds);
        return new ControllerReply.QuorumState(
                leaderId,
                quorum.epoch().round(),
                quorum.commitIndex() + 1,
                List.copyOf(voters),
                List.copyOf(observers.values()));
    }

    /** A node that comes has been heard from, though its voter was not asked yet. */
    private long heardMs(int voter, Map<Integer, Long> cameMs) {
        Mark mark = marks.get(voter);
        return Math.max(mark == null ? -1 : mark.atMs(), cameMs.getOrDefault(voter, -1L));
    }

    /** A node that comes is given its time to catch up, as if it had just been caught up. */
    private long caughtUpMs(int voter, Map<Integer, Long> cameMs) {
        return Math.max(caughtUpMs.getOrDefault(voter, -1L), cameMs.getOrDefault(voter, -1L));
    }
}
