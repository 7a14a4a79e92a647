package io.troupe.embedded;

import java.lang.reflect.Parameter;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.CloseOptions;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.junit.jupiter.api.extension.ParameterResolutionException;

/** Clients made for the parameters of one test, or of one class, and closed with it, the last one first. */
final class TestClients implements AutoCloseable {
    private static final Duration CLOSE_LIMIT = Duration.ofSeconds(10);
    private static final Set<Class<?>> TYPES =
            Set.of(Admin.class, Producer.class, KafkaProducer.class, Consumer.class, KafkaConsumer.class);

    private final Deque<Runnable> closings = new ArrayDeque<>();

    static boolean knows(Class<?> type) {
        return TYPES.contains(type);
    }

    /** @throws ParameterResolutionException when Kafka has no serializer for its types, or its settings are not {@code key=value} */
    Object create(Parameter parameter, String bootstrapServers) {
        Map<String, Object> settings = new HashMap<>();
        settings.put("bootstrap.servers", bootstrapServers);
        Class<?> type = parameter.getType();
        if (type == Admin.class) {
            Admin admin = Admin.create(with(settings, parameter));
            closings.push(() -> admin.close(CLOSE_LIMIT));
            return admin;
        }
        Serde<?> key = serde(parameter, 0);
        Serde<?> value = serde(parameter, 1);
        if (type == Producer.class || type == KafkaProducer.class) {
            KafkaProducer<?, ?> producer =
                    new KafkaProducer<>(with(settings, parameter), key.serializer(), value.serializer());
            closings.push(() -> producer.close(CLOSE_LIMIT));
            return producer;
        }
        settings.put("group.id", "test-" + UUID.randomUUID());
        settings.put("auto.offset.reset", "earliest");
        settings.put("enable.auto.commit", "false");
        KafkaConsumer<?, ?> consumer =
                new KafkaConsumer<>(with(settings, parameter), key.deserializer(), value.deserializer());
        closings.push(() -> consumer.close(CloseOptions.timeout(CLOSE_LIMIT)));
        return consumer;
    }

    private static Map<String, Object> with(Map<String, Object> settings, Parameter parameter) {
        ClientConfig more = parameter.getAnnotation(ClientConfig.class);
        if (more != null) {
            settings.putAll(entries("@ClientConfig", more.value()));
        }
        return settings;
    }

    /** @param where for who reads the error */
    static Map<String, String> entries(String where, String[] entries) {
        Map<String, String> result = new LinkedHashMap<>();
        for (String entry : entries) {
            int equals = entry.indexOf('=');
            if (equals <= 0) {
                throw new ParameterResolutionException(where + ": \"" + entry + "\" must be key=value");
            }
            result.put(
                    entry.substring(0, equals).trim(),
                    entry.substring(equals + 1).trim());
        }
        return result;
    }

    private static Serde<?> serde(Parameter parameter, int index) {
        if (parameter.getParameterizedType() instanceof ParameterizedType types) {
            Type type = types.getActualTypeArguments()[index];
            try {
                if (type instanceof Class<?> known) {
                    return Serdes.serdeFrom(known);
                }
            } catch (IllegalArgumentException e) {
                // Told below.
            }
        }
        throw new ParameterResolutionException(parameter.getParameterizedType().getTypeName() + " "
                + parameter.getName() + ": key and value must be of types that Kafka has serializers for, as in "
                + parameter.getType().getSimpleName()
                + "<String, byte[]>; make other clients from @BootstrapServers String");
    }

    @Override
    public void close() {
        RuntimeException failure = null;
        while (!closings.isEmpty()) {
            try {
                closings.pop().run();
            } catch (RuntimeException e) {
                failure = failure == null ? e : failure;
            }
        }
        if (failure != null) {
            throw failure;
        }
    }
}
