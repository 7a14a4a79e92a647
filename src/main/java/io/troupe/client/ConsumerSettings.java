package io.troupe.client;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.apache.pekko.actor.typed.Props;

/**
 * What a {@link ConsumerActor} works with; begin with {@link #of}. Checked when made: a wrong value is an {@link IllegalArgumentException} that
 * names it and what is allowed.
 *
 * @param properties Kafka's own consumer properties ({@code bootstrap.servers}, {@code group.id}, {@code group.protocol}, {@code auto.offset.reset},
 *     ...) without deserializers and {@code enable.auto.commit}. Without a {@code group.id} nothing is committed
 * @param keyDeserializer used on the actor's thread only; not closed by the actor, so actors need one each unless it has no state
 * @param valueDeserializer likewise
 * @param maxOutstandingRecords of one partition, delivered or about to be, and not acknowledged; at least 1. Exceeded by one poll ({@code
 *     max.poll.records}) at most; the partition is paused while it is reached, until half of it is free
 * @param maxOutstandingBytes likewise, by keys and values
 * @param maxDeliveryRecords in one {@link Delivery}; at least 1
 * @param commitIntervalMs how often what was acknowledged is committed; at least 1
 * @param drainTimeoutMs when partitions are revoked and at a stop: how long is waited for the acknowledgement of what was delivered; at least 0. The
 *     group's rebalance waits as long
 * @param minBackoffMs pause before a handler that failed, or the consumer itself, is started again; doubles with each failure in a row; at least 1
 * @param maxBackoffMs the longest such pause; at least minBackoffMs
 * @param deadLetters where records go that failed again and again; empty: they are tried for ever, and their partition stands still
 * @param handlerProps of the partitions' handlers: {@link #withHandlerDispatcher} for those that block
 */
public record ConsumerSettings<K, V>(
        Map<String, String> properties,
        Deserializer<K> keyDeserializer,
        Deserializer<V> valueDeserializer,
        int maxOutstandingRecords,
        long maxOutstandingBytes,
        int maxDeliveryRecords,
        long commitIntervalMs,
        long drainTimeoutMs,
        long minBackoffMs,
        long maxBackoffMs,
        Optional<DeadLetters> deadLetters,
        Props handlerProps) {

    /** What the actor sets itself. */
    private static final Map<String, Object> OWN = Map.of(
            ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, "false",
            ConsumerConfig.KEY_DESERIALIZER_CLASS_CONFIG, ByteArrayDeserializer.class,
            ConsumerConfig.VALUE_DESERIALIZER_CLASS_CONFIG, ByteArrayDeserializer.class);

    public ConsumerSettings {
        Settings.given("consumer settings: keyDeserializer", keyDeserializer);
        Settings.given("consumer settings: valueDeserializer", valueDeserializer);
        Settings.given("consumer settings: deadLetters", deadLetters);
        Settings.given("consumer settings: handlerProps", handlerProps);
        Settings.atLeast("consumer settings: maxOutstandingRecords", maxOutstandingRecords, 1);
        Settings.atLeast("consumer settings: maxOutstandingBytes", maxOutstandingBytes, 1);
        Settings.atLeast("consumer settings: maxDeliveryRecords", maxDeliveryRecords, 1);
        Settings.atLeast("consumer settings: commitIntervalMs", commitIntervalMs, 1);
        Settings.atLeast("consumer settings: drainTimeoutMs", drainTimeoutMs, 0);
        Settings.atLeast("consumer settings: minBackoffMs", minBackoffMs, 1);
        if (maxBackoffMs < minBackoffMs) {
            throw new IllegalArgumentException("consumer settings: maxBackoffMs is " + maxBackoffMs
                    + "; it must be at least minBackoffMs, which is " + minBackoffMs);
        }
        properties = Settings.kafka("consumer settings", properties, OWN, ConsumerConfig.configDef());
    }

    /**
     * In a group: 5,000 records and 16 MiB outstanding in each partition, 500 records in one delivery, commits every second, 5 s to drain, 200 ms to 10 s
     * of back-off, no dead letters; all else as Kafka's consumer has it, but for a group without offsets, which begins with the earliest record.
     */
    public static <K, V> ConsumerSettings<K, V> of(
            String bootstrapServers, String groupId, Deserializer<K> keys, Deserializer<V> values) {
        Map<String, String> properties = Map.of(
                ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG,
                bootstrapServers,
                ConsumerConfig.GROUP_ID_CONFIG,
                groupId,
                ConsumerConfig.AUTO_OFFSET_RESET_CONFIG,
                "earliest");
        return new ConsumerSettings<>(
                properties,
                keys,
                values,
                5_000,
                16L << 20,
                500,
                1_000,
                5_000,
                200,
                10_000,
                Optional.empty(),
                Props.empty());
    }

    /** Another value of one of Kafka's properties. */
    public ConsumerSettings<K, V> withProperty(String key, String value) {
        return withProperties(Settings.with(properties, key, value));
    }

    public ConsumerSettings<K, V> withProperties(Map<String, String> all) {
        return changed(d -> d.properties = all);
    }

    /** Bounds of one partition. */
    public ConsumerSettings<K, V> withMaxOutstanding(int records, long bytes) {
        return changed(d -> {
            d.maxOutstandingRecords = records;
            d.maxOutstandingBytes = bytes;
        });
    }

    public ConsumerSettings<K, V> withMaxDeliveryRecords(int records) {
        return changed(d -> d.maxDeliveryRecords = records);
    }

    public ConsumerSettings<K, V> withCommitIntervalMs(long ms) {
        return changed(d -> d.commitIntervalMs = ms);
    }

    public ConsumerSettings<K, V> withDrainTimeoutMs(long ms) {
        return changed(d -> d.drainTimeoutMs = ms);
    }

    public ConsumerSettings<K, V> withBackoffMs(long min, long max) {
        return changed(d -> {
            d.minBackoffMs = min;
            d.maxBackoffMs = max;
        });
    }

    public ConsumerSettings<K, V> withDeadLetters(DeadLetters letters) {
        return changed(d -> d.deadLetters = Optional.of(letters));
    }

    /** For handlers that block: {@code DispatcherSelector.blocking()}, say. */
    public ConsumerSettings<K, V> withHandlerDispatcher(DispatcherSelector dispatcher) {
        return changed(d -> d.handlerProps = dispatcher);
    }

    /** Whether offsets can be committed. */
    boolean hasGroup() {
        return !properties.getOrDefault(ConsumerConfig.GROUP_ID_CONFIG, "").isBlank();
    }

    /** Whether it speaks {@code group.protocol=consumer} (KIP-848). */
    boolean isConsumerProtocol() {
        return "consumer".equalsIgnoreCase(properties.get(ConsumerConfig.GROUP_PROTOCOL_CONFIG));
    }

    /** Pause before the n-th attempt in a row, n at least 1. */
    long backoffMs(int failures) {
        long factor = 1L << Math.min(failures - 1, 20);
        return minBackoffMs > maxBackoffMs / factor ? maxBackoffMs : minBackoffMs * factor;
    }

    /** Kafka's consumer for these settings. Looks up names, so not on a dispatcher's thread. */
    Consumer<byte[], byte[]> consumer() {
        Map<String, Object> all = new HashMap<>(properties);
        all.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, "false");
        return new KafkaConsumer<>(all, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    private ConsumerSettings<K, V> changed(java.util.function.Consumer<Draft<K, V>> change) {
        Draft<K, V> draft = new Draft<>(this);
        change.accept(draft);
        return draft.done();
    }

    /** A copy that may be changed until it is done. */
    private static final class Draft<K, V> {
        private Map<String, String> properties;
        private final Deserializer<K> keyDeserializer;
        private final Deserializer<V> valueDeserializer;
        private int maxOutstandingRecords;
        private long maxOutstandingBytes;
        private int maxDeliveryRecords;
        private long commitIntervalMs;
        private long drainTimeoutMs;
        private long minBackoffMs;
        private long maxBackoffMs;
        private Optional<DeadLetters> deadLetters;
        private Props handlerProps;

        Draft(ConsumerSettings<K, V> from) {
            properties = from.properties;
            keyDeserializer = from.keyDeserializer;
            valueDeserializer = from.valueDeserializer;
            maxOutstandingRecords = from.maxOutstandingRecords;
            maxOutstandingBytes = from.maxOutstandingBytes;
            maxDeliveryRecords = from.maxDeliveryRecords;
            commitIntervalMs = from.commitIntervalMs;
            drainTimeoutMs = from.drainTimeoutMs;
            minBackoffMs = from.minBackoffMs;
            maxBackoffMs = from.maxBackoffMs;
            deadLetters = from.deadLetters;
            handlerProps = from.handlerProps;
        }

        ConsumerSettings<K, V> done() {
            return new ConsumerSettings<>(
                    properties,
                    keyDeserializer,
                    valueDeserializer,
                    maxOutstandingRecords,
                    maxOutstandingBytes,
                    maxDeliveryRecords,
                    commitIntervalMs,
                    drainTimeoutMs,
                    minBackoffMs,
                    maxBackoffMs,
                    deadLetters,
                    handlerProps);
        }
    }
}
