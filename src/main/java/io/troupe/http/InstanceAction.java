package io.troupe.http;

import java.util.List;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.TopicPartition;

/** What a consumer instance is asked. Each may be repeated: the second time does what the first did, or nothing. */
sealed interface InstanceAction {
    /** Answered with 40902 when there is another one of that name. */
    record Create(InstanceDefinition definition) implements InstanceAction {}

    /** Leaves its group and is no more. */
    record Delete() implements InstanceAction {}

    /**
     * @param topics null for a pattern
     * @param pattern null for topics
     */
    record Subscribe(List<String> topics, String pattern) implements InstanceAction {}

    /** Of topics and of partitions. */
    record Unsubscribe() implements InstanceAction {}

    record Assign(List<TopicPartition> partitions) implements InstanceAction {}

    /**
     * Answered with {@link InstanceReply.Described}.
     *
     * @param after which partition to begin; null for the first
     */
    record Describe(TopicPartition after) implements InstanceAction {}

    /**
     * Somebody wants to read, or goes on reading: answered with where, or with Busy while somebody else reads. What earlier reads
     * took is committed then, if the instance does so by itself.
     *
     * @param lease not 0; a number of the reader's own
     */
    record Read(long lease) implements InstanceAction {}

    /** Records are about to be handed out: answered with the partitions whose records may be. */
    record Take(long lease, List<Step> steps) implements InstanceAction {}

    /**
     * The reader reads no more.
     *
     * @param done whether its answer was sent; else what it took is to be read again
     */
    record Leave(long lease, boolean done) implements InstanceAction {}

    /** Reading is to go on elsewhere: at an offset, or at the end or the beginning. */
    record Seek(List<Place> places) implements InstanceAction {}

    /** These places are not in their logs: where reading still stands there, it goes on where auto.offset.reset says. */
    record Lost(List<Place> places) implements InstanceAction {}

    /** @param offsets the next ones to be read; null for wherever reading is */
    record Commit(List<Place> offsets) implements InstanceAction {}

    /** It is still in the records: it lives, or expires from now on. */
    record Touch() implements InstanceAction {}

    long END = -1;
    long BEGINNING = -2;
    /** The committed offset, or where the instance's auto.offset.reset says. */
    long BY_POLICY = -3;

    /**
     * @param partition its topic's id is zero where somebody names the topic, and means whichever has that name
     * @param offset the next one to be read
     * @param metadata of a commit; empty for none
     */
    record Place(TopicIdPartition partition, long offset, String metadata) {}

    /** Records of a partition from an offset up to another, exclusive. */
    record Step(TopicIdPartition partition, long from, long next) {}
}
