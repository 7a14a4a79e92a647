package io.troupe.journal;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.apache.kafka.common.Uuid;

/**
 * One record of {@code meta.log}.
 *
 * <pre>
 * size  field
 *    4  bytes that follow the CRC
 *    4  CRC-32C of them
 *    1  kind
 *   16  topic id    (zero for records about the whole log dir)
 *    4  partition
 *    8  a           (meaning below)
 *    8  b
 *    -  topic name  (UTF-8, to the end; only LOG)
 * </pre>
 */
record MetaRecord(Kind kind, LogId id, long a, long b, String topic) {
    static final int FRAME_BYTES = 8;
    static final int FIXED_BYTES = 37;
    /** A topic's name has at most 249 characters, all ASCII; anything longer is garbage. */
    static final int MAX_BODY_BYTES = FIXED_BYTES + 1024;

    private static final LogId WHOLE_DIR = new LogId(Uuid.ZERO_UUID, 0);

    /** Ordinals are stored: only add at the end. */
    enum Kind {
        /** The dir is in use. */
        DIR_OPENED,
        /** The dir was closed in order; a = broker epoch. */
        DIR_CLOSED,
        /** A log exists; its directory is topic-partition. */
        LOG,
        /** a = log start offset. */
        LOG_START,
        /** a = leader epoch, b = its start offset. */
        EPOCH,
        /** a = end offset: epochs that start there or beyond are void. */
        EPOCHS_CUT,
        /** a = HW. */
        HIGH_WATERMARK,
        /** a = recovery point. */
        RECOVERY_POINT,
        /** The log is in use. */
        LOG_OPENED,
        /** The log was closed in order; a = LEO, b = bytes of its last segment. */
        LOG_CLOSED,
        /** The log is deleted. */
        LOG_REMOVED,
        /** a = where the last cleaning of a compacted log ended. */
        CLEANED,
        /** a = log start = LEO: whatever its files still hold is void, until LOG_CLOSED tells that they are gone. */
        EMPTIED
    }

    private static final Kind[] KINDS = Kind.values();

    static MetaRecord of(Kind kind, LogId id, long a, long b) {
        return new MetaRecord(kind, id, a, b, "");
    }

    static MetaRecord log(LogId id, String topic) {
        return new MetaRecord(Kind.LOG, id, 0, 0, topic);
    }

    static MetaRecord dir(Kind kind, long a) {
        return new MetaRecord(kind, WHOLE_DIR, a, 0, "");
    }

    ByteBuffer encode() {
        byte[] name = topic.getBytes(StandardCharsets.UTF_8);
        ByteBuffer out = ByteBuffer.allocate(FRAME_BYTES + FIXED_BYTES + name.length);
        out.position(FRAME_BYTES);
        out.put((byte) kind.ordinal())
                .putLong(id.topicId().getMostSignificantBits())
                .putLong(id.topicId().getLeastSignificantBits())
                .putInt(id.partition())
                .putLong(a)
                .putLong(b)
                .put(name);
        out.putInt(0, FIXED_BYTES + name.length);
        out.putInt(4, Checksum.crc32c(out, FRAME_BYTES, FIXED_BYTES + name.length));
        return out.flip();
    }

    /** Reads a body whose CRC was right; null for a kind of a later version. */
    static MetaRecord decode(ByteBuffer body) {
        int ordinal = body.get();
        LogId id = new LogId(new Uuid(body.getLong(), body.getLong()), body.getInt());
        long a = body.getLong();
        long b = body.getLong();
        if (ordinal < 0 || ordinal >= KINDS.length) {
            return null;
        }
        return new MetaRecord(
                KINDS[ordinal], id, a, b, StandardCharsets.UTF_8.decode(body).toString());
    }
}
