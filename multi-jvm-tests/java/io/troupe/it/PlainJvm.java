package io.troupe.it;

import io.troupe.embedded.EmbeddedTroupe;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/** A program that has a broker in it, with neither options of the JVM nor a logging library. Prints what it read. */
final class PlainJvm {
    private PlainJvm() {}

    public static void main(String[] args) throws Exception {
        try (EmbeddedTroupe troupe = EmbeddedTroupe.start()) {
            Map<String, Object> client = Map.of(
                    "bootstrap.servers", troupe.bootstrapServers(), "group.id", "g", "auto.offset.reset", "earliest");
            try (var producer = new KafkaProducer<>(client, new StringSerializer(), new StringSerializer());
                    var consumer = new KafkaConsumer<>(client, new StringDeserializer(), new StringDeserializer())) {
                producer.send(new ProducerRecord<>("t", "read back")).get();
                consumer.subscribe(List.of("t"));
                consumer.poll(Duration.ofSeconds(60)).forEach(record -> System.out.println(record.value()));
            }
            troupe.restart(1);
        }
    }
}
