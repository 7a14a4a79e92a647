package io.troupe.embedded;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.time.Duration;
import java.util.List;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.junit.jupiter.api.Test;

/** The README's example, which {@link ReadmeExampleTest} compares with this. */
@TroupeTest
class GreetingsTest {
    @Test
    void greets(KafkaProducer<String, String> producer, KafkaConsumer<String, String> consumer) throws Exception {
        producer.send(new ProducerRecord<>("greetings", "k", "hello")).get();
        consumer.subscribe(List.of("greetings"));
        var records = consumer.poll(Duration.ofSeconds(30));
        assertEquals("hello", records.iterator().next().value());
    }
}
