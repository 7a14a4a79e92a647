package io.troupe.client;

import java.util.function.Function;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.Behaviors;

/** What is done with each record of a partition, one after another; several partitions' at the same time. */
@FunctionalInterface
public interface RecordHandler<K, V> {

    /** Throwing means that the record failed: it comes again after a pause, and at last goes where {@link DeadLetters} says. */
    void handle(ConsumerRecord<K, V> record) throws Exception;

    /** Handlers for a {@link ConsumerActor} that do this with each record and acknowledge it when it returns. */
    static <K, V> Function<TopicPartition, Behavior<Delivery<K, V>>> each(RecordHandler<K, V> handler) {
        return partition -> Behaviors.receiveMessage(delivery -> {
            for (ConsumerRecord<K, V> record : delivery.records()) {
                try {
                    handler.handle(record);
                } catch (Exception e) {
                    // Of this delivery nothing before the failed record shall come again.
                    if (record.offset() > delivery.records().get(0).offset()) {
                        delivery.acknowledgeThrough(record.offset() - 1);
                    }
                    throw e;
                }
            }
            delivery.acknowledgeAll();
            return Behaviors.same();
        });
    }
}
