package io.troupe.partition;

import io.troupe.journal.LogAppend;
import io.troupe.record.BatchHeader;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;

/**
 * Batches on their way into a log, in offset order: some wait, one group of them is in flight. Owned by one {@link LeaderState} or
 * {@link FollowerState}.
 *
 * <p>Offsets, each exclusive: {@code persistedEnd <= nextOffset}; a group in flight ends between the two.
 */
final class AppendQueue {
    private static final int FEW = 64;

    private final ArrayDeque<ByteBuffer> waiting = new ArrayDeque<>();
    private long persistedEnd;
    private long inFlightEnd = -1;
    private long nextOffset;

    AppendQueue(long logEndOffset) {
        persistedEnd = logEndOffset;
        nextOffset = logEndOffset;
    }

    /** LEO: what is on disk. */
    long persistedEnd() {
        return persistedEnd;
    }

    /** Where all that was added ends. */
    long nextOffset() {
        return nextOffset;
    }

    boolean isWriting() {
        return inFlightEnd >= 0;
    }

    /** @param batches whole ones that begin at {@link #nextOffset}, to be written together */
    void add(ByteBuffer batches, long endOffset) {
        waiting.add(batches);
        nextOffset = endOffset;
    }

    /** What waits never was; what is being written is not forgotten. */
    void forgetWaiting() {
        waiting.clear();
        nextOffset = isWriting() ? inFlightEnd : persistedEnd;
    }

    /** Takes what waits, up to about {@code maxBytes}, as one group to persist; null while one is in flight or none waits. */
    LogAppend nextGroup(int maxBytes) {
        if (isWriting() || waiting.isEmpty()) {
            return null;
        }
        List<ByteBuffer> buffers = new ArrayList<>(Math.min(waiting.size(), FEW));
        int bytes = 0;
        while (!waiting.isEmpty()) {
            int size = waiting.peek().remaining();
            if (bytes > 0 && bytes + (long) size > maxBytes) {
                break;
            }
            buffers.add(waiting.poll());
            bytes += size;
        }
        inFlightEnd = BatchHeader.endOffset(buffers.get(buffers.size() - 1));
        return new LogAppend(persistedEnd, inFlightEnd, buffers, bytes);
    }

    /** The group in flight is on disk. */
    void persisted(long endOffset) {
        if (endOffset != inFlightEnd) {
            throw new IllegalStateException("persisted to " + endOffset + ", but " + inFlightEnd + " is in flight");
        }
        inFlightEnd = -1;
        persistedEnd = endOffset;
    }
}
