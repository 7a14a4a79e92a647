package io.troupe.controller;

import io.troupe.controller.ControllerCommand.CreatePartitions;
import io.troupe.controller.ControllerCommand.MorePartitions;
import io.troupe.controller.ControllerReply.TopicResult;
import io.troupe.controller.TopicDecisions.Refused;
import io.troupe.metadata.MetadataEvent;
import io.troupe.metadata.MetadataImage;
import io.troupe.metadata.PartitionImage;
import io.troupe.metadata.TopicImage;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.protocol.Errors;

/** Adding partitions to topics, with Kafka's rules and error codes. Pure; each topic fails by itself. */
final class PartitionDecisions {
    private PartitionDecisions() {}

    static Decision create(MetadataImage image, CreatePartitions command) {
        Draft draft = new Draft(image);
        List<TopicResult> results = new ArrayList<>();
        Set<String> seen = new HashSet<>();
        for (MorePartitions wanted : command.topics()) {
            try {
                if (!seen.add(wanted.name())) {
                    throw new Refused(Errors.INVALID_REQUEST, "Topic " + wanted.name() + " is in the request twice.");
                }
                TopicImage topic = draft.image()
                        .topic(wanted.name())
                        .orElseThrow(() -> new Refused(
                                Errors.UNKNOWN_TOPIC_OR_PARTITION, "There is no topic '" + wanted.name() + "'."));
                List<PartitionImage> added = added(draft.image(), topic, wanted);
                if (!command.validateOnly()) {
                    draft.emit(new MetadataEvent.PartitionsChanged(topic.topicId(), added));
                }
                results.add(TopicDecisions.result(topic, topic.topicId()));
            } catch (Refused e) {
                results.add(TopicDecisions.refused(wanted.name(), Uuid.ZERO_UUID, e.refusal));
            }
        }
        return draft.reply(new ControllerReply.Topics(List.copyOf(results)));
    }

    private static List<PartitionImage> added(MetadataImage image, TopicImage topic, MorePartitions wanted)
            throws Refused {
        int existing = topic.partitions().size();
        checkCount(topic, wanted.count());
        int factor = topic.partitions().get(0).replicas().size();
        List<List<Integer>> replicas = wanted.assignment().isPresent()
                ? assigned(image, existing, factor, wanted)
                : TopicDecisions.place(image, topic.name(), wanted.count(), factor)
                        .subList(existing, wanted.count());
        Errors noneUp =
                wanted.assignment().isPresent() ? Errors.INVALID_REPLICA_ASSIGNMENT : Errors.INVALID_REPLICATION_FACTOR;
        List<PartitionImage> added = new ArrayList<>(replicas.size());
        for (List<Integer> ids : replicas) {
            added.add(TopicDecisions.newPartition(image, topic.name(), existing + added.size(), ids, noneUp));
        }
        return List.copyOf(added);
    }

    private static void checkCount(TopicImage topic, int count) throws Refused {
        int existing = topic.partitions().size();
        if (topic.internal()) {
            // A group belongs to a partition by the number of partitions: another number would lose every group.
            throw new Refused(
                    Errors.INVALID_PARTITIONS, "The number of partitions of " + topic.name() + " cannot be changed.");
        }
        if (count == existing) {
            throw new Refused(Errors.INVALID_PARTITIONS, "Topic already has " + existing + " partition(s).");
        }
        if (count < existing) {
            throw new Refused(
                    Errors.INVALID_PARTITIONS,
                    "Topic '" + topic.name() + "' has " + existing + " partition(s); " + count
                            + " would not be an increase.");
        }
        if (count > TopicDecisions.MAX_PARTITIONS) {
            throw new Refused(
                    Errors.INVALID_PARTITIONS,
                    "Number of partitions is " + count + "; at most " + TopicDecisions.MAX_PARTITIONS
                            + " are allowed.");
        }
    }

    private static List<List<Integer>> assigned(MetadataImage image, int existing, int factor, MorePartitions wanted)
            throws Refused {
        List<List<Integer>> assignment = wanted.assignment().orElseThrow();
        int additional = wanted.count() - existing;
        if (assignment.size() != additional) {
            throw new Refused(
                    Errors.INVALID_REPLICA_ASSIGNMENT,
                    additional + " partition(s) are to be added, but replicas are assigned for " + assignment.size()
                            + ".");
        }
        for (int i = 0; i < additional; i++) {
            TopicDecisions.checkReplicas(image, existing + i, assignment.get(i), factor);
        }
        return assignment;
    }
}
