package io.troupe.partition;

import io.troupe.partition.LinkMessage.Divergence;
import io.troupe.partition.LinkMessage.Item;
import io.troupe.partition.LinkMessage.Piece;
import io.troupe.partition.LinkMessage.Position;
import io.troupe.partition.LinkMessage.Positions;
import io.troupe.partition.LinkMessage.Records;
import io.troupe.partition.LinkMessage.Restart;
import io.troupe.partition.LinkMessage.Session;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The follower's end of a replica link: tells one broker where this broker's followers of it stand, and hands on what comes.
 * Pure: no Pekko, clock or I/O; owned by one {@link FollowerLink}.
 *
 * <p>A gap in what comes, {@value #SILENCE_MS} ms without anything, or the leader's word begin a new session: every
 * follower's position is sent, and what comes is sent again from there. What that repeats, followers know by its offsets.
 */
final class FollowerLinkCore {
    static final long SILENCE_MS = 1_500;
    /** In one message, at most: some 200 KB. */
    private static final int MAX_POSITIONS = 5_000;

    /** What the core asks of its actor. */
    interface Port {
        void send(LinkMessage message);

        /**
         * For the follower of that partition in that leader epoch.
         *
         * @param batches whole batches, empty when only the offsets have changed
         * @param credit bytes to be told by {@link #at} when the batches need no memory any more
         * @param run of the session, to be told with them
         */
        void deliver(Piece offsets, ByteBuffer batches, int credit, long run);

        void diverged(Divergence divergence);
    }

    private record Followed(int leaderEpoch, long offset, int lastEpoch) {}

    /** A batch whose pieces are coming. */
    private record Assembly(int leaderEpoch, long offset, ByteBuffer batch) {}

    private final int brokerId;
    private final Port port;
    private final Throttle throttle;
    private final Map<PartitionKey, Followed> followed = new HashMap<>();
    private final Map<PartitionKey, Assembly> assemblies = new HashMap<>();
    /** To be told, by whether to send from there on. */
    private final Map<PartitionKey, Boolean> changed = new LinkedHashMap<>();

    /** Whose positions are not told before their throttle has room: their leaders wait for that. */
    private final Set<PartitionKey> held = new LinkedHashSet<>();

    private final List<PartitionKey> gone = new ArrayList<>();
    private Session session;
    private long number;
    private long expected;
    private long takenBytes;
    private long heardMs;
    private boolean answer;
    /** BE of the leader's broker, the greatest heard. */
    private long leaderEpoch = -1;

    FollowerLinkCore(int brokerId, Port port, Throttle throttle) {
        this.brokerId = brokerId;
        this.port = port;
        this.throttle = throttle;
    }

    /** Whether anything is followed, so that {@link #tick} must be called. */
    boolean isLive() {
        return !followed.isEmpty();
    }

    /**
     * A follower begins, or begins anew.
     *
     * @param brokerEpoch BE of this broker
     * @param offset its LEO
     * @param lastEpoch the last epoch in its log, -1 for none
     */
    void follow(PartitionKey partition, long brokerEpoch, int epoch, long offset, int lastEpoch, long nowMs) {
        boolean first = followed.isEmpty();
        followed.put(partition, new Followed(epoch, offset, lastEpoch));
        assemblies.remove(partition);
        gone.remove(partition);
        if (first || brokerEpoch > session.brokerEpoch()) {
            begin(Math.max(brokerEpoch, session == null ? -1 : session.brokerEpoch()), nowMs);
        } else {
            changed.put(partition, true);
        }
    }

    void unfollow(PartitionKey partition) {
        if (followed.remove(partition) != null) {
            assemblies.remove(partition);
            changed.remove(partition);
            held.remove(partition);
            gone.add(partition);
        }
    }

    /** A follower's log has grown, or it has let go of what was delivered. */
    void at(PartitionKey partition, int epoch, long offset, int lastEpoch, long run, int credit) {
        if (session != null && session.run() == run && credit > 0) {
            takenBytes += credit;
            answer = true;
        }
        Followed known = followed.get(partition);
        if (known != null && known.leaderEpoch == epoch && known.offset != offset) {
            followed.put(partition, new Followed(epoch, offset, lastEpoch));
            if (throttle.holds(partition) && !throttle.hasRoom(partition)) {
                held.add(partition);
            } else {
                changed.putIfAbsent(partition, false);
            }
        }
    }

    private boolean release(PartitionKey partition) {
        boolean released = !throttle.holds(partition) || throttle.hasRoom(partition);
        if (released) {
            changed.putIfAbsent(partition, false);
        }
        return released;
    }

    /** The leader's end may have changed its address, or process. */
    void restart(long nowMs) {
        if (!followed.isEmpty()) {
            begin(session.brokerEpoch(), nowMs);
        }
    }

    private void begin(long brokerEpoch, long nowMs) {
        // The first is one that another process, with a follower of another cluster, does not have by chance too.
        session = new Session(brokerEpoch, session == null ? Math.max(0, nowMs) : session.run() + 1);
        number = 0;
        expected = 0;
        takenBytes = 0;
        heardMs = nowMs;
        answer = false;
        assemblies.clear();
        gone.clear();
        changed.clear();
        held.clear();
        followed.keySet().forEach(partition -> changed.put(partition, true));
    }

    void restart(Restart asked, long nowMs) {
        if (asked.brokerEpoch() >= leaderEpoch
                && (asked.session() == null || asked.session().equals(session))) {
            restart(nowMs);
        }
    }

    void records(Records message, long nowMs) {
        if (message.brokerEpoch() < leaderEpoch
                || followed.isEmpty()
                || !message.session().equals(session)
                || message.number() < expected) {
            return;
        }
        // Only from whom this session's first message went to: anybody may name a great epoch.
        leaderEpoch = message.brokerEpoch();
        if (message.number() > expected) {
            begin(session.brokerEpoch(), nowMs);
            return;
        }
        expected++;
        heardMs = nowMs;
        boolean bytes = false;
        for (Item item : message.items()) {
            if (item instanceof Piece piece) {
                bytes |= piece.totalBytes() > 0;
                piece(piece);
            } else if (item instanceof Divergence divergence && follows(item)) {
                port.diverged(divergence);
            }
        }
        // What has bytes is answered when they are taken.
        answer |= !bytes;
    }

    private boolean follows(Item item) {
        Followed known = followed.get(item.partition());
        return known != null && known.leaderEpoch == item.leaderEpoch();
    }

    private void piece(Piece piece) {
        int size = piece.sizeInBytes();
        if (!follows(piece)) {
            take(size);
            return;
        }
        throttle.passed(piece.partition(), size);
        if (size == piece.totalBytes()) {
            assemblies.remove(piece.partition());
            ByteBuffer batches = piece.bytes().isEmpty()
                    ? ByteBuffer.allocate(0)
                    : piece.bytes().get(0);
            port.deliver(piece, batches, size, session.run());
        } else {
            assemble(piece);
            // Copied or of no use: either way the message's memory is free.
            take(size);
        }
    }

    private void take(int bytes) {
        if (bytes > 0) {
            takenBytes += bytes;
            answer = true;
        }
    }

    private void assemble(Piece piece) {
        PartitionKey partition = piece.partition();
        if (piece.at() == 0) {
            assemblies.put(
                    partition,
                    new Assembly(piece.leaderEpoch(), piece.offset(), ByteBuffer.allocate(piece.totalBytes())));
        }
        Assembly assembly = assemblies.get(partition);
        if (assembly == null
                || assembly.leaderEpoch != piece.leaderEpoch()
                || assembly.offset != piece.offset()
                || assembly.batch.position() != piece.at()
                || assembly.batch.capacity() != piece.totalBytes()) {
            assemblies.remove(partition);
            return;
        }
        piece.bytes().forEach(buffer -> assembly.batch.put(buffer.duplicate()));
        if (!assembly.batch.hasRemaining()) {
            assemblies.remove(partition);
            port.deliver(piece, assembly.batch.flip(), 0, session.run());
        }
    }

    /** Now and then. */
    void tick(long nowMs) {
        if (!followed.isEmpty() && nowMs - heardMs > SILENCE_MS) {
            begin(session.brokerEpoch(), nowMs);
        }
        held.removeIf(this::release);
    }

    /** Whether {@link #flush} would send anything. */
    boolean hasToSend() {
        return session != null && (answer || !changed.isEmpty() || !gone.isEmpty());
    }

    /** Sends what has gathered. */
    void flush() {
        if (!hasToSend()) {
            return;
        }
        List<Position> positions = new ArrayList<>(Math.min(MAX_POSITIONS, changed.size() + gone.size()));
        for (PartitionKey partition : gone) {
            positions = withRoom(positions);
            positions.add(new Position(partition, -1, Position.GONE, -1, false));
        }
        for (Map.Entry<PartitionKey, Boolean> change : changed.entrySet()) {
            positions = withRoom(positions);
            Followed at = followed.get(change.getKey());
            positions.add(new Position(change.getKey(), at.leaderEpoch, at.offset, at.lastEpoch, change.getValue()));
        }
        send(positions);
        gone.clear();
        changed.clear();
        answer = false;
    }

    private List<Position> withRoom(List<Position> positions) {
        if (positions.size() < MAX_POSITIONS) {
            return positions;
        }
        send(positions);
        return new ArrayList<>();
    }

    private void send(List<Position> positions) {
        port.send(new Positions(brokerId, session, number++, expected, takenBytes, positions));
    }
}
