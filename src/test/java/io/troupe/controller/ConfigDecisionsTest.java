package io.troupe.controller;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.config.DynamicConfigs;
import io.troupe.config.GroupConfigs;
import io.troupe.controller.ControllerCommand.AlterBrokerConfigs;
import io.troupe.controller.ControllerCommand.AlterGroupConfigs;
import io.troupe.controller.ControllerCommand.ConfigChange;
import io.troupe.metadata.MetadataCodec;
import io.troupe.metadata.MetadataEvent;
import io.troupe.metadata.MetadataImage;
import io.troupe.model.Refusal;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.clients.admin.AlterConfigOp.OpType;
import org.apache.kafka.common.protocol.Errors;
import org.junit.jupiter.api.Test;

/** Settings of brokers and groups that are given at run time: committed, in all images, and refused by name where they may not change. */
class ConfigDecisionsTest {
    private final TestCluster cluster = TestCluster.of(2);

    private Optional<Refusal> alter(String broker, OpType op, String key, String value) {
        return alter(broker, false, false, new ConfigChange(key, op, value));
    }

    private Optional<Refusal> alter(String broker, boolean replaceAll, boolean validateOnly, ConfigChange... changes) {
        ControllerReply reply = cluster.take(ConfigDecisions.alter(
                cluster.image, new AlterBrokerConfigs(Map.of(broker, List.of(changes)), replaceAll, validateOnly)));
        return ((ControllerReply.Resources) reply).results().get(0).refusal();
    }

    private Map<String, String> of(String broker) {
        return cluster.image.brokerConfigs(broker);
    }

    @Test
    void aBrokersOwnGoesBeforeThatOfAll() {
        assertEquals(Optional.empty(), alter("", OpType.SET, DynamicConfigs.LEADER_RATE, "100"));
        assertEquals(Optional.empty(), alter("1", OpType.SET, DynamicConfigs.LEADER_RATE, "200"));
        assertEquals(200, cluster.image.dynamicConfigs(1).rate(DynamicConfigs.LEADER_RATE));
        assertEquals(100, cluster.image.dynamicConfigs(2).rate(DynamicConfigs.LEADER_RATE));
        assertEquals(Long.MAX_VALUE, cluster.image.dynamicConfigs(2).rate(DynamicConfigs.FOLLOWER_RATE));
        assertEquals(Optional.empty(), alter("1", OpType.DELETE, DynamicConfigs.LEADER_RATE, null));
        assertEquals(100, cluster.image.dynamicConfigs(1).rate(DynamicConfigs.LEADER_RATE));
        assertEquals(Map.of("", Map.of(DynamicConfigs.LEADER_RATE, "100")), cluster.image.brokerConfigs());
    }

    @Test
    void whatMayNotChangeAtRunTimeIsRefusedByNameWithWhatMay() {
        for (String key : List.of("num.io.threads", "log.dirs", "min.insync.replicas", "no.such.key")) {
            Refusal refusal = alter("1", OpType.SET, key, "2").orElseThrow();
            assertEquals(Errors.INVALID_REQUEST, refusal.error());
            assertTrue(refusal.message().startsWith("Cannot update these configs dynamically: [" + key + "]"), key);
            assertTrue(refusal.message().contains("log.retention.ms"), refusal.message());
            assertEquals(Optional.empty(), alter("1", OpType.DELETE, key, null), "nothing to delete is no error");
        }
        Refusal bad =
                alter("1", OpType.SET, DynamicConfigs.FOLLOWER_RATE, "fast").orElseThrow();
        assertEquals(
                "Broker config follower.replication.throttled.rate=fast must be a whole number of at least 0.",
                bad.message());
        assertEquals(Map.of(), cluster.image.brokerConfigs());
    }

    @Test
    void changesAreOfKnownBrokersOnlyAndAllOrNone() {
        assertEquals(
                Errors.INVALID_REQUEST,
                alter("9", OpType.SET, "log.retention.ms", "5").orElseThrow().error());
        Optional<Refusal> second = alter(
                "1",
                false,
                false,
                new ConfigChange("log.retention.ms", OpType.SET, "5"),
                new ConfigChange("log.segment.bytes", OpType.SET, "1"));
        assertTrue(second.isPresent());
        assertEquals(Map.of(), of("1"));
        alter("1", false, true, new ConfigChange("log.retention.ms", OpType.SET, "5"));
        assertEquals(Map.of(), of("1"), "only validated");
    }

    @Test
    void theWholeSetIsReplacedOrAListChanged() {
        alter("2", OpType.SET, "log.retention.ms", "5");
        alter("2", true, false, new ConfigChange("message.max.bytes", OpType.SET, "7"));
        assertEquals(Map.of("message.max.bytes", "7"), of("2"));
        alter("2", OpType.SET, "log.cleanup.policy", "compact");
        alter("2", OpType.APPEND, "log.cleanup.policy", "delete");
        assertEquals("compact,delete", of("2").get("log.cleanup.policy"));
        assertEquals(
                Errors.INVALID_CONFIG,
                alter("2", OpType.APPEND, "message.max.bytes", "8")
                        .orElseThrow()
                        .error());
    }

    @Test
    void whatDoesNotChangeIsNoEvent() {
        alter("1", OpType.SET, "log.retention.ms", "5");
        long before = cluster.image.index();
        alter("1", OpType.SET, "log.retention.ms", "5");
        assertEquals(before, cluster.image.index());
    }

    private Optional<Refusal> alterGroup(String group, OpType op, String key, String value) {
        ControllerReply reply = cluster.take(ConfigDecisions.alter(
                cluster.image,
                new AlterGroupConfigs(Map.of(group, List.of(new ConfigChange(key, op, value))), false, false),
                cluster.settings.consumerGroups()));
        return ((ControllerReply.Resources) reply).results().get(0).refusal();
    }

    @Test // KIP-848: the controller judges by its own bounds, as in Kafka
    void groupsHaveTheirOwnWithinTheBoundsWhetherTheyExistOrNot() {
        String session = GroupConfigs.SESSION_TIMEOUT;
        assertEquals(Optional.empty(), alterGroup("g", OpType.SET, session, "50000"));
        assertEquals(Map.of(session, "50000"), cluster.image.groupConfigs("g"));
        assertEquals(
                Errors.INVALID_CONFIG,
                alterGroup("g", OpType.SET, session, "61000").orElseThrow().error());
        assertEquals(
                Errors.INVALID_CONFIG,
                alterGroup("g", OpType.APPEND, session, "1").orElseThrow().error());
        assertEquals(
                Errors.INVALID_REQUEST,
                alterGroup("", OpType.SET, session, "50000").orElseThrow().error());
        assertEquals(Map.of("g", Map.of(session, "50000")), cluster.image.groupConfigs());
        assertEquals(Optional.empty(), alterGroup("g", OpType.DELETE, session, null));
        assertEquals(Map.of(), cluster.image.groupConfigs());
    }

    @Test
    void soManyGroupsMayHaveTheirOwnAndNoMore() {
        String session = GroupConfigs.SESSION_TIMEOUT;
        for (int i = 0; i < ConfigDecisions.MAX_GROUPS; i++) {
            cluster.image = cluster.image.apply(
                    cluster.image.index() + 1,
                    new MetadataEvent.GroupConfigsChanged("g" + i, Map.of(session, "50000")));
        }
        assertEquals(
                Errors.POLICY_VIOLATION,
                alterGroup("one more", OpType.SET, session, "50000")
                        .orElseThrow()
                        .error());
        assertEquals(Optional.empty(), alterGroup("g7", OpType.SET, session, "51000"));
        assertEquals(Optional.empty(), alterGroup("g7", OpType.DELETE, session, null));
        String long1 = "g".repeat(ConfigDecisions.LONGEST_GROUP_ID);
        assertEquals(
                Errors.POLICY_VIOLATION,
                alterGroup(long1 + "g", OpType.SET, session, "50000")
                        .orElseThrow()
                        .error());
        assertEquals(Optional.empty(), alterGroup(long1, OpType.SET, session, "50000"));
    }

    /** As written before there were brokers' and groups' settings. */
    @Test
    void anImageWithoutThemIsRead() {
        MetadataImage image = MetadataImage.empty().apply(0, new MetadataEvent.ControllerElected(1, 1, "c"));
        byte[] bytes = MetadataCodec.encodeImage(image);
        byte[] older = java.util.Arrays.copyOf(bytes, bytes.length - 2);
        assertEquals(image, MetadataCodec.decodeImage(older));
    }
}
