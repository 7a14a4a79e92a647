package io.troupe.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.config.TopicConfigs.Source;
import io.troupe.config.TopicConfigs.Synonym;
import io.troupe.model.Refusal;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.apache.kafka.common.protocol.Errors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** KIP-848, "Group Configurations". */
class GroupConfigsTest {
    private static final ConsumerGroupConfig DEFAULTS = ConsumerGroupConfig.DEFAULTS;

    private static BrokerConfig broker(String... keyValues) {
        Map<String, String> settings = new TreeMap<>(Map.of("node.id", "1", "log.dirs", "/tmp/troupe-group-configs"));
        for (String keyValue : keyValues) {
            String[] parts = keyValue.split("=", 2);
            settings.put(parts[0], parts[1]);
        }
        return ServerProperties.parse(settings).config();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "consumer.session.timeout.ms | 44999 | at least group.consumer.min.session.timeout.ms=45000",
                "consumer.session.timeout.ms | 60001 | at most group.consumer.max.session.timeout.ms=60000",
                "consumer.session.timeout.ms | soon | a whole number of at least 1",
                "consumer.heartbeat.interval.ms | 4999 | at least group.consumer.min.heartbeat.interval.ms=5000",
                "consumer.heartbeat.interval.ms | 15001 | at most group.consumer.max.heartbeat.interval.ms=15000",
                "consumer.assignment.interval.ms | 5 | Troupe assigns as soon as",
                "consumer.assignor.offload.enable | false | each group makes its own",
                "share.session.timeout.ms | 50000 | is for share groups, and Troupe has none",
                "streams.num.standby.replicas | 1 | is for streams groups, and Troupe has none",
                "consumer.session.timeout | 50000 | did you mean consumer.session.timeout.ms?"
            })
    void whatAGroupMayNotHaveIsInvalidConfigThatSaysWhatItMay(String name, String value, String allowed) {
        Refusal refusal = GroupConfigs.validate(DEFAULTS, Map.of(name, value)).orElseThrow();
        assertEquals(Errors.INVALID_CONFIG, refusal.error());
        assertTrue(refusal.message().contains(name) && refusal.message().contains(allowed), refusal.message());
    }

    @Test
    void whatLiesWithinTheBoundsIsTaken() {
        for (Map<String, String> good : List.of(
                Map.of("consumer.session.timeout.ms", "45000", "consumer.heartbeat.interval.ms", "15000"),
                Map.of("consumer.session.timeout.ms", " 60000 "),
                Map.of("consumer.assignment.interval.ms", "0", "consumer.assignor.offload.enable", "true"))) {
            assertEquals(Optional.empty(), GroupConfigs.validate(DEFAULTS, good), good::toString);
        }
    }

    @Test
    void aSessionMustOutlastTheIntervalWhoeverSetIt() {
        ConsumerGroupConfig wide = new ConsumerGroupConfig(
                45_000,
                ConsumerGroupConfig.CHOSEN_BY_LOAD,
                new ConsumerGroupConfig.Bounds(100, 60_000, 100, 60_000),
                9,
                List.of("range"),
                GroupMigrationPolicy.DISABLED);
        Map<String, String> session = Map.of("consumer.session.timeout.ms", "3000");
        assertEquals(Optional.empty(), GroupConfigs.validate(wide, session), "what is chosen fits");
        assertTrue(GroupConfigs.validate(wide.with(45_000, 3000), session).isPresent());
        Map<String, String> both =
                Map.of("consumer.session.timeout.ms", "3000", "consumer.heartbeat.interval.ms", "2999");
        assertEquals(Optional.empty(), GroupConfigs.validate(wide.with(45_000, 9000), both));
        assertTrue(GroupConfigs.validate(wide, Map.of("consumer.heartbeat.interval.ms", "45000"))
                .isPresent());
    }

    /** Bounds may be narrowed, and brokers differ: as in Kafka the nearest that they allow holds. */
    @Test
    void whatIsOutsideOfTheBoundsByNowIsBroughtIntoThem() {
        Map<String, String> set =
                Map.of("consumer.session.timeout.ms", "100000", "consumer.heartbeat.interval.ms", "1000");
        assertEquals(DEFAULTS.with(60_000, 5000), GroupConfigs.effective(DEFAULTS, set));
        assertEquals(DEFAULTS, GroupConfigs.effective(DEFAULTS, Map.of()));
        assertEquals(DEFAULTS.with(45_000, 5000), GroupConfigs.effective(DEFAULTS.with(45_000, 5000), Map.of()));
    }

    private static TopicConfigs.Entry entry(BrokerConfig broker, Map<String, String> set, String name) {
        return GroupConfigs.describe(broker, set).stream()
                .filter(e -> e.name().equals(name))
                .findFirst()
                .orElseThrow();
    }

    @Test
    void whatHoldsIsDescribedAndWhereItComesFrom() {
        BrokerConfig plain = broker();
        TopicConfigs.Entry chosen = entry(plain, Map.of(), "consumer.heartbeat.interval.ms");
        assertEquals("500", chosen.value());
        assertEquals(Source.DEFAULT_CONFIG, chosen.source());
        BrokerConfig set = broker("group.consumer.heartbeat.interval.ms=7000");
        TopicConfigs.Entry ofBroker = entry(set, Map.of(), "consumer.heartbeat.interval.ms");
        assertEquals("7000", ofBroker.value());
        assertEquals(Source.STATIC_BROKER_CONFIG, ofBroker.source());
        TopicConfigs.Entry own =
                entry(set, Map.of("consumer.heartbeat.interval.ms", "99000"), "consumer.heartbeat.interval.ms");
        assertEquals("15000", own.value(), "brought into the bounds");
        assertEquals(
                List.of(
                        new Synonym("consumer.heartbeat.interval.ms", "99000", Source.DYNAMIC_GROUP_CONFIG),
                        new Synonym("group.consumer.heartbeat.interval.ms", "7000", Source.STATIC_BROKER_CONFIG),
                        new Synonym("group.consumer.heartbeat.interval.ms", "500", Source.DEFAULT_CONFIG)),
                own.synonyms());
        assertEquals(
                List.of(
                        "consumer.assignment.interval.ms",
                        "consumer.assignor.offload.enable",
                        "consumer.heartbeat.interval.ms",
                        "consumer.session.timeout.ms"),
                GroupConfigs.describe(plain, Map.of()).stream()
                        .map(TopicConfigs.Entry::name)
                        .toList());
    }
}
