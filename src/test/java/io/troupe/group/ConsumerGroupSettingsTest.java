package io.troupe.group;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.troupe.config.ConsumerGroupConfig;
import io.troupe.config.GroupConfigs;
import io.troupe.group.ConsumerGroupFixture.Client;
import java.util.Map;
import org.apache.kafka.common.protocol.Errors;
import org.junit.jupiter.api.Test;

/** Settings that a group has for itself (KIP-848, "Group Configurations"), changed while it runs. */
class ConsumerGroupSettingsTest {
    private final ConsumerGroupFixture f = new ConsumerGroupFixture();

    @Test
    void anIntervalOfItsOwnGoesBeforeWhatTheCoordinatorChooses() {
        Client a = f.join("a", "t");
        assertEquals(HeartbeatInterval.UNSETTLED_MS, f.beat(a).heartbeatIntervalMs());
        f.configs(Map.of(GroupConfigs.HEARTBEAT_INTERVAL, "6000"));
        assertEquals(6000, f.beat(a).heartbeatIntervalMs());
        f.otherMembers = 1_000_000;
        assertEquals(6000, f.beat(a).heartbeatIntervalMs());
        f.configs(Map.of());
        assertEquals(HeartbeatInterval.LONGEST_MS, f.beat(a).heartbeatIntervalMs());
    }

    @Test
    void anIntervalOfItsOwnGoesBeforeTheBrokers() {
        ConsumerGroupFixture set = new ConsumerGroupFixture(ConsumerGroupConfig.DEFAULTS.with(45_000, 7000));
        Client a = set.join("a", "t");
        assertEquals(7000, set.beat(a).heartbeatIntervalMs());
        set.configs(Map.of(GroupConfigs.HEARTBEAT_INTERVAL, "6000"));
        assertEquals(6000, set.beat(a).heartbeatIntervalMs());
    }

    @Test
    void aSessionHoldsFromTheNextHeartbeatOn() {
        Client a = f.join("a", "t");
        Client b = f.join("b", "t");
        f.configs(Map.of(GroupConfigs.SESSION_TIMEOUT, "60000"));
        f.beat(a);
        f.pass(45_000);
        assertEquals(Errors.UNKNOWN_MEMBER_ID, f.error(b), "its session is as long as when it last came");
        f.pass(14_999);
        f.beat(a);
        f.pass(60_000);
        assertEquals(0, f.group.size());
    }

    @Test
    void aCoordinatorThatTakesOverKnowsThem() {
        f.join("a", "t");
        f.configs(Map.of(GroupConfigs.SESSION_TIMEOUT, "60000"));
        f.failOver();
        f.pass(59_999);
        assertEquals(1, f.group.size());
        f.pass(1);
        assertEquals(0, f.group.size());
    }

    /** So that two lost heartbeats end no session, however short that may be. */
    @Test
    void whatIsChosenIsAThirdOfTheSessionAtMost() {
        ConsumerGroupConfig brief = ConsumerGroupConfig.DEFAULTS.with(900, ConsumerGroupConfig.CHOSEN_BY_LOAD);
        assertEquals(300, HeartbeatInterval.ms(brief, true, 1));
        assertEquals(300, HeartbeatInterval.ms(brief, true, 1_000_000));
        assertEquals(100, HeartbeatInterval.ms(brief, false, 1));
    }

    @Test // KIP-1101
    void aChangeOfRacksBeginsAnEpoch() {
        f.broker(1, null);
        f.broker(2, null);
        f.topic("t", 1);
        f.topic("u", 1);
        Client a = f.join("a", "t");
        f.move("t", 1, 2);
        assertEquals(1, f.group.epoch(), "without racks it does not matter where replicas are");
        f.broker(2, "east");
        assertEquals(2, f.group.epoch());
        f.broker(1, "west");
        assertEquals(3, f.group.epoch());
        f.move("t", 2, 1);
        f.broker(2, "east");
        assertEquals(3, f.group.epoch(), "another order or leader, and a restart");
        f.move("u", 2);
        assertEquals(3, f.group.epoch(), "not subscribed to");
        f.move("t", 1);
        assertEquals(4, f.group.epoch());
        f.confirm(a);
        assertEquals(4, a.epoch);
    }

    @Test // KIP-1101
    void aCoordinatorThatTakesOverSeesWhetherRacksChangedMeanwhile() {
        f.broker(1, "west");
        f.topic("t", 1);
        f.join("a", "t");
        f.failOver();
        assertEquals(1, f.group.epoch());
        f.image = f.image.apply(
                f.image.index() + 1,
                new io.troupe.metadata.MetadataEvent.BrokerUnregistered(
                        1, f.image.broker(1).orElseThrow().brokerEpoch()));
        f.failOver();
        assertEquals(2, f.group.epoch());
    }
}
