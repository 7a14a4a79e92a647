import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * Time from a send to the arrival at a consumer, one record at a time, as Kafka's tool of this name measures it (linger 0, a consumer that polls without
 * waiting at the broker); but in microseconds, for that tool counts percentiles in whole milliseconds, which most of them do not reach here.
 *
 * <p>Usage: EndToEndLatency bootstrap topic records seconds acks recordSize. Ends after so many records or seconds, whichever comes first. The first fifth
 * warms up and is not counted. Prints {@code count avg_us p50_us p99_us max_us}.
 */
public final class EndToEndLatency {
    public static void main(String[] args) {
        int records = Integer.parseInt(args[2]);
        long limitNs = Duration.ofSeconds(Integer.parseInt(args[3])).toNanos();
        long[] tookNs = new long[records];
        int measured = 0;
        TopicPartition partition = new TopicPartition(args[1], 0);
        Map<String, Object> consumerConfig = Map.of(
                "bootstrap.servers", args[0], "fetch.max.wait.ms", 0, "enable.auto.commit", false, "auto.offset.reset", "latest");
        Map<String, Object> producerConfig = Map.of("linger.ms", 0, "acks", args[4], "enable.idempotence", false);
        try (var consumer = new KafkaConsumer<>(consumerConfig, new ByteArrayDeserializer(), new ByteArrayDeserializer());
                var producer = Clients.producer(args[0], producerConfig)) {
            consumer.assign(List.of(partition));
            consumer.seekToEnd(List.of(partition));
            consumer.position(partition);
            byte[] value = new byte[Integer.parseInt(args[5])];
            for (long startNs = System.nanoTime(); measured < records && System.nanoTime() - startNs < limitNs; measured++) {
                value[0] = (byte) measured;
                long begunNs = System.nanoTime();
                producer.send(new ProducerRecord<>(args[1], 0, null, value));
                ConsumerRecords<byte[], byte[]> got = consumer.poll(Duration.ofSeconds(30));
                tookNs[measured] = System.nanoTime() - begunNs;
                if (got.count() != 1 || got.iterator().next().value()[0] != (byte) measured) {
                    throw new IllegalStateException(got.count() + " records where record " + measured + " was awaited");
                }
            }
        }
        System.out.println(Clients.told(Arrays.copyOfRange(tookNs, measured / 5, measured)));
    }

    private EndToEndLatency() {}
}
