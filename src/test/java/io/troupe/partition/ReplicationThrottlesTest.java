package io.troupe.partition;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.config.DynamicConfigs;
import io.troupe.metadata.MetadataCache;
import io.troupe.metadata.MetadataEvent;
import io.troupe.metadata.PartitionImage;
import io.troupe.metadata.TopicImage;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.Uuid;
import org.junit.jupiter.api.Test;

/** Who is throttled, as committed metadata says (KIP-73). Broker 1 leads, 2 is in sync, 3 is being added. */
class ReplicationThrottlesTest {
    private static final Uuid TOPIC = Uuid.randomUuid();
    private static final PartitionKey PARTITION = new PartitionKey(TOPIC, 0);

    private final MetadataCache metadata = new MetadataCache();
    private long nowMs = 1_000;
    private final ReplicationThrottles leaders = new ReplicationThrottles(1, metadata, () -> nowMs);
    private final ReplicationThrottles added = new ReplicationThrottles(3, metadata, () -> nowMs);
    private final Throttle toAdded = leaders.ofFollowers(3);
    private final Throttle fromLeader = added.ofLeaders();

    private void publish(MetadataEvent event) {
        metadata.publish(metadata.current().apply(metadata.current().index() + 1, event));
    }

    private static PartitionImage partition(Integer... isr) {
        return new PartitionImage(0, List.of(1, 2, 3), 1, 0, 0, List.of(isr), List.of(), List.of());
    }

    private void topic(Map<String, String> configs) {
        publish(new MetadataEvent.TopicCreated(new TopicImage("t", TOPIC, List.of(partition(1, 2)), configs)));
    }

    @Test
    void aListedFollowerOutOfTheIsrIsHeldByItsLeadersRate() {
        topic(Map.of("leader.replication.throttled.replicas", "0:1,0:2"));
        assertFalse(toAdded.holds(PARTITION), "there is no rate yet");
        publish(new MetadataEvent.BrokerConfigsChanged("1", Map.of(DynamicConfigs.LEADER_RATE, "100")));
        assertTrue(toAdded.holds(PARTITION));
        assertFalse(leaders.ofFollowers(2).holds(PARTITION), "it is in sync");
        assertFalse(fromLeader.holds(PARTITION), "of the follower's own rate nothing was said");
        assertFalse(toAdded.hasRoom(PARTITION));
        nowMs += 100;
        assertTrue(toAdded.hasRoom(PARTITION));
        toAdded.passed(PARTITION, 1_000);
        assertFalse(toAdded.hasRoom(PARTITION));
        assertFalse(leaders.ofFollowers(4).hasRoom(PARTITION), "one rate for all that a broker leads");
        publish(new MetadataEvent.PartitionsChanged(TOPIC, List.of(partition(1, 2, 3))));
        assertFalse(toAdded.holds(PARTITION), "it has come in sync");
        assertTrue(toAdded.hasRoom(PARTITION));
    }

    /** Its leader knows, for it sends message by message then; whether there is room only the follower knows. */
    @Test
    void aFollowersRateIsKnownAtBothEnds() {
        topic(Map.of("follower.replication.throttled.replicas", "0:3"));
        publish(new MetadataEvent.BrokerConfigsChanged("", Map.of(DynamicConfigs.FOLLOWER_RATE, "100")));
        assertTrue(toAdded.holds(PARTITION));
        assertTrue(toAdded.hasRoom(PARTITION));
        assertTrue(fromLeader.holds(PARTITION));
        assertFalse(fromLeader.hasRoom(PARTITION));
        nowMs += 1_000;
        assertTrue(fromLeader.hasRoom(PARTITION));
        fromLeader.passed(PARTITION, 500);
        assertFalse(fromLeader.hasRoom(PARTITION));
    }

    @Test
    void listsNameBrokersOrAll() {
        assertTrue(ReplicationThrottles.isListed("*", 4, 5));
        assertTrue(ReplicationThrottles.isListed("3:5, 4:5", 4, 5));
        assertFalse(ReplicationThrottles.isListed("4:51,14:5", 4, 5));
        assertFalse(ReplicationThrottles.isListed(null, 4, 5));
        assertFalse(ReplicationThrottles.isListed("", 4, 5));
    }
}
