package io.troupe.group;

import io.troupe.metadata.MetadataCache;
import io.troupe.metadata.TopicImage;
import org.apache.kafka.common.Uuid;

/** Which topic a name stands for now. Any thread. */
@FunctionalInterface
interface TopicIds {
    /** Null when there is no topic of that name. */
    Uuid idOf(String topic);

    /**
     * Whether a committed offset belongs to the topic that has the name now, and not to a former one. Offsets that were stored
     * without an id belong to whatever has their name.
     */
    default boolean has(String topic, CommittedOffset offset) {
        Uuid id = idOf(topic);
        return id != null
                && (offset.topicId().equals(Uuid.ZERO_UUID) || offset.topicId().equals(id));
    }

    /** As of the newest image at each question: never older than the image by which a commit already handled was let in. */
    static TopicIds of(MetadataCache metadata) {
        return topic -> metadata.current().topic(topic).map(TopicImage::topicId).orElse(null);
    }
}
