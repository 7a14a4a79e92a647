package io.troupe.partition;

import io.troupe.partition.LinkMessage.Divergence;
import io.troupe.partition.LinkMessage.Item;
import io.troupe.partition.LinkMessage.Piece;
import io.troupe.partition.LinkMessage.Position;
import io.troupe.partition.LinkMessage.Positions;
import io.troupe.partition.LinkMessage.Records;
import io.troupe.partition.LinkMessage.Restart;
import io.troupe.partition.LinkMessage.Session;
import java.io.NotSerializableException;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.common.Uuid;
import org.apache.pekko.actor.ExtendedActorSystem;
import org.apache.pekko.serialization.ByteBufferSerializer;
import org.apache.pekko.serialization.SerializerWithStringManifest;

/**
 * The bytes of every {@link LinkMessage}; big endian, counts and sizes as 4 bytes, offsets and epochs of brokers as 8.
 *
 * <pre>
 * P  follower, session, number, heard, taken bytes, count of positions: partition, LE, offset, last epoch, from (1 byte)
 * R  leader, BE, session, number, count of items, each a tag byte and its fields:
 *      0 piece       partition, LE, offset, HW, log start, total bytes, at, size, bytes
 *      1 divergence  partition, LE, epoch, end offset, log start
 * S  leader, BE, 1 byte whether a session follows, session
 *
 * partition: topic id (16), number (4); session: BE (8), run (8)
 * </pre>
 *
 * <p>Record bytes are copied once on each side: into the transport's buffer, and out of it into one array for a message.
 */
public final class LinkSerializer extends SerializerWithStringManifest implements ByteBufferSerializer {
    /** Of a message without record bytes and of each item beside its bytes, at most. */
    static final int HEADER_BYTES = 64;

    static final int ITEM_BYTES = 72;
    static final int POSITION_BYTES = 37;

    private static final int IDENTIFIER = 7302;
    private static final byte PIECE = 0;
    private static final byte DIVERGENCE = 1;

    /** Called by Pekko. */
    public LinkSerializer(ExtendedActorSystem system) {}

    LinkSerializer() {}

    @Override
    public int identifier() {
        return IDENTIFIER;
    }

    @Override
    public String manifest(Object message) {
        if (message instanceof Records) {
            return "R";
        } else if (message instanceof Positions) {
            return "P";
        } else if (message instanceof Restart) {
            return "S";
        }
        throw new IllegalArgumentException("no message of a replica link: " + message.getClass());
    }

    @Override
    public byte[] toBinary(Object message) {
        ByteBuffer into = ByteBuffer.allocate(sizeOf((LinkMessage) message));
        put((LinkMessage) message, into);
        byte[] bytes = new byte[into.position()];
        into.flip().get(bytes);
        return bytes;
    }

    private static int sizeOf(LinkMessage message) {
        if (message instanceof Positions m) {
            return HEADER_BYTES + m.positions().size() * POSITION_BYTES;
        }
        int size = HEADER_BYTES;
        if (message instanceof Records m) {
            for (Item item : m.items()) {
                size += ITEM_BYTES + (item instanceof Piece piece ? piece.sizeInBytes() : 0);
            }
        }
        return size;
    }

    @Override
    public void toBinary(Object message, ByteBuffer into) {
        // The transport's buffers have the other order, and it goes on using them.
        ByteOrder before = into.order();
        into.order(ByteOrder.BIG_ENDIAN);
        put((LinkMessage) message, into);
        into.order(before);
    }

    private static void put(LinkMessage message, ByteBuffer into) {
        if (message instanceof Positions m) {
            into.putInt(m.follower());
            putSession(into, m.session());
            into.putLong(m.number()).putLong(m.heard()).putLong(m.takenBytes());
            into.putInt(m.positions().size());
            m.positions().forEach(position -> putPosition(into, position));
        } else if (message instanceof Records m) {
            into.putInt(m.leader()).putLong(m.brokerEpoch());
            putSession(into, m.session());
            into.putLong(m.number()).putInt(m.items().size());
            m.items().forEach(item -> putItem(into, item));
        } else if (message instanceof Restart m) {
            into.putInt(m.leader()).putLong(m.brokerEpoch()).put((byte) (m.session() == null ? 0 : 1));
            if (m.session() != null) {
                putSession(into, m.session());
            }
        }
    }

    private static void putSession(ByteBuffer into, Session session) {
        into.putLong(session.brokerEpoch()).putLong(session.run());
    }

    private static void putPartition(ByteBuffer into, PartitionKey partition) {
        into.putLong(partition.topicId().getMostSignificantBits());
        into.putLong(partition.topicId().getLeastSignificantBits()).putInt(partition.partition());
    }

    private static void putPosition(ByteBuffer into, Position position) {
        putPartition(into, position.partition());
        into.putInt(position.leaderEpoch()).putLong(position.offset()).putInt(position.lastEpoch());
        into.put((byte) (position.from() ? 1 : 0));
    }

    private static void putItem(ByteBuffer into, Item item) {
        into.put(item instanceof Piece ? PIECE : DIVERGENCE);
        putPartition(into, item.partition());
        into.putInt(item.leaderEpoch());
        if (item instanceof Piece piece) {
            into.putLong(piece.offset()).putLong(piece.highWatermark()).putLong(piece.logStartOffset());
            into.putInt(piece.totalBytes()).putInt(piece.at()).putInt(piece.sizeInBytes());
            // Several links send the same buffers at once.
            piece.bytes().forEach(buffer -> into.put(buffer.duplicate()));
        } else if (item instanceof Divergence divergence) {
            into.putInt(divergence.epoch()).putLong(divergence.endOffset()).putLong(divergence.logStartOffset());
        }
    }

    @Override
    public Object fromBinary(byte[] bytes, String manifest) throws NotSerializableException {
        return fromBinary(ByteBuffer.wrap(bytes), manifest);
    }

    @Override
    public Object fromBinary(ByteBuffer from, String manifest) throws NotSerializableException {
        try {
            // The transport uses its buffer again.
            ByteBuffer own = ByteBuffer.allocate(from.remaining()).put(from).flip();
            return switch (manifest) {
                case "R" -> getRecords(own);
                case "P" ->
                    new Positions(
                            own.getInt(),
                            getSession(own),
                            own.getLong(),
                            own.getLong(),
                            own.getLong(),
                            getPositions(own));
                case "S" -> new Restart(own.getInt(), own.getLong(), own.get() == 0 ? null : getSession(own));
                default -> throw new IllegalArgumentException("sent by a newer version of Troupe");
            };
        } catch (BufferUnderflowException | IllegalArgumentException | IndexOutOfBoundsException e) {
            throw new NotSerializableException("message '" + manifest + "' of a replica link: " + e);
        }
    }

    private static Session getSession(ByteBuffer from) {
        return new Session(from.getLong(), from.getLong());
    }

    private static PartitionKey getPartition(ByteBuffer from) {
        return new PartitionKey(new Uuid(from.getLong(), from.getLong()), from.getInt());
    }

    private static List<Position> getPositions(ByteBuffer from) {
        int count = count(from, POSITION_BYTES);
        List<Position> positions = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            positions.add(
                    new Position(getPartition(from), from.getInt(), from.getLong(), from.getInt(), from.get() != 0));
        }
        return positions;
    }

    private static Records getRecords(ByteBuffer from) {
        int leader = from.getInt();
        long brokerEpoch = from.getLong();
        Session session = getSession(from);
        long number = from.getLong();
        int count = count(from, 1);
        List<Item> items = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            items.add(getItem(from));
        }
        return new Records(leader, brokerEpoch, session, number, items);
    }

    private static Item getItem(ByteBuffer from) {
        byte tag = from.get();
        PartitionKey partition = getPartition(from);
        int leaderEpoch = from.getInt();
        if (tag == DIVERGENCE) {
            return new Divergence(partition, leaderEpoch, from.getInt(), from.getLong(), from.getLong());
        }
        if (tag != PIECE) {
            throw new IllegalArgumentException("unknown item " + tag);
        }
        long offset = from.getLong();
        long highWatermark = from.getLong();
        long logStartOffset = from.getLong();
        int totalBytes = from.getInt();
        int at = from.getInt();
        int size = count(from, 1);
        if (at < 0 || totalBytes < 0 || size > totalBytes - at) {
            throw new IllegalArgumentException(size + " bytes at " + at + " of " + totalBytes);
        }
        ByteBuffer bytes = from.slice(from.position(), size);
        from.position(from.position() + size);
        return new Piece(
                partition,
                leaderEpoch,
                offset,
                highWatermark,
                logStartOffset,
                totalBytes,
                at,
                size == 0 ? List.of() : List.of(bytes));
    }

    /** No more than what is left may hold. */
    private static int count(ByteBuffer from, int least) {
        int count = from.getInt();
        if (count < 0 || count > from.remaining() / least) {
            throw new IllegalArgumentException("a count of " + count + " in " + from.remaining() + " bytes");
        }
        return count;
    }
}
