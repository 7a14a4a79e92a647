package io.troupe.controller;

import io.troupe.controller.ControllerCommand.AllocateProducerIds;
import io.troupe.controller.ControllerCommand.AlterBrokerConfigs;
import io.troupe.controller.ControllerCommand.AlterGroupConfigs;
import io.troupe.controller.ControllerCommand.AlterPartition;
import io.troupe.controller.ControllerCommand.AlterReassignments;
import io.troupe.controller.ControllerCommand.AlterTopicConfigs;
import io.troupe.controller.ControllerCommand.BrokerHeartbeat;
import io.troupe.controller.ControllerCommand.ConfigChange;
import io.troupe.controller.ControllerCommand.CreatePartitions;
import io.troupe.controller.ControllerCommand.CreateTopics;
import io.troupe.controller.ControllerCommand.DeleteTopics;
import io.troupe.controller.ControllerCommand.ElectLeaders;
import io.troupe.controller.ControllerCommand.FailLogs;
import io.troupe.controller.ControllerCommand.LogRef;
import io.troupe.controller.ControllerCommand.LogReport;
import io.troupe.controller.ControllerCommand.MorePartitions;
import io.troupe.controller.ControllerCommand.NewTopic;
import io.troupe.controller.ControllerCommand.Reassignment;
import io.troupe.controller.ControllerCommand.RegisterBroker;
import io.troupe.controller.ControllerCommand.ReportLogs;
import io.troupe.controller.ControllerCommand.TopicRef;
import io.troupe.controller.ControllerCommand.UnregisterBroker;
import io.troupe.metadata.FieldReader;
import io.troupe.metadata.FieldWriter;
import io.troupe.metadata.MetadataCodec;
import io.troupe.model.Refusal;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.common.ElectionType;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.protocol.Errors;

/** The bytes of commands to the controller and of its replies, between nodes: a tag, then the fields. */
final class CommandCodec {
    private static final byte CREATE_TOPICS = 1;
    private static final byte DELETE_TOPICS = 2;
    private static final byte ALTER_TOPIC_CONFIGS = 3;
    private static final byte REGISTER_BROKER = 4;
    private static final byte BROKER_HEARTBEAT = 5;
    private static final byte ALTER_PARTITION = 6;
    private static final byte ALLOCATE_PRODUCER_IDS = 7;
    private static final byte CREATE_PARTITIONS = 8;
    private static final byte ALTER_REASSIGNMENTS = 9;
    private static final byte ELECT_LEADERS = 10;
    private static final byte UNREGISTER_BROKER = 11;
    private static final byte REPORT_LOGS = 12;
    private static final byte ALTER_BROKER_CONFIGS = 13;
    private static final byte FAIL_LOGS = 14;
    private static final byte ALTER_GROUP_CONFIGS = 15;

    private static final byte DESCRIBE_QUORUM = 30;

    private static final byte TOPICS = 1;
    private static final byte REGISTERED = 2;
    private static final byte PARTITION_ALTERED = 3;
    private static final byte PRODUCER_IDS = 4;
    private static final byte DONE = 5;
    private static final byte REFUSED = 6;
    private static final byte PARTITIONS = 7;
    private static final byte RESOURCES = 8;
    private static final byte QUORUM_STATE = 30;

    private CommandCodec() {}

    static void putCommand(FieldWriter w, ControllerCommand command) {
        if (command instanceof CreateTopics c) {
            w.putByte(CREATE_TOPICS).putList(c.topics(), CommandCodec::putNewTopic);
            w.putBoolean(c.validateOnly());
        } else if (command instanceof DeleteTopics c) {
            w.putByte(DELETE_TOPICS)
                    .putList(c.topics(), (out, t) -> out.putString(t.name()).putUuid(t.topicId()));
        } else if (command instanceof AlterTopicConfigs c) {
            putChanges(w.putByte(ALTER_TOPIC_CONFIGS), c.changes());
            w.putBoolean(c.replaceAll()).putBoolean(c.validateOnly());
        } else if (command instanceof AlterBrokerConfigs c) {
            putChanges(w.putByte(ALTER_BROKER_CONFIGS), c.changes());
            w.putBoolean(c.replaceAll()).putBoolean(c.validateOnly());
        } else if (command instanceof AlterGroupConfigs c) {
            putChanges(w.putByte(ALTER_GROUP_CONFIGS), c.changes());
            w.putBoolean(c.replaceAll()).putBoolean(c.validateOnly());
        } else if (command instanceof RegisterBroker c) {
            w.putByte(REGISTER_BROKER).putInt(c.brokerId()).putUuid(c.incarnationId());
            w.putList(c.listeners(), MetadataCodec::putListener)
                    .putString(c.rack().orElse(null));
            w.putLong(c.provenEpoch()).putBoolean(c.lostDir()).putBoolean(c.votersOnly());
        } else if (command instanceof BrokerHeartbeat c) {
            w.putByte(BROKER_HEARTBEAT).putInt(c.brokerId()).putLong(c.brokerEpoch());
            w.putLong(c.appliedIndex()).putBoolean(c.wantShutdown());
        } else if (command instanceof AlterPartition c) {
            w.putByte(ALTER_PARTITION).putInt(c.brokerId()).putLong(c.brokerEpoch());
            w.putUuid(c.partition().topicId()).putString(c.partition().topic());
            w.putInt(c.partition().partition()).putInt(c.leaderEpoch()).putInt(c.partitionEpoch());
            w.putList(c.isr(), FieldWriter::putInt).putList(c.isrEpochs(), FieldWriter::putLong);
        } else if (command instanceof AllocateProducerIds c) {
            w.putByte(ALLOCATE_PRODUCER_IDS).putInt(c.brokerId()).putLong(c.brokerEpoch());
        } else if (command instanceof CreatePartitions c) {
            w.putByte(CREATE_PARTITIONS).putList(c.topics(), CommandCodec::putMorePartitions);
            w.putBoolean(c.validateOnly());
        } else if (command instanceof AlterReassignments c) {
            w.putByte(ALTER_REASSIGNMENTS).putList(c.partitions(), CommandCodec::putReassignment);
            w.putBoolean(c.allowFactorChange());
        } else if (command instanceof ElectLeaders c) {
            w.putByte(ELECT_LEADERS).putByte(c.type().value);
            w.putBoolean(c.partitions().isPresent());
            w.putList(c.partitions().orElse(List.of()), (out, p) -> out.putString(p.topic())
                    .putInt(p.partition()));
        } else if (command instanceof UnregisterBroker c) {
            w.putByte(UNREGISTER_BROKER).putInt(c.brokerId());
        } else if (command instanceof ReportLogs c) {
            w.putByte(REPORT_LOGS).putInt(c.brokerId()).putLong(c.brokerEpoch());
            w.putList(c.logs(), (out, log) -> out.putUuid(log.topicId())
                    .putInt(log.partition())
                    .putInt(log.leaderEpoch())
                    .putInt(log.lastEpoch())
                    .putLong(log.logEndOffset()));
        } else if (command instanceof FailLogs c) {
            w.putByte(FAIL_LOGS).putInt(c.brokerId()).putLong(c.brokerEpoch());
            w.putList(c.logs(), (out, log) -> out.putUuid(log.topicId()).putInt(log.partition()));
        } else if (command instanceof ControllerCommand.DescribeQuorum) {
            w.putByte(DESCRIBE_QUORUM);
        }
    }

    static ControllerCommand getCommand(FieldReader r) {
        byte tag = r.getByte();
        return switch (tag) {
            case CREATE_TOPICS -> new CreateTopics(r.getList(CommandCodec::getNewTopic), r.getBoolean());
            case DELETE_TOPICS -> new DeleteTopics(r.getList(in -> new TopicRef(in.getString(), in.getUuid())));
            case ALTER_TOPIC_CONFIGS -> new AlterTopicConfigs(getChanges(r), r.getBoolean(), r.getBoolean());
            case ALTER_BROKER_CONFIGS -> new AlterBrokerConfigs(getChanges(r), r.getBoolean(), r.getBoolean());
            case ALTER_GROUP_CONFIGS -> new AlterGroupConfigs(getChanges(r), r.getBoolean(), r.getBoolean());
            case REGISTER_BROKER ->
                new RegisterBroker(
                        r.getInt(),
                        r.getUuid(),
                        r.getList(MetadataCodec::getListener),
                        Optional.ofNullable(r.getString()),
                        r.getLong(),
                        r.getBoolean(),
                        r.getBoolean());
            case BROKER_HEARTBEAT -> new BrokerHeartbeat(r.getInt(), r.getLong(), r.getLong(), r.getBoolean());
            case ALTER_PARTITION -> {
                int brokerId = r.getInt();
                long brokerEpoch = r.getLong();
                Uuid topicId = r.getUuid();
                String topic = r.getString();
                TopicIdPartition partition = new TopicIdPartition(topicId, r.getInt(), topic);
                yield new AlterPartition(
                        brokerId,
                        brokerEpoch,
                        partition,
                        r.getInt(),
                        r.getInt(),
                        r.getList(FieldReader::getInt),
                        r.getList(FieldReader::getLong));
            }
            case ALLOCATE_PRODUCER_IDS -> new AllocateProducerIds(r.getInt(), r.getLong());
            case CREATE_PARTITIONS -> new CreatePartitions(r.getList(CommandCodec::getMorePartitions), r.getBoolean());
            case ALTER_REASSIGNMENTS ->
                new AlterReassignments(r.getList(CommandCodec::getReassignment), r.getBoolean());
            case ELECT_LEADERS -> {
                ElectionType type = ElectionType.valueOf(r.getByte());
                boolean some = r.getBoolean();
                List<TopicPartition> partitions = r.getList(in -> new TopicPartition(in.getString(), in.getInt()));
                yield new ElectLeaders(type, some ? Optional.of(partitions) : Optional.empty());
            }
            case UNREGISTER_BROKER -> new UnregisterBroker(r.getInt());
            case REPORT_LOGS ->
                new ReportLogs(
                        r.getInt(),
                        r.getLong(),
                        r.getList(in ->
                                new LogReport(in.getUuid(), in.getInt(), in.getInt(), in.getInt(), in.getLong())));
            case FAIL_LOGS ->
                new FailLogs(r.getInt(), r.getLong(), r.getList(in -> new LogRef(in.getUuid(), in.getInt())));
            case DESCRIBE_QUORUM -> ControllerCommand.DescribeQuorum.DESCRIBE_QUORUM;
            default -> throw new IllegalArgumentException("unknown controller command (tag " + tag + ")");
        };
    }

    static void putReply(FieldWriter w, ControllerReply reply) {
        if (reply instanceof ControllerReply.Topics t) {
            w.putByte(TOPICS).putList(t.results(), CommandCodec::putResult);
        } else if (reply instanceof ControllerReply.Registered t) {
            w.putByte(REGISTERED).putLong(t.brokerEpoch());
        } else if (reply instanceof ControllerReply.PartitionAltered t) {
            MetadataCodec.putPartition(w.putByte(PARTITION_ALTERED), t.partition());
        } else if (reply instanceof ControllerReply.ProducerIds t) {
            w.putByte(PRODUCER_IDS).putLong(t.firstProducerId()).putInt(t.count());
        } else if (reply instanceof ControllerReply.Done) {
            w.putByte(DONE);
        } else if (reply instanceof ControllerReply.Refused t) {
            putRefusal(w.putByte(REFUSED), t.refusal());
        } else if (reply instanceof ControllerReply.Partitions t) {
            w.putByte(PARTITIONS).putList(t.results(), CommandCodec::putPartitionResult);
        } else if (reply instanceof ControllerReply.Resources t) {
            w.putByte(RESOURCES)
                    .putList(
                            t.results(),
                            (out, result) -> putOptionalRefusal(out.putString(result.name()), result.refusal()));
        } else if (reply instanceof ControllerReply.QuorumState t) {
            w.putByte(QUORUM_STATE).putInt(t.leaderId()).putInt(t.leaderEpoch()).putLong(t.highWatermark());
            w.putList(t.voters(), CommandCodec::putReplica).putList(t.observers(), CommandCodec::putReplica);
        }
    }

    /** A reply alone, as the metadata log keeps it. */
    static byte[] encode(ControllerReply reply) {
        FieldWriter w = new FieldWriter();
        putReply(w, reply);
        return w.toByteArray();
    }

    /** @throws IllegalArgumentException when the bytes are not exactly one reply that this version knows */
    static ControllerReply decodeReply(byte[] bytes) {
        FieldReader r = new FieldReader(bytes);
        ControllerReply reply = getReply(r);
        r.expectEnd();
        return reply;
    }

    private static void putReplica(FieldWriter w, ControllerReply.QuorumReplica replica) {
        w.putInt(replica.nodeId()).putUuid(replica.disk().orElse(Uuid.ZERO_UUID));
        w.putLong(replica.logEndOffset()).putLong(replica.heardMs()).putLong(replica.caughtUpMs());
    }

    private static ControllerReply.QuorumReplica getReplica(FieldReader r) {
        return new ControllerReply.QuorumReplica(
                r.getInt(),
                Optional.of(r.getUuid()).filter(id -> !id.equals(Uuid.ZERO_UUID)),
                r.getLong(),
                r.getLong(),
                r.getLong());
    }

    static ControllerReply getReply(FieldReader r) {
        byte tag = r.getByte();
        return switch (tag) {
            case TOPICS -> new ControllerReply.Topics(r.getList(CommandCodec::getResult));
            case REGISTERED -> new ControllerReply.Registered(r.getLong());
            case PARTITION_ALTERED -> new ControllerReply.PartitionAltered(MetadataCodec.getPartition(r));
            case PRODUCER_IDS -> new ControllerReply.ProducerIds(r.getLong(), r.getInt());
            case DONE -> ControllerReply.Done.DONE;
            case REFUSED -> new ControllerReply.Refused(getRefusal(r));
            case PARTITIONS -> new ControllerReply.Partitions(r.getList(CommandCodec::getPartitionResult));
            case RESOURCES ->
                new ControllerReply.Resources(
                        r.getList(in -> new ControllerReply.ResourceResult(in.getString(), getOptionalRefusal(in))));
            case QUORUM_STATE ->
                new ControllerReply.QuorumState(
                        r.getInt(),
                        r.getInt(),
                        r.getLong(),
                        r.getList(CommandCodec::getReplica),
                        r.getList(CommandCodec::getReplica));
            default -> throw new IllegalArgumentException("unknown controller reply (tag " + tag + ")");
        };
    }

    private static void putNewTopic(FieldWriter w, NewTopic t) {
        w.putString(t.name()).putInt(t.partitions()).putInt(t.replicationFactor());
        w.putList(t.assignment().entrySet(), (out, e) -> out.putInt(e.getKey())
                .putList(e.getValue(), FieldWriter::putInt));
        w.putStrings(t.configs());
    }

    private static NewTopic getNewTopic(FieldReader r) {
        String name = r.getString();
        int partitions = r.getInt();
        short factor = (short) r.getInt();
        Map<Integer, List<Integer>> assignment = new LinkedHashMap<>();
        r.getList(in -> Map.entry(in.getInt(), in.getList(FieldReader::getInt)))
                .forEach(e -> assignment.put(e.getKey(), e.getValue()));
        return new NewTopic(name, partitions, factor, assignment, r.getStrings());
    }

    private static void putMorePartitions(FieldWriter w, MorePartitions t) {
        w.putString(t.name()).putInt(t.count()).putBoolean(t.assignment().isPresent());
        w.putList(t.assignment().orElse(List.of()), (out, ids) -> out.putList(ids, FieldWriter::putInt));
    }

    private static MorePartitions getMorePartitions(FieldReader r) {
        String name = r.getString();
        int count = r.getInt();
        boolean assigned = r.getBoolean();
        List<List<Integer>> assignment = r.getList(in -> in.getList(FieldReader::getInt));
        return new MorePartitions(name, count, assigned ? Optional.of(assignment) : Optional.empty());
    }

    private static void putReassignment(FieldWriter w, Reassignment t) {
        w.putString(t.topic()).putInt(t.partition()).putBoolean(t.replicas().isPresent());
        w.putList(t.replicas().orElse(List.of()), FieldWriter::putInt);
    }

    private static Reassignment getReassignment(FieldReader r) {
        String topic = r.getString();
        int partition = r.getInt();
        boolean moves = r.getBoolean();
        List<Integer> replicas = r.getList(FieldReader::getInt);
        return new Reassignment(topic, partition, moves ? Optional.of(replicas) : Optional.empty());
    }

    private static void putChanges(FieldWriter w, Map<String, List<ConfigChange>> changes) {
        w.putList(changes.entrySet(), (out, e) -> out.putString(e.getKey())
                .putList(e.getValue(), CommandCodec::putConfigChange));
    }

    private static Map<String, List<ConfigChange>> getChanges(FieldReader r) {
        Map<String, List<ConfigChange>> changes = new LinkedHashMap<>();
        r.getList(in -> Map.entry(in.getString(), in.getList(CommandCodec::getConfigChange)))
                .forEach(e -> changes.put(e.getKey(), e.getValue()));
        return changes;
    }

    private static void putConfigChange(FieldWriter w, ConfigChange c) {
        w.putString(c.key()).putByte(c.op().id()).putString(c.value());
    }

    private static ConfigChange getConfigChange(FieldReader r) {
        return new ConfigChange(r.getString(), AlterConfigOp.OpType.forId(r.getByte()), r.getString());
    }

    private static void putResult(FieldWriter w, ControllerReply.TopicResult t) {
        w.putString(t.name()).putUuid(t.topicId()).putInt(t.partitions()).putInt(t.replicationFactor());
        putOptionalRefusal(w.putStrings(t.configs()), t.refusal());
    }

    private static ControllerReply.TopicResult getResult(FieldReader r) {
        return new ControllerReply.TopicResult(
                r.getString(), r.getUuid(), r.getInt(), (short) r.getInt(), r.getStrings(), getOptionalRefusal(r));
    }

    private static void putPartitionResult(FieldWriter w, ControllerReply.PartitionResult t) {
        putOptionalRefusal(w.putString(t.topic()).putInt(t.partition()), t.refusal());
    }

    private static ControllerReply.PartitionResult getPartitionResult(FieldReader r) {
        return new ControllerReply.PartitionResult(r.getString(), r.getInt(), getOptionalRefusal(r));
    }

    private static void putOptionalRefusal(FieldWriter w, Optional<Refusal> refusal) {
        w.putBoolean(refusal.isPresent());
        refusal.ifPresent(r -> putRefusal(w, r));
    }

    private static Optional<Refusal> getOptionalRefusal(FieldReader r) {
        return r.getBoolean() ? Optional.of(getRefusal(r)) : Optional.empty();
    }

    private static void putRefusal(FieldWriter w, Refusal refusal) {
        w.putInt(refusal.error().code()).putString(refusal.message());
    }

    private static Refusal getRefusal(FieldReader r) {
        return new Refusal(Errors.forCode((short) r.getInt()), r.getString());
    }
}
