package io.troupe.partition;

import io.troupe.partition.Replica.AwaitData;
import io.troupe.partition.Replica.Waiter;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.Iterator;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Readers that wait until a replica's HW is beyond an offset. Owned by one Replica, used on its thread. */
final class DataWaiters {
    private static final Logger log = LoggerFactory.getLogger(DataWaiters.class);

    private final IdentityHashMap<Waiter, AwaitData> waiters = new IdentityHashMap<>();

    void await(AwaitData await, long highWatermark) {
        if (highWatermark > await.endOffset()) {
            call(await.waiter());
        } else {
            waiters.put(await.waiter(), await);
        }
    }

    void cancel(Waiter waiter) {
        waiters.remove(waiter);
    }

    /** The HW has moved, and is published. */
    void wake(long highWatermark) {
        if (waiters.isEmpty()) {
            return;
        }
        for (Iterator<AwaitData> it = waiters.values().iterator(); it.hasNext(); ) {
            AwaitData await = it.next();
            if (highWatermark > await.endOffset()) {
                it.remove();
                call(await.waiter());
            }
        }
    }

    /** The replica serves nobody any more. */
    void wakeAll() {
        List<AwaitData> all = new ArrayList<>(waiters.values());
        waiters.clear();
        all.forEach(await -> call(await.waiter()));
    }

    /** Wakes a reader; its failure is its own. */
    static void call(Waiter waiter) {
        try {
            waiter.dataMayBeThere();
        } catch (RuntimeException e) {
            log.error("A waiter failed", e);
        }
    }
}
