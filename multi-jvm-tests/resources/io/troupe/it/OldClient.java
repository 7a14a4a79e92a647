import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.AdminClient;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;

/**
 * The life of a topic as a program of 2017 would have it, against the API of kafka-clients 0.11: not compiled with the tests but
 * run from source over that jar. Arguments: bootstrap server, topic. Prints "done" at its end.
 */
public class OldClient {
    private static final int RECORDS = 2000;
    private static final int PARTITIONS = 2;
    private static final long LIMIT_NS = TimeUnit.SECONDS.toNanos(60);

    private final String bootstrap;
    private final String topic;
    private final TopicPartition first;

    private OldClient(String bootstrap, String topic) {
        this.bootstrap = bootstrap;
        this.topic = topic;
        this.first = new TopicPartition(topic, 0);
    }

    public static void main(String[] args) throws Exception {
        OldClient client = new OldClient(args[0], args[1]);
        try (AdminClient admin = AdminClient.create(client.properties())) {
            // Its records are of 1970, and the broker looks for old ones while this runs.
            NewTopic keepsAll = new NewTopic(args[1], PARTITIONS, (short) 1)
                    .configs(Collections.singletonMap("retention.ms", "-1"));
            admin.createTopics(Collections.singleton(keepsAll)).all().get(60, TimeUnit.SECONDS);
            client.produce("none", 0);
            client.produce("gzip", RECORDS / 2);
            client.readAsGroupAndCommit();
            client.goOnFromTheCommittedOffset();
            client.findOffsets();
            admin.deleteTopics(Collections.singleton(args[1])).all().get(60, TimeUnit.SECONDS);
        }
        System.out.println("done");
        System.exit(0);
    }

    /** Half of the records; the number is key, value and time stamp of each. */
    private void produce(String codec, int from) throws Exception {
        try (KafkaProducer<String, String> producer =
                new KafkaProducer<>(properties("compression.type", codec, "enable.idempotence", "true"))) {
            long offset = -1;
            for (int i = from; i < from + RECORDS / 2; i++) {
                ProducerRecord<String, String> record =
                        new ProducerRecord<>(topic, i % PARTITIONS, 1_000_000L + i, "" + i, "" + i);
                record.headers().add("h", new byte[] {(byte) i});
                if (i == from + RECORDS / 2 - 1) {
                    offset = producer.send(record).get(60, TimeUnit.SECONDS).offset();
                } else {
                    producer.send(record);
                }
            }
            same((long) (from + RECORDS / 2) / PARTITIONS - 1, offset);
        }
    }

    private void readAsGroupAndCommit() {
        try (KafkaConsumer<String, String> consumer = consumer()) {
            consumer.subscribe(Collections.singleton(topic));
            Set<Integer> seen = new HashSet<>();
            long startNs = System.nanoTime();
            while (seen.size() < RECORDS) {
                for (ConsumerRecord<String, String> record : consumer.poll(100)) {
                    int i = Integer.parseInt(record.key());
                    same("" + i, record.value());
                    same(i / PARTITIONS, (int) record.offset());
                    same(1_000_000L + i, record.timestamp());
                    same((byte) i, record.headers().lastHeader("h").value()[0]);
                    same(true, seen.add(i));
                }
                if (System.nanoTime() - startNs > LIMIT_NS) {
                    throw new AssertionError("only " + seen.size() + " records came");
                }
            }
            Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
            offsets.put(first, new OffsetAndMetadata(500, "half"));
            consumer.commitSync(offsets);
        }
    }

    private void goOnFromTheCommittedOffset() {
        try (KafkaConsumer<String, String> consumer = consumer()) {
            same("half", consumer.committed(first).metadata());
            consumer.assign(Collections.singleton(first));
            same(500L, consumer.position(first));
            long startNs = System.nanoTime();
            List<ConsumerRecord<String, String>> records = Collections.emptyList();
            while (records.isEmpty() && System.nanoTime() - startNs < LIMIT_NS) {
                records = consumer.poll(100).records(first);
            }
            same("" + 500 * PARTITIONS, records.get(0).value());
        }
    }

    private void findOffsets() {
        try (KafkaConsumer<String, String> consumer = consumer()) {
            same(0L, consumer.beginningOffsets(Collections.singleton(first)).get(first));
            same(
                    (long) RECORDS / PARTITIONS,
                    consumer.endOffsets(Collections.singleton(first)).get(first));
            OffsetAndTimestamp found = consumer.offsetsForTimes(Collections.singletonMap(first, 1_000_501L))
                    .get(first);
            same(251L, found.offset());
            same(1_000_502L, found.timestamp());
            same(true, consumer.listTopics().containsKey(topic));
        }
    }

    private KafkaConsumer<String, String> consumer() {
        // A member that is left out, in the 10 s that were the default, reads all again.
        return new KafkaConsumer<>(properties(
                "group.id",
                topic,
                "auto.offset.reset",
                "earliest",
                "enable.auto.commit",
                "false",
                "session.timeout.ms",
                "60000"));
    }

    private Properties properties(String... settings) {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", bootstrap);
        for (String side : Arrays.asList("key", "value")) {
            properties.put(side + ".serializer", "org.apache.kafka.common.serialization.StringSerializer");
            properties.put(side + ".deserializer", "org.apache.kafka.common.serialization.StringDeserializer");
        }
        for (int i = 0; i < settings.length; i += 2) {
            properties.put(settings[i], settings[i + 1]);
        }
        return properties;
    }

    private static <T> void same(T expected, T actual) {
        if (!expected.equals(actual)) {
            throw new AssertionError("expected " + expected + " but was " + actual);
        }
    }
}
