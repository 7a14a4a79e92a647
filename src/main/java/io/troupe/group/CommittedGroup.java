package io.troupe.group;

import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What is acknowledged of one group: the fold of its records in {@code __consumer_offsets}. Immutable.
 *
 * @param metadata of a classic group; null when none was stored, as for one that only commits offsets
 * @param consumers a group of the consumer protocol (KIP-848), which then counts; null when none is stored
 * @param offsets by topic, then partition; no empty inner maps
 */
record CommittedGroup(
        String groupId,
        GroupMetadata metadata,
        ConsumerGroupMetadata consumers,
        Map<String, Map<Integer, CommittedOffset>> offsets) {

    static CommittedGroup empty(String groupId) {
        return new CommittedGroup(groupId, null, null, Map.of());
    }

    /** Whether nothing is left that would have to be kept. */
    boolean isVoid() {
        return metadata == null && consumers == null && offsets.isEmpty();
    }

    CommittedOffset offset(String topic, int partition) {
        Map<Integer, CommittedOffset> ofTopic = offsets.get(topic);
        return ofTopic == null ? null : ofTopic.get(partition);
    }

    /** The group after more records; only the topics they touch are copied. */
    CommittedGroup with(List<GroupRecord> records) {
        GroupMetadata newMetadata = metadata;
        Map<String, Map<Integer, CommittedOffset>> newOffsets = null;
        Map<String, Map<Integer, CommittedOffset>> touched = new HashMap<>();
        for (GroupRecord record : records) {
            if (record instanceof GroupRecord.GroupStored stored) {
                newMetadata = stored.metadata();
            } else if (record instanceof GroupRecord.GroupRemoved) {
                newMetadata = null;
            } else if (record instanceof GroupRecord.OffsetStored stored) {
                touch(touched, stored.topic()).put(stored.partition(), stored.offset());
            } else if (record instanceof GroupRecord.OffsetRemoved removed) {
                touch(touched, removed.topic()).remove(removed.partition());
            }
        }
        if (!touched.isEmpty()) {
            newOffsets = new HashMap<>(offsets);
            for (var entry : touched.entrySet()) {
                if (entry.getValue().isEmpty()) {
                    newOffsets.remove(entry.getKey());
                } else {
                    newOffsets.put(entry.getKey(), small(entry.getValue()));
                }
            }
            newOffsets = small(newOffsets);
        }
        return new CommittedGroup(
                groupId,
                newMetadata,
                ConsumerGroupMetadata.after(consumers, records),
                newOffsets == null ? offsets : newOffsets);
    }

    /** Many a group has one topic, and many of them one partition: a map for each commit that lives until the next one. */
    private static <K, V> Map<K, V> small(Map<K, V> map) {
        if (map.size() != 1) {
            return map;
        }
        Map.Entry<K, V> only = map.entrySet().iterator().next();
        return Collections.singletonMap(only.getKey(), only.getValue());
    }

    private Map<Integer, CommittedOffset> touch(Map<String, Map<Integer, CommittedOffset>> touched, String topic) {
        return touched.computeIfAbsent(topic, t -> new HashMap<>(offsets.getOrDefault(t, Map.of())));
    }
}
