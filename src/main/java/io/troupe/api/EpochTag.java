package io.troupe.api;

import java.nio.ByteBuffer;
import org.apache.kafka.common.protocol.types.RawTaggedField;

/**
 * The tagged field in which answers tell epochs for which Kafka's messages have no place: 8 bytes for a broker's, 4 for a partition's.
 * Clients pass over tags that they do not know; Kafka's own are small. {@code troupe-cluster.sh metadata} reads it.
 */
final class EpochTag {
    static final int TAG = 10_000;

    private EpochTag() {}

    static RawTaggedField ofBroker(long brokerEpoch) {
        return new RawTaggedField(
                TAG, ByteBuffer.allocate(Long.BYTES).putLong(brokerEpoch).array());
    }

    static RawTaggedField ofPartition(int partitionEpoch) {
        return new RawTaggedField(
                TAG, ByteBuffer.allocate(Integer.BYTES).putInt(partitionEpoch).array());
    }
}
