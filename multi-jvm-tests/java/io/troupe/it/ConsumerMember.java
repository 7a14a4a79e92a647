package io.troupe.it;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import org.apache.kafka.clients.consumer.CloseOptions;
import org.apache.kafka.clients.consumer.CommitFailedException;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.SubscriptionPattern;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.RebalanceInProgressException;

/**
 * A member of a group, of the consumer protocol unless told otherwise, on a thread of its own: polls, notes what came and commits
 * after each poll.
 */
final class ConsumerMember implements AutoCloseable, ConsumerRebalanceListener {
    /** Guarded by this. */
    private final Set<TopicPartition> owned = new HashSet<>();
    /** Since the round began. Guarded by this. */
    private final Set<TopicPartition> lost = new HashSet<>();

    private final List<Throwable> failures = new CopyOnWriteArrayList<>();
    private final Collection<String> seen;
    private final KafkaConsumer<String, String> consumer;
    private final Thread thread;
    private final boolean classic;
    private volatile boolean stopping;

    /**
     * @param seen where values go, as they come
     * @param subscribing is given this member to subscribe it
     */
    ConsumerMember(
            Clients clients,
            String group,
            Collection<String> seen,
            Consumer<ConsumerMember> subscribing,
            String... more) {
        this.seen = seen;
        List<String> settings =
                new ArrayList<>(List.of("group.id", group, "group.protocol", "consumer", "max.poll.records", "50"));
        settings.addAll(List.of(more));
        classic = List.of(more).contains("classic");
        consumer = clients.consumer(settings.toArray(String[]::new));
        subscribing.accept(this);
        thread = new Thread(this::run, group + "-member");
        thread.start();
    }

    void subscribe(List<String> topics) {
        consumer.subscribe(topics, this);
    }

    void subscribe(SubscriptionPattern pattern) {
        consumer.subscribe(pattern, this);
    }

    private void run() {
        try {
            while (!stopping) {
                var records = consumer.poll(Duration.ofMillis(50));
                records.forEach(record -> seen.add(record.value()));
                if (!records.isEmpty()) {
                    commit();
                }
            }
        } catch (RuntimeException e) {
            failures.add(e);
        } finally {
            consumer.close(CloseOptions.timeout(Duration.ofSeconds(60)));
        }
    }

    private void commit() {
        try {
            consumer.commitSync(Duration.ofSeconds(100));
        } catch (CommitFailedException | RebalanceInProgressException e) {
            // In a rebalance members of the classic protocol may not commit; what was read comes again, to them or to
            // others.
            if (!classic) {
                throw e;
            }
        }
    }

    synchronized Set<TopicPartition> owned() {
        assertEquals(List.of(), failures);
        return Set.copyOf(owned);
    }

    /** Partitions that were taken away since {@link #beginRound}. */
    synchronized Set<TopicPartition> lost() {
        assertEquals(List.of(), failures);
        return Set.copyOf(lost);
    }

    /** Forgets what was lost so far; returns what it has. */
    synchronized Set<TopicPartition> beginRound() {
        lost.clear();
        return Set.copyOf(owned);
    }

    @Override
    public synchronized void onPartitionsRevoked(Collection<TopicPartition> partitions) {
        owned.removeAll(partitions);
        lost.addAll(partitions);
    }

    @Override
    public synchronized void onPartitionsAssigned(Collection<TopicPartition> partitions) {
        owned.addAll(partitions);
    }

    @Override
    public void close() {
        stopping = true;
        try {
            thread.join(120_000);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        assertEquals(List.of(), failures);
    }
}
