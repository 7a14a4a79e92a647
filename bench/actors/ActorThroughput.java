import io.troupe.client.ConsumerActor;
import io.troupe.client.ConsumerSettings;
import io.troupe.client.ProducerActor;
import io.troupe.client.ProducerSettings;
import io.troupe.client.SendResult;
import io.troupe.client.Subscription;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.pekko.Done;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.Props;
import org.apache.pekko.actor.typed.javadsl.AskPattern;
import org.apache.pekko.actor.typed.javadsl.Behaviors;

/**
 * Throughput of the client actors beside that of bare Kafka clients in the same JVM and against the same broker, in turns.
 *
 * <p>Usage: ActorThroughput bootstrap seconds. Prints, for 100 B and 1 KiB records, records per second of each way (median of the turns) and its ratio to
 * the bare client: {@code send} is one message for each record and one answer to each, {@code sendAll} 100 records to a message, {@code consume} a group of one.
 */
public final class ActorThroughput {
    private static final int TURNS = 5;
    private static final int BATCH = 100;
    /** Records that one sender has unanswered at most; what a perf tool leaves to the client's memory. */
    private static final int WINDOW = 20_000;

    private static final Map<String, String> PRODUCING = Map.of("linger.ms", "5", "batch.size", "65536", "acks", "1");

    private final String bootstrap;
    private final ActorSystem<Void> system = ActorSystem.create(Behaviors.<Void>empty(), "bench");

    private ActorThroughput(String bootstrap) {
        this.bootstrap = bootstrap;
    }

    public static void main(String[] args) throws Exception {
        ActorThroughput bench = new ActorThroughput(args[0]);
        long eachNs = TimeUnit.SECONDS.toNanos(Long.parseLong(args[1])) / 2;
        try {
            for (int size : new int[] {100, 1024}) {
                bench.measure(size, size == 100 ? 2_000_000 : 300_000, System.nanoTime() + eachNs);
            }
        } finally {
            bench.system.terminate();
        }
    }

    private interface Way {
        void run(String topic, int records, byte[] value) throws Exception;
    }

    private void measure(int size, int records, long endNs) throws Exception {
        byte[] value = new byte[size];
        Map<String, Way> ways = new LinkedHashMap<>();
        ways.put("produce bare", this::produceBare);
        ways.put("produce send", this::produceSend);
        ways.put("produce sendAll", this::produceSendAll);
        ways.put("consume bare", this::consumeBare);
        ways.put("consume actor", this::consumeActor);
        Map<String, List<Double>> rates = new LinkedHashMap<>();
        for (int turn = -1; turn < TURNS && System.nanoTime() < endNs; turn++) {
            String topic = "bench-" + UUID.randomUUID();
            try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrap))) {
                admin.createTopics(List.of(new NewTopic(topic, 1, (short) 1))).all().get();
                List<String> order = new ArrayList<>(ways.keySet());
                // What is consumed was produced before; otherwise every other turn the other way round.
                if (turn % 2 != 0) {
                    Collections.reverse(order.subList(0, 3));
                    Collections.reverse(order.subList(3, 5));
                }
                for (String name : order) {
                    // All three ways of producing have been there when it is consumed.
                    int count = name.startsWith("consume") ? 3 * records : records;
                    long begunNs = System.nanoTime();
                    ways.get(name).run(topic, count, value);
                    double rate = count * 1e9 / (System.nanoTime() - begunNs);
                    // The first turn warms up.
                    if (turn >= 0) {
                        rates.computeIfAbsent(name, n -> new ArrayList<>()).add(rate);
                    }
                }
                admin.deleteTopics(List.of(topic)).all().get();
            }
        }
        double bare = 1;
        for (String name : ways.keySet()) {
            // Each way stands behind its bare client.
            double rate = median(rates.getOrDefault(name, List.of(Double.NaN)));
            bare = name.endsWith("bare") ? rate : bare;
            System.out.printf("%4d B  %-15s %9.0f records/s %7.1f MB/s  ratio %.2f%n", size, name, rate, rate * size / 1e6, rate / bare);
        }
    }

    private static double median(List<Double> values) {
        double[] sorted = values.stream().mapToDouble(d -> d).sorted().toArray();
        return sorted[sorted.length / 2];
    }

    private void produceBare(String topic, int records, byte[] value) throws Exception {
        Map<String, Object> all = new HashMap<>(PRODUCING);
        all.put("bootstrap.servers", bootstrap);
        try (KafkaProducer<byte[], byte[]> producer =
                new KafkaProducer<>(all, new ByteArraySerializer(), new ByteArraySerializer())) {
            CountDownLatch missing = new CountDownLatch(records);
            AtomicLong failed = new AtomicLong();
            for (int i = 0; i < records; i++) {
                producer.send(new ProducerRecord<>(topic, value), (metadata, e) -> {
                    if (e != null) {
                        failed.incrementAndGet();
                    }
                    missing.countDown();
                });
            }
            producer.flush();
            missing.await();
            check(failed.get());
        }
    }

    private static void check(long failed) {
        if (failed > 0) {
            throw new IllegalStateException(failed + " records failed");
        }
    }

    private ProducerSettings<byte[], byte[]> producing() {
        ProducerSettings<byte[], byte[]> settings =
                ProducerSettings.of(bootstrap, new ByteArraySerializer(), new ByteArraySerializer());
        Map<String, String> properties = new HashMap<>(settings.properties());
        properties.putAll(PRODUCING);
        return settings.withProperties(properties);
    }

    private <T> ActorRef<T> spawn(String name, Behavior<T> behavior) {
        return system.systemActorOf(behavior, name + "-" + UUID.randomUUID(), Props.empty());
    }

    private void stop(ActorRef<ProducerActor.Command<byte[], byte[]>> producer) throws Exception {
        AskPattern.ask(producer, ProducerActor.Stop<byte[], byte[]>::new, Duration.ofMinutes(1), system.scheduler())
                .toCompletableFuture()
                .get();
    }

    private enum Go {
        GO
    }

    /** An actor that keeps up to a window of single sends unanswered. */
    private void produceSend(String topic, int records, byte[] value) throws Exception {
        ActorRef<ProducerActor.Command<byte[], byte[]>> producer = spawn("producer", ProducerActor.create(producing()));
        CountDownLatch done = new CountDownLatch(1);
        AtomicLong failed = new AtomicLong();
        spawn("sender", Behaviors.<SendResult>setup(context -> {
            ActorRef<SendResult> self = context.getSelf();
            int[] counts = {0, 0};
            for (; counts[0] < Math.min(WINDOW, records); counts[0]++) {
                producer.tell(new ProducerActor.Send<>(new ProducerRecord<>(topic, value), self));
            }
            return Behaviors.receiveMessage(result -> {
                if (!(result instanceof SendResult.Sent)) {
                    failed.incrementAndGet();
                }
                if (counts[0] < records) {
                    counts[0]++;
                    producer.tell(new ProducerActor.Send<>(new ProducerRecord<>(topic, value), self));
                }
                if (++counts[1] == records) {
                    done.countDown();
                    return Behaviors.stopped();
                }
                return Behaviors.same();
            });
        }));
        done.await();
        stop(producer);
        check(failed.get());
    }

    /** An actor that keeps up to a window of records unanswered, {@value #BATCH} to a message. */
    private void produceSendAll(String topic, int records, byte[] value) throws Exception {
        ActorRef<ProducerActor.Command<byte[], byte[]>> producer = spawn("producer", ProducerActor.create(producing()));
        CountDownLatch done = new CountDownLatch(1);
        AtomicLong failed = new AtomicLong();
        int messages = records / BATCH;
        spawn("sender", Behaviors.<SendResult.All>setup(context -> {
            ActorRef<SendResult.All> self = context.getSelf();
            int[] counts = {0, 0};
            for (; counts[0] < Math.min(WINDOW / BATCH, messages); counts[0]++) {
                producer.tell(new ProducerActor.SendAll<>(some(topic, value), self));
            }
            return Behaviors.receiveMessage(all -> {
                if (!all.isSent()) {
                    failed.incrementAndGet();
                }
                if (counts[0] < messages) {
                    counts[0]++;
                    producer.tell(new ProducerActor.SendAll<>(some(topic, value), self));
                }
                if (++counts[1] == messages) {
                    done.countDown();
                    return Behaviors.stopped();
                }
                return Behaviors.same();
            });
        }));
        done.await();
        stop(producer);
        check(failed.get());
    }

    private static List<ProducerRecord<byte[], byte[]>> some(String topic, byte[] value) {
        List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>(BATCH);
        for (int i = 0; i < BATCH; i++) {
            records.add(new ProducerRecord<>(topic, value));
        }
        return records;
    }

    private void consumeBare(String topic, int records, byte[] value) throws Exception {
        Map<String, Object> all = new HashMap<>();
        all.put("bootstrap.servers", bootstrap);
        all.put("group.id", "bare-" + UUID.randomUUID());
        all.put("auto.offset.reset", "earliest");
        all.put("enable.auto.commit", "true");
        all.put("auto.commit.interval.ms", "1000");
        try (KafkaConsumer<byte[], byte[]> consumer =
                new KafkaConsumer<>(all, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            consumer.subscribe(List.of(topic));
            for (long seen = 0; seen < records; ) {
                seen += consumer.poll(Duration.ofMillis(500)).count();
            }
        }
    }

    private void consumeActor(String topic, int records, byte[] value) throws Exception {
        ConsumerSettings<byte[], byte[]> settings = ConsumerSettings.of(
                bootstrap, "actor-" + UUID.randomUUID(), new ByteArrayDeserializer(), new ByteArrayDeserializer());
        CountDownLatch done = new CountDownLatch(1);
        AtomicLong seen = new AtomicLong();
        ActorRef<ConsumerActor.Command> consumer = spawn(
                "consumer",
                ConsumerActor.create(settings, Subscription.topics(topic), partition -> Behaviors.receiveMessage(delivery -> {
                    if (seen.addAndGet(delivery.records().size()) >= records) {
                        done.countDown();
                    }
                    delivery.acknowledgeAll();
                    return Behaviors.same();
                })));
        done.await();
        AskPattern.<ConsumerActor.Command, Done>ask(
                        consumer, ConsumerActor.Stop::new, Duration.ofMinutes(1), system.scheduler())
                .toCompletableFuture()
                .get();
    }
}
