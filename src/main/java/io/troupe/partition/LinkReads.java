package io.troupe.partition;

import io.troupe.partition.LinkMessage.Divergence;
import io.troupe.partition.LinkOutbox.Data;
import io.troupe.record.BatchHeader;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Reads for a link's followers that are behind: a message at a time, in turn. Pure; owned by one {@link LeaderLinkCore}, which knows where
 * the followers stand.
 *
 * <p>Reads leave a quarter of the window to what is appended now. One batch too large for a message goes in pieces, one such batch at a time.
 */
final class LinkReads {
    private static final int READ_WINDOW_BYTES = LeaderLinkCore.WINDOW_BYTES / 4 * 3;
    private static final int MAX_READS = 2;

    /**
     * What was read.
     *
     * @param offset as asked; the first batch may begin before it
     * @param endOffset exclusive
     * @param totalBytes of the batches; more than there are in {@code bytes} when it is a piece of one
     * @param at where this piece begins
     */
    record Chunk(long offset, long endOffset, int totalBytes, int at, ByteBuffer bytes) {
        boolean isLast() {
            return at + bytes.remaining() == totalBytes;
        }

        /**
         * Where a log must begin to go on with what was read: a log start that lies inside a batch (DeleteRecords) leaves the whole batch in
         * the log, and with it what a copy of the log begins with.
         */
        long beginning() {
            return Math.min(offset, BatchHeader.baseOffset(bytes, bytes.position()));
        }
    }

    private final Map<PartitionKey, LinkFeed> feeds;
    private final LinkOutbox outbox;
    private final Throttle throttle;
    private final LeaderLinkCore.Port port;
    private final ArrayDeque<PartitionKey> behind = new ArrayDeque<>();
    /** To be looked at with the next beat: they were read for in vain. */
    private final Set<PartitionKey> again = new HashSet<>();
    /** Which have a large batch next, while another's is under way. */
    private final ArrayDeque<PartitionKey> largeNext = new ArrayDeque<>();

    private PartitionKey large;
    private int underWay;

    /** @param feeds the followers; theirs who made this */
    LinkReads(Map<PartitionKey, LinkFeed> feeds, LinkOutbox outbox, Throttle throttle, LeaderLinkCore.Port port) {
        this.feeds = feeds;
        this.outbox = outbox;
        this.throttle = throttle;
        this.port = port;
    }

    /** There are no followers any more; reads under way are still answered. */
    void clear() {
        behind.clear();
        again.clear();
        largeNext.clear();
        large = null;
    }

    /** One that is no follower any more. */
    void drop(PartitionKey partition) {
        again.remove(partition);
        largeNext.remove(partition);
        port.letGo(partition);
        if (partition.equals(large)) {
            nextLarge();
        }
    }

    /** It is behind, and idle. */
    void queue(PartitionKey partition, LinkFeed feed) {
        feed.queued = true;
        behind.addLast(partition);
    }

    void queueWhenBehind(PartitionKey partition, LinkFeed feed, LogView view) {
        if (feed.valid && feed.isIdle() && feed.next < view.logEndOffset()) {
            queue(partition, feed);
        }
    }

    /** Reads for those that are behind, as far as the window goes. */
    void pump() {
        while (underWay < MAX_READS
                && !behind.isEmpty()
                && outbox.inFlight() + (underWay + 1L) * LinkOutbox.MESSAGE_BYTES <= READ_WINDOW_BYTES) {
            PartitionKey partition = behind.pollFirst();
            LinkFeed feed = feeds.get(partition);
            if (feed == null || !feed.queued) {
                continue;
            }
            feed.queued = false;
            LogView view = port.view(partition);
            if (view == null || view.leaderEpoch() != feed.position.leaderEpoch()) {
                feed.valid = false;
            } else if (feed.largeAt > 0) {
                feed.reading = true;
                underWay++;
                port.readOn(partition, feed.run);
            } else if (mustWait(partition, feed)) {
                feed.held = true;
                again.add(partition);
            } else if (feed.next < view.logStartOffset() && view.logStartOffset() == view.logEndOffset()) {
                beginAt(partition, feed, view.logStartOffset());
            } else if (feed.next < view.logEndOffset()) {
                feed.reading = true;
                underWay++;
                port.read(
                        partition,
                        feed.run,
                        view,
                        Math.max(feed.next, view.logStartOffset()),
                        LinkOutbox.MESSAGE_BYTES);
            }
        }
    }

    /** A throttled follower is sent one message at a time, each when there is room for it and the follower says so. */
    private boolean mustWait(PartitionKey partition, LinkFeed feed) {
        return throttle.holds(partition) && (feed.position.offset() < feed.next || !throttle.hasRoom(partition));
    }

    /** The follower is to begin there with an empty log. */
    private void beginAt(PartitionKey partition, LinkFeed feed, long offset) {
        feed.valid = false;
        outbox.add(new Divergence(partition, feed.position.leaderEpoch(), -1, offset, offset));
    }

    /** @param chunk null when nothing could be read; that is tried again with the next beat */
    void read(PartitionKey partition, long run, Chunk chunk) {
        underWay--;
        LinkFeed feed = feeds.get(partition);
        if (feed == null || feed.run != run) {
            pump();
            return;
        }
        feed.reading = false;
        if (chunk == null || !chunk.bytes().hasRemaining()) {
            feed.largeAt = 0;
            port.letGo(partition);
            if (partition.equals(large)) {
                nextLarge();
            }
            again.add(partition);
        } else if (feed.beginsElsewhere(chunk)) {
            port.letGo(partition);
            beginAt(partition, feed, chunk.beginning());
        } else if (!chunk.isLast() && large != null && !large.equals(partition)) {
            port.letGo(partition);
            largeNext.add(partition);
        } else {
            send(partition, feed, chunk);
        }
        pump();
    }

    private void send(PartitionKey partition, LinkFeed feed, Chunk chunk) {
        outbox.add(new Data(
                partition,
                feed.position.leaderEpoch(),
                feed.next,
                chunk.totalBytes(),
                chunk.at(),
                List.of(chunk.bytes())));
        throttle.passed(partition, chunk.bytes().remaining());
        if (!chunk.isLast()) {
            large = partition;
            feed.largeAt = chunk.at() + chunk.bytes().remaining();
            feed.queued = true;
            behind.addFirst(partition);
            return;
        }
        feed.largeAt = 0;
        feed.next = chunk.endOffset();
        if (partition.equals(large)) {
            nextLarge();
        }
        LogView view = port.view(partition);
        if (view != null) {
            queueWhenBehind(partition, feed, view);
        }
    }

    private void nextLarge() {
        large = null;
        PartitionKey next = largeNext.poll();
        LinkFeed feed = next == null ? null : feeds.get(next);
        if (feed != null && feed.isIdle()) {
            queue(next, feed);
        }
    }

    /** Looks again at what was read for in vain, or waits for its throttle; then call {@link #pump}. */
    void tryAgain() {
        List.copyOf(again).forEach(this::tryAgain);
        again.clear();
    }

    private void tryAgain(PartitionKey partition) {
        LinkFeed feed = feeds.get(partition);
        LogView view = port.view(partition);
        if (feed != null && view != null) {
            feed.held = false;
            queueWhenBehind(partition, feed, view);
        }
    }
}
