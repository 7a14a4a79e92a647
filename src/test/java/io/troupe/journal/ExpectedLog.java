package io.troupe.journal;

import io.troupe.config.LogConfig;
import io.troupe.journal.JournalCommand.EpochStart;
import io.troupe.journal.JournalCommand.Opened;
import io.troupe.record.BatchHeader;
import io.troupe.record.ProducerStates;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import org.apache.kafka.common.TopicIdPartition;

/**
 * What one log must hold: all that was written to it, how much of that was said to be durable, and what else may have come
 * true of what was asked for when the power went.
 */
final class ExpectedLog {
    final TopicIdPartition partition;
    final String persistenceId;
    final LogConfig config;
    /** In offset order, from offset 0 on; also those that retention took. */
    final List<ByteBuffer> batches = new ArrayList<>();
    /** Next sequence by producer id. */
    final Map<Long, Integer> sequences = new HashMap<>();

    private final Set<EpochStart> issuedEpochs = new HashSet<>();
    private final Set<EpochStart> durableEpochs = new HashSet<>();
    boolean open;
    /** How often it was opened. */
    int openings;
    /** Its first opening was confirmed. */
    boolean created;
    /** The power went since it was last compared. */
    boolean powerLost;
    /** A flush that {@code flush.ms} asks for is to come. */
    boolean timed;

    boolean deleteIssued;
    /** Counts truncations and starts: what was in flight at one says nothing about what comes after. */
    int incarnation;
    /** Exclusive. */
    long durableEnd;

    long durableStart;
    long issuedStart;
    /** Of a truncation that was not confirmed, else {@link Long#MAX_VALUE}. */
    long issuedCut = Long.MAX_VALUE;
    /** Where an emptying that was not confirmed was to begin the log, else -1: it is done whole or not at all. */
    long issuedStartAt = -1;
    /** Records written since the last flush, as the log dir counts them. */
    long unflushed;

    int leaderEpoch;
    /** The last one told to the log dir: nothing below it is cut, and only what lies below it is cleaned. */
    long highWatermark;

    // The greatest high watermark of records that are there. A kill forgets the last one told, but no leader has its
    // followers cut below.
    private long committed;

    private final ExpectedKeys keys;
    // Where a log begins whose every record retention took.
    private long emptyAt;
    private ProducerStates inherited = new ProducerStates();
    // Batches below that, of which a power loss may bring the last ones back.
    private final List<ByteBuffer> hidden = new ArrayList<>();

    ExpectedLog(TopicIdPartition partition, String persistenceId, LogConfig config) {
        this.partition = partition;
        this.persistenceId = persistenceId;
        this.config = config;
        this.keys = new ExpectedKeys(config.deleteRetentionMs());
    }

    /**
     * A cleaning begins.
     *
     * @param bound it may touch what lies below
     * @param durable what lies below is on the disk, whoever forced it
     */
    void cleaning(long bound, long durable, long nowMs) {
        keys.cleaning(bound, nowMs);
        durableEnd = Math.max(durableEnd, durable);
    }

    /** Exclusive: a truncation leaves what lies below alone. */
    long firm() {
        return Math.max(issuedStart, config.compacted() ? committed : 0);
    }

    void highWatermark(long told) {
        highWatermark = told;
        committed = Math.max(committed, told);
    }

    long end() {
        return batches.isEmpty() ? emptyAt : BatchHeader.lastOffset(batches.get(batches.size() - 1), 0) + 1;
    }

    void appended(ByteBuffer batch) {
        int epoch = BatchHeader.leaderEpoch(batch, 0);
        int last = batches.isEmpty() ? -1 : BatchHeader.leaderEpoch(batches.get(batches.size() - 1), 0);
        if (epoch > last) {
            issuedEpochs.add(new EpochStart(epoch, BatchHeader.baseOffset(batch, 0)));
        }
        batches.add(batch);
    }

    void epochIssued(int epoch, long start) {
        leaderEpoch = epoch;
        issuedEpochs.add(new EpochStart(epoch, start));
    }

    void epochDurable(int epoch, long start) {
        durableEpochs.add(new EpochStart(epoch, start));
    }

    /** A batch that reaches beyond a cut goes whole. */
    long endAfterCut(long endOffset) {
        long end = emptyAt;
        for (ByteBuffer batch : batches) {
            if (BatchHeader.lastOffset(batch, 0) < endOffset) {
                end = BatchHeader.lastOffset(batch, 0) + 1;
            }
        }
        return end;
    }

    /** Takes what lies at or beyond an offset out of everything expected. */
    void cut(long endOffset) {
        while (end() > endOffset) {
            batches.remove(batches.size() - 1);
        }
        long end = end();
        durableEnd = Math.min(durableEnd, end);
        durableStart = Math.min(durableStart, end);
        issuedStart = Math.min(issuedStart, end);
        issuedEpochs.removeIf(e -> e.startOffset() >= endOffset);
        durableEpochs.removeIf(e -> e.startOffset() >= endOffset);
        issuedCut = Long.MAX_VALUE;
        incarnation++;
        relearnSequences();
    }

    void startAtIssued(long start) {
        issuedStartAt = start;
    }

    /** It is empty, and begins and ends there. */
    void startedAt(long start) {
        batches.clear();
        hidden.clear();
        emptyAt = start;
        inherited = new ProducerStates();
        durableEnd = start;
        durableStart = start;
        issuedStart = start;
        issuedEpochs.clear();
        durableEpochs.clear();
        issuedCut = Long.MAX_VALUE;
        issuedStartAt = -1;
        committed = start;
        incarnation++;
    }

    /** A producer without batches here goes on: the log may still remember it. */
    private void relearnSequences() {
        for (ByteBuffer batch : batches) {
            if (BatchHeader.producerId(batch, 0) >= 0) {
                sequences.put(BatchHeader.producerId(batch, 0), BatchHeader.lastSequence(batch, 0) + 1);
            }
        }
    }

    /**
     * Compares with what an opening found, then takes that for the truth. Unless the power went, every byte written must
     * be there.
     */
    void check(Opened found) throws Exception {
        if (issuedStartAt >= 0 && beginsAnewAt(issuedStartAt, found)) {
            startedAt(issuedStartAt);
        }
        issuedStartAt = -1;
        boolean allOfIt = !powerLost;
        long end = found.logEndOffset();
        long start = found.logStartOffset();
        if (powerLost
                && found.reader().sizeInBytes() == 0
                && end == start
                && end >= durableStart
                && end <= issuedStart
                && end >= durableEnd) {
            // All that was left of it is below the log start; what its producers did there may be known or not. The
            // file may be there again after the next power loss.
            batches.stream().filter(b -> BatchHeader.lastOffset(b, 0) < end).forEach(hidden::add);
            batches.clear();
            emptyAt = end;
            inherited = found.producers().copy();
        }
        long least = Math.min(allOfIt ? end() : durableEnd, issuedCut);
        while (least > emptyAt && !batchEndsAt(least)) {
            least--;
        }
        long firm = least;
        expect(end >= firm, () -> "ends at " + end + ", offsets up to " + firm + " were durable");
        expect(end <= end(), () -> "ends at " + end + ", but only " + end() + " was written");
        expect(batchEndsAt(end), () -> "ends at " + end + " inside a batch");
        cutTo(end);
        expect(
                start >= Math.min(allOfIt ? issuedStart : durableStart, Math.max(issuedCut, 0))
                        && start <= Math.max(issuedStart, emptyAt),
                () -> "starts at " + start + ", durable was " + durableStart + ", issued " + issuedStart);
        if (config.compacted()) {
            List<ByteBuffer> left = keys.check(batches, found.reader(), found.producers(), allOfIt ? end : durableEnd);
            batches.clear();
            batches.addAll(left);
        } else {
            checkContent(found.reader(), start, end);
            checkProducers(found);
        }
        checkEpochs(found.epochs(), start, end);
        expect(
                found.highWatermark() >= start && found.highWatermark() <= end,
                () -> "high watermark " + found.highWatermark() + " in [" + start + ", " + end + "]");

        // What a power loss or a stop in order left is durable. Else an opening forces batches only where the settings
        // count them, and never what nobody was told of: epochs and the log start.
        if (powerLost || found.cleanShutdown() || config.flushMessages() < Long.MAX_VALUE) {
            durableEnd = end;
        }
        highWatermark = found.highWatermark();
        committed = Math.min(committed, end);
        issuedCut = Long.MAX_VALUE;
        if (powerLost) {
            durableStart = start;
            issuedStart = start;
            issuedEpochs.clear();
            issuedEpochs.addAll(found.epochs());
            durableEpochs.clear();
            durableEpochs.addAll(found.epochs());
        }
        unflushed = 0;
        timed = false;
        open = true;
        openings++;
        created = true;
        powerLost = false;
        incarnation++;
        relearnSequences();
    }

    private static boolean beginsAnewAt(long start, Opened found) {
        return found.logStartOffset() == start
                && found.logEndOffset() == start
                && found.reader().sizeInBytes() == 0
                && found.epochs().isEmpty()
                && found.producers().snapshot().equals(new ProducerStates().snapshot());
    }

    private void cutTo(long end) {
        while (end() > end) {
            batches.remove(batches.size() - 1);
        }
    }

    private boolean batchEndsAt(long offset) {
        return offset == emptyAt || batches.stream().anyMatch(b -> BatchHeader.lastOffset(b, 0) + 1 == offset);
    }

    private void checkContent(LogReader reader, long start, long end) throws Exception {
        ByteBuffer read = JournalFixture.readAll(reader, start);
        for (ByteBuffer batch : batches) {
            if (BatchHeader.lastOffset(batch, 0) < start) {
                continue;
            }
            long at = BatchHeader.baseOffset(batch, 0);
            expect(read.remaining() >= batch.remaining(), () -> "nothing can be read from offset " + at + " on");
            expect(
                    read.slice(read.position(), batch.remaining()).equals(batch),
                    () -> "the batch at offset " + at + " is not the one that was written");
            read.position(read.position() + batch.remaining());
        }
        expect(!read.hasRemaining(), () -> read.remaining() + " bytes behind offset " + end);
    }

    private void checkEpochs(List<EpochStart> found, long start, long end) {
        EpochStart before = new EpochStart(-1, -1);
        for (EpochStart epoch : found) {
            expect(
                    epoch.leaderEpoch() > before.leaderEpoch() && epoch.startOffset() > before.startOffset(),
                    () -> "epochs do not ascend: " + found);
            expect(wasIssued(epoch, start), () -> epoch + " was never issued, in " + found);
            expect(epoch.startOffset() <= end, () -> epoch + " beyond the end " + end);
            before = epoch;
        }
        for (EpochStart durable : durableEpochs) {
            expect(
                    durable.startOffset() > end
                            || durable.startOffset() >= issuedCut
                            || found.stream()
                                    .anyMatch(e -> e.equals(durable)
                                            || (e.leaderEpoch() > durable.leaderEpoch()
                                                    && e.startOffset() <= Math.max(start, durable.startOffset()))),
                    () -> durable + " was durable and is not in " + found);
        }
        for (ByteBuffer batch : batches) {
            int epoch = -1;
            if (BatchHeader.lastOffset(batch, 0) < start) {
                continue;
            }
            for (EpochStart e : found) {
                epoch = e.startOffset() <= BatchHeader.baseOffset(batch, 0) ? e.leaderEpoch() : epoch;
            }
            expect(
                    epoch == BatchHeader.leaderEpoch(batch, 0),
                    () -> "offset " + BatchHeader.baseOffset(batch, 0) + " has epoch "
                            + BatchHeader.leaderEpoch(batch, 0) + ", but the epochs are " + found);
        }
    }

    /** One whose record and first batches were lost is learnt from the next one, which moves its beginning up to the log start at most. */
    private boolean wasIssued(EpochStart found, long start) {
        return issuedEpochs.contains(found)
                || found.startOffset() <= start
                        && issuedEpochs.stream()
                                .anyMatch(e -> e.leaderEpoch() == found.leaderEpoch()
                                        && e.startOffset() < found.startOffset());
    }

    /** The fold of the batches present, or of more of those that were there before: a snapshot remembers them. */
    private void checkProducers(Opened found) {
        ByteBuffer state = found.producers().snapshot();
        long bytes = found.reader().sizeInBytes();
        List<ByteBuffer> known = new ArrayList<>(hidden);
        known.addAll(batches);
        int firstPresent = known.size();
        while (bytes > 0 && firstPresent > 0) {
            bytes -= known.get(--firstPresent).remaining();
        }
        long over = bytes;
        expect(over == 0, () -> "the segments do not hold whole batches; " + over + " bytes are over");
        for (int from = firstPresent; from >= 0; from--) {
            if (fold(known.subList(from, known.size()), new ProducerStates())
                    .snapshot()
                    .equals(state)) {
                return;
            }
        }
        if (fold(batches, inherited.copy()).snapshot().equals(state)) {
            return;
        }
        StringBuilder all = new StringBuilder();
        for (ByteBuffer batch : batches) {
            all.append(' ')
                    .append(BatchHeader.baseOffset(batch, 0))
                    .append(":p")
                    .append(BatchHeader.producerId(batch, 0))
                    .append('s')
                    .append(BatchHeader.lastSequence(batch, 0));
        }
        throw new AssertionError(partition + ": producers are " + found.producers()
                + ", segments hold batches from number " + firstPresent + " of" + all);
    }

    private static ProducerStates fold(List<ByteBuffer> some, ProducerStates states) {
        some.forEach(batch -> PartitionLog.fold(states, batch));
        return states;
    }

    private void expect(boolean holds, Supplier<String> what) {
        if (!holds) {
            throw new AssertionError(partition + ": " + what.get());
        }
    }
}
