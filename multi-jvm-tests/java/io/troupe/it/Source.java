package io.troupe.it;

import static org.junit.jupiter.api.Assertions.assertFalse;

import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.producer.ProducerRecord;

/** Sends records with values v0, v1 and on, one to each partition of a topic every ten milliseconds or more, until it is ended. */
final class Source implements AutoCloseable {
    private static final long PAUSE_MS = 10;

    private final Clients clients;
    private final String topic;
    private final int partitions;
    private final Set<String> sent = new HashSet<>();
    private final CountDownLatch stopping = new CountDownLatch(1);
    private final Thread thread = new Thread(this::run, "source");

    Source(Clients clients, String topic, int partitions) {
        this.clients = clients;
        this.topic = topic;
        this.partitions = partitions;
        thread.start();
    }

    private void run() {
        try (var producer = clients.producer()) {
            do {
                for (int p = 0; p < partitions; p++) {
                    String value = "v" + sent.size();
                    sent.add(value);
                    producer.send(new ProducerRecord<>(topic, p, null, value));
                }
                producer.flush();
            } while (!stopping.await(PAUSE_MS, TimeUnit.MILLISECONDS));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Nothing is sent any more. @return all that was */
    Set<String> end() {
        stopping.countDown();
        try {
            thread.join(120_000);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        assertFalse(thread.isAlive(), "the source has not ended");
        return sent;
    }

    @Override
    public void close() {
        end();
    }
}
