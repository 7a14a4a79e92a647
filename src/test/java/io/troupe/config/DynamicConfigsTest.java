package io.troupe.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.config.TopicConfigs.Entry;
import io.troupe.config.TopicConfigs.Source;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class DynamicConfigsTest {
    private final BrokerConfig file = ServerProperties.parse(Map.of(
                    "node.id",
                    "1",
                    "listeners",
                    "PLAINTEXT://:9092",
                    "log.retention.hours",
                    "2",
                    "message.max.bytes",
                    "9"))
            .config();
    private final DynamicConfigs dynamic = new DynamicConfigs(
            Map.of("log.retention.ms", "5"), Map.of("log.retention.ms", "6", "log.segment.bytes", "100"));

    @Test
    void whatABrokerSaysOfTopicsIsItsOwnThenThatOfAllThenItsFile() {
        LogConfig effective = TopicConfigs.effective(dynamic.topicDefaults(file), Map.of());
        assertEquals(5, effective.retentionMs());
        assertEquals(100, effective.segmentBytes());
        assertEquals(9, effective.maxMessageBytes());
        assertEquals(7_200_000, TopicConfigs.effective(file, Map.of()).retentionMs());
        assertEquals(
                3,
                TopicConfigs.effective(dynamic.topicDefaults(file), Map.of("retention.ms", "3"))
                        .retentionMs());
    }

    @Test
    void sourcesAreToldInTheirOrder() {
        Entry topics = entry(TopicConfigs.describe(file, dynamic, Map.of("retention.ms", "3")), "retention.ms");
        assertEquals(
                List.of(
                        Source.DYNAMIC_TOPIC_CONFIG,
                        Source.DYNAMIC_BROKER_CONFIG,
                        Source.DYNAMIC_DEFAULT_BROKER_CONFIG,
                        Source.STATIC_BROKER_CONFIG,
                        Source.DEFAULT_CONFIG),
                topics.synonyms().stream().map(TopicConfigs.Synonym::source).toList());
        Entry own = entry(BrokerConfigs.describe(file, dynamic), "log.retention.ms");
        assertEquals("5", own.value());
        assertEquals(Source.DYNAMIC_BROKER_CONFIG, own.source());
        Entry all = entry(BrokerConfigs.describeDefaults(dynamic.all()), "log.retention.ms");
        assertEquals("6", all.value());
        assertEquals(Source.DYNAMIC_DEFAULT_BROKER_CONFIG, all.source());
    }

    @Test
    void ratesAreShownOnlyWhereTheyAreSet() {
        assertTrue(BrokerConfigs.describe(file, DynamicConfigs.NONE).stream()
                .noneMatch(e -> e.name().equals(DynamicConfigs.LEADER_RATE)));
        DynamicConfigs rate = new DynamicConfigs(Map.of(DynamicConfigs.LEADER_RATE, "8"), Map.of());
        assertEquals(
                "8",
                entry(BrokerConfigs.describe(file, rate), DynamicConfigs.LEADER_RATE)
                        .value());
    }

    /** They would differ between the nodes that may become the controller. */
    @Test
    void whatTheControllerDecidesByIsNotAmongThem() {
        for (String key : List.of("min.insync.replicas", "unclean.leader.election.enable", "num.partitions")) {
            assertFalse(DynamicConfigs.isDynamic(key), key);
        }
    }

    @Test
    void throttledReplicasAreStarOrPartitionAndBroker() {
        String key = "leader.replication.throttled.replicas";
        for (String good : List.of("", "*", "0:1", "0:1,12:3")) {
            assertTrue(TopicConfigs.validate(Map.of(key, good)).isEmpty(), good);
        }
        for (String bad : List.of("0", "0:1,*", "a:1", "0:1:2")) {
            assertTrue(TopicConfigs.validate(Map.of(key, bad)).isPresent(), bad);
        }
    }

    private static Entry entry(List<Entry> entries, String name) {
        return entries.stream().filter(e -> e.name().equals(name)).findFirst().orElseThrow();
    }
}
