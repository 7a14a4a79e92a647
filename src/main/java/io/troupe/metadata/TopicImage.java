package io.troupe.metadata;

import java.util.List;
import java.util.Map;
import org.apache.kafka.common.Uuid;

/**
 * A topic.
 *
 * @param partitions index = partition number
 * @param configs the topic's own overrides, by topic config name
 */
public record TopicImage(String name, Uuid topicId, List<PartitionImage> partitions, Map<String, String> configs) {
    /** {@code __consumer_offsets} and {@code __transaction_state}: only the broker writes them. */
    public boolean internal() {
        return isInternal(name);
    }

    public static boolean isInternal(String topic) {
        return topic.equals("__consumer_offsets") || topic.equals("__transaction_state");
    }
}
