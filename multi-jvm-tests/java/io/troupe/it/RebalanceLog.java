package io.troupe.it;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.RebalanceInProgressException;

/**
 * What the members of one group in this JVM read, were given and had taken away, in the order in which it happened. What a member
 * reads is noted before its next poll, and its listener is called in a poll, so the order is true.
 */
final class RebalanceLog {
    private enum What {
        READ,
        REVOKED
    }

    private record Event(What what, Member member, TopicPartition partition, long offset, String value, long atNs) {}

    /** Guarded by this. */
    private final List<Event> events = new ArrayList<>();

    private synchronized void add(What what, Member member, TopicPartition partition, long offset, String value) {
        events.add(new Event(what, member, partition, offset, value, System.nanoTime()));
    }

    synchronized int size() {
        return events.size();
    }

    private synchronized List<Event> between(int begin, int end) {
        return List.copyOf(events.subList(begin, end));
    }

    private List<Event> from(int begin) {
        return between(begin, size());
    }

    Set<String> values() {
        Set<String> values = new HashSet<>();
        from(0).stream().filter(e -> e.what == What.READ).forEach(e -> values.add(e.value));
        return values;
    }

    long records() {
        return from(0).stream().filter(e -> e.what == What.READ).count();
    }

    long recordsOf(Member member, TopicPartition partition, int from) {
        return from(from).stream()
                .filter(e -> e.what == What.READ && e.member == member && e.partition.equals(partition))
                .count();
    }

    /** Those of a member's partitions that were taken from it. */
    Set<TopicPartition> revoked(Member member, Set<TopicPartition> partitions, int begin, int end) {
        Set<TopicPartition> revoked = new HashSet<>();
        between(begin, end).stream()
                .filter(e -> e.what == What.REVOKED && e.member == member && partitions.contains(e.partition))
                .forEach(e -> revoked.add(e.partition));
        return revoked;
    }

    /** Between two records of the same of a member's partitions. */
    long longestPauseMs(Member member, Set<TopicPartition> partitions, int begin, int end) {
        Map<TopicPartition, Long> last = new HashMap<>();
        long longestNs = 0;
        for (Event e : between(begin, end)) {
            if (e.what == What.READ && e.member == member && partitions.contains(e.partition)) {
                Long before = last.put(e.partition, e.atNs);
                longestNs = Math.max(longestNs, before == null ? 0 : e.atNs - before);
            }
        }
        return longestNs / 1_000_000;
    }

    /** Waits until every member has read that many more records. */
    void awaitRecords(List<Member> members, int count) {
        int from = size();
        Clients.await("everybody reads on", () -> {
            Map<Member, Integer> read = new HashMap<>();
            from(from).stream().filter(e -> e.what == What.READ).forEach(e -> read.merge(e.member, 1, Integer::sum));
            return members.stream().allMatch(m -> read.getOrDefault(m, 0) >= count);
        });
    }

    /** Nobody goes on with a partition that another one has read since, and while one reads it nothing comes twice or is left out. */
    void oneReaderAtATime() {
        Map<TopicPartition, Event> last = new HashMap<>();
        Map<TopicPartition, Set<Member>> former = new HashMap<>();
        for (Event e : from(0)) {
            Set<Member> gone = former.computeIfAbsent(e.partition, p -> new HashSet<>());
            if (e.what == What.REVOKED) {
                // It may be given it again.
                gone.remove(e.member);
                if (last.containsKey(e.partition) && last.get(e.partition).member == e.member) {
                    last.remove(e.partition);
                }
                continue;
            }
            Event before = last.put(e.partition, e);
            if (before != null && before.member == e.member) {
                assertEquals(before.offset + 1, e.offset, e.partition + " of one member");
            } else if (before != null) {
                gone.add(before.member);
            }
            assertEquals(false, gone.contains(e.member), e.partition + " is read by two");
        }
    }

    /** Polls, notes, and commits after each poll and when it loses something. */
    static final class Member extends Thread implements ConsumerRebalanceListener, AutoCloseable {
        private final KafkaConsumer<String, String> consumer;
        private final String topic;
        private final RebalanceLog log;
        private final Set<TopicPartition> owned = ConcurrentHashMap.newKeySet();
        private final List<Throwable> failures = new CopyOnWriteArrayList<>();
        private Runnable onFirstAssignment;
        private boolean uncommitted;
        private volatile boolean stopping;

        Member(KafkaConsumer<String, String> consumer, String topic, RebalanceLog log, Runnable onFirstAssignment) {
            super("member");
            this.consumer = consumer;
            this.topic = topic;
            this.log = log;
            this.onFirstAssignment = onFirstAssignment;
        }

        Set<TopicPartition> owned() {
            assertEquals(List.of(), failures);
            return Set.copyOf(owned);
        }

        @Override
        public void run() {
            try (consumer) {
                consumer.subscribe(List.of(topic), this);
                while (!stopping || uncommitted) {
                    for (ConsumerRecord<String, String> r : consumer.poll(Duration.ofMillis(50))) {
                        uncommitted = true;
                        log.add(What.READ, this, new TopicPartition(r.topic(), r.partition()), r.offset(), r.value());
                    }
                    commit();
                }
            } catch (RuntimeException | AssertionError e) {
                failures.add(e);
            }
        }

        private void commit() {
            if (uncommitted) {
                try {
                    consumer.commitSync(Duration.ofSeconds(100));
                    uncommitted = false;
                } catch (RebalanceInProgressException e) {
                    // Of the classic protocol: after the next poll, or when something is taken away.
                }
            }
        }

        @Override
        public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
            commit();
            owned.removeAll(partitions);
            partitions.forEach(p -> log.add(What.REVOKED, this, p, -1, null));
        }

        @Override
        public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
            owned.addAll(partitions);
            Runnable once = onFirstAssignment;
            onFirstAssignment = () -> {};
            once.run();
        }

        @Override
        public void close() {
            stopping = true;
            try {
                join(120_000);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            assertEquals(List.of(), failures);
        }
    }
}
