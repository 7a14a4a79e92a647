package io.troupe.record;

import io.troupe.config.LogConfig;
import io.troupe.model.Refusal;
import java.nio.ByteBuffer;
import java.util.List;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.record.TimestampType;

/**
 * Judges what a client wants appended to a partition, before it reaches the partition: the header and the CRC, and the
 * records only where the topic asks for something that the header cannot tell. Pure; any thread.
 *
 * <p>Records are read for keys on a compacted topic, for another {@code compression.type} than the batch has, for
 * {@code message.timestamp.before.max.ms} with several records (the header tells only the greatest timestamp), and to
 * name those that lie beyond {@code message.timestamp.after.max.ms}. With default settings none is, and the cost is one
 * pass of CRC-32C.
 */
public final class BatchValidator {
    private static final int MAX_COMPRESSION_ID = 4;
    private static final long NO_TIMESTAMP = -1;

    /** The verdict on one partition's records. */
    public sealed interface Result {}

    /**
     * Append this.
     *
     * @param batch exactly one batch, from position 0 to its limit; shares its bytes with what was validated, or was packed anew
     * @param logAppendTimeMs the time stamped on it, -1 with CreateTime
     */
    public record Valid(ByteBuffer batch, long logAppendTimeMs) implements Result {}

    /** @param records what is wrong with which; empty when it is the whole batch */
    public record Refused(Refusal refusal, List<RecordError> records) implements Result {
        public Refused(Refusal refusal) {
            this(refusal, List.of());
        }
    }

    /**
     * No fault so far, but the records must be unpacked, which may take long: {@link #unpack} decides, on a thread that
     * may be held up.
     *
     * @param repacks whether the result will be a buffer of its own
     */
    public record Unread(ByteBuffer batch, boolean repacks) implements Result {}

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
            refusal = checkContents(batch, config, internal);
        }
        if (refusal != null) {
            return new Refused(refusal);
        }
        boolean packed = BatchHeader.compressionId(batch, 0) != 0;
        boolean repack = RecordsPass.targetCodec(batch, config.compression()) != BatchHeader.compressionId(batch, 0);
        boolean look = !BatchHeader.isControl(batch, 0) && (config.compacted() || timesInDoubt(batch, config, nowMs));
        if (repack || (look && packed)) {
            return new Unread(batch, repack);
        }
        return look
                ? examine(batch, config, nowMs, budget, Long.MAX_VALUE, batch.limit())
                : stamped(batch, config, nowMs);
    }

    /**
     * Decides on a batch that was {@link Unread}; when it is to be packed anew, the result is a buffer of its own. What passes
     * the request's budget is INVALID_RECORD; what passes one of the two limits is MESSAGE_TOO_LARGE.
     *
     * @param maxUnpackedBytes most bytes of records that are read
     * @param maxPackedBytes most bytes of a batch packed anew, beside max.message.bytes
     */
    public static Result unpack(
            Unread unread,
            LogConfig config,
            long nowMs,
            UnpackBudget budget,
            long maxUnpackedBytes,
            int maxPackedBytes) {
        int most = Math.min(maxPackedBytes, config.maxMessageBytes());
        return examine(unread.batch(), config, nowMs, budget, maxUnpackedBytes, most);
    }

    private static Result examine(
            ByteBuffer batch,
            LogConfig config,
            long nowMs,
            UnpackBudget budget,
            long maxUnpackedBytes,
            int maxPackedBytes) {
        Result result = new RecordsPass(batch, config, nowMs, budget, maxUnpackedBytes, maxPackedBytes).run();
        if (!(result instanceof Valid valid)) {
            return result;
        }
        long greatest = BatchHeader.maxTimestamp(valid.batch(), 0);
        if (config.messageTimestampType() == TimestampType.CREATE_TIME && !timely(greatest, config, nowMs)) {
            // No record has it: the header is wrong.
            return refuse(Errors.INVALID_TIMESTAMP, untimely(greatest, config, nowMs));
        }
        return stamped(valid.batch(), config, nowMs);
    }

    private static Valid stamped(ByteBuffer batch, LogConfig config, long nowMs) {
        if (config.messageTimestampType() == TimestampType.LOG_APPEND_TIME) {
            BatchHeader.stampLogAppendTime(batch, 0, nowMs);
            return new Valid(batch, nowMs);
        }
        return new Valid(batch, NO_TIMESTAMP);
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

    private static Refusal checkContents(ByteBuffer b, LogConfig config, boolean internal) {
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
        if (BatchHeader.isLogAppendTime(b, 0)) {
            return new Refusal(Errors.INVALID_TIMESTAMP, "producers cannot send batches of LogAppendTime");
        }
        return checkProducer(b);
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

    /** Whether the header leaves it open that every record's timestamp is within the topic's limits. */
    private static boolean timesInDoubt(ByteBuffer b, LogConfig config, long nowMs) {
        if (config.messageTimestampType() == TimestampType.LOG_APPEND_TIME) {
            return false;
        }
        boolean several = BatchHeader.recordsCount(b, 0) > 1;
        return (several && config.messageTimestampBeforeMaxMs() != Long.MAX_VALUE)
                || !timely(BatchHeader.maxTimestamp(b, 0), config, nowMs);
    }

    static boolean timely(long timestampMs, LogConfig config, long nowMs) {
        // Differences, so that limits of Long.MAX_VALUE do not overflow; a timestamp below -1 is no time at all.
        return timestampMs == NO_TIMESTAMP
                || (timestampMs >= 0
                        && nowMs - timestampMs <= config.messageTimestampBeforeMaxMs()
                        && timestampMs - nowMs <= config.messageTimestampAfterMaxMs());
    }

    static String untimely(long timestampMs, LogConfig config, long nowMs) {
        return "timestamp " + timestampMs + " is not within message.timestamp.before.max.ms="
                + config.messageTimestampBeforeMaxMs() + " and message.timestamp.after.max.ms="
                + config.messageTimestampAfterMaxMs() + " of the broker's time " + nowMs;
    }

    private static Refusal invalid(String message) {
        return new Refusal(Errors.INVALID_RECORD, message);
    }

    private static Result refuse(Errors error, String message) {
        return new Refused(new Refusal(error, message));
    }
}
