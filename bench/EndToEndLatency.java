import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Time from a send to the arrival at a consumer, one record at a time, as Kafka's tool of this name measures it (linger 0, a consumer that polls without
 * waiting at the broker); but in microseconds, for that tool counts percentiles in whole milliseconds, which most of them do not reach here.
 *
 * <p>Usage: java -cp kafka-clients EndToEndLatency.java bootstrap topic records acks recordSize. The first fifth warms up and is not counted. Prints
 * {@code avg_us p50_us p99_us max_us}.
 */
public final class EndToEndLatency {
    public static void main(String[] args) {
        int records = Integer.parseInt(args[2]);
        int warmUp = records / 5;
        long[] tookNs = new long[records];
        TopicPartition partition = new TopicPartition(args[1], 0);
        Map<String, Object> common = Map.of("bootstrap.servers", args[0]);
        var consumerConfig = new java.util.HashMap<>(common);
        consumerConfig.putAll(Map.of("fetch.max.wait.ms", 0, "enable.auto.commit", false, "auto.offset.reset", "latest"));
        var producerConfig = new java.util.HashMap<>(common);
        producerConfig.putAll(Map.of("linger.ms", 0, "acks", args[3], "enable.idempotence", false));
        try (var consumer = new KafkaConsumer<>(consumerConfig, new ByteArrayDeserializer(), new ByteArrayDeserializer());
                var producer = new KafkaProducer<>(producerConfig, new ByteArraySerializer(), new ByteArraySerializer())) {
            consumer.assign(List.of(partition));
            consumer.seekToEnd(List.of(partition));
            consumer.position(partition);
            byte[] value = new byte[Integer.parseInt(args[4])];
            for (int i = 0; i < records; i++) {
                value[0] = (byte) i;
                long begunNs = System.nanoTime();
                producer.send(new ProducerRecord<>(args[1], 0, null, value));
                ConsumerRecords<byte[], byte[]> got = consumer.poll(Duration.ofSeconds(30));
                tookNs[i] = System.nanoTime() - begunNs;
                if (got.count() != 1 || got.iterator().next().value()[0] != (byte) i) {
                    throw new IllegalStateException(got.count() + " records where record " + i + " was awaited");
                }
            }
        }
        long[] counted = Arrays.copyOfRange(tookNs, warmUp, records);
        Arrays.sort(counted);
        System.out.printf(
                "%.1f %.1f %.1f %.1f%n",
                Arrays.stream(counted).average().orElseThrow() / 1000,
                counted[counted.length / 2] / 1000.0,
                counted[counted.length * 99 / 100] / 1000.0,
                counted[counted.length - 1] / 1000.0);
    }

    private EndToEndLatency() {}
}
