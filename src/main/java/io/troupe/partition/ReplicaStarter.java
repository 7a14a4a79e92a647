package io.troupe.partition;

import io.troupe.config.LogConfig;
import io.troupe.controller.BrokerMetadata;
import io.troupe.controller.ControllerCommand;
import io.troupe.controller.ControllerCommand.LogRef;
import io.troupe.journal.Journals;
import io.troupe.metadata.MetadataImage;
import io.troupe.metadata.PartitionImage;
import io.troupe.metadata.TopicImage;
import io.troupe.model.ReplicaId;
import io.troupe.partition.ReplicaActor.Assigned;
import io.troupe.partition.ReplicaActor.Settled;
import io.troupe.partition.ReplicaActor.Stopped;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.Uuid;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;
import org.apache.pekko.cluster.sharding.typed.ShardingEnvelope;

/**
 * Starts the replicas that committed metadata assigns to this broker, tells them what changes, and deletes those of
 * removed topics. One per broker.
 *
 * <p>It acts on no image before that includes this broker's own registration, in its current broker epoch. At most {@link
 * #MAX_STARTING} replicas open their logs at a time. A replica is told its state again, at each {@link #RETRY_INTERVAL},
 * until it has confirmed it, and is started again when it ended unasked. The controller is told of those whose log dir has
 * failed, so that others lead them.
 */
public final class ReplicaStarter extends AbstractBehavior<ReplicaStarter.Command> {
    /**
     * Replicas that may be opening their logs at once: far more than the journal opens side by side, for as many share one
     * fsync of the epochs that they begin.
     */
    static final int MAX_STARTING = 256;

    /** Replicas in one word to the controller; the rest is told when the metadata shows these. */
    private static final int MAX_FAILED = 5_000;

    private static final Duration TELL_AGAIN = Duration.ofSeconds(1);
    private static final Duration RETRY_INTERVAL = Duration.ofSeconds(5);
    private static final Duration EXPIRE_INTERVAL = Duration.ofMinutes(10);
    private static final Duration FIRST_RETENTION_DELAY = Duration.ofSeconds(30);

    public sealed interface Command {}

    /** A newer committed image. */
    record ImageChanged(MetadataImage image) implements Command {}

    /** The broker epoch of this process: nothing is done before an image holds it. A later registration replaces it. */
    record Registered(long brokerEpoch) implements Command {}

    /**
     * Resign all leaderships and close all logs, then answer and end. The asker bounds its patience.
     */
    public record Stop(ActorRef<Done> replyTo) implements Command {}

    /** Every log is closed. */
    public enum Done {
        DONE
    }

    private record ReplicaSettled(Settled settled) implements Command {}

    private record ReplicaStopped(Stopped stopped) implements Command {}

    private record ReplicaEnded(ReplicaId replica, ActorRef<Replica.Command> self) implements Command {}

    /** A log dir has failed, or the controller may not have heard of one that has. */
    private enum Failed implements Command {
        LOG_DIR,
        TELL_AGAIN
    }

    private enum Timer implements Command {
        RETRY,
        EXPIRE,
        RETENTION
    }

    /** What a replica should be, and what it has confirmed. */
    private static final class Entry {
        TopicIdPartition partition;
        PartitionImage image;
        LogConfig config;
        long brokerEpoch;
        boolean settled;
        /** Its log failed under it in this broker epoch, whatever its log dir may do. */
        boolean failed;

        ActorRef<Replica.Command> self;
    }

    private final ReplicaSettings settings;
    private final Function<TopicImage, LogConfig> configOf;
    private final ActorRef<ShardingEnvelope<Replica.Command>> region;
    private final ActorRef<BrokerMetadata.Command> metadata;
    private final ActorRef<BrokerMetadata.Registered> onRegistration;
    private final TimerScheduler<Command> timers;
    private final ActorRef<Settled> onSettled;
    private final Optional<Journals> journals;
    private final Map<ReplicaId, Entry> replicas = new LinkedHashMap<>();
    private final Set<ReplicaId> waiting = new LinkedHashSet<>();
    private final Set<ReplicaId> starting = new HashSet<>();
    private MetadataImage image = MetadataImage.empty();
    private long brokerEpoch = -1;
    /** Of which replicas have been told, and in which broker epoch. */
    private MetadataImage followed = MetadataImage.empty();

    private long followedBrokerEpoch = -1;
    private boolean foundSettled;
    /** Whether any log or log dir ever did; till then nobody looks for those that have. */
    private boolean someFailed;

    private ReplicaStarter(
            ActorContext<Command> context,
            TimerScheduler<Command> timers,
            ReplicaSettings settings,
            Function<TopicImage, LogConfig> configOf,
            ActorRef<ShardingEnvelope<Replica.Command>> region,
            ActorRef<BrokerMetadata.Command> metadata) {
        super(context);
        context.setLoggerName(ReplicaStarter.class);
        this.settings = settings;
        this.configOf = configOf;
        this.region = region;
        this.timers = timers;
        this.metadata = metadata;
        this.onRegistration = context.messageAdapter(
                BrokerMetadata.Registered.class, registered -> new Registered(registered.brokerEpoch()));
        this.onSettled = context.messageAdapter(Settled.class, ReplicaSettled::new);
        this.journals = context.getSystem().settings().setup().get(Journals.class);
        ActorRef<Command> self = context.getSelf();
        journals.ifPresent(all -> all.onDirFailure(() -> self.tell(Failed.LOG_DIR)));
        timers.startTimerWithFixedDelay(Timer.EXPIRE, EXPIRE_INTERVAL);
        Duration retention = Duration.ofMillis(settings.retentionIntervalMs());
        timers.startTimerWithFixedDelay(
                Timer.RETENTION,
                retention.compareTo(FIRST_RETENTION_DELAY) < 0 ? retention : FIRST_RETENTION_DELAY,
                retention);
        metadata.tell(new BrokerMetadata.AwaitRegistration(onRegistration));
        metadata.tell(new BrokerMetadata.Subscribe(context.messageAdapter(
                BrokerMetadata.ImageChanged.class, changed -> new ImageChanged(changed.image()))));
    }

    /**
     * @param configOf a topic's effective settings on this broker
     * @param region from {@link ReplicaSharding#start}
     * @param metadata this broker's; the starter subscribes by itself
     */
    public static Behavior<Command> create(
            ReplicaSettings settings,
            Function<TopicImage, LogConfig> configOf,
            ActorRef<ShardingEnvelope<Replica.Command>> region,
            ActorRef<BrokerMetadata.Command> metadata) {
        return Behaviors.setup(context -> Behaviors.withTimers(timers -> {
            context.spawn(LostRequests.create(), "lost-requests");
            return new ReplicaStarter(context, timers, settings, configOf, region, metadata);
        }));
    }

    @Override
    public Receive<Command> createReceive() {
        return newReceiveBuilder()
                .onMessage(ImageChanged.class, this::onImageChanged)
                .onMessage(Registered.class, this::onRegistered)
                .onMessage(ReplicaSettled.class, this::onSettled)
                .onMessage(ReplicaEnded.class, this::onEnded)
                .onMessageEquals(Failed.LOG_DIR, this::onLogDirFailed)
                .onMessageEquals(Failed.TELL_AGAIN, this::onTellAgain)
                .onMessageEquals(Timer.RETRY, this::onRetry)
                .onMessageEquals(Timer.EXPIRE, this::onExpire)
                .onMessageEquals(Timer.RETENTION, this::onRetention)
                .onMessage(Stop.class, this::onStop)
                .build();
    }

    private Behavior<Command> onImageChanged(ImageChanged changed) {
        if (changed.image().index() >= image.index()) {
            boolean reconfigured = !changed.image()
                    .dynamicConfigs(settings.brokerId())
                    .equals(image.dynamicConfigs(settings.brokerId()));
            image = changed.image();
            askForNewRegistration();
            if (reconfigured) {
                // What this broker says of topics may have changed: the settings of all are worked out anew.
                followedBrokerEpoch = -1;
            }
            follow();
        }
        return this;
    }

    private Behavior<Command> onRegistered(Registered registered) {
        if (registered.brokerEpoch() > brokerEpoch) {
            brokerEpoch = registered.brokerEpoch();
            follow();
        }
        return this;
    }

    /** The image knows this broker by another epoch: it was registered anew, by this process or by one that took its id. */
    private void askForNewRegistration() {
        if (brokerEpoch >= 0 && !includesOwnRegistration()) {
            metadata.tell(new BrokerMetadata.AwaitRegistration(onRegistration));
        }
    }

    private boolean includesOwnRegistration() {
        return brokerEpoch >= 0
                && image.broker(settings.brokerId())
                        .map(broker -> broker.brokerEpoch() == brokerEpoch)
                        .orElse(false);
    }

    /** Looks only at what the image does not share with the one before: there may be thousands of images, each with thousands of partitions. */
    private void follow() {
        if (!includesOwnRegistration()) {
            return;
        }
        settleFound();
        // Who follows says so in its broker's epoch.
        boolean all = followedBrokerEpoch != brokerEpoch;
        int kept = 0;
        for (TopicImage topic : image.topics().values()) {
            TopicImage before = followed.topic(topic.topicId()).orElse(null);
            kept += before == null ? 0 : 1;
            if (all || topic != before) {
                follow(topic, all ? null : before);
            }
        }
        if (kept < followed.topics().size()) {
            replicas.keySet().stream()
                    .filter(id -> image.topic(id.topicId()).isEmpty())
                    .toList()
                    .forEach(this::delete);
        }
        followed = image;
        followedBrokerEpoch = brokerEpoch;
        tellFailed();
        startWaiting();
    }

    /** @param before null to look at all of it */
    private void follow(TopicImage topic, TopicImage before) {
        LogConfig config = null;
        boolean all = before == null || !before.configs().equals(topic.configs());
        for (PartitionImage partition : topic.partitions()) {
            int number = partition.partition();
            if (!all
                    && number < before.partitions().size()
                    && partition == before.partitions().get(number)) {
                continue;
            }
            ReplicaId id = new ReplicaId(topic.topicId(), number, settings.brokerId());
            if (partition.replicas().contains(settings.brokerId())) {
                config = config == null ? configOf.apply(topic) : config;
                assign(id, topic, partition, config);
            } else if (replicas.containsKey(id)) {
                delete(id);
            }
        }
    }

    /** Once, with the first image that counts: what it does not know was made before it. */
    private void settleFound() {
        if (!foundSettled) {
            foundSettled = true;
            journals.ifPresent(all -> all.settleFound(this::fateOf));
        }
    }

    /** What moved away is deleted as if this broker had seen it move; but only while somebody leads, who has all of it. */
    private Journals.Fate fateOf(Uuid topicId, int number) {
        TopicImage topic = image.topic(topicId).orElse(null);
        if (topic == null) {
            return Journals.Fate.PUT_ASIDE;
        }
        if (number >= topic.partitions().size()) {
            return Journals.Fate.KEEP;
        }
        PartitionImage partition = topic.partitions().get(number);
        boolean moved = partition.hasLeader() && !partition.replicas().contains(settings.brokerId());
        return moved ? Journals.Fate.DELETE : Journals.Fate.KEEP;
    }

    private void assign(ReplicaId id, TopicImage topic, PartitionImage partition, LogConfig config) {
        Entry entry = replicas.computeIfAbsent(id, key -> new Entry());
        if (partition.equals(entry.image) && config.equals(entry.config) && entry.brokerEpoch == brokerEpoch) {
            return;
        }
        entry.partition = new TopicIdPartition(topic.topicId(), partition.partition(), topic.name());
        entry.image = partition;
        entry.config = config;
        entry.failed &= entry.brokerEpoch == brokerEpoch;
        entry.brokerEpoch = brokerEpoch;
        entry.settled = false;
        waiting.add(id);
    }

    private void delete(ReplicaId id) {
        Entry entry = replicas.remove(id);
        waiting.remove(id);
        starting.remove(id);
        tell(id, entry, new ReplicaActor.Delete(entry.partition));
    }

    private void startWaiting() {
        var it = waiting.iterator();
        while (it.hasNext() && starting.size() < MAX_STARTING) {
            ReplicaId id = it.next();
            it.remove();
            starting.add(id);
            tellState(id);
        }
        if (!starting.isEmpty() && !timers.isTimerActive(Timer.RETRY)) {
            timers.startSingleTimer(Timer.RETRY, RETRY_INTERVAL);
        }
    }

    private void tellState(ReplicaId id) {
        Entry entry = replicas.get(id);
        tell(id, entry, new Assigned(entry.partition, entry.image, entry.config, entry.brokerEpoch, onSettled));
    }

    /** By direct reference once the replica is known, so that no message overtakes another. */
    private void tell(ReplicaId id, Entry entry, Replica.Command command) {
        if (entry.self != null) {
            entry.self.tell(command);
        } else {
            region.tell(ReplicaSharding.to(id, command));
        }
    }

    private Behavior<Command> onSettled(ReplicaSettled told) {
        Settled settled = told.settled();
        Entry entry = replicas.get(settled.replica());
        if (entry == null) {
            return this; // deleted meanwhile
        }
        if (!settled.self().equals(entry.self)) {
            entry.self = settled.self();
            getContext().watchWith(entry.self, new ReplicaEnded(settled.replica(), entry.self));
        }
        if (settled.failed()) {
            entry.failed = true;
            someFailed = true;
            tellFailed();
        } else if (settled.leaderEpoch() == entry.image.leaderEpoch()
                && settled.partitionEpoch() == entry.image.partitionEpoch()) {
            entry.settled = true;
            starting.remove(settled.replica());
            startWaiting();
        }
        return this;
    }

    private Behavior<Command> onLogDirFailed() {
        someFailed = true;
        replicas.values().stream()
                .filter(entry -> entry.self != null && isOffline(entry))
                .forEach(entry -> entry.self.tell(ReplicaActor.LogOffline.LOG_OFFLINE));
        return onTellAgain();
    }

    private boolean isOffline(Entry entry) {
        return someFailed
                && journals.filter(all -> all.isOffline(settings.pluginFor().apply(entry.partition)))
                        .isPresent();
    }

    private Behavior<Command> onTellAgain() {
        timers.cancel(Failed.TELL_AGAIN);
        tellFailed();
        return this;
    }

    /** Others are to lead what can be used here no more; told until the metadata shows that it is known. */
    private void tellFailed() {
        if (!someFailed || timers.isTimerActive(Failed.TELL_AGAIN)) {
            return;
        }
        List<LogRef> failed = new ArrayList<>();
        replicas.forEach((id, entry) -> {
            if (failed.size() < MAX_FAILED
                    && !entry.image.offline().contains(settings.brokerId())
                    && (entry.failed || isOffline(entry))) {
                failed.add(new LogRef(id.topicId(), id.partition()));
            }
        });
        if (!failed.isEmpty()) {
            getContext()
                    .getLog()
                    .warn("{} replicas of this broker have no usable log; others are to lead", failed.size());
            settings.peers()
                    .controller()
                    .submit(new ControllerCommand.FailLogs(settings.brokerId(), brokerEpoch, failed), (int)
                            TELL_AGAIN.toMillis());
            timers.startSingleTimer(Failed.TELL_AGAIN, TELL_AGAIN);
        }
    }

    private Behavior<Command> onEnded(ReplicaEnded ended) {
        Entry entry = replicas.get(ended.replica());
        if (entry != null && ended.self().equals(entry.self)) {
            entry.self = null;
            entry.settled = false;
            // At the next retry, not at once: one that fails at its start must not fail in a tight loop.
            starting.add(ended.replica());
            startWaiting();
        }
        return this;
    }

    private Behavior<Command> onRetry() {
        starting.forEach(this::tellState);
        startWaiting();
        return this;
    }

    private Behavior<Command> onExpire() {
        ReplicaActor.ExpireProducers expire =
                new ReplicaActor.ExpireProducers(settings.nowMs().getAsLong());
        settings.localReplicas().all().forEach(leader -> leader.replica().tell(expire));
        return this;
    }

    private Behavior<Command> onRetention() {
        ReplicaActor.ApplyRetention apply =
                new ReplicaActor.ApplyRetention(settings.nowMs().getAsLong());
        settings.localReplicas().all().forEach(leader -> leader.replica().tell(apply));
        return this;
    }

    private Behavior<Command> onStop(Stop stop) {
        timers.cancelAll();
        Map<ReplicaId, ActorRef<Replica.Command>> running = new HashMap<>();
        replicas.forEach((id, entry) -> {
            if (entry.self != null) {
                running.put(id, entry.self);
            } else if (starting.contains(id)) {
                // Not heard of yet, it may be opening its log: sharding finds it, or starts it only to end it.
                running.put(id, null);
            }
        });
        List<ActorRef<Done>> askers = new ArrayList<>(List.of(stop.replyTo()));
        ActorRef<Stopped> onStopped = getContext().messageAdapter(Stopped.class, ReplicaStopped::new);
        running.forEach((id, self) -> tell(id, replicas.get(id), new ReplicaActor.Stop(onStopped)));
        return stopping(running.keySet(), askers);
    }

    private static Behavior<Command> stopping(Set<ReplicaId> running, List<ActorRef<Done>> askers) {
        if (running.isEmpty()) {
            askers.forEach(asker -> asker.tell(Done.DONE));
            return Behaviors.stopped();
        }
        return Behaviors.receive(Command.class)
                .onMessage(ReplicaStopped.class, told -> {
                    running.remove(told.stopped().replica());
                    return stopping(running, askers);
                })
                .onMessage(ReplicaEnded.class, ended -> {
                    running.remove(ended.replica());
                    return stopping(running, askers);
                })
                .onMessage(Stop.class, again -> {
                    askers.add(again.replyTo());
                    return Behaviors.same();
                })
                .onAnyMessage(ignored -> Behaviors.same())
                .build();
    }
}
