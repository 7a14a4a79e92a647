package io.troupe.api;

import io.troupe.partition.Replica.FollowerStanding;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.common.protocol.types.RawTaggedField;

/**
 * How far a partition's followers have come, which Kafka's messages have no field for: a partition of ListOffsets that carries this tagged
 * field, empty, is answered by its leader with one that holds for each follower
 *
 * <pre>
 * 4 broker id | 8 log end offset, -1 when not heard from | 8 milliseconds behind, 0 when it has all
 * </pre>
 *
 * big-endian, one after the other.
 */
public final class FollowersTag {
    private static final int TAG = 10_001;
    private static final int SIZE = Integer.BYTES + 2 * Long.BYTES;

    private FollowersTag() {}

    public static RawTaggedField ask() {
        return new RawTaggedField(TAG, new byte[0]);
    }

    static boolean isIn(List<RawTaggedField> fields) {
        return fields.stream().anyMatch(f -> f.tag() == TAG);
    }

    public static RawTaggedField of(List<FollowerStanding> standings) {
        ByteBuffer bytes = ByteBuffer.allocate(standings.size() * SIZE);
        for (FollowerStanding standing : standings) {
            bytes.putInt(standing.brokerId()).putLong(standing.endOffset()).putLong(standing.behindMs());
        }
        return new RawTaggedField(TAG, bytes.array());
    }

    /** What was answered; empty when nothing was. */
    public static List<FollowerStanding> in(List<RawTaggedField> fields) {
        List<FollowerStanding> standings = new ArrayList<>();
        for (RawTaggedField field : fields) {
            if (field.tag() == TAG) {
                ByteBuffer bytes = ByteBuffer.wrap(field.data());
                while (bytes.remaining() >= SIZE) {
                    standings.add(new FollowerStanding(bytes.getInt(), bytes.getLong(), bytes.getLong()));
                }
            }
        }
        return standings;
    }
}
