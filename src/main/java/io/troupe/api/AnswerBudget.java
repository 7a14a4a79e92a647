package io.troupe.api;

import io.troupe.protocol.NetworkStats;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Memory for records that are being read or wait to be sent, over all fetches of a broker. When it is used up answers
 * shrink, so that every client still gets on. Any thread.
 */
final class AnswerBudget {
    /** The least that a fetch may read, whatever the others hold. */
    static final int SMALL_ANSWER_BYTES = 64 << 10;

    private final long limitBytes;
    private final NetworkStats stats;
    private final AtomicLong reading = new AtomicLong();

    /** @param stats of the Kafka port, for the bytes of answers that wait to be sent */
    AnswerBudget(long limitBytes, NetworkStats stats) {
        this.limitBytes = limitBytes;
        this.stats = stats;
    }

    /** As much of {@code wanted} as may be read now; to be given back when the answer was handed to its connection. */
    int take(int wanted) {
        long others = reading.getAndAdd(wanted) + stats.queuedResponseBytes();
        int granted = (int) Math.min(wanted, Math.max(SMALL_ANSWER_BYTES, limitBytes - others));
        reading.addAndGet(granted - wanted);
        return granted;
    }

    void giveBack(int granted) {
        reading.addAndGet(-granted);
    }
}
