import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.producer.ProducerRecord;

/**
 * Makes a topic and tells how long that took.
 *
 * <p>Usage: NewTopic [--write] bootstrap topic partitions replicas [setting=value]... Prints {@code created_ms in_sync_ms written_ms}, each since the request: until
 * it was answered; until each partition had a leader and all replicas in sync; with {@code --write}, until a record was acknowledged by all replicas of each
 * partition, else 0. Fails when that takes longer than two minutes.
 */
public final class NewTopic {
    private static final Duration LIMIT = Duration.ofMinutes(2);

    public static void main(String[] args) throws Exception {
        boolean write = args[0].equals("--write");
        int at = write ? 1 : 0;
        String bootstrap = args[at];
        String topic = args[at + 1];
        int partitions = Integer.parseInt(args[at + 2]);
        short replicas = Short.parseShort(args[at + 3]);
        Map<String, String> settings = new HashMap<>();
        for (int i = at + 4; i < args.length; i++) {
            settings.put(args[i].substring(0, args[i].indexOf('=')), args[i].substring(args[i].indexOf('=') + 1));
        }
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrap, "default.api.timeout.ms", (int) LIMIT.toMillis()))) {
            Clients.awaitBrokers(admin, replicas, LIMIT);
            long begunNs = System.nanoTime();
            admin.createTopics(List.of(new org.apache.kafka.clients.admin.NewTopic(topic, partitions, replicas).configs(settings)))
                    .all()
                    .get();
            long createdMs = msSince(begunNs);
            Clients.awaitInSync(admin, topic, partitions, LIMIT);
            long inSyncMs = msSince(begunNs);
            long writtenMs = 0;
            if (write) {
                writeToEach(bootstrap, topic, partitions);
                writtenMs = msSince(begunNs);
            }
            System.out.println(createdMs + " " + inSyncMs + " " + writtenMs);
        }
    }

    private static void writeToEach(String bootstrap, String topic, int partitions) {
        AtomicInteger written = new AtomicInteger();
        try (var producer = Clients.producer(bootstrap, Map.of("acks", "all"))) {
            for (int partition = 0; partition < partitions; partition++) {
                producer.send(new ProducerRecord<>(topic, partition, null, new byte[100]), (metadata, failure) -> {
                    if (failure == null) {
                        written.incrementAndGet();
                    }
                });
            }
            producer.flush();
        }
        if (written.get() != partitions) {
            throw new IllegalStateException("only " + written + " of " + partitions + " partitions took a record");
        }
    }

    private static long msSince(long begunNs) {
        return (System.nanoTime() - begunNs) / 1_000_000;
    }

    private NewTopic() {}
}
