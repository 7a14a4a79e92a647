package io.troupe.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;

/**
 * An idempotent producer with acks=all that writes the numbers from 0, some hundred a second, to a topic's partitions in turn until
 * it is closed, and then checks what the topic holds: every acknowledged number, none twice, each partition's in the order sent.
 */
final class NumberedWriter implements AutoCloseable {
    private static final long PAUSE_NS = TimeUnit.MILLISECONDS.toNanos(2);
    private static final String FILLING = "x".repeat(200);

    private final String topic;
    private final int partitions;
    private final KafkaProducer<String, String> producer;
    private final Set<Integer> acknowledged = ConcurrentHashMap.newKeySet();
    private final ConcurrentLinkedQueue<String> failed = new ConcurrentLinkedQueue<>();
    private final Semaphore room = new Semaphore(200);
    private final Thread thread = new Thread(this::run, "numbered-writer");
    private volatile boolean stopping;

    private NumberedWriter(Clients clients, String topic, int partitions) {
        this.topic = topic;
        this.partitions = partitions;
        producer = clients.producer("acks", "all", "delivery.timeout.ms", "240000", "request.timeout.ms", "10000");
    }

    static NumberedWriter start(Clients clients, String topic, int partitions) {
        NumberedWriter writer = new NumberedWriter(clients, topic, partitions);
        writer.thread.start();
        return writer;
    }

    private void run() {
        for (int next = 0; !stopping; next++) {
            room.acquireUninterruptibly();
            int number = next;
            producer.send(
                    new ProducerRecord<>(topic, number % partitions, FILLING, "" + number), (metadata, failure) -> {
                        room.release();
                        if (failure == null) {
                            acknowledged.add(number);
                        } else {
                            failed.add(number + ": " + failure);
                        }
                    });
            LockSupport.parkNanos(PAUSE_NS);
        }
        producer.flush();
    }

    /** Waits until some more from now on are acknowledged, at least one to each partition. */
    void awaitProgress() {
        int enough = acknowledged.size() + Math.max(500, 2 * room.availablePermits() + 2 * partitions);
        Clients.await(enough + " acknowledged writes", () -> {
            assertTrue(failed.isEmpty(), () -> "failed: " + failed.peek());
            return acknowledged.size() >= enough;
        });
    }

    /** Stops writing, and fails unless every write succeeded. */
    void stop() {
        stopping = true;
        try {
            thread.join(TimeUnit.SECONDS.toMillis(270));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted", e);
        }
        assertEquals(List.of(), List.copyOf(failed), "an idempotent write failed");
    }

    /** After {@link #stop}: reads all that the topic holds. */
    void verify(Clients clients) {
        List<List<Integer>> read = new ArrayList<>();
        IntStream.range(0, partitions).forEach(p -> read.add(new ArrayList<>()));
        try (KafkaConsumer<String, String> consumer = clients.consumer()) {
            List<TopicPartition> all = IntStream.range(0, partitions)
                    .mapToObj(p -> new TopicPartition(topic, p))
                    .toList();
            consumer.assign(all);
            consumer.seekToBeginning(all);
            long count = consumer.endOffsets(all).values().stream()
                    .mapToLong(Long::longValue)
                    .sum();
            for (ConsumerRecord<String, String> record : Clients.read(consumer, (int) count)) {
                read.get(record.partition()).add(Integer.valueOf(record.value()));
            }
        }
        Set<Integer> missing = new HashSet<>(acknowledged);
        for (List<Integer> numbers : read) {
            assertEquals(numbers.stream().sorted().distinct().toList(), numbers, "each once, in the order sent");
            numbers.forEach(missing::remove);
        }
        assertEquals(Set.of(), missing, "acknowledged and lost");
    }

    @Override
    public void close() {
        stopping = true;
        producer.close(Duration.ofSeconds(10));
    }
}
