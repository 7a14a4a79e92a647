package io.troupe.client;

import java.util.Set;
import org.apache.kafka.common.TopicPartition;

/** What a {@link ConsumerActor} tells of itself to whoever was named when it was made. */
public sealed interface ConsumerEvent {

    /** It has these partitions from now on, beside those that it had; their handlers are there. */
    record Assigned(Set<TopicPartition> partitions) implements ConsumerEvent {}

    /** It gave these partitions back, in a rebalance or at its stop; what was acknowledged has been committed, their handlers are stopped. */
    record Revoked(Set<TopicPartition> partitions) implements ConsumerEvent {}

    /** These partitions were taken away without a word, so nothing could be committed; another member may have them already. */
    record Lost(Set<TopicPartition> partitions) implements ConsumerEvent {}

    /**
     * A partition's handler failed and is started again.
     *
     * @param offset of the record that it had not acknowledged; -1 if there was none
     * @param failures how often in a row that record has failed, at least 1
     */
    record HandlerFailed(TopicPartition partition, long offset, int failures, String error) implements ConsumerEvent {}

    /** A record went to the dead letters' topic and counts as acknowledged. */
    record DeadLettered(TopicPartition partition, long offset, String error) implements ConsumerEvent {}

    /** Offsets could not be committed; they are committed with the next ones, unless the partitions have moved. */
    record CommitFailed(Failure failure) implements ConsumerEvent {}

    /** Kafka's consumer failed; a new one begins after a pause, from what was committed. @param failures how often in a row, at least 1 */
    record ConsumerFailed(Failure failure, int failures) implements ConsumerEvent {}
}
