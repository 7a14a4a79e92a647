package io.troupe.controller;

import io.troupe.metadata.MetadataEvent;
import io.troupe.metadata.MetadataImage;
import io.troupe.metadata.PartitionImage;
import io.troupe.metadata.TopicImage;
import java.util.function.Supplier;
import org.slf4j.Logger;

/** Tells a person of each election from beyond ISR and ELR, in the log and by a metric (rule 1.11). */
final class ElectionRisks {
    private final Supplier<Logger> log;
    private final ControllerStats stats;

    ElectionRisks(Supplier<Logger> log, ControllerStats stats) {
        this.log = log;
        this.stats = stats;
    }

    /** @param drafted what was decided on */
    void report(MetadataImage drafted, Decision decision) {
        for (MetadataEvent event : decision.events()) {
            if (event instanceof MetadataEvent.PartitionsChanged e) {
                drafted.topic(e.topicId()).ifPresent(old -> e.partitions().stream()
                        .filter(p -> p.partition() < old.partitions().size()) // not just added
                        .filter(p -> Elections.risky(old.partitions().get(p.partition()), p))
                        .forEach(p -> report(old, p)));
            }
        }
    }

    private void report(TopicImage topic, PartitionImage p) {
        PartitionImage before = topic.partitions().get(p.partition());
        boolean recovered =
                before.lastKnown().contains(p.leader()) && before.lastKnown().size() == 1
                        || before.asksForLogs() && !p.lastKnown().isEmpty();
        if (recovered) {
            stats.recoveryElection();
        } else {
            stats.uncleanElection();
        }
        log.get()
                .warn(
                        "{}: {}-{} is led by {} from leader epoch {} on. Neither in-sync nor eligible replicas were left: {}",
                        recovered ? "Recovery election" : "UNCLEAN ELECTION",
                        topic.name(),
                        p.partition(),
                        p.leader(),
                        p.leaderEpoch(),
                        recovered
                                ? "it has the longest log of those last known to be complete; what a power cut took from"
                                        + " all of them is lost"
                                : "what only other replicas hold is lost");
    }
}
