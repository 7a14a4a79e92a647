package io.troupe.api;

import io.troupe.config.LogConfig;
import io.troupe.model.Refusal;
import io.troupe.record.BatchValidator;
import io.troupe.record.UnpackBudget;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.apache.kafka.common.protocol.Errors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Where batches are judged whose records must be read, and packed anew: threads of their own, for neither network threads
 * nor actors may be held up by a codec. There are two lanes, so that a batch of 100 MB does not hold up one of 10 KB. A
 * batch that turns out too large for the first, a bomb in a small frame among them, begins again in the second.
 *
 * <p>Memory: a batch packed anew takes room in its lane until it is appended or refused. A lane without room waits, and a
 * batch that waits for longer than its producer is refused with REQUEST_TIMED_OUT. What waits in the queues is bounded by
 * the network layer's in-flight bytes. Any thread.
 */
final class UnpackLanes implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(UnpackLanes.class);
    private static final int SMALL_BYTES = 1 << 20;
    private static final long SMALL_UNPACKED_BYTES = 16L << 20;
    private static final int SMALL_LANE_SHARE = 16;
    private static final int LARGE_LANE_SHARE = 8;
    private static final long IDLE_S = 30;

    /** Gets the verdict, on a lane's thread. */
    interface Judged {
        /** @param room to be called once the batch is appended or refused */
        void valid(BatchValidator.Valid valid, Runnable room);

        void refused(BatchValidator.Refused refused);
    }

    private record Work(
            BatchValidator.Unread unread,
            LogConfig config,
            UnpackBudget budget,
            int sizeInBytes,
            long deadlineNanos,
            Judged judged) {}

    private final Lane large;
    private final Lane small;
    private final LongSupplier clockMs;

    UnpackLanes(LongSupplier clockMs) {
        this(clockMs, Runtime.getRuntime().maxMemory(), SMALL_BYTES, SMALL_UNPACKED_BYTES);
    }

    UnpackLanes(LongSupplier clockMs, long heapBytes, int smallBytes, long smallUnpackedBytes) {
        this.clockMs = clockMs;
        this.large = new Lane("unpack-large", 1, heapBytes / LARGE_LANE_SHARE, Integer.MAX_VALUE, Long.MAX_VALUE, null);
        this.small = new Lane(
                "unpack-small",
                Math.max(1, Runtime.getRuntime().availableProcessors() / 2),
                heapBytes / SMALL_LANE_SHARE,
                smallBytes,
                smallUnpackedBytes,
                large);
    }

    /**
     * @param budget of the request
     * @param timeoutMs how long the producer waits
     */
    void judge(BatchValidator.Unread unread, LogConfig config, UnpackBudget budget, int timeoutMs, Judged judged) {
        int size = unread.batch().remaining();
        long deadlineNanos = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(timeoutMs);
        Work work = new Work(unread, config, budget, size, deadlineNanos, judged);
        (size > small.maxPackedBytes ? large : small).enter(work);
    }

    /** What waits is forgotten: the connections are gone by then. */
    @Override
    public void close() {
        small.close();
        large.close();
    }

    private static BatchValidator.Refused refusal(Errors error, String message) {
        return new BatchValidator.Refused(new Refusal(error, message));
    }

    private final class Lane {
        private final ThreadPoolExecutor threads;
        private final int room;
        private final Semaphore free;
        private final int maxPackedBytes;
        private final long maxUnpackedBytes;
        private final Lane larger;

        Lane(String name, int size, long roomBytes, int maxPackedBytes, long maxUnpackedBytes, Lane larger) {
            this.maxPackedBytes = maxPackedBytes;
            this.maxUnpackedBytes = maxUnpackedBytes;
            this.larger = larger;
            this.room = (int) Math.min(Integer.MAX_VALUE, Math.max(1, roomBytes));
            this.free = new Semaphore(room, true);
            this.threads =
                    new ThreadPoolExecutor(size, size, IDLE_S, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), task -> {
                        Thread thread = new Thread(task, name);
                        thread.setDaemon(true);
                        return thread;
                    });
            threads.allowCoreThreadTimeOut(true);
        }

        void enter(Work work) {
            try {
                threads.execute(() -> run(work));
            } catch (RejectedExecutionException e) {
                work.judged.refused(refusal(Errors.NOT_LEADER_OR_FOLLOWER, "the broker stops"));
            }
        }

        private void run(Work work) {
            // As much as the result may have; corrected when its size is known.
            int most = Math.min(maxPackedBytes, work.config.maxMessageBytes());
            int taken = work.unread.repacks() ? Math.min(room, most) : 0;
            BatchValidator.Result result;
            try {
                if (!free.tryAcquire(taken, work.deadlineNanos - System.nanoTime(), TimeUnit.NANOSECONDS)) {
                    work.judged.refused(refusal(
                            Errors.REQUEST_TIMED_OUT,
                            "no memory was free in time to pack a batch of " + work.sizeInBytes + " bytes anew"));
                    return;
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                work.judged.refused(refusal(Errors.NOT_LEADER_OR_FOLLOWER, "the broker stops"));
                return;
            }
            try {
                result = BatchValidator.unpack(
                        work.unread, work.config, clockMs.getAsLong(), work.budget, maxUnpackedBytes, maxPackedBytes);
            } catch (RuntimeException | Error e) {
                log.error("A batch of {} bytes could not be unpacked", work.sizeInBytes, e);
                free.release(taken);
                work.judged.refused(refusal(Errors.UNKNOWN_SERVER_ERROR, Errors.UNKNOWN_SERVER_ERROR.message()));
                return;
            }
            if (result instanceof BatchValidator.Valid valid) {
                int kept = Math.min(taken, valid.batch().capacity());
                free.release(taken - kept);
                work.judged.valid(valid, () -> free.release(kept));
                return;
            }
            free.release(taken);
            BatchValidator.Refused refused = (BatchValidator.Refused) result;
            if (larger != null && refused.refusal().error() == Errors.MESSAGE_TOO_LARGE) {
                larger.enter(work);
            } else {
                work.judged.refused(refused);
            }
        }

        void close() {
            threads.shutdownNow();
        }
    }
}
