package io.troupe.client;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.pekko.actor.typed.ActorRef;

/** What a {@link ConsumerActor} is told by its own thread, its children's ends and its timers. */
sealed interface ConsumerMessage extends ConsumerActor.Command {

    /** From a thread. @param life of the thread: what an earlier one says late is not for the actor that was restarted meanwhile */
    record FromThread(long life, ConsumerMessage message) implements ConsumerMessage {}

    // What comes in it.

    /** These partitions are had from now on. */
    record Assigned(List<PartitionFlow> flows) implements ConsumerMessage {}

    record Polled(List<Batch> batches) implements ConsumerMessage {}

    /** @param behind where reading goes on behind these records of one partition */
    record Batch(PartitionFlow flow, List<ConsumerRecord<byte[], byte[]>> records, OffsetAndMetadata behind) {}

    /** These are about to go. @param drained takes what can be committed of them, once */
    record Drain(Set<TopicPartition> partitions, CompletableFuture<Map<TopicPartition, OffsetAndMetadata>> drained)
            implements ConsumerMessage {}

    /** These are gone. @param lost whether nothing could be committed before */
    record Gone(Set<TopicPartition> partitions, boolean lost) implements ConsumerMessage {}

    /** @param failure null when they are committed */
    record Committed(Map<TopicPartition, OffsetAndMetadata> offsets, Exception failure) implements ConsumerMessage {}

    /** @param position of the next record to be read */
    record Sought(PartitionFlow flow, long position) implements ConsumerMessage {}

    /** The last thing that a thread tells. @param failure null when it was asked to end */
    record ThreadEnded(RuntimeException failure) implements ConsumerMessage {}

    // From itself.

    /** Its timers. */
    enum Clock implements ConsumerMessage {
        COMMIT,
        RESTART
    }

    record DrainTimeout(Drainings.Draining draining) implements ConsumerMessage {}

    /** Sent behind the acknowledgements that the child sent before its end, which the signal overtakes. */
    record ChildEnded(ActorRef<Void> child, Throwable cause) implements ConsumerMessage {}

    /** From a partition to itself, in a session: what then is to be done is code, to keep what a partition does in its own class. */
    record ForPartition(TopicPartition partition, long session, Runnable then) implements ConsumerMessage {}
}
