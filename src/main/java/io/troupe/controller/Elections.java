package io.troupe.controller;

import io.troupe.config.LogConfig;
import io.troupe.controller.ControllerCommand.LogRef;
import io.troupe.metadata.MetadataEvent;
import io.troupe.metadata.MetadataImage;
import io.troupe.metadata.PartitionImage;
import io.troupe.metadata.TopicImage;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntPredicate;
import java.util.function.UnaryOperator;
import org.apache.kafka.common.protocol.Errors;

/**
 * Who leads, and who is in sync or eligible, when brokers come and go (SAFETY 1.10, 1.11). Pure.
 *
 * <p>m is min(min.insync.replicas, replication factor). A broker is live when it is unfenced and not shutting down.
 */
final class Elections {
    private final ControllerSettings settings;

    Elections(ControllerSettings settings) {
        this.settings = settings;
    }

    static boolean live(MetadataImage image, int brokerId) {
        return image.broker(brokerId)
                .filter(b -> !b.fenced() && !b.inControlledShutdown())
                .isPresent();
    }

    /** Whether the broker is live, and its log of that partition has not failed. */
    static boolean live(MetadataImage image, PartitionImage p, int brokerId) {
        return live(image, brokerId) && !p.offline().contains(brokerId);
    }

    /** The broker counts no longer: it leaves every ISR, and what it led is led by another or by nobody. */
    void brokerGone(Draft draft, int brokerId) {
        MetadataImage image = draft.image();
        IntPredicate live = id -> id != brokerId && live(image, id);
        changeAll(draft, (m, unclean) -> p -> {
            if (p.hasLeader() && !p.replicas().contains(brokerId)) {
                return p;
            }
            PartitionImage left = withIsr(p, without(p.isr(), brokerId), m);
            return elect(left, live, m, unclean);
        });
    }

    /** Logs of a live broker can be used no more: it leaves those partitions' ISRs, and others lead them. */
    void logsFailed(Draft draft, int brokerId, List<LogRef> logs) {
        MetadataImage image = draft.image();
        PartitionChanges changes = new PartitionChanges();
        for (LogRef log : logs) {
            TopicImage topic = image.topic(log.topicId()).orElse(null);
            if (topic == null
                    || log.partition() < 0
                    || log.partition() >= topic.partitions().size()) {
                continue; // deleted meanwhile
            }
            PartitionImage p = changes.of(topic, log.partition());
            if (p.replicas().contains(brokerId) && !p.offline().contains(brokerId)) {
                int m = minIsr(topic, p);
                List<Integer> offline = new ArrayList<>(p.offline());
                offline.add(brokerId);
                PartitionImage left = withIsr(p.withOffline(offline), without(p.isr(), brokerId), m);
                changes.put(topic, elect(left, id -> live(image, id), m, uncleanAllowed(topic)));
            }
        }
        changes.emitTo(draft);
    }

    /** The broker counts again: partitions without a leader may now have one. */
    void brokerBack(Draft draft) {
        MetadataImage image = draft.image();
        changeAll(draft, (m, unclean) -> p -> elect(p, id -> live(image, id), m, unclean));
    }

    /** The topic's settings have changed: partitions without a leader may now have one. */
    void reconfigured(Draft draft, TopicImage topic) {
        MetadataImage image = draft.image();
        if (topic.partitions().stream().allMatch(PartitionImage::hasLeader)) {
            return;
        }
        PartitionChanges changes = new PartitionChanges();
        for (PartitionImage p : topic.partitions()) {
            changes.put(topic, elect(p, id -> live(image, id), minIsr(topic, p), uncleanAllowed(topic)));
        }
        changes.emitTo(draft);
    }

    /** m of a partition. */
    int minIsr(TopicImage topic, PartitionImage partition) {
        return minIsr(topic, partition.replicas());
    }

    int minIsr(TopicImage topic, List<Integer> replicas) {
        return Math.min(settings.effective().apply(topic.configs()).minInsyncReplicas(), replicas.size());
    }

    boolean uncleanAllowed(TopicImage topic) {
        return settings.effective().apply(topic.configs()).uncleanLeaderElectionEnable();
    }

    /** 1.10: {@code isr} instead of the present one; who left stays eligible while the ISR is below m. PE is not raised. */
    static PartitionImage withIsr(PartitionImage p, List<Integer> isr, int m) {
        boolean enough = isr.size() >= m;
        List<Integer> elr = new ArrayList<>();
        List<Integer> lastKnown = new ArrayList<>();
        if (!enough) {
            for (int id : p.replicas()) {
                if (!isr.contains(id) && (p.elr().contains(id) || p.isr().contains(id))) {
                    elr.add(id);
                } else if (!isr.contains(id) && p.lastKnown().contains(id)) {
                    lastKnown.add(id);
                }
            }
        }
        return p.withIsr(isr, elr, lastKnown);
    }

    /**
     * 1.11, of those whose logs can be used: a live leader stays. Else the first live member of the ISR in order of preference, else of the ELR. Both empty: the
     * only last known member, since no other can have more; of several nobody can tell yet which log is the longest.
     * Else nobody, unless unclean election is allowed.
     */
    static PartitionImage elect(PartitionImage p, IntPredicate brokerLive, int m, boolean unclean) {
        IntPredicate live = id -> brokerLive.test(id) && !p.offline().contains(id);
        if (p.hasLeader() && live.test(p.leader())) {
            return p;
        }
        for (int id : p.replicas()) {
            if (p.isr().contains(id) && live.test(id)) {
                return p.ledBy(id);
            }
        }
        for (int id : p.replicas()) {
            if (p.elr().contains(id) && live.test(id)) {
                List<Integer> isr = new ArrayList<>(p.isr());
                isr.removeIf(member -> !live.test(member));
                isr.add(id);
                return withIsr(p, isr, m).ledBy(id);
            }
        }
        boolean nobodyKeptUp = p.isr().isEmpty() && p.elr().isEmpty();
        if (nobodyKeptUp && p.lastKnown().size() == 1 && live.test(p.lastKnown().get(0))) {
            return withIsr(p, p.lastKnown(), m).ledBy(p.lastKnown().get(0));
        }
        if (unclean) {
            for (int id : p.replicas()) {
                if (live.test(id)) {
                    return p.withIsr(List.of(id), List.of(), List.of()).ledBy(id);
                }
            }
        }
        return p.hasLeader() ? p.ledBy(PartitionImage.NO_LEADER) : p;
    }

    /** Whether {@code after} was elected from neither ISR nor ELR of {@code before}: records may be lost, a person should know. */
    static boolean risky(PartitionImage before, PartitionImage after) {
        return after.hasLeader()
                // What has a single replica has nothing that only others hold.
                && after.replicas().size() > 1
                && after.leaderEpoch() != before.leaderEpoch()
                && !before.isr().contains(after.leader())
                && !before.elr().contains(after.leader())
                && !completesMove(before, after);
    }

    /** The leader before proposed the new replica as in sync, and the same event dropped those that leave. */
    private static boolean completesMove(PartitionImage before, PartitionImage after) {
        return before.hasLeader()
                && before.adding().contains(after.leader())
                && after.isr().containsAll(before.adding())
                && !after.reassigning();
    }

    static PartitionImage nextEpoch(PartitionImage before, PartitionImage after) {
        return after.withPartitionEpoch(before.partitionEpoch() + 1);
    }

    /** The topic of a partition that is there. */
    static TopicImage existing(MetadataImage image, String topic, int partition) throws TopicDecisions.Refused {
        TopicImage found = image.topic(topic)
                .orElseThrow(() -> new TopicDecisions.Refused(
                        Errors.UNKNOWN_TOPIC_OR_PARTITION, "There is no topic '" + topic + "'."));
        if (partition < 0 || partition >= found.partitions().size()) {
            throw new TopicDecisions.Refused(
                    Errors.UNKNOWN_TOPIC_OR_PARTITION,
                    "There is no partition " + partition + " of topic '" + topic + "', which has "
                            + found.partitions().size() + ".");
        }
        return found;
    }

    static List<Integer> without(List<Integer> ids, int id) {
        return ids.stream().filter(x -> x != id).toList();
    }

    private interface Change {
        UnaryOperator<PartitionImage> with(int m, boolean unclean);
    }

    private void changeAll(Draft draft, Change change) {
        for (TopicImage topic : draft.image().topics().values()) {
            LogConfig config = settings.effective().apply(topic.configs());
            List<PartitionImage> changed = new ArrayList<>();
            for (PartitionImage p : topic.partitions()) {
                int m = Math.min(config.minInsyncReplicas(), p.replicas().size());
                PartitionImage after =
                        change.with(m, config.uncleanLeaderElectionEnable()).apply(p);
                if (!after.equals(p)) {
                    changed.add(nextEpoch(p, after));
                }
            }
            if (!changed.isEmpty()) {
                draft.emit(new MetadataEvent.PartitionsChanged(topic.topicId(), List.copyOf(changed)));
            }
        }
    }
}
