package io.troupe.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Map;
import java.util.concurrent.CompletionException;
import java.util.function.Supplier;
import org.apache.kafka.clients.producer.RoundRobinPartitioner;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.GroupAuthorizationException;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.common.errors.UnsupportedVersionException;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is wrong with settings is told when they are made, by name and value; failures have kinds. */
class SettingsTest {
    private static final ProducerSettings<String, String> PRODUCER =
            ProducerSettings.of("localhost:9092", new StringSerializer(), new StringSerializer());
    private static final ConsumerSettings<String, String> CONSUMER =
            ConsumerSettings.of("localhost:9092", "g", new StringDeserializer(), new StringDeserializer());

    private static void wrong(Supplier<?> made, String... words) {
        String message = assertThrows(IllegalArgumentException.class, made::get).getMessage();
        for (String word : words) {
            assertTrue(message.contains(word), message);
        }
    }

    @Test
    void wrongProducerSettingsAreNamed() {
        String roundRobin = RoundRobinPartitioner.class.getName();
        wrong(() -> PRODUCER.withMaxInFlightBytes(0), "maxInFlightBytes", "0", "at least 1");
        wrong(() -> PRODUCER.withMaxWaitingBytes(-1), "maxWaitingBytes", "-1", "at least 1");
        wrong(() -> PRODUCER.withCloseTimeoutMs(-1), "closeTimeoutMs", "-1");
        wrong(() -> PRODUCER.withProperty("acks", "2"), "acks", "2");
        wrong(() -> PRODUCER.withProperty("linger.ms", "soon"), "linger.ms", "soon");
        wrong(() -> PRODUCER.withProperty("key.serializer", "x"), "key.serializer", "leave it out");
        wrong(() -> PRODUCER.withProperties(Map.of("acks", "1")), "bootstrap.servers", "host:port");
        wrong(
                () -> PRODUCER.withProperty("partitioner.class", roundRobin),
                "partitioner.class",
                "BY_KEY",
                "AS_CONFIGURED");
        wrong(() -> ProducerSettings.of("h:1", null, new StringSerializer()), "keySerializer");
    }

    @Test
    void wrongConsumerSettingsAreNamed() {
        wrong(() -> CONSUMER.withMaxOutstanding(0, 1), "maxOutstandingRecords", "0");
        wrong(() -> CONSUMER.withMaxOutstanding(1, 0), "maxOutstandingBytes", "0");
        wrong(() -> CONSUMER.withMaxDeliveryRecords(0), "maxDeliveryRecords");
        wrong(() -> CONSUMER.withCommitIntervalMs(0), "commitIntervalMs");
        wrong(() -> CONSUMER.withDrainTimeoutMs(-1), "drainTimeoutMs");
        wrong(() -> CONSUMER.withBackoffMs(10, 5), "maxBackoffMs", "5", "minBackoffMs", "10");
        wrong(() -> CONSUMER.withProperty("enable.auto.commit", "true"), "enable.auto.commit", "leave it out");
        wrong(() -> CONSUMER.withProperty("auto.offset.reset", "now"), "auto.offset.reset", "now");
        wrong(() -> DeadLetters.to("d", 0, "h:1"), "afterFailures", "0");
        wrong(() -> Subscription.topics(), "topic");
        wrong(() -> Subscription.matching("("), "(", "regular expression");
        wrong(() -> AdminActor.create(Map.of()), "admin settings", "bootstrap.servers");
        ConsumerSettings<String, String> alone = CONSUMER.withProperties(Map.of("bootstrap.servers", "localhost:9092"));
        wrong(
                () -> ConsumerActor.create(alone, Subscription.topics("t"), RecordHandler.each(r -> {}), null),
                "group.id");
    }

    @Test
    void thePauseDoublesUpToItsBound() {
        ConsumerSettings<String, String> settings = CONSUMER.withBackoffMs(200, 1_000);
        assertEquals(200, settings.backoffMs(1));
        assertEquals(400, settings.backoffMs(2));
        assertEquals(800, settings.backoffMs(3));
        assertEquals(1_000, settings.backoffMs(4));
        assertEquals(1_000, settings.backoffMs(Integer.MAX_VALUE));
        assertEquals(
                Long.MAX_VALUE, CONSUMER.withBackoffMs(1L << 60, Long.MAX_VALUE).backoffMs(9));
    }

    @Test
    void failuresAreOfAKind() {
        assertEquals(
                Failure.Kind.RETRIABLE, Failure.of(new TimeoutException("x")).kind());
        assertEquals(
                Failure.Kind.TOO_LARGE,
                Failure.of(new RecordTooLargeException("x")).kind());
        assertEquals(
                Failure.Kind.INVALID,
                Failure.of(new SerializationException("x")).kind());
        assertEquals(
                Failure.Kind.NOT_FOUND,
                Failure.of(new UnknownTopicOrPartitionException("x")).kind());
        assertEquals(
                Failure.Kind.CONFLICT, Failure.of(new TopicExistsException("x")).kind());
        assertEquals(
                Failure.Kind.NOT_AUTHORIZED,
                Failure.of(new GroupAuthorizationException("g")).kind());
        assertEquals(
                Failure.Kind.UNSUPPORTED,
                Failure.of(new UnsupportedVersionException("x")).kind());
        assertEquals(
                Failure.Kind.FENCED,
                Failure.of(new ProducerFencedException("x")).kind());
        assertEquals(Failure.Kind.OTHER, Failure.of(new KafkaException("x")).kind());
        assertEquals(
                new Failure(Failure.Kind.RETRIABLE, "inner"),
                Failure.of(new CompletionException(new KafkaException("outer", new TimeoutException("inner")))));
        assertEquals(
                "NullPointerException", Failure.of(new NullPointerException()).message());
    }

    @ParameterizedTest
    @CsvSource({"consumer, true", "CONSUMER, true", "classic, false"})
    void theGroupProtocolIsKnown(String protocol, boolean consumer) {
        assertEquals(consumer, CONSUMER.withProperty("group.protocol", protocol).isConsumerProtocol());
    }
}
