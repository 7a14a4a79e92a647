package io.troupe.controller;

import io.troupe.controller.ControllerCommand.AlterReassignments;
import io.troupe.controller.ControllerCommand.Reassignment;
import io.troupe.controller.ControllerReply.PartitionResult;
import io.troupe.controller.TopicDecisions.Refused;
import io.troupe.metadata.MetadataImage;
import io.troupe.metadata.PartitionImage;
import io.troupe.metadata.TopicImage;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.function.IntPredicate;
import org.apache.kafka.common.protocol.Errors;

/**
 * Moves replicas (KIP-455): a reassignment first adds the new replicas, and drops the old ones when every new one is in sync.
 * Pure; each partition succeeds or fails by itself.
 *
 * <pre>
 * state                replicas             adding       removing
 * at rest              [1 2 3]              []           []
 * reassign to [4 1]    [4 1 2 3]            [4]          [2 3]
 * cancelled            [1 2 3]              []           []
 * 4 is in sync         [4 1]                []           []       leader epoch +1: replicas were removed
 * </pre>
 *
 * <p>A second reassignment replaces the first: what the first was adding and the second does not want goes at once. Stricter than
 * Kafka in one thing: replicas are dropped only while at least min(min.insync.replicas, replication factor) of those that
 * stay are in sync, so that no move takes a copy away that acks=all has promised.
 */
final class ReassignmentDecisions {
    private final Elections elections;

    ReassignmentDecisions(Elections elections) {
        this.elections = elections;
    }

    Decision alter(MetadataImage image, AlterReassignments command) {
        PartitionChanges changes = new PartitionChanges();
        List<PartitionResult> results = new ArrayList<>();
        for (Reassignment wanted : command.partitions()) {
            try {
                TopicImage topic = Elections.existing(image, wanted.topic(), wanted.partition());
                PartitionImage now = changes.of(topic, wanted.partition());
                PartitionImage after = wanted.replicas().isPresent()
                        ? begun(image, topic, now, wanted.replicas().get(), command.allowFactorChange())
                        : cancelled(image, topic, now);
                changes.put(topic, completed(image, topic, after));
                results.add(new PartitionResult(wanted.topic(), wanted.partition(), Optional.empty()));
            } catch (Refused e) {
                results.add(new PartitionResult(wanted.topic(), wanted.partition(), Optional.of(e.refusal)));
            }
        }
        Draft draft = new Draft(image);
        changes.emitTo(draft);
        return draft.reply(new ControllerReply.Partitions(List.copyOf(results)));
    }

    private PartitionImage begun(
            MetadataImage image, TopicImage topic, PartitionImage p, List<Integer> target, boolean allowFactorChange)
            throws Refused {
        TopicDecisions.checkReplicas(image, p.partition(), target, target.size());
        int factor = without(p.replicas(), p.removing()).size();
        if (!allowFactorChange && target.size() != factor) {
            throw new Refused(
                    Errors.INVALID_REPLICATION_FACTOR,
                    "The replication factor is changed from " + factor + " to " + target.size()
                            + ", which the request does not allow.");
        }
        List<Integer> original = without(p.replicas(), p.adding());
        List<Integer> all = new ArrayList<>(target);
        all.addAll(without(original, target));
        return moved(image, topic, p, p.withReplicas(all, without(target, original), without(original, target)));
    }

    private PartitionImage cancelled(MetadataImage image, TopicImage topic, PartitionImage p) throws Refused {
        if (!p.reassigning()) {
            throw new Refused(
                    Errors.NO_REASSIGNMENT_IN_PROGRESS,
                    "No reassignment of " + topic.name() + "-" + p.partition() + " is in progress.");
        }
        List<Integer> kept = without(p.replicas(), p.adding());
        return moved(image, topic, p, p.withReplicas(kept, List.of(), List.of()));
    }

    /** Drops the replicas that leave once all new ones are in sync and enough of the others are. */
    PartitionImage completed(MetadataImage image, TopicImage topic, PartitionImage p) {
        List<Integer> target = without(p.replicas(), p.removing());
        List<Integer> isr = without(p.isr(), p.removing());
        boolean enough = isr.size() >= elections.minIsr(topic, target) && isr.containsAll(p.adding());
        if (!p.reassigning() || !enough) {
            return p;
        }
        return settled(image, topic, p, p.withReplicas(target, List.of(), List.of()), isr);
    }

    /** The same partition on other replicas; whoever is dropped is dropped from the ISR, and leads no more. */
    private PartitionImage moved(MetadataImage image, TopicImage topic, PartitionImage before, PartitionImage after)
            throws Refused {
        List<Integer> holders = holders(before);
        boolean lost = before.isr().isEmpty() && before.elr().isEmpty()
                ? !after.replicas().containsAll(holders)
                : Collections.disjoint(after.replicas(), holders);
        if (lost) {
            throw new Refused(
                    Errors.INVALID_REPLICA_ASSIGNMENT,
                    topic.name() + "-" + before.partition() + " cannot be given to " + after.replicas()
                            + ": only " + holders + (before.isr().isEmpty() ? " were last" : " are")
                            + " in sync, so records would be lost. Wait until one of the others is.");
        }
        List<Integer> isr = new ArrayList<>(before.isr());
        isr.retainAll(after.replicas());
        return settled(image, topic, before, after, isr);
    }

    /** Each has all that is committed; of those that are last known only all together have it. */
    private static List<Integer> holders(PartitionImage p) {
        return !p.isr().isEmpty() ? p.isr() : !p.elr().isEmpty() ? p.elr() : p.lastKnown();
    }

    private PartitionImage settled(
            MetadataImage image, TopicImage topic, PartitionImage before, PartitionImage after, List<Integer> isr) {
        if (after.replicas().containsAll(before.replicas())) {
            return after;
        }
        int m = elections.minIsr(topic, after.replicas());
        IntPredicate mayLead = id -> after.replicas().contains(id) && Elections.live(image, id);
        PartitionImage left = Elections.withIsr(after, isr, m);
        PartitionImage led = Elections.elect(left, mayLead, m, elections.uncleanAllowed(topic));
        return led.leaderEpoch() == before.leaderEpoch() ? led.withLeaderEpoch(before.leaderEpoch() + 1) : led;
    }

    private static List<Integer> without(List<Integer> ids, List<Integer> others) {
        return ids.stream().filter(id -> !others.contains(id)).toList();
    }
}
