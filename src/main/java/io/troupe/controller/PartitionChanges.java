package io.troupe.controller;

import io.troupe.metadata.MetadataEvent;
import io.troupe.metadata.PartitionImage;
import io.troupe.metadata.TopicImage;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.common.Uuid;

/** New states of partitions in the making, one event for each topic whatever many of its partitions change. Pure, one use. */
final class PartitionChanges {
    private final Map<Uuid, TreeMap<Integer, PartitionImage>> changed = new LinkedHashMap<>();

    /** The partition as it will be. */
    PartitionImage of(TopicImage topic, int partition) {
        PartitionImage newer =
                changed.getOrDefault(topic.topicId(), new TreeMap<>()).get(partition);
        return newer != null ? newer : topic.partitions().get(partition);
    }

    /** @param after with any partition epoch: it gets the one that follows on the present state; nothing happens when equal */
    void put(TopicImage topic, PartitionImage after) {
        PartitionImage committed = topic.partitions().get(after.partition());
        PartitionImage numbered = after.withPartitionEpoch(committed.partitionEpoch() + 1);
        if (!numbered.equals(committed.withPartitionEpoch(numbered.partitionEpoch()))) {
            changed.computeIfAbsent(topic.topicId(), id -> new TreeMap<>()).put(after.partition(), numbered);
        } else if (changed.containsKey(topic.topicId())) {
            changed.get(topic.topicId()).remove(after.partition());
        }
    }

    /** How many partitions change. */
    int size() {
        return changed.values().stream().mapToInt(Map::size).sum();
    }

    void emitTo(Draft draft) {
        changed.forEach((topicId, partitions) -> {
            if (!partitions.isEmpty()) {
                draft.emit(new MetadataEvent.PartitionsChanged(topicId, List.copyOf(partitions.values())));
            }
        });
    }
}
