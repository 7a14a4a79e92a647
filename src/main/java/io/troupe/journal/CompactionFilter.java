package io.troupe.journal;

import io.troupe.record.BatchFilter;
import io.troupe.record.BatchHeader;
import io.troupe.record.ControlBatch;
import io.troupe.record.ProducerStates;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.HashSet;
import java.util.Set;

/**
 * Says what is left of each batch when a log is cleaned. Pure; sees the batches of one log once each, in order, from the
 * first segment on.
 *
 * <pre>
 * batch at or beyond the mapped end      as it is
 * record that a later one of its key follows, or without key      goes
 * tombstone                              its batch gets a delete horizon (now + delete.retention.ms); it goes in the first
 *                                        cleaning after that (KIP-534)
 * record of an aborted transaction       goes
 * end marker                             stays while any batch of its transaction was there at the beginning of this
 *                                        cleaning; then gets a horizon, and goes after that
 * batch left empty                       goes, but for those that producer state rests on and the last of each file: their
 *                                        headers stay, so that each file ends where the next one begins
 * </pre>
 */
final class CompactionFilter {
    private final OffsetMap map;
    private final long mappedEnd;
    private final EndedTransactions transactions;
    private final ProducerStates producers;
    private final long nowMs;
    private final long horizonMs;
    private final BatchFilter batches = new BatchFilter();
    // Producers of whose transaction a batch was seen and its end not yet.
    private final Set<Long> underWay = new HashSet<>();
    // Exclusive: where the file ends that is being written.
    private long fileEnd;
    private long records;
    private long kept;
    private long keyless;

    /**
     * @param map the last offset of each key in the dirty stretch below {@code mappedEnd}
     * @param mappedEnd exclusive
     * @param producers whose remembered batches must be found again in the log
     */
    CompactionFilter(
            OffsetMap map,
            long mappedEnd,
            EndedTransactions transactions,
            ProducerStates producers,
            long nowMs,
            long deleteRetentionMs) {
        this.map = map;
        this.mappedEnd = mappedEnd;
        this.fileEnd = mappedEnd;
        this.transactions = transactions;
        this.producers = producers;
        this.nowMs = nowMs;
        this.horizonMs = Math.max(nowMs, nowMs + deleteRetentionMs);
    }

    /** What comes goes into a file that ends there, exclusive. */
    void fileEnds(long endOffset) {
        fileEnd = Math.min(mappedEnd, endOffset);
    }

    /**
     * What is to stand in a batch's place, ready to be read; null for nothing. Bytes of the batch itself where nothing changes.
     *
     * @throws IOException when its records cannot be read
     */
    ByteBuffer apply(ByteBuffer batch, int at) throws IOException {
        if (BatchHeader.baseOffset(batch, at) >= mappedEnd) {
            return whole(batch, at);
        }
        if (BatchHeader.isControl(batch, at)) {
            return control(batch, at);
        }
        if (BatchHeader.isTransactional(batch, at)) {
            underWay.add(BatchHeader.producerId(batch, at));
        }
        boolean aborted = transactions.isAborted(batch, at);
        boolean horizonPassed =
                BatchHeader.hasDeleteHorizon(batch, at) && BatchHeader.baseTimestamp(batch, at) <= nowMs;
        BatchFilter.Filtered filtered = batches.filter(
                batch,
                at,
                (offset, high, low, tombstone) -> offset >= mappedEnd
                        || (!aborted && offset >= map.get(high, low) && !(tombstone && horizonPassed)),
                horizonMs,
                mustStay(batch, at));
        records += filtered.records();
        kept += filtered.kept();
        keyless += filtered.keyless();
        return filtered.batch();
    }

    private ByteBuffer control(ByteBuffer batch, int at) throws IOException {
        if (BatchHeader.recordsCount(batch, at) == 0) {
            return mustStay(batch, at) ? whole(batch, at) : null;
        }
        if (ControlBatch.of(batch, at) == ControlBatch.OTHER || underWay.remove(BatchHeader.producerId(batch, at))) {
            return whole(batch, at);
        }
        if (!BatchHeader.hasDeleteHorizon(batch, at)) {
            return batches.withHorizon(batch, at, horizonMs);
        }
        if (BatchHeader.baseTimestamp(batch, at) > nowMs) {
            return whole(batch, at);
        }
        return mustStay(batch, at) ? BatchFilter.emptied(batch, at) : null;
    }

    private boolean mustStay(ByteBuffer batch, int at) {
        return BatchHeader.lastOffset(batch, at) + 1 >= fileEnd
                || producers.remembers(
                        BatchHeader.producerId(batch, at),
                        BatchHeader.producerEpoch(batch, at),
                        BatchHeader.lastOffset(batch, at),
                        BatchHeader.isControl(batch, at));
    }

    private static ByteBuffer whole(ByteBuffer batch, int at) {
        return batch.slice(at, BatchHeader.sizeInBytes(batch, at));
    }

    /** Data records that were looked at. */
    long records() {
        return records;
    }

    /** Of those, how many stayed. */
    long kept() {
        return kept;
    }

    /** Of those, how many went because they had no key. */
    long keyless() {
        return keyless;
    }
}
