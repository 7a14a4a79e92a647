package io.troupe.protocol;

import java.nio.ByteBuffer;
import org.apache.kafka.common.message.FetchResponseData;
import org.apache.kafka.common.message.ProduceRequestData;
import org.apache.kafka.common.record.internal.MemoryRecords;

/** The records of requests and answers as plain buffers, so that handlers need not name kafka-clients' record classes. */
public final class RecordsField {
    private RecordsField() {}

    /** The records of one partition, sharing the bytes of the frame; null when the client sent none. */
    public static ByteBuffer of(ProduceRequestData.PartitionProduceData partition) {
        return partition.records() instanceof MemoryRecords records ? records.buffer() : null;
    }

    /** Hands whole batches over to an answer, from position to limit. */
    public static void set(FetchResponseData.PartitionData partition, ByteBuffer batches) {
        partition.setRecords(batches.hasRemaining() ? MemoryRecords.readableRecords(batches) : MemoryRecords.EMPTY);
    }

    /** No records; not null, which older clients cannot read. */
    public static void clear(FetchResponseData.PartitionData partition) {
        partition.setRecords(MemoryRecords.EMPTY);
    }

    public static int sizeInBytes(FetchResponseData.PartitionData partition) {
        return partition.records() == null ? 0 : partition.records().sizeInBytes();
    }
}
