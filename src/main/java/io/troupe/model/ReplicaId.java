package io.troupe.model;

import org.apache.kafka.common.Uuid;

/**
 * One replica of one partition on one broker: the identity of a Replica entity in Cluster Sharding.
 *
 * <p>The entity id is {@code topicId-partition@brokerId}; the shard id is the broker id, so that a shard follows its
 * broker's data.
 */
public record ReplicaId(Uuid topicId, int partition, int brokerId) {

    /** The entity id, {@code topicId-partition@brokerId}. */
    public String entityId() {
        return topicId + "-" + partition + "@" + brokerId;
    }

    /**
     * Reads an entity id.
     *
     * @throws IllegalArgumentException when {@code entityId} does not have the shape of {@link #entityId()}
     */
    public static ReplicaId parse(String entityId) {
        int at = entityId.lastIndexOf('@');
        // A topic id is base64url and may itself contain '-', so the partition starts after the last one.
        int dash = at < 0 ? -1 : entityId.lastIndexOf('-', at);
        if (dash <= 0) {
            throw new IllegalArgumentException("not a replica id (topicId-partition@brokerId): " + entityId);
        }
        return new ReplicaId(
                Uuid.fromString(entityId.substring(0, dash)),
                Integer.parseInt(entityId.substring(dash + 1, at)),
                Integer.parseInt(entityId.substring(at + 1)));
    }
}
