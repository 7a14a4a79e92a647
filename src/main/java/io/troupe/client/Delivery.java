package io.troupe.client;

import java.util.List;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.pekko.actor.typed.ActorRef;

/**
 * Records for the handler of one partition, in order. Each must be acknowledged, in any order and from any thread; what is acknowledged without a gap
 * from the beginning is committed. What is not acknowledged comes again: to the next handler when this one stops or fails, to another member of the group when
 * the partition moves. Acknowledging twice, or too late, does nothing.
 *
 * @param records at least one, at most {@code maxDeliveryRecords}; one at a time for a while after a handler failed, so that it is known which record it fails on
 * @param session which time this is that the consumer has the partition; names it in acknowledgements
 * @param consumer whom to tell; in tests of handlers, a probe
 */
public record Delivery<K, V>(
        TopicPartition partition,
        List<ConsumerRecord<K, V>> records,
        long session,
        ActorRef<? super ConsumerActor.Acknowledged> consumer) {

    /** That one record is done. */
    public void acknowledge(long offset) {
        consumer.tell(new ConsumerActor.Acknowledged(partition, session, offset, false));
    }

    /** That this record and all before it are done. */
    public void acknowledgeThrough(long offset) {
        consumer.tell(new ConsumerActor.Acknowledged(partition, session, offset, true));
    }

    /** That these records, and all before them, are done. */
    public void acknowledgeAll() {
        acknowledgeThrough(records.get(records.size() - 1).offset());
    }
}
