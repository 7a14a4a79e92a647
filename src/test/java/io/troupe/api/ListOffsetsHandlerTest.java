package io.troupe.api;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.troupe.metadata.MetadataEvent;
import io.troupe.metadata.MetadataImage;
import io.troupe.metadata.PartitionImage;
import io.troupe.partition.LogView;
import io.troupe.partition.Replica;
import java.util.List;
import org.apache.kafka.common.message.ListOffsetsRequestData;
import org.apache.kafka.common.message.ListOffsetsRequestData.ListOffsetsPartition;
import org.apache.kafka.common.message.ListOffsetsRequestData.ListOffsetsTopic;
import org.apache.kafka.common.message.ListOffsetsResponseData;
import org.apache.kafka.common.message.ListOffsetsResponseData.ListOffsetsPartitionResponse;
import org.apache.kafka.common.message.OffsetForLeaderEpochRequestData;
import org.apache.kafka.common.message.OffsetForLeaderEpochRequestData.OffsetForLeaderPartition;
import org.apache.kafka.common.message.OffsetForLeaderEpochRequestData.OffsetForLeaderTopic;
import org.apache.kafka.common.message.OffsetForLeaderEpochResponseData;
import org.apache.kafka.common.message.OffsetForLeaderEpochResponseData.EpochEndOffset;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.protocol.types.RawTaggedField;
import org.apache.pekko.actor.testkit.typed.javadsl.TestInbox;
import org.junit.jupiter.api.Test;

class ListOffsetsHandlerTest {
    private final OneTopic cluster = new OneTopic(null, null);
    private final ListOffsetsHandler handler =
            new ListOffsetsHandler(cluster.metadata, cluster.replicas, Runnable::run);

    private static ListOffsetsPartition ask(int partition, long timestamp) {
        return new ListOffsetsPartition().setPartitionIndex(partition).setTimestamp(timestamp);
    }

    private List<ListOffsetsPartitionResponse> list(int version, int isolation, ListOffsetsPartition... partitions)
            throws InterruptedException {
        FakeContext context = new FakeContext(ApiKeys.LIST_OFFSETS, version);
        handler.handle(
                context,
                new ListOffsetsRequestData()
                        .setIsolationLevel((byte) isolation)
                        .setTopics(List.of(new ListOffsetsTopic().setName("t").setPartitions(List.of(partitions)))));
        return context.end(ListOffsetsResponseData.class).topics().get(0).partitions();
    }

    private void expect(long offset, long timestamp, ListOffsetsPartitionResponse answer) {
        assertEquals(Errors.NONE, Errors.forCode(answer.errorCode()));
        assertEquals(offset, answer.offset());
        assertEquals(timestamp, answer.timestamp());
    }

    private void expect(Errors error, ListOffsetsPartitionResponse answer) {
        assertEquals(error, Errors.forCode(answer.errorCode()));
        assertEquals(-1, answer.offset());
    }

    @Test
    void specialTimestampsMeanStartEndAndGreatestTimestamp() throws Exception {
        cluster.publish(0, 20, 60, 80);
        for (int version : List.of(1, 3, 4, 11)) {
            expect(60, -1, list(version, 0, ask(0, -1)).get(0));
            expect(20, -1, list(version, 0, ask(0, -2)).get(0));
        }
        expect(50, -1, list(11, 1, ask(0, -1)).get(0));
        expect(59, 59, list(7, 0, ask(0, -3)).get(0));
        expect(20, -1, list(8, 0, ask(0, -4)).get(0));
        expect(-1, -1, list(9, 0, ask(0, -5)).get(0));
        expect(Errors.UNSUPPORTED_VERSION, list(6, 0, ask(0, -3)).get(0));
        expect(Errors.UNSUPPORTED_VERSION, list(11, 0, ask(0, -99)).get(0));
        assertEquals(3, list(11, 0, ask(0, -2)).get(0).leaderEpoch());
        assertEquals(5, list(11, 0, ask(0, -1)).get(0).leaderEpoch());
    }

    @Test
    void aTimestampGivesTheFirstRecordAtOrAfterItOrNothing() throws Exception {
        cluster.publish(0, 0, 60, 80);
        expect(42, 42, list(11, 0, ask(0, 42)).get(0));
        expect(-1, -1, list(11, 0, ask(0, 60)).get(0));
    }

    /** Big-endian bytes of a long; the last test record that is committed is 59. */
    @Test
    void whoNamesAnOffsetIsToldTheTimeOfTheFirstRecordFromThere() throws Exception {
        cluster.publish(0, 0, 60, 80);
        ListOffsetsPartition asked = ask(0, -1);
        byte[] offset = {0, 0, 0, 0, 0, 0, 0, 42};
        asked.unknownTaggedFields().add(new RawTaggedField(10_000, offset));
        ListOffsetsPartitionResponse answer = list(7, 0, asked).get(0);
        expect(60, -1, answer);
        assertEquals(
                List.of(new RawTaggedField(10_000, offset)), answer.unknownTaggedFields(), "times are offsets here");
        offset[7] = 60;
        assertEquals(List.of(), list(7, 0, asked).get(0).unknownTaggedFields(), "nothing waits");
        assertEquals(List.of(), list(7, 0, ask(0, -1)).get(0).unknownTaggedFields(), "nobody asked");
    }

    @Test
    void whoAsksIsToldHowFarTheFollowersAreOnceTheLeaderHasSaidSo() throws Exception {
        TestInbox<Replica.Command> leader = TestInbox.create();
        OneTopic led = new OneTopic(leader.getRef(), leader.getRef());
        FakeContext context = new FakeContext(ApiKeys.LIST_OFFSETS, 7);
        ListOffsetsPartition asked = ask(0, -2);
        asked.unknownTaggedFields().add(FollowersTag.ask());
        new ListOffsetsHandler(led.metadata, led.replicas, Runnable::run)
                .handle(
                        context,
                        new ListOffsetsRequestData()
                                .setTopics(List.of(new ListOffsetsTopic()
                                        .setName("t")
                                        .setPartitions(List.of(asked, ask(1, -2))))));
        List<Replica.FollowerStanding> standings =
                List.of(new Replica.FollowerStanding(2, 1L << 40, 77), new Replica.FollowerStanding(3, -1, 0));
        ((Replica.TellFollowers) leader.receiveMessage()).reply().followers(standings);
        var partitions =
                context.end(ListOffsetsResponseData.class).topics().get(0).partitions();
        assertEquals(standings, FollowersTag.in(partitions.get(0).unknownTaggedFields()));
        assertEquals(List.of(), partitions.get(1).unknownTaggedFields(), "nobody asked");
    }

    @Test
    void aNewLeaderWhoseEpochStartIsNotCommittedDoesNotTellTheEnd() throws Exception {
        LogView view = OneTopic.view(0, 0, 60, 80);
        cluster.leaders[0].publish(
                new LogView(view.partition(), 5, 0, 60, 60, 80, false, view.epochs(), view.reader()));
        expect(Errors.OFFSET_NOT_AVAILABLE, list(5, 0, ask(0, -1)).get(0));
        expect(Errors.LEADER_NOT_AVAILABLE, list(4, 0, ask(0, -1)).get(0));
        expect(Errors.OFFSET_NOT_AVAILABLE, list(11, 0, ask(0, 70)).get(0));
        expect(0, -1, list(11, 0, ask(0, -2)).get(0));
        expect(42, 42, list(11, 0, ask(0, 42)).get(0));
    }

    @Test
    void errorsAreTold() throws Exception {
        cluster.publish(0, 0, 60, 80);
        expect(Errors.NOT_LEADER_OR_FOLLOWER, list(11, 0, ask(2, -1)).get(0));
        expect(Errors.UNKNOWN_TOPIC_OR_PARTITION, list(11, 0, ask(3, -1)).get(0));
        expect(
                Errors.FENCED_LEADER_EPOCH,
                list(11, 0, ask(0, -1).setCurrentLeaderEpoch(4)).get(0));
        expect(
                Errors.UNKNOWN_LEADER_EPOCH,
                list(11, 0, ask(0, -1).setCurrentLeaderEpoch(6)).get(0));
        var twice = list(11, 0, ask(0, -1), ask(1, -1), ask(0, -2));
        expect(Errors.INVALID_REQUEST, twice.get(0));
        expect(0, -1, twice.get(1));
        expect(Errors.INVALID_REQUEST, twice.get(2));
    }

    @Test
    void aPartitionWithoutALeaderWhoseLogHasFailedSaysSo() throws Exception {
        PartitionImage led =
                cluster.metadata.current().topic("t").orElseThrow().partitions().get(2);
        PartitionImage failed = led.withOffline(List.of(1));
        change(failed);
        expect(Errors.NOT_LEADER_OR_FOLLOWER, list(11, 0, ask(2, -1)).get(0));
        change(failed.ledBy(PartitionImage.NO_LEADER));
        expect(Errors.KAFKA_STORAGE_ERROR, list(11, 0, ask(2, -1)).get(0));
        change(led.ledBy(PartitionImage.NO_LEADER));
        expect(Errors.NOT_LEADER_OR_FOLLOWER, list(11, 0, ask(2, -1)).get(0));
    }

    private void change(PartitionImage partition) {
        MetadataImage image = cluster.metadata.current();
        cluster.metadata.publish(image.apply(
                image.index() + 1, new MetadataEvent.PartitionsChanged(OneTopic.TOPIC_ID, List.of(partition))));
    }

    private EpochEndOffset endOf(int epoch) throws InterruptedException {
        FakeContext context = new FakeContext(ApiKeys.OFFSET_FOR_LEADER_EPOCH, 4);
        OffsetForLeaderEpochRequestData request = new OffsetForLeaderEpochRequestData();
        request.topics()
                .add(new OffsetForLeaderTopic()
                        .setTopic("t")
                        .setPartitions(List.of(new OffsetForLeaderPartition()
                                .setPartition(0)
                                .setCurrentLeaderEpoch(5)
                                .setLeaderEpoch(epoch))));
        new OffsetForLeaderEpochHandler(cluster.metadata, cluster.replicas).handle(context, request);
        return context.end(OffsetForLeaderEpochResponseData.class)
                .topics()
                .find("t")
                .partitions()
                .get(0);
    }

    @Test
    void anEpochEndsWhereTheNextBegan() throws Exception {
        cluster.publish(0, 0, 60, 80);
        record Case(int asked, int epoch, long end) {}
        for (Case c : List.of(
                new Case(5, 5, 80), new Case(4, 3, 50), new Case(3, 3, 50), new Case(2, 2, 0), new Case(6, -1, -1))) {
            EpochEndOffset answer = endOf(c.asked);
            assertEquals(c.epoch, answer.leaderEpoch(), c.toString());
            assertEquals(c.end, answer.endOffset(), c.toString());
        }
    }
}
