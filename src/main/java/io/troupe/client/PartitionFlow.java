package io.troupe.client;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.common.TopicPartition;

/**
 * How much of one partition is outstanding, counted up by the consumer's thread with each poll and down by its actor with each acknowledgement. Made
 * anew when the partition is assigned and at each seek, so that what was read before is told from what comes after.
 */
final class PartitionFlow {
    /** What a record counts beside its key and value: headers and the object that holds it. */
    static final int OVERHEAD_BYTES = 64;

    final TopicPartition partition;
    final long session;
    private final int maxRecords;
    private final long maxBytes;
    private final AtomicInteger records = new AtomicInteger();
    private final AtomicLong bytes = new AtomicLong();
    /** Whether Kafka's consumer is told not to fetch it. The thread's; the actor reads it to know whether to wake the thread. */
    volatile boolean paused;

    PartitionFlow(TopicPartition partition, long session, ConsumerSettings<?, ?> settings) {
        this.partition = partition;
        this.session = session;
        this.maxRecords = settings.maxOutstandingRecords();
        this.maxBytes = settings.maxOutstandingBytes();
    }

    void add(int count, long size) {
        records.addAndGet(count);
        bytes.addAndGet(size);
    }

    void release(int count, long size) {
        records.addAndGet(-count);
        bytes.addAndGet(-size);
    }

    boolean isFull() {
        return records.get() >= maxRecords || bytes.get() >= maxBytes;
    }

    /** Whether reading it again is worth the while. */
    boolean isHalfEmpty() {
        return records.get() <= maxRecords / 2 && bytes.get() <= maxBytes / 2;
    }

    int records() {
        return records.get();
    }
}
