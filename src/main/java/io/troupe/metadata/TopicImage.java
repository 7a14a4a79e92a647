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
    /** The HTTP API's consumer instances. */
    public static final String CONSUMER_INSTANCES = "__consumer_instances";

    /** One that is the broker's own business. */
    public boolean internal() {
        return isInternal(name);
    }

    public static boolean isInternal(String topic) {
        return hasCoordinators(topic) || topic.equals(CONSUMER_INSTANCES);
    }

    /** {@code __consumer_offsets} and {@code __transaction_state}: only those that lead them write them. */
    public static boolean hasCoordinators(String topic) {
        return topic.equals("__consumer_offsets") || topic.equals("__transaction_state");
    }
}
