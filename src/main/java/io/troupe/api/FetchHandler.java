package io.troupe.api;

import io.troupe.config.BrokerConfig;
import io.troupe.metadata.MetadataCache;
import io.troupe.partition.LocalReplicas;
import io.troupe.protocol.AnswerBuffers;
import io.troupe.protocol.ApiHandler;
import io.troupe.protocol.NetworkStats;
import io.troupe.protocol.RequestContext;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import org.apache.kafka.common.message.FetchRequestData;
import org.apache.kafka.common.message.FetchResponseData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;

/**
 * Fetch 4 to 18, for consumers. Reads run on the {@link ReadLanes}; a fetch that finds less than min.bytes waits as
 * one waiter with each partition's Replica until data comes, max.wait.ms is over or the connection closes.
 *
 * <p>Every answer has session id 0 and all partitions asked for, so clients never build a fetch session (KIP-227); a
 * request that continues one is told FETCH_SESSION_ID_NOT_FOUND and starts anew.
 *
 * <p>Versions: 9 leader epochs, 11 racks (KIP-392), 12 diverging epochs (KIP-595), 13 topic ids (KIP-516), 16 leaders' addresses (KIP-951).
 *
 * <p>From 11 on a partition that this broker only follows is read up to the HW that it knows, by whoever asks; and with {@code
 * replica.selector.class} a leader sends a consumer with a {@code client.rack} to an in-sync replica in that rack (KIP-392), once, for the
 * consumer remembers it. What a consumer asks for beyond a follower's log is OFFSET_OUT_OF_RANGE, which brings it back to the leader.
 *
 * <p>Not served: followers' fetches (Troupe's brokers replicate otherwise).
 *
 * <p>One fetch of a connection is under way at a time. Memory: answers being read and answers that wait for slow readers
 * share an eighth of the heap; beyond it they shrink to {@link AnswerBudget#SMALL_ANSWER_BYTES} or one batch. A batch of
 * more than {@link #MOST_IN_MEMORY_BYTES} is not read but sent from its file in small pieces. So what many clients can take beyond that
 * eighth is at most that much for each connection.
 */
public final class FetchHandler implements ApiHandler<FetchRequestData>, AutoCloseable {
    static final int MOST_IN_MEMORY_BYTES = 1 << 20;
    private static final int HEAP_SHARE = 8;
    private static final long MOST_KEPT_BYTES = 16 << 20;
    private static final int KEPT_HEAP_SHARE = 32;

    private final PartitionLookup lookup;
    private final int fetchMaxBytes;
    private final boolean rackAware;
    private final ReadLanes lanes;
    private final AnswerBudget budget;
    private final AnswerBuffers buffers;
    private final TrafficStats traffic;
    private final ScheduledThreadPoolExecutor timer;

    /**
     * @param lanes where segments are read: may block on the disk, never on anything else
     * @param stats of the Kafka port, for the bytes of answers that wait to be read
     */
    public FetchHandler(
            BrokerConfig config,
            MetadataCache metadata,
            LocalReplicas replicas,
            ReadLanes lanes,
            NetworkStats stats,
            TrafficStats traffic) {
        this(config.fetchMaxBytes(), config.rackAwareReads(), metadata, replicas, lanes, stats, traffic);
    }

    FetchHandler(
            int fetchMaxBytes,
            boolean rackAware,
            MetadataCache metadata,
            LocalReplicas replicas,
            ReadLanes lanes,
            NetworkStats stats,
            TrafficStats traffic) {
        this.traffic = traffic;
        this.rackAware = rackAware;
        this.lookup = new PartitionLookup(metadata, replicas);
        this.fetchMaxBytes = fetchMaxBytes;
        this.lanes = lanes;
        long heap = Runtime.getRuntime().maxMemory();
        this.budget = new AnswerBudget(heap / HEAP_SHARE, stats);
        this.buffers = new AnswerBuffers(Math.min(MOST_KEPT_BYTES, heap / KEPT_HEAP_SHARE));
        // Bounded by the connections: each has one fetch under way, and one that is done leaves the timer at once.
        this.timer = new ScheduledThreadPoolExecutor(1, task -> {
            Thread thread = new Thread(task, "fetch-timer");
            thread.setDaemon(true);
            return thread;
        });
        this.timer.setRemoveOnCancelPolicy(true);
        this.timer.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
    }

    @Override
    public ApiKeys apiKey() {
        return ApiKeys.FETCH;
    }

    @Override
    public short minVersion() {
        return 4;
    }

    @Override
    public short maxVersion() {
        return 18;
    }

    @Override
    public boolean oneAtATime() {
        return true;
    }

    @Override
    public void handle(RequestContext context, FetchRequestData request) {
        if (request.sessionEpoch() > 0) {
            context.respond(new FetchResponseData().setErrorCode(Errors.FETCH_SESSION_ID_NOT_FOUND.code()));
            return;
        }
        int maxBytes = Math.min(request.maxBytes(), fetchMaxBytes);
        FetchRead read = new FetchRead(lookup, context, request, buffers, rackAware);
        new PendingFetch(context, request, read, maxBytes, budget, lanes, timer, traffic).start();
    }

    /** Fetches that wait keep waiting for data or their connection's end; none times out any more. */
    @Override
    public void close() {
        timer.shutdownNow();
    }
}
