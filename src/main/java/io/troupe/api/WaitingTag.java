package io.troupe.api;

import java.nio.ByteBuffer;
import java.util.List;
import org.apache.kafka.common.protocol.types.RawTaggedField;

/**
 * How long records have been waiting for a reader, which Kafka's messages have no field for: a partition of ListOffsets that carries an offset
 * in a tagged field is answered with one that holds the time of the first record from there on, in milliseconds since 1970; with
 * none when there is no such record. Both are 8 bytes, big-endian. {@code troupe-consumer-groups.sh --lag-seconds} asks so.
 */
public final class WaitingTag {
    private WaitingTag() {}

    /** The offset that is asked for, or the time that is answered; null for none. */
    public static Long in(List<RawTaggedField> fields) {
        for (RawTaggedField field : fields) {
            if (field.tag() == EpochTag.TAG && field.size() == Long.BYTES) {
                return ByteBuffer.wrap(field.data()).getLong();
            }
        }
        return null;
    }

    /** @param value an offset to ask with, or a time to answer with */
    public static RawTaggedField of(long value) {
        return new RawTaggedField(
                EpochTag.TAG, ByteBuffer.allocate(Long.BYTES).putLong(value).array());
    }
}
