package io.troupe.controller;

import io.troupe.config.ConsumerGroupConfig;
import io.troupe.config.DynamicConfigs;
import io.troupe.config.GroupConfigs;
import io.troupe.controller.ControllerCommand.AlterBrokerConfigs;
import io.troupe.controller.ControllerCommand.AlterGroupConfigs;
import io.troupe.controller.ControllerCommand.ConfigChange;
import io.troupe.controller.ControllerReply.ResourceResult;
import io.troupe.controller.TopicDecisions.Refused;
import io.troupe.metadata.MetadataEvent;
import io.troupe.metadata.MetadataImage;
import io.troupe.model.Refusal;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.common.protocol.Errors;

/** Settings of brokers (KIP-226) and of groups (KIP-848) that are given while they run. Pure; each resource fails by itself. */
final class ConfigDecisions {
    /** Groups that may have settings of their own; Kafka has no such bound. */
    static final int MAX_GROUPS = 10_000;

    static final int LONGEST_GROUP_ID = 1000;

    private ConfigDecisions() {}

    /** What there is to know of one kind of resource. */
    private interface Kind {
        void checkName(MetadataImage image, String name) throws Refused;

        Map<String, String> configs(MetadataImage image, String name);

        boolean isList(String key);

        Optional<Refusal> validate(Map<String, String> configs);

        MetadataEvent changed(String name, Map<String, String> configs);
    }

    static Decision alter(MetadataImage image, AlterBrokerConfigs command) {
        return alter(image, command.changes(), command.replaceAll(), command.validateOnly(), new Brokers());
    }

    /** @param config by which the bounds of a group's settings are judged: that of the controller's node, as in Kafka */
    static Decision alter(MetadataImage image, AlterGroupConfigs command, ConsumerGroupConfig config) {
        return alter(image, command.changes(), command.replaceAll(), command.validateOnly(), new Groups(config));
    }

    private static Decision alter(
            MetadataImage image,
            Map<String, List<ConfigChange>> wanted,
            boolean replaceAll,
            boolean validateOnly,
            Kind kind) {
        Draft draft = new Draft(image);
        List<ResourceResult> results = new ArrayList<>();
        wanted.forEach((name, changes) -> {
            try {
                Map<String, String> before = kind.configs(draft.image(), name);
                kind.checkName(draft.image(), name);
                Map<String, String> after = ConfigChanges.apply(replaceAll ? Map.of() : before, changes, kind::isList);
                Optional<Refusal> bad = kind.validate(after);
                if (bad.isPresent()) {
                    throw new Refused(bad.get().error(), bad.get().message());
                }
                if (!validateOnly && !after.equals(before)) {
                    draft.emit(kind.changed(name, Map.copyOf(after)));
                }
                results.add(new ResourceResult(name, Optional.empty()));
            } catch (Refused e) {
                results.add(new ResourceResult(name, Optional.of(e.refusal)));
            }
        });
        return draft.reply(new ControllerReply.Resources(List.copyOf(results)));
    }

    private record Brokers() implements Kind {
        /** One that was unregistered may still have settings, to be taken away. */
        @Override
        public void checkName(MetadataImage image, String broker) throws Refused {
            boolean known = broker.equals(MetadataImage.ALL_BROKERS)
                    || image.brokerConfigs().containsKey(broker)
                    || image.brokers().stream()
                            .anyMatch(b -> Integer.toString(b.brokerId()).equals(broker));
            if (!known) {
                throw new Refused(
                        Errors.INVALID_REQUEST,
                        "There is no broker '" + broker + "'; an empty name stands for all brokers.");
            }
        }

        @Override
        public Map<String, String> configs(MetadataImage image, String broker) {
            return image.brokerConfigs(broker);
        }

        @Override
        public boolean isList(String key) {
            return DynamicConfigs.isList(key);
        }

        @Override
        public Optional<Refusal> validate(Map<String, String> configs) {
            return DynamicConfigs.validate(configs);
        }

        @Override
        public MetadataEvent changed(String broker, Map<String, String> configs) {
            return new MetadataEvent.BrokerConfigsChanged(broker, configs);
        }
    }

    private record Groups(ConsumerGroupConfig config) implements Kind {
        /** The group itself need not exist: the controller does not know groups, and one may be made ready for its members. */
        @Override
        public void checkName(MetadataImage image, String groupId) throws Refused {
            if (groupId.isEmpty()) {
                throw new Refused(Errors.INVALID_REQUEST, "There are no settings that all groups have: name a group.");
            }
            if (image.groupConfigs().containsKey(groupId)) {
                return;
            }
            if (groupId.length() > LONGEST_GROUP_ID || image.groupConfigs().size() >= MAX_GROUPS) {
                throw new Refused(
                        Errors.POLICY_VIOLATION,
                        "At most " + MAX_GROUPS + " groups, with ids of at most " + LONGEST_GROUP_ID
                                + " characters, may have settings of their own.");
            }
        }

        @Override
        public Map<String, String> configs(MetadataImage image, String groupId) {
            return image.groupConfigs(groupId);
        }

        @Override
        public boolean isList(String key) {
            return GroupConfigs.isList(key);
        }

        @Override
        public Optional<Refusal> validate(Map<String, String> configs) {
            return GroupConfigs.validate(config, configs);
        }

        @Override
        public MetadataEvent changed(String groupId, Map<String, String> configs) {
            return new MetadataEvent.GroupConfigsChanged(groupId, configs);
        }
    }
}
