package io.troupe.record;

import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * Tells what a control batch says. Its one record's key is
 *
 * <pre>
 * size  field
 *    2  version
 *    2  type      (0 abort, 1 commit; others belong to Kafka's own quorum)
 * </pre>
 */
public enum ControlBatch {
    ABORT,
    COMMIT,
    /** No end of a transaction. */
    OTHER;

    private static final int KEY_BYTES = 4;
    private static final long MAX_BYTES = 1 << 20;

    /**
     * What the control batch at {@code at} says; {@link #OTHER} also for one that compaction has emptied.
     *
     * @throws IOException when its record cannot be read
     */
    public static ControlBatch of(ByteBuffer batches, int at) throws IOException {
        try (RecordStream stream = new RecordStream(batches, at, MAX_BYTES)) {
            if (!stream.hasNext()) {
                return OTHER;
            }
            ByteBuffer key = stream.next().key();
            if (key == null || key.remaining() < KEY_BYTES) {
                throw new IOException("a control record's key is cut short");
            }
            return switch (key.getShort(2)) {
                case 0 -> ABORT;
                case 1 -> COMMIT;
                default -> OTHER;
            };
        }
    }
}
