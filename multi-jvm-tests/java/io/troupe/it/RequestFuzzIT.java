package io.troupe.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.message.ApiVersionsRequestData;
import org.apache.kafka.common.message.ApiVersionsResponseData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.protocol.types.BoundField;
import org.apache.kafka.common.protocol.types.SchemaException;
import org.apache.kafka.common.protocol.types.Struct;
import org.apache.kafka.common.protocol.types.Type;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Every API in every version that is advertised, with values that no client sends, and the same bytes damaged. A request of the right
 * form gets an answer of the right form, in which no error is UNKNOWN_SERVER_ERROR; a damaged one costs at most its connection; and an
 * ordinary client is served all the while.
 *
 * <p>{@code -Dtroupe.it.fuzz.seed=} sends other requests, {@code -Dtroupe.it.fuzz.requests=} sends more.
 */
@Timeout(value = 2, unit = TimeUnit.HOURS)
class RequestFuzzIT {
    private static final int REQUESTS = Integer.getInteger("troupe.it.fuzz.requests", 2000);
    private static final int CANARY_EVERY = 500;
    private static final Duration CANARY_LIMIT = Duration.ofSeconds(120);
    private static final int ANSWER_LIMIT_MS = 60_000;
    private static final int MAYBE_ANSWER_LIMIT_MS = 50;
    /** No request names it. */
    private static final String CANARY = "watched-by-the-canary";

    /** 256 MiB of heap, and as much again for all else of a JVM. */
    private static final long MAX_RSS_KIB = 640 << 10;

    private static final int MAX_REPORTED = 40;

    private final Map<String, Integer> problems = new TreeMap<>();

    @Test
    void noRequestStopsTheBrokerOrGoesWithoutItsError() throws Exception {
        Need.troupe();
        long seed = Long.getLong("troupe.it.fuzz.seed", 1);
        System.out.println("RequestFuzzIT: -Dtroupe.it.fuzz.seed=" + seed + " -Dtroupe.it.fuzz.requests=" + REQUESTS);
        // Groups whose members leave and rebalances that end soon, so that every answer comes soon.
        Map<String, String> settings =
                Map.of("group.min.session.timeout.ms", "1", "group.max.session.timeout.ms", "500");
        try (BrokerProcess broker = BrokerProcess.start("fuzz", settings)) {
            Clients clients = new Clients(broker);
            clients.topic(CANARY, 1, Map.of());
            try (Canary canary = new Canary(clients)) {
                fuzz(broker, canary, new Random(seed));
                canary.sing();
            }
            assertTrue(broker.isAlive());
            long rss = rssKib(broker);
            System.out.println("RequestFuzzIT: resident memory " + (rss >> 10) + " MiB");
            assertTrue(rss < MAX_RSS_KIB, "resident memory is " + rss + " KiB");
            // Errors, and exceptions that somebody printed with their stack.
            broker.output()
                    .lines()
                    .filter(line -> line.contains(" ERROR ")
                            || line.matches("(Caused by: )?[a-z]+[.][\\w.$]+(Exception|Error)\\b.*"))
                    .forEach(line -> problem("log: " + line));
        }
        assertEquals("", report(), "seed " + seed);
    }

    private void fuzz(BrokerProcess broker, Canary canary, Random random) throws Exception {
        List<RandomRequests.Request> kinds = advertised(broker);
        RandomRequests requests = new RandomRequests(random, CANARY);
        RawConnection connection = new RawConnection(broker);
        try {
            for (int i = 0; i < REQUESTS; i++) {
                RandomRequests.Request kind = kinds.get(i < kinds.size() ? i : random.nextInt(kinds.size()));
                RandomRequests.Request request = requests.next(kind.api(), kind.version(), i);
                boolean keep;
                if (random.nextInt(3) == 0) {
                    connection.send(requests.damage(request.bytes()));
                    keep = damagedRequestIsOver(connection, request);
                } else {
                    connection.send(request.bytes());
                    keep = isAnswered(connection, request, i, requests);
                }
                if (!keep) {
                    connection.close();
                    connection = new RawConnection(broker);
                }
                if (i % CANARY_EVERY == 0) {
                    canary.sing();
                }
            }
        } finally {
            connection.close();
        }
    }

    /** Awaits the answer and examines it; whether the connection can be used again. */
    private boolean isAnswered(
            RawConnection connection, RandomRequests.Request request, int id, RandomRequests requests)
            throws IOException {
        String name = request.api() + " version " + request.version();
        Optional<ByteBuffer> answer;
        try {
            answer = connection.receive(request.answered() ? ANSWER_LIMIT_MS : MAYBE_ANSWER_LIMIT_MS);
        } catch (SocketTimeoutException e) {
            if (request.answered()) {
                problem(name + " is not answered: request " + id);
            }
            return false;
        }
        if (answer.isEmpty()) {
            if (request.answered()) {
                problem(name + " closes the connection: request " + id);
            }
            return false;
        }
        try {
            ByteBuffer bytes = answer.get();
            if (bytes.getInt() != id) {
                problem(name + " is answered with another correlation id");
                return false;
            }
            Struct body = decode(request, bytes);
            if (bytes.hasRemaining()) {
                problem(name + " has an answer with " + bytes.remaining() + " bytes too many");
            }
            examine(name, body);
            requests.learn(body);
            return true;
        } catch (SchemaException e) {
            problem(name + " has an answer that cannot be read: " + e.getMessage());
            return false;
        }
    }

    /** A damaged request may be answered, cost the connection, or ask to wait. */
    private boolean damagedRequestIsOver(RawConnection connection, RandomRequests.Request request) throws IOException {
        try {
            Optional<ByteBuffer> answer = connection.receive(MAYBE_ANSWER_LIMIT_MS);
            if (answer.isPresent()) {
                ByteBuffer bytes = answer.get();
                bytes.getInt();
                examine(request.api() + " version " + request.version() + " (damaged)", decode(request, bytes));
            }
            return answer.isPresent();
        } catch (SocketTimeoutException e) {
            return false;
        }
    }

    private static Struct decode(RandomRequests.Request request, ByteBuffer bytes) {
        if (request.api().responseHeaderVersion(request.version()) > 0) {
            bytes.get(); // no tagged fields
        }
        return request.api().messageType.responseSchemas()[request.version()].read(bytes);
    }

    private void examine(String name, Struct answer) {
        for (BoundField field : answer.schema().fields()) {
            Object value = answer.get(field);
            if (value instanceof Struct struct) {
                examine(name, struct);
            } else if (value instanceof Object[] array) {
                for (Object element : array) {
                    if (element instanceof Struct struct) {
                        examine(name, struct);
                    }
                }
            } else if (field.def.type == Type.INT16
                    && field.def.name.equals("error_code")
                    && value.equals(Errors.UNKNOWN_SERVER_ERROR.code())) {
                problem(name + " is answered with UNKNOWN_SERVER_ERROR: " + answer);
            }
        }
    }

    private static List<RandomRequests.Request> advertised(BrokerProcess broker) throws IOException {
        try (RawConnection connection = new RawConnection(broker)) {
            connection.send(RawConnection.request(ApiKeys.API_VERSIONS, 2, 0, new ApiVersionsRequestData()));
            var body = RawConnection.body(
                    ApiKeys.API_VERSIONS, 2, connection.receive().orElseThrow());
            List<RandomRequests.Request> kinds = new ArrayList<>();
            for (var range : new ApiVersionsResponseData(body, (short) 2).apiKeys()) {
                ApiKeys api = ApiKeys.forId(range.apiKey());
                // Produce 0 to 2 are advertised for librdkafka's sake and not served, as with Kafka.
                for (int v = Math.max(range.minVersion(), api.oldestVersion()); v <= range.maxVersion(); v++) {
                    kinds.add(new RandomRequests.Request(api, (short) v, new byte[0], true));
                }
            }
            return kinds;
        }
    }

    private void problem(String what) {
        problems.merge(what, 1, Integer::sum);
    }

    private String report() {
        StringBuilder text = new StringBuilder();
        problems.entrySet().stream().limit(MAX_REPORTED).forEach(e -> text.append(e.getValue())
                .append(" x ")
                .append(e.getKey())
                .append('\n'));
        return text.toString();
    }

    private static long rssKib(BrokerProcess broker) throws IOException {
        Path status = Path.of("/proc", "" + broker.pid(), "status");
        if (!Files.exists(status)) {
            return 0;
        }
        for (String line : Files.readAllLines(status)) {
            if (line.startsWith("VmRSS:")) {
                return Long.parseLong(line.replaceAll("\\D", ""));
            }
        }
        return 0;
    }

    /** An ordinary producer and consumer that must get each record back within a bound. */
    private static final class Canary implements AutoCloseable {
        private final KafkaProducer<String, String> producer;
        private final KafkaConsumer<String, String> consumer;
        private int sung;

        Canary(Clients clients) {
            producer = clients.producer("linger.ms", "0", "delivery.timeout.ms", "120000");
            consumer = clients.consumer();
            consumer.assign(List.of(new TopicPartition(CANARY, 0)));
        }

        void sing() throws Exception {
            long end = System.nanoTime() + CANARY_LIMIT.toNanos();
            String note = "note " + sung++;
            producer.send(new ProducerRecord<>(CANARY, note)).get(CANARY_LIMIT.toMillis(), TimeUnit.MILLISECONDS);
            List<String> heard = new ArrayList<>();
            while (heard.isEmpty() && System.nanoTime() < end) {
                consumer.poll(Duration.ofMillis(100)).forEach(record -> heard.add(record.value()));
            }
            assertEquals(List.of(note), heard, "the canary was not served within " + CANARY_LIMIT);
        }

        @Override
        public void close() {
            producer.close(Duration.ofSeconds(5));
            consumer.close();
        }
    }
}
