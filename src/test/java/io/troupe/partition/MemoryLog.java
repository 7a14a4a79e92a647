package io.troupe.partition;

import io.troupe.journal.JournalCommand.EpochStart;
import io.troupe.journal.LogAppend;
import io.troupe.journal.LogReader;
import io.troupe.record.BatchHeader;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.errors.OffsetOutOfRangeException;

/** A log in memory that can be read, cut and compared: batches, each with its offsets and epoch. */
final class MemoryLog implements LogReader {
    final List<ByteBuffer> batches = new ArrayList<>();
    long start;

    /** Appends a new batch, stamped; @return the group that it makes */
    LogAppend append(int records, int epoch) {
        ByteBuffer batch = TestBatches.batch(records);
        long base = logEndOffset();
        BatchHeader.stamp(batch, batch.position(), base, epoch);
        batches.add(batch);
        return new LogAppend(base, logEndOffset(), List.of(batch), batch.remaining());
    }

    /** Stores a group as it is. */
    void store(LogAppend group) {
        if (group.baseOffset() != logEndOffset()) {
            throw new IllegalStateException(group.baseOffset() + " where the log ends at " + logEndOffset());
        }
        for (ByteBuffer buffer : group.buffers()) {
            for (int at = buffer.position(); at < buffer.limit(); at += BatchHeader.sizeInBytes(buffer, at)) {
                batches.add(buffer.slice(at, BatchHeader.sizeInBytes(buffer, at)));
            }
        }
    }

    void truncate(long endOffset) {
        batches.removeIf(batch -> end(batch) > endOffset);
        start = Math.min(start, endOffset);
    }

    void startAt(long offset) {
        batches.clear();
        start = offset;
    }

    List<EpochStart> epochs() {
        List<EpochStart> epochs = new ArrayList<>();
        for (ByteBuffer batch : batches) {
            int epoch = BatchHeader.leaderEpoch(batch, batch.position());
            if (epochs.isEmpty() || epochs.get(epochs.size() - 1).leaderEpoch() < epoch) {
                epochs.add(new EpochStart(epoch, BatchHeader.baseOffset(batch, batch.position())));
            }
        }
        return epochs;
    }

    /** Whether both hold the same bytes below {@code endOffset}, from where both have begun. */
    boolean agreesWith(MemoryLog other, long endOffset) {
        long from = Math.max(start, other.start);
        return between(from, endOffset).equals(other.between(from, endOffset));
    }

    private List<ByteBuffer> between(long from, long to) {
        return batches.stream()
                .filter(batch -> BatchHeader.baseOffset(batch, batch.position()) >= from && end(batch) <= to)
                .toList();
    }

    static long end(ByteBuffer batch) {
        return BatchHeader.lastOffset(batch, batch.position()) + 1;
    }

    LogView view(PartitionKey partition, int epoch, long highWatermark, List<EpochStart> epochs) {
        return new LogView(
                new TopicIdPartition(partition.topicId(), partition.partition(), "t"),
                epoch,
                start,
                highWatermark,
                highWatermark,
                logEndOffset(),
                true,
                epochs,
                this);
    }

    @Override
    public long logStartOffset() {
        return start;
    }

    @Override
    public long logEndOffset() {
        return batches.isEmpty() ? start : end(batches.get(batches.size() - 1));
    }

    @Override
    public long sizeInBytes() {
        return batches.stream().mapToLong(ByteBuffer::remaining).sum();
    }

    @Override
    public List<SegmentInfo> segments() {
        return List.of();
    }

    @Override
    public ByteBuffer read(long startOffset, long endOffset, int maxBytes, boolean minOneBatch) {
        if (startOffset < start || startOffset > logEndOffset()) {
            throw new OffsetOutOfRangeException(startOffset + " of " + start + " to " + logEndOffset());
        }
        ByteBuffer into = ByteBuffer.allocate((int) sizeInBytes());
        for (ByteBuffer batch : batches) {
            boolean fits = into.position() + batch.remaining() <= maxBytes || into.position() == 0 && minOneBatch;
            if (end(batch) > startOffset && end(batch) <= endOffset) {
                if (!fits) {
                    break;
                }
                into.put(batch.duplicate());
            }
        }
        return into.flip();
    }

    @Override
    public Optional<TimestampedOffset> offsetForTimestamp(long timestampMs, long endOffset) {
        return Optional.empty();
    }

    @Override
    public Optional<TimestampedOffset> firstRecord(long fromOffset, long endOffset) {
        return Optional.empty();
    }

    @Override
    public Optional<TimestampedOffset> maxTimestamp(long endOffset) {
        return Optional.empty();
    }
}
