package io.troupe.protocol;

import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import org.apache.kafka.common.message.FetchResponseData;
import org.apache.kafka.common.message.ProduceRequestData;
import org.apache.kafka.common.protocol.ApiMessage;
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

    /** Hands over one whole batch that stays in its file until it is sent, and the file with it. */
    public static void set(FetchResponseData.PartitionData partition, FileChannel file, long position, int bytes) {
        partition.setRecords(new FileBatch(file, position, bytes));
    }

    /** Bytes of an answer that are not held in memory. */
    static long bytesInFiles(ApiMessage response) {
        long bytes = 0;
        if (response instanceof FetchResponseData fetch) {
            for (FetchResponseData.FetchableTopicResponse topic : fetch.responses()) {
                for (FetchResponseData.PartitionData partition : topic.partitions()) {
                    bytes += partition.records() instanceof FileBatch file ? file.sizeInBytes() : 0;
                }
            }
        }
        return bytes;
    }

    /** No records; not null, which older clients cannot read. */
    public static void clear(FetchResponseData.PartitionData partition) {
        partition.setRecords(MemoryRecords.EMPTY);
    }

    public static int sizeInBytes(FetchResponseData.PartitionData partition) {
        return partition.records() == null ? 0 : partition.records().sizeInBytes();
    }
}
