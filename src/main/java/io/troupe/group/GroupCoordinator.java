package io.troupe.group;

import io.troupe.partition.Leadership;
import io.troupe.partition.Replica;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executor;
import org.apache.kafka.common.message.ListGroupsResponseData;
import org.apache.kafka.common.message.ListGroupsResponseData.ListedGroup;
import org.apache.kafka.common.protocol.Errors;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.apache.pekko.actor.typed.PostStop;
import org.apache.pekko.actor.typed.SupervisorStrategy;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;

/**
 * Coordinator of the groups in one partition of {@code __consumer_offsets}, for one leader epoch: loads them, and then
 * supervises a {@link Group} for each that is in use. It serves once all it has loaded is committed; until then it answers
 * as {@link GroupRequest#refuseWhileLoading} says.
 *
 * <p>A crash of this actor stops no group: what it knows of them stands in {@link Groups}, which survives.
 */
final class GroupCoordinator extends AbstractBehavior<GroupCoordinator.Command> {
    private static final Duration LOAD_RETRY = Duration.ofSeconds(1);
    private static final Duration WATERMARK_RETRY = Duration.ofMillis(100);

    /** Groups of which nothing is stored yet; while there are so many, new ones must try again. */
    static final int MAX_UNSTORED = 2_000;

    sealed interface Command {}

    record Ask(GroupRequest request) implements Command {}

    record TopicsDeleted(Set<String> topics) implements Command {}

    /** Topics were made, deleted or enlarged. */
    enum TopicsChanged implements Command {
        CHANGED
    }

    /**
     * A group holds nothing any more.
     *
     * @param handled messages of the coordinator that it had handled by then
     */
    record Idle(String groupId, ActorRef<Group.Command> group, long handled) implements Command {}

    private enum Load implements Command {
        LOAD
    }

    private enum WatermarkMoved implements Command {
        MOVED
    }

    private record Loaded(GroupLoad.Result result, Throwable failure) implements Command {}

    private static final class Child {
        final GroupCell cell;
        /** Null until something is told to it. */
        ActorRef<Group.Command> actor;

        long sent;

        Child(CommittedGroup committed) {
            this.cell = new GroupCell(committed);
        }
    }

    /** What survives a restart of this actor. Only its thread, except {@code stopped}. */
    private static final class Groups {
        final Map<String, Child> children = new HashMap<>();
        boolean loaded;
        boolean serving;
        volatile boolean stopped;
        long started;
        /** So many new groups may begin before those of which nothing is stored are counted again. */
        int roomAtLeast = MAX_UNSTORED;

        /** Anyone may name groups without end, and an id given out in each lasts for as long a session as was asked for. */
        boolean tooManyUnstored() {
            if (roomAtLeast == 0) {
                roomAtLeast = MAX_UNSTORED
                        - (int) children.values().stream()
                                .filter(child -> child.cell.committed.isVoid())
                                .limit(MAX_UNSTORED)
                                .count();
            }
            if (roomAtLeast == 0) {
                return true;
            }
            roomAtLeast--;
            return false;
        }
    }

    private final TimerScheduler<Command> timers;
    private final Leadership.Elected elected;
    private final GroupContext shared;
    private final Executor loads;
    private final Groups groups;
    private final long loadEndOffset;

    static Behavior<Command> create(Leadership.Elected elected, GroupContext shared, Executor loads) {
        Groups groups = new Groups();
        return Behaviors.supervise(Behaviors.<Command>setup(context -> Behaviors.withTimers(
                        timers -> new GroupCoordinator(context, timers, elected, shared, loads, groups))))
                .onFailure(SupervisorStrategy.restart().withStopChildren(false));
    }

    private GroupCoordinator(
            ActorContext<Command> context,
            TimerScheduler<Command> timers,
            Leadership.Elected elected,
            GroupContext shared,
            Executor loads,
            Groups groups) {
        super(context);
        this.timers = timers;
        this.elected = elected;
        this.shared = shared;
        this.loads = loads;
        this.groups = groups;
        // Nobody else writes in this epoch before we serve, so its start is the end of what there is to load.
        this.loadEndOffset = elected.epochStartOffset();
        if (!groups.loaded) {
            context.getSelf().tell(Load.LOAD);
        } else if (!groups.serving) {
            awaitWatermark();
        }
    }

    @Override
    public Receive<Command> createReceive() {
        return newReceiveBuilder()
                .onMessage(Ask.class, this::onAsk)
                .onMessage(TopicsDeleted.class, this::onTopicsDeleted)
                .onMessageEquals(TopicsChanged.CHANGED, this::onTopicsChanged)
                .onMessage(Idle.class, this::onIdle)
                .onMessageEquals(Load.LOAD, this::onLoad)
                .onMessage(Loaded.class, this::onLoaded)
                .onMessageEquals(WatermarkMoved.MOVED, this::onWatermarkMoved)
                .onSignal(PostStop.class, signal -> {
                    groups.stopped = true;
                    return this;
                })
                .build();
    }

    private Behavior<Command> onAsk(Ask ask) {
        GroupRequest request = ask.request();
        if (!groups.serving) {
            request.refuseWhileLoading();
            return this;
        }
        try {
            if (request instanceof GroupRequest.ListAll list) {
                list.reply().answer(listed());
                return this;
            }
            Child child = groups.children.get(request.groupId());
            if (child == null) {
                if (!opens(request)) {
                    return this;
                }
                if (groups.tooManyUnstored()) {
                    request.refuse(Errors.COORDINATOR_NOT_AVAILABLE);
                    return this;
                }
                child = new Child(CommittedGroup.empty(request.groupId()));
                groups.children.put(request.groupId(), child);
            }
            tell(child, new Group.Ask(request));
        } catch (RuntimeException e) {
            request.refuse(Errors.UNKNOWN_SERVER_ERROR);
            throw e;
        }
        return this;
    }

    /** Whether a request may begin a group that is not known; if not, it is answered. */
    private static boolean opens(GroupRequest request) {
        if (request instanceof GroupRequest.Join join) {
            if (join.data().memberId().isEmpty()) {
                return true;
            }
            request.refuse(Errors.UNKNOWN_MEMBER_ID);
        } else if (request instanceof GroupRequest.CommitOffsets commit) {
            if (commit.data().generationIdOrMemberEpoch() < 0) {
                return true;
            }
            // Before v9 the client knows no group but a classic one.
            request.refuse(commit.apiVersion() >= 9 ? Errors.GROUP_ID_NOT_FOUND : Errors.ILLEGAL_GENERATION);
        } else if (request instanceof GroupRequest.FetchOffsets fetch) {
            fetch.reply()
                    .answer(GroupOffsets.fetch(CommittedGroup.empty(fetch.groupId()), fetch.asked(), fetch.topics()));
        } else if (request instanceof GroupRequest.Describe describe) {
            describe.answerUnknown("Group " + request.groupId() + " not found.");
        } else if (request instanceof GroupRequest.Events events) {
            events.reply().answer(GroupEvents.NONE);
        } else if (request instanceof GroupRequest.DescribeConsumers describe) {
            describe.answerUnknown("Group " + request.groupId() + " not found.");
        } else if (request instanceof GroupRequest.ConsumerHeartbeat heartbeat) {
            if (heartbeat.data().memberEpoch() == ConsumerHeartbeatCheck.JOIN) {
                return true;
            }
            request.refuse(Errors.GROUP_ID_NOT_FOUND);
        } else if (request instanceof GroupRequest.Delete || request instanceof GroupRequest.DeleteOffsets) {
            request.refuse(Errors.GROUP_ID_NOT_FOUND);
        } else {
            request.refuse(Errors.UNKNOWN_MEMBER_ID);
        }
        return false;
    }

    private void tell(Child child, Group.Command command) {
        if (child.actor == null) {
            child.actor = getContext()
                    .spawn(
                            Group.create(shared, child.cell, getContext().getSelf()),
                            "group-" + groups.started++,
                            DispatcherSelector.sameAsParent());
        }
        child.sent++;
        child.actor.tell(command);
    }

    private ListGroupsResponseData listed() {
        ListGroupsResponseData response = new ListGroupsResponseData();
        groups.children.forEach((id, child) -> response.groups()
                .add(new ListedGroup()
                        .setGroupId(id)
                        .setProtocolType(child.cell.protocolType)
                        .setGroupState(child.cell.state)
                        .setGroupType(child.cell.groupType)));
        return response;
    }

    private Behavior<Command> onTopicsDeleted(TopicsDeleted deleted) {
        for (Child child : groups.children.values()) {
            // A group that runs may have commits under way that its cell does not show yet.
            if (child.actor != null
                    || child.cell.committed.offsets().keySet().stream().anyMatch(deleted.topics()::contains)) {
                tell(child, Group.CheckTopics.CHECK);
            }
        }
        return this;
    }

    private Behavior<Command> onTopicsChanged() {
        for (Child child : groups.children.values()) {
            if (child.cell.groupType.equals(ConsumerGroup.TYPE)) {
                tell(child, Group.TopicsChanged.CHANGED);
            }
        }
        return this;
    }

    private Behavior<Command> onIdle(Idle idle) {
        Child child = groups.children.get(idle.groupId());
        // A request on its way to the group keeps it.
        if (child != null && child.sent == idle.handled() && idle.group().equals(child.actor)) {
            groups.children.remove(idle.groupId());
            child.actor.tell(Group.Stop.STOP);
        }
        return this;
    }

    private Behavior<Command> onLoad() {
        getContext()
                .pipeToSelf(
                        CompletableFuture.supplyAsync(
                                () -> {
                                    try {
                                        return GroupLoad.read(
                                                elected.leader().view().reader(), loadEndOffset, () -> groups.stopped);
                                    } catch (java.io.IOException e) {
                                        throw new CompletionException(e);
                                    }
                                },
                                loads),
                        Loaded::new);
        return this;
    }

    private Behavior<Command> onLoaded(Loaded loaded) {
        if (groups.loaded) {
            return this;
        }
        if (loaded.failure() != null) {
            getContext()
                    .getLog()
                    .error("Groups of {} cannot be loaded, trying again", elected.partition(), loaded.failure());
            timers.startSingleTimer(Load.LOAD, LOAD_RETRY);
            return this;
        }
        GroupLoad.Result result = loaded.result();
        if (result.unreadable() > 0) {
            getContext()
                    .getLog()
                    .warn(
                            "{}: {} of {} records are of a form that is not known and were skipped",
                            elected.partition(),
                            result.unreadable(),
                            result.records());
        }
        result.groups().forEach((id, committed) -> groups.children.put(id, new Child(committed)));
        groups.loaded = true;
        awaitWatermark();
        return this;
    }

    /** What was loaded may still be cut off until it is committed. */
    private void awaitWatermark() {
        ActorRef<Command> self = getContext().getSelf();
        elected.leader()
                .replica()
                .tell(new Replica.AwaitData(() -> self.tell(WatermarkMoved.MOVED), loadEndOffset - 1, false));
    }

    private Behavior<Command> onWatermarkMoved() {
        if (groups.serving) {
            return this;
        }
        if (elected.leader().view().highWatermark() < loadEndOffset) {
            // The Replica resigns; we shall hear of it, or it was a false alarm.
            ActorRef<Command> self = getContext().getSelf();
            getContext().scheduleOnce(WATERMARK_RETRY, self, WatermarkMoved.MOVED);
            return this;
        }
        groups.serving = true;
        // Each has something to wait for: members whose sessions run from now, or offsets that lapse. And topics may
        // have been
        // deleted while nobody coordinated.
        groups.children.values().forEach(child -> tell(child, Group.CheckTopics.CHECK));
        return this;
    }
}
