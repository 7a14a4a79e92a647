package io.troupe.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.LogDirDescription;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Two log dirs of one broker: partitions go where fewest are, stay there, and DescribeLogDirs tells it. */
@Timeout(600)
class SeveralLogDirsIT {
    @Test
    void partitionsAreSpreadAndComeBackWhereTheyWere() throws Exception {
        try (BrokerProcess broker = BrokerProcess.create("log-dirs", Map.of())) {
            Path first = broker.dir().resolve("data-a");
            Path second = broker.dir().resolve("data-b");
            broker.set("log.dirs", first + "," + second);
            broker.start();
            Clients clients = new Clients(broker);
            String topic = clients.topic("spread", 4, Map.of());
            try (var producer = clients.producer("acks", "all")) {
                for (int i = 0; i < 400; i++) {
                    producer.send(new ProducerRecord<>(topic, i % 4, "k" + i, "v".repeat(100)));
                }
            }
            Map<TopicPartition, String> homes;
            try (Admin admin = clients.admin()) {
                homes = homes(admin, topic);
                assertEquals(4, homes.size());
                for (Path dir : List.of(first, second)) {
                    assertEquals(
                            2,
                            homes.values().stream()
                                    .filter(dir.toString()::equals)
                                    .count(),
                            homes + " should be two in " + dir);
                }
            }
            broker.kill();
            broker.start();
            try (Admin admin = clients.admin()) {
                assertEquals(homes, homes(admin, topic));
            }
        }
    }

    private static Map<TopicPartition, String> homes(Admin admin, String topic) throws Exception {
        Map<TopicPartition, String> homes = new TreeMap<>((a, b) -> Integer.compare(a.partition(), b.partition()));
        for (Map.Entry<String, LogDirDescription> dir : admin.describeLogDirs(List.of(1))
                .allDescriptions()
                .get(30, TimeUnit.SECONDS)
                .get(1)
                .entrySet()) {
            assertTrue(dir.getValue().usableBytes().orElse(0) > 0, dir.toString());
            dir.getValue().replicaInfos().forEach((partition, replica) -> {
                if (partition.topic().equals(topic)) {
                    homes.put(partition, dir.getKey());
                    // One hundred records of a hundred bytes.
                    assertTrue(replica.size() > 10_000 && replica.size() < 20_000, partition + ": " + replica);
                }
            });
        }
        return homes;
    }
}
