package io.troupe.record;

import io.troupe.config.LogConfig;
import io.troupe.config.TopicCompression;
import io.troupe.model.Refusal;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.CompressionType;

/**
 * One walk through a batch's records: judges keys and timestamps as the topic asks, and packs the batch anew where the
 * topic stores another codec. Records stream through byte for byte, so that keys, values, headers, timestamps and offsets
 * stay what they were; memory is the packed result, time is bounded by the unpacked bytes allowed. Pure; one thread.
 */
final class RecordsPass {
    /** More are not listed; a client treats what is not listed as refused along with the others. */
    static final int MAX_RECORD_ERRORS = 100;

    private static final int SLACK_BYTES = 4 << 10;

    private final ByteBuffer batch;
    private final LogConfig config;
    private final long nowMs;
    private final long maxUnpackedBytes;
    private final int maxPackedBytes;
    private final int codec;
    private final UnpackBudget budget;

    /** Whether the budget is the narrowest bound of what may be unpacked. */
    private final boolean beyondBudget;

    private long consumed;
    private final List<RecordError> errors = new ArrayList<>();
    private Errors error = Errors.INVALID_RECORD;
    private long maxTimestamp;

    /**
     * @param batch one batch that has passed the checks of its header, from 0 to its limit
     * @param budget what may be unpacked for the request
     * @param maxUnpackedBytes most bytes that its records may have
     * @param maxPackedBytes most bytes that a result packed anew may have
     */
    RecordsPass(
            ByteBuffer batch,
            LogConfig config,
            long nowMs,
            UnpackBudget budget,
            long maxUnpackedBytes,
            int maxPackedBytes) {
        this.batch = batch;
        this.config = config;
        this.nowMs = nowMs;
        this.maxPackedBytes = maxPackedBytes;
        this.codec = targetCodec(batch, config.compression());
        boolean unpacks = repacks() && codec == CompressionType.NONE.id;
        this.maxUnpackedBytes = unpacks ? Math.min(maxUnpackedBytes, maxPackedBytes) : maxUnpackedBytes;
        this.budget = budget;
        this.beyondBudget = budget.left() < this.maxUnpackedBytes;
    }

    /** The codec's id in which the topic stores this batch. */
    static int targetCodec(ByteBuffer batch, TopicCompression compression) {
        if (compression.isProducers() || BatchHeader.isControl(batch, 0)) {
            return BatchHeader.compressionId(batch, 0);
        }
        return compression.codec().equals("uncompressed")
                ? CompressionType.NONE.id
                : CompressionType.forName(compression.codec()).id;
    }

    /** Judges the records; the batch itself, or one packed anew, is what is valid. Timestamp type is not looked at. */
    BatchValidator.Result run() {
        try {
            if (repacks()) {
                return repack();
            }
            walk(null);
            return errors.isEmpty() ? new BatchValidator.Valid(batch, -1) : refused();
        } catch (RecordStream.TooLargeException e) {
            return new BatchValidator.Refused(new Refusal(
                    beyondBudget ? Errors.INVALID_RECORD : Errors.MESSAGE_TOO_LARGE,
                    "the batch unpacks to too much: " + e.getMessage()));
        } catch (IOException | RuntimeException e) {
            // Codecs throw their own unchecked exceptions at damaged input.
            return new BatchValidator.Refused(
                    new Refusal(Errors.INVALID_RECORD, "the records cannot be read: " + e.getMessage()));
        } finally {
            budget.spend(consumed);
        }
    }

    private boolean repacks() {
        return codec != BatchHeader.compressionId(batch, 0);
    }

    private BatchValidator.Result repack() throws IOException {
        int size = batch.remaining();
        int first = (int) Math.min(maxPackedBytes, size + size / 16L + SLACK_BYTES);
        ByteBuffer packed = ByteBuffer.allocate(Math.max(BatchHeader.SIZE, first));
        long bytes = pack(packed);
        if (!errors.isEmpty()) {
            return refused();
        }
        if (bytes > maxPackedBytes) {
            return new BatchValidator.Refused(new Refusal(
                    Errors.MESSAGE_TOO_LARGE,
                    "packed as " + config.compression().codec() + " the record batch has " + bytes
                            + " bytes, max.message.bytes allows " + maxPackedBytes));
        }
        if (bytes > packed.capacity()) {
            // Its exact size is known now. Two tries cost time in a rare case; a growing buffer would cost memory in
            // all.
            packed = null;
            packed = ByteBuffer.allocate((int) bytes);
            if (pack(packed) != bytes) {
                throw new IllegalStateException("a codec packed the same records in two ways");
            }
        }
        packed.limit((int) bytes).position(0);
        if (bytes < packed.capacity() / 2) {
            packed = ByteBuffer.allocate((int) bytes).put(packed).flip();
        }
        BatchHeader.repacked(packed, 0, (int) bytes, codec, maxTimestamp);
        return new BatchValidator.Valid(packed, -1);
    }

    /** Returns the size of the batch with its header, whether it fitted or not. */
    private long pack(ByteBuffer into) throws IOException {
        into.put(0, batch, 0, BatchHeader.SIZE).position(BatchHeader.SIZE);
        PackedBytes packed = new PackedBytes(into);
        try (OutputStream out = codec().wrapForOutput(packed, BatchHeader.MAGIC_V2)) {
            walk(out);
        }
        return BatchHeader.SIZE + packed.size();
    }

    private Compression codec() {
        int level = config.compression().level();
        return switch (CompressionType.forId(codec)) {
            case GZIP -> Compression.gzip().level(level).build();
            case LZ4 -> Compression.lz4().level(level).build();
            case ZSTD -> Compression.zstd().level(level).build();
            case SNAPPY -> Compression.snappy().build();
            case NONE -> Compression.NONE;
        };
    }

    private void walk(OutputStream copy) throws IOException {
        boolean keys = config.compacted();
        boolean times = config.messageTimestampType() == TimestampType.CREATE_TIME;
        maxTimestamp = -1;
        errors.clear();
        long most = beyondBudget ? budget.left() : maxUnpackedBytes;
        try (RecordStream stream = new RecordStream(batch, 0, most, copy)) {
            try {
                for (int i = 0; stream.hasNext(); i++) {
                    Batches.Position record = stream.skipNext();
                    maxTimestamp = Math.max(maxTimestamp, record.timestampMs());
                    if (record.offset() != i) {
                        throw new IOException("record " + i + " has offset delta " + record.offset());
                    }
                    if (keys && !record.hasKey()) {
                        error(i, "record " + i + " has no key, which a compacted topic requires");
                    } else if (times && !BatchValidator.timely(record.timestampMs(), config, nowMs)) {
                        error = Errors.INVALID_TIMESTAMP;
                        error(i, "record " + i + ": " + BatchValidator.untimely(record.timestampMs(), config, nowMs));
                    }
                }
                stream.requireEnd();
            } finally {
                // A second walk of the same batch is no second charge.
                consumed = Math.max(consumed, stream.consumed());
            }
        }
    }

    private void error(int index, String message) {
        if (errors.size() < MAX_RECORD_ERRORS) {
            errors.add(new RecordError(index, message));
        }
    }

    private BatchValidator.Refused refused() {
        return new BatchValidator.Refused(new Refusal(error, errors.get(0).message()), List.copyOf(errors));
    }
}
