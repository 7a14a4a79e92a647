package io.troupe.client;

import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Where records go that a consumer's handler fails on again and again, so that those behind them are read. A dead letter has the record's key, value and
 * headers as they were, byte for byte, and these headers more, as text: {@link #TOPIC}, {@link #PARTITION}, {@link #OFFSET}, {@link #TIMESTAMP} (ms since
 * 1970), {@link #GROUP}, {@link #FAILURES} and {@link #ERROR}.
 *
 * <p>The record counts as acknowledged once its dead letter is; until then its partition stands still and it is tried anew.
 *
 * @param topic which must exist, or be made when first used
 * @param afterFailures how often a record may fail, the first time included; at least 1. One that its deserializer refuses goes at once
 * @param producer made when the first dead letter is due
 */
public record DeadLetters(String topic, int afterFailures, ProducerSettings<byte[], byte[]> producer) {
    public static final String TOPIC = "dead-letter.topic";
    public static final String PARTITION = "dead-letter.partition";
    public static final String OFFSET = "dead-letter.offset";
    public static final String TIMESTAMP = "dead-letter.timestamp";
    public static final String GROUP = "dead-letter.group";
    public static final String FAILURES = "dead-letter.failures";
    public static final String ERROR = "dead-letter.error";

    /** Characters of an error's text that a header takes. */
    private static final int MAX_ERROR = 4_000;

    public DeadLetters {
        Settings.given("dead letters: topic", topic);
        Settings.given("dead letters: producer", producer);
        Settings.atLeast("dead letters: afterFailures", afterFailures, 1);
    }

    /** With a producer of its own to these brokers, {@code acks=all}. */
    public static DeadLetters to(String topic, int afterFailures, String bootstrapServers) {
        return new DeadLetters(
                topic,
                afterFailures,
                ProducerSettings.of(bootstrapServers, new ByteArraySerializer(), new ByteArraySerializer())
                        .withProperty("acks", "all"));
    }

    ProducerRecord<byte[], byte[]> letter(
            ConsumerRecord<byte[], byte[]> record, String group, int failures, Throwable error) {
        Headers headers = new RecordHeaders(record.headers());
        Map.of(
                        TOPIC, record.topic(),
                        PARTITION, "" + record.partition(),
                        OFFSET, "" + record.offset(),
                        TIMESTAMP, "" + record.timestamp(),
                        GROUP, group,
                        FAILURES, "" + failures,
                        ERROR, text(error))
                .forEach((key, value) -> headers.add(key, value.getBytes(StandardCharsets.UTF_8)));
        return new ProducerRecord<>(topic, null, null, record.key(), record.value(), headers);
    }

    private static String text(Throwable error) {
        String text = error.toString();
        return text.length() > MAX_ERROR ? text.substring(0, MAX_ERROR) : text;
    }
}
