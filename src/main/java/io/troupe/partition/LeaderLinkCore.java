package io.troupe.partition;

import io.troupe.journal.LogAppend;
import io.troupe.partition.LinkMessage.Divergence;
import io.troupe.partition.LinkMessage.Item;
import io.troupe.partition.LinkMessage.Piece;
import io.troupe.partition.LinkMessage.Position;
import io.troupe.partition.LinkMessage.Positions;
import io.troupe.partition.LinkMessage.Records;
import io.troupe.partition.LinkMessage.Restart;
import io.troupe.partition.LinkMessage.Session;
import io.troupe.partition.LinkOutbox.Data;
import io.troupe.record.BatchHeader;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The leader's end of a replica link: checks where one broker's followers stand (rules 1.2, 1.3) and sends them what comes
 * next. Pure: no Pekko, clock or I/O; owned by one {@link LeaderLink}.
 *
 * <p>A follower that has all is sent what its leader appends from memory, without a read. One that is behind is read for
 * ({@link LinkReads}), and so, always, is one that its {@link Throttle} holds. Bytes sent and not yet taken by the follower's end are at most
 * {@link #WINDOW_BYTES}.
 *
 * <p>Any gap in what the follower's end sends asks for a new session, which begins with all its positions.
 */
final class LeaderLinkCore {
    static final int WINDOW_BYTES = 8 << 20;
    /** After this the follower's end is given up; it begins a new session when it lives. */
    private static final long SILENCE_MS = 10_000;

    /** What the core asks of its actor; answers come as calls. */
    interface Port {
        /** What this broker's leader of a partition shows; null when it leads it not. */
        LogView view(PartitionKey partition);

        /** BE of the follower's broker in committed metadata; -1 when it is not registered. */
        long followerEpoch();

        /** BE of this broker, told with everything. */
        long ownEpoch();

        void send(LinkMessage message);

        /** Read from {@code offset} on, the whole batch that it lies in: then {@link #read}, once. */
        void read(PartitionKey partition, long run, LogView view, long offset, int maxBytes);

        /** Read the next piece of the large batch last read from: then {@link #read}, once. */
        void readOn(PartitionKey partition, long run);

        /** Let go of a large batch that was not read to its end, if there is one. */
        void letGo(PartitionKey partition);

        /** A follower's position that counts. */
        void followerAt(PartitionKey partition, int leaderEpoch, long brokerEpoch, long offset);
    }

    private final int brokerId;
    private final Port port;
    private final Throttle throttle;
    private final Map<PartitionKey, LinkFeed> feeds = new HashMap<>();
    private final LinkOutbox outbox = new LinkOutbox();
    private final LinkReads reads;
    /** Whose HW or log start the follower may not know yet. */
    private final Set<PartitionKey> untold = new LinkedHashSet<>();
    /** Those of them that are told with the next message, not with the next beat. */
    private final Set<PartitionKey> tellNext = new LinkedHashSet<>();

    private Session session;
    private long expected;
    private long runs;
    private long heardMs;
    private boolean sentSinceBeat;

    /** @param brokerId this broker */
    LeaderLinkCore(int brokerId, Port port, Throttle throttle) {
        this.brokerId = brokerId;
        this.port = port;
        this.throttle = throttle;
        this.reads = new LinkReads(feeds, outbox, throttle, port);
    }

    /** Whether that run is the present one. */
    boolean isCurrent(PartitionKey partition, long run) {
        LinkFeed feed = feeds.get(partition);
        return feed != null && feed.run == run;
    }

    /** Whether more of a large batch is to be read in that run. */
    boolean needsMore(PartitionKey partition, long run) {
        return isCurrent(partition, run) && feeds.get(partition).largeAt > 0;
    }

    /** Where the next piece of the large batch begins that is sent of a partition. */
    int largeAtOf(PartitionKey partition) {
        return feeds.get(partition).largeAt;
    }

    /** Whether there is a session, so that {@link #beat} must be called. */
    boolean isLive() {
        return session != null;
    }

    /** Asks the follower's end to say where it stands, as it does anyway when it hears nothing. */
    void greet() {
        port.send(new Restart(brokerId, port.ownEpoch(), session));
    }

    /** The follower's end has spoken. */
    void positions(Positions message, long nowMs) {
        if (message.session().brokerEpoch() != port.followerEpoch()) {
            // Of an earlier process; or of one that is not known here yet, and is greeted when it is; or of another
            // cluster, whose greater epoch must not keep out what the true follower says.
            return;
        }
        int newer = session == null ? 1 : message.session().compareTo(session);
        if (newer < 0 || newer == 0 && message.number() < expected) {
            return;
        }
        if (newer > 0 && message.number() == 0) {
            begin(message.session());
        } else if (newer > 0 || message.number() > expected) {
            port.send(new Restart(brokerId, port.ownEpoch(), message.session()));
            return;
        }
        expected = message.number() + 1;
        heardMs = nowMs;
        outbox.heard(message.heard(), message.takenBytes());
        message.positions().forEach(this::position);
        reads.pump();
    }

    private void begin(Session begun) {
        end();
        session = begun;
    }

    private void end() {
        session = null;
        feeds.keySet().forEach(port::letGo);
        feeds.clear();
        outbox.clear();
        reads.clear();
        untold.clear();
        tellNext.clear();
    }

    private void position(Position position) {
        PartitionKey partition = position.partition();
        if (position.offset() == Position.GONE) {
            drop(partition);
            return;
        }
        if (position.from()) {
            drop(partition);
            feeds.put(partition, new LinkFeed(++runs));
        }
        LinkFeed feed = feeds.get(partition);
        if (feed != null) {
            feed.position = position;
            examine(partition, feed);
        }
    }

    private void drop(PartitionKey partition) {
        feeds.remove(partition);
        untold.remove(partition);
        tellNext.remove(partition);
        reads.drop(partition);
    }

    /** Rules 1.2 and 1.3, in their order; what is ahead of this broker's metadata is kept until that has come. */
    private void examine(PartitionKey partition, LinkFeed feed) {
        Position position = feed.position;
        LogView view = port.view(partition);
        if (view == null || view.leaderEpoch() < position.leaderEpoch()) {
            feed.valid = false;
            return;
        }
        if (view.leaderEpoch() > position.leaderEpoch()) {
            // It will hear of the newer epoch from the metadata, and follow anew.
            drop(partition);
            return;
        }
        if (port.followerEpoch() != session.brokerEpoch() || !feed.valid && !position.from()) {
            return;
        }
        Divergence divergence = LeaderEpochs.divergence(view, position);
        if (divergence != null) {
            feed.valid = false;
            outbox.add(divergence);
            return;
        }
        // One without records may have to begin elsewhere yet: where it is counts only if there is nothing to begin
        // with.
        if (position.lastEpoch() >= 0 || view.logStartOffset() == view.logEndOffset()) {
            port.followerAt(partition, view.leaderEpoch(), session.brokerEpoch(), position.offset());
        }
        if (!feed.valid) {
            feed.valid = true;
            feed.next = position.offset();
            untold.add(partition);
            reads.queueWhenBehind(partition, feed, view);
        } else if (feed.held) {
            feed.held = false;
            reads.queueWhenBehind(partition, feed, view);
        }
    }

    /** This broker leads a partition, in another epoch than before. */
    void leads(PartitionKey partition) {
        LinkFeed feed = feeds.get(partition);
        if (feed != null) {
            examine(partition, feed);
            reads.pump();
        }
    }

    /** Committed metadata knows the follower's broker by another BE (rule 1.3: that voids what it told before). */
    void followerRegistered() {
        if (session != null && port.followerEpoch() != session.brokerEpoch()) {
            end();
        }
        greet();
    }

    /** A leader has these batches on its disk now; they may be sent from memory. */
    void appended(PartitionKey partition, int leaderEpoch, LogAppend group) {
        LinkFeed feed = feeds.get(partition);
        if (feed == null || !feed.valid || feed.position.leaderEpoch() != leaderEpoch) {
            return;
        }
        if (!feed.isIdle()) {
            return;
        }
        if (feed.next == group.baseOffset() && !throttle.holds(partition)) {
            pass(partition, feed, group);
        }
        // What its leader shows by now may be more, but that will be told like this.
        if (feed.next < group.endOffset()) {
            reads.queue(partition, feed);
            reads.pump();
        }
    }

    private void pass(PartitionKey partition, LinkFeed feed, LogAppend group) {
        List<ByteBuffer> buffers = new ArrayList<>(group.buffers().size());
        int size = 0;
        long end = feed.next;
        for (ByteBuffer buffer : group.buffers()) {
            int more = buffer.remaining();
            if (more > LinkOutbox.MESSAGE_BYTES || outbox.inFlight() + size + more > WINDOW_BYTES) {
                break;
            }
            if (size + more > LinkOutbox.MESSAGE_BYTES) {
                put(partition, feed, size, buffers);
                feed.next = end;
                buffers = new ArrayList<>();
                size = 0;
            }
            buffers.add(buffer);
            size += more;
            end = BatchHeader.endOffset(buffer);
        }
        if (size > 0) {
            put(partition, feed, size, buffers);
            feed.next = end;
        }
    }

    private void put(PartitionKey partition, LinkFeed feed, int size, List<ByteBuffer> buffers) {
        outbox.add(new Data(partition, feed.position.leaderEpoch(), feed.next, size, 0, buffers));
    }

    /** A leader shows something new, and what it has appended until now was not told here. */
    void moved(PartitionKey partition) {
        LinkFeed feed = feeds.get(partition);
        LogView view = port.view(partition);
        if (feed != null && view != null) {
            untold.add(partition);
            reads.queueWhenBehind(partition, feed, view);
            reads.pump();
        }
    }

    /** Its HW has moved, and somebody may be waiting for that at the follower. */
    void tellSoon(PartitionKey partition) {
        if (feeds.containsKey(partition)) {
            tellNext.add(partition);
        }
    }

    /** As {@link LinkReads#read}. */
    void read(PartitionKey partition, long run, LinkReads.Chunk chunk) {
        reads.read(partition, run, chunk);
    }

    /** Whether {@link #flush} would send anything. */
    boolean hasToSend() {
        return (!outbox.isEmpty() || !tellNext.isEmpty()) && outbox.hasRoom();
    }

    /** Sends what has gathered. */
    void flush() {
        tellNext.forEach(partition -> {
            if (!tellOffsets(partition)) {
                untold.add(partition);
            }
        });
        tellNext.clear();
        outbox.flush(this::withOffsets, this::send);
    }

    private void send(List<Item> items) {
        sentSinceBeat = true;
        port.send(new Records(brokerId, port.ownEpoch(), session, outbox.nextNumber(), items));
    }

    /** Null when this broker no longer leads in that epoch. */
    private Piece withOffsets(Data data) {
        LogView view = port.view(data.partition());
        LinkFeed feed = feeds.get(data.partition());
        if (view == null || view.leaderEpoch() != data.leaderEpoch() || feed == null) {
            return null;
        }
        feed.told(view);
        untold.add(data.partition());
        return new Piece(
                data.partition(),
                data.leaderEpoch(),
                data.offset(),
                view.highWatermark(),
                view.logStartOffset(),
                data.totalBytes(),
                data.at(),
                data.bytes());
    }

    /** Every half second: tells what changed since, tries again what failed, and shows that this end lives. */
    void beat(long nowMs) {
        if (session == null) {
            return;
        }
        if (nowMs - heardMs > SILENCE_MS) {
            end();
            return;
        }
        reads.tryAgain();
        untold.removeIf(this::tellOffsets);
        reads.pump();
        flush();
        if (!sentSinceBeat) {
            send(List.of());
        }
        sentSinceBeat = false;
    }

    /** @return whether there is nothing left to tell until something happens */
    private boolean tellOffsets(PartitionKey partition) {
        LinkFeed feed = feeds.get(partition);
        LogView view = port.view(partition);
        if (feed == null || !feed.valid || view == null || view.leaderEpoch() != feed.position.leaderEpoch()) {
            return true;
        }
        if (!feed.wasTold(view)) {
            outbox.add(new Data(partition, view.leaderEpoch(), feed.next, 0, 0, List.of()));
            feed.told(view);
        }
        return feed.wasToldAll(view);
    }
}
