package io.troupe.controller;

import io.troupe.controller.ControllerCommand.LogReport;
import io.troupe.controller.ControllerCommand.ReportLogs;
import io.troupe.metadata.BrokerImage;
import io.troupe.metadata.MetadataImage;
import io.troupe.metadata.PartitionImage;
import io.troupe.metadata.TopicImage;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.protocol.Errors;

/**
 * Finds a leader for partitions whose ISR and ELR are empty (rule 1.11): when every last known replica has told how long its
 * log is, the greatest (last epoch, log end offset) leads. Pure but for the reports it keeps, which are soft: a new controller
 * is told again, because brokers repeat them while the partition asks.
 *
 * <p>A report counts while broker epoch and leader epoch are those in which it was made: no log changes under a partition
 * that nobody leads, except that its broker starts anew. So a fenced member's report counts too, but only a live one is elected.
 */
final class RecoveryElections {
    private record Key(Uuid topicId, int partition) {}

    private record Reported(long brokerEpoch, LogReport log) {}

    private static final Comparator<LogReport> LENGTH =
            Comparator.comparingInt(LogReport::lastEpoch).thenComparingLong(LogReport::logEndOffset);

    private final Elections elections;
    private final Map<Key, Map<Integer, Reported>> reports = new HashMap<>();

    RecoveryElections(Elections elections) {
        this.elections = elections;
    }

    Decision report(MetadataImage image, ReportLogs command) {
        Optional<BrokerImage> broker = image.broker(command.brokerId());
        if (broker.isEmpty() || broker.get().brokerEpoch() != command.brokerEpoch()) {
            return Decision.refused(
                    image,
                    Errors.STALE_BROKER_EPOCH,
                    "Broker " + command.brokerId() + " is not at broker epoch " + command.brokerEpoch() + ".");
        }
        PartitionChanges changes = new PartitionChanges();
        for (LogReport log : command.logs()) {
            Optional<TopicImage> topic = image.topic(log.topicId())
                    .filter(t -> log.partition() >= 0
                            && log.partition() < t.partitions().size());
            if (topic.isEmpty()) {
                continue;
            }
            PartitionImage p = changes.of(topic.get(), log.partition());
            Key key = new Key(log.topicId(), log.partition());
            if (!p.asksForLogs()) {
                reports.remove(key);
            } else if (p.leaderEpoch() == log.leaderEpoch() && p.lastKnown().contains(command.brokerId())) {
                reports.computeIfAbsent(key, k -> new HashMap<>())
                        .put(command.brokerId(), new Reported(command.brokerEpoch(), log));
                winner(image, p, reports.get(key)).ifPresent(id -> {
                    int m = elections.minIsr(topic.get(), p);
                    changes.put(
                            topic.get(), Elections.withIsr(p, List.of(id), m).ledBy(id));
                    reports.remove(key);
                });
            }
        }
        Draft draft = new Draft(image);
        changes.emitTo(draft);
        return draft.reply(ControllerReply.Done.DONE);
    }

    /** Of logs of equal length the one of the preferred replica that is live; nobody while a report or the winner is missing. */
    private static Optional<Integer> winner(MetadataImage image, PartitionImage p, Map<Integer, Reported> told) {
        LogReport longest = null;
        for (int id : p.lastKnown()) {
            Reported reported = told.get(id);
            boolean counts = reported != null
                    && reported.log().leaderEpoch() == p.leaderEpoch()
                    && image.broker(id)
                            .filter(b -> b.brokerEpoch() == reported.brokerEpoch())
                            .isPresent();
            if (!counts) {
                return Optional.empty();
            }
            longest = longest == null || LENGTH.compare(reported.log(), longest) > 0 ? reported.log() : longest;
        }
        for (int id : p.replicas()) {
            if (p.lastKnown().contains(id)
                    && LENGTH.compare(told.get(id).log(), longest) == 0
                    && Elections.live(image, p, id)) {
                return Optional.of(id);
            }
        }
        return Optional.empty();
    }
}
