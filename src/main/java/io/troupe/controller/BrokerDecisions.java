package io.troupe.controller;

import io.troupe.controller.ControllerCommand.AllocateProducerIds;
import io.troupe.controller.ControllerCommand.AlterPartition;
import io.troupe.controller.ControllerCommand.BrokerHeartbeat;
import io.troupe.controller.ControllerCommand.FailLogs;
import io.troupe.controller.ControllerCommand.RegisterBroker;
import io.troupe.controller.ControllerCommand.UnregisterBroker;
import io.troupe.metadata.BrokerImage;
import io.troupe.metadata.MetadataEvent;
import io.troupe.metadata.MetadataImage;
import io.troupe.metadata.PartitionImage;
import io.troupe.metadata.TopicImage;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import org.apache.kafka.common.protocol.Errors;

/** What brokers ask for themselves and for the partitions they lead (SAFETY 1.1, 1.9 - 1.11). Pure. */
final class BrokerDecisions {
    /** Producer ids in one block. */
    static final int PRODUCER_ID_BLOCK = 1000;

    private final Elections elections;
    private final ReassignmentDecisions reassignments;

    BrokerDecisions(ControllerSettings settings) {
        elections = new Elections(settings);
        reassignments = new ReassignmentDecisions(elections);
    }

    /**
     * 1.1: a new BE, fenced, all its leaderships ended. 1.13: its logs are complete when they were closed in the BE that it had
     * last, as far as the metadata knows.
     *
     * @param otherIncarnationLive another incarnation was heard from within the session time-out
     * @param again this very incarnation has registered before, with the same proof, and its answer came too late
     */
    Decision register(MetadataImage image, RegisterBroker command, boolean otherIncarnationLive, boolean again) {
        int id = command.brokerId();
        if (command.votersOnly()) {
            return new Draft(image).reply(new ControllerReply.Registered(-1));
        }
        if (otherIncarnationLive && image.broker(id).filter(b -> !b.fenced()).isPresent()) {
            return Decision.refused(
                    image,
                    Errors.DUPLICATE_BROKER_REGISTRATION,
                    "Another live process is registered as broker " + id
                            + "; give this one another node.id, or wait until the other's session has timed out.");
        }
        boolean complete = command.provenEpoch() >= 0
                && (again
                        || image.broker(id)
                                .filter(b -> b.brokerEpoch() == command.provenEpoch())
                                .isPresent());
        MetadataEvent.Logs unproven = command.lostDir() ? MetadataEvent.Logs.LOST : MetadataEvent.Logs.UNPROVEN;
        Draft draft = new Draft(image);
        long brokerEpoch = draft.emit(new MetadataEvent.BrokerRegistered(
                new BrokerImage(id, image.index() + 1, command.listeners(), command.rack(), true, false),
                complete ? MetadataEvent.Logs.COMPLETE : unproven));
        elections.brokerGone(draft, id);
        return draft.reply(new ControllerReply.Registered(brokerEpoch));
    }

    /**
     * The broker lives, and may be unfenced; or it wants to leave. Who leaves stays unfenced and serves what moves, but leads
     * nothing and counts in no ISR from then on; it is fenced when its process has ended.
     */
    Decision heartbeat(MetadataImage image, BrokerHeartbeat command) {
        Optional<Decision> refusal = checkEpoch(image, command.brokerId(), command.brokerEpoch());
        if (refusal.isPresent()) {
            return refusal.get();
        }
        BrokerImage broker = image.broker(command.brokerId()).orElseThrow();
        Draft draft = new Draft(image);
        if (command.wantShutdown()) {
            if (!broker.inControlledShutdown()) {
                fencing(draft, broker, broker.fenced(), true);
                elections.brokerGone(draft, broker.brokerId());
            }
        } else if (broker.fenced() && command.appliedIndex() >= broker.brokerEpoch()) {
            fencing(draft, broker, false, false);
            elections.brokerBack(draft);
        }
        return draft.reply(ControllerReply.Done.DONE);
    }

    /** The broker's session has timed out, or its node has left the cluster. */
    Decision fence(MetadataImage image, int brokerId, long brokerEpoch) {
        Draft draft = new Draft(image);
        image.broker(brokerId)
                .filter(b -> b.brokerEpoch() == brokerEpoch && !b.fenced())
                .ifPresent(b -> {
                    fencing(draft, b, true, b.inControlledShutdown());
                    elections.brokerGone(draft, brokerId);
                });
        return draft.reply(ControllerReply.Done.DONE);
    }

    /**
     * The broker is gone for good: fenced and forgotten. Its replicas stay assigned until they are moved. One that runs is not: it would lead
     * nothing until it has registered again, with its logs unproven, and then be there as before.
     */
    Decision unregister(MetadataImage image, UnregisterBroker command) {
        Optional<BrokerImage> broker = image.broker(command.brokerId());
        if (broker.isEmpty()) {
            return Decision.refused(
                    image,
                    Errors.BROKER_ID_NOT_REGISTERED,
                    "Broker " + command.brokerId() + " is not registered, so there is nothing to forget.");
        }
        if (!broker.get().fenced() && !broker.get().inControlledShutdown()) {
            return Decision.refused(
                    image,
                    Errors.INVALID_REQUEST,
                    "Broker " + command.brokerId() + " runs, so it cannot be forgotten: stop it first"
                            + " (bin/troupe-server-stop.sh --node-id " + command.brokerId()
                            + "), then unregister it. If its process has ended, the controller is about to notice: try again in some seconds.");
        }
        Draft draft = new Draft(image);
        fencing(draft, broker.get(), true, broker.get().inControlledShutdown());
        elections.brokerGone(draft, command.brokerId());
        draft.emit(new MetadataEvent.BrokerUnregistered(
                command.brokerId(), broker.get().brokerEpoch()));
        return draft.reply(ControllerReply.Done.DONE);
    }

    private static void fencing(Draft draft, BrokerImage broker, boolean fenced, boolean shuttingDown) {
        draft.emit(
                new MetadataEvent.BrokerFencingChanged(broker.brokerId(), broker.brokerEpoch(), fenced, shuttingDown));
    }

    /** 1.9, in its order; then 1.10. */
    Decision alterPartition(MetadataImage image, AlterPartition command) {
        Optional<Decision> refusal = checkEpoch(image, command.brokerId(), command.brokerEpoch());
        if (refusal.isPresent()) {
            return refusal.get();
        }
        String what = command.partition().topicPartition() + " ";
        Optional<TopicImage> topic = image.topic(command.partition().topicId());
        if (topic.isEmpty()) {
            return Decision.refused(
                    image,
                    Errors.UNKNOWN_TOPIC_ID,
                    what + "has a topic id that is unknown: "
                            + command.partition().topicId());
        }
        int number = command.partition().partition();
        if (number < 0 || number >= topic.get().partitions().size()) {
            return Decision.refused(image, Errors.UNKNOWN_TOPIC_OR_PARTITION, what + "does not exist.");
        }
        PartitionImage p = topic.get().partitions().get(number);
        List<Integer> isr = command.isr();
        if (command.leaderEpoch() > p.leaderEpoch() || command.partitionEpoch() > p.partitionEpoch()) {
            return Decision.refused(
                    image,
                    Errors.NOT_CONTROLLER,
                    what + "is at a newer epoch than this controller knows: leader epoch " + p.leaderEpoch()
                            + ", partition epoch " + p.partitionEpoch() + ".");
        }
        if (command.leaderEpoch() < p.leaderEpoch()) {
            return Decision.refused(
                    image, Errors.FENCED_LEADER_EPOCH, what + "is at leader epoch " + p.leaderEpoch() + ".");
        }
        if (command.brokerId() != p.leader()) {
            return Decision.refused(image, Errors.INVALID_REQUEST, what + "is led by " + p.leader() + ".");
        }
        if (command.partitionEpoch() < p.partitionEpoch()) {
            return Decision.refused(
                    image, Errors.INVALID_UPDATE_VERSION, what + "is at partition epoch " + p.partitionEpoch() + ".");
        }
        if (!isr.contains(p.leader())
                || new HashSet<>(isr).size() != isr.size()
                || !p.replicas().containsAll(isr)) {
            return Decision.refused(
                    image,
                    Errors.INVALID_REQUEST,
                    what + "cannot have the ISR " + isr + ": it must hold the leader " + p.leader()
                            + " and only replicas, " + p.replicas() + ", each once.");
        }
        for (int i = 0; i < isr.size(); i++) {
            int member = isr.get(i);
            long memberEpoch =
                    i < command.isrEpochs().size() ? command.isrEpochs().get(i) : -1;
            if (!Elections.live(image, p, member)
                    || image.broker(member).orElseThrow().brokerEpoch() != memberEpoch) {
                return Decision.refused(
                        image,
                        Errors.INELIGIBLE_REPLICA,
                        what + "cannot have broker " + member + " in its ISR: it is fenced, shutting down, its log has"
                                + " failed, or it is not at broker epoch " + memberEpoch + ".");
            }
        }
        PartitionImage proposed = Elections.withIsr(p, isr, elections.minIsr(topic.get(), p));
        PartitionImage after = Elections.nextEpoch(p, reassignments.completed(image, topic.get(), proposed));
        Draft draft = new Draft(image);
        draft.emit(new MetadataEvent.PartitionsChanged(topic.get().topicId(), List.of(after)));
        return draft.reply(new ControllerReply.PartitionAltered(after));
    }

    /** 1.1, 1.10: what stands in a log dir that has failed leads no more and is in sync no more, until the broker starts anew. */
    Decision failLogs(MetadataImage image, FailLogs command) {
        Optional<Decision> refusal = checkEpoch(image, command.brokerId(), command.brokerEpoch());
        if (refusal.isPresent()) {
            return refusal.get();
        }
        Draft draft = new Draft(image);
        elections.logsFailed(draft, command.brokerId(), command.logs());
        return draft.reply(ControllerReply.Done.DONE);
    }

    Decision allocateProducerIds(MetadataImage image, AllocateProducerIds command) {
        Optional<Decision> refusal = checkEpoch(image, command.brokerId(), command.brokerEpoch());
        if (refusal.isPresent()) {
            return refusal.get();
        }
        if (image.nextProducerId() > Long.MAX_VALUE - PRODUCER_ID_BLOCK) {
            return Decision.refused(image, Errors.UNKNOWN_SERVER_ERROR, "All producer ids have been handed out.");
        }
        Draft draft = new Draft(image);
        long first = image.nextProducerId();
        draft.emit(new MetadataEvent.ProducerIdsAllocated(
                command.brokerId(), command.brokerEpoch(), first, PRODUCER_ID_BLOCK));
        return draft.reply(new ControllerReply.ProducerIds(first, PRODUCER_ID_BLOCK));
    }

    private static Optional<Decision> checkEpoch(MetadataImage image, int brokerId, long brokerEpoch) {
        Optional<BrokerImage> broker = image.broker(brokerId);
        if (broker.isEmpty()) {
            return Optional.of(Decision.refused(
                    image, Errors.BROKER_ID_NOT_REGISTERED, "Broker " + brokerId + " is not registered."));
        }
        if (broker.get().brokerEpoch() != brokerEpoch) {
            return Optional.of(Decision.refused(
                    image,
                    Errors.STALE_BROKER_EPOCH,
                    "Broker " + brokerId + " is at broker epoch " + broker.get().brokerEpoch() + ", not " + brokerEpoch
                            + "."));
        }
        return Optional.empty();
    }
}
