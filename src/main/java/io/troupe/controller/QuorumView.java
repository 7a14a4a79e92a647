package io.troupe.controller;

import io.troupe.controller.ControllerReply.QuorumReplica;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/** What a controller tells of the quorum that it leads; remembers when it heard from which voter. Owned by the Controller. */
final class QuorumView {
    private final int leaderId;
    private final Collection<Integer> voterIds;
    private final Map<Integer, Long> heardMs = new HashMap<>();
    private final Map<Integer, Long> caughtUpMs = new HashMap<>();

    QuorumView(int leaderId, Collection<Integer> voterIds) {
        this.leaderId = leaderId;
        this.voterIds = new TreeSet<>(voterIds);
    }

    /** To be called after the leader has seen the voter's answer. */
    void heard(int voter, QuorumLeader quorum) {
        if (voterIds.contains(voter)) {
            long nowMs = System.currentTimeMillis();
            heardMs.put(voter, nowMs);
            if (quorum.matchedIndex(voter) >= quorum.lastIndex()) {
                caughtUpMs.put(voter, nowMs);
            }
        }
    }

    ControllerReply.QuorumState describe(QuorumLeader quorum, Followers followers) {
        long nowMs = System.currentTimeMillis();
        List<QuorumReplica> voters = new ArrayList<>();
        for (int id : voterIds) {
            boolean leads = id == leaderId;
            voters.add(new QuorumReplica(
                    id,
                    quorum.disk(id),
                    (leads ? quorum.lastIndex() : quorum.matchedIndex(id)) + 1,
                    leads ? nowMs : heardMs.getOrDefault(id, -1L),
                    leads ? nowMs : caughtUpMs.getOrDefault(id, -1L)));
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
}
