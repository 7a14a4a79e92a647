package io.troupe.controller;

import io.troupe.controller.VoterState.Admitted;
import io.troupe.controller.VoterState.BegunAt;
import io.troupe.controller.VoterState.DiskNamed;
import io.troupe.controller.VoterState.EntryAppended;
import io.troupe.controller.VoterState.Event;
import io.troupe.controller.VoterState.PromiseMade;
import io.troupe.controller.VoterState.StartedAnew;
import io.troupe.controller.VoterState.SuffixDropped;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.apache.kafka.common.Uuid;

/**
 * How a metadata voter answers (SAFETY 2.1 - 2.3, 2.9). The events must be durable and applied before the reply leaves; besides them it
 * remembers only the pieces of a snapshot that is on its way.
 */
final class VoterCore {
    /** What to persist, then what to say. */
    record Answer(List<Event> events, Quorum.Reply reply) {}

    private final int nodeId;
    private final Supplier<Uuid> newDisk;
    private final ByteArrayOutputStream pieces = new ByteArrayOutputStream();
    private Epoch piecesEpoch = Epoch.NONE;
    private long piecesIndex = -1;

    /** @param newDisk ids for a disk that has none yet */
    VoterCore(int nodeId, Supplier<Uuid> newDisk) {
        this.nodeId = nodeId;
        this.newDisk = newDisk;
    }

    Answer handle(VoterState state, Quorum.Request request) {
        List<Event> events = new ArrayList<>();
        Uuid disk = state.disk();
        if (state.damaged()) {
            disk = newDisk.get();
            events.add(new StartedAnew(disk));
            return new Answer(events, new Quorum.Rejected(nodeId, request.epoch(), state.promised()));
        } else if (disk == null) {
            disk = newDisk.get();
            events.add(new DiskNamed(disk));
        } else if (!state.admitted() && state.letIn(nodeId)) {
            events.add(new Admitted());
        }
        // A claim must be newer than the promise, since an epoch is promised once; everything else may equal it.
        boolean claim = request instanceof Quorum.Claim;
        int order = request.epoch().compareTo(state.promised());
        if (order < 0 || (claim && order == 0)) {
            return new Answer(List.of(), new Quorum.Rejected(nodeId, request.epoch(), state.promised()));
        }
        if (order > 0) {
            events.add(new PromiseMade(request.epoch()));
        }
        Quorum.Reply reply;
        if (request instanceof Quorum.Append append) {
            reply = append(state, append, disk, events);
        } else if (request instanceof Quorum.ReadLog read) {
            reply = read(state, read);
        } else if (request instanceof Quorum.InstallSnapshot install) {
            reply = install(state, install, disk, events);
        } else {
            boolean admitted = state.admitted() || events.contains(new Admitted());
            reply = new Quorum.Promised(
                    nodeId, request.epoch(), state.lastEpoch(), state.lastIndex(), disk, admitted, state.clusterId());
        }
        return new Answer(events, reply);
    }

    private Quorum.Reply read(VoterState state, Quorum.ReadLog read) {
        Quorum.Base base = state.base();
        if (read.fromIndex() <= base.index()) {
            int offset = Math.max(0, Math.min(read.snapshotOffset(), base.image().length));
            return new Quorum.SnapshotSlice(
                    nodeId,
                    read.epoch(),
                    base.index(),
                    base.epoch(),
                    offset,
                    base.image().length,
                    Quorum.piece(base.image(), offset));
        }
        long from = Math.max(base.index() + 1, Math.min(read.fromIndex(), state.lastIndex() + 1));
        return new Quorum.LogSlice(
                nodeId,
                read.epoch(),
                from,
                Quorum.batch(state.log(), (int) (from - base.index() - 1)),
                state.lastIndex());
    }

    private Quorum.Reply append(VoterState state, Quorum.Append append, Uuid disk, List<Event> events) {
        // What lies before the base is committed, so it agrees with every later leader's log.
        boolean fits = append.prevIndex() < state.base().index()
                || append.prevEpoch().equals(state.epochAt(append.prevIndex()));
        if (!fits) {
            return new Quorum.Mismatched(
                    nodeId, append.epoch(), append.sequence(), append.prevIndex(), state.lastIndex(), disk);
        }
        long index = append.prevIndex();
        long end = state.lastIndex();
        for (Quorum.Entry entry : append.entries()) {
            index++;
            if (index <= state.base().index()) {
                continue;
            }
            if (index <= end) {
                if (entry.epoch().equals(state.epochAt(index))) {
                    continue;
                }
                checkNotCommitted(state, index, entry.epoch());
                events.add(new SuffixDropped(index));
                end = index - 1;
            }
            events.add(new EntryAppended(entry));
            end = index;
        }
        return new Quorum.Acked(
                nodeId,
                append.epoch(),
                append.sequence(),
                Math.max(index, state.base().index()),
                disk);
    }

    private void checkNotCommitted(VoterState state, long index, Epoch instead) {
        if (index <= state.commitIndex()) {
            throw new IllegalStateException("voter " + nodeId + " is told to drop committed metadata entry " + index
                    + " of epoch " + state.epochAt(index) + " for one of epoch " + instead);
        }
    }

    private Quorum.Reply install(VoterState state, Quorum.InstallSnapshot install, Uuid disk, List<Event> events) {
        long base = install.baseIndex();
        if (base <= state.base().index() || install.baseEpoch().equals(state.epochAt(base))) {
            return new Quorum.Acked(nodeId, install.epoch(), install.sequence(), base, disk);
        }
        if (base != piecesIndex || !install.epoch().equals(piecesEpoch) || install.offset() == 0) {
            pieces.reset();
            piecesIndex = base;
            piecesEpoch = install.epoch();
        }
        if (install.offset() == pieces.size()) {
            pieces.writeBytes(install.bytes());
        }
        if (pieces.size() < install.total()) {
            return new Quorum.SnapshotTaken(nodeId, install.epoch(), install.sequence(), base, pieces.size(), disk);
        }
        events.add(new BegunAt(new Quorum.Base(base, install.baseEpoch(), pieces.toByteArray())));
        pieces.reset();
        piecesIndex = -1;
        return new Quorum.Acked(nodeId, install.epoch(), install.sequence(), base, disk);
    }
}
