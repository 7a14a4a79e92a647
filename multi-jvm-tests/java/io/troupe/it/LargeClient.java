package io.troupe.it;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.zip.CRC32C;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Java clients with records too large for the tests' own heap, as a program: writes records of bytes that a seed decides,
 * or reads records, and prints one line for each.
 *
 * <pre>
 * produce BOOTSTRAP TOPIC COUNT SEED BYTES [KEY=VALUE...]   SEED 0: mostly zeros   prints: sent OFFSET CRC, or: failed EXCEPTION
 * consume BOOTSTRAP TOPIC COUNT GROUP|-    [KEY=VALUE...]                      prints: read OFFSET CRC
 * </pre>
 */
final class LargeClient {
    private static final long LIMIT_S = 300;

    /** Compresses well, but no better than a broker's bound on what a small request may unpack to. */
    private static final int SPARSE = 8;

    private LargeClient() {}

    /** The command that runs it. */
    static List<String> command(String... args) {
        List<String> command = new ArrayList<>(List.of(KafkaInstall.javaProgram(), "-Xmx640m"));
        command.addAll(ClassArchive.BROKER.options());
        command.addAll(List.of("-XX:TieredStopAtLevel=1", "-Dlogback.configurationFile=io/troupe/it/logback-it.xml"));
        command.addAll(List.of("-cp", ClassArchive.CLASS_PATH + ":target/test-classes"));
        command.add(LargeClient.class.getName());
        command.addAll(List.of(args));
        return command;
    }

    public static void main(String[] args) throws Exception {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", args[1]);
        boolean produces = args[0].equals("produce");
        for (int i = produces ? 6 : 5; i < args.length; i++) {
            properties.put(args[i].split("=")[0], args[i].split("=", 2)[1]);
        }
        if (produces) {
            produce(properties, args[2], Integer.parseInt(args[3]), Long.parseLong(args[4]), Integer.parseInt(args[5]));
        } else {
            consume(properties, args[2], Integer.parseInt(args[3]), args[4]);
        }
    }

    private static void produce(Properties properties, String topic, int count, long seed, int bytes) throws Exception {
        properties.putAll(Map.of("max.request.size", bytes + 100_000, "buffer.memory", bytes + 1_000_000L));
        properties.putAll(Map.of("request.timeout.ms", "240000", "delivery.timeout.ms", "300000"));
        // As large as the system lets it grow: for each piece that a socket takes the JDK copies all that is left.
        properties.put("send.buffer.bytes", "-1");
        byte[] value = value(seed, bytes);
        try (var producer = new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer())) {
            for (int i = 0; i < count; i++) {
                try {
                    var sent = producer.send(new ProducerRecord<>(topic, value)).get(LIMIT_S, TimeUnit.SECONDS);
                    System.out.println("sent " + sent.offset() + " " + sum(value));
                } catch (ExecutionException e) {
                    System.out.println("failed " + e.getCause().getClass().getSimpleName());
                }
            }
        }
    }

    static byte[] value(long seed, int bytes) {
        byte[] value = new byte[bytes];
        if (seed != 0) {
            new Random(seed).nextBytes(value);
            return value;
        }
        Random random = new Random(1);
        for (int i = 0; i < bytes; i += SPARSE) {
            value[i] = (byte) random.nextInt();
        }
        return value;
    }

    private static void consume(Properties properties, String topic, int count, String group) throws Exception {
        properties.put("auto.offset.reset", "earliest");
        properties.put("enable.auto.commit", "false");
        if (!group.equals("-")) {
            properties.put("group.id", group);
        }
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(LIMIT_S);
        try (var consumer = new KafkaConsumer<>(properties, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            if (group.equals("-")) {
                List<TopicPartition> all = List.of(new TopicPartition(topic, 0));
                consumer.assign(all);
                consumer.seekToBeginning(all);
            } else {
                consumer.subscribe(List.of(topic));
            }
            for (int read = 0; read < count; ) {
                for (var record : consumer.poll(Duration.ofMillis(500))) {
                    System.out.println("read " + record.offset() + " " + sum(record.value()));
                    read++;
                }
                if (!group.equals("-")) {
                    consumer.commitSync();
                }
                if (System.nanoTime() > end) {
                    throw new AssertionError("only " + read + " of " + count + " records came");
                }
            }
        }
    }

    /** CRC-32C, which costs the least for so many bytes. */
    static String sum(byte[] bytes) {
        CRC32C crc = new CRC32C();
        crc.update(bytes);
        return Long.toHexString(crc.getValue());
    }
}
