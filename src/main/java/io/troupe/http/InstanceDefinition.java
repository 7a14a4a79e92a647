package io.troupe.http;

import io.troupe.metadata.FieldReader;
import io.troupe.metadata.FieldWriter;
import java.util.List;
import org.apache.kafka.common.TopicPartition;

/**
 * What is known of a consumer instance wherever it runs: how it was made, and what it is subscribed to or assigned. The value of its record.
 *
 * @param memberId in its group; stays the same for its life, so whoever runs it next takes over what it was assigned
 * @param resetPolicy where reading begins without a committed offset
 * @param minBytes of records worth an answer before the time is up
 * @param requestTimeoutMs how long a read waits unless it says so itself
 * @param topics that it is subscribed to; null for none
 * @param pattern of topics that it is subscribed to; null for none
 * @param assigned by hand; null for none
 */
record InstanceDefinition(
        InstanceId id,
        String memberId,
        RecordFormat format,
        Reset resetPolicy,
        boolean autoCommit,
        int minBytes,
        int requestTimeoutMs,
        List<String> topics,
        String pattern,
        List<TopicPartition> assigned) {
    private static final byte VERSION = 1;

    /** Kafka's auto.offset.reset. */
    enum Reset {
        LATEST,
        EARLIEST,
        NONE
    }

    boolean isSubscribed() {
        return topics != null || pattern != null;
    }

    boolean isAssigned() {
        return assigned != null;
    }

    /** @param newTopics null for a pattern */
    InstanceDefinition subscribed(List<String> newTopics, String newPattern) {
        return with(newTopics, newPattern, null);
    }

    InstanceDefinition assigned(List<TopicPartition> partitions) {
        return with(null, null, partitions);
    }

    /** To nothing. */
    InstanceDefinition unsubscribed() {
        return with(null, null, null);
    }

    private InstanceDefinition with(List<String> newTopics, String newPattern, List<TopicPartition> newAssigned) {
        return new InstanceDefinition(
                id,
                memberId,
                format,
                resetPolicy,
                autoCommit,
                minBytes,
                requestTimeoutMs,
                newTopics,
                newPattern,
                newAssigned);
    }

    byte[] toBytes() {
        FieldWriter w = new FieldWriter().putByte(VERSION);
        w.putString(id.group()).putString(id.name()).putString(memberId);
        w.putInt(format.ordinal()).putInt(resetPolicy.ordinal()).putBoolean(autoCommit);
        w.putInt(minBytes).putInt(requestTimeoutMs);
        w.putBoolean(topics != null);
        if (topics != null) {
            w.putList(topics, FieldWriter::putString);
        }
        w.putString(pattern);
        w.putBoolean(assigned != null);
        if (assigned != null) {
            w.putList(assigned, InstanceDefinition::putPartition);
        }
        return w.toByteArray();
    }

    /** @throws RuntimeException when these are no such bytes */
    static InstanceDefinition fromBytes(byte[] bytes) {
        FieldReader r = new FieldReader(bytes);
        byte version = r.getByte();
        if (version != VERSION) {
            throw new IllegalArgumentException("version " + version + " of an instance's record is not known here");
        }
        return new InstanceDefinition(
                new InstanceId(r.getString(), r.getString()),
                r.getString(),
                RecordFormat.values()[r.getInt()],
                Reset.values()[r.getInt()],
                r.getBoolean(),
                r.getInt(),
                r.getInt(),
                r.getBoolean() ? r.getList(FieldReader::getString) : null,
                r.getString(),
                r.getBoolean() ? r.getList(InstanceDefinition::getPartition) : null);
    }

    static void putPartition(FieldWriter w, TopicPartition partition) {
        w.putString(partition.topic()).putInt(partition.partition());
    }

    static TopicPartition getPartition(FieldReader r) {
        return new TopicPartition(r.getString(), r.getInt());
    }
}
