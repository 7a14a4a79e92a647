package io.troupe.it;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** Apache Kafka's jars (tools and broker), resolved by {@code bench/resolve-kafka.sh} into {@code target/kafka/lib} when first needed. */
final class KafkaInstall {
    private static final Path LIB = Path.of("target", "kafka", "lib").toAbsolutePath();

    private KafkaInstall() {}

    static synchronized Path lib() {
        if (!Files.exists(LIB.resolve(".complete"))) {
            Run.Result result = Run.command(List.of("bash", "bench/resolve-kafka.sh"), null, Duration.ofMinutes(5));
            if (result.exitCode() != 0) {
                throw new IllegalStateException("bench/resolve-kafka.sh failed: " + result.stderr());
            }
        }
        return LIB;
    }

    /** A command that runs a main class of Kafka's in a small JVM that logs to standard output. */
    static List<String> java(String heap, String mainClass) {
        List<String> command =
                new ArrayList<>(List.of(javaProgram(), heap, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"));
        command.addAll(List.of("-Dlog4j2.configurationFile=" + log4j(), "-cp", lib() + "/*", mainClass));
        return command;
    }

    static String javaProgram() {
        return Path.of(System.getProperty("java.home"), "bin", "java").toString();
    }

    static Path log4j() {
        return resource("kafka-log4j2.properties");
    }

    /** A file of this package's resources, copied to target/it so that other processes can read it. */
    static synchronized Path resource(String name) {
        Path file = BrokerProcess.ROOT.resolve(name);
        try (var in = KafkaInstall.class.getResourceAsStream(name)) {
            byte[] bytes = in.readAllBytes();
            Files.createDirectories(BrokerProcess.ROOT);
            if (!Files.exists(file) || Files.size(file) != bytes.length) {
                Files.write(file, bytes);
            }
            return file;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
