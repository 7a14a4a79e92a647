import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * HTTP beside the wire protocol, against one broker and in turns.
 *
 * <p>Usage: HttpBeside bootstrap http-host:port broker's-pid seconds jcmd.
 */
public final class HttpBeside {
    /** The compilers are busy until about 1 GB was written and read each way. */
    private static final int WARM_UP_TURNS = 6;
    private static final int TURNS = 7;
    private static final int PARTITIONS = 4;
    private static final int BATCH = 100;
    private static final int RECORDS = 200_000;
    private static final int SINGLES = 2_000;
    private static final int STREAMS = 1_000;
    private static final int ANSWER_BYTES = 1 << 20;
    private static final String JSON = "application/vnd.kafka.json.v2+json";

    private final String bootstrap;
    private final String http;
    private final String pid;
    private final ExecutorService threads = Executors.newFixedThreadPool(PARTITIONS);
    private final byte[] value = value();
    private final Map<String, Map<String, List<Double>>> figures = new LinkedHashMap<>();

    private HttpBeside(String bootstrap, String http, String pid) {
        this.bootstrap = bootstrap;
        this.http = http;
        this.pid = pid;
    }

    public static void main(String[] args) throws Exception {
        HttpBeside bench = new HttpBeside(args[0], args[1], args[2]);
        try {
            long begunNs = System.nanoTime();
            bench.measure(begunNs + TimeUnit.SECONDS.toNanos(Long.parseLong(args[3])));
            System.out.printf("%-34s %10s %10s   %s%n", "", "wire", "HTTP", "ratio (median of the turns; least - greatest)");
            bench.figures.forEach(HttpBeside::show);
            bench.streams(args[4]);
        } finally {
            bench.threads.shutdownNow();
        }
    }

    /** An object of 1 KiB with some of everything. */
    private static byte[] value() {
        StringBuilder json = new StringBuilder("{\"id\":1234567,\"time\":\"2026-01-31T12:00:00Z\",\"price\":19.75,\"paid\":true,\"tags\":[\"a\",\"b\\n\",null],\"items\":[");
        for (int i = 0; json.length() < 900; i++) {
            json.append(i == 0 ? "" : ",").append("{\"sku\":\"item-").append(i).append("\",\"count\":").append(i).append('}');
        }
        json.append("],\"text\":\"");
        while (json.length() < 1022) {
            json.append('x');
        }
        return json.append("\"}").toString().getBytes(StandardCharsets.US_ASCII);
    }

    private void measure(long endNs) throws Exception {
        for (int turn = -WARM_UP_TURNS; turn < TURNS && (turn < 1 || System.nanoTime() < endNs); turn++) {
            String topic = "bench-" + UUID.randomUUID();
            try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrap))) {
                admin.createTopics(List.of(new NewTopic(topic, PARTITIONS, (short) 1))).all().get();
                // Of two each turn begins with the other.
                boolean swap = turn % 2 != 0;
                both(turn, "write 1 KiB x 100", swap, () -> produceWire(topic), () -> produceHttp(topic));
                both(turn, "read 1 KiB", swap, () -> consumeWire(topic), () -> consumeHttp(topic));
                singles(turn, topic, swap);
                admin.deleteTopics(List.of(topic)).all().get();
            }
        }
    }

    private void both(int turn, String what, boolean swap, Callable<Long> wire, Callable<Long> overHttp) throws Exception {
        for (String side : swap ? List.of("HTTP", "wire") : List.of("wire", "HTTP")) {
            long cpuMs = cpuMs();
            long begunNs = System.nanoTime();
            long bytes = (side.equals("wire") ? wire : overHttp).call();
            double seconds = (System.nanoTime() - begunNs) / 1e9;
            // The first turns warm up.
            if (turn >= 0) {
                add(what + ", MB/s", side, bytes / seconds / 1e6);
                add(what + ", broker CPU s/GB", side, (cpuMs() - cpuMs) * 1e6 / bytes);
            }
        }
    }

    private void add(String figure, String side, double value) {
        figures.computeIfAbsent(figure, f -> new LinkedHashMap<>()).computeIfAbsent(side, s -> new ArrayList<>()).add(value);
    }

    private static void show(String figure, Map<String, List<Double>> sides) {
        List<Double> wire = sides.get("wire");
        List<Double> overHttp = sides.get("HTTP");
        List<Double> ratios = new ArrayList<>();
        for (int i = 0; i < wire.size(); i++) {
            ratios.add(overHttp.get(i) / wire.get(i));
        }
        double[] sorted = sorted(ratios);
        System.out.printf(
                "%-34s %10.2f %10.2f   %.2f (%.2f - %.2f)%n",
                figure, median(wire), median(overHttp), median(ratios), sorted[0], sorted[sorted.length - 1]);
    }

    private static double[] sorted(List<Double> values) {
        return values.stream().mapToDouble(d -> d).sorted().toArray();
    }

    private static double median(List<Double> values) {
        return sorted(values)[values.size() / 2];
    }

    /** User and system time of the broker's process. */
    private long cpuMs() throws IOException {
        String stat = Files.readString(Path.of("/proc/" + pid + "/stat"));
        String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
        // Linux tells hundredths of a second.
        return 10 * (Long.parseLong(fields[11]) + Long.parseLong(fields[12]));
    }

    private KafkaProducer<byte[], byte[]> producer(int lingerMs) {
        Map<String, Object> all = new HashMap<>();
        all.put("bootstrap.servers", bootstrap);
        all.put("acks", "all");
        all.put("linger.ms", lingerMs);
        all.put("batch.size", BATCH * (value.length + 16));
        return new KafkaProducer<>(all, new ByteArraySerializer(), new ByteArraySerializer());
    }

    private long produceWire(String topic) throws Exception {
        AtomicLong failed = new AtomicLong();
        try (KafkaProducer<byte[], byte[]> producer = producer(5)) {
            for (int i = 0; i < RECORDS; i++) {
                producer.send(new ProducerRecord<>(topic, i / BATCH % PARTITIONS, null, value), (metadata, e) -> {
                    if (e != null) {
                        failed.incrementAndGet();
                    }
                });
            }
            producer.flush();
        }
        if (failed.get() > 0) {
            throw new IllegalStateException(failed + " records failed");
        }
        return (long) RECORDS * value.length;
    }

    private byte[] body(int records) {
        String record = "{\"value\":" + new String(value, StandardCharsets.US_ASCII) + "}";
        return ("{\"records\":[" + String.join(",", java.util.Collections.nCopies(records, record)) + "]}").getBytes(StandardCharsets.US_ASCII);
    }

    /** One for each partition, at a time. */
    private long all(Each each) throws Exception {
        List<Future<Long>> futures = new ArrayList<>();
        for (int p = 0; p < PARTITIONS; p++) {
            int partition = p;
            futures.add(threads.submit(() -> each.run(partition)));
        }
        long sum = 0;
        for (Future<Long> future : futures) {
            sum += future.get();
        }
        return sum;
    }

    private interface Each {
        long run(int partition) throws Exception;
    }

    private long produceHttp(String topic) throws Exception {
        return all(partition -> {
            try (HttpSocket socket = new HttpSocket(http)) {
                byte[] request = socket.post("/topics/" + topic + "/partitions/" + partition, JSON, body(BATCH));
                int requests = RECORDS / BATCH / PARTITIONS;
                for (int i = 0; i < requests; i++) {
                    socket.send(request);
                    socket.receive();
                    if (!socket.tail(200).contains("\"error_code\":null")) {
                        throw new IOException(socket.tail(200));
                    }
                }
                return (long) requests * BATCH * value.length;
            }
        });
    }

    /** What both sides have written. */
    private long consumeWire(String topic) {
        Map<String, Object> all = new HashMap<>();
        all.put("bootstrap.servers", bootstrap);
        all.put("enable.auto.commit", "false");
        List<TopicPartition> partitions = new ArrayList<>();
        for (int p = 0; p < PARTITIONS; p++) {
            partitions.add(new TopicPartition(topic, p));
        }
        try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(all, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            long seen = 0;
            while (seen < 2L * RECORDS) {
                seen += consumer.poll(Duration.ofMillis(500)).count();
            }
            return seen * value.length;
        }
    }

    private long consumeHttp(String topic) throws Exception {
        return all(partition -> {
            try (HttpSocket socket = new HttpSocket(http)) {
                long end = 2L * RECORDS / PARTITIONS;
                long next = 0;
                while (next < end) {
                    socket.send(socket.get(
                            "/topics/" + topic + "/partitions/" + partition + "/records?offset=" + next + "&max_bytes=" + ANSWER_BYTES, JSON));
                    socket.receive();
                    String tail = socket.tail(40);
                    next = Long.parseLong(tail.substring(tail.lastIndexOf(':') + 1, tail.lastIndexOf('}')));
                }
                return next * value.length;
            }
        });
    }

    private void singles(int turn, String topic, boolean swap) throws Exception {
        for (String side : swap ? List.of("HTTP", "wire") : List.of("wire", "HTTP")) {
            long[] tookNs = new long[SINGLES];
            try (KafkaProducer<byte[], byte[]> producer = producer(0);
                    HttpSocket socket = new HttpSocket(http)) {
                byte[] request = socket.post("/topics/" + topic + "/partitions/0", JSON, body(1));
                for (int i = -SINGLES / 10; i < SINGLES; i++) {
                    long begunNs = System.nanoTime();
                    if (side.equals("wire")) {
                        producer.send(new ProducerRecord<>(topic, 0, null, value)).get();
                    } else {
                        socket.send(request);
                        socket.receive();
                    }
                    if (i >= 0) {
                        tookNs[i] = System.nanoTime() - begunNs;
                    }
                }
            }
            Arrays.sort(tookNs);
            if (turn >= 0) {
                add("single write, p50 ms", side, tookNs[SINGLES / 2] / 1e6);
                add("single write, p99 ms", side, tookNs[SINGLES * 99 / 100] / 1e6);
            }
        }
    }

    private void streams(String jcmd) throws Exception {
        String topic = "bench-" + UUID.randomUUID();
        List<HttpSocket> open = new ArrayList<>();
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrap))) {
            admin.createTopics(List.of(new NewTopic(topic, PARTITIONS, (short) 1))).all().get();
            long before = heapBytes(jcmd);
            for (int i = 0; i < STREAMS; i++) {
                HttpSocket socket = new HttpSocket(http);
                open.add(socket);
                socket.send(socket.get("/topics/" + topic + "/partitions/" + i % PARTITIONS + "/records", "text/event-stream"));
            }
            for (HttpSocket socket : open) {
                socket.begin();
            }
            long with = heapBytes(jcmd);
            System.out.printf("%-34s %10s %10.1f   KiB of heap each%n", STREAMS + " idle streams of events", "", (with - before) / 1024.0 / STREAMS);
        } finally {
            for (HttpSocket socket : open) {
                socket.close();
            }
        }
    }

    /** What is reachable after a full collection. */
    private long heapBytes(String jcmd) throws Exception {
        Process process = new ProcessBuilder(jcmd, pid, "GC.class_histogram").redirectErrorStream(true).start();
        String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        process.waitFor();
        String[] total = text.substring(text.lastIndexOf("Total")).trim().split("\\s+");
        return Long.parseLong(total[2]);
    }
}
