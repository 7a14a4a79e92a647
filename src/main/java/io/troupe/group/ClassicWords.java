package io.troupe.group;

import io.troupe.metadata.MetadataImage;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.apache.kafka.clients.consumer.internals.ConsumerProtocol;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.ConsumerProtocolAssignment;
import org.apache.kafka.common.message.ConsumerProtocolSubscription;

/**
 * What members of the classic protocol say among themselves, and the broker only carries until they are in a group of the
 * consumer protocol: Kafka's "consumer" embedded protocol, in which topics are named. Pure.
 */
final class ClassicWords {
    /** Kafka's name of the embedded protocol: the type of groups in which it is spoken. */
    static final String TYPE = ConsumerProtocol.PROTOCOL_TYPE;

    private ClassicWords() {}

    /**
     * What a member subscribes to.
     *
     * @param topics in ascending order, without doubles
     * @param rackId null when not told
     * @param owned partitions that it has, by the ids of those topics that exist; none for one that gives everything up first
     */
    record Subscription(List<String> topics, String rackId, Map<Uuid, Set<Integer>> owned) {}

    /** What members are subscribed to; null when it cannot be told: one of them says it otherwise, or no protocol is chosen yet. */
    static Set<String> topics(Collection<GroupMember> members, String protocol) {
        if (protocol == null) {
            return null;
        }
        Set<String> topics = new HashSet<>();
        for (GroupMember member : members) {
            try {
                topics.addAll(ConsumerProtocol.deserializeConsumerProtocolSubscription(
                                ByteBuffer.wrap(member.metadata(protocol)))
                        .topics());
            } catch (RuntimeException e) {
                // As below.
                return null;
            }
        }
        return topics;
    }

    /** Empty when it cannot be read. */
    static Optional<Subscription> subscription(byte[] metadata, MetadataImage image) {
        try {
            ConsumerProtocolSubscription read =
                    ConsumerProtocol.deserializeConsumerProtocolSubscription(ByteBuffer.wrap(metadata));
            Map<Uuid, Set<Integer>> owned = new HashMap<>();
            read.ownedPartitions().forEach(t -> add(owned, image, t.topic(), t.partitions()));
            String rackId = read.rackId() == null || read.rackId().isEmpty() ? null : read.rackId();
            return Optional.of(new Subscription(List.copyOf(new TreeSet<>(read.topics())), rackId, owned));
        } catch (RuntimeException e) {
            // A member may write what it likes, and the decoder has many ways to say so.
            return Optional.empty();
        }
    }

    /**
     * What a leader gave a member.
     *
     * @return empty when it cannot be read, or holds more than partitions: what only its assignor understands would be lost
     */
    static Optional<Map<Uuid, Set<Integer>>> assignment(byte[] assignment, MetadataImage image) {
        if (assignment.length == 0) {
            return Optional.of(Map.of());
        }
        try {
            ConsumerProtocolAssignment read =
                    ConsumerProtocol.deserializeConsumerProtocolAssignment(ByteBuffer.wrap(assignment));
            if (read.userData() != null && read.userData().hasRemaining()) {
                return Optional.empty();
            }
            Map<Uuid, Set<Integer>> assigned = new HashMap<>();
            read.assignedPartitions().forEach(t -> add(assigned, image, t.topic(), t.partitions()));
            return Optional.of(assigned);
        } catch (RuntimeException e) {
            return Optional.empty();
        }
    }

    /** Whether a member has partitions, by what it said of itself, that are not assigned to it any more. */
    static boolean givesUp(byte[] metadata, byte[] assignment) {
        try {
            Set<TopicPartition> owned = new HashSet<>();
            ConsumerProtocol.deserializeConsumerProtocolSubscription(ByteBuffer.wrap(metadata))
                    .ownedPartitions()
                    .forEach(t -> t.partitions().forEach(p -> owned.add(new TopicPartition(t.topic(), p))));
            return !owned.isEmpty() && !partitions(assignment).containsAll(owned);
        } catch (RuntimeException e) {
            // As above.
            return false;
        }
    }

    /** Whether a member is assigned anything; so it counts when that cannot be told. */
    static boolean hasPartitions(byte[] assignment) {
        try {
            return !partitions(assignment).isEmpty();
        } catch (RuntimeException e) {
            // As above.
            return true;
        }
    }

    private static Set<TopicPartition> partitions(byte[] assignment) {
        Set<TopicPartition> partitions = new HashSet<>();
        if (assignment.length > 0) {
            ConsumerProtocol.deserializeConsumerProtocolAssignment(ByteBuffer.wrap(assignment))
                    .assignedPartitions()
                    .forEach(t -> t.partitions().forEach(p -> partitions.add(new TopicPartition(t.topic(), p))));
        }
        return partitions;
    }

    private static void add(Map<Uuid, Set<Integer>> to, MetadataImage image, String topic, List<Integer> partitions) {
        if (!partitions.isEmpty()) {
            image.topic(topic).ifPresent(t -> to.computeIfAbsent(t.topicId(), id -> new HashSet<>())
                    .addAll(partitions));
        }
    }

    /**
     * An assignment as a member can read it. Topics that are no more are left out.
     *
     * @param subscription the member's, whose version is answered
     */
    static byte[] assignment(Map<Uuid, Set<Integer>> assigned, byte[] subscription, MetadataImage image) {
        ConsumerProtocolAssignment words = new ConsumerProtocolAssignment();
        assigned.forEach((id, partitions) -> image.topic(id).ifPresent(topic -> words.assignedPartitions()
                .add(new ConsumerProtocolAssignment.TopicPartition()
                        .setTopic(topic.name())
                        .setPartitions(new ArrayList<>(new TreeSet<>(partitions))))));
        ByteBuffer bytes = ConsumerProtocol.serializeAssignment(
                words, ConsumerProtocol.deserializeVersion(ByteBuffer.wrap(subscription)));
        byte[] array = new byte[bytes.remaining()];
        bytes.get(array);
        return array;
    }
}
