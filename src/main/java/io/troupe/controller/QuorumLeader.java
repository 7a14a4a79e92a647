package io.troupe.controller;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * One controller's claim to lead the metadata quorum, and its leadership (SAFETY 2.1 - 2.5). Pure: answers and ticks in,
 * messages to send out by {@link #takeOutbox}. A claim that failed is thrown away for a new one with a higher epoch.
 *
 * <pre>
 * CLAIMING --majority promised--> ADOPTING --greatest log read--> ADOPTED --lead(no-op)--> LEADING
 *     any --Rejected by a newer promise--> DEPOSED
 * </pre>
 *
 * <p>One Append is under way to each voter; what is proposed meanwhile goes with the next (group commit). Not thread-safe.
 */
final class QuorumLeader {
    enum Phase {
        CLAIMING,
        ADOPTING,
        ADOPTED,
        LEADING,
        DEPOSED
    }

    record Outgoing(int voter, Quorum.Request request) {}

    /** What is known of one voter. */
    private static final class Progress {
        Quorum.Promised promised;
        long nextIndex;
        long matchedIndex = -1;
        long sentSequence;
        long ackedSequence;
    }

    private final Epoch epoch;
    private final Map<Integer, Progress> voters = new HashMap<>();
    private final List<Quorum.Entry> log = new ArrayList<>();
    private final List<Outgoing> outbox = new ArrayList<>();
    private Phase phase = Phase.CLAIMING;
    private Quorum.Promised source;
    private Epoch rival = Epoch.NONE;
    private long commitIndex = -1;
    private long sequence;
    private long barrier;

    QuorumLeader(Epoch epoch, Collection<Integer> voterIds) {
        this.epoch = epoch;
        voterIds.forEach(id -> voters.put(id, new Progress()));
        voterIds.forEach(id -> send(id, new Quorum.Claim(epoch)));
    }

    Phase phase() {
        return phase;
    }

    Epoch epoch() {
        return epoch;
    }

    /** The newer promise that deposed this one. */
    Epoch rival() {
        return rival;
    }

    /** Adopted and own entries; place = index. */
    List<Quorum.Entry> log() {
        return Collections.unmodifiableList(log);
    }

    long lastIndex() {
        return log.size() - 1L;
    }

    /** Last index known to be committed, -1 before the no-op is. */
    long commitIndex() {
        return commitIndex;
    }

    /** Voters that have answered in this epoch. */
    long answered() {
        return voters.values().stream()
                .filter(v -> v.promised != null || v.ackedSequence > 0)
                .count();
    }

    List<Outgoing> takeOutbox() {
        List<Outgoing> taken = List.copyOf(outbox);
        outbox.clear();
        return taken;
    }

    /** 2.3: starts leading with the no-op as first entry of this epoch. Only when ADOPTED. */
    void lead(byte[] noOp) {
        if (phase != Phase.ADOPTED) {
            throw new IllegalStateException("cannot lead when " + phase);
        }
        phase = Phase.LEADING;
        voters.values()
                .forEach(v -> v.nextIndex =
                        v.promised == null ? log.size() : Math.min(log.size(), v.promised.lastIndex() + 1));
        propose(List.of(noOp));
    }

    /** Appends to the log and sends. @return index of the last */
    long propose(List<byte[]> values) {
        if (phase != Phase.LEADING) {
            throw new IllegalStateException("cannot propose when " + phase);
        }
        values.forEach(v -> log.add(new Quorum.Entry(epoch, v)));
        sendAppends();
        return lastIndex();
    }

    /** 2.8: asks for a round that proves leadership as of now. @return pass to {@link #confirmed} */
    long barrier() {
        barrier = sequence + 1;
        sendAppends();
        return barrier;
    }

    /** Whether a majority has acked something sent at or after the barrier was set. */
    boolean confirmed(long barrier) {
        return voters.values().stream().filter(v -> v.ackedSequence >= barrier).count() >= majority();
    }

    void receive(Quorum.Reply reply) {
        Progress voter = voters.get(reply.voter());
        if (voter == null || phase == Phase.DEPOSED) {
            return;
        }
        if (reply instanceof Quorum.Rejected r) {
            onRejected(voter, r);
        } else if (reply instanceof Quorum.Promised r && r.epoch().equals(epoch)) {
            onPromised(voter, r);
        } else if (reply instanceof Quorum.LogSlice r && r.epoch().equals(epoch)) {
            onLogSlice(r);
        } else if (reply instanceof Quorum.Acked r && r.epoch().equals(epoch) && phase == Phase.LEADING) {
            onAcked(voter, r);
        } else if (reply instanceof Quorum.Mismatched r && r.epoch().equals(epoch) && phase == Phase.LEADING) {
            onMismatched(voter, r);
        }
    }

    /** Sends again whatever is unanswered; called from time to time. */
    void tick() {
        if (phase == Phase.CLAIMING) {
            voters.forEach((id, v) -> {
                if (v.promised == null) {
                    send(id, new Quorum.Claim(epoch));
                }
            });
        } else if (phase == Phase.ADOPTING) {
            send(source.voter(), new Quorum.ReadLog(epoch, log.size()));
        } else if (phase == Phase.LEADING) {
            voters.forEach((id, v) -> {
                if (v.sentSequence > v.ackedSequence) {
                    sendAppend(id, v);
                }
            });
        }
    }

    private void onRejected(Progress voter, Quorum.Rejected r) {
        // Rejected by our own epoch after having promised it: a repeated claim, no rival.
        boolean repeated = r.promised().equals(epoch) && voter.promised != null;
        if (r.refused().equals(epoch) && !repeated && r.promised().compareTo(epoch) >= 0) {
            phase = Phase.DEPOSED;
            rival = r.promised();
            outbox.clear();
        }
    }

    private void onPromised(Progress voter, Quorum.Promised r) {
        if (voter.promised == null && phase != Phase.LEADING) {
            voter.promised = r;
        }
        List<Quorum.Promised> promises = voters.values().stream()
                .map(v -> v.promised)
                .filter(p -> p != null)
                .toList();
        if (phase == Phase.CLAIMING && promises.size() >= majority()) {
            source = promises.get(0);
            for (Quorum.Promised p : promises) {
                int byEpoch = p.lastEpoch().compareTo(source.lastEpoch());
                if (byEpoch > 0 || (byEpoch == 0 && p.lastIndex() > source.lastIndex())) {
                    source = p;
                }
            }
            phase = source.lastIndex() < 0 ? Phase.ADOPTED : Phase.ADOPTING;
            if (phase == Phase.ADOPTING) {
                send(source.voter(), new Quorum.ReadLog(epoch, 0));
            }
        }
    }

    private void onLogSlice(Quorum.LogSlice r) {
        if (phase != Phase.ADOPTING || r.voter() != source.voter() || r.fromIndex() != log.size()) {
            return;
        }
        log.addAll(r.entries());
        // The voter promised this epoch, and only this epoch's leader (not yet born) could append since: its log stands
        // still.
        if (lastIndex() >= source.lastIndex()) {
            phase = Phase.ADOPTED;
        } else {
            send(source.voter(), new Quorum.ReadLog(epoch, log.size()));
        }
    }

    private void onAcked(Progress voter, Quorum.Acked r) {
        voter.ackedSequence = Math.max(voter.ackedSequence, r.sequence());
        voter.matchedIndex = Math.max(voter.matchedIndex, r.matchedIndex());
        voter.nextIndex = Math.max(voter.nextIndex, voter.matchedIndex + 1);
        advanceCommit();
        sendAppends();
    }

    private void onMismatched(Progress voter, Quorum.Mismatched r) {
        if (r.sequence() != voter.sentSequence) {
            return;
        }
        voter.ackedSequence = Math.max(voter.ackedSequence, r.sequence());
        voter.nextIndex = Math.max(voter.matchedIndex + 1, Math.min(r.prevIndex(), r.lastIndex() + 1));
        sendAppend(r.voter(), voter);
    }

    /** 2.4: only an entry of this epoch commits by counting; those before it commit with it. */
    private void advanceCommit() {
        long[] matched =
                voters.values().stream().mapToLong(v -> v.matchedIndex).sorted().toArray();
        long candidate = matched[matched.length - majority()];
        if (candidate > commitIndex && log.get((int) candidate).epoch().equals(epoch)) {
            commitIndex = candidate;
        }
    }

    private void sendAppends() {
        voters.forEach((id, v) -> {
            boolean idle = v.sentSequence <= v.ackedSequence;
            if (idle && (v.nextIndex < log.size() || v.ackedSequence < barrier)) {
                sendAppend(id, v);
            }
        });
    }

    private void sendAppend(int id, Progress voter) {
        long prev = voter.nextIndex - 1;
        Epoch prevEpoch = prev < 0 ? Epoch.NONE : log.get((int) prev).epoch();
        voter.sentSequence = ++sequence;
        send(
                id,
                new Quorum.Append(
                        epoch,
                        voter.sentSequence,
                        prev,
                        prevEpoch,
                        Quorum.batch(log, (int) voter.nextIndex),
                        commitIndex));
    }

    private void send(int voter, Quorum.Request request) {
        outbox.add(new Outgoing(voter, request));
    }

    private int majority() {
        return voters.size() / 2 + 1;
    }
}
