package io.troupe.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.config.TopicConfigs.Source;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.protocol.Errors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TopicConfigsTest {
    private final BrokerConfig broker = ServerProperties.parse(
                    Map.of("node.id", "1", "listeners", "PLAINTEXT://localhost:9092", "log.retention.hours", "2"))
            .config();

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "retention.mss | 1 | retention.ms?",
                "retention.ms | -2 | at least -1",
                "retention.ms | soon | at least -1",
                "cleanup.policy | drop | compact, delete",
                "compression.type | brotli | zstd",
                "min.insync.replicas | 0 | at least 1",
                "min.cleanable.dirty.ratio | 1.5 | from 0 to 1",
                "unclean.leader.election.enable | maybe | true or false",
                "remote.storage.enable | true | not supported"
            })
    void badOverrideIsRefusedByName(String name, String value, String allowed) {
        var refusal = TopicConfigs.validate(Map.of(name, value)).orElseThrow();
        assertEquals(Errors.INVALID_CONFIG, refusal.error());
        assertTrue(refusal.message().contains(name) && refusal.message().contains(allowed), refusal.message());
    }

    @Test
    void everyDefaultIsAllowed() {
        for (TopicKeys.Row row : TopicKeys.ALL.values()) {
            assertTrue(
                    TopicConfigs.validate(Map.of(row.key().name(), row.key().defaultValue()))
                            .isEmpty(),
                    row.key().name());
        }
    }

    @Test
    void overrideBeatsBrokerKeyBeatsDefault() {
        assertEquals(7_200_000, TopicConfigs.effective(broker, Map.of()).retentionMs());
        LogConfig own =
                TopicConfigs.effective(broker, Map.of("retention.ms", "5", "cleanup.policy", "compact, delete"));
        assertEquals(5, own.retentionMs());
        assertTrue(own.compacted());
        assertEquals(1 << 30, own.segmentBytes());
    }

    @Test
    void describeTellsWhereAValueComesFrom() {
        var entries = TopicConfigs.describe(broker, DynamicConfigs.NONE, Map.of("segment.ms", "9"));
        var retention = entries.stream()
                .filter(e -> e.name().equals("retention.ms"))
                .findFirst()
                .orElseThrow();
        assertEquals("7200000", retention.value());
        assertEquals(Source.STATIC_BROKER_CONFIG, retention.source());
        assertEquals("log.retention.hours", retention.synonyms().get(0).name());
        var segment = entries.stream()
                .filter(e -> e.name().equals("segment.ms"))
                .findFirst()
                .orElseThrow();
        assertEquals(Source.DYNAMIC_TOPIC_CONFIG, segment.source());
        assertEquals(
                List.of(Source.DYNAMIC_TOPIC_CONFIG, Source.DEFAULT_CONFIG),
                segment.synonyms().stream().map(TopicConfigs.Synonym::source).toList());
    }
}
