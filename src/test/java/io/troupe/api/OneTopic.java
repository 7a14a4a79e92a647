package io.troupe.api;

import io.troupe.config.HostPort;
import io.troupe.config.Listener;
import io.troupe.journal.JournalCommand.EpochStart;
import io.troupe.journal.LogReader;
import io.troupe.metadata.BrokerImage;
import io.troupe.metadata.MetadataCache;
import io.troupe.metadata.MetadataEvent;
import io.troupe.metadata.MetadataImage;
import io.troupe.metadata.PartitionImage;
import io.troupe.metadata.TopicImage;
import io.troupe.partition.LocalReplicas;
import io.troupe.partition.LogView;
import io.troupe.partition.Replica;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.Uuid;
import org.apache.pekko.actor.typed.ActorRef;

/**
 * A cluster of brokers 1 (this one) and 2 with the topic {@code t}: partitions 0 and 1 are led here in epoch 5, partition
 * 2 by broker 2 in epoch 7. A record has 10 bytes, a batch 10 records.
 */
final class OneTopic {
    static final Uuid TOPIC_ID = Uuid.randomUuid();
    static final int BATCH_RECORDS = 10;
    static final int RECORD_BYTES = 10;
    static final int BATCH_BYTES = BATCH_RECORDS * RECORD_BYTES;

    final MetadataCache metadata = new MetadataCache();
    final LocalReplicas replicas = new LocalReplicas();
    final LocalReplicas.Leader[] leaders = new LocalReplicas.Leader[2];

    OneTopic(ActorRef<Replica.Command> replica0, ActorRef<Replica.Command> replica1) {
        List<MetadataEvent> events = List.of(
                new MetadataEvent.ControllerElected(1, 1, "c"),
                registered(1, 0),
                registered(2, 9093),
                new MetadataEvent.BrokerFencingChanged(1, 1, false, false),
                new MetadataEvent.BrokerFencingChanged(2, 2, false, false),
                topic("t", TOPIC_ID),
                topic("__consumer_offsets", Uuid.randomUuid()));
        MetadataImage image = MetadataImage.empty();
        for (MetadataEvent event : events) {
            image = image.apply(image.index() + 1, event);
        }
        metadata.publish(image);
        leaders[0] = new LocalReplicas.Leader(replica0, view(0, 0, 0, 0));
        leaders[1] = new LocalReplicas.Leader(replica1, view(1, 0, 0, 0));
        replicas.lead(id(0), leaders[0]);
        replicas.lead(id(1), leaders[1]);
    }

    private static MetadataEvent registered(int brokerId, int port) {
        var listener =
                new Listener("PLAINTEXT", FakeContext.LISTENER.protocol(), new HostPort("host" + brokerId, port));
        return new MetadataEvent.BrokerRegistered(
                new BrokerImage(brokerId, brokerId, List.of(listener), Optional.empty(), true, false), false);
    }

    private static MetadataEvent topic(String name, Uuid id) {
        return new MetadataEvent.TopicCreated(new TopicImage(
                name, id, List.of(partition(0, 1, 5), partition(1, 1, 5), partition(2, 2, 7)), Map.of()));
    }

    private static PartitionImage partition(int index, int leader, int epoch) {
        return new PartitionImage(index, List.of(1, 2), leader, epoch, 0, List.of(1, 2), List.of(), List.of());
    }

    static TopicIdPartition id(int partition) {
        return new TopicIdPartition(TOPIC_ID, partition, "t");
    }

    void publish(int partition, long start, long highWatermark, long end) {
        leaders[partition].publish(view(partition, start, highWatermark, end));
    }

    /** LSO is one batch below HW. */
    static LogView view(int partition, long start, long highWatermark, long end) {
        return new LogView(
                id(partition),
                5,
                start,
                highWatermark,
                Math.max(start, highWatermark - BATCH_RECORDS),
                end,
                highWatermark >= start,
                List.of(new EpochStart(3, 0), new EpochStart(5, 50)),
                new Batches(start, end));
    }

    /** Whole batches of {@link #BATCH_RECORDS}; a record's bytes are all its offset. */
    record Batches(long logStartOffset, long logEndOffset) implements LogReader {
        @Override
        public long sizeInBytes() {
            return (logEndOffset - logStartOffset) * RECORD_BYTES;
        }

        @Override
        public List<SegmentInfo> segments() {
            return List.of(new SegmentInfo(logStartOffset, logEndOffset, (int) sizeInBytes(), logEndOffset));
        }

        @Override
        public ByteBuffer read(long startOffset, long endOffset, int maxBytes, boolean minOneBatch) {
            long from = startOffset - startOffset % BATCH_RECORDS;
            long batches = Math.min((endOffset - from) / BATCH_RECORDS, maxBytes / BATCH_BYTES);
            if (minOneBatch && batches == 0 && endOffset - from >= BATCH_RECORDS) {
                batches = 1;
            }
            ByteBuffer buffer = ByteBuffer.allocate((int) batches * BATCH_BYTES);
            while (buffer.hasRemaining()) {
                buffer.put((byte) (from + buffer.position() / RECORD_BYTES));
            }
            return buffer.flip();
        }

        @Override
        public Optional<TimestampedOffset> offsetForTimestamp(long timestampMs, long endOffset) {
            return timestampMs < endOffset
                    ? Optional.of(new TimestampedOffset(timestampMs, timestampMs, 5))
                    : Optional.empty();
        }

        @Override
        public Optional<TimestampedOffset> firstRecord(long fromOffset, long endOffset) {
            return offsetForTimestamp(fromOffset, endOffset);
        }

        @Override
        public Optional<TimestampedOffset> maxTimestamp(long endOffset) {
            return endOffset == 0
                    ? Optional.empty()
                    : Optional.of(new TimestampedOffset(endOffset - 1, endOffset - 1, 5));
        }
    }
}
