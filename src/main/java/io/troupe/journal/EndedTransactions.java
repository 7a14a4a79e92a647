package io.troupe.journal;

import io.troupe.record.BatchHeader;
import io.troupe.record.ControlBatch;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * How the transactions in a stretch of log ended, learnt from its batches in order: what was aborted must neither be taken
 * for a key's last value nor stay, and what is undecided must not be cleaned. What a former cleaning has been over holds
 * committed records only, so the stretch that is dirty says all. Pure; memory follows the number of aborted transactions in it.
 */
final class EndedTransactions {
    private record Span(long firstOffset, long lastOffset) {}

    // First offset of each producer's transaction under way.
    private final Map<Long, Long> open = new HashMap<>();
    private final Map<Long, List<Span>> aborted = new HashMap<>();

    /** Tells of the next batch; {@code batch} must be whole only for a control batch. */
    void read(ByteBuffer batch, int at) throws IOException {
        if (!BatchHeader.isTransactional(batch, at)) {
            return;
        }
        long producerId = BatchHeader.producerId(batch, at);
        if (!BatchHeader.isControl(batch, at)) {
            open.putIfAbsent(producerId, BatchHeader.baseOffset(batch, at));
            return;
        }
        ControlBatch end = ControlBatch.of(batch, at);
        Long first = end == ControlBatch.OTHER ? null : open.remove(producerId);
        if (first != null && end == ControlBatch.ABORT) {
            aborted.computeIfAbsent(producerId, id -> new ArrayList<>(1))
                    .add(new Span(first, BatchHeader.baseOffset(batch, at)));
        }
    }

    /** Where the first transaction begins that has not ended in the stretch; {@link Long#MAX_VALUE} for none. */
    long undecidedFrom() {
        return open.values().stream().mapToLong(Long::longValue).min().orElse(Long.MAX_VALUE);
    }

    /** Whether a data batch belongs to an aborted transaction. */
    boolean isAborted(ByteBuffer batch, int at) {
        if (!BatchHeader.isTransactional(batch, at) || aborted.isEmpty()) {
            return false;
        }
        List<Span> spans = aborted.get(BatchHeader.producerId(batch, at));
        if (spans == null) {
            return false;
        }
        long offset = BatchHeader.baseOffset(batch, at);
        int low = 0;
        int high = spans.size() - 1;
        while (low <= high) {
            int mid = (low + high) >>> 1;
            if (spans.get(mid).lastOffset() < offset) {
                low = mid + 1;
            } else {
                high = mid - 1;
            }
        }
        return low < spans.size() && spans.get(low).firstOffset() <= offset;
    }
}
