package io.troupe.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Starts that must not succeed, each ending with a code other than 0 and a message that names the key, value or path; and damaged data that must.
 */
@Timeout(600)
class BadStartIT {
    private static final Duration LIMIT = Duration.ofSeconds(120);
    /** Of a topic of these tests, whose records are of 1970: half a minute after its start a broker looks for old ones. */
    private static final Map<String, String> KEEPS_ALL = Map.of("retention.ms", "-1");

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "no.such.key|1|no.such.key",
                "num.partitions|many|many",
                "num.partitions|0|num.partitions",
                "broker.id|-7|-7",
                "listeners|nonsense|nonsense",
                "log.segment.bytes|3|log.segment.bytes",
                "troupe.http.listener|127.0.0.1:99999|99999",
                "listeners|PLAINTEXT://127.0.0.1:29555,OTHER://127.0.0.1:29555|29555",
                "controller.quorum.voters|1@127.0.0.1:29556,2@127.0.0.1:29557|two voters",
            })
    void aWrongSettingIsNamed(String key, String value, String named) {
        Need.troupe();
        try (BrokerProcess broker = BrokerProcess.create("bad-setting", Map.of(key, value))) {
            refuses(broker, key, named);
        }
    }

    @Test
    void aConfigurationFileThatIsNotThereIsNamed() {
        Need.troupe();
        Run.Result result = Run.command(
                List.of(
                        KafkaInstall.javaProgram(),
                        "-Xmx128m",
                        "-cp",
                        "target/troupe.jar:target/lib/*",
                        "io.troupe.server.Main",
                        "/no/such/server.properties"),
                null,
                LIMIT);
        assertNotEquals(0, result.exitCode());
        assertTrue((result.stdout() + result.stderr()).contains("/no/such/server.properties"), result.stderr());
    }

    @Test
    void aPortThatIsTakenIsNamed() throws IOException {
        try (BrokerProcess broker = BrokerProcess.create("port-taken", Map.of());
                ServerSocket taken = new ServerSocket(broker.port(), 1, InetAddress.getByName("127.0.0.1"))) {
            refuses(broker, "" + taken.getLocalPort());
        }
    }

    @Test
    void aDataDirectoryInUseIsNamedAndItsBrokerGoesOn() throws Exception {
        // Kafka refuses the second start as well, but its combined node touches the metadata first and takes the
        // running broker down.
        Need.troupe();
        try (BrokerProcess first = BrokerProcess.start("in-use", Map.of())) {
            Clients clients = new Clients(first);
            String topic = clients.topic("goes-on", 1, KEEPS_ALL);
            try (BrokerProcess second = BrokerProcess.create(
                    "in-use-too", Map.of("log.dirs", first.data().toString()))) {
                refuses(second, first.data().toString());
            }
            produce(clients, topic, 0, 10);
            assertReads(clients, topic, 10);
        }
    }

    @Test
    void aDirectoryOfAnotherBrokerIsRefused() {
        Need.troupe();
        try (BrokerProcess broker = BrokerProcess.start("other-id", Map.of())) {
            broker.terminate();
            refuses(broker.set("broker.id", "2"), broker.data().toString());
            // Nothing was changed by the attempt.
            broker.set("broker.id", "1").start();
        }
    }

    @Test
    void aDirectoryOfAnotherClusterIsRefused() {
        Need.troupe();
        try (BrokerProcess broker = BrokerProcess.start("other-cluster", Map.of())) {
            broker.terminate();
            refuses(
                    broker.set("cluster.id", "AAAAAAAAAAAAAAAAAAAAAQ"),
                    broker.data().toString(),
                    "AAAAAAAAAAAAAAAAAAAAAQ");
        }
    }

    /** Nobody may write there, not even root: one is no directory, the other is the kernel's. */
    @ParameterizedTest
    @ValueSource(strings = {"/proc/troupe-data", "/dev/null/data"})
    void aDirectoryThatCannotBeWrittenIsNamed(String path) {
        Need.troupe();
        try (BrokerProcess broker = BrokerProcess.create("unwritable", Map.of("log.dirs", path))) {
            refuses(
                    broker,
                    "log.dirs: " + path + " cannot be used: ",
                    " begins as node 1 on Java ",
                    broker.dir().resolve("server.properties").toString());
        }
    }

    @Test
    void aReadOnlyDirectoryIsNamed() throws IOException {
        Need.troupe();
        try (BrokerProcess broker = BrokerProcess.create("read-only", Map.of())) {
            Files.createDirectories(broker.data());
            assertTrue(broker.data().toFile().setWritable(false));
            try {
                // Root may write everywhere, whatever the mode says.
                if (!Files.isWritable(broker.data())) {
                    refuses(broker, broker.data().toString());
                }
            } finally {
                assertTrue(broker.data().toFile().setWritable(true));
            }
        }
    }

    /** {@code SIGKILL} in front of it: a clean end would let a broker trust what it wrote. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void theIndexMayBeDeletedOrDamagedAndIsRebuilt(boolean damaged) throws Exception {
        Need.troupe();
        try (BrokerProcess broker = BrokerProcess.start("index", Map.of("log.segment.bytes", "20000"))) {
            Clients clients = new Clients(broker);
            String topic = clients.topic("indexed", 1, KEEPS_ALL);
            produce(clients, topic, 0, 2000);
            broker.kill();
            List<Path> levelDbs = find(broker.data(), "CURRENT");
            assertFalse(levelDbs.isEmpty(), "no LevelDB directory under " + broker.data());
            for (Path current : levelDbs) {
                if (damaged) {
                    damage(current.getParent());
                } else {
                    BrokerProcess.delete(current.getParent());
                }
            }
            broker.start();
            assertReads(clients, topic, 2000);
            produce(clients, topic, 2000, 10);
            assertReads(clients, topic, 2010);
            try (var consumer = clients.consumer()) {
                TopicPartition partition = new TopicPartition(topic, 0);
                assertEquals(
                        1234,
                        consumer.offsetsForTimes(Map.of(partition, 1_000_000L + 1234))
                                .get(partition)
                                .offset());
            }
        }
    }

    @Test
    void aTornTailIsCutAtTheLastWholeBatch() throws Exception {
        try (BrokerProcess broker = BrokerProcess.start("torn", Map.of())) {
            Clients clients = new Clients(broker);
            String topic = clients.topic("torn", 1, KEEPS_ALL);
            produce(clients, topic, 0, 500);
            broker.kill();
            // Half a batch header and rubbish, as a write cut short by a crash leaves it.
            Files.write(
                    segment(broker, topic),
                    new byte[] {0, 0, 0, 0, 0, 0, 1, 0x7f, 0, 0, 1, 0, 0, 0, 0, 0, 2, 9, 9},
                    StandardOpenOption.APPEND);
            broker.start();
            assertReads(clients, topic, 500);
            produce(clients, topic, 500, 10);
            assertReads(clients, topic, 510);
        }
    }

    /** A flipped byte in a closed segment is damage that no crash explains: never silently skipped, and other topics are served. */
    @Test
    void aFlippedByteIsNeverReadAsData() throws Exception {
        Need.troupe();
        try (BrokerProcess broker = BrokerProcess.start("flipped", Map.of("log.segment.bytes", "20000"))) {
            Clients clients = new Clients(broker);
            String topic = clients.topic("flipped", 1, KEEPS_ALL);
            String other = clients.topic("whole", 1, KEEPS_ALL);
            produce(clients, topic, 0, 2000);
            produce(clients, other, 0, 100);
            broker.kill();
            Path first = segment(broker, topic);
            try (FileChannel channel = FileChannel.open(first, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
                long at = channel.size() / 2;
                ByteBuffer one = ByteBuffer.allocate(1);
                channel.read(one, at);
                one.put(0, (byte) (one.get(0) ^ 0x10)).rewind();
                channel.write(one, at);
            }
            broker.launch();
            try {
                broker.awaitReady();
            } catch (AssertionError refusedToServe) {
                assertTrue(broker.output().contains(first.getFileName().toString()), "the damaged file is not named");
                return;
            }
            assertReads(clients, other, 100);
            List<String> read = new ArrayList<>();
            try (var consumer = clients.consumer("check.crcs", "true")) {
                TopicPartition partition = new TopicPartition(topic, 0);
                consumer.assign(List.of(partition));
                consumer.seekToBeginning(List.of(partition));
                long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(5);
                while (System.nanoTime() < end) {
                    consumer.poll(Duration.ofMillis(100)).forEach(record -> read.add(record.value()));
                }
            } catch (RuntimeException e) {
                // The client found the damage; what it read before is checked below.
            }
            for (int i = 0; i < read.size(); i++) {
                assertEquals(value(i), read.get(i));
            }
        }
    }

    private static void refuses(BrokerProcess broker, String... named) {
        broker.launch();
        int exitCode = broker.awaitExit(LIMIT);
        assertNotEquals(0, exitCode);
        String output = broker.output();
        for (String word : named) {
            assertTrue(output.contains(word), () -> "'" + word + "' is not named in:\n" + output);
        }
        if (BrokerProcess.KIND == BrokerProcess.Kind.TROUPE) {
            assertFalse(output.contains("\tat io.troupe"), () -> "a person sees a stack trace:\n" + output);
        }
    }

    private static void damage(Path levelDb) throws IOException {
        try (Stream<Path> files = Files.list(levelDb)) {
            for (Path file : files.filter(f -> !f.endsWith("LOCK")).toList()) {
                byte[] bytes = Files.readAllBytes(file);
                for (int i = 0; i < bytes.length; i += 7) {
                    bytes[i] ^= 0x55;
                }
                Files.write(file, bytes);
            }
        }
    }

    private static Path segment(BrokerProcess broker, String topic) throws IOException {
        return find(broker.data(), "00000000000000000000.log").stream()
                .filter(file -> file.getParent().endsWith(topic + "-0"))
                .findFirst()
                .orElseThrow();
    }

    private static List<Path> find(Path dir, String name) throws IOException {
        try (Stream<Path> files = Files.walk(dir)) {
            return files.filter(file -> file.endsWith(name)).toList();
        }
    }

    private static String value(int number) {
        return "value number " + number + " of a text long enough to fill segments";
    }

    private static void produce(Clients clients, String topic, int from, int count) throws Exception {
        try (var producer = clients.producer("batch.size", "1000")) {
            for (int i = from; i < from + count; i++) {
                producer.send(new ProducerRecord<>(topic, 0, 1_000_000L + i, null, value(i)), (metadata, e) -> {
                    if (e != null) {
                        throw new AssertionError(e);
                    }
                });
            }
        }
    }

    private static void assertReads(Clients clients, String topic, int count) {
        try (var consumer = clients.consumer()) {
            TopicPartition partition = new TopicPartition(topic, 0);
            consumer.assign(List.of(partition));
            consumer.seekToBeginning(List.of(partition));
            assertEquals(
                    IntStream.range(0, count).mapToObj(BadStartIT::value).toList(),
                    Clients.read(consumer, count).stream().map(r -> r.value()).toList());
            assertEquals(count, consumer.endOffsets(List.of(partition)).get(partition));
        }
    }
}
