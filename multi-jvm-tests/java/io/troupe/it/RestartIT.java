package io.troupe.it;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a broker acknowledged is there after it stopped, in order or by SIGKILL, and started again on the same data. */
@Timeout(600)
class RestartIT {

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void everythingAcknowledgedSurvives(boolean killed) throws Exception {
        try (BrokerProcess broker = BrokerProcess.start("restart", Map.of())) {
            Clients clients = new Clients(broker);
            String topic = clients.topic("survivor", 1, Map.of("retention.ms", "987654321"));
            TopicPartition partition = new TopicPartition(topic, 0);
            ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
            String clusterId;
            String topicId;
            int sent = 0;
            try (Admin admin = clients.admin()) {
                clients.topic("dropped", 1, Map.of());
                Clients.get(admin.deleteTopics(List.of("dropped")).all());
                clusterId = Clients.get(admin.describeCluster().clusterId());
                topicId = topicId(admin, topic);
            }
            for (int round = 0; round < 2; round++) {
                // One producer lives through the stop: its sequence must go on where it was.
                try (var producer = clients.producer("delivery.timeout.ms", "300000", "acks", "all")) {
                    sent += send(producer, topic, sent, 400);
                    // Half of the round is read and committed by a member.
                    try (var consumer = clients.consumer("group.id", "readers", "max.poll.records", "200")) {
                        consumer.subscribe(List.of(topic));
                        assertEquals(
                                "v" + round * 600,
                                Clients.read(consumer, 200).get(0).value());
                        consumer.commitSync(
                                Map.of(partition, new OffsetAndMetadata((round + 1) * 600L, "round " + round)));
                    }
                    if (killed) {
                        broker.kill();
                    } else {
                        assertEquals(143, normalised(broker.terminate()));
                    }
                    broker.start();
                    sent += send(producer, topic, sent, 400);
                }
                try (Admin admin = clients.admin();
                        var consumer = clients.consumer("group.id", "readers")) {
                    assertEquals(clusterId, Clients.get(admin.describeCluster().clusterId()));
                    assertEquals(topicId, topicId(admin, topic));
                    assertEquals(Set.of(topic), Clients.get(admin.listTopics().names()));
                    assertEquals(
                            "987654321",
                            Clients.get(admin.describeConfigs(List.of(resource)).all())
                                    .get(resource)
                                    .get("retention.ms")
                                    .value());
                    assertEquals(
                            new OffsetAndMetadata((round + 1) * 600L, "round " + round),
                            consumer.committed(Set.of(partition)).get(partition));
                    consumer.assign(List.of(partition));
                    consumer.seekToBeginning(List.of(partition));
                    List<String> values = Clients.read(consumer, sent).stream()
                            .map(record -> record.value())
                            .toList();
                    for (int i = 0; i < sent; i++) {
                        assertEquals("v" + i, values.get(i));
                    }
                    assertEquals(sent, consumer.endOffsets(List.of(partition)).get(partition));
                }
            }
        }
    }

    /** An orderly end may report 0 or 128 + SIGTERM; both mean that the hooks ran. */
    private static int normalised(int exitCode) {
        return exitCode == 0 ? 143 : exitCode;
    }

    private static int send(Producer<String, String> producer, String topic, int from, int count) throws Exception {
        List<Future<RecordMetadata>> futures = new ArrayList<>();
        for (int i = from; i < from + count; i++) {
            futures.add(producer.send(new ProducerRecord<>(topic, "v" + i)));
        }
        for (int i = 0; i < count; i++) {
            assertEquals(from + i, futures.get(i).get(300, TimeUnit.SECONDS).offset());
        }
        return count;
    }

    private static String topicId(Admin admin, String topic) {
        return Clients.get(admin.describeTopics(List.of(topic)).allTopicNames())
                .get(topic)
                .topicId()
                .toString();
    }
}
