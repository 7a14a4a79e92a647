package io.troupe.metadata;

import java.util.Collection;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;

/**
 * The cluster as of one metadata index: immutable, the fold of the committed {@link MetadataEvent}s up to there.
 */
public final class MetadataImage {
    private static final MetadataImage EMPTY = new MetadataImage();

    private MetadataImage() {}

    public static MetadataImage empty() {
        return EMPTY;
    }

    /** Null until the first controller has made one. */
    public String clusterId() {
        return null;
    }

    /** Index of the last event applied; -1 before the first. */
    public long index() {
        return -1;
    }

    /** Round of the controller that wrote the last event. */
    public int controllerEpoch() {
        return 0;
    }

    /** Node id of that controller, -1 for none. */
    public int controllerId() {
        return -1;
    }

    public Optional<TopicImage> topic(String name) {
        return Optional.empty();
    }

    public Optional<TopicImage> topic(Uuid topicId) {
        return Optional.empty();
    }

    public Optional<PartitionImage> partition(TopicPartition partition) {
        return Optional.empty();
    }

    public Optional<TopicIdPartition> withId(TopicPartition partition) {
        return Optional.empty();
    }

    /** All topics, by name. */
    public Map<String, TopicImage> topics() {
        return Map.of();
    }

    public Optional<BrokerImage> broker(int brokerId) {
        return Optional.empty();
    }

    /** All registered brokers, fenced ones included, by id. */
    public Collection<BrokerImage> brokers() {
        return java.util.List.of();
    }

    /** First producer id not yet handed out in a block. */
    public long nextProducerId() {
        return 0;
    }

    /**
     * The image after one more event.
     *
     * @param index must be {@code index() + 1}
     */
    public MetadataImage apply(long index, MetadataEvent event) {
        return this;
    }
}
