package io.troupe.it;

import io.troupe.it.WrittenValues.Delivery;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;

/**
 * A producer with acks=all that writes numbered values at a steady pace to all partitions of a topic until it is stopped, through whatever
 * happens to the brokers meanwhile. At most {@value #MAX_UNDER_WAY} values are under way.
 */
final class LoadWriter implements AutoCloseable {
    private static final int MAX_UNDER_WAY = 5_000;
    private static final int FILLING = 300;
    /** Far above the outages under test and their aftermath, on a busy machine too. */
    private static final Duration DELIVERY_LIMIT = Duration.ofSeconds(240);

    private final WrittenValues values;
    private final int partitions;
    private final KafkaProducer<String, String> producer;
    private final Semaphore room = new Semaphore(MAX_UNDER_WAY);
    private final Thread thread;
    /** By partition: acknowledged values, when the last one was, and the longest time between two. */
    private final long[] counts;

    private final long[] lastNs;
    private final long[] gapNs;
    private volatile boolean stopped;

    /** @param pauseMs between two values */
    LoadWriter(Clients clients, String topic, int partitions, Delivery delivery, int pauseMs) {
        boolean once = delivery == Delivery.ONCE;
        values = new WrittenValues(once ? "once" : "again", partitions, delivery);
        this.partitions = partitions;
        counts = new long[partitions];
        lastNs = new long[partitions];
        gapNs = new long[partitions];
        producer = clients.producer(
                "acks",
                "all",
                "enable.idempotence",
                "" + once,
                // Without idempotence a retry may overtake what was sent after it.
                "max.in.flight.requests.per.connection",
                once ? "5" : "1",
                // A broker that stands still answers nothing; the default would wait for it for 30 s.
                "request.timeout.ms",
                "3000",
                "max.block.ms",
                "" + DELIVERY_LIMIT.toMillis(),
                "delivery.timeout.ms",
                "" + DELIVERY_LIMIT.toMillis());
        thread = new Thread(() -> run(topic, pauseMs), "load-" + topic);
        thread.setDaemon(true);
        thread.start();
    }

    private void run(String topic, int pauseMs) {
        String filling = "x".repeat(FILLING);
        while (!stopped) {
            room.acquireUninterruptibly();
            int number = values.next();
            ProducerRecord<String, String> record =
                    new ProducerRecord<>(topic, values.partition(number), filling, values.value(number));
            producer.send(record, (metadata, e) -> {
                room.release();
                if (e == null) {
                    acknowledged(number, metadata.offset());
                } else {
                    values.failed(number, e.toString());
                }
            });
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(pauseMs));
        }
        producer.flush();
    }

    private synchronized void acknowledged(int number, long offset) {
        values.acknowledged(number, offset);
        int partition = values.partition(number);
        long now = System.nanoTime();
        if (counts[partition]++ > 0) {
            gapNs[partition] = Math.max(gapNs[partition], now - lastNs[partition]);
        }
        lastNs[partition] = now;
    }

    WrittenValues values() {
        return values;
    }

    /** The longest time in which a partition took nothing between two values that it took. */
    synchronized long longestGapMs() {
        return TimeUnit.NANOSECONDS.toMillis(Arrays.stream(gapNs).max().orElse(0));
    }

    /** Waits until each partition has taken {@code more} values than now. */
    void awaitEachPartition(int more) {
        long[] before = counts();
        String what = values.value(0) + " and on: " + more + " more acknowledged in each partition";
        Clients.await(what, Duration.ofSeconds(120), () -> {
            if (!values.failures().isEmpty()) {
                throw new AssertionError("failed: " + values.failures());
            }
            long[] now = counts();
            for (int p = 0; p < partitions; p++) {
                if (now[p] < before[p] + more) {
                    return false;
                }
            }
            return true;
        });
    }

    synchronized long[] counts() {
        return counts.clone();
    }

    /** Writes no more and waits until it is known of each value what became of it. */
    void stop() {
        stopped = true;
        try {
            thread.join(DELIVERY_LIMIT.toMillis() + 10_000);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
        if (thread.isAlive()) {
            throw new AssertionError("values are still under way");
        }
    }

    @Override
    public void close() {
        stopped = true;
        producer.close(Duration.ZERO);
    }
}
