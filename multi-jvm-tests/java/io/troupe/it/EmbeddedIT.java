package io.troupe.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.embedded.BootstrapServers;
import io.troupe.embedded.ClientConfig;
import io.troupe.embedded.EmbeddedTroupe;
import io.troupe.embedded.TroupeTest;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartitionInfo;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Three brokers in this JVM, and one in a JVM that has nothing but its class path. */
@Timeout(600)
@TroupeTest(brokers = 3)
class EmbeddedIT {
    private static TopicPartitionInfo partition(Admin admin) {
        return Clients.get(admin.describeTopics(List.of("t")).allTopicNames())
                .get("t")
                .partitions()
                .get(0);
    }

    @Test
    void nothingAcknowledgedIsLostWithTheLeader(
            EmbeddedTroupe troupe,
            @ClientConfig("acks=all") KafkaProducer<String, String> producer,
            KafkaConsumer<String, String> consumer,
            Admin admin,
            @BootstrapServers String servers)
            throws Exception {
        assertEquals(3, servers.split(",").length);
        Clients.get(
                admin.createTopics(List.of(new NewTopic("t", 1, (short) 3).configs(Map.of("min.insync.replicas", "2"))))
                        .all());
        producer.send(new ProducerRecord<>("t", "before")).get(60, TimeUnit.SECONDS);
        int leader = partition(admin).leader().id();
        troupe.kill(leader);
        producer.send(new ProducerRecord<>("t", "without")).get(120, TimeUnit.SECONDS);
        assertTrue(partition(admin).leader().id() != leader);
        troupe.restart(leader);
        Clients.await("all are in sync", () -> partition(admin).isr().size() == 3);
        producer.send(new ProducerRecord<>("t", "after")).get(60, TimeUnit.SECONDS);
        consumer.subscribe(List.of("t"));
        assertEquals(
                List.of("before", "without", "after"),
                Clients.read(consumer, 3).stream().map(r -> r.value()).toList());
    }

    @Test
    void aHostNeedsNoOptionsAndNoLoggingLibrary() throws Exception {
        String libraries;
        try (Stream<Path> jars = Files.list(Path.of("target", "lib"))) {
            libraries = jars.map(Path::toString)
                    .filter(jar -> !jar.contains("logback"))
                    .collect(Collectors.joining(File.pathSeparator));
        }
        // Not the jar, whose manifest names all libraries.
        String classPath = String.join(File.pathSeparator, "target/classes", "target/test-classes", libraries);
        Run.Result result = Run.command(
                        List.of(KafkaInstall.javaProgram(), "-Xmx128m", "-cp", classPath, PlainJvm.class.getName()),
                        null,
                        Duration.ofSeconds(120))
                .orFail();
        assertEquals("read back\n", result.stdout());
        assertEquals(
                List.of(),
                result.stderr()
                        .lines()
                        .filter(line -> !line.startsWith("SLF4J"))
                        .toList(),
                "what it says beside slf4j's own note");
    }
}
