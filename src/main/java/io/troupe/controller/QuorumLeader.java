package io.troupe.controller;

import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.apache.kafka.common.Uuid;

/**
 * One controller's claim to lead the metadata quorum, and its leadership (SAFETY 2.1 - 2.5, 2.7, 2.9). Pure: answers and ticks in,
 * messages to send out by {@link #takeOutbox}. A claim that failed is thrown away for a new one with a higher epoch.
 *
 * <pre>
 * CLAIMING --majority promised--> ADOPTING --greatest log read--> ADOPTED --lead(no-op)--> LEADING
 *     any --Rejected by a newer promise--> DEPOSED
 *     CLAIMING --a majority's greatest log has an entry of this round, by another node--> DEPOSED
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
        Uuid disk;
        long nextIndex;
        long matchedIndex = -1;
        long sentSequence;
        long ackedSequence;
        int snapshotOffset;
        long snapshotIndex = -1;

        /** What an emptied disk had acknowledged is gone. */
        void sawDisk(Uuid answered) {
            if (!answered.equals(disk)) {
                disk = answered;
                matchedIndex = -1;
            }
        }
    }

    private final Epoch epoch;
    private final Map<Integer, Progress> voters = new HashMap<>();
    private final Optional<String> clusterId;
    private final List<Quorum.Entry> log = new ArrayList<>();
    private final List<Outgoing> outbox = new ArrayList<>();
    private final ByteArrayOutputStream readSnapshot = new ByteArrayOutputStream();
    private Quorum.Base base = Quorum.Base.START;
    /** By voter: the disk whose word counts. */
    private Map<Integer, Uuid> electorate = Map.of();

    private Phase phase = Phase.CLAIMING;
    private Quorum.Promised source;
    private boolean everyone;
    private Epoch rival = Epoch.NONE;
    private long commitIndex = -1;
    private long sequence;
    private long barrier;

    /** @param clusterId when it is known already: a claim among voters of another cluster does not succeed */
    QuorumLeader(Epoch epoch, Collection<Integer> voterIds, Optional<String> clusterId) {
        this.epoch = epoch;
        this.clusterId = clusterId;
        voterIds.forEach(id -> voters.put(id, new Progress()));
        voterIds.forEach(id -> send(id, new Quorum.Claim(epoch)));
    }

    Phase phase() {
        return phase;
    }

    Epoch epoch() {
        return epoch;
    }

    /** The newer promise that deposed this one, or what stands in the way of its round: a claim above it may succeed. */
    Epoch rival() {
        return rival;
    }

    /** What the log begins with. */
    Quorum.Base base() {
        return base;
    }

    /** The entry at {@code index}, beyond the base and at most {@link #lastIndex}. */
    Quorum.Entry entry(long index) {
        return log.get(place(index));
    }

    /** As many entries from {@code index} to {@code last} as fit one message; at least one. */
    List<Quorum.Entry> entries(long index, long last) {
        return Quorum.batch(log.subList(0, place(last) + 1), place(index));
    }

    long lastIndex() {
        return base.index() + log.size();
    }

    /** Last index known to be committed, -1 before the no-op is. */
    long commitIndex() {
        return commitIndex;
    }

    /** Last index that a voter is known to hold, -1 for none. */
    long matchedIndex(int voter) {
        return voters.get(voter).matchedIndex;
    }

    /** A voter's disk, when it has told. */
    Optional<Uuid> disk(int voter) {
        return Optional.ofNullable(voters.get(voter).disk);
    }

    /** Voters whose promises are waited for; what keeps a claim from success, in words. */
    String awaited() {
        List<Integer> silent = new ArrayList<>();
        List<Integer> empty = new ArrayList<>();
        Map<Integer, String> clusters = new TreeMap<>();
        voters.forEach((id, v) -> {
            if (v.promised == null) {
                silent.add(id);
            } else {
                if (!v.promised.admitted()) {
                    empty.add(id);
                }
                if (v.promised.clusterId() != null) {
                    clusters.put(id, v.promised.clusterId());
                }
            }
        });
        return "not heard from voters " + silent
                + (empty.isEmpty()
                        ? ""
                        : "; voters " + empty + " have an empty disk and vote only when all others are heard")
                + (clusters.values().stream().distinct().count() > 1
                        ? "; voters are of different clusters: " + clusters
                        : "");
    }

    List<Outgoing> takeOutbox() {
        List<Outgoing> taken = List.copyOf(outbox);
        outbox.clear();
        return taken;
    }

    /**
     * 2.3: starts leading with the no-op as first entry of this epoch. Only when ADOPTED. Afterwards LEADING, or DEPOSED when promises turn
     * out to be those of disks that no longer count.
     *
     * @param admitted by the adopted log: the disks that count, by voter
     */
    void lead(byte[] noOp, Map<Integer, Uuid> admitted) {
        if (phase != Phase.ADOPTED) {
            throw new IllegalStateException("cannot lead when " + phase);
        }
        electorate = new HashMap<>(admitted);
        if (everyone) {
            // All disks there are have promised: whoever was missing from the log is heard, too.
            voters.forEach((id, v) -> electorate.put(id, v.promised.disk()));
        } else if (voters.entrySet().stream()
                        .filter(e -> e.getValue().promised != null
                                && e.getValue().promised.disk().equals(electorate.get(e.getKey())))
                        .count()
                < majority()) {
            depose(epoch);
            return;
        }
        phase = Phase.LEADING;
        voters.values()
                .forEach(v -> v.nextIndex =
                        v.promised == null ? lastIndex() + 1 : Math.min(lastIndex(), v.promised.lastIndex()) + 1);
        propose(List.of(noOp));
    }

    /**
     * 2.9: a committed event admitted a voter's disk. The voter hears at once that this is committed, not with whatever is sent next:
     * should this leader die before, the next one needs its vote.
     */
    void admitted(int voter, Uuid disk) {
        electorate.put(voter, disk);
        advanceCommit();
        barrier();
    }

    /** 2.9: voters that have caught up on a disk that is not yet admitted, with that disk. */
    Map<Integer, Uuid> toAdmit(Map<Integer, Uuid> admitted) {
        Map<Integer, Uuid> ready = new TreeMap<>();
        voters.forEach((id, v) -> {
            boolean caughtUp = v.disk != null && v.matchedIndex >= commitIndex && commitIndex >= 0;
            if (caughtUp && !v.disk.equals(admitted.get(id))) {
                ready.put(id, v.disk);
            }
        });
        return ready;
    }

    /** 2.7: the log up to {@code newBase}, which is committed, is kept as its image only. */
    void compact(Quorum.Base newBase) {
        if (newBase.index() > base.index() && newBase.index() <= commitIndex) {
            log.subList(0, place(newBase.index()) + 1).clear();
            base = newBase;
        }
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
        return voters.entrySet().stream()
                        .filter(e -> votes(e.getKey()) && e.getValue().ackedSequence >= barrier)
                        .count()
                >= majority();
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
        } else if (reply instanceof Quorum.SnapshotSlice r && r.epoch().equals(epoch)) {
            onSnapshotSlice(r);
        } else if (reply instanceof Quorum.Acked r && r.epoch().equals(epoch) && phase == Phase.LEADING) {
            onAcked(voter, r);
        } else if (reply instanceof Quorum.Mismatched r && r.epoch().equals(epoch) && phase == Phase.LEADING) {
            onMismatched(voter, r);
        } else if (reply instanceof Quorum.SnapshotTaken r && r.epoch().equals(epoch) && phase == Phase.LEADING) {
            onSnapshotTaken(voter, r);
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
            read();
        } else if (phase == Phase.LEADING) {
            voters.forEach((id, v) -> {
                if (v.sentSequence > v.ackedSequence) {
                    sendAppend(id, v);
                }
            });
        }
    }

    private void onRejected(Progress voter, Quorum.Rejected r) {
        // Its own epoch names an earlier incarnation of this node, unless this voter or a majority promised it to this
        // one: then a claim was repeated, and no other incarnation can have led under it.
        boolean repeated = r.promised().equals(epoch) && (voter.promised != null || phase != Phase.CLAIMING);
        if (r.refused().equals(epoch) && !repeated && r.promised().compareTo(epoch) >= 0) {
            depose(r.promised());
        }
    }

    private void depose(Epoch by) {
        phase = Phase.DEPOSED;
        rival = by;
        outbox.clear();
    }

    private void onPromised(Progress voter, Quorum.Promised r) {
        if (voter.promised == null && phase == Phase.CLAIMING) {
            voter.promised = r;
        }
        List<Quorum.Promised> all = voters.values().stream()
                .map(v -> v.promised)
                .filter(p -> p != null)
                .toList();
        // With every disk there is, nothing more can be known: so a new cluster begins, and one that lost the word of a
        // majority goes on.
        everyone = all.size() == voters.size();
        List<Quorum.Promised> counted =
                everyone ? all : all.stream().filter(Quorum.Promised::admitted).toList();
        long clusters = Stream.concat(
                        clusterId.stream(),
                        counted.stream().map(Quorum.Promised::clusterId).filter(id -> id != null))
                .distinct()
                .count();
        if (phase != Phase.CLAIMING || counted.size() < majority() || clusters > 1) {
            return;
        }
        source = counted.get(0);
        for (Quorum.Promised p : counted) {
            int byEpoch = p.lastEpoch().compareTo(source.lastEpoch());
            if (byEpoch > 0 || (byEpoch == 0 && p.lastIndex() > source.lastIndex())) {
                source = p;
            }
        }
        if (source.lastEpoch().round() >= epoch.round()) {
            // A controller of this round has been: each leads in a round of its own, for the round is what clients are
            // shown.
            depose(source.lastEpoch());
            return;
        }
        phase = source.lastIndex() < 0 ? Phase.ADOPTED : Phase.ADOPTING;
        if (phase == Phase.ADOPTING) {
            read();
        }
    }

    private void read() {
        send(source.voter(), new Quorum.ReadLog(epoch, lastIndex() + 1, readSnapshot.size()));
    }

    private void onSnapshotSlice(Quorum.SnapshotSlice r) {
        if (phase != Phase.ADOPTING || r.voter() != source.voter() || lastIndex() >= 0) {
            return;
        }
        if (r.offset() == readSnapshot.size()) {
            readSnapshot.writeBytes(r.bytes());
        }
        if (readSnapshot.size() == r.total()) {
            base = new Quorum.Base(r.baseIndex(), r.baseEpoch(), readSnapshot.toByteArray());
            goOnReading();
        } else {
            read();
        }
    }

    private void onLogSlice(Quorum.LogSlice r) {
        if (phase != Phase.ADOPTING || r.voter() != source.voter() || r.fromIndex() != lastIndex() + 1) {
            return;
        }
        log.addAll(r.entries());
        goOnReading();
    }

    /** The voter promised this epoch, and only this epoch's leader (not yet born) could append since: its log stands still. */
    private void goOnReading() {
        if (lastIndex() >= source.lastIndex()) {
            phase = Phase.ADOPTED;
        } else {
            read();
        }
    }

    private void onAcked(Progress voter, Quorum.Acked r) {
        voter.sawDisk(r.disk());
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
        voter.sawDisk(r.disk());
        voter.ackedSequence = Math.max(voter.ackedSequence, r.sequence());
        voter.nextIndex = Math.max(voter.matchedIndex + 1, Math.min(r.prevIndex(), r.lastIndex() + 1));
        sendAppend(r.voter(), voter);
    }

    private void onSnapshotTaken(Progress voter, Quorum.SnapshotTaken r) {
        if (r.sequence() != voter.sentSequence) {
            return;
        }
        voter.sawDisk(r.disk());
        voter.ackedSequence = Math.max(voter.ackedSequence, r.sequence());
        if (r.baseIndex() == voter.snapshotIndex) {
            voter.snapshotOffset = r.nextOffset();
        }
        sendAppend(r.voter(), voter);
    }

    private boolean votes(int voter) {
        Uuid disk = voters.get(voter).disk;
        return disk != null && disk.equals(electorate.get(voter));
    }

    /** 2.4: only an entry of this epoch commits by counting; those before it commit with it. */
    private void advanceCommit() {
        long[] matched = voters.entrySet().stream()
                .mapToLong(e -> votes(e.getKey()) ? e.getValue().matchedIndex : -1)
                .sorted()
                .toArray();
        long candidate = matched[matched.length - majority()];
        if (candidate > Math.max(commitIndex, base.index())
                && entry(candidate).epoch().equals(epoch)) {
            commitIndex = candidate;
        }
    }

    private void sendAppends() {
        voters.forEach((id, v) -> {
            boolean idle = v.sentSequence <= v.ackedSequence;
            if (idle && (v.nextIndex <= lastIndex() || v.ackedSequence < barrier)) {
                sendAppend(id, v);
            }
        });
    }

    private void sendAppend(int id, Progress voter) {
        voter.sentSequence = ++sequence;
        long prev = voter.nextIndex - 1;
        if (prev < base.index()) {
            sendSnapshot(id, voter);
            return;
        }
        Epoch prevEpoch = prev == base.index() ? base.epoch() : entry(prev).epoch();
        send(
                id,
                new Quorum.Append(
                        epoch,
                        voter.sentSequence,
                        prev,
                        prevEpoch,
                        Quorum.batch(log, place(voter.nextIndex)),
                        commitIndex));
    }

    private void sendSnapshot(int id, Progress voter) {
        if (voter.snapshotIndex != base.index()) {
            voter.snapshotIndex = base.index();
            voter.snapshotOffset = 0;
        }
        send(
                id,
                new Quorum.InstallSnapshot(
                        epoch,
                        voter.sentSequence,
                        base.index(),
                        base.epoch(),
                        voter.snapshotOffset,
                        base.image().length,
                        Quorum.piece(base.image(), voter.snapshotOffset)));
    }

    private int place(long index) {
        return (int) (index - base.index() - 1);
    }

    private void send(int voter, Quorum.Request request) {
        outbox.add(new Outgoing(voter, request));
    }

    private int majority() {
        return voters.size() / 2 + 1;
    }
}
