package io.troupe.protocol;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
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

    /**
     * Hands whole batches over to an answer, from position to limit. Whoever does not answer with it in the end calls
     * {@link #discard}.
     *
     * @param batches read into {@code memory} when direct
     */
    public static void set(FetchResponseData.PartitionData partition, ByteBuffer batches, AnswerBuffers.Loan memory) {
        if (!batches.hasRemaining()) {
            partition.setRecords(MemoryRecords.EMPTY);
        } else if (batches.isDirect()) {
            partition.setRecords(memory.records());
        } else {
            partition.setRecords(MemoryRecords.readableRecords(batches));
        }
    }

    /**
     * Hands over one whole batch that stays in its file until it is sent, and the file with it. Whoever does not answer with
     * it in the end calls {@link #discard}.
     *
     * @param reads threads that may wait for the disk
     */
    public static void set(
            FetchResponseData.PartitionData partition, FileChannel file, long position, int bytes, Executor reads) {
        partition.setRecords(new FileBatch(file, position, bytes, reads));
    }

    /** Closes the files of an answer that is not given, and gives its memory back. */
    public static void discard(ApiMessage response) {
        closeable(response).forEach(AnswerRecords::close);
    }

    /** The same for one partition. */
    public static void discard(FetchResponseData.PartitionData partition) {
        if (partition.records() instanceof AnswerRecords records) {
            records.close();
        }
    }

    /** The records of an answer that must be closed in the end. */
    static List<AnswerRecords> closeable(ApiMessage response) {
        List<AnswerRecords> found = List.of();
        if (response instanceof FetchResponseData fetch) {
            for (FetchResponseData.FetchableTopicResponse topic : fetch.responses()) {
                for (FetchResponseData.PartitionData partition : topic.partitions()) {
                    if (partition.records() instanceof AnswerRecords records) {
                        found = found.isEmpty() ? new ArrayList<>() : found;
                        found.add(records);
                    }
                }
            }
        }
        return found;
    }

    /** The records of one partition of an answer that is in memory, from position to limit; those of lent memory until {@link #discard}. */
    public static ByteBuffer of(FetchResponseData.PartitionData partition) {
        if (partition.records() instanceof LentBatches lent) {
            try {
                return lent.bytes().duplicate();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
        return partition.records() instanceof MemoryRecords records ? records.buffer() : ByteBuffer.allocate(0);
    }

    /** Hands one batch over to a request. */
    public static void set(ProduceRequestData.PartitionProduceData partition, ByteBuffer batch) {
        partition.setRecords(MemoryRecords.readableRecords(batch));
    }

    /**
     * Takes what an answer holds of files into plain memory, and closes those.
     *
     * @param mostBytes of one batch
     * @return fails with RecordTooLargeException, or when a file cannot be read
     */
    static CompletionStage<Void> toHeap(FetchResponseData response, int mostBytes) {
        List<CompletableFuture<Void>> all = new ArrayList<>();
        for (FetchResponseData.FetchableTopicResponse topic : response.responses()) {
            for (FetchResponseData.PartitionData partition : topic.partitions()) {
                if (partition.records() instanceof FileBatch records) {
                    all.add(records.toHeap(mostBytes)
                            .whenComplete((done, failure) -> records.close())
                            .thenAccept(bytes -> partition.setRecords(MemoryRecords.readableRecords(bytes)))
                            .toCompletableFuture());
                }
            }
        }
        return CompletableFuture.allOf(all.toArray(CompletableFuture[]::new));
    }

    /** No records; not null, which older clients cannot read. */
    public static void clear(FetchResponseData.PartitionData partition) {
        partition.setRecords(MemoryRecords.EMPTY);
    }

    public static int sizeInBytes(FetchResponseData.PartitionData partition) {
        return partition.records() == null ? 0 : partition.records().sizeInBytes();
    }
}
