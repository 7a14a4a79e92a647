package io.troupe.journal;

import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.Uuid;

/** The lasting name of a log: a topic's id, not its name, so that a re-created topic is another log. */
record LogId(Uuid topicId, int partition) {
    static LogId of(TopicIdPartition partition) {
        return new LogId(partition.topicId(), partition.partition());
    }

    @Override
    public String toString() {
        return topicId + "-" + partition;
    }
}
