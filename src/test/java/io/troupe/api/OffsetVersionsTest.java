package io.troupe.api;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.troupe.config.GroupConfig;
import io.troupe.config.ServerProperties;
import io.troupe.group.GroupCoordinators;
import io.troupe.group.GroupService;
import io.troupe.group.SteadyClock;
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
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.ConsumerGroupHeartbeatRequestData;
import org.apache.kafka.common.message.OffsetCommitRequestData;
import org.apache.kafka.common.message.OffsetCommitRequestData.OffsetCommitRequestPartition;
import org.apache.kafka.common.message.OffsetCommitRequestData.OffsetCommitRequestTopic;
import org.apache.kafka.common.message.OffsetCommitResponseData;
import org.apache.kafka.common.message.OffsetFetchRequestData;
import org.apache.kafka.common.message.OffsetFetchRequestData.OffsetFetchRequestGroup;
import org.apache.kafka.common.message.OffsetFetchRequestData.OffsetFetchRequestTopic;
import org.apache.kafka.common.message.OffsetFetchRequestData.OffsetFetchRequestTopics;
import org.apache.kafka.common.message.OffsetFetchResponseData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.MessageUtil;
import org.apache.kafka.common.protocol.Readable;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * OffsetCommit and OffsetFetch in every version that is advertised, through Kafka's own bytes both ways: what each version has
 * and lacks (KIP-211, 320, 345, 447, 709, 848), over real coordinators.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class OffsetVersionsTest {
    private static final ActorTestKit KIT = ActorTestKit.create();
    private static final Uuid T = Uuid.randomUuid();
    private static final Uuid UNKNOWN = Uuid.randomUuid();
    private static final int METADATA_MAX = 10;

    private final MetadataCache metadata = new MetadataCache();
    private final GroupCoordinators groups =
            new GroupCoordinators(config(), metadata, Runnable::run, new SteadyClock());
    private final OffsetCommitHandler commits = new OffsetCommitHandler(groups);
    private final OffsetFetchHandler fetches = new OffsetFetchHandler(groups);

    private static GroupConfig config() {
        return ServerProperties.parse(Map.of("node.id", "1", "offset.metadata.max.bytes", "" + METADATA_MAX))
                .config()
                .group();
    }

    @BeforeAll
    void lead() {
        TopicIdPartition offsets = new TopicIdPartition(Uuid.randomUuid(), 0, "__consumer_offsets");
        metadata.publish(MetadataImage.empty()
                .apply(0, created("__consumer_offsets", offsets.topicId(), 1))
                .apply(1, created("t", T, 2)));
        LogReader empty = (LogReader) Proxy.newProxyInstance(
                LogReader.class.getClassLoader(), new Class<?>[] {LogReader.class}, (proxy, method, arguments) -> 0L);
        LogView view = new LogView(offsets, 1, 0, 0, 0, 0, true, List.of(), empty);
        KIT.spawn(groups.behavior())
                .tell(new Leadership.Elected(offsets, 1, 0, new LocalReplicas.Leader(KIT.spawn(replica()), view)));
        KIT.<Boolean>createTestProbe().awaitAssert(Duration.ofSeconds(60), () -> {
            assertEquals(Errors.NONE, fetched(2, "nobody", 0).error());
            return true;
        });
    }

    @AfterAll
    static void stop() {
        KIT.shutdownTestKit();
    }

    private static MetadataEvent created(String name, Uuid id, int partitions) {
        return new MetadataEvent.TopicCreated(new TopicImage(
                name,
                id,
                IntStream.range(0, partitions)
                        .mapToObj(p -> new PartitionImage(p, List.of(1), 1, 1, 1, List.of(1), List.of(), List.of()))
                        .toList(),
                Map.of()));
    }

    /** Takes whatever it is given. */
    private static Behavior<Replica.Command> replica() {
        return Behaviors.receiveMessage(command -> {
            if (command instanceof Replica.Append append) {
                append.reply().appended(0, 0, -1, 0, append.leaderEpoch());
            } else if (command instanceof Replica.AwaitData await) {
                await.waiter().dataMayBeThere();
            }
            return Behaviors.same();
        });
    }

    private interface Read<T> {
        T from(Readable bytes, short version);
    }

    /** What the other side makes of it. */
    private static <T extends Message> T sent(T message, int version, Read<T> read) {
        return read.from(MessageUtil.toByteBufferAccessor(message, (short) version), (short) version);
    }

    private Errors commit(int version, String group, int partition, long offset, String text) {
        return Errors.forCode(commit(version, commitOf(version, group, T, "t", partition, offset, text))
                .topics()
                .get(0)
                .partitions()
                .get(0)
                .errorCode());
    }

    /** Everything that the version can carry. */
    private static OffsetCommitRequestData commitOf(
            int version, String group, Uuid id, String topic, int partition, long offset, String text) {
        OffsetCommitRequestPartition p = new OffsetCommitRequestPartition()
                .setPartitionIndex(partition)
                .setCommittedOffset(offset)
                .setCommittedMetadata(text)
                .setCommittedLeaderEpoch(version >= 6 ? 3 : -1);
        return new OffsetCommitRequestData()
                .setGroupId(group)
                .setRetentionTimeMs(version <= 4 ? 86_400_000 : -1)
                .setTopics(List.of(new OffsetCommitRequestTopic()
                        .setName(version <= 9 ? topic : "")
                        .setTopicId(version >= 10 ? id : Uuid.ZERO_UUID)
                        .setPartitions(List.of(p))));
    }

    private OffsetCommitResponseData commit(int version, OffsetCommitRequestData request) {
        FakeContext context = new FakeContext(ApiKeys.OFFSET_COMMIT, version);
        commits.handle(context, sent(request, version, OffsetCommitRequestData::new));
        try {
            return sent(context.end(OffsetCommitResponseData.class), version, OffsetCommitResponseData::new);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    /** One partition's answer in the words of all versions. */
    private record Told(Errors error, long offset, int leaderEpoch, String metadata) {
        static final Told NOTHING = new Told(Errors.NONE, -1, -1, "");
    }

    /** A group's answer: of the whole, or of its partitions. */
    private record Fetched(Errors error, Map<Integer, Told> partitions) {}

    private Fetched fetched(int version, String group, int... partitions) {
        return fetched(fetches, version, T, group, partitions);
    }

    /** Without partitions: all of them. */
    private static Fetched fetched(
            OffsetFetchHandler handler, int version, Uuid topic, String group, int... partitions) {
        List<Integer> asked = IntStream.of(partitions).boxed().toList();
        OffsetFetchRequestData request = new OffsetFetchRequestData().setRequireStable(version >= 7);
        if (version <= 7) {
            request.setGroupId(group)
                    .setTopics(
                            asked.isEmpty()
                                    ? null
                                    : List.of(new OffsetFetchRequestTopic()
                                            .setName("t")
                                            .setPartitionIndexes(asked)));
        } else {
            request.setGroups(List.of(groupOf(version, topic, group, asked)));
        }
        OffsetFetchResponseData answer = fetch(handler, version, request);
        Map<Integer, Told> told = new TreeMap<>();
        if (version <= 7) {
            answer.topics().forEach(t -> t.partitions()
                    .forEach(p -> told.put(
                            p.partitionIndex(),
                            new Told(
                                    Errors.forCode(p.errorCode()),
                                    p.committedOffset(),
                                    p.committedLeaderEpoch(),
                                    p.metadata()))));
            return new Fetched(Errors.forCode(answer.errorCode()), told);
        }
        return fetched(answer.groups().get(0), version, topic);
    }

    private static Fetched fetched(OffsetFetchResponseData.OffsetFetchResponseGroup answer, int version, Uuid topic) {
        Map<Integer, Told> told = new TreeMap<>();
        answer.topics().forEach(t -> {
            assertEquals(version >= 10 ? topic : Uuid.ZERO_UUID, t.topicId());
            assertEquals(version >= 10 ? "" : "t", t.name());
            t.partitions()
                    .forEach(p -> told.put(
                            p.partitionIndex(),
                            new Told(
                                    Errors.forCode(p.errorCode()),
                                    p.committedOffset(),
                                    p.committedLeaderEpoch(),
                                    p.metadata())));
        });
        return new Fetched(Errors.forCode(answer.errorCode()), told);
    }

    private static OffsetFetchRequestGroup groupOf(int version, Uuid topic, String group, List<Integer> partitions) {
        return new OffsetFetchRequestGroup()
                .setGroupId(group)
                .setTopics(
                        partitions.isEmpty()
                                ? null
                                : List.of(new OffsetFetchRequestTopics()
                                        .setName(version <= 9 ? "t" : "")
                                        .setTopicId(version >= 10 ? topic : Uuid.ZERO_UUID)
                                        .setPartitionIndexes(partitions)));
    }

    private static OffsetFetchResponseData fetch(
            OffsetFetchHandler handler, int version, OffsetFetchRequestData request) {
        FakeContext context = new FakeContext(ApiKeys.OFFSET_FETCH, version);
        handler.handle(context, sent(request, version, OffsetFetchRequestData::new));
        try {
            return sent(context.end(OffsetFetchResponseData.class), version, OffsetFetchResponseData::new);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    IntStream commitVersions() {
        return IntStream.rangeClosed(commits.minVersion(), commits.maxVersion());
    }

    IntStream fetchVersions() {
        return IntStream.rangeClosed(fetches.minVersion(), fetches.maxVersion());
    }

    @Test
    void theVersionsAreKafkas() {
        assertEquals(ApiKeys.OFFSET_COMMIT.oldestVersion(), commits.minVersion());
        assertEquals(ApiKeys.OFFSET_COMMIT.latestVersion(), commits.maxVersion());
        assertEquals(ApiKeys.OFFSET_FETCH.oldestVersion(), fetches.minVersion());
        assertEquals(ApiKeys.OFFSET_FETCH.latestVersion(), fetches.maxVersion());
    }

    /** A leader epoch (KIP-320) is told from v5 on to who asks, whoever committed it. */
    @ParameterizedTest
    @MethodSource("commitVersions")
    void whatOneVersionCommitsEveryVersionFetches(int version) {
        String group = "round-" + version;
        assertEquals(Errors.NONE, commit(version, group, 1, 100 + version, "m" + version));
        fetchVersions().forEach(v -> {
            int epoch = version >= 6 && v >= 5 ? 3 : -1;
            assertEquals(
                    new Fetched(
                            Errors.NONE,
                            Map.of(0, Told.NOTHING, 1, new Told(Errors.NONE, 100 + version, epoch, "m" + version))),
                    fetched(v, group, 0, 1),
                    "fetched by version " + v);
        });
    }

    @ParameterizedTest
    @MethodSource("commitVersions")
    void aTextThatIsTooLongIsRefusedAlone(int version) {
        String group = "text-" + version;
        OffsetCommitRequestData request = commitOf(version, group, T, "t", 0, 5, "m".repeat(METADATA_MAX));
        OffsetCommitRequestPartition long1 =
                request.topics().get(0).partitions().get(0).duplicate();
        long1.setPartitionIndex(1).setCommittedMetadata("m".repeat(METADATA_MAX + 1));
        request.topics()
                .get(0)
                .setPartitions(List.of(request.topics().get(0).partitions().get(0), long1));
        assertEquals(
                List.of(Errors.NONE.code(), Errors.OFFSET_METADATA_TOO_LARGE.code()),
                commit(version, request).topics().get(0).partitions().stream()
                        .map(p -> p.errorCode())
                        .toList());
        Map<Integer, Told> told = fetched(9, group, 0, 1).partitions();
        assertEquals(5, told.get(0).offset());
        assertEquals(Told.NOTHING, told.get(1));
    }

    /** Null stands for no text. */
    @ParameterizedTest
    @MethodSource("commitVersions")
    void whoCommitsNoTextIsToldNone(int version) {
        assertEquals(Errors.NONE, commit(version, "null-" + version, 0, 7, null));
        assertEquals("", fetched(9, "null-" + version, 0).partitions().get(0).metadata());
    }

    /** KIP-848: by v10 a topic has an id, and its own error. */
    @ParameterizedTest
    @MethodSource("commitVersions")
    void whatDoesNotExistIsNotCommitted(int version) {
        OffsetCommitRequestData request = commitOf(version, "g", UNKNOWN, "unknown", 0, 5, "");
        OffsetCommitResponseData.OffsetCommitResponseTopic answer =
                commit(version, request).topics().get(0);
        assertEquals(version >= 10 ? UNKNOWN : Uuid.ZERO_UUID, answer.topicId());
        assertEquals(version >= 10 ? "" : "unknown", answer.name());
        assertEquals(
                version >= 10 ? Errors.UNKNOWN_TOPIC_ID : Errors.UNKNOWN_TOPIC_OR_PARTITION,
                Errors.forCode(answer.partitions().get(0).errorCode()));
        assertEquals(Errors.UNKNOWN_TOPIC_OR_PARTITION, commit(version, "g", 2, 5, ""));
    }

    /** KIP-848: before v9 nobody knows of a group that is none; KIP-345: the instance is told from v7 on. */
    @ParameterizedTest
    @MethodSource("commitVersions")
    void whoIsNoMemberCommitsNothing(int version) {
        OffsetCommitRequestData request = commitOf(version, "no-group", T, "t", 0, 5, "")
                .setMemberId("m")
                .setGenerationIdOrMemberEpoch(4)
                .setGroupInstanceId(version >= 7 ? "i" : null);
        assertEquals(
                version >= 9 ? Errors.GROUP_ID_NOT_FOUND : Errors.ILLEGAL_GENERATION,
                Errors.forCode(commit(version, request)
                        .topics()
                        .get(0)
                        .partitions()
                        .get(0)
                        .errorCode()));
    }

    @ParameterizedTest
    @MethodSource("fetchVersions")
    void whatWasNeverCommittedIsNoError(int version) {
        assertEquals(
                new Fetched(Errors.NONE, Map.of(0, Told.NOTHING, 7, Told.NOTHING)), fetched(version, "none", 0, 7));
        Fetched unknown = fetched(fetches, version, UNKNOWN, "none", 0);
        assertEquals(
                version >= 10 ? Errors.UNKNOWN_TOPIC_ID : Errors.NONE,
                unknown.partitions().get(0).error());
        assertEquals(-1, unknown.partitions().get(0).offset());
    }

    /** From v2 on; v1 has no way to ask. */
    @ParameterizedTest
    @MethodSource("fetchVersions")
    void allOfAGroupIsToldToWhoNamesNothing(int version) {
        assertEquals(Errors.NONE, commit(9, "all", 1, 5, "m"));
        if (version >= 2) {
            assertEquals(
                    new Fetched(Errors.NONE, Map.of(1, new Told(Errors.NONE, 5, version >= 5 ? 3 : -1, "m"))),
                    fetched(version, "all"));
            assertEquals(new Fetched(Errors.NONE, Map.of()), fetched(version, "none"));
        }
    }

    /** KIP-709. */
    @ParameterizedTest
    @MethodSource("fetchVersions")
    void severalGroupsAreToldAtOnceFromVersionEightOn(int version) {
        if (version < 8) {
            return;
        }
        commit(9, "one", 0, 1, "");
        commit(9, "two", 0, 2, "");
        OffsetFetchResponseData answer = fetch(
                fetches,
                version,
                new OffsetFetchRequestData()
                        .setGroups(List.of(
                                groupOf(version, T, "two", List.of(0)),
                                groupOf(version, T, "one", List.of()),
                                groupOf(version, T, "none", List.of(0)))));
        assertEquals(
                List.of("two", "one", "none"),
                answer.groups().stream().map(g -> g.groupId()).toList());
        assertEquals(
                List.of(2L, 1L, -1L),
                answer.groups().stream()
                        .map(g -> fetched(g, version, T).partitions().get(0).offset())
                        .toList());
    }

    /** Of the whole from v2 on, of each group from v8 on; v1 tells it of each partition. */
    @ParameterizedTest
    @MethodSource("fetchVersions")
    void whoDoesNotCoordinateTheGroupSaysSo(int version) {
        OffsetFetchHandler elsewhere =
                new OffsetFetchHandler(new GroupCoordinators(config(), metadata, Runnable::run, new SteadyClock()));
        Fetched answer = fetched(elsewhere, version, T, "g", 0);
        if (version == 1) {
            assertEquals(new Fetched(Errors.NONE, Map.of(0, new Told(Errors.NOT_COORDINATOR, -1, -1, ""))), answer);
        } else {
            assertEquals(new Fetched(Errors.NOT_COORDINATOR, Map.of()), answer);
        }
    }

    /** KIP-848: from v9 on members of the consumer protocol say who they are, and in which epoch. */
    @ParameterizedTest
    @ValueSource(ints = {9, 10})
    void whoSaysToBeAMemberMustBeOneInItsEpoch(int version) throws Exception {
        String group = "members-" + version;
        int epoch = groups.consumerHeartbeat(
                        new GroupService.Caller("c", "/h", (short) 1),
                        new ConsumerGroupHeartbeatRequestData()
                                .setGroupId(group)
                                .setMemberId("m")
                                .setRebalanceTimeoutMs(1000)
                                .setSubscribedTopicNames(List.of("t"))
                                .setTopicPartitions(List.of()))
                .toCompletableFuture()
                .get(60, TimeUnit.SECONDS)
                .memberEpoch();
        assertEquals(Errors.NONE, asMember(version, group, "m", epoch));
        assertEquals(Errors.UNKNOWN_MEMBER_ID, asMember(version, group, "other", epoch));
        assertEquals(Errors.STALE_MEMBER_EPOCH, asMember(version, group, "m", epoch - 1));
        OffsetCommitRequestData commit =
                commitOf(version, group, T, "t", 0, 5, "").setMemberId("m");
        for (int at : new int[] {epoch, epoch + 1}) {
            assertEquals(
                    at == epoch ? Errors.NONE : Errors.STALE_MEMBER_EPOCH,
                    Errors.forCode(commit(version, commit.setGenerationIdOrMemberEpoch(at))
                            .topics()
                            .get(0)
                            .partitions()
                            .get(0)
                            .errorCode()));
        }
        assertEquals(5, fetched(version, group, 0).partitions().get(0).offset());
    }

    private Errors asMember(int version, String group, String memberId, int epoch) {
        OffsetFetchRequestGroup asked =
                groupOf(version, T, group, List.of(0)).setMemberId(memberId).setMemberEpoch(epoch);
        OffsetFetchResponseData answer =
                fetch(fetches, version, new OffsetFetchRequestData().setGroups(List.of(asked)));
        return Errors.forCode(answer.groups().get(0).errorCode());
    }
}
