package io.troupe.partition;

import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.Uuid;

/** A partition as brokers name it among themselves: by topic id, so that a topic's namesake is never meant. */
record PartitionKey(Uuid topicId, int partition) {
    // Asked for each partition of each request and message. A record's own go through method handles, which the
    // interpreter and the
    // quick compiler call one by one.
    @Override
    public boolean equals(Object other) {
        return other instanceof PartitionKey key && partition == key.partition && topicId.equals(key.topicId);
    }

    @Override
    public int hashCode() {
        return 31 * topicId.hashCode() + partition;
    }

    static PartitionKey of(TopicIdPartition partition) {
        return new PartitionKey(partition.topicId(), partition.partition());
    }

    @Override
    public String toString() {
        return topicId + "-" + partition;
    }
}
