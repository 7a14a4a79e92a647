package io.troupe.controller;

import io.troupe.metadata.BrokerImage;
import io.troupe.metadata.MetadataImage;
import org.apache.kafka.common.Uuid;

/** Which decision each command asks for. Pure but for the {@link Sessions} that some of them move; owned by the {@link Controller}. */
final class CommandDecisions {
    private final ControllerSettings settings;
    private final TopicDecisions topics;
    private final BrokerDecisions brokers;
    private final ReassignmentDecisions reassignments;
    private final LeaderDecisions leaders;
    private final RecoveryElections recovery;

    CommandDecisions(ControllerSettings settings) {
        this.settings = settings;
        topics = new TopicDecisions(settings, Uuid::randomUuid);
        brokers = new BrokerDecisions(settings);
        Elections elections = new Elections(settings);
        reassignments = new ReassignmentDecisions(elections);
        leaders = new LeaderDecisions(elections);
        recovery = new RecoveryElections(elections);
    }

    /**
     * @param drafted what it is decided on
     * @throws RuntimeException for a command that no decision foresaw
     */
    Decision decide(MetadataImage drafted, ControllerCommand command, Sessions sessions, long nowMs) {
        if (command instanceof ControllerCommand.CreateTopics c) {
            return topics.create(drafted, c);
        } else if (command instanceof ControllerCommand.DeleteTopics c) {
            return topics.delete(drafted, c);
        } else if (command instanceof ControllerCommand.CreatePartitions c) {
            return PartitionDecisions.create(drafted, c);
        } else if (command instanceof ControllerCommand.AlterTopicConfigs c) {
            return topics.alterConfigs(drafted, c);
        } else if (command instanceof ControllerCommand.AlterBrokerConfigs c) {
            return ConfigDecisions.alter(drafted, c);
        } else if (command instanceof ControllerCommand.AlterGroupConfigs c) {
            return ConfigDecisions.alter(drafted, c, settings.consumerGroups());
        } else if (command instanceof ControllerCommand.RegisterBroker c) {
            return register(drafted, c, sessions, nowMs);
        } else if (command instanceof ControllerCommand.BrokerHeartbeat c) {
            Decision decision = brokers.heartbeat(drafted, c);
            if (decision.reply() == ControllerReply.Done.DONE) {
                sessions.heard(c.brokerId(), nowMs);
            }
            return decision;
        } else if (command instanceof ControllerCommand.AlterPartition c) {
            return brokers.alterPartition(drafted, c);
        } else if (command instanceof ControllerCommand.AllocateProducerIds c) {
            return brokers.allocateProducerIds(drafted, c);
        } else if (command instanceof ControllerCommand.AlterReassignments c) {
            return reassignments.alter(drafted, c);
        } else if (command instanceof ControllerCommand.ElectLeaders c) {
            return leaders.elect(drafted, c);
        } else if (command instanceof ControllerCommand.ReportLogs c) {
            return recovery.report(drafted, c);
        } else if (command instanceof ControllerCommand.FailLogs c) {
            return brokers.failLogs(drafted, c);
        } else if (command instanceof ControllerCommand.UnregisterBroker c) {
            return brokers.unregister(drafted, c);
        }
        throw new IllegalStateException("unknown command");
    }

    private Decision register(
            MetadataImage drafted, ControllerCommand.RegisterBroker command, Sessions sessions, long nowMs) {
        Decision decision = brokers.register(
                drafted,
                command,
                sessions.otherLive(command.brokerId(), command.incarnationId(), nowMs),
                sessions.isRegistered(command.brokerId(), command.incarnationId()));
        if (decision.reply() instanceof ControllerReply.Registered) {
            sessions.registered(command.brokerId(), command.incarnationId(), nowMs);
        }
        return decision;
    }

    Decision fence(MetadataImage drafted, BrokerImage broker) {
        return brokers.fence(drafted, broker.brokerId(), broker.brokerEpoch());
    }

    /** Leaderships go back to preferred replicas. */
    Decision balance(MetadataImage drafted) {
        return leaders.balance(drafted, settings.leaderBalance().perBrokerPercentage());
    }
}
