package io.troupe.client;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import org.apache.kafka.clients.consumer.CloseOptions;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.clients.consumer.SubscriptionPattern;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.RebalanceInProgressException;
import org.apache.kafka.common.errors.WakeupException;

/**
 * The thread that owns a {@link ConsumerActor}'s Kafka consumer: polls for partitions that have room, and does what the actor asks between polls. It tells
 * its actor what it read and what became of partitions; only when partitions are taken back does it wait for the actor, as long as that drains them.
 *
 * <p>It lives once: from {@link #start} to the {@code ThreadEnded} that it tells last.
 */
final class ConsumerThread implements Runnable, ConsumerRebalanceListener {
    /** A poll that has nothing to bring ends by then; tasks and room end it before. */
    private static final Duration POLL = Duration.ofMillis(500);

    private static final Duration BROKER_LIMIT = Duration.ofSeconds(30);
    /** Beyond the time that the actor gives its partitions to drain. */
    private static final long DRAIN_GRACE_MS = 10_000;

    private static final AtomicLong SESSIONS = new AtomicLong();

    private final Supplier<Consumer<byte[], byte[]>> factory;
    private final ConsumerSettings<?, ?> settings;
    private final Subscription subscription;
    private final java.util.function.Consumer<ConsumerMessage> actor;
    private final Thread thread;
    private final ConcurrentLinkedQueue<Runnable> tasks = new ConcurrentLinkedQueue<>();
    private volatile boolean polling;
    private volatile boolean attention;
    private volatile boolean ending;
    private Consumer<byte[], byte[]> consumer;
    /** To be committed at the end; null while that is not near. */
    private Map<TopicPartition, OffsetAndMetadata> lastOffsets;

    private long leaveByNs;
    private final Map<TopicPartition, PartitionFlow> flows = new HashMap<>();

    /** @param actor is told from this thread only */
    ConsumerThread(
            String name,
            Supplier<Consumer<byte[], byte[]>> factory,
            ConsumerSettings<?, ?> settings,
            Subscription subscription,
            java.util.function.Consumer<ConsumerMessage> actor) {
        this.factory = factory;
        this.settings = settings;
        this.subscription = subscription;
        this.actor = actor;
        this.thread = new Thread(this, name);
        this.thread.setDaemon(true);
    }

    void start() {
        thread.start();
    }

    /** A name for a time in which a partition is had; no two are alike in this process. */
    static long newSession() {
        return SESSIONS.incrementAndGet();
    }

    /** To be done on the thread, soon. Not done any more once it ends. */
    void execute(Runnable task) {
        tasks.add(task);
        wake();
    }

    /** That there is something to look at between two polls: a task, or room in a partition that was full. */
    void wake() {
        if (!attention) {
            attention = true;
            if (polling) {
                consumer.wakeup();
            }
        }
    }

    /** Commits these, closes the consumer, ends. */
    void finish(Map<TopicPartition, OffsetAndMetadata> offsets) {
        execute(() -> {
            lastOffsets = new HashMap<>(offsets);
            leaveByNs = System.nanoTime() + BROKER_LIMIT.toNanos();
        });
    }

    /** Whether it is time to end. A commit that meets a rebalance is done when that is over, for which polls are needed. */
    private boolean leave() {
        lastOffsets.keySet().retainAll(flows.keySet());
        boolean again =
                commitSync(lastOffsets) instanceof RebalanceInProgressException && System.nanoTime() < leaveByNs;
        ending = !again;
        return ending;
    }

    /** Ends soon, without a commit; for an actor that is no more. */
    void abandon() {
        ending = true;
        wake();
    }

    @Override
    public void run() {
        RuntimeException failure = null;
        try {
            consumer = factory.get();
            subscribe();
            while (!ending) {
                attention = false;
                runTasks();
                if (!ending && (lastOffsets == null || !leave())) {
                    steer();
                    poll();
                }
            }
        } catch (Throwable e) {
            // Errors too (a codec that is missing, no memory for a record): nobody else would tell that this thread is
            // no more.
            failure = Failure.thrown(e);
        }
        if (consumer != null) {
            try {
                consumer.close(CloseOptions.timeout(BROKER_LIMIT));
            } catch (Throwable e) {
                failure = failure == null ? Failure.thrown(e) : failure;
            }
        }
        actor.accept(new ConsumerMessage.ThreadEnded(failure));
    }

    private void subscribe() {
        if (subscription instanceof Subscription.Topics topics) {
            consumer.subscribe(topics.topics(), this);
        } else if (subscription instanceof Subscription.Matching matching) {
            if (settings.isConsumerProtocol()) {
                consumer.subscribe(new SubscriptionPattern(matching.expression()), this);
            } else {
                consumer.subscribe(Pattern.compile(matching.expression()), this);
            }
        } else if (subscription instanceof Subscription.Partitions some) {
            consumer.assign(some.partitions());
            onPartitionsAssigned(some.partitions());
        }
    }

    private void runTasks() {
        for (Runnable task = tasks.poll(); task != null; task = tasks.poll()) {
            task.run();
        }
    }

    /** Pauses what is full and resumes what has room. */
    private void steer() {
        List<PartitionFlow> full = new ArrayList<>();
        List<PartitionFlow> free = new ArrayList<>();
        for (PartitionFlow flow : flows.values()) {
            if (!flow.paused && flow.isFull()) {
                flow.paused = true;
                full.add(flow);
            }
            // Looked at after it is marked, so that whoever makes room either sees the mark and wakes this thread or is
            // seen here.
            if (flow.paused && flow.isHalfEmpty()) {
                flow.paused = false;
                free.add(flow);
            }
        }
        change(full, true);
        change(free, false);
    }

    private void change(List<PartitionFlow> some, boolean paused) {
        // None at all would still cost the newer consumer a round trip to its own thread.
        if (some.isEmpty()) {
            return;
        }
        List<TopicPartition> partitions =
                some.stream().map(flow -> flow.partition).toList();
        try {
            if (paused) {
                consumer.pause(partitions);
            } else {
                consumer.resume(partitions);
            }
        } catch (IllegalStateException e) {
            // One of them is being taken away, of which the next poll tells; the others are looked at again behind it.
            some.forEach(flow -> flow.paused = !paused);
            attention = true;
        }
    }

    private void poll() {
        ConsumerRecords<byte[], byte[]> records;
        polling = true;
        try {
            // Who comes now finds that it polls, and wakes it.
            records = consumer.poll(attention ? Duration.ZERO : POLL);
        } catch (WakeupException e) {
            return;
        } finally {
            polling = false;
        }
        if (records.isEmpty()) {
            return;
        }
        List<ConsumerMessage.Batch> batches = new ArrayList<>();
        for (TopicPartition partition : records.partitions()) {
            List<ConsumerRecord<byte[], byte[]>> some = records.records(partition);
            PartitionFlow flow = flows.get(partition);
            if (flow != null && !some.isEmpty()) {
                long bytes = 0;
                for (ConsumerRecord<byte[], byte[]> record : some) {
                    bytes += PartitionWork.bytes(record);
                }
                flow.add(some.size(), bytes);
                batches.add(new ConsumerMessage.Batch(
                        flow, some, records.nextOffsets().get(partition)));
            }
        }
        actor.accept(new ConsumerMessage.Polled(batches));
    }

    /** Commits without waiting; the result is told in a later poll. */
    void commitAsync(Map<TopicPartition, OffsetAndMetadata> offsets) {
        execute(() -> consumer.commitAsync(
                offsets, (committed, e) -> actor.accept(new ConsumerMessage.Committed(offsets, e))));
    }

    /** Null when it is done, or there is nothing to do. */
    private RuntimeException commitSync(Map<TopicPartition, OffsetAndMetadata> offsets) {
        if (offsets.isEmpty() || !settings.hasGroup()) {
            return null;
        }
        RuntimeException failure = null;
        try {
            awake(() -> {
                consumer.commitSync(offsets, BROKER_LIMIT);
                return true;
            });
        } catch (RuntimeException e) {
            failure = e;
        }
        actor.accept(new ConsumerMessage.Committed(offsets, failure));
        return failure;
    }

    /** A wake-up that came too late for its poll is no reason to leave what waits now. */
    private static <T> T awake(Supplier<T> call) {
        for (int attempt = 0; ; attempt++) {
            try {
                return call.get();
            } catch (WakeupException e) {
                if (attempt == 10) {
                    throw e;
                }
            }
        }
    }

    /** Reads a partition from elsewhere; told as {@code Sought}, unless the partition is gone. */
    void seek(PartitionFlow flow, ConsumerActor.Seek seek) {
        execute(() -> {
            PartitionFlow old = flows.get(flow.partition);
            if (old != null) {
                // If that fails this consumer ends, for it does not know where it stands, and the next begins from what
                // is committed.
                long position = awake(() -> position(flow.partition, seek.to()));
                flow.paused = old.paused;
                flows.put(flow.partition, flow);
                actor.accept(new ConsumerMessage.Sought(flow, position));
            }
        });
    }

    private long position(TopicPartition partition, ConsumerActor.Position to) {
        Set<TopicPartition> one = Set.of(partition);
        if (to instanceof ConsumerActor.Offset offset) {
            consumer.seek(partition, offset.offset());
        } else if (to instanceof ConsumerActor.Timestamp time) {
            OffsetAndTimestamp found = consumer.offsetsForTimes(Map.of(partition, time.timestampMs()), BROKER_LIMIT)
                    .get(partition);
            if (found == null) {
                consumer.seekToEnd(one);
            } else {
                consumer.seek(partition, found.offset());
            }
        } else if (to == ConsumerActor.Edge.BEGINNING) {
            consumer.seekToBeginning(one);
        } else {
            consumer.seekToEnd(one);
        }
        return consumer.position(partition, BROKER_LIMIT);
    }

    @Override
    public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
        List<PartitionFlow> assigned = new ArrayList<>();
        for (TopicPartition partition : partitions) {
            PartitionFlow flow = new PartitionFlow(partition, newSession(), settings);
            flows.put(partition, flow);
            assigned.add(flow);
        }
        if (!assigned.isEmpty()) {
            actor.accept(new ConsumerMessage.Assigned(assigned));
        }
    }

    @Override
    public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
        Set<TopicPartition> revoked = new HashSet<>(partitions);
        revoked.retainAll(flows.keySet());
        if (revoked.isEmpty()) {
            return;
        }
        // Nobody needs to wake what is about to wait for them, and a commit that is woken is no commit.
        boolean inPoll = polling;
        polling = false;
        flows.keySet().removeAll(revoked);
        commitSync(drained(revoked));
        actor.accept(new ConsumerMessage.Gone(revoked, false));
        polling = inPoll;
    }

    private Map<TopicPartition, OffsetAndMetadata> drained(Set<TopicPartition> partitions) {
        CompletableFuture<Map<TopicPartition, OffsetAndMetadata>> drained = new CompletableFuture<>();
        actor.accept(new ConsumerMessage.Drain(partitions, drained));
        long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(settings.drainTimeoutMs() + DRAIN_GRACE_MS);
        try {
            // In short waits, for the actor may be no more.
            while (!ending && System.nanoTime() < end) {
                try {
                    return drained.get(100, TimeUnit.MILLISECONDS);
                } catch (TimeoutException e) {
                    // Asked again.
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (ExecutionException e) {
            throw new IllegalStateException(e);
        }
        return Map.of();
    }

    @Override
    public void onPartitionsLost(Collection<TopicPartition> partitions) {
        Set<TopicPartition> lost = new HashSet<>(partitions);
        lost.retainAll(flows.keySet());
        flows.keySet().removeAll(lost);
        if (!lost.isEmpty()) {
            actor.accept(new ConsumerMessage.Gone(lost, true));
        }
    }
}
