package io.troupe.api;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.troupe.metadata.BrokerImage;
import io.troupe.metadata.MetadataEvent;
import io.troupe.partition.LocalReplicas;
import io.troupe.partition.Replica.AwaitData;
import io.troupe.protocol.NetworkStats;
import io.troupe.protocol.RecordsField;
import java.util.List;
import java.util.Optional;
import org.apache.kafka.common.message.FetchRequestData;
import org.apache.kafka.common.message.FetchResponseData.PartitionData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;
import org.junit.jupiter.api.Test;

/** Consumers that read from the replica in their rack (KIP-392). */
class FetchFromFollowerTest extends FetchFixture {
    private static FetchRequestData inRack(String rack, FetchRequestData request) {
        return request.setRackId(rack);
    }

    /** KIP-392. Broker 2 of rack b is in sync with this broker's partitions. */
    private void standInRack(int broker, String rack) {
        BrokerImage old = cluster.metadata.current().broker(broker).orElseThrow();
        BrokerImage moved = new BrokerImage(broker, 0, old.listeners(), Optional.of(rack), true, false);
        apply(new MetadataEvent.BrokerRegistered(moved, true));
        long epoch = cluster.metadata.current().broker(broker).orElseThrow().brokerEpoch();
        apply(new MetadataEvent.BrokerFencingChanged(broker, epoch, false, false));
    }

    private void apply(MetadataEvent event) {
        cluster.metadata.publish(
                cluster.metadata.current().apply(cluster.metadata.current().index() + 1, event));
    }

    @Test
    void aConsumerIsSentToAnInSyncReplicaOfItsRack() throws Exception {
        standInRack(2, "b");
        cluster.publish(0, 10, 60, 80);
        PartitionData data =
                fetch(LATEST, inRack("b", request(LONG_WAIT_MS, 1, at(0, 20)))).get(0);
        assertEquals(2, data.preferredReadReplica());
        assertEquals(0, RecordsField.sizeInBytes(data));
        assertEquals(60, data.highWatermark());
        data = fetch(11, inRack("b", request(LONG_WAIT_MS, 1, at(0, 60)))).get(0);
        assertEquals(2, data.preferredReadReplica(), "also where there is nothing to read yet");
        for (String elsewhere : List.of("", "c")) {
            data = fetch(LATEST, inRack(elsewhere, request(0, 1, at(0, 20)))).get(0);
            assertEquals(4, batches(data), "rack '" + elsewhere + "'");
            assertEquals(-1, data.preferredReadReplica());
        }
        data = fetch(LATEST, inRack("b", request(0, 1, at(0, 9)))).get(0);
        assertEquals(Errors.OFFSET_OUT_OF_RANGE.code(), data.errorCode(), "no other replica has it either");
    }

    @Test
    void withoutTheSelectorOrBeforeVersion11ConsumersStayWithTheLeader() throws Exception {
        standInRack(2, "b");
        cluster.publish(0, 0, 60, 80);
        assertEquals(4, batches(fetch(10, request(0, 1, at(0, 20))).get(0)));
        try (FetchHandler plain = new FetchHandler(
                10_000, false, cluster.metadata, cluster.replicas, lanes, new NetworkStats(), new TrafficStats())) {
            FakeContext context = new FakeContext(ApiKeys.FETCH, LATEST);
            plain.handle(context, inRack("b", request(0, 1, at(0, 20))));
            assertEquals(4, batches(partition(context)));
        }
    }

    @Test
    void aFollowerIsReadToTheHighWatermarkThatItKnows() throws Exception {
        standInRack(1, "a");
        LocalReplicas.Follower follower = new LocalReplicas.Follower(replica1.ref(), OneTopic.view(2, 10, 60, 80));
        cluster.replicas.follow(OneTopic.id(2), follower);
        PartitionData data =
                fetch(LATEST, inRack("a", request(0, 1, at(2, 20)))).get(0);
        assertEquals(4, batches(data));
        assertEquals(60, data.highWatermark());
        assertEquals(
                Errors.NOT_LEADER_OR_FOLLOWER.code(),
                fetch(10, request(0, 1, at(2, 20))).get(0).errorCode(),
                "clients that old cannot be sent here");
        assertEquals(
                Errors.OFFSET_OUT_OF_RANGE.code(),
                fetch(LATEST, request(0, 1, at(2, 81))).get(0).errorCode(),
                "it may lag: back to the leader");
        assertEquals(
                Errors.OFFSET_OUT_OF_RANGE.code(),
                fetch(LATEST, request(0, 1, at(2, 9))).get(0).errorCode());
        assertEquals(
                Errors.FENCED_LEADER_EPOCH.code(),
                fetch(LATEST, request(0, 1, at(2, 20).setCurrentLeaderEpoch(4)))
                        .get(0)
                        .errorCode());
        assertEquals(
                Errors.UNKNOWN_LEADER_EPOCH.code(),
                fetch(LATEST, request(0, 1, at(2, 20).setCurrentLeaderEpoch(6)))
                        .get(0)
                        .errorCode());
    }

    @Test
    void whoWaitsAtAFollowerIsAnsweredWhenItHearsOfAHigherWatermark() throws Exception {
        LocalReplicas.Follower follower = new LocalReplicas.Follower(replica1.ref(), OneTopic.view(2, 0, 60, 80));
        cluster.replicas.follow(OneTopic.id(2), follower);
        FakeContext context = handle(LATEST, request(LONG_WAIT_MS, 1, at(2, 70)));
        AwaitData await = replica1.expectMessageClass(AwaitData.class);
        assertEquals(70, await.endOffset(), "beyond what it knows to be committed");
        follower.publish(OneTopic.view(2, 0, 80, 80));
        await.waiter().dataMayBeThere();
        assertEquals(1, batches(partition(context)));
    }
}
