package io.troupe.it;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * kafka-clients 0.11, the oldest whose batches (v2) are ours, so nearly the lowest version of every API: {@code OldClient.java} run
 * from source in a JVM of its own over that jar, which the build copies to {@code target/old-client}.
 */
@Timeout(600)
class OldClientIT {

    @Test
    void kafkaClients011ProducesConsumesAndCommits() {
        try (BrokerProcess broker = BrokerProcess.start("old-client", Map.of())) {
            List<String> command = List.of(
                    KafkaInstall.javaProgram(),
                    "-Xmx128m",
                    "-XX:+UseSerialGC",
                    "-XX:TieredStopAtLevel=1",
                    "-cp",
                    jar("old-client", "kafka-clients-0.11") + ":" + jar("lib", "slf4j-api"),
                    KafkaInstall.resource("OldClient.java").toString(),
                    broker.bootstrap(),
                    "old");
            Run.Result result =
                    Run.command(command, null, Duration.ofSeconds(400)).orFail();
            assertEquals("done", result.stdout().strip());
        }
    }

    private static Path jar(String dir, String prefix) {
        try (Stream<Path> files = Files.list(Path.of("target", dir))) {
            return files.filter(file -> file.getFileName().toString().startsWith(prefix))
                    .findFirst()
                    .orElseThrow();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
