package io.troupe.controller;

import io.troupe.config.DynamicConfigs;
import io.troupe.controller.ControllerCommand.AlterBrokerConfigs;
import io.troupe.controller.ControllerReply.BrokerResult;
import io.troupe.controller.TopicDecisions.Refused;
import io.troupe.metadata.MetadataEvent;
import io.troupe.metadata.MetadataImage;
import io.troupe.model.Refusal;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.common.protocol.Errors;

/** Settings of brokers that are given while they run (KIP-226). Pure; each broker's fail by themselves. */
final class BrokerConfigDecisions {
    private BrokerConfigDecisions() {}

    static Decision alter(MetadataImage image, AlterBrokerConfigs command) {
        Draft draft = new Draft(image);
        List<BrokerResult> results = new ArrayList<>();
        command.changes().forEach((broker, changes) -> {
            try {
                checkName(draft.image(), broker);
                Map<String, String> before = draft.image().brokerConfigs(broker);
                Map<String, String> after =
                        ConfigChanges.apply(command.replaceAll() ? Map.of() : before, changes, DynamicConfigs::isList);
                Optional<Refusal> bad = DynamicConfigs.validate(after);
                if (bad.isPresent()) {
                    throw new Refused(bad.get().error(), bad.get().message());
                }
                if (!command.validateOnly() && !after.equals(before)) {
                    draft.emit(new MetadataEvent.BrokerConfigsChanged(broker, Map.copyOf(after)));
                }
                results.add(new BrokerResult(broker, Optional.empty()));
            } catch (Refused e) {
                results.add(new BrokerResult(broker, Optional.of(e.refusal)));
            }
        });
        return draft.reply(new ControllerReply.Brokers(List.copyOf(results)));
    }

    /** One that was unregistered may still have settings, to be taken away. */
    private static void checkName(MetadataImage image, String broker) throws Refused {
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
}
