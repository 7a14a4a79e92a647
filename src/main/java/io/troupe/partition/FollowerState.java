package io.troupe.partition;

import io.troupe.journal.JournalCommand.EpochStart;
import io.troupe.journal.LogAppend;
import io.troupe.partition.LinkMessage.Divergence;
import io.troupe.record.BatchHeader;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * What a follower decides: which batches come next in its log, how far the HW may go, where to cut. Pure: no Pekko, clock or
 * I/O; owned by one Replica, made anew each time its log is opened.
 *
 * <p>Offsets, each exclusive: {@code hw <= persistedEnd <= nextOffset}. Batches are stored byte for byte as the leader has
 * them, offsets and epochs included; those that are here already, as repetitions are, are left out by their offsets.
 */
final class FollowerState {
    /** Pieces of this size are written as one; a segment ends between two. */
    private static final int PIECE_BYTES = 64 << 10;

    /** What became of batches that came. */
    enum Taken {
        /** They wait to be persisted. */
        QUEUED,
        /** All are here already, or are of another epoch. */
        KNOWN,
        /** Something before them is missing. */
        GAP,
        /** They are not what the leader has. */
        DAMAGED
    }

    /**
     * How to make the log one that the leader's continues.
     *
     * @param offset where it ends then; when {@code empty}, where it begins too
     */
    record Cut(long offset, boolean empty) {
        /** Whether a log that ends at {@code logEnd} may lose records by it, and not only an epoch that has none. */
        boolean losesRecords(long logEnd) {
            return empty || offset < logEnd;
        }

        /** For the operator: what becomes of a log that ends at {@code logEnd}. */
        String told(long logEnd) {
            return (empty
                            ? "emptied, to begin anew at "
                            : offset < logEnd ? "cut at " : "no record is cut, it ends at ")
                    + offset;
        }
    }

    private final List<EpochStart> epochs;
    /** A copy to be shown; null when it has to be made anew. */
    private List<EpochStart> shownEpochs;
    /** Begun by batches that are not persisted yet. */
    private final List<EpochStart> comingEpochs = new ArrayList<>();

    private final AppendQueue queue;
    private int leaderEpoch = -1;
    private long logStartOffset;
    private long highWatermark;

    /** @param epochs of the log, ascending */
    FollowerState(List<EpochStart> epochs, long logStartOffset, long highWatermark, long logEndOffset) {
        this.epochs = new ArrayList<>(epochs);
        this.logStartOffset = logStartOffset;
        this.highWatermark = highWatermark;
        this.queue = new AppendQueue(logEndOffset);
    }

    int leaderEpoch() {
        return leaderEpoch;
    }

    /** LEO: what is on disk. */
    long persistedEnd() {
        return queue.persistedEnd();
    }

    long highWatermark() {
        return highWatermark;
    }

    long logStartOffset() {
        return logStartOffset;
    }

    /** Epochs of what is on disk, ascending; immutable. */
    List<EpochStart> epochs() {
        if (shownEpochs == null) {
            shownEpochs = List.copyOf(epochs);
        }
        return shownEpochs;
    }

    /** Where what has been taken ends. */
    long nextOffset() {
        return queue.nextOffset();
    }

    boolean isWriting() {
        return queue.isWriting();
    }

    /** The last epoch in what is on disk, -1 for none. */
    int lastEpoch() {
        return epochs.isEmpty() ? -1 : epochs.get(epochs.size() - 1).leaderEpoch();
    }

    /** Follows in another epoch: what waits is forgotten, what is being written is not. */
    void follow(int epoch) {
        leaderEpoch = epoch;
        forgetQueued();
    }

    void forgetQueued() {
        queue.forgetWaiting();
        comingEpochs.removeIf(epoch -> epoch.startOffset() >= queue.nextOffset());
    }

    /**
     * Takes batches that the leader sent, in offset order.
     *
     * @param offset where the log must end for them to come next
     */
    Taken admit(int epoch, long offset, ByteBuffer batches) {
        if (epoch != leaderEpoch) {
            return Taken.KNOWN;
        }
        if (offset > queue.nextOffset()) {
            return Taken.GAP;
        }
        int from = batches.position();
        int at = from;
        int last = lastComingEpoch();
        long next = queue.nextOffset();
        List<EpochStart> begun = new ArrayList<>(1);
        while (at < batches.limit()) {
            if (!isWhole(batches, at)) {
                return Taken.DAMAGED;
            }
            int size = BatchHeader.sizeInBytes(batches, at);
            long end = BatchHeader.lastOffset(batches, at) + 1;
            if (end <= next && at == from) {
                from += size;
            } else if (BatchHeader.baseOffset(batches, at) < next
                    || BatchHeader.leaderEpoch(batches, at) > leaderEpoch
                    || BatchHeader.leaderEpoch(batches, at) < last
                    || BatchHeader.computeCrc(batches, at) != BatchHeader.crc(batches, at)) {
                return Taken.DAMAGED;
            } else {
                if (BatchHeader.leaderEpoch(batches, at) > last) {
                    last = BatchHeader.leaderEpoch(batches, at);
                    begun.add(new EpochStart(last, BatchHeader.baseOffset(batches, at)));
                }
                next = end;
            }
            at += size;
        }
        if (from == batches.limit()) {
            return Taken.KNOWN;
        }
        queue(batches, from);
        comingEpochs.addAll(begun);
        return Taken.QUEUED;
    }

    private int lastComingEpoch() {
        return comingEpochs.isEmpty()
                ? lastEpoch()
                : comingEpochs.get(comingEpochs.size() - 1).leaderEpoch();
    }

    private static boolean isWhole(ByteBuffer b, int at) {
        int left = b.limit() - at;
        return left >= BatchHeader.SIZE
                && BatchHeader.sizeInBytes(b, at) >= BatchHeader.SIZE
                && BatchHeader.sizeInBytes(b, at) <= left
                && BatchHeader.magic(b, at) == BatchHeader.MAGIC_V2
                && BatchHeader.lastOffsetDelta(b, at) >= 0;
    }

    private void queue(ByteBuffer batches, int from) {
        int start = from;
        int at = from;
        while (at < batches.limit()) {
            long end = BatchHeader.lastOffset(batches, at) + 1;
            at += BatchHeader.sizeInBytes(batches, at);
            if (at - start >= PIECE_BYTES || at == batches.limit()) {
                queue.add(batches.slice(start, at - start), end);
                start = at;
            }
        }
    }

    /** As {@link AppendQueue#nextGroup}. */
    LogAppend nextGroup(int maxBytes) {
        return queue.nextGroup(maxBytes);
    }

    /** The group in flight is on disk. */
    void persisted(long endOffset) {
        queue.persisted(endOffset);
        while (!comingEpochs.isEmpty() && comingEpochs.get(0).startOffset() < endOffset) {
            epochs.add(comingEpochs.remove(0));
            shownEpochs = null;
        }
    }

    /** The leader's HW: what of it is here counts. */
    void highWatermark(long leaders) {
        highWatermark = Math.max(highWatermark, Math.min(leaders, persistedEnd()));
    }

    /** Where the log start is to move, given the leader's; -1 when it is there. */
    long logStartToReach(long leaders) {
        long reachable = Math.min(leaders, persistedEnd());
        return reachable > logStartOffset ? reachable : -1;
    }

    /** The log starts there now, durably. */
    void logStartMoved(long offset) {
        logStartOffset = Math.max(logStartOffset, offset);
    }

    /** Rule 1.12: what to cut when the leader's log is another; never the HW, always where the histories part. */
    Cut cut(Divergence divergence) {
        long end = LeaderEpochs.cut(epochs, logStartOffset, persistedEnd(), divergence);
        if (persistedEnd() < divergence.logStartOffset() || end < divergence.logStartOffset()) {
            return new Cut(divergence.logStartOffset(), true);
        }
        return new Cut(end, end < logStartOffset);
    }
}
