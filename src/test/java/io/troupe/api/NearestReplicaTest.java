package io.troupe.api;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.troupe.config.HostPort;
import io.troupe.config.Listener;
import io.troupe.metadata.BrokerImage;
import io.troupe.metadata.MetadataEvent;
import io.troupe.metadata.MetadataImage;
import io.troupe.metadata.PartitionImage;
import java.util.List;
import java.util.Optional;
import org.apache.kafka.common.security.auth.SecurityProtocol;
import org.junit.jupiter.api.Test;

/** KIP-392, the rules of Kafka's rack-aware selector. Brokers 1 and 2 stand in rack a, 3 and 4 in b, 5 in none. */
class NearestReplicaTest {
    private MetadataImage image = MetadataImage.empty().apply(0, new MetadataEvent.ControllerElected(1, 1, "c"));

    NearestReplicaTest() {
        for (int id = 1; id <= 5; id++) {
            Listener listener = new Listener("PLAINTEXT", SecurityProtocol.PLAINTEXT, new HostPort("h", 9000 + id));
            Optional<String> rack = id == 5 ? Optional.empty() : Optional.of(id < 3 ? "a" : "b");
            apply(new MetadataEvent.BrokerRegistered(
                    new BrokerImage(id, 1, List.of(listener), rack, true, false), true));
            fencing(id, false, false);
        }
    }

    private void apply(MetadataEvent event) {
        image = image.apply(image.index() + 1, event);
    }

    private void fencing(int id, boolean fenced, boolean stopping) {
        apply(new MetadataEvent.BrokerFencingChanged(
                id, image.broker(id).orElseThrow().brokerEpoch(), fenced, stopping));
    }

    private int nearest(int partition, int leader, String rack, Integer... isr) {
        PartitionImage p =
                new PartitionImage(partition, List.of(1, 2, 3, 4, 5), leader, 0, 0, List.of(isr), List.of(), List.of());
        return NearestReplica.of(image, p, rack, "PLAINTEXT");
    }

    @Test
    void anInSyncReplicaOfTheClientsRackUnlessTheLeaderStandsThere() {
        assertEquals(3, nearest(0, 1, "b", 1, 2, 3));
        assertEquals(NearestReplica.LEADER, nearest(0, 4, "b", 1, 3, 4), "the leader is as near");
        assertEquals(NearestReplica.LEADER, nearest(0, 1, "b", 1, 2), "3 and 4 are not in sync");
        assertEquals(NearestReplica.LEADER, nearest(0, 1, "c", 1, 2, 3));
        assertEquals(NearestReplica.LEADER, nearest(0, 1, "", 1, 3, 5));
        assertEquals(NearestReplica.LEADER, nearest(0, 1, null, 1, 3, 5));
    }

    @Test
    void severalShareThePartitions() {
        assertEquals(3, nearest(0, 1, "b", 4, 1, 3));
        assertEquals(4, nearest(1, 1, "b", 4, 1, 3));
        assertEquals(3, nearest(2, 1, "b", 4, 1, 3));
    }

    @Test
    void whoIsFencedOrStoppingOrHasNoSuchListenerIsNotSentTo() {
        fencing(3, true, false);
        assertEquals(4, nearest(0, 1, "b", 1, 3, 4));
        fencing(4, false, true);
        assertEquals(NearestReplica.LEADER, nearest(0, 1, "b", 1, 3, 4));
        fencing(3, false, false);
        PartitionImage p = new PartitionImage(0, List.of(1, 3), 1, 0, 0, List.of(1, 3), List.of(), List.of());
        assertEquals(NearestReplica.LEADER, NearestReplica.of(image, p, "b", "SSL"));
    }
}
