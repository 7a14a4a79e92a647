package io.troupe.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InvalidTimestampException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Three brokers whose clocks are six hours apart from one another: they form a cluster, elect, replicate and keep offsets all
 * the same, for nothing that they agree on is told by a clock. Needs libfaketime.
 */
@Timeout(1200)
class ClocksApartIT {
    private static final long TWO_DAYS_MS = TimeUnit.DAYS.toMillis(2);
    private static final TopicPartition READ = new TopicPartition("apart", 0);

    @Test
    void clocksApartByHoursCostNothing() throws Exception {
        Need.troupe();
        // By default a broker refuses what lies an hour ahead of its clock.
        try (ClusterProcess cluster =
                ClusterProcess.create("clocks", 3, 3, Map.of("log.message.timestamp.after.max.ms", "" + TWO_DAYS_MS))) {
            cluster.broker(1).clock("-6h");
            cluster.broker(3).clock("+6h");
            cluster.start(1, 2, 3);
            try (CheckedTopic topic = CheckedTopic.create(cluster, "apart", List.of(1, 2, 3), List.of(1, 2, 3), 2)) {
                commit(cluster);
                int first = cluster.controller();
                for (int down : new int[] {first, first % 3 + 1}) {
                    cluster.kill(down);
                    topic.awaitWrites(50);
                    assertEquals(7, committed(cluster));
                    cluster.start(down);
                    topic.awaitInSync();
                }
                topic.check();
            }
            assertTheClockIsTheBrokersOwn(cluster);
        }
    }

    /** As in Kafka: a broker stamps by its clock, and refuses what it takes for far ahead. */
    private static void assertTheClockIsTheBrokersOwn(ClusterProcess cluster) throws Exception {
        Clients clients = cluster.clients();
        try (KafkaProducer<String, String> producer = clients.producer("acks", "all")) {
            clients.create(new NewTopic("stamped", Map.of(0, List.of(1)))
                    .configs(Map.of("message.timestamp.type", "LogAppendTime")));
            clients.create(new NewTopic("limited", Map.of(0, List.of(1)))
                    .configs(Map.of("message.timestamp.after.max.ms", "3600000")));
            long stampedMs = producer.send(new ProducerRecord<>("stamped", "k", "v"))
                    .get(150, TimeUnit.SECONDS)
                    .timestamp();
            long behindMs = System.currentTimeMillis() - stampedMs;
            assertTrue(behindMs > TimeUnit.HOURS.toMillis(5), "broker 1 is " + behindMs + " ms behind");
            ExecutionException refused = assertThrows(
                    ExecutionException.class, () -> producer.send(new ProducerRecord<>("limited", "k", "v"))
                            .get(150, TimeUnit.SECONDS));
            assertInstanceOf(InvalidTimestampException.class, refused.getCause());
        }
    }

    private static void commit(ClusterProcess cluster) {
        try (KafkaConsumer<String, String> consumer =
                cluster.clients().consumer("group.id", "readers", "default.api.timeout.ms", "120000")) {
            consumer.assign(List.of(READ));
            consumer.commitSync(Map.of(READ, new OffsetAndMetadata(7)));
        }
    }

    private static long committed(ClusterProcess cluster) {
        try (KafkaConsumer<String, String> consumer =
                cluster.clients().consumer("group.id", "readers", "default.api.timeout.ms", "120000")) {
            return consumer.committed(Set.of(READ)).get(READ).offset();
        }
    }
}
