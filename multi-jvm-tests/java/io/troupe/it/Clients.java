package io.troupe.it;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/** Java clients of a broker or a cluster, and what many tests do with them. Not thread-safe clients stay with the thread that made them. */
final class Clients {
    /** For all that is to come in the end; a build server may be slow, and stand still for seconds. */
    private static final Duration PATIENCE = Duration.ofSeconds(120);

    private static final AtomicInteger UNIQUE = new AtomicInteger();

    private final String bootstrap;

    Clients(BrokerProcess broker) {
        this(broker.bootstrap());
    }

    /** @param bootstrap one or more brokers, by comma */
    Clients(String bootstrap) {
        this.bootstrap = bootstrap;
    }

    /** A name no other test uses. */
    static String unique(String prefix) {
        return prefix + "-" + UNIQUE.incrementAndGet();
    }

    /** @param settings pairs of key and value on top of the defaults */
    Admin admin(String... settings) {
        Properties properties = properties(settings);
        properties.putIfAbsent("default.api.timeout.ms", "100000");
        return Admin.create(properties);
    }

    /** @param settings pairs of key and value on top of the defaults */
    KafkaProducer<String, String> producer(String... settings) {
        Properties properties = properties(settings);
        properties.putIfAbsent("linger.ms", "5");
        // Bytes and characters one to one.
        StringSerializer serializer = new StringSerializer();
        serializer.configure(Map.of("value.serializer.encoding", "ISO-8859-1"), false);
        return new KafkaProducer<>(properties, serializer, serializer);
    }

    KafkaConsumer<String, String> consumer(String... settings) {
        Properties properties = properties(settings);
        properties.putIfAbsent("auto.offset.reset", "earliest");
        properties.putIfAbsent("enable.auto.commit", "false");
        properties.putIfAbsent("fetch.max.wait.ms", "100");
        return new KafkaConsumer<>(properties, deserializer(), deserializer());
    }

    private static StringDeserializer deserializer() {
        StringDeserializer deserializer = new StringDeserializer();
        deserializer.configure(Map.of("value.deserializer.encoding", "ISO-8859-1"), false);
        return deserializer;
    }

    /** Creates a topic and waits until it can be used. */
    String topic(String name, int partitions, Map<String, String> configs) {
        create(new NewTopic(name, partitions, (short) 1).configs(configs));
        return name;
    }

    /**
     * Creates a topic and waits until it can be used. An Admin client that got no answer, because its broker stood still or a controller
     * was gone for long, asks again by itself and is told that the topic exists. Here that is an answer only to who asks again.
     */
    void create(NewTopic topic) {
        boolean[] unknown = {false};
        try (Admin admin = admin("retries", "0", "request.timeout.ms", "60000")) {
            await("topic " + topic.name() + " is made", () -> {
                try {
                    get(admin.createTopics(List.of(topic)).all());
                } catch (TopicExistsException e) {
                    if (!unknown[0]) {
                        throw e;
                    }
                } catch (RetriableException e) {
                    unknown[0] = true;
                    throw e;
                }
                return true;
            });
        }
    }

    /** Polls until that many records came, or fails when none came for two minutes. */
    static List<ConsumerRecord<String, String>> read(KafkaConsumer<String, String> consumer, int count) {
        List<ConsumerRecord<String, String>> records = new ArrayList<>();
        long end = System.nanoTime() + PATIENCE.toNanos();
        while (records.size() < count) {
            var polled = consumer.poll(Duration.ofMillis(200));
            polled.forEach(records::add);
            if (!polled.isEmpty()) {
                end = System.nanoTime() + PATIENCE.toNanos();
            }
            if (System.nanoTime() > end) {
                throw new AssertionError("only " + records.size() + " of " + count + " records came");
            }
        }
        return records;
    }

    static <T> T get(KafkaFuture<T> future) {
        try {
            return future.get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof RuntimeException cause) {
                throw cause;
            }
            throw new AssertionError(e.getCause());
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    /** Asks until it is so, or fails after two minutes with what was awaited. */
    static void await(String what, Callable<Boolean> condition) {
        await(what, PATIENCE, condition);
    }

    /**
     * Asks until it is so, or fails with what was awaited. What a broker cannot answer yet, because it has not heard of a topic
     * that another broker has made, is asked again.
     */
    static void await(String what, Duration limit, Callable<Boolean> condition) {
        long end = System.nanoTime() + limit.toNanos();
        RetriableException last = null;
        try {
            while (true) {
                try {
                    if (condition.call()) {
                        return;
                    }
                } catch (RetriableException e) {
                    last = e;
                }
                if (System.nanoTime() > end) {
                    throw new AssertionError("not within " + limit.toSeconds() + " s: " + what, last);
                }
                TimeUnit.MILLISECONDS.sleep(50);
            }
        } catch (Exception e) {
            throw new AssertionError(what, e);
        }
    }

    private Properties properties(String... settings) {
        Map<String, String> map = new HashMap<>();
        map.put("bootstrap.servers", bootstrap);
        for (int i = 0; i < settings.length; i += 2) {
            map.put(settings[i], settings[i + 1]);
        }
        Properties properties = new Properties();
        properties.putAll(map);
        return properties;
    }
}
