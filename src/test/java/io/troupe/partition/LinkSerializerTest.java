package io.troupe.partition;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.troupe.partition.LinkMessage.Divergence;
import io.troupe.partition.LinkMessage.Piece;
import io.troupe.partition.LinkMessage.Position;
import io.troupe.partition.LinkMessage.Positions;
import io.troupe.partition.LinkMessage.Records;
import io.troupe.partition.LinkMessage.Restart;
import io.troupe.partition.LinkMessage.Session;
import java.io.NotSerializableException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.apache.kafka.common.Uuid;
import org.junit.jupiter.api.Test;

class LinkSerializerTest {
    private static final PartitionKey PARTITION = new PartitionKey(Uuid.randomUuid(), 3);
    private static final Session SESSION = new Session(17, 4);

    private final LinkSerializer serializer = new LinkSerializer();
    private final List<LinkMessage> messages = List.of(
            new Positions(2, SESSION, 5, 6, 7, List.of()),
            new Positions(
                    2,
                    SESSION,
                    5,
                    6,
                    7,
                    List.of(
                            new Position(PARTITION, 8, 9, 10, true),
                            new Position(PARTITION, 11, Position.GONE, -1, false))),
            new Records(1, 16, SESSION, 0, List.of()),
            new Records(
                    1,
                    16,
                    SESSION,
                    1,
                    List.of(
                            new Piece(PARTITION, 8, 100, 90, 80, 30, 20, List.of(bytes(4), bytes(6))),
                            new Divergence(PARTITION, 8, 7, 70, 60),
                            new Piece(PARTITION, 8, 110, 91, 80, 0, 0, List.of()))),
            new Restart(1, 16, null),
            new Restart(1, 16, SESSION));

    private static ByteBuffer bytes(int count) {
        byte[] bytes = new byte[count];
        Arrays.fill(bytes, (byte) count);
        return ByteBuffer.wrap(bytes);
    }

    @Test
    void whatIsReadIsWhatWasWritten() throws Exception {
        for (LinkMessage message : messages) {
            byte[] bytes = serializer.toBinary(message);
            same(message, serializer.fromBinary(bytes, serializer.manifest(message)));
        }
    }

    /** The transport's own buffers are direct, little endian and used again. */
    @Test
    void theTransportsBufferIsLeftAsItWas() throws Exception {
        for (LinkMessage message : messages) {
            ByteBuffer buffer = ByteBuffer.allocateDirect(1000).order(ByteOrder.LITTLE_ENDIAN);
            buffer.putInt(77);
            serializer.toBinary(message, buffer);
            assertEquals(ByteOrder.LITTLE_ENDIAN, buffer.order());
            buffer.flip();
            assertEquals(77, buffer.getInt());
            LinkMessage read = (LinkMessage) serializer.fromBinary(buffer, serializer.manifest(message));
            buffer.clear();
            buffer.put(new byte[1000]);
            same(message, read);
        }
    }

    @Test
    void aMessageIsNoLargerThanItsParts() {
        for (LinkMessage message : messages) {
            int bound = LinkSerializer.HEADER_BYTES;
            if (message instanceof Positions m) {
                bound += m.positions().size() * LinkSerializer.POSITION_BYTES;
            } else if (message instanceof Records m) {
                bound += m.items().size() * LinkSerializer.ITEM_BYTES + 10;
            }
            assertEquals(true, serializer.toBinary(message).length <= bound, message.toString());
        }
    }

    @Test
    void damagedBytesAreRefusedAsSuch() {
        Random random = new Random(5);
        for (LinkMessage message : messages) {
            byte[] bytes = serializer.toBinary(message);
            for (int i = 0; i < 2_000; i++) {
                byte[] damaged = Arrays.copyOf(bytes, random.nextInt(bytes.length + 1));
                if (damaged.length > 0 && random.nextBoolean()) {
                    damaged[random.nextInt(damaged.length)] = (byte) random.nextInt();
                }
                try {
                    serializer.fromBinary(damaged, serializer.manifest(message));
                } catch (NotSerializableException e) {
                    // As it should be; any other exception fails the test.
                }
            }
        }
        assertThrows(NotSerializableException.class, () -> serializer.fromBinary(new byte[4], "X"));
    }

    private static void same(LinkMessage expected, Object read) {
        if (!(expected instanceof Records records)) {
            assertEquals(expected, read);
            return;
        }
        Records got = (Records) read;
        assertEquals(records.items().size(), got.items().size());
        for (int i = 0; i < records.items().size(); i++) {
            if (records.items().get(i) instanceof Piece piece) {
                Piece other = (Piece) got.items().get(i);
                assertEquals(joined(piece), joined(other));
                assertEquals(withoutBytes(piece), withoutBytes(other));
            } else {
                assertEquals(records.items().get(i), got.items().get(i));
            }
        }
        assertEquals(
                new Records(records.leader(), records.brokerEpoch(), records.session(), records.number(), List.of()),
                new Records(got.leader(), got.brokerEpoch(), got.session(), got.number(), List.of()));
    }

    private static ByteBuffer joined(Piece piece) {
        ByteBuffer all = ByteBuffer.allocate(piece.sizeInBytes());
        piece.bytes().forEach(buffer -> all.put(buffer.duplicate()));
        return all.flip();
    }

    private static Piece withoutBytes(Piece piece) {
        return new Piece(
                piece.partition(),
                piece.leaderEpoch(),
                piece.offset(),
                piece.highWatermark(),
                piece.logStartOffset(),
                piece.totalBytes(),
                piece.at(),
                List.of());
    }
}
