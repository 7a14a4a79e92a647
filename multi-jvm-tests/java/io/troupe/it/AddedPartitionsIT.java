package io.troupe.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.CreatePartitionsOptions;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.errors.InvalidPartitionsException;
import org.apache.kafka.common.errors.InvalidReplicaAssignmentException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A topic that gets more partitions while it is in use, and keeps them through a restart. */
@Timeout(1200)
class AddedPartitionsIT {

    @Test
    void aTopicGrowsUnderItsClients() throws Exception {
        try (BrokerProcess broker = BrokerProcess.start("growth", Map.of())) {
            Clients clients = new Clients(broker);
            String topic = clients.topic("growing", 1, Map.of());
            try (Admin admin = clients.admin();
                    var producer = clients.producer("acks", "all", "metadata.max.age.ms", "300");
                    var consumer = clients.consumer("group.id", "g", "metadata.max.age.ms", "300")) {
                consumer.subscribe(List.of(topic));
                producer.send(new ProducerRecord<>(topic, 0, "k", "0")).get(120, TimeUnit.SECONDS);
                assertEquals("0", Clients.read(consumer, 1).get(0).value());

                refuses(admin, topic);
                Clients.get(admin.createPartitions(
                                Map.of(topic, NewPartitions.increaseTo(3)),
                                new CreatePartitionsOptions().validateOnly(true))
                        .all());
                assertEquals(1, partitions(admin, topic));
                Clients.get(admin.createPartitions(
                                Map.of(topic, NewPartitions.increaseTo(3, List.of(List.of(1), List.of(1)))))
                        .all());
                Clients.get(admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(4)))
                        .all());
                Clients.await("grown", () -> partitions(admin, topic) == 4);

                Clients.await(
                        "the producer knows",
                        () -> producer.partitionsFor(topic).size() == 4);
                for (int p = 0; p < 4; p++) {
                    producer.send(new ProducerRecord<>(topic, p, "k", "in " + p))
                            .get(120, TimeUnit.SECONDS);
                }
                Set<String> values = new HashSet<>();
                Clients.await("the member reads all partitions", () -> {
                    consumer.poll(Duration.ofMillis(200)).forEach(record -> values.add(record.value()));
                    return values.containsAll(Set.of("in 0", "in 1", "in 2", "in 3"));
                });
                broker.kill();
                broker.start();
                assertEquals(4, partitions(admin, topic));
                producer.send(new ProducerRecord<>(topic, 3, "k", "after")).get(120, TimeUnit.SECONDS);
            }
        }
    }

    private static int partitions(Admin admin, String topic) {
        return Clients.get(admin.describeTopics(List.of(topic)).allTopicNames())
                .get(topic)
                .partitions()
                .size();
    }

    private static void refuses(Admin admin, String topic) {
        assertThrows(InvalidPartitionsException.class, () -> grow(admin, topic, NewPartitions.increaseTo(1)));
        assertThrows(InvalidPartitionsException.class, () -> grow(admin, topic, NewPartitions.increaseTo(0)));
        assertThrows(
                InvalidReplicaAssignmentException.class,
                () -> grow(admin, topic, NewPartitions.increaseTo(3, List.of(List.of(1)))));
        assertThrows(
                InvalidReplicaAssignmentException.class,
                () -> grow(admin, topic, NewPartitions.increaseTo(2, List.of(List.of(77)))));
        assertThrows(UnknownTopicOrPartitionException.class, () -> grow(admin, "nowhere", NewPartitions.increaseTo(2)));
    }

    private static void grow(Admin admin, String topic, NewPartitions more) {
        Clients.get(admin.createPartitions(Map.of(topic, more)).all());
    }
}
