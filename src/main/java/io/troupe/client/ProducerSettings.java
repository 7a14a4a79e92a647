package io.troupe.client;

import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.RoundRobinPartitioner;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serializer;

/**
 * What a {@link ProducerActor} works with; begin with {@link #of}. Checked when made: a wrong value is an {@link IllegalArgumentException} that
 * names it and what is allowed.
 *
 * @param properties Kafka's own producer properties ({@code bootstrap.servers}, {@code acks}, {@code linger.ms}, ...) without serializers
 * @param keySerializer used on the actor's thread only; not closed by the actor, so actors on other threads need another one unless it has no state
 * @param valueSerializer likewise
 * @param maxInFlightBytes records handed to Kafka's producer and not acknowledged yet, by keys, values and headers and 64 bytes for each record; at
 *     least 1. One record alone may be larger
 * @param maxWaitingBytes records that wait, in order, for room in flight, counted likewise; at least 1. What comes beyond is answered {@link
 *     SendResult.Refused}; one message alone may be larger
 * @param partitioning where records without an explicit partition go
 * @param closeTimeoutMs how long {@link ProducerActor.Stop} waits for what is under way; what is not acknowledged by then fails. At least 0
 */
public record ProducerSettings<K, V>(
        Map<String, String> properties,
        Serializer<K> keySerializer,
        Serializer<V> valueSerializer,
        long maxInFlightBytes,
        long maxWaitingBytes,
        Partitioning partitioning,
        long closeTimeoutMs) {

    /** Where a record without an explicit partition goes. */
    public enum Partitioning {
        /** By the murmur2 hash of its key, as all of Kafka's Java clients do it; without a key to one partition for a batch, then to another. */
        BY_KEY,
        /** To each available partition in turn, whatever its key. */
        ROUND_ROBIN,
        /** Whatever {@code partitioner.class} and the like in the properties say. Such a class sees keys and values as bytes. */
        AS_CONFIGURED
    }

    /** What the actor sets itself. */
    private static final Map<String, Object> OWN = Map.of(
            ProducerConfig.KEY_SERIALIZER_CLASS_CONFIG, ByteArraySerializer.class,
            ProducerConfig.VALUE_SERIALIZER_CLASS_CONFIG, ByteArraySerializer.class);

    public ProducerSettings {
        Settings.given("producer settings: keySerializer", keySerializer);
        Settings.given("producer settings: valueSerializer", valueSerializer);
        Settings.given("producer settings: partitioning", partitioning);
        Settings.atLeast("producer settings: maxInFlightBytes", maxInFlightBytes, 1);
        Settings.atLeast("producer settings: maxWaitingBytes", maxWaitingBytes, 1);
        Settings.atLeast("producer settings: closeTimeoutMs", closeTimeoutMs, 0);
        properties = Settings.kafka("producer settings", properties, OWN, ProducerConfig.configDef());
        if (partitioning != Partitioning.AS_CONFIGURED
                && properties.containsKey(ProducerConfig.PARTITIONER_CLASS_CONFIG)) {
            throw new IllegalArgumentException("producer settings: partitioner.class is given, but partitioning is "
                    + partitioning + "; it must be AS_CONFIGURED then");
        }
    }

    /** 32 MiB in flight and as much waiting, partitions by key, 30 s to close; all else as Kafka's producer has it. */
    public static <K, V> ProducerSettings<K, V> of(String bootstrapServers, Serializer<K> keys, Serializer<V> values) {
        return new ProducerSettings<>(
                Map.of(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrapServers),
                keys,
                values,
                32L << 20,
                32L << 20,
                Partitioning.BY_KEY,
                30_000);
    }

    /** Another value of one of Kafka's properties. */
    public ProducerSettings<K, V> withProperty(String key, String value) {
        return withProperties(Settings.with(properties, key, value));
    }

    public ProducerSettings<K, V> withProperties(Map<String, String> all) {
        return new ProducerSettings<>(
                all, keySerializer, valueSerializer, maxInFlightBytes, maxWaitingBytes, partitioning, closeTimeoutMs);
    }

    public ProducerSettings<K, V> withMaxInFlightBytes(long bytes) {
        return new ProducerSettings<>(
                properties, keySerializer, valueSerializer, bytes, maxWaitingBytes, partitioning, closeTimeoutMs);
    }

    public ProducerSettings<K, V> withMaxWaitingBytes(long bytes) {
        return new ProducerSettings<>(
                properties, keySerializer, valueSerializer, maxInFlightBytes, bytes, partitioning, closeTimeoutMs);
    }

    public ProducerSettings<K, V> withPartitioning(Partitioning chosen) {
        return new ProducerSettings<>(
                properties, keySerializer, valueSerializer, maxInFlightBytes, maxWaitingBytes, chosen, closeTimeoutMs);
    }

    public ProducerSettings<K, V> withCloseTimeoutMs(long ms) {
        return new ProducerSettings<>(
                properties, keySerializer, valueSerializer, maxInFlightBytes, maxWaitingBytes, partitioning, ms);
    }

    /** Kafka's producer for these settings. Looks up names, so not on a dispatcher's thread. */
    Producer<byte[], byte[]> producer() {
        Map<String, Object> all = new HashMap<>(properties);
        if (partitioning == Partitioning.ROUND_ROBIN) {
            all.put(ProducerConfig.PARTITIONER_CLASS_CONFIG, RoundRobinPartitioner.class.getName());
        }
        return new KafkaProducer<>(all, new ByteArraySerializer(), new ByteArraySerializer());
    }
}
