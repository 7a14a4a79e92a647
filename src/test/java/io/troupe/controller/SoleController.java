package io.troupe.controller;

import io.troupe.config.ServerProperties;
import io.troupe.metadata.BrokerImage;
import io.troupe.metadata.MetadataEvent;
import io.troupe.metadata.MetadataImage;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.protocol.Errors;

/**
 * The controller's decisions without quorum, actor or clock, for tests of what stands on them: each call is decided and
 * committed before it returns. Any thread.
 */
public final class SoleController {
    private final ControllerSettings settings = ControllerSettings.of(ServerProperties.parse(
                    Map.of("node.id", "1", "listeners", "PLAINTEXT://127.0.0.1:9092", "log.dirs", "/tmp/troupe-sole"))
            .config());
    private final Elections elections = new Elections(settings);
    private final BrokerDecisions brokers = new BrokerDecisions(settings);
    private final TopicDecisions topics = new TopicDecisions(settings, Uuid::randomUuid);
    private final LeaderDecisions leaders = new LeaderDecisions(elections);
    private final RecoveryElections recovery = new RecoveryElections(elections);
    private MetadataImage image = MetadataImage.empty().apply(0, new MetadataEvent.ControllerElected(1, 1, "cluster"));

    public synchronized MetadataImage image() {
        return image;
    }

    /** Of a process that cannot prove anything of its logs. @return its new broker epoch */
    public synchronized long register(int broker) {
        ControllerReply reply = take(brokers.register(
                image,
                new ControllerCommand.RegisterBroker(
                        broker, Uuid.randomUuid(), List.of(), Optional.empty(), -1, false, false),
                false,
                false));
        return ((ControllerReply.Registered) reply).brokerEpoch();
    }

    /** Its session has timed out. */
    public synchronized void fence(int broker) {
        image.broker(broker)
                .map(BrokerImage::brokerEpoch)
                .ifPresent(epoch -> take(brokers.fence(image, broker, epoch)));
    }

    /** Partitions 0 to n - 1 of a new topic, each on these brokers in this order of preference. */
    public synchronized Uuid create(String topic, Map<Integer, List<Integer>> assignment, Map<String, String> configs) {
        ControllerReply reply = execute(new ControllerCommand.CreateTopics(
                List.of(new ControllerCommand.NewTopic(topic, -1, (short) -1, assignment, configs)), false));
        return ((ControllerReply.Topics) reply).results().get(0).topicId();
    }

    public synchronized ControllerReply execute(ControllerCommand command) {
        if (command instanceof ControllerCommand.CreateTopics c) {
            return take(topics.create(image, c));
        } else if (command instanceof ControllerCommand.DeleteTopics c) {
            return take(topics.delete(image, c));
        } else if (command instanceof ControllerCommand.BrokerHeartbeat c) {
            return take(brokers.heartbeat(image, c));
        } else if (command instanceof ControllerCommand.AlterPartition c) {
            return take(brokers.alterPartition(image, c));
        } else if (command instanceof ControllerCommand.ElectLeaders c) {
            return take(leaders.elect(image, c));
        } else if (command instanceof ControllerCommand.ReportLogs c) {
            return take(recovery.report(image, c));
        } else if (command instanceof ControllerCommand.FailLogs c) {
            return take(brokers.failLogs(image, c));
        }
        return Decision.refused(image, Errors.UNSUPPORTED_VERSION, command.toString())
                .reply();
    }

    private ControllerReply take(Decision decision) {
        image = decision.image();
        return decision.reply();
    }
}
