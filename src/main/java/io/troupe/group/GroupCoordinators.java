package io.troupe.group;

import io.troupe.config.GroupConfig;
import io.troupe.group.GroupRequest.Partition;
import io.troupe.group.assignor.TopicRegexes;
import io.troupe.metadata.MetadataCache;
import io.troupe.metadata.MetadataImage;
import io.troupe.metadata.TopicImage;
import io.troupe.partition.Leadership;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import java.util.function.LongSupplier;
import org.apache.kafka.common.message.ConsumerGroupDescribeResponseData;
import org.apache.kafka.common.message.ConsumerGroupHeartbeatRequestData;
import org.apache.kafka.common.message.ConsumerGroupHeartbeatResponseData;
import org.apache.kafka.common.message.DeleteGroupsRequestData;
import org.apache.kafka.common.message.DeleteGroupsResponseData;
import org.apache.kafka.common.message.DeleteGroupsResponseData.DeletableGroupResult;
import org.apache.kafka.common.message.DescribeGroupsResponseData.DescribedGroup;
import org.apache.kafka.common.message.HeartbeatRequestData;
import org.apache.kafka.common.message.HeartbeatResponseData;
import org.apache.kafka.common.message.JoinGroupRequestData;
import org.apache.kafka.common.message.JoinGroupResponseData;
import org.apache.kafka.common.message.LeaveGroupRequestData;
import org.apache.kafka.common.message.LeaveGroupResponseData;
import org.apache.kafka.common.message.ListGroupsRequestData;
import org.apache.kafka.common.message.ListGroupsResponseData;
import org.apache.kafka.common.message.OffsetCommitRequestData;
import org.apache.kafka.common.message.OffsetCommitResponseData;
import org.apache.kafka.common.message.OffsetDeleteRequestData;
import org.apache.kafka.common.message.OffsetDeleteResponseData;
import org.apache.kafka.common.message.OffsetFetchRequestData;
import org.apache.kafka.common.message.OffsetFetchRequestData.OffsetFetchRequestGroup;
import org.apache.kafka.common.message.OffsetFetchResponseData;
import org.apache.kafka.common.message.OffsetFetchResponseData.OffsetFetchResponseGroup;
import org.apache.kafka.common.message.SyncGroupRequestData;
import org.apache.kafka.common.message.SyncGroupResponseData;
import org.apache.kafka.common.protocol.Errors;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.apache.pekko.actor.typed.PostStop;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;

/**
 * The groups that this broker coordinates: finds the coordinator of each request and holds on to the request until it is
 * answered. Requests come from any thread. Spawn {@link #behavior()} once and let it hear of leaderships; while it does not
 * run every answer is NOT_COORDINATOR.
 */
public final class GroupCoordinators implements GroupService {
    private static final String OFFSETS_TOPIC = "__consumer_offsets";

    private final GroupConfig config;
    private final MetadataCache metadata;
    private final TopicIds topics;
    private final Executor loads;
    private final LongSupplier clockMs;
    /** Makes actor names unique: a former coordinator may still be stopping. */
    private final AtomicLong started = new AtomicLong();

    /** Members of groups of the consumer protocol. */
    private final AtomicInteger consumers = new AtomicInteger();

    private final TopicRegexes regexes = new TopicRegexes();

    private final Map<Integer, LedPartition> led = new ConcurrentHashMap<>();

    /**
     * @param loads may block; reads partitions that this broker begins to lead
     * @param clockMs milliseconds since 1970 that never go back, see {@link SteadyClock}
     */
    public GroupCoordinators(GroupConfig config, MetadataCache metadata, Executor loads, LongSupplier clockMs) {
        this.config = config;
        this.metadata = metadata;
        this.topics = TopicIds.of(metadata);
        this.loads = loads;
        this.clockMs = clockMs;
    }

    /** Starts and stops coordinators; hears of all led partitions, those of other topics are no concern of it. */
    public Behavior<Leadership> behavior() {
        return Behaviors.setup(context -> Behaviors.receive(Leadership.class)
                .onMessage(Leadership.Elected.class, elected -> onElected(context, elected))
                .onMessage(Leadership.Resigned.class, resigned -> onResigned(context, resigned))
                .onSignal(PostStop.class, signal -> {
                    led.values().forEach(LedPartition::close);
                    led.clear();
                    return Behaviors.same();
                })
                .build());
    }

    private Behavior<Leadership> onElected(ActorContext<Leadership> context, Leadership.Elected elected) {
        if (elected.partition().topic().equals(OFFSETS_TOPIC)) {
            int partition = elected.partition().partition();
            stop(context, partition);
            ActorRef<GroupCoordinator.Command> coordinator = context.spawn(
                    GroupCoordinator.create(
                            elected,
                            new GroupContext(
                                    config,
                                    topics,
                                    elected.leader(),
                                    elected.leaderEpoch(),
                                    clockMs,
                                    metadata::current,
                                    consumers,
                                    regexes),
                            loads),
                    "coordinator-" + partition + "-" + started.incrementAndGet(),
                    DispatcherSelector.sameAsParent());
            led.put(partition, new LedPartition(elected.partition(), coordinator));
        }
        return Behaviors.same();
    }

    private Behavior<Leadership> onResigned(ActorContext<Leadership> context, Leadership.Resigned resigned) {
        LedPartition current = led.get(resigned.partition().partition());
        // Once the topic was deleted and made anew, the deleted one's replica may resign after the new one's was
        // elected.
        if (current != null && current.partition().equals(resigned.partition())) {
            stop(context, resigned.partition().partition());
        }
        return Behaviors.same();
    }

    private void stop(ActorContext<Leadership> context, int partition) {
        LedPartition former = led.remove(partition);
        if (former != null) {
            former.close();
            context.stop(former.coordinator());
        }
    }

    /**
     * The metadata changed: offsets that groups committed for a topic end with it, and who is subscribed to topics that came, went,
     * grew or moved may have something else to own. Any thread.
     */
    public void imageChanged(MetadataImage before, MetadataImage after) {
        Set<String> deleted = new HashSet<>();
        if (!after.hasTopicsOf(before)) {
            before.topics().forEach((name, topic) -> {
                // Another topic may have the name by now.
                if (after.topic(topic.topicId()).isEmpty()) {
                    deleted.add(name);
                }
            });
        }
        if (!deleted.isEmpty()) {
            Set<String> names = Set.copyOf(deleted);
            led.values().forEach(p -> p.coordinator().tell(new GroupCoordinator.TopicsDeleted(names)));
        }
        if (!deleted.isEmpty() || MetadataHash.mayDiffer(before, after)) {
            led.values().forEach(p -> p.coordinator().tell(GroupCoordinator.TopicsChanged.CHANGED));
        }
    }

    /** Sends a request to its group's coordinator. */
    private <T> CompletionStage<T> ask(String groupId, Function<Reply<T>, GroupRequest> make) {
        LedPartition.Pending<T> pending = new LedPartition.Pending<>();
        GroupRequest request = make.apply(pending);
        Optional<TopicImage> offsets = metadata.current().topic(OFFSETS_TOPIC);
        if (groupId == null) {
            request.refuse(Errors.INVALID_GROUP_ID);
        } else if (offsets.isEmpty()) {
            request.refuse(Errors.COORDINATOR_NOT_AVAILABLE);
        } else {
            LedPartition partition = led.get(GroupService.partitionFor(
                    groupId, offsets.get().partitions().size()));
            if (partition == null) {
                request.refuse(Errors.NOT_COORDINATOR);
            } else {
                partition.send(request, pending);
            }
        }
        return pending.stage;
    }

    /** As {@link #ask}, for what concerns members: a group without a name has none. */
    private <T> CompletionStage<T> askAsMember(String groupId, Function<Reply<T>, GroupRequest> make) {
        return ask(groupId == null || groupId.isEmpty() ? null : groupId, make);
    }

    @Override
    public CompletionStage<JoinGroupResponseData> joinGroup(Caller caller, JoinGroupRequestData request) {
        return askAsMember(request.groupId(), reply -> new GroupRequest.Join(caller, request, reply));
    }

    @Override
    public CompletionStage<SyncGroupResponseData> syncGroup(
            Caller caller, SyncGroupRequestData request, AnswerHold<SyncGroupResponseData> hold) {
        return askAsMember(request.groupId(), reply -> new GroupRequest.Sync(caller, request, hold, reply));
    }

    @Override
    public CompletionStage<HeartbeatResponseData> heartbeat(
            Caller caller, HeartbeatRequestData request, AnswerHold<HeartbeatResponseData> hold) {
        return askAsMember(request.groupId(), reply -> new GroupRequest.Heartbeat(request, hold, reply));
    }

    @Override
    public CompletionStage<LeaveGroupResponseData> leaveGroup(Caller caller, LeaveGroupRequestData request) {
        return askAsMember(request.groupId(), reply -> new GroupRequest.Leave(caller, request, reply));
    }

    @Override
    public CompletionStage<ConsumerGroupHeartbeatResponseData> consumerHeartbeat(
            Caller caller, ConsumerGroupHeartbeatRequestData request) {
        ConsumerHeartbeatCheck.Problem problem =
                ConsumerHeartbeatCheck.of(request, caller.apiVersion(), config.consumer());
        return problem != null
                ? CompletableFuture.completedFuture(GroupRequest.ConsumerHeartbeat.refusal(problem))
                : ask(request.groupId(), reply -> new GroupRequest.ConsumerHeartbeat(caller, request, reply));
    }

    @Override
    public CompletionStage<ConsumerGroupDescribeResponseData.DescribedGroup> describeConsumerGroup(
            Caller caller, String groupId) {
        return ask(groupId, reply -> new GroupRequest.DescribeConsumers(groupId, reply));
    }

    @Override
    public CompletionStage<OffsetCommitResponseData> commitOffsets(Caller caller, OffsetCommitRequestData request) {
        TopicNames.Split split = TopicNames.split(request, caller.apiVersion(), metadata.current());
        if (split.known().topics().isEmpty()) {
            return CompletableFuture.completedFuture(split.complete(new OffsetCommitResponseData()));
        }
        CompletionStage<OffsetCommitResponseData> answer = ask(
                request.groupId(), reply -> new GroupRequest.CommitOffsets(caller.apiVersion(), split.known(), reply));
        return split.refused().isEmpty() ? answer : answer.thenApply(split::complete);
    }

    @Override
    public CompletionStage<OffsetFetchResponseData> fetchOffsets(Caller caller, OffsetFetchRequestData request) {
        short version = caller.apiVersion();
        List<OffsetFetchRequestGroup> asked =
                version >= 8 ? request.groups() : List.of(SingleGroupFetch.groupOf(request));
        List<CompletableFuture<OffsetFetchResponseGroup>> answers = new ArrayList<>();
        MetadataImage image = metadata.current();
        for (OffsetFetchRequestGroup group : asked) {
            TopicNames.FetchSplit split = TopicNames.split(group, version, image);
            answers.add(this.<OffsetFetchResponseGroup>ask(
                            group.groupId(), reply -> new GroupRequest.FetchOffsets(split.known(), topics, reply))
                    .thenApply(answer -> split.complete(answer, version, image))
                    .toCompletableFuture());
        }
        return all(answers)
                .thenApply(groups -> version >= 8
                        ? new OffsetFetchResponseData().setGroups(groups)
                        : SingleGroupFetch.responseOf(groups.get(0), request, version));
    }

    @Override
    public CompletionStage<DescribedGroup> describeGroup(Caller caller, String groupId) {
        return ask(groupId, reply -> new GroupRequest.Describe(groupId, caller.apiVersion(), reply));
    }

    @Override
    public CompletionStage<GroupEvents> groupEvents(String groupId) {
        return ask(groupId, reply -> new GroupRequest.Events(groupId, reply));
    }

    @Override
    public CompletionStage<ListGroupsResponseData> listGroups(Caller caller, ListGroupsRequestData request) {
        List<CompletableFuture<ListGroupsResponseData>> answers = new ArrayList<>();
        for (LedPartition partition : led.values()) {
            LedPartition.Pending<ListGroupsResponseData> pending = new LedPartition.Pending<>();
            partition.send(new GroupRequest.ListAll(pending), pending);
            answers.add(pending.stage);
        }
        return all(answers).thenApply(parts -> {
            ListGroupsResponseData response = new ListGroupsResponseData();
            for (ListGroupsResponseData part : parts) {
                // Groups of a partition that was just given up are listed by its new coordinator.
                if (part.errorCode() != Errors.NONE.code() && part.errorCode() != Errors.NOT_COORDINATOR.code()) {
                    response.setErrorCode(part.errorCode());
                }
                part.groups().stream()
                        .filter(g -> matches(request.statesFilter(), g.groupState())
                                && matches(request.typesFilter(), g.groupType()))
                        .forEach(response.groups()::add);
            }
            return response;
        });
    }

    private static boolean matches(List<String> filter, String value) {
        return filter == null || filter.isEmpty() || filter.stream().anyMatch(value::equalsIgnoreCase);
    }

    @Override
    public CompletionStage<DeleteGroupsResponseData> deleteGroups(Caller caller, DeleteGroupsRequestData request) {
        List<CompletableFuture<DeletableGroupResult>> answers = new ArrayList<>();
        for (String groupId : Set.copyOf(request.groupsNames())) {
            answers.add(this.<Errors>ask(groupId, reply -> new GroupRequest.Delete(groupId, reply))
                    .thenApply(error ->
                            new DeletableGroupResult().setGroupId(groupId).setErrorCode(error.code()))
                    .toCompletableFuture());
        }
        return all(answers).thenApply(results -> {
            DeleteGroupsResponseData response = new DeleteGroupsResponseData();
            results.forEach(response.results()::add);
            return response;
        });
    }

    @Override
    public CompletionStage<OffsetDeleteResponseData> deleteOffsets(Caller caller, OffsetDeleteRequestData request) {
        List<Partition> partitions = new ArrayList<>();
        request.topics()
                .forEach(t -> t.partitions().forEach(p -> partitions.add(new Partition(t.name(), p.partitionIndex()))));
        return this.<GroupRequest.OffsetsDeleted>askAsMember(
                        request.groupId(),
                        reply -> new GroupRequest.DeleteOffsets(request.groupId(), partitions, reply))
                .thenApply(deleted -> OffsetsDeletedAnswer.of(deleted, partitions, p -> metadata.current()
                        .topic(p.topic())
                        .isPresent()));
    }

    private static <T> CompletableFuture<List<T>> all(List<CompletableFuture<T>> stages) {
        return CompletableFuture.allOf(stages.toArray(CompletableFuture[]::new))
                .thenApply(done -> stages.stream().map(CompletableFuture::join).toList());
    }
}
