package io.troupe.api;

import io.troupe.protocol.RecordsField;
import java.util.concurrent.atomic.LongAdder;
import org.apache.kafka.common.message.FetchResponseData;

/** What producers and consumers sent and got, over all topics of a broker, since its start. Any thread. */
public final class TrafficStats {
    final LongAdder bytesIn = new LongAdder();
    final LongAdder messagesIn = new LongAdder();
    final LongAdder bytesOut = new LongAdder();
    final LongAdder produceRequests = new LongAdder();
    final LongAdder fetchRequests = new LongAdder();
    final LongAdder failedProduceRequests = new LongAdder();
    final LongAdder failedFetchRequests = new LongAdder();

    void fetched(FetchResponseData response) {
        for (FetchResponseData.FetchableTopicResponse topic : response.responses()) {
            fetchRequests.add(topic.partitions().size());
            for (FetchResponseData.PartitionData partition : topic.partitions()) {
                bytesOut.add(RecordsField.sizeInBytes(partition));
                if (partition.errorCode() != 0) {
                    failedFetchRequests.increment();
                }
            }
        }
    }

    /** Of batches that were appended. */
    public long bytesIn() {
        return bytesIn.sum();
    }

    /** Records that were appended. */
    public long messagesIn() {
        return messagesIn.sum();
    }

    /** Of batches in answers to fetches. */
    public long bytesOut() {
        return bytesOut.sum();
    }

    /** Counted once for each partition of a request, as Kafka does. */
    public long produceRequests() {
        return produceRequests.sum();
    }

    /** Counted once for each partition of a request, as Kafka does. */
    public long fetchRequests() {
        return fetchRequests.sum();
    }

    /** Partitions of requests that were refused. */
    public long failedProduceRequests() {
        return failedProduceRequests.sum();
    }

    /** Partitions of requests that were refused. */
    public long failedFetchRequests() {
        return failedFetchRequests.sum();
    }
}
