package io.troupe.controller;

import io.troupe.config.TopicConfigs;
import io.troupe.controller.ControllerCommand.AlterTopicConfigs;
import io.troupe.controller.ControllerCommand.CreateTopics;
import io.troupe.controller.ControllerCommand.DeleteTopics;
import io.troupe.controller.ControllerCommand.NewTopic;
import io.troupe.controller.ControllerCommand.TopicRef;
import io.troupe.controller.ControllerReply.TopicResult;
import io.troupe.metadata.BrokerImage;
import io.troupe.metadata.MetadataEvent;
import io.troupe.metadata.MetadataImage;
import io.troupe.metadata.PartitionImage;
import io.troupe.metadata.TopicImage;
import io.troupe.model.Refusal;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Supplier;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.protocol.Errors;

/** Creating, deleting and configuring topics, with Kafka's rules and error codes. Pure; each topic fails by itself. */
final class TopicDecisions {
    /** Partitions one topic may have, so that its event fits one message between brokers. */
    static final int MAX_PARTITIONS = 10_000;

    private static final int MAX_NAME_LENGTH = 249;

    private final ControllerSettings settings;
    private final Elections elections;
    private final Supplier<Uuid> newTopicId;

    TopicDecisions(ControllerSettings settings, Supplier<Uuid> newTopicId) {
        this.settings = settings;
        this.elections = new Elections(settings);
        this.newTopicId = newTopicId;
    }

    /** Carries a refusal out of the checks of one topic. */
    static final class Refused extends Exception {
        private static final long serialVersionUID = 1L;
        final transient Refusal refusal;

        Refused(Errors error, String message) {
            super(message, null, false, false);
            refusal = new Refusal(error, message);
        }
    }

    Decision create(MetadataImage image, CreateTopics command) {
        Set<String> names = new HashSet<>();
        Set<String> twice = new HashSet<>();
        command.topics().stream().map(NewTopic::name).filter(n -> !names.add(n)).forEach(twice::add);
        Draft draft = new Draft(image);
        Set<String> collisionKeys = collisionKeys(image, command.topics());
        List<TopicResult> results = new ArrayList<>();
        for (NewTopic wanted : command.topics()) {
            try {
                if (twice.contains(wanted.name())) {
                    throw new Refused(Errors.INVALID_REQUEST, "Topic " + wanted.name() + " is in the request twice.");
                }
                TopicImage topic = newTopic(draft.image(), wanted, collisionKeys);
                if (!command.validateOnly()) {
                    draft.emit(new MetadataEvent.TopicCreated(topic));
                }
                collisionKeys.add(collisionKey(topic.name()));
                Uuid id = command.validateOnly() ? Uuid.ZERO_UUID : topic.topicId();
                results.add(result(topic, id));
            } catch (Refused e) {
                results.add(refused(wanted.name(), Uuid.ZERO_UUID, e.refusal));
            }
        }
        return draft.reply(new ControllerReply.Topics(List.copyOf(results)));
    }

    private TopicImage newTopic(MetadataImage image, NewTopic wanted, Set<String> collisionKeys) throws Refused {
        checkName(wanted.name());
        if (image.topic(wanted.name()).isPresent()) {
            throw new Refused(Errors.TOPIC_ALREADY_EXISTS, "Topic '" + wanted.name() + "' already exists.");
        }
        if (collisionKeys.contains(collisionKey(wanted.name()))) {
            throw new Refused(
                    Errors.INVALID_TOPIC_EXCEPTION,
                    "Topic '" + wanted.name() + "' collides with an existing topic: names that differ only in '.' and"
                            + " '_' would share their metrics' names.");
        }
        for (Map.Entry<String, String> config : wanted.configs().entrySet()) {
            if (config.getValue() == null) {
                throw new Refused(Errors.INVALID_CONFIG, "Topic config " + config.getKey() + " has no value.");
            }
        }
        Optional<Refusal> bad = TopicConfigs.validate(wanted.configs());
        if (bad.isPresent()) {
            throw new Refused(bad.get().error(), bad.get().message());
        }
        List<List<Integer>> replicas = wanted.assignment().isEmpty() ? place(image, wanted) : assigned(image, wanted);
        List<PartitionImage> partitions = new ArrayList<>(replicas.size());
        for (int p = 0; p < replicas.size(); p++) {
            Errors noneUp = wanted.assignment().isEmpty()
                    ? Errors.INVALID_REPLICATION_FACTOR
                    : Errors.INVALID_REPLICA_ASSIGNMENT;
            partitions.add(newPartition(image, wanted.name(), p, replicas.get(p), noneUp));
        }
        return new TopicImage(wanted.name(), newTopicId.get(), List.copyOf(partitions), Map.copyOf(wanted.configs()));
    }

    static PartitionImage newPartition(
            MetadataImage image, String topic, int partition, List<Integer> replicas, Errors noneUp) throws Refused {
        List<Integer> isr =
                replicas.stream().filter(id -> Elections.live(image, id)).toList();
        if (isr.isEmpty()) {
            throw new Refused(
                    noneUp,
                    "None of the brokers " + replicas + " for partition " + partition + " of topic '" + topic
                            + "' is up: each is fenced or shutting down.");
        }
        return new PartitionImage(partition, replicas, isr.get(0), 0, 0, isr, List.of(), List.of());
    }

    private List<List<Integer>> place(MetadataImage image, NewTopic wanted) throws Refused {
        if (wanted.partitions() < -1 || wanted.partitions() == 0) {
            throw new Refused(
                    Errors.INVALID_PARTITIONS,
                    "Number of partitions is " + wanted.partitions()
                            + "; it must be larger than 0, or -1 for the default of " + settings.numPartitions()
                            + ".");
        }
        int partitions = wanted.partitions() == -1 ? settings.numPartitions() : wanted.partitions();
        if (partitions > MAX_PARTITIONS) {
            throw new Refused(
                    Errors.INVALID_PARTITIONS,
                    "Number of partitions is " + partitions + "; at most " + MAX_PARTITIONS + " are allowed.");
        }
        if (wanted.replicationFactor() < -1 || wanted.replicationFactor() == 0) {
            throw new Refused(
                    Errors.INVALID_REPLICATION_FACTOR,
                    "Replication factor is " + wanted.replicationFactor()
                            + "; it must be larger than 0, or -1 for the default of "
                            + settings.defaultReplicationFactor() + ".");
        }
        int factor =
                wanted.replicationFactor() == -1 ? settings.defaultReplicationFactor() : wanted.replicationFactor();
        return place(image, wanted.name(), partitions, factor);
    }

    /** The same for the same brokers, so that a topic that grows goes on where it was. */
    static List<List<Integer>> place(MetadataImage image, String topic, int partitions, int factor) throws Refused {
        if (factor > image.brokers().size()) {
            throw new Refused(
                    Errors.INVALID_REPLICATION_FACTOR,
                    "Unable to replicate the partition " + factor + " time(s): The target replication factor of "
                            + factor
                            + " cannot be reached because only "
                            + image.brokers().size()
                            + " broker(s) are registered.");
        }
        List<BrokerImage> live = image.brokers().stream()
                .filter(b -> Elections.live(image, b.brokerId()))
                .toList();
        int start = Math.floorMod(topic.hashCode(), 1 << 20);
        return Placement.place(live.size() >= factor ? live : image.brokers(), partitions, factor, start);
    }

    private static List<List<Integer>> assigned(MetadataImage image, NewTopic wanted) throws Refused {
        if (wanted.partitions() != -1 || wanted.replicationFactor() != -1) {
            throw new Refused(
                    Errors.INVALID_REQUEST,
                    "With a replica assignment, number of partitions and replication factor must both be -1.");
        }
        if (wanted.assignment().size() > MAX_PARTITIONS) {
            throw new Refused(
                    Errors.INVALID_PARTITIONS,
                    "Number of partitions is " + wanted.assignment().size() + "; at most " + MAX_PARTITIONS
                            + " are allowed.");
        }
        List<List<Integer>> replicas = new ArrayList<>();
        for (Map.Entry<Integer, List<Integer>> entry : new TreeMap<>(wanted.assignment()).entrySet()) {
            List<Integer> ids = entry.getValue();
            if (entry.getKey() != replicas.size()) {
                throw new Refused(
                        Errors.INVALID_REPLICA_ASSIGNMENT,
                        "Partitions of a replica assignment must be numbered from 0 without gaps; " + replicas.size()
                                + " is missing.");
            }
            int factor = replicas.isEmpty() ? ids.size() : replicas.get(0).size();
            checkReplicas(image, entry.getKey(), ids, factor);
            replicas.add(List.copyOf(ids));
        }
        return replicas;
    }

    /** @param factor that of partition 0 */
    static void checkReplicas(MetadataImage image, int partition, List<Integer> ids, int factor) throws Refused {
        String what = "Replica assignment of partition " + partition + ", " + ids + ", ";
        if (ids.isEmpty()) {
            throw new Refused(Errors.INVALID_REPLICA_ASSIGNMENT, what + "names no broker.");
        }
        if (new HashSet<>(ids).size() != ids.size()) {
            throw new Refused(Errors.INVALID_REPLICA_ASSIGNMENT, what + "names a broker twice.");
        }
        for (int id : ids) {
            if (image.broker(id).isEmpty()) {
                throw new Refused(
                        Errors.INVALID_REPLICA_ASSIGNMENT, what + "names broker " + id + ", which is unknown.");
            }
        }
        if (ids.size() != factor) {
            throw new Refused(
                    Errors.INVALID_REPLICA_ASSIGNMENT,
                    what + "has another replication factor than partition 0, " + factor + ".");
        }
    }

    Decision delete(MetadataImage image, DeleteTopics command) {
        Draft draft = new Draft(image);
        List<TopicResult> results = new ArrayList<>();
        for (TopicRef ref : command.topics()) {
            Optional<TopicImage> topic = ref.name() == null
                    ? draft.image().topic(ref.topicId())
                    : draft.image().topic(ref.name());
            if (topic.isEmpty()) {
                results.add(refused(
                        ref.name(),
                        ref.topicId(),
                        ref.name() == null
                                ? new Refusal(Errors.UNKNOWN_TOPIC_ID, "There is no topic with id " + ref.topicId())
                                : new Refusal(
                                        Errors.UNKNOWN_TOPIC_OR_PARTITION, "There is no topic " + ref.name() + ".")));
            } else if (!settings.deleteTopicEnable()) {
                results.add(refused(
                        topic.get().name(),
                        topic.get().topicId(),
                        new Refusal(
                                Errors.TOPIC_DELETION_DISABLED,
                                "Deleting topics is switched off: delete.topic.enable is false.")));
            } else {
                draft.emit(new MetadataEvent.TopicDeleted(topic.get().topicId()));
                results.add(result(topic.get(), topic.get().topicId()));
            }
        }
        return draft.reply(new ControllerReply.Topics(List.copyOf(results)));
    }

    Decision alterConfigs(MetadataImage image, AlterTopicConfigs command) {
        Draft draft = new Draft(image);
        List<TopicResult> results = new ArrayList<>();
        command.changes().forEach((name, changes) -> {
            try {
                TopicImage topic = draft.image()
                        .topic(name)
                        .orElseThrow(() ->
                                new Refused(Errors.UNKNOWN_TOPIC_OR_PARTITION, "There is no topic '" + name + "'."));
                Map<String, String> configs = ConfigChanges.apply(
                        command.replaceAll() ? Map.of() : topic.configs(), changes, TopicConfigs::isList);
                Optional<Refusal> bad = TopicConfigs.validate(configs);
                if (bad.isPresent()) {
                    throw new Refused(bad.get().error(), bad.get().message());
                }
                if (!command.validateOnly() && !configs.equals(topic.configs())) {
                    draft.emit(new MetadataEvent.TopicConfigsChanged(topic.topicId(), Map.copyOf(configs)));
                    elections.reconfigured(draft, draft.image().topic(name).orElseThrow());
                }
                results.add(
                        result(new TopicImage(name, topic.topicId(), topic.partitions(), configs), topic.topicId()));
            } catch (Refused e) {
                results.add(refused(name, Uuid.ZERO_UUID, e.refusal));
            }
        });
        return draft.reply(new ControllerReply.Topics(List.copyOf(results)));
    }

    private static void checkName(String name) throws Refused {
        String why = null;
        if (name == null || name.isEmpty()) {
            why = "it is empty";
        } else if (name.equals(".") || name.equals("..")) {
            why = "it is '" + name + "'";
        } else if (name.length() > MAX_NAME_LENGTH) {
            why = "it has " + name.length() + " characters, at most " + MAX_NAME_LENGTH + " are allowed";
        } else if (!name.chars().allMatch(TopicDecisions::legal)) {
            why = "'" + name + "' has characters other than ASCII letters and digits, '.', '_' and '-'";
        }
        if (why != null) {
            throw new Refused(Errors.INVALID_TOPIC_EXCEPTION, "Topic name is illegal: " + why + ".");
        }
    }

    private static boolean legal(int c) {
        return (c >= 'a' && c <= 'z')
                || (c >= 'A' && c <= 'Z')
                || (c >= '0' && c <= '9')
                || c == '.'
                || c == '_'
                || c == '-';
    }

    /** Keys of the existing topics, only when one of the new ones could collide. */
    private static Set<String> collisionKeys(MetadataImage image, List<NewTopic> wanted) {
        Set<String> keys = new HashSet<>();
        if (wanted.stream().anyMatch(t -> mayCollide(t.name()))) {
            image.topics().keySet().stream()
                    .filter(TopicDecisions::mayCollide)
                    .map(TopicDecisions::collisionKey)
                    .forEach(keys::add);
        }
        return keys;
    }

    private static boolean mayCollide(String name) {
        return name != null && (name.indexOf('.') >= 0 || name.indexOf('_') >= 0);
    }

    private static String collisionKey(String name) {
        return name.replace('.', '_');
    }

    static TopicResult result(TopicImage topic, Uuid topicId) {
        return new TopicResult(
                topic.name(),
                topicId,
                topic.partitions().size(),
                (short) topic.partitions().get(0).replicas().size(),
                topic.configs(),
                Optional.empty());
    }

    static TopicResult refused(String name, Uuid topicId, Refusal refusal) {
        return new TopicResult(name, topicId, -1, (short) -1, Map.of(), Optional.of(refusal));
    }
}
