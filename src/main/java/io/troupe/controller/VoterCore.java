package io.troupe.controller;

import io.troupe.controller.VoterState.EntryAppended;
import io.troupe.controller.VoterState.Event;
import io.troupe.controller.VoterState.PromiseMade;
import io.troupe.controller.VoterState.SuffixDropped;
import java.util.ArrayList;
import java.util.List;

/**
 * How a metadata voter answers (SAFETY 2.1 - 2.3). Pure: the events must be durable and applied before the reply leaves.
 */
final class VoterCore {
    /** What to persist, then what to say. */
    record Answer(List<Event> events, Quorum.Reply reply) {}

    private final int nodeId;

    VoterCore(int nodeId) {
        this.nodeId = nodeId;
    }

    Answer handle(VoterState state, Quorum.Request request) {
        // A claim must be newer than the promise, since an epoch is promised once; everything else may equal it.
        boolean claim = request instanceof Quorum.Claim;
        int order = request.epoch().compareTo(state.promised());
        if (order < 0 || (claim && order == 0)) {
            return new Answer(List.of(), new Quorum.Rejected(nodeId, request.epoch(), state.promised()));
        }
        if (request instanceof Quorum.Append append) {
            return append(state, append);
        } else if (request instanceof Quorum.ReadLog read) {
            return read(state, read);
        }
        return new Answer(
                List.of(new PromiseMade(request.epoch())),
                new Quorum.Promised(nodeId, request.epoch(), state.lastEpoch(), state.lastIndex()));
    }

    private Answer read(VoterState state, Quorum.ReadLog read) {
        int from = (int) Math.min(Math.max(read.fromIndex(), 0), state.log().size());
        return new Answer(
                List.of(),
                new Quorum.LogSlice(nodeId, read.epoch(), from, Quorum.batch(state.log(), from), state.lastIndex()));
    }

    private Answer append(VoterState state, Quorum.Append append) {
        List<Event> events = new ArrayList<>();
        if (append.epoch().newerThan(state.promised())) {
            events.add(new PromiseMade(append.epoch()));
        }
        if (!append.prevEpoch().equals(state.epochAt(append.prevIndex()))) {
            return new Answer(
                    events,
                    new Quorum.Mismatched(
                            nodeId, append.epoch(), append.sequence(), append.prevIndex(), state.lastIndex()));
        }
        long index = append.prevIndex();
        long end = state.lastIndex();
        for (Quorum.Entry entry : append.entries()) {
            index++;
            if (index <= end) {
                if (state.epochAt(index).equals(entry.epoch())) {
                    continue;
                }
                if (index <= state.commitIndex()) {
                    throw new IllegalStateException("voter " + nodeId + " is told to drop committed metadata entry "
                            + index + " of epoch " + state.epochAt(index) + " for one of epoch " + entry.epoch());
                }
                events.add(new SuffixDropped(index));
                end = index - 1;
            }
            events.add(new EntryAppended(entry));
            end = index;
        }
        return new Answer(events, new Quorum.Acked(nodeId, append.epoch(), append.sequence(), index));
    }
}
