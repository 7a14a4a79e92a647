package io.troupe.controller;

import io.troupe.controller.ControllerCommand.ElectLeaders;
import io.troupe.controller.ControllerReply.PartitionResult;
import io.troupe.controller.TopicDecisions.Refused;
import io.troupe.metadata.MetadataImage;
import io.troupe.metadata.PartitionImage;
import io.troupe.metadata.TopicImage;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.common.ElectionType;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.protocol.Errors;

/** Elections that somebody asks for, and those that bring leaderships back to the preferred replicas. Pure. */
final class LeaderDecisions {
    /** Elections of one balancing; the rest comes with the next, so that clients are not all sent elsewhere at once. */
    static final int MAX_BALANCED = 1000;

    private final Elections elections;

    LeaderDecisions(Elections elections) {
        this.elections = elections;
    }

    /** Where all partitions are meant, those that need no election are not told of, as in Kafka. */
    Decision elect(MetadataImage image, ElectLeaders command) {
        boolean all = command.partitions().isEmpty();
        PartitionChanges changes = new PartitionChanges();
        List<PartitionResult> results = new ArrayList<>();
        for (TopicPartition asked : command.partitions().orElseGet(() -> allOf(image))) {
            try {
                TopicImage topic = Elections.existing(image, asked.topic(), asked.partition());
                PartitionImage p = changes.of(topic, asked.partition());
                changes.put(
                        topic,
                        command.type() == ElectionType.PREFERRED
                                ? preferred(image, topic, p)
                                : uncleanly(image, topic, p));
                results.add(new PartitionResult(asked.topic(), asked.partition(), Optional.empty()));
            } catch (Refused e) {
                if (!all || e.refusal.error() != Errors.ELECTION_NOT_NEEDED) {
                    results.add(new PartitionResult(asked.topic(), asked.partition(), Optional.of(e.refusal)));
                }
            }
        }
        Draft draft = new Draft(image);
        changes.emitTo(draft);
        return draft.reply(new ControllerReply.Partitions(List.copyOf(results)));
    }

    private static PartitionImage preferred(MetadataImage image, TopicImage topic, PartitionImage p) throws Refused {
        int preferred = p.replicas().get(0);
        if (p.leader() == preferred) {
            throw new Refused(Errors.ELECTION_NOT_NEEDED, name(topic, p) + " is led by its preferred replica already.");
        }
        if (!p.isr().contains(preferred) || !Elections.live(image, p, preferred)) {
            throw new Refused(
                    Errors.PREFERRED_LEADER_NOT_AVAILABLE,
                    "Broker " + preferred + ", the preferred leader of " + name(topic, p)
                            + ", is not in sync or not up.");
        }
        return p.ledBy(preferred);
    }

    /** The operator's word counts like the topic's permission. */
    private PartitionImage uncleanly(MetadataImage image, TopicImage topic, PartitionImage p) throws Refused {
        if (p.hasLeader()) {
            throw new Refused(Errors.ELECTION_NOT_NEEDED, name(topic, p) + " has a leader.");
        }
        PartitionImage after = Elections.elect(p, id -> Elections.live(image, id), elections.minIsr(topic, p), true);
        if (!after.hasLeader()) {
            throw new Refused(
                    Errors.ELIGIBLE_LEADERS_NOT_AVAILABLE,
                    "None of the replicas of " + name(topic, p) + ", " + p.replicas() + ", is up.");
        }
        return after;
    }

    /**
     * Preferred replicas lead again where they can, for brokers that lack more than {@code percentage} of the leaderships that
     * are theirs by preference; partitions that are being reassigned are left alone.
     */
    Decision balance(MetadataImage image, int percentage) {
        Map<Integer, Integer> theirs = new HashMap<>();
        Map<Integer, Integer> lacking = new HashMap<>();
        for (TopicImage topic : image.topics().values()) {
            for (PartitionImage p : topic.partitions()) {
                theirs.merge(p.replicas().get(0), 1, Integer::sum);
                lacking.merge(p.replicas().get(0), p.leader() == p.replicas().get(0) ? 0 : 1, Integer::sum);
            }
        }
        PartitionChanges changes = new PartitionChanges();
        for (TopicImage topic : image.topics().values()) {
            for (PartitionImage p : topic.partitions()) {
                int preferred = p.replicas().get(0);
                boolean imbalanced = 100L * lacking.get(preferred) > (long) percentage * theirs.get(preferred);
                if (imbalanced
                        && changes.size() < MAX_BALANCED
                        && p.leader() != preferred
                        && p.hasLeader()
                        && !p.reassigning()
                        && p.isr().contains(preferred)
                        && Elections.live(image, p, preferred)) {
                    changes.put(topic, p.ledBy(preferred));
                }
            }
        }
        Draft draft = new Draft(image);
        changes.emitTo(draft);
        return draft.reply(ControllerReply.Done.DONE);
    }

    private static List<TopicPartition> allOf(MetadataImage image) {
        List<TopicPartition> all = new ArrayList<>();
        image.topics().values().forEach(t -> t.partitions()
                .forEach(p -> all.add(new TopicPartition(t.name(), p.partition()))));
        return all;
    }

    private static String name(TopicImage topic, PartitionImage p) {
        return topic.name() + "-" + p.partition();
    }
}
