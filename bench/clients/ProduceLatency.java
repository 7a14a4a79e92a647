import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;

/**
 * Time from a send to its acknowledgement, one record at a time (linger 0), for several settings of acks in turn, record by record, so that what else the
 * machine does meets each of them alike and their difference tells what waiting for the followers adds.
 *
 * <p>Usage: ProduceLatency bootstrap topic records seconds recordSize acks... Ends after so many records of each or seconds, whichever comes first. The first
 * fifth warms up and is not counted. Prints {@code acks count avg_us p50_us p99_us max_us} for each.
 */
public final class ProduceLatency {
    public static void main(String[] args) throws Exception {
        int records = Integer.parseInt(args[2]);
        long limitNs = Duration.ofSeconds(Integer.parseInt(args[3])).toNanos();
        byte[] value = new byte[Integer.parseInt(args[4])];
        List<String> acks = Arrays.asList(args).subList(5, args.length);
        long[][] tookNs = new long[acks.size()][records];
        int measured = 0;
        List<KafkaProducer<byte[], byte[]>> producers = new ArrayList<>();
        try {
            for (String setting : acks) {
                producers.add(Clients.producer(args[0], Map.of("linger.ms", 0, "acks", setting, "enable.idempotence", false)));
            }
            for (long startNs = System.nanoTime(); measured < records && System.nanoTime() - startNs < limitNs; measured++) {
                for (int i = 0; i < producers.size(); i++) {
                    long begunNs = System.nanoTime();
                    producers.get(i).send(new ProducerRecord<>(args[1], 0, null, value)).get(30, TimeUnit.SECONDS);
                    tookNs[i][measured] = System.nanoTime() - begunNs;
                }
            }
        } finally {
            producers.forEach(KafkaProducer::close);
        }
        for (int i = 0; i < producers.size(); i++) {
            System.out.println(acks.get(i) + " " + Clients.told(Arrays.copyOfRange(tookNs[i], measured / 5, measured)));
        }
    }

    private ProduceLatency() {}
}
