package io.troupe.group;

import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.common.Uuid;

/**
 * What a record of a group of the consumer protocol says (KIP-848, "Persistence"). Each is stored under a key of its own, so
 * compaction leaves the newest of each. Bytes: {@link ConsumerGroupRecords}.
 */
sealed interface ConsumerGroupRecord extends GroupRecord {

    /**
     * The group's epoch.
     *
     * @param epoch -1 for a tombstone: there is no such group
     * @param metadataHash of the topics that were subscribed to, 0 when unknown
     */
    record EpochStored(String groupId, int epoch, long metadataHash) implements ConsumerGroupRecord {
        static final int TOMBSTONE = -1;
    }

    /** What a member says of itself; null for a tombstone. */
    record MemberStored(String groupId, String memberId, ConsumerMemberMetadata metadata)
            implements ConsumerGroupRecord {}

    /** The epoch that the target assignment is of; -1 for a tombstone. */
    record TargetEpochStored(String groupId, int epoch) implements ConsumerGroupRecord {}

    /** What a member is to own; null for a tombstone. */
    record TargetStored(String groupId, String memberId, Map<Uuid, Set<Integer>> target)
            implements ConsumerGroupRecord {}

    /** Where a member stands; null for a tombstone. */
    record CurrentStored(String groupId, String memberId, CurrentAssignment current) implements ConsumerGroupRecord {}

    /** The topics that match a regular expression; null for a tombstone. */
    record RegexStored(String groupId, String regex, ResolvedRegex resolved) implements ConsumerGroupRecord {}

    /** Partitions of the topics subscribed to, as older versions of Kafka stored them. It is read over and never written. */
    record PartitionsStored(String groupId) implements ConsumerGroupRecord {}

    /**
     * Topics that match a regular expression.
     *
     * @param version of the metadata by which it was resolved
     */
    record ResolvedRegex(List<String> topics, long version, long timestampMs) {
        public ResolvedRegex {
            topics = List.copyOf(topics);
        }
    }
}
