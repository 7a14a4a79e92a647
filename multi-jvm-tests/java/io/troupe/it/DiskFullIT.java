package io.troupe.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.KafkaStorageException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * A log dir that is full goes offline alone: its producers are told KAFKA_STORAGE_ERROR, the other dir serves on, and after
 * a restart with room everything acknowledged is there. Needs the right to mount a small tmpfs.
 */
@Timeout(600)
class DiskFullIT {

    @Test
    void aFullDirGoesOfflineAloneAndRecoversWithRoom() throws Exception {
        try (BrokerProcess broker = BrokerProcess.create("diskfull", Map.of())) {
            Path roomy = broker.dir().resolve("data-a");
            Path small = broker.dir().resolve("data-b");
            SmallDisk.mount(small, "8m");
            try {
                broker.set("log.dirs", roomy + "," + small);
                broker.start();
                fill(broker, small);
            } finally {
                if (broker.isAlive()) {
                    broker.kill();
                }
                SmallDisk.unmount(small);
            }
        }
    }

    private static void fill(BrokerProcess broker, Path small) throws Exception {
        Clients clients = new Clients(broker);
        String topic = clients.topic("filling", 4, Map.of());
        List<Integer> onSmall = new ArrayList<>();
        List<Integer> onRoomy = new ArrayList<>();
        for (int p = 0; p < 4; p++) {
            int partition = p;
            Clients.await(
                    "partition " + p + " has a directory",
                    () -> Files.exists(small.resolve("filling-" + partition))
                            || Files.exists(small.resolveSibling("data-a").resolve("filling-" + partition)));
            (Files.exists(small.resolve("filling-" + p)) ? onSmall : onRoomy).add(p);
        }
        assertTrue(!onSmall.isEmpty() && !onRoomy.isEmpty(), onSmall + " and " + onRoomy);
        Set<String> acknowledged = new HashSet<>();
        String filling = "x".repeat(50_000);
        Throwable refused = null;
        // Retries off: what the broker answers is what the test sees.
        try (KafkaProducer<String, String> producer =
                clients.producer("acks", "all", "enable.idempotence", "false", "retries", "0")) {
            for (int i = 0; i < 1_000 && refused == null; i++) {
                try {
                    producer.send(new ProducerRecord<>(topic, onSmall.get(0), "v" + i, filling))
                            .get(120, TimeUnit.SECONDS);
                    acknowledged.add("v" + i);
                } catch (ExecutionException e) {
                    refused = e.getCause();
                }
            }
            assertInstanceOf(KafkaStorageException.class, refused);
            assertTrue(acknowledged.size() > 50, "only " + acknowledged.size() + " fitted");
            for (int i = 0; i < 20; i++) {
                producer.send(new ProducerRecord<>(topic, onRoomy.get(0), "w" + i, "beside"))
                        .get(120, TimeUnit.SECONDS);
            }
        }
        assertTrue(broker.isAlive());
        broker.awaitOutput("Log dir " + small + " goes offline", 0);

        broker.terminate();
        SmallDisk.resize(small, "64m");
        broker.start();
        TopicPartition refilled = new TopicPartition(topic, onSmall.get(0));
        try (KafkaConsumer<String, String> consumer = clients.consumer()) {
            consumer.assign(List.of(refilled));
            consumer.seekToBeginning(List.of(refilled));
            long end = consumer.endOffsets(List.of(refilled)).get(refilled);
            Set<String> found = new HashSet<>();
            Clients.read(consumer, (int) end).forEach(r -> found.add(r.key()));
            assertTrue(found.containsAll(acknowledged));
            assertEquals(end, found.size());
        }
        try (KafkaProducer<String, String> producer = clients.producer("acks", "all")) {
            producer.send(new ProducerRecord<>(topic, onSmall.get(0), "again", filling))
                    .get(120, TimeUnit.SECONDS);
        }
    }
}
