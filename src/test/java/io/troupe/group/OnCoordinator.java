package io.troupe.group;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.troupe.group.GroupService.Caller;
import io.troupe.journal.LogReader;
import io.troupe.metadata.MetadataCache;
import io.troupe.metadata.MetadataEvent;
import io.troupe.metadata.MetadataImage;
import io.troupe.metadata.PartitionImage;
import io.troupe.metadata.TopicImage;
import io.troupe.partition.Leadership;
import io.troupe.partition.LocalReplicas;
import io.troupe.partition.LogView;
import io.troupe.partition.Replica;
import io.troupe.record.BatchHeader;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.JoinGroupRequestData;
import org.apache.kafka.common.message.JoinGroupRequestData.JoinGroupRequestProtocol;
import org.apache.kafka.common.message.OffsetCommitRequestData;
import org.apache.kafka.common.message.OffsetCommitRequestData.OffsetCommitRequestPartition;
import org.apache.kafka.common.message.OffsetCommitRequestData.OffsetCommitRequestTopic;
import org.apache.kafka.common.message.OffsetCommitResponseData;
import org.apache.kafka.common.message.OffsetFetchRequestData;
import org.apache.kafka.common.message.OffsetFetchRequestData.OffsetFetchRequestGroup;
import org.apache.kafka.common.message.OffsetFetchRequestData.OffsetFetchRequestTopics;
import org.apache.kafka.common.message.OffsetFetchResponseData.OffsetFetchResponseGroup;
import org.apache.kafka.common.protocol.Errors;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;

/** Coordinators and their groups over a Replica that the test plays. */
abstract class OnCoordinator {
    static final Uuid T = Uuid.randomUuid();
    static final TopicIdPartition PARTITION = new TopicIdPartition(Uuid.randomUuid(), 0, "__consumer_offsets");
    static final Caller CALLER = new Caller("c", "/h", (short) 9);
    static ActorTestKit kit;
    final TestProbe<Replica.Command> replica = kit.createTestProbe();
    final List<ByteBuffer> log = new ArrayList<>();
    long endOffset;
    final MetadataCache metadata = new MetadataCache();
    final GroupCoordinators groups =
            new GroupCoordinators(GroupFixture.config(0, 100), metadata, Runnable::run, new SteadyClock());
    final ActorRef<Leadership> leaderships = kit.spawn(groups.behavior());
    LocalReplicas.Leader leader;

    OnCoordinator() {
        PartitionImage p = new PartitionImage(0, List.of(1), 1, 1, 1, List.of(1), List.of(), List.of());
        metadata.publish(MetadataImage.empty()
                .apply(
                        0,
                        new MetadataEvent.TopicCreated(
                                new TopicImage("__consumer_offsets", PARTITION.topicId(), List.of(p), Map.of())))
                .apply(1, new MetadataEvent.TopicCreated(new TopicImage("t", T, List.of(p), Map.of()))));
    }

    /** Another topic takes the name. */
    void recreate(long index) {
        PartitionImage p = new PartitionImage(0, List.of(1), 1, 1, 1, List.of(1), List.of(), List.of());
        metadata.publish(metadata.current()
                .apply(index, new MetadataEvent.TopicDeleted(T))
                .apply(
                        index + 1,
                        new MetadataEvent.TopicCreated(new TopicImage("t", Uuid.randomUuid(), List.of(p), Map.of()))));
    }

    @BeforeAll
    static void startSystem() {
        kit = ActorTestKit.create();
    }

    @AfterEach
    void stopActor() {
        kit.stop(leaderships);
    }

    @AfterAll
    static void stopSystem() {
        kit.shutdownTestKit();
    }

    /** The log that the test keeps. */
    final LogReader reader = new LogReader() {
        @Override
        public long logStartOffset() {
            return 0;
        }

        @Override
        public long logEndOffset() {
            return endOffset;
        }

        @Override
        public long sizeInBytes() {
            return 0;
        }

        @Override
        public List<SegmentInfo> segments() {
            return List.of();
        }

        @Override
        public ByteBuffer read(long startOffset, long end, int maxBytes, boolean minOneBatch) {
            for (ByteBuffer batch : log) {
                if (BatchHeader.lastOffset(batch, 0) >= startOffset && BatchHeader.lastOffset(batch, 0) < end) {
                    return batch.duplicate();
                }
            }
            return ByteBuffer.allocate(0);
        }

        @Override
        public Optional<TimestampedOffset> offsetForTimestamp(long timestampMs, long end) {
            return Optional.empty();
        }

        @Override
        public Optional<TimestampedOffset> firstRecord(long fromOffset, long until) {
            return Optional.empty();
        }

        @Override
        public Optional<TimestampedOffset> maxTimestamp(long end) {
            return Optional.empty();
        }
    };

    void write(ByteBuffer batch) {
        BatchHeader.stamp(batch, 0, endOffset, 1);
        endOffset = BatchHeader.lastOffset(batch, 0) + 1;
        log.add(batch);
    }

    LogView view(long highWatermark) {
        return new LogView(PARTITION, 1, 0, highWatermark, highWatermark, endOffset, true, List.of(), reader);
    }

    Replica.AwaitData elect(int leaderEpoch, long highWatermark) {
        leader = new LocalReplicas.Leader(replica.ref(), view(highWatermark));
        leaderships.tell(new Leadership.Elected(PARTITION, leaderEpoch, endOffset, leader));
        Replica.AwaitData wait = replica.expectMessageClass(Replica.AwaitData.class);
        // The coordinator may have begun to load before requests are sent to it.
        awaitFetchError(Errors.COORDINATOR_LOAD_IN_PROGRESS);
        return wait;
    }

    void serve(int leaderEpoch) {
        elect(leaderEpoch, endOffset).waiter().dataMayBeThere();
        awaitServing();
    }

    void awaitServing() {
        awaitFetchError(Errors.NONE);
    }

    void awaitFetchError(Errors error) {
        kit.<Boolean>createTestProbe().awaitAssert(Duration.ofSeconds(30), () -> {
            assertEquals(error.code(), fetch("nobody").errorCode());
            return true;
        });
    }

    Replica.Append acknowledge() {
        Replica.Append append = replica.expectMessageClass(Replica.Append.class);
        write(append.batch());
        append.reply().appended(BatchHeader.baseOffset(append.batch(), 0), endOffset - 1, -1, 0, append.leaderEpoch());
        return append;
    }

    static <T> T get(CompletionStage<T> stage) {
        try {
            return stage.toCompletableFuture().get(30, TimeUnit.SECONDS);
        } catch (Exception e) {
            throw new AssertionError("no answer", e);
        }
    }

    CompletionStage<OffsetCommitResponseData> commit(String group, long offset) {
        return groups.commitOffsets(
                CALLER,
                new OffsetCommitRequestData()
                        .setGroupId(group)
                        .setTopics(List.of(new OffsetCommitRequestTopic()
                                .setName("t")
                                .setPartitions(List.of(
                                        new OffsetCommitRequestPartition()
                                                .setPartitionIndex(0)
                                                .setCommittedOffset(offset),
                                        new OffsetCommitRequestPartition()
                                                .setPartitionIndex(7)
                                                .setCommittedOffset(offset))))));
    }

    static Errors error(CompletionStage<OffsetCommitResponseData> commit) {
        return Errors.forCode(get(commit).topics().get(0).partitions().get(0).errorCode());
    }

    OffsetFetchResponseGroup fetch(String group) {
        return get(groups.fetchOffsets(
                        CALLER,
                        new OffsetFetchRequestData()
                                .setGroups(List.of(new OffsetFetchRequestGroup()
                                        .setGroupId(group)
                                        .setTopics(List.of(new OffsetFetchRequestTopics()
                                                .setName("t")
                                                .setPartitionIndexes(List.of(0))))))))
                .groups()
                .get(0);
    }

    long fetched(String group) {
        OffsetFetchResponseGroup answer = fetch(group);
        assertEquals(0, answer.errorCode());
        return answer.topics().get(0).partitions().get(0).committedOffset();
    }

    JoinGroupRequestData join(String group) {
        JoinGroupRequestData data = new JoinGroupRequestData()
                .setGroupId(group)
                .setGroupInstanceId("i")
                // Time goes on as it does: nobody is to be left out while a test stands still.
                .setSessionTimeoutMs(600_000)
                .setRebalanceTimeoutMs(600_000)
                .setProtocolType("consumer");
        data.protocols().add(new JoinGroupRequestProtocol().setName("range").setMetadata(new byte[0]));
        return data;
    }
}
