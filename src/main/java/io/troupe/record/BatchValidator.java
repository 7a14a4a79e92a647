package io.troupe.record;

import io.troupe.config.LogConfig;
import io.troupe.model.Refusal;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.record.TimestampType;

/**
 * Judges what a client wants appended to a partition, before it reaches the partition: the header and the CRC, never the
 * records themselves, save on a compacted topic, where each needs a key. Pure; any thread; cost is one pass of CRC-32C.
 */
public final class BatchValidator {
    private static final int MAX_COMPRESSION_ID = 4;
    private static final long NO_TIMESTAMP = -1;

    /** The verdict on one partition's records. */
    public sealed interface Result {}

    /**
     * Append this.
     *
     * @param batch exactly one batch, from position 0 to its limit; shares its bytes with what was validated
     * @param logAppendTimeMs the time stamped on it, -1 with CreateTime
     */
    public record Valid(ByteBuffer batch, long logAppendTimeMs) implements Result {}

    public record Refused(Refusal refusal) implements Result {}

    private BatchValidator() {}

    /**
     * Judges one partition's records of a produce request, and stamps LogAppendTime where the topic wants it.
     *
     * @param records from position to limit, handed over; null counts as empty
     * @param internal written by the broker itself: may be a control batch
     * @param budget of the request that brought them
     */
    public static Result validate(
            ByteBuffer records, LogConfig config, boolean internal, long nowMs, UnpackBudget budget) {
        if (records == null || records.remaining() < BatchHeader.SIZE) {
            return refuse(
                    Errors.INVALID_RECORD,
                    "exactly one record batch is expected, but " + (records == null ? 0 : records.remaining())
                            + " bytes came");
        }
        ByteBuffer batch = records.slice();
        Refusal refusal = checkShape(batch, config);
        if (refusal == null) {
            refusal = checkContents(batch, config, internal, budget);
        }
        if (refusal != null) {
            return new Refused(refusal);
        }
        if (config.messageTimestampType() == TimestampType.LOG_APPEND_TIME) {
            BatchHeader.stampLogAppendTime(batch, 0, nowMs);
            return new Valid(batch, nowMs);
        }
        refusal = checkTimestamps(batch, config, nowMs);
        return refusal == null ? new Valid(batch, NO_TIMESTAMP) : new Refused(refusal);
    }

    private static Refusal checkShape(ByteBuffer b, LogConfig config) {
        byte magic = BatchHeader.magic(b, 0);
        if (magic != BatchHeader.MAGIC_V2) {
            return magic == 0 || magic == 1
                    ? new Refusal(Errors.INVALID_RECORD, "record batches must have magic 2, not " + magic)
                    : new Refusal(Errors.CORRUPT_MESSAGE, "unknown magic " + magic + " in a record batch");
        }
        long size = (long) BatchHeader.sizeInBytes(b, 0);
        if (size < BatchHeader.SIZE) {
            return new Refusal(Errors.CORRUPT_MESSAGE, "a record batch cannot be " + size + " bytes long");
        }
        if (size != b.remaining()) {
            return new Refusal(
                    Errors.INVALID_RECORD,
                    "exactly one whole record batch is expected: the first has " + size + " bytes, " + b.remaining()
                            + " came");
        }
        if (size > config.maxMessageBytes()) {
            return new Refusal(
                    Errors.MESSAGE_TOO_LARGE,
                    "the record batch has " + size + " bytes, max.message.bytes allows " + config.maxMessageBytes());
        }
        if (BatchHeader.crc(b, 0) != BatchHeader.computeCrc(b, 0)) {
            return new Refusal(Errors.CORRUPT_MESSAGE, "the record batch fails its CRC");
        }
        return null;
    }

    private static Refusal checkContents(ByteBuffer b, LogConfig config, boolean internal, UnpackBudget budget) {
        if (BatchHeader.baseOffset(b, 0) != 0) {
            return invalid("a producer's batch must have base offset 0, not " + BatchHeader.baseOffset(b, 0));
        }
        int count = BatchHeader.recordsCount(b, 0);
        long offsets = BatchHeader.lastOffsetDelta(b, 0) + 1L;
        if (count <= 0 || count != offsets) {
            return invalid(
                    "a batch of " + count + " records spans " + offsets + " offsets; both must be equal, from 1");
        }
        if (BatchHeader.compressionId(b, 0) > MAX_COMPRESSION_ID) {
            return new Refusal(
                    Errors.UNSUPPORTED_COMPRESSION_TYPE,
                    "unknown compression codec " + BatchHeader.compressionId(b, 0) + ", 0 to 4 are known");
        }
        if (BatchHeader.isControl(b, 0)) {
            return internal ? null : invalid("clients cannot write control batches");
        }
        Refusal refusal = checkProducer(b);
        return refusal == null && config.compacted() ? checkRecords(b, budget) : refusal;
    }

    private static Refusal checkProducer(ByteBuffer b) {
        if (BatchHeader.isTransactional(b, 0)) {
            return new Refusal(
                    Errors.UNSUPPORTED_VERSION, "this broker does not serve transactions: unset transactional.id");
        }
        long producerId = BatchHeader.producerId(b, 0);
        if (producerId == BatchHeader.NO_PRODUCER_ID) {
            return null;
        }
        if (producerId < 0 || BatchHeader.producerEpoch(b, 0) < 0 || BatchHeader.baseSequence(b, 0) < 0) {
            return invalid("a batch of producer " + producerId + " has epoch " + BatchHeader.producerEpoch(b, 0)
                    + " and sequence " + BatchHeader.baseSequence(b, 0) + "; none may be negative");
        }
        return null;
    }

    /** Reads all records through, for their keys; nothing is kept of them. */
    private static Refusal checkRecords(ByteBuffer b, UnpackBudget budget) {
        try (RecordStream stream = new RecordStream(b, 0, budget.left())) {
            try {
                for (int i = 0; stream.hasNext(); i++) {
                    Batches.Position record = stream.skipNext();
                    if (record.offset() != i) {
                        return invalid("record " + i + " has offset delta " + record.offset());
                    }
                    if (!record.hasKey()) {
                        return invalid("record " + i + " has no key, which a compacted topic requires");
                    }
                }
                stream.requireEnd();
                return null;
            } finally {
                budget.spend(stream.consumed());
            }
        } catch (IOException | RuntimeException e) {
            // Codecs throw their own unchecked exceptions at damaged input.
            return invalid("the records cannot be read: " + e.getMessage());
        }
    }

    private static Refusal checkTimestamps(ByteBuffer b, LogConfig config, long nowMs) {
        if (BatchHeader.isLogAppendTime(b, 0)) {
            return new Refusal(Errors.INVALID_TIMESTAMP, "producers cannot send batches of LogAppendTime");
        }
        long timestamp = BatchHeader.maxTimestamp(b, 0);
        if (timestamp == NO_TIMESTAMP) {
            return null;
        }
        // Differences, so that limits of Long.MAX_VALUE do not overflow; a timestamp below -1 is no time at all.
        if (timestamp < 0
                || nowMs - timestamp > config.messageTimestampBeforeMaxMs()
                || timestamp - nowMs > config.messageTimestampAfterMaxMs()) {
            return new Refusal(
                    Errors.INVALID_TIMESTAMP,
                    "timestamp " + timestamp + " is not within message.timestamp.before.max.ms="
                            + config.messageTimestampBeforeMaxMs() + " and message.timestamp.after.max.ms="
                            + config.messageTimestampAfterMaxMs() + " of the broker's time " + nowMs);
        }
        return null;
    }

    private static Refusal invalid(String message) {
        return new Refusal(Errors.INVALID_RECORD, message);
    }

    private static Result refuse(Errors error, String message) {
        return new Refused(new Refusal(error, message));
    }
}
